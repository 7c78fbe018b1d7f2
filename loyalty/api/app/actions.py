"""What users do for points: one by one and answered at once, into the inbox, or for many users together."""

import re
from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated, Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from msgspec import Meta, Struct

from loyalty.api.app import documents
from loyalty.api.app.base import AppView, ServerView, UserView
from loyalty.api.app.codes import CODES, ErrorCode, reason_of
from loyalty.api.app.documents import examples
from loyalty.api.app.envelopes import answered
from loyalty.api.app.reading import ClientId, Language, Name, Tag
from loyalty.api.app.shapes.actions import DoneData, LeftOut, MultiData, MultiResult, TakenData
from loyalty.api.app.users import check_app
from loyalty.errors import LoyaltyError, invalid_field
from rewards.services.action_batches import Outcome
from rewards.services.actions import ActionOrder, Done, backdating_days_of, do_action
from rewards.services.inbox import accept_action, do_and_keep
from users.models import Brand

DAY = re.compile("([0-9]{2})/([0-9]{2})/([0-9]{4})")
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
        order = _order(self, body, self.auth_id, day_of(body.date, self.brand_id, at), member_id=self.member.pk)
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
        order = _order(self, body, body.partner_client_id, day_of(body.date, self.brand_id, at))
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
        items, days, refused = body.told(), dict[str | None, datetime | None](), dict[int, LoyaltyError]()
        orders = []
        for place, item in enumerate(items):
            try:
                if item.date not in days:
                    days[item.date] = day_of(item.date, self.brand_id, at)
            except LoyaltyError as refusal:
                refused[place] = refusal
                continue
            orders.append(_order(self, item, item.partner_client_id, days[item.date]))
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


def day_of(text: str | None, brand_id: int, at: datetime) -> datetime | None:
    """When something happened on a day that is told as dd/mm/yyyy, in the brand's time zone; None: now.

    A day that is over counts with its last second. Raises InvalidRequest for what is no day, for the future, and for a day that
    is too long ago: days are counted by the calendar, for not all have 24 hours.
    """
    if text is None:
        return None
    found = DAY.fullmatch(text)
    try:
        day = date(int(found[3]), int(found[2]), int(found[1])) if found else None
    except ValueError:
        day = None
    if day is None:
        raise invalid_field("date", "a day as dd/mm/yyyy")
    zone = Brand.objects.only("time_zone").get(pk=brand_id).zone
    today = at.astimezone(zone).date()
    if day > today:
        raise invalid_field("date", "not in the future", code="in_the_future")
    if (today - day).days > (days := backdating_days_of(brand_id)):
        raise invalid_field("date", f"not more than {days} days ago", code="too_long_ago")
    if day == today:
        return None
    midnight = datetime.combine(day + timedelta(days=1), time.min, zone)  # where clocks change at it, the instant of that
    return midnight.astimezone(UTC) - timedelta(seconds=1)
