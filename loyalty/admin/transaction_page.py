"""All that is known of one transaction: its place in the chain, its lots, what it undoes, and what it belongs to."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.db.models import Q
from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext as _

from exchange.models import ExchangeOrder
from ledger.models import Lot, Note, Transaction, TransactionType
from ledger.rules.lots import pairs
from ledger.services.account_proof import recomputed_hash
from loyalty.admin.base import staff_of
from loyalty.admin.linking import Link, link_to
from loyalty.admin.personalisation_queue import in_words
from rewards.models import Action, Code, Collectible, Earning, Reward
from rewards.selectors import CODE_TYPES

MOST_LOTS, MOST_REVERSALS = 100, 50
BOUGHT = {TransactionType.POINTS_TO_REWARDS, TransactionType.CODE_TO_EXTERNAL_REWARDS}
ITEMS = {TransactionType.CREDIT_NFT, TransactionType.CODE_TO_NFT, TransactionType.NFT_PERSONALISATION}


@dataclass(frozen=True, slots=True)
class TouchedLot:
    """A lot that the transaction opened, took from, gave back to or extended."""

    opened_by: Link
    part: int
    opened: bool
    lot: Lot | None


@dataclass(frozen=True, slots=True)
class ChainLink:
    """One of the chain: the transaction, its page, and its hashes."""

    row: Transaction
    link: Link
    hash: str
    previous_hash: str


def page_of(request: HttpRequest, row: Transaction) -> dict[str, Any]:
    """What the page shows."""
    allocation = pairs(row.lots)[:MOST_LOTS]
    near = _by_number(row, {row.sequence - 1, row.sequence + 1, *(number for number, _part in allocation)})
    before, after = near.get(row.sequence - 1), near.get(row.sequence + 1)
    undone, reversals = _reversals(row)
    return {
        "row": row,
        "facts": list(_facts(request, row)),
        "belongs": list(_belongs(request, row)),
        "words": in_words(row),
        "explanation": json.dumps(row.explanation, indent=2, ensure_ascii=False) if row.explanation else "",
        "note": _note(request, row),
        "chain": _chain(request, row, before, after),
        "lots": _lots(request, row, near, allocation),
        "more_lots": len(row.lots or ()) // 2 > MOST_LOTS,
        "reverses": link_to(request, undone) if undone is not None else None,
        "reversals": [(link_to(request, one), one.amount) for one in reversals[:MOST_REVERSALS]],
        "left": row.amount + sum(one.amount for one in reversals) if reversals else None,
        "account_address": reverse("admin:ledger_account_change", args=[row.account_id]),
        "account_rows_address": f"{reverse('admin:ledger_transaction_changelist')}?account={row.account_id}",
        "may_verify": staff_of(request).has_perm("ledger.view_account"),
    }


def _by_number(row: Transaction, numbers: set[int]) -> dict[int, Transaction]:
    rows = Transaction.objects.filter(brand_id=row.brand_id, account_id=row.account_id, sequence__in=numbers)
    return {one.sequence: one for one in rows}


def _facts(request: HttpRequest, row: Transaction) -> Iterator[tuple[str, Any]]:
    account = row.account
    yield _("Number"), row.pk
    yield _("Member"), link_to(request, account.member, account.member.auth_id or account.member.public_id)
    yield _("Account"), link_to(request, account)
    yield _("Token"), link_to(request, account.token)
    yield _("Type"), row.get_type_display()
    yield _("Amount"), row.amount
    yield _("Balance after"), row.balance_after
    yield _("Sequence in the account"), row.sequence
    yield _("Comes from or goes to"), row.get_counterpart_display()
    yield _("Reference"), row.reference_id
    yield _("Actor"), row.actor
    yield _("Happened at"), row.effective_at
    yield _("Recorded at"), row.recorded_at
    yield _("Lapses at"), row.expires_at
    yield _("Digest of its note"), bytes(row.note_digest).hex() if row.note_digest is not None else None


def _belongs(request: HttpRequest, row: Transaction) -> Iterator[tuple[str, Link]]:
    """The reward, order, code, action or items that the transaction is about."""
    why = row.explanation if isinstance(row.explanation, dict) else {}
    if row.type in BOUGHT:
        for reward in Reward.objects.select_related("reward_type").filter(brand_id=row.brand_id, transaction=row):
            yield _("Reward"), link_to(request, reward, reward.reward_type.name)
    if row.type in {TransactionType.EXCHANGE, TransactionType.CODE_TO_EXTERNAL_REWARDS}:
        for order in ExchangeOrder.objects.filter(brand_id=row.brand_id, transaction=row):
            yield _("Exchange"), link_to(request, order)
    if row.type in CODE_TYPES and isinstance(why.get("code"), int):
        for code in Code.objects.select_related("campaign").filter(brand_id=row.brand_id, pk=why["code"]):
            yield _("Code"), link_to(request, code, _("Code %(number)s") % {"number": code.pk})
            yield _("Campaign"), link_to(request, code.campaign, code.campaign.name)
    yield from _gained(request, row, why)
    if row.type in ITEMS:
        yield from _items(request, row, why)


def _gained(request: HttpRequest, row: Transaction, why: dict[str, Any]) -> Iterator[tuple[str, Link]]:
    """What a member did for it: an action, or a purchase."""
    if row.type == TransactionType.EVENT:
        for action in Action.objects.filter(brand_id=row.brand_id, pk=why.get("action", 0)):
            yield _("Action"), link_to(request, action, action.name)
    if row.type == TransactionType.EARN:
        for earning in Earning.objects.filter(brand_id=row.brand_id, posting=row):
            yield _("Earning"), link_to(request, earning, earning.transaction_id)


def _items(request: HttpRequest, row: Transaction, why: dict[str, Any]) -> Iterator[tuple[str, Link]]:
    serials = [number for number in why.get("serials", []) if isinstance(number, int)][:MOST_LOTS]
    items = Collectible.objects.filter(brand_id=row.brand_id, token_id=row.account.token_id, serial__in=serials)
    for item in items.order_by("serial"):
        yield _("Collectible"), link_to(request, item, f"{row.account.token.name} {item.serial}")


def _note(request: HttpRequest, row: Transaction) -> str:
    """The free text to the transaction, for those who may see personal data."""
    if row.note_digest is None or not staff_of(request).has_perm("users.view_personal_data"):
        return ""
    return Note.objects.filter(brand_id=row.brand_id, transaction=row).values_list("text", flat=True).first() or ""


def _chain(request: HttpRequest, row: Transaction, before: Transaction | None, after: Transaction | None) -> dict[str, Any]:
    stored, recomputed = bytes(row.hash), recomputed_hash(row)
    expected_before = bytes(before.hash) if before is not None else bytes(32)
    return {
        "before": _chain_link(request, before),
        "row": _chain_link(request, row),
        "after": _chain_link(request, after),
        "recomputed": recomputed.hex(),
        "hash_holds": stored == recomputed,
        "continues": bytes(row.previous_hash) == expected_before and (before is not None or row.sequence == 1),
        "is_continued": after is None or bytes(after.previous_hash) == stored,
    }


def _chain_link(request: HttpRequest, row: Transaction | None) -> ChainLink | None:
    if row is None:
        return None
    return ChainLink(row, link_to(request, row), bytes(row.hash).hex(), bytes(row.previous_hash).hex())


def _lots(
    request: HttpRequest, row: Transaction, near: dict[int, Transaction], allocation: list[tuple[int, int]]
) -> list[TouchedLot]:
    if not allocation:
        return []
    lots = Lot.objects.filter(brand_id=row.brand_id, account_id=row.account_id, sequence__in=dict(allocation))
    by_number = {lot.sequence: lot for lot in lots}
    near = near | {row.sequence: row}
    return [
        TouchedLot(
            link_to(request, near[number], f"#{number}") if number in near else Link(f"#{number}"),
            part,
            number == row.sequence,
            by_number.get(number),
        )
        for number, part in allocation
    ]


def _reversals(row: Transaction) -> tuple[Transaction | None, list[Transaction]]:
    """What it undoes, and what undoes it."""
    related = Transaction.objects.filter(Q(reverses=row) | Q(pk=row.reverses_id), brand_id=row.brand_id).order_by("pk")
    rows = list(related[: 10 * MOST_REVERSALS])
    undone = next((one for one in rows if one.pk == row.reverses_id), None)
    return undone, [one for one in rows if one.reverses_id == row.pk]
