"""What pages do with the outcome of a verb: tell a refusal without losing the form, write down what was done."""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from django.contrib import messages
from django.db.models import Model
from django.forms import Form
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from unfold import decorators

from loyalty.admin.audited import note_refusal
from loyalty.admin.base import staff_of
from loyalty.errors import LoyaltyError
from users.models import AuditKind
from users.services.audit import note

Column = TypeVar("Column", bound=Callable[..., Any])


def labelled(*, description: Any, label: Mapping[str, str], ordering: str | None = None) -> Callable[[Column], Column]:
    """Mark a column whose values stand in coloured labels, by value."""
    mark: Callable[[Column], Column] = decorators.display(description=description, label=dict(label), ordering=ordering)
    return mark


def tell(request: HttpRequest, refusal: LoyaltyError, row: Model | None) -> None:
    """Say above the next page why something was not done to a row, and write down that it was refused."""
    note_refusal(request, refusal, row)
    messages.error(request, str(refusal))


def tell_form(form: Form, refusal: LoyaltyError) -> None:
    """Say at the fields of a form why it was refused; above them where no field is to blame."""
    at_fields = [error for error in refusal.errors if error.field in form.fields]
    for error in at_fields:
        form.add_error(error.field, error.detail)
    if not at_fields:
        form.add_error(None, str(refusal))


def note_move(
    request: HttpRequest, subject: Model, *, before: Mapping[str, Any], after: Mapping[str, Any], kind: str = AuditKind.ACTION
) -> None:
    """Write down what someone did at a page of its own."""
    note(
        brand_id=getattr(subject, "brand_id", None),
        staff_id=staff_of(request).pk,
        kind=AuditKind(kind),
        subject=subject,
        before=before,
        after=after,
        at=timezone.now(),
    )


def page_of(row: Model) -> str:
    """The address of a row's page."""
    return reverse(f"admin:{row._meta.app_label}_{row._meta.model_name}_change", args=[row.pk])
