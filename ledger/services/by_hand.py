"""Staff move a member's points by hand: always with a reason, and above the brand's limit only when a second person approves.

The limit holds for what one of the staff moves on one account within a day, so that it cannot be passed in small steps. What a
second person approved does not count.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from django.db import transaction

from ledger.models import Account, Transaction
from ledger.services.acts import Act, How, act_of
from ledger.services.posting import Posted
from loyalty.database import write
from loyalty.errors import invalid_field
from users.errors import FormAlreadySent
from users.models import Approval, AuditKind, Brand
from users.services.approvals import (
    Question,
    ask_approval,
    check_reason,
    claim_approval,
    grant_approval,
)
from users.services.audit import note

RULE = "by_hand"
COUNTED_WITHIN = timedelta(days=1)
LONGEST_FORM = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Hand:
    """Who does it and why; `form` names the form that was filled in: sent twice, it does what it says once."""

    brand_id: int
    staff_id: int
    reason: str
    form: str

    @property
    def actor(self) -> str:
        """As the ledger's rows name them."""
        return f"staff:{self.staff_id}"

    @property
    def reference_id(self) -> str:
        """Once in the brand, for ever."""
        return f"{RULE}:{self.form}"


class Handled(NamedTuple):
    """What came of it: a row of the ledger, or an approval that waits for a second person."""

    transaction_id: int | None = None
    approval_id: int | None = None
    repeated: bool = False


def do_by_hand(*, act: Act, hand: Hand, at: datetime) -> Handled:
    """Do it, or ask for a second person where it passes the brand's limit. What could not be done now is not asked for.

    Raises what the act refuses, AlreadyAsked, FormAlreadySent (with other content), InvalidRequest naming reason.
    """
    hand = replace(hand, reason=check_reason(hand.reason))
    if not 0 < len(hand.form) <= LONGEST_FORM:
        raise invalid_field("form", f"1 to {LONGEST_FORM} characters")
    return write(lambda: _do(act, hand, at))


def approve_by_hand(*, brand_id: int, approval_id: int, staff_id: int, at: datetime) -> Posted:
    """Approve what another asked for, and do exactly that, once, in one transaction.

    Whatever the ledger refuses leaves the approval open. Raises ApprovalNotFound, ApprovalDecided, OwnApproval,
    NotSecondPerson.
    """

    def effect() -> Posted:
        approval = claim_approval(brand_id=brand_id, approval_id=approval_id, staff_id=staff_id, at=at)
        act = act_of(approval.kind, approval.asked["content"])
        seconded = {"approval": approval.pk, "digest": bytes(approval.digest).hex(), "approved_by": f"staff:{staff_id}"}
        how = How(
            actor=f"staff:{approval.asked_by_id}",
            reason=approval.reason,
            reference_id=f"approval:{approval.pk}:{bytes(approval.digest).hex()[:16]}",  # a name that nobody can take first
            explanation=_explained(act) | seconded,
        )
        posted = act.carry_out(act.hold(brand_id), how, at=at)
        grant_approval(approval, staff_id=staff_id, at=at, transaction_id=posted.id)
        return posted

    return write(effect)


def moved_by_hand(*, account: Account, staff_id: int, at: datetime) -> int:
    """Points that one of the staff moved on an account within the last day, those that another approved left out."""
    rows = Transaction.objects.filter(brand_id=account.brand_id, account=account, actor=f"staff:{staff_id}")
    recent = rows.filter(recorded_at__gt=at - COUNTED_WITHIN, explanation__rule=RULE).exclude(explanation__has_key="approval")
    return sum(why["points"] for why in recent.values_list("explanation", flat=True) if why is not None)


def _do(act: Act, hand: Hand, at: datetime) -> Handled:
    account = act.hold(hand.brand_id)
    earlier = _earlier(act, hand)
    if earlier is not None:
        return earlier
    points = act.points(account)
    how = How(hand.actor, hand.reason, hand.reference_id, _explained(act) | {"points": points})
    asked_before = Approval.objects.filter(brand_id=hand.brand_id, reference=hand.form).exists()
    if asked_before or _passes_limit(account, points, hand, at):
        if not asked_before:
            _rehearse(act, account, how, at)
        approval = ask_approval(question=_question(act, account, points, hand), at=at)
        return Handled(approval_id=approval.pk, repeated=asked_before)
    posted = act.carry_out(account, how, at=at)
    note(
        brand_id=hand.brand_id,
        staff_id=hand.staff_id,
        kind=AuditKind.ACTION,
        subject=account.member,
        after={"did": str(act.kind), "points": points, "transaction": posted.id},
        at=at,
    )
    return Handled(transaction_id=posted.id)


def _earlier(act: Act, hand: Hand) -> Handled | None:
    """What the same form did before, seen under the account's lock. Raises FormAlreadySent when it said something else."""
    row = Transaction.objects.filter(brand_id=hand.brand_id, reference_id=hand.reference_id).first()
    if row is None:
        return None
    why = row.explanation or {}
    if row.actor != hand.actor or {name: why.get(name) for name in ("rule", "kind", "asked")} != _explained(act):
        raise FormAlreadySent
    return Handled(transaction_id=row.pk, repeated=True)


def _passes_limit(account: Account, points: int, hand: Hand, at: datetime) -> bool:
    limit = Brand.objects.values_list("staff_limit_points", flat=True).get(pk=hand.brand_id)
    return limit is not None and moved_by_hand(account=account, staff_id=hand.staff_id, at=at) + points > limit


def _rehearse(act: Act, account: Account, how: How, at: datetime) -> None:
    """Do it and take it back, so that whoever asks hears at once what would be refused."""
    with transaction.atomic():
        act.carry_out(account, how, at=at)
        transaction.set_rollback(True)


def _question(act: Act, account: Account, points: int, hand: Hand) -> Question:
    return Question(
        brand_id=hand.brand_id,
        kind=act.kind,
        member_id=account.member_id,
        subject=act.subject,
        points=points,
        content=act.content(),
        reason=hand.reason,
        staff_id=hand.staff_id,
        form=hand.form,
    )


def _explained(act: Act) -> dict[str, Any]:
    return {"rule": RULE, "kind": str(act.kind), "asked": act.content()}
