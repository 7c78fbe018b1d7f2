"""Baskets: what was bought, line by line, in coins and thousandths; and what came back of it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from rewards.rules.money import coins, half_up, thousandths, written

MOST_LINES = 200


class BasketFault(ValueError):
    """A line, or a part of one, that cannot be: `field` is its dotted path."""

    def __init__(self, field: str, detail: str) -> None:
        super().__init__(detail)
        self.field, self.detail = field, detail


@dataclass(frozen=True, slots=True)
class Line:
    """One line: `name` as the till calls it, `quantity` in thousandths, `amount` in coins, discount taken off."""

    name: int | str
    sku: str
    category: str | None
    quantity: int
    amount: int

    @property
    def key(self) -> str:
        """The name by which it is found again."""
        return str(self.name)


@dataclass(frozen=True, slots=True)
class AskedLine:
    """One line as a till tells it: money as decimals."""

    name: int | str
    sku: str
    category: str | None
    quantity: int | str
    unit_price: str
    discount: str | None
    amount: str


def read_lines(asked: Sequence[AskedLine], *, decimals: int) -> tuple[Line, ...]:
    """The lines of a basket. Raises BasketFault naming the line and what is wrong with it."""
    if not 1 <= len(asked) <= MOST_LINES:
        raise BasketFault("lines", f"1 to {MOST_LINES} lines")
    lines, keys = [], set[str]()
    for index, told in enumerate(asked):
        line = _read_line(told, f"lines.{index}", decimals)
        if line.key in keys:
            raise BasketFault(f"lines.{index}.line", f"line {line.key} stands in the basket twice")
        keys.add(line.key)
        lines.append(line)
    return tuple(lines)


def _read_line(told: AskedLine, path: str, decimals: int) -> Line:
    quantity = thousandths(told.quantity)
    if quantity is None:
        raise BasketFault(f"{path}.quantity", f"line {told.name}: a quantity above 0, with up to three decimals")
    price = _money(told.unit_price, f"{path}.unit_price", told.name, decimals)
    discount = _money(told.discount, f"{path}.discount", told.name, decimals) if told.discount is not None else 0
    amount = _money(told.amount, f"{path}.amount", told.name, decimals)
    due = half_up(quantity * price, 1_000) - discount
    if amount != due:
        detail = f"line {told.name}: quantity times unit_price less discount is {_signed(due, decimals)}, not {told.amount}"
        raise BasketFault(f"{path}.amount", detail)
    return Line(told.name, told.sku, told.category, quantity, amount)


def _money(text: str, field: str, name: int | str, decimals: int) -> int:
    found = coins(text, decimals)
    if found is None:
        raise BasketFault(field, f"line {name}: not negative, with at most {decimals} decimals")
    return found


def _signed(amount: int, decimals: int) -> str:
    return written(amount, decimals) if amount >= 0 else f"-{written(-amount, decimals)}"


Returned = Mapping[str, Mapping[str, int]]
"""What came back of a basket: by line, its `quantity` in thousandths and its `amount` in coins."""


def left_of(lines: Iterable[Line], returned: Returned) -> tuple[Line, ...]:
    """The lines as they are after what came back; those that came back whole are gone."""
    kept = []
    for line in lines:
        back = returned.get(line.key)
        if back is None:
            kept.append(line)
        elif back["quantity"] < line.quantity:
            kept.append(replace(line, quantity=line.quantity - back["quantity"], amount=line.amount - back["amount"]))
    return tuple(kept)


def give_back(
    lines: Sequence[Line], returned: Returned, parts: Sequence[tuple[str, int | None]]
) -> tuple[dict[str, dict[str, int]], dict[str, dict[str, int]]]:
    """What comes back now, and what has come back in all then.

    A part is the key of a line and a quantity in thousandths, None for all that is left of it. It takes its share of the
    amount by quantity, rounded half up; the last part takes what remains. Raises BasketFault.
    """
    by_key = {line.key: line for line in lines}
    total = {key: dict(back) for key, back in returned.items()}
    now: dict[str, dict[str, int]] = {}
    for index, (key, quantity) in enumerate(parts):
        if key in now:
            raise BasketFault(f"lines.{index}.line", f"line {key} is named twice")
        line, before = by_key.get(key), total.get(key, {"quantity": 0, "amount": 0})
        left = line.quantity - before["quantity"] if line is not None else 0
        if line is None or left == 0:
            raise BasketFault(f"lines.{index}.line", f"nothing of line {key} is there to come back")
        part = left if quantity is None else quantity
        if part > left:
            raise BasketFault(f"lines.{index}.quantity", f"line {key}: no more than {left / 1_000:g} is left")
        rest = line.amount - before["amount"]
        amount = rest if part == left else min(half_up(line.amount * part, line.quantity), rest)
        now[key] = {"quantity": part, "amount": amount}
        total[key] = {"quantity": before["quantity"] + part, "amount": before["amount"] + amount}
    return now, total


def stored(lines: Iterable[Line]) -> list[list[Any]]:
    """Lines as an earning keeps them."""
    return [[line.name, line.sku, line.category, line.quantity, line.amount] for line in lines]


def restored(rows: Iterable[Sequence[Any]]) -> tuple[Line, ...]:
    """Lines that an earning kept."""
    return tuple(Line(*row) for row in rows)
