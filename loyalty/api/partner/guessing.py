"""Views that compare codes: a try is counted, and its count committed, before the request's own transaction begins."""

from collections.abc import Callable
from functools import partial

import structlog
from django.db import DatabaseError
from django.http import HttpRequest
from django.utils import timezone

from loyalty.api.idempotency import Answer
from loyalty.api.partner.base import PartnerView
from loyalty.errors import LoyaltyError
from rewards.errors import InvalidCode, TooManyCodeTries
from rewards.services.brake import CodeTry, count_try

log = structlog.get_logger()


class GuardedView(PartnerView):
    """A view whose caller may guess codes."""

    def once_tried(self, request: HttpRequest, auth_id: str, effect: Callable[[CodeTry], Answer]) -> Answer:
        """Run an effect that compares a code, as `once` does; only a wrong code stays counted.

        A request that acted before is answered as then, however many wrong codes came since.
        """
        try:
            tried = self.count_try(auth_id)
        except TooManyCodeTries as refusal:
            return self.once(request, partial(_raise, refusal))
        outcomes: list[type[Exception] | None] = []  # of the effect, should it run at all; the last one counts

        def judged() -> Answer:
            try:
                answer = effect(tried)
            except LoyaltyError as refusal:
                outcomes.append(type(refusal))
                raise
            outcomes.append(None)
            return answer

        try:
            return self.once(request, judged)
        finally:
            _settle(tried, outcomes)

    def count_try(self, auth_id: str | None = None) -> CodeTry:
        """Count a try of this caller's. Raises TooManyCodeTries."""
        return count_try(brand_id=self.brand_id, key_id=self.caller.key_id, auth_id=auth_id, at=timezone.now())


def _settle(tried: CodeTry, outcomes: list[type[Exception] | None]) -> None:
    """Give a try back unless the code was wrong; that of a redemption was given back in its own transaction."""
    try:
        if not outcomes or outcomes[-1] not in {None, InvalidCode}:
            tried.give_back()
        elif outcomes[-1] is None:
            tried.give_back_shared()
    except DatabaseError as error:  # the answer stands; the try stays counted
        log.warning("code_try_not_given_back", error=type(error).__name__)


def _raise(refusal: LoyaltyError) -> Answer:
    raise refusal
