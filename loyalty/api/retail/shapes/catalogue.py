"""Languages, categories and gifts."""

from collections.abc import Sequence
from contextlib import suppress
from typing import Literal

from django.utils.translation import get_language_info
from msgspec import Struct

from loyalty.api.shapes import instant_text
from rewards.models import Category, Fulfilment, RewardType
from rewards.selectors.gifts import Shelf
from users.models import Brand

LOW = 10  # this many left, or fewer, are few
DELIVERIES: dict[str, Literal["code", "voucher", "physical"]] = {
    Fulfilment.POOL: "code",
    Fulfilment.GENERATED: "voucher",
    Fulfilment.PHYSICAL: "physical",
}


class LanguageOut(Struct):
    """A language that the brand speaks, and what it is called in it."""

    code: str
    name: str
    default: bool


class LanguagesAnswer(Struct):
    """All of them, the default first."""

    data: list[LanguageOut]


class ShelfOut(Struct):
    """A category, and those that stand in it."""

    code: str
    name: str
    children: "list[ShelfOut]"


class CategoriesAnswer(Struct):
    """The tree of active categories."""

    data: list[ShelfOut]


class GiftCategory(Struct):
    """The category that a gift stands in."""

    code: str
    name: str


class GiftOut(Struct):
    """What points can be spent on. `points` is the price, `value` what it is worth in money, as a decimal string."""

    id: int
    sku: str | None
    name: str
    description: str
    category: GiftCategory | None
    points: int
    value: str | None
    currency: str
    images: list[str]
    stock: Literal["available", "low", "sold_out"]
    delivery: Literal["code", "voucher", "physical"]
    valid_from: str | None
    valid_until: str | None
    segments: list[int]
    updated_at: str


class GiftAnswer(Struct):
    """One gift."""

    data: GiftOut


class GiftPageAnswer(Struct):
    """A page of gifts; `next_cursor` asks for the next one."""

    data: list[GiftOut]
    next_cursor: str | None


def languages_answer(brand: Brand) -> LanguagesAnswer:
    """The brand's languages."""
    return LanguagesAnswer([LanguageOut(code, _own_name(code), code == brand.languages[0]) for code in brand.languages])


def shelves_out(shelves: Sequence[Shelf]) -> list[ShelfOut]:
    """A tree of categories."""
    return [ShelfOut(shelf.code, shelf.name, shelves_out(shelf.children)) for shelf in shelves]


def gift_out(gift: RewardType, *, currency: str) -> GiftOut:
    """A gift in the language that its texts were read in; where it has none it goes by its plain name."""
    text = next(iter(gift.texts.all()), None)
    return GiftOut(
        id=gift.pk,
        sku=gift.sku or None,
        name=text.name if text else gift.name,
        description=(text.description if text else "") or gift.description,
        category=_category(gift.category) if gift.category is not None else None,
        points=gift.price,
        value=f"{gift.value:.2f}" if gift.value is not None else None,
        currency=currency,
        images=gift.images,
        stock=_stock(gift.left),
        delivery=DELIVERIES[gift.fulfilment],
        valid_from=instant_text(gift.valid_from) if gift.valid_from else None,
        valid_until=instant_text(gift.valid_until) if gift.valid_until else None,
        segments=[tie.segment_id for tie in gift.ties.all()],
        updated_at=instant_text(gift.updated_at),
    )


def _category(category: Category) -> GiftCategory:
    text = next(iter(category.texts.all()), None)
    return GiftCategory(category.code, text.name if text else category.name)


def _stock(left: int | None) -> Literal["available", "low", "sold_out"]:
    if left == 0:
        return "sold_out"
    return "available" if left is None or left > LOW else "low"


def _own_name(code: str) -> str:
    """What speakers of a language call it; its code where that is not known."""
    with suppress(KeyError):
        name = str(get_language_info(code)["name_local"])
        return name[0].upper() + name[1:]
    return code
