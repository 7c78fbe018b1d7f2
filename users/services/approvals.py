"""Four eyes: one of the staff asks for exactly one thing, and another decides.

The rooms that do things know what their content means. They call `ask_approval`, and, when somebody approves, hold the
row by `claim_approval`, do what it says, and write the decision by `grant_approval`, all in one transaction: where the
effect is refused the approval stays open.
"""

import hashlib
import json
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db import connection
from django.db.models import Q

from loyalty.database import write
from loyalty.errors import invalid_field
from users.errors import (
    AlreadyAsked,
    ApprovalDecided,
    ApprovalNotFound,
    FormAlreadySent,
    NotAsker,
    NotSecondPerson,
    OwnApproval,
    UserNotFound,
)
from users.models import Approval, ApprovalKind, ApprovalState, AuditKind, Member, Staff
from users.models.approvals import new_salt
from users.services.audit import note
from users.services.staff import hands_of_both

LIFETIME = timedelta(days=7)
LONGEST_REASON = 200


class ApprovalBrokenError(RuntimeError):
    """A row's content is not what its digest says: someone changed it behind the database's back."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What is asked: `content` is all that its kind needs to do it later, `form` names the form it was typed into."""

    brand_id: int
    kind: ApprovalKind
    member_id: int | None
    subject: str
    points: int
    content: dict[str, Any]
    reason: str
    staff_id: int
    form: str
    salt: bytes = field(default_factory=new_salt, repr=False)

    def asked(self) -> dict[str, Any]:
        """All of it as it is kept and digested, the reason by its salted digest."""
        known = {"brand": self.brand_id, "kind": str(self.kind), "subject": self.subject, "points": self.points}
        return known | {"content": self.content, "reason": _reason_digest(self.salt, self.reason)}


def check_reason(reason: str) -> str:
    """The reason without blanks around it; refuse none at all, and a long one."""
    told = reason.strip()
    if not told or len(told) > LONGEST_REASON:
        raise invalid_field("reason", f"1 to {LONGEST_REASON} characters")
    return told


def digest_of(asked: dict[str, Any]) -> bytes:
    """SHA-256 of what is asked as canonical JSON: keys in order, no blanks, UTF-8."""
    return hashlib.sha256(json.dumps(asked, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()).digest()


def _reason_digest(salt: bytes, reason: str) -> str:
    return hashlib.sha256(salt + reason.encode()).hexdigest()


def ask_approval(*, question: Question, at: datetime) -> Approval:
    """Ask for a second person's decision. A form that is sent twice asks once.

    Raises AlreadyAsked while the same subject waits, FormAlreadySent, UserNotFound, ApprovalNotFound (the staff are of
    another brand), InvalidRequest naming reason.
    """
    check_reason(question.reason)
    return write(lambda: _ask(question, at))


def _ask(question: Question, at: datetime) -> Approval:
    _check_staff(question.brand_id, question.staff_id)
    if question.member_id is not None:  # held, so that no reason is written behind an erasure's back
        lock_member(brand_id=question.brand_id, member_id=question.member_id)
    of_brand = Approval.objects.filter(brand_id=question.brand_id)
    earlier = of_brand.filter(reference=question.form).first()
    if earlier is not None:
        if (earlier.kind, earlier.asked["content"], earlier.asked_by_id) != (
            question.kind,
            question.content,
            question.staff_id,
        ):
            raise FormAlreadySent
        return earlier
    waiting = of_brand.filter(subject=question.subject, state=ApprovalState.ASKED)
    _lapse(waiting.filter(until__lte=at), at)
    if waiting.exists():
        raise AlreadyAsked
    asked = question.asked()
    approval = Approval.objects.create(
        brand_id=question.brand_id,
        kind=question.kind,
        member_id=question.member_id,
        subject=question.subject,
        points=question.points,
        asked=asked,
        digest=digest_of(asked),
        reason=question.reason,
        reason_salt=question.salt,
        reference=question.form,
        asked_by_id=question.staff_id,
        asked_at=at,
        until=at + LIFETIME,
    )
    _note(approval, question.staff_id, at, before=None)
    return approval


def claim_approval(*, brand_id: int, approval_id: int, staff_id: int, at: datetime) -> Approval:
    """Hold an approval that `staff_id` may decide about, inside the transaction of what it asks for.

    Raises ApprovalNotFound, ApprovalDecided (or expired), OwnApproval, NotSecondPerson.
    """
    approval = _held(brand_id, approval_id, staff_id, at)
    if approval.asked_by_id == staff_id:
        raise OwnApproval
    _judge_second_person(approval.asked_by_id, staff_id)
    if digest_of(approval.asked) != bytes(approval.digest) or approval.asked["reason"] != _reason_digest(
        bytes(approval.reason_salt or b""), approval.reason
    ):
        raise ApprovalBrokenError(f"approval {approval.pk} does not hold what was asked")
    return approval


def grant_approval(
    approval: Approval, *, staff_id: int, at: datetime, transaction_id: int | None = None, reason: str = ""
) -> None:
    """Write that what a claimed approval asks for is done, in the same transaction."""
    approval.transaction_id = transaction_id
    _decide(approval, ApprovalState.APPROVED, staff_id, at, reason)


def refuse_approval(*, brand_id: int, approval_id: int, staff_id: int, reason: str, at: datetime) -> Approval:
    """Say no, and why.

    Raises ApprovalNotFound, ApprovalDecided, OwnApproval, NotSecondPerson, InvalidRequest naming reason.
    """
    told = check_reason(reason)

    def effect() -> Approval:
        approval = claim_approval(brand_id=brand_id, approval_id=approval_id, staff_id=staff_id, at=at)
        _decide(approval, ApprovalState.REFUSED, staff_id, at, told)
        return approval

    return write(effect)


def withdraw_approval(*, brand_id: int, approval_id: int, staff_id: int, at: datetime) -> Approval:
    """Take back what one has asked for. Raises ApprovalNotFound, ApprovalDecided, NotAsker."""

    def effect() -> Approval:
        approval = _held(brand_id, approval_id, staff_id, at)
        if approval.asked_by_id != staff_id:
            raise NotAsker
        _decide(approval, ApprovalState.WITHDRAWN, staff_id, at, "")
        return approval

    return write(effect)


def may_be_one(asker_id: int, decider_id: int) -> bool:
    """Whether the same person may sit at both accounts: one let the other in, or somebody let in both."""
    asker, decider = hands_of_both(asker_id, decider_id)
    return not asker.isdisjoint(decider)


def lapse_due_approvals(*, at: datetime) -> int:
    """Close approvals that nobody decided about in time; answers how many."""
    return write(lambda: _lapse(Approval.objects.filter(state=ApprovalState.ASKED, until__lte=at), at))


def forget_approvals(*, member: Member, at: datetime) -> None:
    """Close what waits about a member who is being erased, and empty the reasons of all that was asked about them."""
    about = Approval.objects.filter(brand_id=member.brand_id, member=member)
    _lapse(about.filter(state=ApprovalState.ASKED), at)
    about.exclude(reason="", decision_reason="").update(reason="", reason_salt=None, decision_reason="")


def close_approvals(*, member: Member, at: datetime) -> None:
    """Close what waits about a member who was merged into another: it was asked for the one, and not for the other."""
    _lapse(Approval.objects.filter(brand_id=member.brand_id, member=member, state=ApprovalState.ASKED), at)


def lock_member(*, brand_id: int, member_id: int) -> Member:
    """A member who is not erased, held against erasure until the transaction ends. Raises UserNotFound."""
    members = Member.objects.select_for_update(no_key=True)
    member = members.filter(brand_id=brand_id, pk=member_id, erased_at__isnull=True).first()
    if member is None:
        raise UserNotFound
    return member


def _held(brand_id: int, approval_id: int, staff_id: int, at: datetime) -> Approval:
    assert connection.in_atomic_block, "an approval is claimed in the transaction of its effect"
    _check_staff(brand_id, staff_id)
    approval = Approval.objects.select_for_update(no_key=True).filter(brand_id=brand_id, pk=approval_id).first()
    if approval is None:
        raise ApprovalNotFound
    if approval.state != ApprovalState.ASKED:
        raise ApprovalDecided
    if approval.until <= at:
        raise ApprovalDecided("Nobody decided about this in time: it must be asked for anew")
    return approval


def _check_staff(brand_id: int, staff_id: int) -> None:
    """Refuse who does not work for the brand or the house, in words that do not tell whether the approval exists."""
    if not Staff.objects.filter(Q(brand_id=brand_id) | Q(brand__isnull=True), pk=staff_id, is_active=True).exists():
        raise ApprovalNotFound


def _judge_second_person(asker_id: int, decider_id: int) -> None:
    """Refuse whoever may be the asker. Both are held: who lets one of them in anew has done so before, or does it after."""
    both = Staff.objects.select_for_update(no_key=True).filter(pk__in=[asker_id, decider_id])
    list(both.order_by("pk").values_list("pk"))
    if may_be_one(asker_id, decider_id):
        raise NotSecondPerson


def _decide(approval: Approval, state: ApprovalState, staff_id: int, at: datetime, reason: str) -> None:
    approval.state, approval.decided_by_id, approval.decided_at, approval.decision_reason = state, staff_id, at, reason
    approval.save(update_fields=["state", "decided_by", "decided_at", "decision_reason", "transaction_id"])
    _note(approval, staff_id, at, before=ApprovalState.ASKED)


def _lapse(approvals: Any, at: datetime) -> int:
    lapsed = list(approvals.select_for_update(no_key=True).order_by("pk"))
    for approval in lapsed:
        approval.state, approval.decided_at = ApprovalState.EXPIRED, at
        approval.save(update_fields=["state", "decided_at"])
    return len(lapsed)


def _note(approval: Approval, staff_id: int, at: datetime, *, before: ApprovalState | None) -> None:
    """Write it down for ever: what and how much, not why, which may be personal and stands in the row itself."""
    known = {"kind": approval.kind, "points": approval.points, "state": str(approval.state)}
    done = known if approval.transaction_id is None else known | {"transaction": approval.transaction_id}
    note(
        brand_id=approval.brand_id,
        staff_id=staff_id,
        kind=AuditKind.APPROVAL,
        subject=approval,
        before={} if before is None else {"state": str(before)},
        after=done,
        at=at,
    )
