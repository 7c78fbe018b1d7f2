"""What an approval asks for, in words and figures, beside what the member has now."""

from collections.abc import Callable
from datetime import datetime
from typing import Any, NamedTuple

from django.db.models import Sum
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from exchange.models import ExchangeOrder
from ledger.models import Account, Lot, Token, Transaction
from ledger.selectors import balances_of
from users.models import Approval, ApprovalKind, Member


class Fact(NamedTuple):
    """One line: what it is, and how much; `strong` for what matters most."""

    label: Promise | str
    value: object
    strong: bool = False


def facts_of(approval: Approval, *, at: datetime) -> list[Fact]:
    """Exactly what is asked, and the balance before and after it."""
    return READERS[approval.kind](approval, approval.asked["content"], at)


def left_of(row: Transaction) -> int:
    """Points of a transaction that are not reversed yet."""
    undone: int = row.reversals.aggregate(total=Sum("amount", default=0))["total"]
    return abs(row.amount) - abs(undone)


def held(member: Member | None, token_id: int, *, at: datetime) -> int:
    """What a member can spend of a token now."""
    if member is None or member.erased_at is not None:
        return 0
    return next((one.points for one in balances_of(member, at=at) if one.token.pk == token_id), 0)


def _movement(approval: Approval, content: dict[str, Any], at: datetime) -> list[Fact]:
    token = Token.objects.get(brand_id=approval.brand_id, pk=content["token_id"])
    amount, before = content["amount"], held(approval.member, token.pk, at=at)
    return [
        Fact(_("Points to give") if amount > 0 else _("Points to take"), abs(amount), strong=True),
        Fact(_("Token"), token),
        *_balances(approval, before, amount),
    ]


def _reversal(approval: Approval, content: dict[str, Any], at: datetime) -> list[Fact]:
    rows = Transaction.objects.select_related("account__token")
    row = rows.get(brand_id=approval.brand_id, pk=content["transaction_id"])
    back = content["amount"] if row.amount < 0 else -content["amount"]
    return [
        Fact(_("Points to give back") if back > 0 else _("Points to take back"), content["amount"], strong=True),
        Fact(_("Of the transaction"), f"{row.pk}, {row.get_type_display()}, {row.amount:+d} {row.account.token.symbol}"),
        Fact(_("Recorded"), approval.brand.local_text(row.recorded_at)),
        Fact(_("Left of it"), left_of(row)),
        *_balances(approval, held(approval.member, row.account.token_id, at=at), back),
    ]


def _extension(approval: Approval, content: dict[str, Any], at: datetime) -> list[Fact]:
    account = Account.objects.select_related("token").get(brand_id=approval.brand_id, pk=content["account_id"])
    lots = Lot.objects.filter(brand_id=approval.brand_id, account=account, sequence__in=content["lots"])
    until = approval.brand.local_text(datetime.fromisoformat(content["expires_at"]))
    told = [
        Fact(
            _("Points of transaction number %(number)d") % {"number": lot.sequence},
            _("%(points)d left, until %(instant)s")
            % {"points": lot.remaining, "instant": approval.brand.local_text(lot.expires_at)},
        )
        for lot in lots.order_by("expires_at", "sequence")
    ]
    return [
        Fact(_("New expiry"), until, strong=True),
        Fact(_("Token"), account.token),
        *told,
        Fact(_("Balance now"), held(approval.member, account.token_id, at=at)),
    ]


def _ending(approval: Approval, content: dict[str, Any], at: datetime) -> list[Fact]:
    orders = ExchangeOrder.objects.select_related("partnership__token_a", "token_b")
    order = orders.get(brand_id=approval.brand_id, pk=content["order_id"])
    credited = content.get("credited")
    effect: Promise | str
    if approval.kind == ApprovalKind.REFUND:
        effect = _("The points come back to the member")
    elif credited is None:
        effect = _("All was credited: the points stay taken")
    else:
        effect = _("Only %(credited)d were credited: the points of the rest come back") % {"credited": credited}
    return [
        Fact(_("What is asked"), effect, strong=True),
        Fact(_("Exchange"), order.reference),
        Fact(_("Points"), f"{order.points} {order.partnership.token_a.symbol}"),
        Fact(_("For"), f"{order.received} {order.token_b.symbol}"),
        Fact(_("State now"), order.state),
        Fact(_("Balance now"), held(approval.member, order.partnership.token_a_id, at=at)),
    ]


def _balances(approval: Approval, before: int, amount: int) -> list[Fact]:
    """Before and after, as long as it is not decided."""
    if approval.decided_at is not None:
        return [Fact(_("Balance now"), before)]
    return [Fact(_("Balance now"), before), Fact(_("Balance after"), before + amount)]


READERS: dict[str, Callable[[Approval, dict[str, Any], datetime], list[Fact]]] = {
    ApprovalKind.CREDIT: _movement,
    ApprovalKind.DEBIT: _movement,
    ApprovalKind.REVERSAL: _reversal,
    ApprovalKind.EXTENSION: _extension,
    ApprovalKind.SETTLEMENT: _ending,
    ApprovalKind.REFUND: _ending,
}
