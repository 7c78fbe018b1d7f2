"""A parked exchange is ended by hand by two of the staff: one says what the partner told, another approves exactly that."""

from datetime import datetime
from typing import Any

from django.db import transaction

from exchange.errors import OrderNotFound
from exchange.models import ExchangeOrder
from exchange.services.desk import refund_by_hand, settle_by_hand
from loyalty.database import write
from users.models import Approval, ApprovalKind
from users.services.approvals import Question, ask_approval, check_reason, claim_approval, grant_approval


def ask_settlement(
    *, brand_id: int, order_id: int, staff_id: int, reason: str, form: str, at: datetime, credited: int | None = None
) -> Approval:
    """Ask to settle a parked exchange, for so many units where the partner credited only those.

    Raises what settling refuses now, AlreadyAsked, FormAlreadySent.
    """
    content = {"order_id": order_id, "credited": credited}
    return _ask(brand_id, ApprovalKind.SETTLEMENT, content, staff_id, reason=reason, form=form, at=at)


def ask_refund(*, brand_id: int, order_id: int, staff_id: int, reason: str, form: str, at: datetime) -> Approval:
    """Ask to give the points of a parked exchange back. Raises what refunding refuses now, AlreadyAsked, FormAlreadySent."""
    return _ask(brand_id, ApprovalKind.REFUND, {"order_id": order_id}, staff_id, reason=reason, form=form, at=at)


def approve_ending(*, brand_id: int, approval_id: int, staff_id: int, at: datetime) -> ExchangeOrder:
    """Approve how another wants a parked exchange to end, and end it so, once, in one transaction.

    Where it cannot be ended so any more, as after a late answer of the partner, the approval stays open. Raises OrderMoved,
    ApprovalNotFound, ApprovalDecided, OwnApproval, NotSecondPerson.
    """

    def effect() -> ExchangeOrder:
        approval = claim_approval(brand_id=brand_id, approval_id=approval_id, staff_id=staff_id, at=at)
        content = approval.asked["content"]
        before = ExchangeOrder.objects.filter(pk=content["order_id"]).values_list("reversal_id", flat=True).get()
        actor = f"staff:{approval.asked_by_id}"
        order = _end(brand_id, approval.kind, content, actor=actor, reason=approval.reason, at=at)
        moved = order.reversal_id if order.reversal_id != before else None
        grant_approval(approval, staff_id=staff_id, at=at, transaction_id=moved)
        return order

    return write(effect)


def _ask(
    brand_id: int, kind: ApprovalKind, content: dict[str, Any], staff_id: int, *, reason: str, form: str, at: datetime
) -> Approval:
    told = check_reason(reason)

    def effect() -> Approval:
        order = ExchangeOrder.objects.filter(brand_id=brand_id, pk=content["order_id"]).first()
        if order is None:
            raise OrderNotFound
        if not Approval.objects.filter(brand_id=brand_id, reference=form).exists():
            with transaction.atomic():  # do it and take it back: who asks hears at once what would be refused
                _end(brand_id, kind, content, actor=f"staff:{staff_id}", reason=told, at=at)
                transaction.set_rollback(True)
        question = Question(
            brand_id=brand_id,
            kind=kind,
            member_id=order.member_id,
            subject=f"exchange:{order.pk}",
            points=order.points,
            content=content,
            reason=told,
            staff_id=staff_id,
            form=form,
        )
        return ask_approval(question=question, at=at)

    return write(effect)


def _end(brand_id: int, kind: str, content: dict[str, Any], **why: Any) -> ExchangeOrder:
    terms = {"brand_id": brand_id, "order_id": content["order_id"], **why}
    if kind == ApprovalKind.REFUND:
        return refund_by_hand(**terms)
    return settle_by_hand(**terms, credited=content["credited"])
