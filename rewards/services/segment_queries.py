"""The rule of a segment as one SQL query over members of its brand.

Who is looked at is the query's scope: a span of ids, or some ids. What the ledger has to tell is summed once for
all of them, each member's accounts together with those of the duplicates that were merged into them.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import Any

from ledger.models import TransactionType
from rewards.models import Programme
from users.models import Brand, PartnerProgramme
from users.rules.segments import (
    ActiveWithin,
    Country,
    EmailDomain,
    Group,
    HasMembership,
    InactiveFor,
    InSegment,
    Language,
    Leaf,
    MetadataContains,
    MetadataEquals,
    MetadataExists,
    PointsCondition,
    PointsEarned,
    PointsSpent,
    RegisteredBefore,
    RegisteredFrom,
    RegisteredWithin,
    Rule,
    Tag,
)

PASSIVE = [
    TransactionType.EXPIRY.value,
    TransactionType.EXPIRY_EXTENSION.value,
    TransactionType.CLOSURE.value,
    TransactionType.MERGE.value,
    TransactionType.NFT_PERSONALISATION.value,
]
"""Types by which a member neither earns nor spends. A reversal counts with what it undoes, at the time of that."""
SPAN = "{id} > %(after)s AND {id} <= %(upto)s"
SOME = "{id} = ANY(%(ids)s::bigint[])"
# Each table is narrowed by the scope itself: joined to a list of ids, it would be read whole for every span.
_HELD = """held AS MATERIALIZED (
  SELECT a.member_id AS stands_for, a.id AS account_id, a.token_id, a.recorded_at FROM ledger_account a
  WHERE a.brand_id = %(brand)s AND {own}
  UNION ALL SELECT m.merged_into_id, a.id, a.token_id, a.recorded_at FROM users_member m
  JOIN ledger_account a ON a.brand_id = %(brand)s AND a.member_id = m.id
  WHERE m.brand_id = %(brand)s AND m.merged_into_id IS NOT NULL AND {merged}
)"""
_MOVED = """SELECT h.stands_for, {answer} FROM held h
  JOIN ledger_transaction t ON t.brand_id = %(brand)s AND t.account_id = h.account_id
  LEFT JOIN ledger_transaction o ON t.type = 'reversal' AND o.id = t.reverses_id
  WHERE coalesce(o.type, t.type) <> ALL(%(passive)s::text[]) {further}
  GROUP BY h.stands_for"""
_SINCE = "AND h.recorded_at >= {since} AND t.recorded_at >= {since} AND coalesce(o.effective_at, t.effective_at) >= {since}"
_FIT = """fit AS (
  SELECT m.id FROM users_member m {joined}
  WHERE m.brand_id = %(brand)s AND {scope} AND m.erased_at IS NULL AND m.merged_into_id IS NULL AND ({condition})
)"""


@dataclass(slots=True)
class Query:
    """SQL in the making: `parts` are the named queries that come before the condition, `terms` the values in them."""

    brand: Brand
    at: datetime
    terms: dict[str, Any] = field(default_factory=dict)
    parts: dict[str, str] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)

    def put(self, value: object) -> str:
        """A value's place in the text."""
        name = f"p{len(self.terms)}"
        self.terms[name] = value
        return f"%({name})s"

    def days_ago(self, days: int) -> str:
        """The instant so many days back."""
        return self.put(self.at - timedelta(days=days)) + "::timestamptz"

    def day(self, day: date) -> str:
        """The instant at which a day begins where the brand is."""
        return self.put(datetime.combine(day, time.min, tzinfo=self.brand.zone)) + "::timestamptz"

    def named(self, text: str) -> str:
        """The name under which a query can be asked; the same query has one."""
        if text not in self.names:
            self.names[text] = f"moved{len(self.names)}"
            self.parts[self.names[text]] = text
        return self.names[text]


@dataclass(frozen=True, slots=True)
class Compiled:
    """A rule as SQL: queries that define `fit` (the ids of those in the scope who fulfil it), and the values in them."""

    text: str
    terms: dict[str, Any]


def compile_rule(rule: Rule, *, brand: Brand, at: datetime, scope: str) -> Compiled:
    """Compile it for a scope (SPAN or SOME), whose values the caller adds to the terms."""
    query = Query(brand, at)
    condition = _whole(query, rule)
    parts = []
    if query.parts:
        parts.append(_HELD.format(own=scope.format(id="a.member_id"), merged=scope.format(id="m.merged_into_id")))
        parts += [f"{name} AS MATERIALIZED ({text})" for name, text in query.parts.items()]
    joined = " ".join(f"LEFT JOIN {name} ON {name}.stands_for = m.id" for name in query.parts)
    parts.append(_FIT.format(joined=joined, scope=scope.format(id="m.id"), condition=condition))
    return Compiled(",\n".join(parts), query.terms | {"brand": brand.pk, "passive": PASSIVE})


def _whole(query: Query, whole: Rule | Group) -> str:
    between = " AND " if whole.match == "all" else " OR "
    return between.join(f"({_part(query, part)})" for part in whole.conditions)


def _part(query: Query, part: Leaf | Group) -> str:
    if isinstance(part, Group):
        return _whole(query, part)
    if type(part) in _ATTRIBUTES:
        return f"coalesce({_ATTRIBUTES[type(part)](query, part)}, false)"
    return _ELSEWHERE[type(part)](query, part)


def _contains(key: str, value: str) -> str:
    return (
        f"CASE jsonb_typeof(m.metadata -> {key}) WHEN 'array' THEN m.metadata -> {key} @> to_jsonb({value}) "
        f"ELSE strpos(lower(m.metadata ->> {key}), lower({value})) > 0 END"
    )


def _segment(query: Query, leaf: InSegment) -> str:
    where = f"s.brand_id = %(brand)s AND s.member_id = m.id AND s.segment_id = {query.put(leaf.segment_id)}"
    return f"EXISTS (SELECT FROM users_segmentmember s WHERE {where})"


def _membership(query: Query, leaf: HasMembership) -> str:
    """By a programme's implementation name, or a brand's id; what nobody knows, nobody has."""
    programme = leaf.programme
    if programme.isascii() and programme.isdecimal():
        target = f"s.partner_brand_id = {query.put(int(programme))}::numeric"
    else:
        found = PartnerProgramme.objects.filter(implementation_name=programme).values_list("pk", flat=True).first()
        target = f"s.programme_id = {query.put(found)}::bigint"
    return f"EXISTS (SELECT FROM users_membership s WHERE s.brand_id = %(brand)s AND s.member_id = m.id AND {target})"


def _points(query: Query, leaf: PointsCondition) -> str:
    token_id = leaf.token_id
    if token_id is None:
        token_id = Programme.objects.filter(brand=query.brand).values_list("token_id", flat=True).first()
    sign = "> 0" if isinstance(leaf, PointsEarned) else "< 0"
    answer = f"{'-' if isinstance(leaf, PointsSpent) else ''}sum(t.amount) AS points"
    further = f"AND h.token_id = {_shared(query, token_id)}::bigint AND coalesce(o.amount, t.amount) {sign} "
    moved = query.named(_MOVED.format(answer=answer, further=further + _since(query, leaf.days)))
    test = ">=" if leaf.test == "at_least" else "<="
    return f"coalesce({moved}.points, 0) {test} {query.put(leaf.points)}::numeric"


def _active(query: Query, leaf: ActiveWithin | InactiveFor) -> str:
    moved = query.named(_MOVED.format(answer="true AS moved", further=_since(query, leaf.days)))
    return f"{moved}.moved IS {'NOT ' if isinstance(leaf, ActiveWithin) else ''}NULL"


def _since(query: Query, days: int | None) -> str:
    return "" if days is None else _SINCE.format(since=_shared(query, query.at - timedelta(days=days)) + "::timestamptz")


def _shared(query: Query, value: object) -> str:
    """A value's place, one for all conditions that have it, so that the same question is asked once."""
    for name, known in query.terms.items():
        if type(known) is type(value) and known == value:
            return f"%({name})s"
    return query.put(value)


_ATTRIBUTES: dict[type[Leaf], Callable[[Query, Any], str]] = {
    EmailDomain: lambda q, leaf: f"lower(substring(m.email FROM '[^@]*$')) = ANY({q.put(list(leaf.domains))}::text[])",
    Language: lambda q, leaf: f"lower(substring(m.language FROM '^[^-_]*')) = ANY({q.put(list(leaf.languages))}::text[])",
    Country: lambda q, leaf: f"upper(btrim(m.country_iso)) = ANY({q.put(list(leaf.countries))}::text[])",
    MetadataEquals: lambda q, leaf: f"m.metadata ->> {q.put(leaf.key)}::text = {q.put(leaf.value)}::text",
    MetadataContains: lambda q, leaf: _contains(f"{q.put(leaf.key)}::text", f"{q.put(leaf.value)}::text"),
    MetadataExists: lambda q, leaf: f"m.metadata ->> {q.put(leaf.key)}::text IS NOT NULL",
    Tag: lambda q, leaf: f"m.metadata -> 'tags' @> to_jsonb({q.put(leaf.tag)}::text)",
    RegisteredBefore: lambda q, leaf: f"m.created_at < {q.day(leaf.day)}",
    RegisteredFrom: lambda q, leaf: f"m.created_at >= {q.day(leaf.day)}",
    RegisteredWithin: lambda q, leaf: f"m.created_at >= {q.days_ago(leaf.days)}",
}
"""Conditions on the member's own row; what is not told there fulfils none of them."""
_ELSEWHERE: dict[type[Leaf], Callable[[Query, Any], str]] = {
    PointsEarned: _points,
    PointsSpent: _points,
    ActiveWithin: _active,
    InactiveFor: _active,
    HasMembership: _membership,
    InSegment: _segment,
}
