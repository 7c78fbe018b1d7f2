"""The programme, for anybody and for a user; the gifts that a user can have."""

import hashlib
import uuid
from typing import Annotated

import msgspec
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from msgspec import Meta, Struct, field

from loyalty.api.app import documents
from loyalty.api.app.base import OpenView, UserView
from loyalty.api.app.documents import examples
from loyalty.api.app.envelopes import answered
from loyalty.api.app.reading import Language
from loyalty.api.app.shapes.gifts import BoughtData, BoughtGift
from loyalty.api.app.shapes.programme import (
    GiftsData,
    ProgrammeData,
    StoreData,
    action_out,
    done_out,
    gift_out,
    programme_out,
)
from loyalty.api.app.shapes.users import user_out
from loyalty.api.paging import read_cursor, write_cursor
from loyalty.api.requests import Id, as_id
from loyalty.api.throttling import limit_of_address
from rewards.models import RewardType
from rewards.selectors.doings import actions_on_offer, done_by, open_to
from rewards.selectors.gifts import GiftList, joined_segments, language_of
from rewards.selectors.users import seen_user
from rewards.services.programme import programme_of
from rewards.services.rewards import name_of
from rewards.services.vouchers import Voucher, VoucherOrder, redeem_voucher
from users.models import Brand, Member
from users.services.app_tokens import known_app

MOST_GIFTS = 500
RequestId = Annotated[str, Meta(min_length=1, max_length=200)]


class ProgrammeBody(Struct, rename="camel", forbid_unknown_fields=True, kw_only=True):
    """Which app's programme."""

    partner_id: str = field(name="APMPartnerID", default="")
    app_id: str = ""
    lang: Language | None = None


class LanguageBody(Struct, rename="camel", forbid_unknown_fields=True, kw_only=True):
    """In which language."""

    lang: Language | None = None


class GiftsBody(LanguageBody, rename="camel", forbid_unknown_fields=True, kw_only=True):
    """Which gifts, and which page of them."""

    category: str | None = None
    cursor: str | None = None
    limit: Annotated[int, Meta(ge=1)] = MOST_GIFTS

    @property
    def after(self) -> int:
        """The last gift of the page before. Raises InvalidRequest."""
        return 0 if self.cursor is None else read_cursor(self.cursor)[1]


class PurchaseBody(Struct, rename="camel", forbid_unknown_fields=True, kw_only=True):
    """Which gift to buy; the same `requestId` buys it once."""

    gift_id: Id
    request_id: RequestId | None = None


def gifts_for(member: Member, brand: Brand, language: str, *, category: str | None = None) -> GiftList:
    """The gifts that a member can have now."""
    return GiftList(
        brand_id=brand.pk, language=language, at=timezone.now(), segments=joined_segments(member), category=category
    )


def page_of(offered: GiftList, *, limit: int = MOST_GIFTS, after: int = 0) -> tuple[list[RewardType], bool]:
    """A page of gifts, and whether there are more after it."""
    gifts = offered.page(limit=limit + 1, after=after)
    return gifts[:limit], len(gifts) > limit


@documents.call(
    operation="get_programme",
    description="Read an app's programme. Nobody need be connected.",
    body=ProgrammeBody,
    data=ProgrammeData,
    example=examples.OPEN_PROGRAMME,
    sent=examples.APP,
)
class ProgrammeView(OpenView):
    """partner/getprog: the programme of an app."""

    reads = True

    def let_in(self, request: HttpRequest) -> None:
        """Anybody, as fast as one address may: the names of an app are no secrets."""
        self.throttle(limit_of_address(request))

    def answer(self, request: HttpRequest) -> HttpResponse:
        """Tell of it."""
        body, at = self.read(request, ProgrammeBody), timezone.now()
        app = known_app(partner_id=body.partner_id, app_id=body.app_id)
        brand = Brand.objects.get(pk=app.brand_id)
        programme = programme_of(brand.pk)
        gifts, more = page_of(GiftList(brand_id=brand.pk, language=language_of(brand, body.lang), at=at))
        return answered(
            ProgrammeData(
                program=programme_out(brand, programme.token),
                actions=[action_out(action) for action in actions_on_offer(brand_id=brand.pk, at=at)],
                gifts=[gift_out(gift, None) for gift in gifts],
                more_gifts=more,
                texts={},
            )
        )


@documents.call(
    operation="get_own_programme",
    description="Read the programme, and what is the user's own: points, actions done, what is left of limits, affordable"
    " gifts.",
    body=LanguageBody,
    data=StoreData,
    example=examples.OWN_PROGRAMME,
    sent={"lang": "en"},
)
class UserProgrammeView(UserView):
    """partner/initialcheckstore: the programme, and what is the user's own."""

    reads = True

    def post(self, request: HttpRequest) -> HttpResponse:
        """Tell of both."""
        body, at, brand = self.read(request, LanguageBody), timezone.now(), Brand.objects.get(pk=self.brand_id)
        programme, seen = programme_of(brand.pk), seen_user(self.member, at=at)
        actions = open_to(self.member, actions_on_offer(brand_id=brand.pk, at=at))
        gifts, more = page_of(gifts_for(self.member, brand, language_of(brand, body.lang)))
        return answered(
            StoreData(
                program=programme_out(brand, programme.token),
                actions=[action_out(action) for action in actions],
                gifts=[gift_out(gift, seen.points) for gift in gifts],
                more_gifts=more,
                texts={},
                user=user_out(seen),
                done=[done_out(done) for done in done_by(self.member, at=at)],
            )
        )


@documents.call(
    operation="list_own_gifts",
    description="Read the gifts that the user can have, page by page.",
    body=GiftsBody,
    data=GiftsData,
    example={"gifts": [examples.GIFT], "cursor": None, "more": False},
    sent={"category": "drinks"},
)
class GiftsView(UserView):
    """gift/list: what the user can buy."""

    reads = True

    def post(self, request: HttpRequest) -> HttpResponse:
        """List it."""
        body, brand = self.read(request, GiftsBody), Brand.objects.get(pk=self.brand_id)
        points = seen_user(self.member, at=timezone.now()).points
        offered = gifts_for(self.member, brand, language_of(brand, body.lang), category=body.category)
        page, more = page_of(offered, limit=min(body.limit, MOST_GIFTS), after=body.after)
        cursor = write_cursor(page[-1].created_at, page[-1].pk) if more else None
        return answered(GiftsData([gift_out(gift, points) for gift in page], cursor, more))


@documents.call(
    operation="buy_gift",
    description="Buy a gift, if the user's points suffice. The same `requestId` buys it once, and is answered as at first.",
    body=PurchaseBody,
    data=BoughtData,
    example=examples.BOUGHT,
    sent={"giftId": "1", "requestId": "r1"},
)
class PurchaseView(UserView):
    """gift/checkavailability: the user buys a gift, if their points suffice."""

    operation = "points_to_rewards"

    def post(self, request: HttpRequest) -> HttpResponse:
        """Buy it, once for each requestId."""
        body = self.read(request, PurchaseBody)
        request_id, gift_id = body.request_id or str(uuid.uuid4()), as_id(body.gift_id)
        order = VoucherOrder(
            brand_id=self.brand_id,
            auth_id=self.auth_id,
            member_id=self.member.pk,
            reward_type_id=gift_id,
            transaction_id=claim_name(self.member, request_id),
            actor=self.actor,
            content=str(gift_id).encode(),
            answer=lambda voucher: msgspec.json.encode(_bought(voucher, request_id)).decode(),
        )
        told = redeem_voucher(order=order, at=timezone.now())
        return answered(msgspec.Raw(told.text.encode()))


def claim_name(member: Member, request_id: str) -> str:
    """The name of a purchase among the brand's. It stays for ever, so it does not hold what an app may have written there."""
    return f"app:{member.public_id}:{hashlib.sha256(request_id.encode()).hexdigest()}"


def _bought(voucher: Voucher, request_id: str) -> BoughtData:
    gift: RewardType = voucher.reward.reward_type
    posted = voucher.moved.posted
    return BoughtData(
        code=voucher.reward.code,
        gift=BoughtGift(str(gift.pk), name_of(gift, gift.brand.languages[0])),
        points=-posted.posting.amount,
        balance=posted.balance_after,
        request_id=request_id,
    )
