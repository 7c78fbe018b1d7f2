"""What is promoted for one member."""

from datetime import datetime
from typing import NamedTuple

from rewards.errors import ProgrammeMissing
from rewards.models import Programme
from rewards.rules.promotions import Rule
from rewards.services.books import rules_of
from users.models import Member
from users.services.segments import segment_ids_of


class Promoted(NamedTuple):
    """A product or a category that a promotion is about; both None where the whole basket counts."""

    rule: Rule
    sku: str | None
    category: str | None


class Position(NamedTuple):
    """Where a page ended: the promotion, and which of its rows."""

    promotion_id: int
    row: int


def promoted_for(*, member: Member, at: datetime, limit: int, after: Position | None) -> list[tuple[Position, Promoted]]:
    """What is promoted now for a member, in the order of the promotions' ids. Raises ProgrammeMissing."""
    revision = Programme.objects.filter(brand_id=member.brand_id).values_list("revision", flat=True).first()
    if revision is None:
        raise ProgrammeMissing
    rules, segments = rules_of(member.brand_id, revision), frozenset(segment_ids_of(member))
    running = [rule for book in rules.books.values() for rule in book.rules if _serves(rule, segments, at)]
    found: list[tuple[Position, Promoted]] = []
    for rule in sorted(running, key=lambda rule: rule.promotion_id):
        for number, row in enumerate(_rows(rule)):
            position = Position(rule.promotion_id, number)
            if after is None or position > after:
                found.append((position, row))
        if len(found) >= limit:
            break
    return found[:limit]


def _serves(rule: Rule, segments: frozenset[int], at: datetime) -> bool:
    terms = rule.terms
    begun = terms.starts_at is None or terms.starts_at <= at
    return begun and (terms.ends_at is None or terms.ends_at > at) and (not rule.segments or bool(rule.segments & segments))


def _rows(rule: Rule) -> list[Promoted]:
    if not rule.on_lines:
        return [Promoted(rule, None, None)]
    products = [Promoted(rule, sku, None) for sku in rule.terms.skus]
    return [*products, *(Promoted(rule, None, category) for category in rule.terms.categories)]
