"""Actions: what members do for points besides buying; and what would happen if someone did one now."""

import json
from datetime import datetime
from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import path
from django.utils import timezone
from django.utils.formats import date_format, number_format
from django.utils.timezone import localtime
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.widgets import UnfoldAdminSplitDateTimeWidget, UnfoldAdminTextareaWidget, UnfoldAdminTextInputWidget

from ledger.rules.explanations import Sentence
from loyalty.admin.base import BrandTabularInline, KeptAdmin, KeptForm
from loyalty.admin.conditions import ConditionsField
from loyalty.admin.outcomes import labelled, tell_form
from loyalty.errors import LoyaltyError
from rewards.models import Action, ActionSegment, Frequency
from rewards.rules.actions import Case, Finding, unmet
from rewards.services.actions import try_action
from users.services.members import find_member

MOST_TYPED = 4_000
FIELDSETS: list[tuple[Any, dict[str, Any]]] = [
    (
        None,
        {
            "fields": ["brand", "name", "tag", "token", "points", "active"],
            "description": gettext_lazy("Apps and shops call the action by its tag; what it gives is said here alone."),
        },
    ),
    (
        gettext_lazy("How often it counts"),
        {
            "fields": ["frequency", "period_limit", "total_limit"],
            "description": gettext_lazy("For each member. A day, a week and a month are those of the brand's time zone."),
        },
    ),
    (gettext_lazy("When"), {"fields": ["starts_at", "ends_at"]}),
    (
        gettext_lazy("What its properties must say"),
        {
            "fields": ["conditions"],
            "description": gettext_lazy(
                "All of it. Two values are compared as numbers where both are numbers, and as text otherwise."
            ),
        },
    ),
]


class ActionForm(KeptForm):
    """An action, with its conditions line by line."""

    conditions = ConditionsField(required=False, label=gettext_lazy("Conditions"))


class TryForm(forms.Form):
    """Who does it, when, and with which properties."""

    member = forms.CharField(
        label=gettext_lazy("auth_id of the member"), max_length=255, strip=False, widget=UnfoldAdminTextInputWidget
    )
    properties = forms.CharField(
        label=gettext_lazy("Properties"),
        required=False,
        max_length=MOST_TYPED,
        widget=UnfoldAdminTextareaWidget({"rows": 3}),
        help_text=gettext_lazy("One a line, as in: category = coffee"),
    )
    occurred_at = forms.SplitDateTimeField(
        label=gettext_lazy("When"),
        required=False,
        widget=UnfoldAdminSplitDateTimeWidget,
        help_text=gettext_lazy("Now, unless you say when."),
    )

    param1 = forms.CharField(
        label="param1",
        required=False,
        max_length=255,
        strip=False,
        widget=UnfoldAdminTextInputWidget,
        help_text=gettext_lazy("Under one param1 it is rewarded once, for ever."),
    )

    def clean_properties(self) -> dict[str, Any]:
        """The properties by name; lists and numbers as JSON writes them, everything else as text."""
        told: dict[str, Any] = {}
        for line in self.cleaned_data["properties"].splitlines():
            name, sign, value = line.partition("=")
            if line.strip() and not sign:
                raise forms.ValidationError(_("“%(line)s” has no equals sign.") % {"line": line})
            if line.strip():
                told[name.strip()] = _value(value.strip())
        return told


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


class ActionSegmentInline(BrandTabularInline):
    """The segments that it is for."""

    model = ActionSegment
    exclude = ["brand"]
    extra = 0


@admin.register(Action)
class ActionAdmin(KeptAdmin):
    """Actions."""

    form = ActionForm
    list_display = ["name", "tag", "brand", "points", "shown_frequency", "shown_state", "starts_at", "ends_at"]
    list_filter = ["active", "frequency"]
    search_fields = ["name", "tag__exact"]
    inlines = [ActionSegmentInline]
    actions = ["offer", "withdraw"]
    change_form_outer_before_template: Any = "admin/actions/panel.html"

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """The fields in groups; the brand for whom it is asked."""
        hidden = set(self.get_exclude(request, obj))
        return [
            (title, options | {"fields": [name for name in options["fields"] if name not in hidden]})
            for title, options in FIELDSETS
        ]

    def save_formset(self, request: HttpRequest, form: Any, formset: Any, change: bool) -> None:
        """Give lines the brand of what they stand under."""
        for line in formset.forms:
            line.instance.brand_id = form.instance.brand_id
        super().save_formset(request, form, formset, change)

    @admin.display(description=gettext_lazy("Counts"), ordering="frequency")
    def shown_frequency(self, action: Action) -> str:
        """How often it counts."""
        label = str(Frequency(action.frequency).label)
        if action.frequency in {Frequency.ONCE, Frequency.NONE}:
            return label
        return _("%(times)s times: %(period)s") % {"times": number_format(action.period_limit), "period": label.lower()}

    @labelled(description=gettext_lazy("State"), label={"yes": "success", "no": "info"})
    def shown_state(self, action: Action) -> tuple[str, str]:
        """Whether it is offered now."""
        hints = hints_of(action, timezone.now())
        return ("no", _("not offered")) if hints else ("yes", _("offered"))

    @admin.action(description=gettext_lazy("Offer"), permissions=["change"])
    def offer(self, request: HttpRequest, queryset: QuerySet[Action]) -> None:
        """Reward them."""
        self.set_on_each(request, queryset, active=True)

    @admin.action(description=gettext_lazy("Offer no more"), permissions=["change"])
    def withdraw(self, request: HttpRequest, queryset: QuerySet[Action]) -> None:
        """Reward them no more; what was given stays."""
        self.set_on_each(request, queryset, active=False)

    def get_urls(self) -> list[Any]:
        """Trying it, at an address of its own."""
        view = self.admin_site.admin_view(self.try_view)
        return [path("<int:object_id>/try/", view, name="rewards_action_try"), *super().get_urls()]

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """The action, above its form why it is not rewarded now, and a way to try it."""
        action = self.get_object(request, object_id)
        panel: dict[str, Any] = {}
        if action is not None:
            panel = {"rewarded": action, "hints": hints_of(action, timezone.now()), "try_form": TryForm()}
        return super().change_view(request, object_id, form_url, (extra_context or {}) | panel)

    def try_view(self, request: HttpRequest, object_id: int) -> HttpResponse:
        """Say what would happen if a member did it, and do nothing."""
        action = self.get_scoped_object(request, object_id, permission="rewards.view_action")
        form = TryForm(request.POST if request.method == "POST" else None)
        context = self.admin_site.each_context(request) | {
            "title": _("Try “%(action)s”") % {"action": action.name},
            "opts": self.opts,
            "rewarded": action,
            "try_form": form,
            "media": form.media,
            "hints": hints_of(action, timezone.now()),
        }
        if form.is_valid():
            try:
                context |= _tried(action, form)
            except LoyaltyError as refusal:
                tell_form(form, refusal)
        return TemplateResponse(request, "admin/actions/try.html", context)


def _tried(action: Action, form: TryForm) -> dict[str, Any]:
    """What was judged, in words. Raises UserNotFound, and what try_action does."""
    member = find_member(brand_id=action.brand_id, auth_id=form.cleaned_data["member"])
    now, told = timezone.now(), form.cleaned_data
    asked = Case(occurred_at=told["occurred_at"] or now, properties=told["properties"])
    findings = try_action(action=action, member=member, asked=asked, at=now, param=told["param1"] or None)
    gives = action.active and unmet(findings) is None
    return {
        "tried": True,
        "findings": [(finding.met, words_of(finding)) for finding in findings],
        "outcome": _("%(points)s points would be given.") % {"points": number_format(action.points, force_grouping=True)}
        if gives
        else _("No points would be given."),
    }


def words_of(finding: Finding) -> str:
    """What was judged, as people read it."""
    return _spoken(finding.words)


def _spoken(sentence: Sentence) -> str:
    values = {
        name: date_format(localtime(value), "SHORT_DATETIME_FORMAT") if isinstance(value, datetime) else value
        for name, value in sentence.values.items()
    }
    return _(sentence.text) % values


def hints_of(action: Action, at: datetime) -> list[str]:
    """Why nobody gets points for it."""
    hints = []
    if not action.active:
        hints.append(_("It is not offered: make it active, so that it is rewarded."))
    if action.starts_at is not None and action.starts_at > at:
        hints.append(_("It is not rewarded yet: its time has not begun."))
    if action.ends_at is not None and action.ends_at <= at:
        hints.append(_("It is rewarded no more: its time is over."))
    return hints
