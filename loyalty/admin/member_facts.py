"""The whole member on one page: who they are, what they hold and when it lapses, what happened to them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.http import HttpRequest
from django.utils.formats import number_format
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from ledger.models import Account, Lot, Token
from loyalty.admin.masking import shown_email, shown_name, shown_number, shown_text
from loyalty.admin.member_words import Line, line_of, link_to
from loyalty.admin.timeline import SHOWN, Asked, Source, Timeline, accounts_of, family_of, read_place, read_timeline
from users.models import Brand, Member, Membership, SegmentMember

LOTS_SHOWN = 12
SEGMENTS_SHOWN = 20
CARD = 4
PERMISSIONS = {
    Source.POSTING: "ledger.view_transaction",
    Source.REWARD: "rewards.view_reward",
    Source.DELIVERY: "rewards.view_giftorder",
    Source.COLLECTIBLE: "rewards.view_collectible",
    Source.EXCHANGE: "exchange.view_exchangeorder",
    Source.EMAIL: "users.view_email",
}
"""What of the timeline needs a permission of its own, beyond that to look at members."""
TABS: dict[str, Promise | str] = {
    "all": _("Everything"),
    "points": _("Points"),
    "codes": _("Codes"),
    "rewards": _("Rewards"),
    "collectibles": _("Collectibles"),
    "exchanges": _("Exchanges"),
    "emails": _("E-mails"),
    "refusals": _("Refusals"),
}
CARDS = {"rewards": Source.REWARD, "collectibles": Source.COLLECTIBLE, "exchanges": Source.EXCHANGE, "emails": Source.EMAIL}
"""What stands beside the timeline with its newest few."""


@dataclass(frozen=True, slots=True)
class Part:
    """Points that lapse together."""

    points: int
    lapses_at: datetime


@dataclass(frozen=True, slots=True)
class Holding:
    """What a member holds of one token, and what of it lapses next; `more` tells that more lapses after those."""

    token: Token
    points: int
    parts: list[Part]
    more: bool

    @property
    def shown(self) -> str:
        """The points as people write them."""
        return str(number_format(self.points, force_grouping=True))


@dataclass(frozen=True, slots=True)
class Card:
    """The newest few of one kind."""

    title: Promise | str
    lines: list[Line]
    show: str


@dataclass(frozen=True, slots=True)
class Whole:
    """All that the page shows."""

    profile: list[tuple[Promise | str, str]]
    holdings: list[Holding]
    memberships: list[tuple[str, str, str]]
    segments: list[tuple[str, str]] | None
    lines: list[Line]
    cards: list[Card]
    tabs: list[tuple[str, Promise | str, bool]]
    show: str
    older: str
    first: bool


def whole_member(member: Member, request: HttpRequest, *, at: datetime) -> Whole:
    """Read everything, in as many queries for a member of a day as for one of ten years."""
    family = family_of(member)
    accounts = accounts_of(family)
    sources = sources_of(request)
    show = request.GET.get("show", "all")
    show = show if show in SHOWN and SHOWN[show] & sources else "all"
    before = read_place(request.GET.get("before", ""))
    asked = Asked(member=member, family=family, accounts=accounts, show=show, before=before, sources=sources)
    timeline = read_timeline(asked)
    own = [account for account in accounts if account.member_id == member.pk]
    return Whole(
        profile=_profile(member, request),
        holdings=_holdings(own, at=at) if Source.POSTING in sources else [],
        memberships=_memberships(family, request),
        segments=_segments(member) if request.user.has_perm("users.view_segment") else None,
        lines=[line_of(entry, request) for entry in timeline.entries],
        cards=_cards(timeline, request) if show == "all" and before is None else [],
        tabs=[(name, title, name == show) for name, title in TABS.items() if SHOWN[name] & sources],
        show=show,
        older=timeline.older.written() if timeline.older is not None else "",
        first=before is None,
    )


def sources_of(request: HttpRequest) -> frozenset[Source]:
    """What of the timeline someone may see."""
    return frozenset(one for one in Source if one not in PERMISSIONS or request.user.has_perm(PERMISSIONS[one]))


def _profile(member: Member, request: HttpRequest) -> list[tuple[Promise | str, str]]:
    metadata = ", ".join(f"{key}: {value}" for key, value in (member.metadata or {}).items())
    pairs = [
        (_("E-mail"), shown_email(request, member.email)),
        (_("First name"), shown_name(request, member.first_name)),
        (_("Second name"), shown_name(request, member.second_name)),
        (_("auth_id"), member.auth_id or ""),
        (_("Language"), member.language or ""),
        (_("Country"), member.country_iso or ""),
        (_("Further"), shown_text(request, metadata)),
    ]
    return [(label, value) for label, value in pairs if value]


def _holdings(accounts: Sequence[Account], *, at: datetime) -> list[Holding]:
    parts = _open_parts(accounts)
    found = []
    for account in accounts:
        own = parts.get(account.pk, [])
        lapsed = sum(part.points for part in own if part.lapses_at <= at)
        coming = [part for part in own if part.lapses_at > at]
        found.append(Holding(account.token, account.balance - lapsed, coming[:LOTS_SHOWN], len(own) > LOTS_SHOWN))
    return found


def _open_parts(accounts: Iterable[Account]) -> dict[int, list[Part]]:
    """The lots of each account that lapse first, by one statement; those of one instant stand together."""
    lots = Lot.objects.filter(remaining__gt=0)
    columns = ("account_id", "expires_at", "remaining")
    cut = [
        lots.filter(account=account).order_by("expires_at", "sequence").values_list(*columns)[: LOTS_SHOWN + 1]
        for account in accounts
        if account.next_expiry_at is not None
    ]
    found: dict[int, list[Part]] = {}
    rows: list[Any] = [] if not cut else list(cut[0].union(*cut[1:], all=True) if len(cut) > 1 else cut[0])
    for account_id, lapses_at, points in sorted(rows):
        own = found.setdefault(account_id, [])
        if own and own[-1].lapses_at == lapses_at:
            own[-1] = Part(own[-1].points + points, lapses_at)
        else:
            own.append(Part(points, lapses_at))
    return found


def _memberships(family: Sequence[Member], request: HttpRequest) -> list[tuple[str, str, str]]:
    rows = Membership.objects.filter(brand_id=family[0].brand_id, member__in=family)
    rows = rows.select_related("programme", "partner_brand").order_by("created_at", "pk")
    return [(str(row.programme or row.partner_brand), shown_number(request, row.number), row.warning) for row in rows]


def _segments(member: Member) -> list[tuple[str, str]]:
    """The segments that they are in, each with the address of its page; of very many the first ones, and a sign of more."""
    rows = SegmentMember.objects.filter(brand_id=member.brand_id, member=member).select_related("segment")
    found = [row.segment for row in rows.order_by("segment_id")[: SEGMENTS_SHOWN + 1]]
    shown = [(segment.name, link_to("users_segment_change", segment.pk)) for segment in found[:SEGMENTS_SHOWN]]
    return [*shown, ("…", "")] if len(found) > SEGMENTS_SHOWN else shown


def _cards(timeline: Timeline, request: HttpRequest) -> list[Card]:
    found = []
    for show, source in CARDS.items():
        lines = [line_of(entry, request) for entry in timeline.newest.get(source.value, [])[:CARD]]
        if lines:
            found.append(Card(TABS[show], lines, show))
    return found


def actions_of(member: Member, request: HttpRequest) -> list[tuple[Promise | str, str, str]]:
    """What someone may do with a member: label, address, icon."""
    offered = [
        (_("Credit"), "money_credit", "ledger.credit_member", "add_circle"),
        (_("Debit"), "money_debit", "ledger.debit_member", "do_not_disturb_on"),
        (_("Extend expiry"), "money_extend", "ledger.extend_expiry", "update"),
        (_("Merge a duplicate"), "users_member_merge", "users.merge_member", "merge"),
        (_("Export"), "users_member_export", "users.export_member", "download"),
        (_("Erase"), "users_member_erase", "users.erase_member", "person_remove"),
    ]
    offered.append((_("Audit"), "users_member_history", "users.view_auditentry", "history"))
    gone = member.erased_at is not None or member.merged_into_id is not None
    if gone:
        offered = offered[-1:]
    found = [(label, link_to(name, member.pk), icon) for label, name, needed, icon in offered if request.user.has_perm(needed)]
    if request.user.has_perm("rewards.view_earning"):
        found.append((_("Earnings"), f"{link_to('rewards_earning_changelist')}?member={member.pk}", "shopping_cart"))
    return [one for one in found if one[1]]


def ids_named(text: str, brand_ids: Sequence[int]) -> list[int]:
    """The members whom a text names exactly: by auth_id, of before a merge too, our own id, e-mail or membership number."""
    name = text.strip()
    if not name or "\x00" in name:
        return []
    members = Member.objects.filter(brand_id__in=brand_ids)
    number = "".join(name.upper().translate({ord(sign): None for sign in " .-"}))
    found = (
        members.filter(auth_id=name)
        .values_list("pk")
        .union(
            members.filter(merged_into__isnull=False, merged_auth_id=name).values_list("pk"),
            members.filter(public_id=name.lower()).values_list("pk"),
            members.filter(email__iexact=name).values_list("pk")[:100],
            Membership.objects.filter(brand_id__in=brand_ids, number__in=[name, number]).values_list("member_id")[:100],
        )
    )
    return [pk for (pk,) in found]


def brands_of(brand_id: int | None) -> list[int]:
    """The brands whose members someone may find."""
    return [brand_id] if brand_id is not None else list(Brand.objects.values_list("pk", flat=True))
