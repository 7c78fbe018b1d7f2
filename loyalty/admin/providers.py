"""Providers: how a partner is reached and whether it is called; statements of both sides to compare."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display
from unfold.widgets import (
    UnfoldAdminIntegerFieldWidget,
    UnfoldAdminPasswordWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminSingleDateWidget,
)

from exchange.adapters.base import StatementUnavailableError
from exchange.models import AdapterKind, Provider, ProviderChange
from exchange.rules.reconciling import COLUMNS
from exchange.services.credentials import VARIABLE_PREFIX, set_secret
from exchange.services.providers import (
    HIGHEST_NUMBER,
    close_breaker,
    next_file_number,
    pause_provider,
    resume_provider,
    set_next_file_number,
)
from exchange.services.reconciling import our_statement, their_statement
from loyalty.admin.base import KeptAdmin, KeptForm, actor_of, staff_of
from loyalty.admin.spreadsheets import csv_response
from loyalty.admin.verbs import Link, Panel, ReasonedForm, Verb, VerbForm, VerbsAdmin
from users.models import AuditKind
from users.services.audit import note

MOST_LINES = 100
COLOURS = {"called": "success", "paused": "info", "open": "danger", "trying": "warning", "failing": "warning"}
SIDES = [("ours", _("ours: what we take for credited")), ("theirs", _("theirs: what the partner says"))]


class ProviderForm(KeptForm):
    """Takes a secret and never shows it."""

    new_secret = forms.CharField(
        label=_("New secret"),
        required=False,
        widget=UnfoldAdminPasswordWidget,
        help_text=_("Kept encrypted and never shown; empty leaves the one before."),
    )

    def clean(self) -> dict[str, Any]:
        """Refuse another brand's token, and terms that are no object."""
        told: dict[str, Any] = super().clean() or {}
        token, brand_id = told.get("token"), self.instance.brand_id or getattr(told.get("brand"), "pk", None)
        if token is not None and token.brand_id != brand_id:
            self.add_error("token", _("a token of the brand"))
        reached = {name: told.get(name) or {} for name in ("address", "adapter", "credential_id", "terms")}
        elsewhere = any(value != (getattr(self.instance, name) or {}) for name, value in reached.items())
        if self.instance.secret and elsewhere and not told.get("new_secret"):
            refusal = _("needed where a partner is reached in another way, so that none learns another's")
            self.add_error("new_secret", refusal)
        variable = told.get("secret_variable") or ""
        if variable and not variable.startswith(VARIABLE_PREFIX):
            self.add_error("secret_variable", _("begins with %(prefix)s") % {"prefix": VARIABLE_PREFIX})
        if not isinstance(told.get("terms") or {}, dict):
            self.add_error("terms", _("a JSON object"))
        told["terms"] = told.get("terms") or {}
        return told


class NumberForm(ReasonedForm):
    """The next file's number, and why."""

    number = forms.IntegerField(
        label=_("Number of the next file"), min_value=1, max_value=HIGHEST_NUMBER, widget=UnfoldAdminIntegerFieldWidget
    )
    field_order = ["number", "reason"]


class StatementForm(forms.Form):
    """Which statement."""

    day = forms.DateField(label=_("Day (UTC)"), widget=UnfoldAdminSingleDateWidget)
    side = forms.ChoiceField(label=_("Side"), choices=SIDES, widget=UnfoldAdminSelectWidget)


def _verb(service: Callable[..., object]) -> Callable[[HttpRequest, Provider, VerbForm], None]:
    """A verb that asks for a reason and, where the form has more, for that."""

    def act(request: HttpRequest, row: Provider, form: VerbForm) -> None:
        service(brand_id=row.brand_id, provider_id=row.pk, actor=actor_of(request), at=timezone.now(), **form.cleaned_data)

    return act


def _fails(row: Provider) -> bool:
    return bool(row.failures or row.files_failures or row.open_until is not None)


OPERATE = "exchange.operate_provider"


@admin.register(Provider)
class ProviderAdmin(VerbsAdmin, KeptAdmin):  # type: ignore[misc]
    """Providers."""

    form = ProviderForm
    list_display = ["programme", "brand", "adapter", "shown_state", "failures", "open_until", "files_fault"]
    list_select_related = ["brand", "programme"]
    readonly_fields = ["stands", "failures", "open_until", "files_due_at", "files_failures", "files_fault", "files_next"]
    exclude = ["active"]
    verbs = (
        Verb(
            name="pause",
            title=_("Pause"),
            permission=OPERATE,
            act=_verb(pause_provider),
            applies=lambda row: row.active,
            icon="pause",
            words=_("Orders are accepted, and wait until it is resumed."),
            done=_("The provider is paused."),
        ),
        Verb(
            name="resume",
            title=_("Resume"),
            permission=OPERATE,
            act=_verb(resume_provider),
            applies=lambda row: not row.active,
            icon="play_arrow",
            done=_("The provider is called again."),
        ),
        Verb(
            name="close_breaker",
            title=_("Close the breaker now"),
            permission=OPERATE,
            act=_verb(close_breaker),
            applies=_fails,
            icon="electrical_services",
            words=_("Its failures are forgotten, and calls and files go out at once. When they fail, it opens again."),
            done=_("The breaker is closed."),
        ),
        Verb(
            name="number_files",
            title=_("Set the next file's number"),
            permission=OPERATE,
            act=_verb(set_next_file_number),
            form=NumberForm,
            applies=lambda row: row.adapter == AdapterKind.ACCRUAL_FILES,
            initial=lambda row: {"number": max(next_file_number(row), row.files_next or 1)},
            icon="tag",
            words=_("After a restore the partner may have had files that we know nothing of: go on after its last number."),
            done=_("The next file takes that number."),
        ),
    )

    def get_urls(self) -> list[URLPattern]:
        """The statements of both sides."""
        page = path(
            "<path:object_id>/statements/", self.admin_site.admin_view(self.statements), name="exchange_provider_statements"
        )
        return [page, *super().get_urls()]

    @display(description=_("calls"), label=COLOURS)  # type: ignore[arg-type]
    def shown_state(self, row: Provider) -> tuple[str, Any]:
        """Whether it is called: its circuit breaker, in a word."""
        if not row.active:
            return "paused", _("paused")
        if row.open_until is not None:
            opened = timezone.now() < row.open_until
            return ("open", _("breaker open")) if opened else ("trying", _("one call, to try"))
        failing = row.failures or row.files_failures
        return ("failing", _("called, failing")) if failing else ("called", _("called"))

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """Write what was changed, and the secret encrypted; the audit tells that there is a new one."""
        self.claim(request, obj, change=change)
        obj.save(update_fields=[name for name in form.changed_data if name != "new_secret"] if change else None)
        if form.cleaned_data["new_secret"]:
            set_secret(provider=obj, secret=form.cleaned_data["new_secret"])

    def facts(self, row: Provider) -> list[tuple[Any, Any]]:
        """How it stands."""
        return [
            (_("provider"), row),
            (_("calls"), self.shown_state(row)[1]),
            (_("failures in a row"), row.failures),
            (_("breaker open until"), row.open_until),
            (_("files that failed in a row"), row.files_failures),
        ]

    def panels(self, request: HttpRequest, row: Provider) -> list[Panel]:
        """What staff did."""
        changes = ProviderChange.objects.filter(brand_id=row.brand_id, provider=row).order_by("-pk")[:MOST_LINES]
        lines = [(one.at, one.get_verb_display(), one.actor, one.reason) for one in changes]
        return [Panel(title=_("History"), headers=(_("at"), _("what"), _("by"), _("reason")), rows=lines)]

    def links(self, request: HttpRequest, row: Provider) -> list[Link]:
        """A way to the statements."""
        if not staff_of(request).has_perm("exchange.export_statement"):
            return []
        address = reverse("admin:exchange_provider_statements", args=[row.pk])
        return [Link(title=_("Statements"), icon="table_view", address=address)]

    def statements(self, request: HttpRequest, object_id: str) -> HttpResponse | StreamingHttpResponse:
        """Ask for day and side; answer with the statement as CSV."""
        provider = self.get_scoped_object(request, object_id, permission="exchange.export_statement")
        yesterday = (datetime.now(UTC) - timedelta(days=1)).date()
        form = StatementForm(request.POST) if request.method == "POST" else StatementForm(initial={"day": yesterday})
        if request.method == "POST" and form.is_valid():
            try:
                return self._download(request, provider, form.cleaned_data["day"], form.cleaned_data["side"])
            except StatementUnavailableError as error:
                messages.error(request, _("The partner's statement cannot be had now: %(why)s") % {"why": error})
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": _("Statements"),
            "subtitle": str(provider),
            "verb": {"title": _("Download"), "words": _("Reference, amount and instant of each credit of a day.")},
            "form": form,
            "repeatable": True,
            "back": self.address_of(provider),
            "media": self.media + form.media,
        }
        return TemplateResponse(request, "admin/verb.html", context)

    def _download(self, request: HttpRequest, provider: Provider, day: date, side: str) -> StreamingHttpResponse:
        lines = our_statement(provider, day) if side == "ours" else their_statement(provider, day)
        note(
            brand_id=provider.brand_id,
            staff_id=staff_of(request).pk,
            kind=AuditKind.EXPORT,
            subject=provider,
            after={"day": day, "side": side, "lines": len(lines)},
            at=timezone.now(),
        )
        rows = ((line.reference, line.amount, line.credited_at) for line in lines)
        return csv_response(f"{provider.programme.implementation_name}-{day}-{side}", COLUMNS, rows)
