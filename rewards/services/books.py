"""The rules of a brand as they are judged: read once, kept in each process until the programme's revision moves on."""

import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from rewards.errors import ProgrammeMissing
from rewards.models import BaseRate, Programme, Promotion, PromotionSegment, PromotionState, PromotionVersion
from rewards.rules.earning import Book
from rewards.rules.money import decimals_of, millionths
from rewards.rules.promotions import Rule, read_terms

KEPT_SECONDS = 60.0  # what the revision does not tell of: the brand's own currency and time zone
KEPT_BRANDS = 200
KEPT_VERSIONS = 20_000


@dataclass(frozen=True, slots=True)
class Rules:
    """All that earns in a brand, by token, at one revision."""

    brand_id: int
    revision: int
    token_id: int
    backdating_days: int
    currency: str
    zone: ZoneInfo
    books: dict[int, Book]
    base_numbers: dict[int, int]
    until: float

    @property
    def decimals(self) -> int:
        """How many decimals the brand's currency has."""
        return decimals_of(self.currency)

    def book(self, token_id: int) -> Book:
        """What earns in a token; in one that nobody has thought of, nothing does."""
        return self.books.get(token_id) or Book(rate_millionths=0, rules=(), decimals=self.decimals)


_kept: dict[int, Rules] = {}
_versions: dict[int, Rule] = {}
_lock = threading.Lock()


def rules_of(brand_id: int, revision: int) -> Rules:
    """The rules at a revision or a later one. Raises ProgrammeMissing."""
    kept = _kept.get(brand_id)
    if kept is not None and kept.revision >= revision and kept.until > time.monotonic():
        return kept
    rules = _read(brand_id)
    with _lock:
        if len(_kept) >= KEPT_BRANDS:
            _kept.clear()
        _kept[brand_id] = rules
    return rules


def _read(brand_id: int) -> Rules:
    """Read the revision first: what changes while the rest is read is read again by whoever sees the next one."""
    programme = Programme.objects.select_related("brand").filter(brand_id=brand_id).first()
    if programme is None:
        raise ProgrammeMissing
    decimals = decimals_of(programme.brand.currency)
    rates = {row.token_id: row for row in BaseRate.objects.filter(brand_id=brand_id).order_by("token_id", "number")}
    running: dict[int, list[Rule]] = {}
    for promotion, rule in running_rules(brand_id, decimals):
        running.setdefault(promotion.token_id, []).append(rule)
    books = {
        token_id: Book(
            rate_millionths=millionths(rates[token_id].rate) if token_id in rates else 0,
            rules=running.get(token_id, ()),
            decimals=decimals,
        )
        for token_id in rates.keys() | running.keys()
    }
    return Rules(
        brand_id=brand_id,
        revision=programme.revision,
        token_id=programme.token_id,
        backdating_days=programme.backdating_days,
        currency=programme.brand.currency,
        zone=programme.brand.zone,
        books=books,
        base_numbers={token_id: rate.number for token_id, rate in rates.items()},
        until=time.monotonic() + KEPT_SECONDS,
    )


def running_rules(brand_id: int, decimals: int) -> list[tuple[Promotion, Rule]]:
    """The published rules of the brand's running promotions."""
    rows = Promotion.objects.filter(brand_id=brand_id, state=PromotionState.RUNNING).select_related("version")
    ties: dict[int, set[int]] = {}
    for promotion_id, segment_id in PromotionSegment.objects.filter(brand_id=brand_id).values_list("promotion", "segment"):
        ties.setdefault(promotion_id, set()).add(segment_id)
    return [
        (promotion, rule_of(promotion, promotion.version, ties.get(promotion.pk, ()), decimals=decimals))
        for promotion in rows.order_by("pk")
        if promotion.version is not None
    ]


def rule_of(promotion: Promotion, version: PromotionVersion, segments: Iterable[int], *, decimals: int) -> Rule:
    """A version of a promotion in the form in which it is judged."""
    return Rule(
        promotion_id=promotion.pk,
        version_id=version.pk,
        number=version.number,
        name=promotion.name,
        terms=read_terms(version.terms),
        segments=frozenset(segments),
        budget_points=promotion.budget_points,
        decimals=decimals,
    )


def paid_rules(brand_id: int, version_ids: Iterable[int], *, decimals: int) -> dict[int, Rule]:
    """Versions that once paid, by their ids: they never change, so they are read once."""
    found = {pk: _versions.get(pk) for pk in version_ids}
    missing = [pk for pk, rule in found.items() if rule is None]
    if missing:
        rows = PromotionVersion.objects.select_related("promotion").filter(brand_id=brand_id, pk__in=missing)
        read = {row.pk: rule_of(row.promotion, row, (), decimals=decimals) for row in rows}
        with _lock:
            if len(_versions) >= KEPT_VERSIONS:
                _versions.clear()
            _versions.update(read)
        found |= read
    return {pk: rule for pk, rule in found.items() if rule is not None}
