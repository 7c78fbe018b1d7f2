"""What users do for points: one by one and answered at once, into the inbox, or for many users together."""

from datetime import datetime
from typing import Annotated, Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from msgspec import Meta, Struct

from loyalty.api.app import documents
from loyalty.api.app.base import AppView, ServerView, UserView
from loyalty.api.app.codes import CODES, ErrorCode, reason_of
from loyalty.api.app.days import Calendar
from loyalty.api.app.documents import examples
from loyalty.api.app.envelopes import answered
from loyalty.api.app.reading import ClientId, Language, Name, Tag
from loyalty.api.app.shapes.actions import DoneData, LeftOut, MultiData, MultiResult, TakenData
from loyalty.api.app.users import check_app
from loyalty.errors import LoyaltyError, invalid_field
from rewards.services.action_batches import Outcome
from rewards.services.actions import ActionOrder, Done, do_action
from rewards.services.inbox import accept_action, do_and_keep

MOST_ITEMS = 1_000
Properties = dict[str, Any]


class ActionBody(Struct, rename="camel", forbid_unknown_fields=True, kw_only=True):
    """What a user did. With `param1` it is rewarded once, for ever."""

    tag_id: Tag
    properties: Properties | None = None
    date: str | None = None
    param1: Name | None = None


class BufferBody(ActionBody, rename="camel", forbid_unknown_fields=True, kw_only=True):
    """What a user did, as the app's back end tells it."""

    app_id: str
    partner_client_id: ClientId
    lang: Language | None = None


class MultiItem(Struct, rename="camel", forbid_unknown_fields=True, kw_only=True):
    """What one of many users did."""

    partner_client_id: ClientId
    tag_id: Tag
    param1: Name | None = None
    date: str | None = None
    properties: Properties | None = None


class MultiBody(Struct, rename="camel", forbid_unknown_fields=True, kw_only=True):
    """What many users did: the same, all of them, or item by item."""

    app_id: str | None = None
    tag_id: Tag | None = None
    users: Annotated[list[ClientId], Meta(min_length=1, max_length=MOST_ITEMS)] | None = None
    items: Annotated[list[MultiItem], Meta(min_length=1, max_length=MOST_ITEMS)] | None = None

    def told(self) -> list[MultiItem]:
        """Item by item. Raises InvalidRequest."""
        if (self.items is None) == (self.users is None):
            raise invalid_field("items", "either users with a tagId, or items")
        if self.items is not None:
            return self.items
        if self.tag_id is None:
            raise invalid_field("tagId", "what the users did", code="required")
        return [MultiItem(partner_client_id=name, tag_id=self.tag_id) for name in self.users or ()]


@documents.call(
    operation="store_action",
    description="Reward what the user did, or say why not: nothing is stored then. With `param1` an action is rewarded once,"
    " for ever. A `date` (dd/mm/yyyy) of the past counts in its own day.",
    body=ActionBody,
    data=DoneData,
    example=examples.DONE,
    sent=examples.ACTION,
)
class StoreView(UserView):
    """generosity/store: a user did something."""

    operation = "action"

    def post(self, request: HttpRequest) -> HttpResponse:
        """Reward it, or say why not."""
        body, at = self.read(request, ActionBody), timezone.now()
        order = _order(self, body, self.auth_id, Calendar(self.brand_id, at).end_of(body.date), member_id=self.member.pk)
        done = do_action(order=order, at=at)
        left = LeftOut(done.left.period, done.left.total)
        return answered(DoneData(done.points, done.posted.balance_after, left))


@documents.call(
    operation="buffer_action",
    description="Take in what a user did, to be rewarded within seconds; it is durable when this answers. Unknown users and"
    " actions, refused consent and duplicates are refused at once, limits and conditions when it is applied.",
    body=BufferBody,
    data=TakenData,
    example={"itemId": "31"},
    sent=examples.ACTION | {"appId": "9aPp1d", "partnerClientId": "ann"},
)
class BufferView(ServerView):
    """buffer/store: a user did something, to be rewarded within seconds."""

    def post(self, request: HttpRequest) -> HttpResponse:
        """Take it in; durable when this answers."""
        body, at = self.read(request, BufferBody), timezone.now()
        check_app(self.caller, body.app_id)
        order = _order(self, body, body.partner_client_id, Calendar(self.brand_id, at).end_of(body.date))
        return answered(TakenData(str(accept_action(order=order, at=at))))


@documents.call(
    operation="store_actions",
    description="Reward what many users did, all the same (`users` and `tagId`) or item by item (`items`). One refusal stops no"
    " other.",
    body=MultiBody,
    data=MultiData,
    example={"results": [examples.RESULT]},
    sent={"tagId": "daily", "users": ["ann"]},
)
class MultiStoreView(ServerView):
    """generosity/multistore: many users did something."""

    limit_bytes = settings.BODY_LIMIT_MANY_BYTES

    def post(self, request: HttpRequest) -> HttpResponse:
        """Reward all that counts; one refusal stops no other."""
        body, at = self.read(request, MultiBody), timezone.now()
        if body.app_id is not None:
            check_app(self.caller, body.app_id)
        items, calendar, refused = body.told(), Calendar(self.brand_id, at), dict[int, LoyaltyError]()
        orders = []
        for place, item in enumerate(items):
            try:
                orders.append(_order(self, item, item.partner_client_id, calendar.end_of(item.date)))
            except LoyaltyError as refusal:
                refused[place] = refusal
        outcomes = iter(do_and_keep(brand_id=self.brand_id, orders=orders, actor=self.actor, at=at))
        results = [
            _result(item.partner_client_id, refused[place] if place in refused else next(outcomes))
            for place, item in enumerate(items)
        ]
        return answered(MultiData(results))


def _order(
    view: AppView,
    told: ActionBody | MultiItem,
    auth_id: str,
    occurred_at: datetime | None,
    *,
    member_id: int | None = None,
) -> ActionOrder:
    return ActionOrder(
        brand_id=view.brand_id,
        auth_id=auth_id,
        tag=told.tag_id,
        actor=view.actor,
        occurred_at=occurred_at,
        judged=occurred_at is not None,
        properties=told.properties or {},
        param=told.param1,
        member_id=member_id,
    )


def _result(name: str, outcome: Outcome) -> MultiResult:
    if isinstance(outcome, Done):
        return MultiResult(name, int(ErrorCode.OK), outcome.points, None)
    return MultiResult(name, int(CODES[outcome.code]), 0, reason_of(outcome.code))
