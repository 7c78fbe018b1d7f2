"""What staff do on a page of rows is written down: what they add and change with before and after, each action, each deletion.

This stands in place of Django's own log, which knows no brand, shows no values and can be changed.
"""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any, ClassVar, cast

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db.models import Manager, Model, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.translation import gettext as _

from loyalty.database import write
from loyalty.errors import InvalidRequest, LoyaltyError
from users.models import AuditEntry, AuditKind, Brand, Staff
from users.services.audit import note, note_each

MOST_ROWS = 1_000
"""Of how many rows an action is told one by one; of more it is told once, with their number."""
NEWEST = 200
Change = dict[str, tuple[Any, Any]]


class Audited:
    """Writes the entries of a page of rows, and shows those of a row as its history."""

    brand_path: ClassVar[str | None]
    model: type[Model]
    admin_site: Any

    def construct_change_message(self, request: HttpRequest, form: Any, formsets: Any, add: bool = False) -> Any:
        """Take down what a form changes, on its way to the log."""
        changes = changes_of(form)
        for formset in formsets or []:
            changes |= {
                f"{name}.{field}": values for name, form in _lines(formset) for field, values in changes_of(form).items()
            }
            changes |= {f"{formset.model._meta.model_name} {row.pk}": (str(row), None) for row in formset.deleted_objects}
        request.audited_changes = changes  # type: ignore[attr-defined]
        return super().construct_change_message(request, form, formsets, add)  # type: ignore[misc]

    def log_addition(self, request: HttpRequest, obj: Any, message: Any) -> None:
        """Write down a new row and what it was given."""
        after = {name: value for name, (_, value) in _changes(request).items() if value not in (None, "", [])}
        _note(self, request, AuditKind.ADD, obj, after=after)

    def log_change(self, request: HttpRequest, obj: Any, message: Any) -> None:
        """Write down what was changed, and nothing where nothing was."""
        if changes := _changes(request):
            before = {name: value for name, (value, _) in changes.items()}
            _note(
                self, request, AuditKind.CHANGE, obj, before=before, after={name: value for name, (_, value) in changes.items()}
            )

    def log_deletions(self, request: HttpRequest, queryset: Any) -> None:
        """Write down what is deleted, before it is."""
        self.note_action(request, "delete", queryset)

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        """Actions that know what they are called by when they do something to a row, and write that down."""
        found: dict[str, Any] = super().get_actions(request)  # type: ignore[misc]
        return {name: (_named(action, name), name, text) for name, (action, _, text) in found.items()}

    def act_on_each(self, request: HttpRequest, rows: QuerySet[Any], verb: Callable[[Any], object]) -> list[tuple[Any, object]]:
        """Do what was chosen to each row, written down in the transaction of that row; answers rows with what came of them.

        A refusal is told and written down, and stops no other. A verb that answers False has done nothing.
        """
        done = []
        for row in rows.order_by("pk"):
            try:
                outcome = write(partial(self._act, request, row, verb))
            except LoyaltyError as refusal:
                note_refusal(request, refusal, row)
                messages.error(request, f"{row}: {refusal}")
            else:
                done += [(row, outcome)] if outcome is not False else []
        return done

    def _act(self, request: HttpRequest, row: Any, verb: Callable[[Any], object]) -> object:
        outcome = verb(row)
        if outcome is not False:
            self.note_action(request, _action(request), [row])
        return outcome

    def set_on_each(self, request: HttpRequest, rows: QuerySet[Any], **values: Any) -> None:
        """Give those of the rows a value that have another, and write it down with it."""

        def effect() -> None:
            others = rows.exclude(**values)
            self.note_action(request, _action(request), others.order_by("pk"))
            others.update(**values)

        write(effect)

    def note_action(self, request: HttpRequest, name: str, rows: QuerySet[Any] | list[Any]) -> None:
        """Write down that someone does something to rows: one entry each, and a single one for very many."""
        some = list(rows[: MOST_ROWS + 1])
        staff, reason, at = cast(Staff, request.user), request.POST.get("reason", ""), timezone.now()
        told: dict[str, Any] = {"staff_id": staff.pk, "kind": AuditKind.ACTION, "reason": reason, "at": at}
        if len(some) <= MOST_ROWS:
            note_each(subjects=[(brand_of(self, row), row) for row in some], after={"action": name}, **told)
            return
        count = rows.count() if isinstance(rows, QuerySet) else len(rows)
        after = {"action": name, "model": self.model._meta.label_lower, "rows": count}
        note(brand_id=staff.brand_id, after=after, **told)

    def tell_look(self, request: HttpRequest, *rows: Model) -> None:
        """Write down that someone saw what is personal in rows: one entry each."""
        subjects = [(brand_of(self, row), row) for row in rows]
        note_each(subjects=subjects, staff_id=request.user.pk, kind=AuditKind.LOOK, at=timezone.now())

    def tell_list(self, request: HttpRequest, rows: Sequence[Model]) -> None:
        """Write down that someone saw a page of a list with what is personal in its rows: one entry, which tells its ends."""
        staff = cast(Staff, request.user)
        after = {"model": self.model._meta.label_lower, "rows": len(rows), "first": str(rows[0]), "last": str(rows[-1])}
        note(brand_id=staff.brand_id, staff_id=staff.pk, kind=AuditKind.LOOK, after=after, at=timezone.now())

    def history_view(self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """What was done to a row, newest first: by one's own side, where another brand has a part in it too."""
        row = self.get_object(request, object_id)  # type: ignore[attr-defined]
        if row is None:
            raise Http404
        if not self.has_view_or_change_permission(request, row):  # type: ignore[attr-defined]
            raise PermissionDenied
        own = cast(Staff, request.user).brand_id
        told = {
            "title": _("History: %s") % row,
            "entries": entries_about(row, brand_id=own if own is not None else brand_of(self, row))[:NEWEST],
            "object": row,
            "opts": self.model._meta,
        }
        context = self.admin_site.each_context(request) | told | (extra_context or {})
        return TemplateResponse(request, "admin/safety/history.html", context)


def note_refusal(request: HttpRequest, refusal: LoyaltyError, row: Model | None = None) -> None:
    """Write down what the services refused to do, by its code; what was only typed wrongly is no refusal."""
    if isinstance(refusal, InvalidRequest):
        return
    staff = cast(Staff, request.user)
    brand_id = row.pk if isinstance(row, Brand) else getattr(row, "brand_id", staff.brand_id)
    page = request.resolver_match.url_name if request.resolver_match is not None else ""
    told = {"refusal": refusal.code, "page": page, "action": _action(request)}  # a row may have a `code` of its own to hide
    after = {name: text for name, text in told.items() if text}
    note(brand_id=brand_id, staff_id=staff.pk, kind=AuditKind.REFUSED, subject=row, after=after, at=timezone.now())


def entries_about(row: Model, *, brand_id: int | None) -> QuerySet[AuditEntry]:
    """The entries about a row, newest first."""
    about = {"subject_model": row._meta.label_lower, "subject_id": str(row.pk)}
    return AuditEntry.objects.filter(brand=brand_id, **about).order_by("-at", "-pk")


def brand_of(page: Audited, row: Any) -> int | None:
    """Whose the row is; None for what is of no brand."""
    if isinstance(row, Brand):
        return row.pk
    if page.brand_path is None:
        return None
    *way, last = page.brand_path.split("__")
    for name in way:
        row = getattr(row, name)
    return cast("int | None", getattr(row, f"{last}_id"))


def changes_of(form: Any) -> Change:
    """What a form changes: field, before, after."""
    return {name: (_plain(form.initial.get(name)), _plain(form.cleaned_data.get(name))) for name in form.changed_data}


def _lines(formset: Any) -> Iterator[tuple[str, Any]]:
    """The lines of a table below a form that were written, each with a name."""
    for form in formset.forms:
        if form.instance.pk is not None and form.has_changed() and form not in formset.deleted_forms:
            yield f"{formset.model._meta.model_name} {form.instance.pk}", form


def _plain(value: Any) -> Any:
    """A form's value as JSON holds it."""
    match value:
        case Model():
            return value.pk
        case QuerySet() | Manager() | list() | tuple() | set():
            return sorted((_plain(part) for part in (value.all() if isinstance(value, Manager) else value)), key=str)
        case None | bool() | int() | str():
            return value
        case dict():
            return {str(name): _plain(part) for name, part in value.items()}
    return str(value)


def _changes(request: HttpRequest) -> Change:
    return cast(Change, getattr(request, "audited_changes", {}))


def _action(request: HttpRequest) -> str:
    return cast(str, getattr(request, "audited_action", ""))


def _note(page: Audited, request: HttpRequest, kind: AuditKind, row: Any, **told: Any) -> None:
    staff = cast(Staff, request.user)
    note(brand_id=brand_of(page, row), staff_id=staff.pk, kind=kind, subject=row, at=timezone.now(), **told)


def _named(action: Callable[..., Any], name: str) -> Callable[..., Any]:
    def run(page: Audited, request: HttpRequest, queryset: QuerySet[Any]) -> Any:
        request.audited_action = name  # type: ignore[attr-defined]
        return action(page, request, queryset)

    return run
