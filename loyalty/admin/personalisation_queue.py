"""What the queue of personalisations shows: one wish in full, those that wait around it, and its owner's history beside it."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest
from django.templatetags.static import static
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from ledger.models import Token, Transaction, TransactionType
from ledger.models.tokens import TokenType
from ledger.rules.explanations import Movement, explain
from ledger.selectors.search import Search
from loyalty.admin.base import staff_of
from loyalty.admin.linking import Link, link_to
from loyalty.admin.masking import HIDDEN, sees_personal_data, shown_name
from loyalty.keyset import Key, UnknownPlace
from rewards.errors import PersonalisationNotPending
from rewards.models import Collectible, Personalisation
from rewards.services.collectibles import draft_rejection
from users.models import Member, Staff
from users.services.email_templates import Composed, compose

OLDEST = Key(("updated_at", "pk"), descending=False)
BEFORE, AFTER = 4, 20
NEWEST, EARLIER, OTHERS = 8, 8, 8
DECIDE = "rewards.decide_personalisation"
AGES = [(0, gettext_lazy("any")), (1, gettext_lazy("a day")), (3, gettext_lazy("three days")), (7, gettext_lazy("a week"))]


@dataclass(frozen=True, slots=True)
class Waiting:
    """A wish in the list of those that wait."""

    item: Collectible
    place: str
    age: str
    current: bool


def age_of(request: HttpRequest) -> int:
    """For how many days a wish must have waited to be shown."""
    asked = request.POST.get("age") or request.GET.get("age") or "0"
    return int(asked) if asked in {str(days) for days, _name in AGES} else 0


def waiting(rows: QuerySet[Collectible], *, days: int) -> QuerySet[Collectible]:
    """The wishes that wait for a decision, of those rows."""
    rows = rows.filter(status=Personalisation.PENDING, member__isnull=False).select_related("token__brand", "member", "brand")
    return rows.filter(updated_at__lte=timezone.now() - timedelta(days=days)) if days else rows


def place_of(item: Collectible | None) -> str:
    """Where a wish stands in the queue, as it is written in an address."""
    return OLDEST.written(OLDEST.place_of(item)) if item is not None else ""


def queue_of(rows: QuerySet[Collectible], wanted: str) -> dict[str, Any]:
    """The queue around a place: the wish that waits there, or the next one after it, or the oldest of all."""
    try:
        place = OLDEST.read(Collectible, wanted) if wanted else None
    except UnknownPlace:
        place = None
    found = OLDEST.beyond(rows, place, included=True) if place is not None else rows
    later = list(found.order_by(*OLDEST.ordering())[: AFTER + 2])
    if not later:
        return queue_of(rows, "") if place is not None else {"current": None, "list": []}
    current, *later = later
    earlier: list[Collectible] = []
    if place is not None:
        before = OLDEST.beyond(rows, OLDEST.place_of(current), backwards=True)
        earlier = list(before.order_by(*OLDEST.ordering(backwards=True))[:BEFORE])[::-1]
    around = [*earlier, current, *later[:AFTER]]
    return {
        "current": current,
        "place": place_of(current),
        "previous": place_of(earlier[-1] if earlier else None),
        "next": place_of(later[0] if later else None),
        "list": [Waiting(item, place_of(item), waited(item), item.pk == current.pk) for item in around],
        "more": len(later) > AFTER,
    }


def waited(item: Collectible) -> str:
    """For how long a wish has waited, in whole hours or days."""
    hours = int((timezone.now() - item.updated_at).total_seconds()) // 3600
    if hours < 48:
        return ngettext("%(count)d hour", "%(count)d hours", max(hours, 0)) % {"count": max(hours, 0)}
    return ngettext("%(count)d day", "%(count)d days", hours // 24) % {"count": hours // 24}


def sees_wishes(request: HttpRequest) -> bool:
    """Who decides must see what is asked for; others see it when they may see personal data."""
    return staff_of(request).has_perm(DECIDE) or sees_personal_data(request)


def wish_lines(request: HttpRequest, wish: Any) -> list[tuple[str, str]]:
    """A wish as names and texts."""
    if not sees_wishes(request):
        return [("", HIDDEN)]
    pairs = wish.items() if isinstance(wish, dict) and wish else [("", wish or _("(empty)"))]
    return [(str(name), text if isinstance(text, str) else json.dumps(text, ensure_ascii=False)) for name, text in pairs]


def picture_of(token: Token) -> str:
    """The address of a collectible's picture, or of one that stands for all."""
    told = token.metadata.get("image") if isinstance(token.metadata, dict) else None
    return told if isinstance(told, str) and told.startswith(("https://", "/")) else static("loyalty/collectible.svg")


def history_of(request: HttpRequest, item: Collectible) -> dict[str, Any]:
    """The owner's newest transactions, what was decided for them before, and what else they hold."""
    member = item.member
    if member is None or member.auth_id is None:
        return {}
    newest = Search(brand_id=item.brand_id, auth_id=member.auth_id).window(size=NEWEST).rows
    others = Collectible.objects.filter(brand_id=item.brand_id, member=member).exclude(pk=item.pk).select_related("token")
    return {
        "newest": [(row, in_words(row)) for row in newest],
        "decisions": list(_decisions(request, member)),
        "others": [(_name(other), other.get_status_display() or _("no wish")) for other in others.order_by("-pk")[:OTHERS]],
    }


def in_words(row: Transaction) -> str:
    """Why points moved, in the reader's language."""
    told = row.explanation if isinstance(row.explanation, dict) else {}
    movement = Movement(
        type=row.type,
        amount=row.amount,
        actor=row.actor,
        reference_id=row.reference_id,
        reverses=row.reverses_id,
        explanation=told,
    )
    sentence = explain(movement)
    return str(_(sentence.text) % sentence.values)


def _decisions(request: HttpRequest, member: Member) -> Iterator[dict[str, Any]]:
    rows = Transaction.objects.filter(
        brand_id=member.brand_id,
        account__member=member,
        account__token__type=TokenType.ERC721,
        type=TransactionType.NFT_PERSONALISATION,
    )
    for row in rows.select_related("note", "account__token").order_by("-recorded_at", "-pk")[:EARLIER]:
        text = row.note.text if hasattr(row, "note") else "{}"
        told = json.loads(text) if text.startswith("{") else {}
        yield {
            "at": row.recorded_at,
            "words": in_words(row),
            "token": row.account.token.name,
            "wish": wish_lines(request, told.get("wish") or {}),
            "reason": told.get("reason", "") if sees_wishes(request) else "",
        }


def _name(item: Collectible) -> str:
    return f"{item.token.name} {item.serial}"


def owner_link(request: HttpRequest, item: Collectible) -> Link | None:
    """The owner, with a link for those who may follow it."""
    member = item.member
    return link_to(request, member, member.auth_id or member.public_id) if member is not None else None


def preview_of(request: HttpRequest, item: Collectible, *, approve: bool, reason: str) -> tuple[Composed | None, str]:
    """The e-mail that the owner will get, their name as the reader may see it, and its language.

    None when it is approved, or when they have no address.
    """
    email = None if approve else draft_rejection(item, reason=reason, at=timezone.now())
    if email is None:
        return None, ""
    email.context["first_name"] = shown_name(request, email.context["first_name"])
    return compose(email), email.language


def told_who(item: Collectible, refusal: PersonalisationNotPending) -> str:
    """Say who was first, how they decided, and when."""
    if not refusal.decided_by or refusal.status is None:
        return f"{_name(item)}: {refusal}"
    kind, _colon, number = refusal.decided_by.partition(":")
    who = _("A system of the brand")
    if kind == "staff" and number.isdigit():
        staff = Staff.objects.filter(pk=int(number)).first()
        who = (staff.get_full_name() or staff.username) if staff is not None else refusal.decided_by
    values = {
        "item": _name(item),
        "who": who,
        "how": Personalisation(refusal.status).label,
        "when": timezone.localtime(refusal.decided_at).strftime("%Y-%m-%d %H:%M"),
    }
    return _("%(item)s: %(who)s was first (%(how)s, %(when)s); your decision was not taken.") % values
