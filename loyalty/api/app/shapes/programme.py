"""The programme of an app: what it is called, what members can do for points, and what they get for them."""

from typing import Literal

from msgspec import Struct

from ledger.models import Token
from loyalty.api.app.shapes.actions import LeftOut
from loyalty.api.app.shapes.users import AppUserOut
from loyalty.api.shapes import instant_text
from rewards.models import Action, RewardType
from rewards.selectors.doings import DoneAction
from users.models import Brand

LOW = 10  # this many left, or fewer, are few


class AppTokenOut(Struct):
    """What points are called."""

    id: int
    name: str
    symbol: str


class ProgrammeOut(Struct):
    """The programme."""

    name: str
    languages: list[str]
    currency: str
    token: AppTokenOut


class ActionOut(Struct, rename="camel"):
    """Something to do for points; `frequency` is once, day, week, month or none."""

    tag_id: str
    name: str
    points: int
    frequency: str


class AppGiftOut(Struct, rename="camel"):
    """Something to buy; `affordable` is null where nobody has said who asks."""

    id: str
    name: str
    description: str
    points: int
    stock: Literal["available", "low", "sold_out"]
    affordable: bool | None
    image: str | None
    category: str | None
    valid_until: str | None


class DoneOut(Struct, rename="camel"):
    """An action that the user did, how often, and how often it still counts."""

    tag_id: str
    count: int
    left: LeftOut


class ProgrammeData(Struct, rename="camel"):
    """All that an app shows before anybody has connected; where there are more gifts, gift/list tells the rest."""

    program: ProgrammeOut
    actions: list[ActionOut]
    gifts: list[AppGiftOut]
    more_gifts: bool
    texts: dict[str, str]


class StoreData(ProgrammeData, rename="camel"):
    """The same, and what is the user's own."""

    user: AppUserOut
    done: list[DoneOut]


class GiftsData(Struct):
    """Gifts that the user can have, by their ids."""

    gifts: list[AppGiftOut]
    cursor: str | None
    more: bool


def programme_out(brand: Brand, token: Token) -> ProgrammeOut:
    """The programme."""
    return ProgrammeOut(brand.name, brand.languages, brand.currency, AppTokenOut(token.pk, token.name, token.symbol))


def action_out(action: Action) -> ActionOut:
    """An action."""
    return ActionOut(action.tag, action.name, action.points, action.frequency)


def done_out(done: DoneAction) -> DoneOut:
    """An action that was done."""
    return DoneOut(done.action.tag, done.count, LeftOut(done.left.period, done.left.total))


def gift_out(gift: RewardType, points: int | None) -> AppGiftOut:
    """A gift in the language that its texts were read in, for someone who has so many points."""
    text = next(iter(gift.texts.all()), None)
    left = gift.left
    return AppGiftOut(
        id=str(gift.pk),
        name=text.name if text else gift.name,
        description=(text.description if text else "") or gift.description,
        points=gift.price,
        stock="sold_out" if left == 0 else "available" if left is None or left > LOW else "low",
        affordable=None if points is None else points >= gift.price,
        image=next(iter(gift.images), None),
        category=gift.category.code if gift.category is not None else None,
        valid_until=instant_text(gift.valid_until) if gift.valid_until else None,
    )
