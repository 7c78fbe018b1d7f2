"""Another brand of this house: its members are credited by its own ledger, once for each reference."""

from datetime import date

from django.utils import timezone

from exchange.adapters.base import Answer, AnswerKind, Credit, StatementUnavailableError, Validation
from exchange.models import ExchangeOrder
from exchange.rules.reconciling import StatementLine
from ledger.errors import ReferenceAlreadyUsed, TokenNotFound
from ledger.models import Counterpart, Transaction, TransactionType
from ledger.selectors import FUNGIBLE_POINTS, find_token
from ledger.services.posting import Holder, Posting, lapse_of, post
from loyalty.errors import LoyaltyError
from users.models import Member


class HouseAdapter:
    """Credits the order's token B. The receiving brand sees the reference as that of the transaction."""

    def __init__(self, order: ExchangeOrder) -> None:
        self.brand_id, self.token_id = order.token_b.brand_id, order.token_b_id

    def validate_member(self, credit: Credit) -> Validation:
        """Whether there is a member of that auth_id."""
        return Validation(known=Member.objects.filter(brand_id=self.brand_id, auth_id=credit.membership_number).exists())

    def credit(self, credit: Credit) -> Answer:
        """Credit the member of the receiving brand."""
        at = timezone.now()
        try:
            token = find_token(brand_id=self.brand_id, token_id=self.token_id, type_=FUNGIBLE_POINTS)
            posted = post(
                Posting(
                    account=Holder(self.brand_id, credit.membership_number, token.pk),
                    amount=credit.amount,
                    type=TransactionType.EXCHANGE,
                    counterpart=Counterpart.TRANSFER_CLEARING,
                    at=at,
                    expires_at=lapse_of(token, at=at),
                    reference_id=_reference(credit),
                    explanation={"exchange": str(credit.reference), "points": str(credit.points)},
                )
            )
        except ReferenceAlreadyUsed:
            return self.inquire(credit)
        except TokenNotFound:
            return Answer(kind=AnswerKind.NOT_SENT, code=TokenNotFound.code)
        except LoyaltyError as refusal:
            return Answer(kind=AnswerKind.REFUSED, code=refusal.code, detail=str(refusal))
        return Answer(kind=AnswerKind.CREDITED, partner_reference=str(posted.id))

    def inquire(self, credit: Credit) -> Answer:
        """Look whether the reference stands in the receiving brand's ledger."""
        rows = Transaction.objects.filter(brand_id=self.brand_id, reference_id=_reference(credit))
        found = rows.values_list("pk", flat=True).first()
        if found is None:
            return Answer(kind=AnswerKind.NOT_FOUND)
        return Answer(kind=AnswerKind.CREDITED, partner_reference=str(found))

    def reverse(self, credit: Credit) -> Answer:
        """Refuse: the member may have spent them, and staff of the receiving brand decide."""
        return Answer(kind=AnswerKind.REFUSED, code="not_reversible")

    def statement(self, day: date) -> list[StatementLine]:
        """None is given."""
        raise StatementUnavailableError("its ledger is ours")

    def close(self) -> None:
        """Nothing is open."""


def _reference(credit: Credit) -> str:
    return f"exchange:{credit.reference}"
