"""Pages for verbs: one asks what a verb needs, does it once, says what came of it, and loses nothing that was typed.

A verb belongs to a model's page. It stands as a button on the pages of rows that it applies to, and writes the audit in the
transaction of what it does.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, ClassVar

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache
from unfold.widgets import UnfoldAdminTextareaWidget

from loyalty.admin.audited import note_refusal
from loyalty.admin.base import BrandAdmin, staff_of
from loyalty.admin.reauthentication import recently_authenticated
from loyalty.database import write
from loyalty.errors import LoyaltyError
from users.models import AuditKind, Staff
from users.services.audit import note

LONGEST_REASON = 200
Text = str | Promise


class VerbForm(forms.Form):
    """What a verb asks for; it knows whom it asks, and about which row (None where it makes one)."""

    unaudited: ClassVar[frozenset[str]] = frozenset()
    """Fields that the audit does not keep."""

    def __init__(self, *arguments: Any, staff: Staff, row: Any = None, **terms: Any) -> None:
        super().__init__(*arguments, **terms)
        self.staff, self.row = staff, row

    def told(self) -> dict[str, Any]:
        """What was asked for, as the audit keeps it."""
        kept = self.cleaned_data.keys() - self.unaudited - {"reason"}
        return {name: _plain(self.cleaned_data[name]) for name in sorted(kept)}

    def was(self) -> dict[str, Any]:
        """What it stood at before, as the audit keeps it; read before anything is done."""
        return {}

    def refuse(self, refusal: LoyaltyError) -> None:
        """Say what was refused, beside the fields that it names."""
        fields = [fault for fault in refusal.errors if fault.field in self.fields]
        for fault in fields:
            self.add_error(fault.field, fault.detail)
        if not fields:
            self.add_error(None, str(refusal))


def _plain(value: Any) -> Any:
    if isinstance(value, Model):
        return f"{value._meta.verbose_name} {value.pk}"
    return value if isinstance(value, bool | int | list | None) else str(value)


class ReasonedForm(VerbForm):
    """Asks why."""

    reason = forms.CharField(
        label=_("Reason"),
        max_length=LONGEST_REASON,
        widget=UnfoldAdminTextareaWidget({"rows": 2}),
        help_text=_("Kept for good."),
    )


def always(_row: Any) -> bool:
    """Applies to every row."""
    return True


def nothing(_row: Any) -> dict[str, Any]:
    """Begins with empty fields."""
    return {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Verb:
    """One thing that staff do. `act` takes the request, the row and the valid form; it answers with a page, or nothing."""

    name: str
    title: Text
    permission: str
    act: Callable[[HttpRequest, Any, Any], HttpResponse | None]
    done: Text = ""
    form: type[VerbForm] = ReasonedForm
    words: Text = ""
    icon: str = "edit"
    applies: Callable[[Any], bool] = always
    initial: Callable[[Any], Mapping[str, Any]] = nothing
    kind: AuditKind = AuditKind.ACTION
    of_staff: Callable[[Staff, Any], bool] = field(default=lambda _staff, _row: True)
    sensitive: bool = False
    """Whether it is for those alone who said in the last minutes who they are."""


class VerbsAdmin(BrandAdmin):
    """For a model's admin with verbs. `adding` is the verb that makes a row, in the place of Django's form."""

    verbs: ClassVar[tuple[Verb, ...]] = ()
    adding: ClassVar[Verb | None] = None
    change_form_outer_before_template: Any = "admin/verbs.html"
    change_form_outer_after_template: Any = "admin/panels.html"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """Rows of one's own brand, with what both the list and their pages name."""
        related = self.list_select_related
        rows: QuerySet[Any] = super().get_queryset(request)
        return rows.select_related(*related) if isinstance(related, list) and related else rows

    def get_urls(self) -> list[URLPattern]:
        """A page for each verb."""
        own = [
            path(
                f"<path:object_id>/{verb.name}/",
                self.admin_site.admin_view(never_cache(partial(self.verb_view, verb=verb))),
                name=self.name_of(verb),
            )
            for verb in self.verbs
        ]
        return [*own, *super().get_urls()]

    def name_of(self, verb: Verb) -> str:
        """The name of a verb's page."""
        return f"{self.opts.app_label}_{self.opts.model_name}_{verb.name}"

    def verb_view(self, request: HttpRequest, object_id: str, *, verb: Verb) -> HttpResponse:
        """Ask, and do."""
        row = self.get_scoped_object(request, object_id, permission=verb.permission)
        if not verb.of_staff(staff_of(request), row):
            raise PermissionDenied
        if not verb.applies(row):
            messages.warning(request, _("“%(verb)s” is not possible any more.") % {"verb": verb.title})
            return HttpResponseRedirect(self.address_of(row))
        return self._reached(request, verb, row)

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> HttpResponse:
        """Make a row by its verb, where there is one."""
        if self.adding is None:
            return super().add_view(request, form_url, extra_context)
        if not self.has_add_permission(request):
            raise PermissionDenied
        return self._reached(request, self.adding, None)

    def _reached(self, request: HttpRequest, verb: Verb, row: Any) -> HttpResponse:
        return self._confirmed(request, verb, row) if verb.sensitive else self._asked(request, verb, row)

    @recently_authenticated()
    def _confirmed(self, request: HttpRequest, verb: Verb, row: Any) -> HttpResponse:
        return self._asked(request, verb, row)

    def _asked(self, request: HttpRequest, verb: Verb, row: Any) -> HttpResponse:
        terms = {"staff": staff_of(request), "row": row, "initial": verb.initial(row)}
        form = verb.form(request.POST, **terms) if request.method == "POST" else verb.form(**terms)
        if request.method == "POST" and form.is_valid():
            try:
                return self._done(request, verb, row, form)
            except LoyaltyError as refusal:
                note_refusal(request, refusal, row)
                form.refuse(refusal)
        return self._shown(request, verb, row, form)

    def _done(self, request: HttpRequest, verb: Verb, row: Any, form: VerbForm) -> HttpResponse:
        """Do it, with its entry in the audit, in one transaction."""

        def effect() -> HttpResponse | None:
            before = form.was()
            answer = verb.act(request, row, form)
            about = row if row is not None else form.row
            staff = staff_of(request)
            note(
                brand_id=getattr(about, "brand_id", None) if staff.brand_id is None else staff.brand_id,
                staff_id=staff.pk,
                kind=verb.kind,
                subject=about,
                before=before,
                after={"verb": verb.name, **form.told()},
                reason=form.cleaned_data.get("reason", ""),
                at=timezone.now(),
            )
            return answer

        answer = write(effect)
        if answer is not None:
            return answer
        messages.success(request, str(verb.done))
        return HttpResponseRedirect(self.address_of(row if row is not None else form.row))

    def _shown(self, request: HttpRequest, verb: Verb, row: Any, form: VerbForm) -> HttpResponse:
        back = (
            self.address_of(row)
            if row is not None
            else reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_changelist")
        )
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": verb.title,
            "subtitle": str(row) if row is not None else None,
            "verb": verb,
            "form": form,
            "facts": self.facts_for(verb, row) if row is not None else [],
            "back": back,
            "media": self.media + form.media,
        }
        return TemplateResponse(request, "admin/verb.html", context)

    def facts(self, row: Any) -> list[tuple[Text, Any]]:
        """What to know of a row before one does something with it: a label and a value each."""
        return []

    def facts_for(self, verb: Verb, row: Any) -> list[tuple[Text, Any]]:
        """What to know of a row before one verb."""
        return self.facts(row)

    @admin.display(description=_("state"))
    def stands(self, row: Any) -> str:
        """The state in a word, for the row's page; lists show it in its colour."""
        return str(self.shown_state(row)[1])

    def shown_state(self, row: Any) -> tuple[str, Any]:
        """The state as lists show it: what gives the colour, and the word."""
        raise NotImplementedError

    def address_of(self, row: Any) -> str:
        """The page of a row."""
        return reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_change", args=[row.pk])

    def render_change_form(  # type: ignore[override]
        self, request: HttpRequest, context: dict[str, Any], **terms: Any
    ) -> HttpResponse:
        """Offer on a row's page what can be done with it, and show what belongs to it."""
        staff, obj = staff_of(request), terms.get("obj")
        context |= self.further(request, obj)
        if obj is not None:
            context["verbs"] = [
                {"verb": verb, "address": reverse(f"admin:{self.name_of(verb)}", args=[obj.pk])}
                for verb in self.verbs
                if staff.has_perm(verb.permission) and verb.of_staff(staff, obj) and verb.applies(obj)
            ]
            context["links"], context["panels"] = self.links(request, obj), self.panels(request, obj)
        return super().render_change_form(request, context, **terms)

    def further(self, request: HttpRequest, row: Any) -> dict[str, Any]:
        """What the templates of a row's page, or of the one that makes it, need besides."""
        return {}

    def links(self, request: HttpRequest, row: Any) -> list["Link"]:
        """Ways to further pages, beside the verbs."""
        return []

    def panels(self, request: HttpRequest, row: Any) -> list["Panel"]:
        """Tables under a row's form."""
        return []


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """A way to another page about a row."""

    title: Text
    icon: str
    address: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """A table of what belongs to a row."""

    title: Text
    headers: tuple[Text, ...]
    rows: list[tuple[Any, ...]]


def show_secret(
    request: HttpRequest, *, site: Any, title: Text, what: Sequence[tuple[Text, str]], secret: str, back: str, words: Text
) -> HttpResponse:
    """A page that shows a secret this once: it is in no session and in no cache, and no reading anew brings it back."""
    context = {
        **site.each_context(request),
        "title": title,
        "what": what,
        "secret": secret,
        "back": back,
        "words": words,
    }
    answer = TemplateResponse(request, "admin/secret.html", context).render()
    answer["Cache-Control"] = "no-store"
    return answer
