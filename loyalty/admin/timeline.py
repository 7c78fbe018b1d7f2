"""Everything that happened to a member, newest first: many tables, each read by an index and cut to the page, merged.

One statement reads the newest rows of each source; nothing is counted or sorted beyond them, so the cost depends neither
on what a member has done nor on the size of the brand. A place in the timeline is (instant, source, id), so that what
happened at one instant has an order, too. The duplicates that were merged into a member are part of them.
"""

import base64
import binascii
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any, NamedTuple

from django.db import connection
from django.db.models import BigIntegerField, CharField, F, JSONField, Model, OuterRef, Q, QuerySet, Subquery, Value
from django.db.models.expressions import RawSQL
from django.db.models.fields.json import KeyTextTransform
from django.db.models.functions import Cast, JSONObject, Upper

from exchange.models import ExchangeOrder
from ledger.models import Account, Transaction
from rewards.models import Action, Campaign, Code, Collectible, GiftOrderMove, Reward, RewardType
from rewards.selectors import CODE_TYPES
from users.models import Email, Member, Membership, Refusal

PAGE = 25
CODES_WITHIN = 5_000  # of an account's newest rows: so far back one page looks for codes alone
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# Rows of an account are numbered in the order of their instants, so a number is found by halving: some twenty looks
# into an index instead of a walk over all that is newer.
NUMBERS = """
WITH RECURSIVE search AS (
  SELECT id AS account, brand_id AS brand, 0::bigint AS low, sequence AS high FROM ledger_account WHERE id = ANY(%s)
  UNION ALL
  SELECT s.account, s.brand, CASE WHEN t.recorded_at <= %s THEN t.sequence ELSE s.low END,
    CASE WHEN t.recorded_at <= %s THEN s.high ELSE t.sequence - 1 END
  FROM search s JOIN ledger_transaction t
    ON t.brand_id = s.brand AND t.account_id = s.account AND t.sequence = (s.low + s.high + 1) / 2
  WHERE s.low < s.high
) SELECT account, low FROM search WHERE low = high
"""
# The names of the promotions that an earning's explanation tells of, by their ids.
PROMOTIONS = RawSQL(
    """
(SELECT jsonb_agg(p.name ORDER BY p.id) FROM rewards_promotion p WHERE p.brand_id = ledger_transaction.brand_id AND p.id IN (
  SELECT told::bigint
  FROM jsonb_path_query(ledger_transaction.explanation, '$.promotions[*].id ? (@.type() == "number")') AS told))
""",
    [],
    output_field=JSONField(),
)


class Source(StrEnum):
    """Where an entry comes from."""

    POSTING = "posting"
    REWARD = "reward"
    DELIVERY = "delivery"
    COLLECTIBLE = "collectible"
    EXCHANGE = "exchange"
    EMAIL = "email"
    MEMBERSHIP = "membership"
    MERGE = "merge"
    REFUSAL = "refusal"
    REGISTRATION = "registration"


SHOWN: dict[str, frozenset[Source]] = {
    "all": frozenset(Source),
    "points": frozenset({Source.POSTING}),
    "codes": frozenset({Source.POSTING}),
    "rewards": frozenset({Source.REWARD, Source.DELIVERY}),
    "collectibles": frozenset({Source.COLLECTIBLE}),
    "exchanges": frozenset({Source.EXCHANGE}),
    "emails": frozenset({Source.EMAIL}),
    "refusals": frozenset({Source.REFUSAL}),
}
"""What a page may be narrowed to."""


class Place(NamedTuple):
    """Where an entry stands; larger is newer."""

    at: datetime
    source: str
    id: int

    def written(self) -> str:
        """The place as it stands in an address."""
        microseconds = (self.at - EPOCH) // timedelta(microseconds=1)
        return base64.urlsafe_b64encode(f"{microseconds}:{self.source}:{self.id}".encode()).rstrip(b"=").decode()


def read_place(text: str) -> Place | None:
    """A place out of an address; None for what no page has written."""
    try:
        microseconds, source, id_ = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode().split(":")
        place = Place(EPOCH + timedelta(microseconds=int(microseconds)), Source(source).value, int(id_))
    except (binascii.Error, ValueError, OverflowError):
        return None
    return place if abs(place.id) < 2**63 else None


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing that happened, and what is told of it."""

    place: Place
    told: Mapping[str, Any]

    @property
    def at(self) -> datetime:
        """When."""
        return self.place.at

    @property
    def source(self) -> str:
        """Where it comes from."""
        return self.place.source

    @property
    def id(self) -> int:
        """The id of its row."""
        return self.place.id


@dataclass(frozen=True, slots=True)
class Timeline:
    """A page of entries; `older` is where it goes on. `newest` holds what each source had to offer for it."""

    entries: list[Entry]
    older: Place | None
    newest: dict[str, list[Entry]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """Whose timeline, from where on, and what of it."""

    member: Member
    family: Sequence[Member]
    accounts: Sequence[Account]
    show: str = "all"
    sources: frozenset[Source] = frozenset(Source)
    before: Place | None = None
    size: int = PAGE
    tops: Mapping[int, int] = field(default_factory=dict)

    @property
    def ids(self) -> list[int]:
        """The ids of the member and their duplicates."""
        return [member.pk for member in self.family]


def family_of(member: Member) -> list[Member]:
    """The member, and the duplicates that were merged into them."""
    return [member, *Member.objects.filter(brand_id=member.brand_id, merged_into=member).order_by("merged_at", "pk")]


def accounts_of(family: Sequence[Member]) -> list[Account]:
    """All accounts of a member and their duplicates."""
    rows = Account.objects.filter(brand_id=family[0].brand_id, member__in=family).select_related("token__brand")
    return list(rows.order_by("token_id", "pk"))


def read_timeline(asked: Asked) -> Timeline:
    """A page of the timeline, by one statement, and one more where it goes on from a place."""
    if asked.before is not None:
        asked = _with_tops(asked)
    parts = [rows for source in sorted(SHOWN[asked.show] & asked.sources) for rows in _SOURCES[source](asked)]
    if not parts:
        return Timeline([], None)
    found = list(parts[0].union(*parts[1:], all=True)) if len(parts) > 1 else list(parts[0])
    entries = [Entry(Place(at, source, id_), told) for at, source, id_, told in found]
    entries.sort(key=lambda entry: entry.place, reverse=True)
    newest: dict[str, list[Entry]] = {}
    for entry in entries:
        newest.setdefault(entry.source, []).append(entry)
    page = entries[: asked.size]
    return Timeline(page, page[-1].place if len(entries) > asked.size else None, newest)


def _with_tops(asked: Asked) -> Asked:
    """Find the number of the last row that is not newer than the place, of each account."""
    if asked.before is None or not asked.accounts:
        return asked
    with connection.cursor() as cursor:
        cursor.execute(NUMBERS, [[account.pk for account in asked.accounts], asked.before.at, asked.before.at])
        tops = dict(cursor.fetchall())
    return replace(asked, tops=tops)


Rows = QuerySet[Any, Any]


def _cut(
    asked: Asked, rows: QuerySet[Any], source: Source, *, at: str, told: dict[str, Any], order: tuple[str, ...] = ()
) -> Rows:
    """The newest rows of a source that come after the place, in the columns that all sources share."""
    if asked.before is not None:
        rows = rows.filter(_after(asked.before, source, at))
    shown = rows.annotate(
        entry_at=F(at),
        entry_source=Value(source.value, output_field=CharField()),
        entry_id=F("pk"),
        entry_told=JSONObject(**told),
    )
    columns: Rows = shown.values_list("entry_at", "entry_source", "entry_id", "entry_told")
    return columns.order_by(*(order or (f"-{at}", "-pk")))[: asked.size + 1]


def _after(place: Place, source: Source, at: str) -> Q:
    """The rows of a source whose place is older: of those at its very instant, what sorts below it."""
    if source.value > place.source:
        return Q(**{f"{at}__lt": place.at})
    if source.value < place.source:
        return Q(**{f"{at}__lte": place.at})
    return Q(**{f"{at}__lte": place.at}) & (Q(**{f"{at}__lt": place.at}) | Q(pk__lt=place.id))


def _named(model: type[Model], key: str, *, name: str = "name") -> Subquery:
    """A name that goes with an id in the explanation."""
    wanted = Cast(KeyTextTransform(key, OuterRef("explanation")), BigIntegerField())
    return Subquery(model._default_manager.filter(pk=wanted).values(name)[:1])


def _postings(asked: Asked) -> list[Rows]:
    told = {
        name: F(name) for name in ("type", "amount", "balance_after", "actor", "reference_id", "explanation", "expires_at")
    } | {
        "account": F("account_id"),
        "reverses": F("reverses_id"),
        "token": F("account__token__name"),
        "symbol": F("account__token__symbol"),
        "note": F("note__text"),
        "campaign": _named(Campaign, "campaign"),
        "code": _named(Code, "code", name="code"),
        "reward": _named(RewardType, "reward_type"),
        "partner": F("exchange_order__token_b__name"),
        "action": _named(Action, "action"),
        "promotions": PROMOTIONS,
    }
    return [_cut(asked, rows, Source.POSTING, at="recorded_at", told=told, order=("-sequence",)) for rows in _rows_of(asked)]


def _rows_of(asked: Asked) -> list[QuerySet[Transaction]]:
    """The rows of each account, from the place on."""
    found = []
    for account in asked.accounts:
        top = asked.tops.get(account.pk, account.sequence)
        rows = Transaction.objects.filter(brand_id=account.brand_id, account_id=account.pk)
        if asked.before is not None:
            rows = rows.filter(sequence__lte=top)
        if asked.show == "codes":
            rows = rows.filter(type__in=CODE_TYPES, sequence__gt=top - CODES_WITHIN)
        found.append(rows)
    return found


def _rewards(asked: Asked) -> list[Rows]:
    told = {
        "reward": F("reward_type__name"),
        "reward_type": F("reward_type_id"),
        "code": F("code"),
        "price": Subquery(Transaction.objects.filter(pk=OuterRef("transaction_id")).values("amount")[:1]),
        "used_at": F("used_at"),
        "fulfilment": F("reward_type__fulfilment"),
        "status": F("order__status"),
        "order": F("order__pk"),
    }
    return [_cut(asked, Reward.objects.filter(member_id=pk), Source.REWARD, at="handed_out_at", told=told) for pk in asked.ids]


def _deliveries(asked: Asked) -> list[Rows]:
    told = {name: F(name) for name in ("from_status", "to_status", "actor", "reason")}
    told |= {"reward": F("order__reward__reward_type__name"), "order": F("order_id")}
    rows = GiftOrderMove.objects
    return [_cut(asked, rows.filter(member_id=pk), Source.DELIVERY, at="moved_at", told=told) for pk in asked.ids]


def _collectibles(asked: Asked) -> list[Rows]:
    told = {name: F(name) for name in ("serial", "status", "personalised_data", "reason")} | {"token": F("token__name")}
    rows = Collectible.objects
    return [_cut(asked, rows.filter(member_id=pk), Source.COLLECTIBLE, at="updated_at", told=told) for pk in asked.ids]


def _exchanges(asked: Asked) -> list[Rows]:
    names = ("state", "points", "received", "credited", "attempts", "refusal_code", "refusal_detail", "membership_number")
    told = {name: F(name) for name in names} | {"partner": F("token_b__name"), "ended_at": F("ended_at")}
    rows = ExchangeOrder.objects
    return [_cut(asked, rows.filter(member_id=pk), Source.EXCHANGE, at="created_at", told=told) for pk in asked.ids]


def _emails(asked: Asked) -> list[Rows]:
    """E-mails to the member, and those to their address that name nobody: codes are sent so."""
    told: dict[str, Any] = {name: F(name) for name in ("kind", "recipient", "state", "fault", "sent_at", "attempts")}
    told |= {"code": KeyTextTransform("code", "context")}
    found = [Email.objects.filter(member_id=pk) for pk in asked.ids]
    for address in {member.email.upper() for member in asked.family if member.email}:
        unnamed = Email.objects.filter(brand_id=asked.member.brand_id, member__isnull=True)
        found.append(unnamed.annotate(address=Upper("recipient")).filter(address=address))
    return [_cut(asked, rows, Source.EMAIL, at="created_at", told=told) for rows in found]


def _memberships(asked: Asked) -> list[Rows]:
    told = {
        "number": F("number"),
        "warning": F("warning"),
        "programme": F("programme__name"),
        "brand": F("partner_brand__name"),
    }
    rows = Membership.objects.filter(brand_id=asked.member.brand_id)
    return [_cut(asked, rows.filter(member_id=pk), Source.MEMBERSHIP, at="updated_at", told=told) for pk in asked.ids]


def _merges(asked: Asked) -> list[Rows]:
    rows = Member.objects.filter(brand_id=asked.member.brand_id, merged_into=asked.member)
    told = {"public_id": F("public_id"), "auth_id": F("merged_auth_id")}
    return [_cut(asked, rows, Source.MERGE, at="merged_at", told=told)]


def _refusals(asked: Asked) -> list[Rows]:
    told = {name: F(name) for name in ("operation", "code", "detail", "reference_id", "request_id", "count")}
    rows = Refusal.objects.filter(brand_id=asked.member.brand_id)
    return [_cut(asked, rows.filter(member_id=pk), Source.REFUSAL, at="at", told=told) for pk in asked.ids]


def _registrations(asked: Asked) -> list[Rows]:
    rows = Member.objects.filter(pk__in=asked.ids)
    return [_cut(asked, rows, Source.REGISTRATION, at="created_at", told={"public_id": F("public_id")})]


_SOURCES: dict[Source, Callable[[Asked], list[Rows]]] = {
    Source.POSTING: _postings,
    Source.REWARD: _rewards,
    Source.DELIVERY: _deliveries,
    Source.COLLECTIBLE: _collectibles,
    Source.EXCHANGE: _exchanges,
    Source.EMAIL: _emails,
    Source.MEMBERSHIP: _memberships,
    Source.MERGE: _merges,
    Source.REFUSAL: _refusals,
    Source.REGISTRATION: _registrations,
}
