"""Campaigns: made from scratch or copied, started, paused and ended; how far their budgets are used up; codes in bulk."""

from datetime import datetime
from typing import Any, NamedTuple

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import path
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.utils.formats import date_format, number_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST

from loyalty.admin.audited import note_refusal
from loyalty.admin.base import KeptAdmin, actor_of
from loyalty.admin.code_orders import GenerateForm
from loyalty.admin.outcomes import labelled, note_move, page_of, tell, tell_form
from loyalty.admin.reauthentication import recently_authenticated
from loyalty.database import write
from loyalty.errors import LoyaltyError
from rewards.models import BatchState, Campaign, CampaignState, CodeBatch
from rewards.models.codes import WORKED_ON
from rewards.selectors import redeemed_of, running_out
from rewards.services.campaigns import MOVES, copy_campaign, move_campaign
from rewards.services.generating import BatchOrder, open_batch

NEARLY = 0.9
BATCHES_SHOWN = 5
_MOVE_WORDS = {
    CampaignState.RUNNING: gettext_lazy("Start"),
    CampaignState.PAUSED: gettext_lazy("Pause"),
    CampaignState.ENDED: gettext_lazy("End for good"),
}
LABELS = {
    CampaignState.DRAFT.value: "info",
    CampaignState.RUNNING.value: "success",
    CampaignState.PAUSED.value: "warning",
    CampaignState.ENDED.value: "danger",
}
FIELDSETS: list[tuple[Any, dict[str, Any]]] = [
    (None, {"fields": ["brand", "name", "kind", "token", "state"]}),
    (
        gettext_lazy("When, and how much"),
        {
            "fields": ["starts_at", "ends_at", "budget_codes", "budget_points", "value_per_point", "member_limit"],
            "description": gettext_lazy("No code is issued beyond a budget, whoever asks. An empty budget has no limit."),
        },
    ),
    (
        gettext_lazy("How its codes look"),
        {"fields": ["code_alphabet", "code_length", "code_prefix", "code_check", "code_lifetime_days", "email_template"]},
    ),
]


class Bar(NamedTuple):
    """How much of something is used up; `most` is None where there is no limit."""

    title: str
    used: int
    most: int | None

    @property
    def words(self) -> str:
        """Both numbers, as people read them."""
        used = number_format(self.used, force_grouping=True)
        if self.most is None:
            return _("%(used)s, no limit") % {"used": used}
        return _("%(used)s of %(most)s") % {"used": used, "most": number_format(self.most, force_grouping=True)}


def bars_of(campaign: Campaign) -> list[Bar]:
    """What is issued of each budget, and what is redeemed of that."""
    codes, worth = redeemed_of(campaign)
    return [
        Bar(_("Codes issued"), campaign.issued_codes, campaign.budget_codes),
        Bar(_("Worth issued"), campaign.issued_points, campaign.budget_points),
        Bar(_("Codes redeemed"), codes, campaign.issued_codes),
        Bar(_("Worth redeemed"), worth, campaign.issued_points),
    ]


def hints_of(campaign: Campaign, at: datetime) -> list[str]:
    """What someone should know who wonders why the campaign does not do what they expect."""
    hints = [_state_hint(campaign, at)]
    for used, most, told in (
        (campaign.issued_codes, campaign.budget_codes, _("codes")),
        (campaign.issued_points, campaign.budget_points, _("points")),
    ):
        if most is not None and used >= most:
            hints.append(_("The budget of %(what)s is used up: no further code can be issued.") % {"what": told})
        elif most is not None and used >= NEARLY * most:
            hints.append(_("The budget of %(what)s is nearly used up.") % {"what": told})
    return [hint for hint in hints if hint]


def _state_hint(campaign: Campaign, at: datetime) -> str:
    zone = campaign.brand.zone

    def day(instant: datetime) -> str:
        return date_format(instant.astimezone(zone), "DATETIME_FORMAT")

    if campaign.state == CampaignState.ENDED:
        return _("It has ended for good: its codes can no longer be redeemed. Copy it to go on.")
    if campaign.ends_at is not None and campaign.ends_at <= at:
        return _("It has been over since %(day)s: change its end, or copy it.") % {"day": day(campaign.ends_at)}
    if campaign.state == CampaignState.DRAFT:
        return _("It is a draft: start it, so that its codes can be redeemed.")
    if campaign.state == CampaignState.PAUSED:
        return _("It is paused: until it is started again, no code is issued one by one, and none redeemed.")
    if campaign.starts_at > at:
        return _("It begins on %(day)s: until then none of its codes can be redeemed.") % {"day": day(campaign.starts_at)}
    return ""


class RunningOutFilter(admin.SimpleListFilter):
    """Those that are about to run out of time, codes or points."""

    title, parameter_name = gettext_lazy("about to run out"), "running_out"

    def lookups(self, request: HttpRequest, model_admin: admin.ModelAdmin[Any]) -> list[tuple[str, Any]]:
        """Those, or all."""
        return [("yes", gettext_lazy("Yes"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Campaign]) -> QuerySet[Campaign]:
        """Narrow the list."""
        return queryset & running_out(at=timezone.now()) if self.value() == "yes" else queryset


@admin.register(Campaign)
class CampaignAdmin(KeptAdmin):
    """Campaigns; their state is moved by verbs alone."""

    list_display = ["name", "brand", "kind", "shown_state", "shown_codes", "shown_points", "starts_at", "ends_at"]
    list_filter = ["state", "kind", RunningOutFilter]
    search_fields = ["name"]
    readonly_fields = ["state"]
    actions = ["start", "pause", "end"]
    change_form_outer_before_template: Any = "admin/campaigns/panel.html"

    class Media:
        js = ["loyalty/progress.js"]

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """The fields in groups; the brand for whom it is asked."""
        hidden = set(self.get_exclude(request, obj))
        return [
            (title, options | {"fields": [name for name in options["fields"] if name not in hidden]})
            for title, options in FIELDSETS
        ]

    def get_readonly_fields(self, request: HttpRequest, obj: Campaign | None = None) -> tuple[str, ...]:
        """What codes are worth stays as it was when the first was issued."""
        issued = obj is not None and obj.issued_codes > 0
        fixed = ("kind", "token", "member_limit") if issued else ()  # uses are counted from the first code on, or never
        return (*super().get_readonly_fields(request, obj), *fixed)

    @labelled(description=gettext_lazy("State"), ordering="state", label=LABELS)
    def shown_state(self, campaign: Campaign) -> tuple[str, str]:
        """Where it stands now, its dates considered."""
        state = campaign.state_at(timezone.now())
        return state.value, str(state.label)

    @admin.display(description=gettext_lazy("Codes issued"))
    def shown_codes(self, campaign: Campaign) -> str:
        """How many of how many."""
        return Bar("", campaign.issued_codes, campaign.budget_codes).words

    @admin.display(description=gettext_lazy("Worth issued"))
    def shown_points(self, campaign: Campaign) -> str:
        """How much of how much."""
        return Bar("", campaign.issued_points, campaign.budget_points).words

    # --- verbs ---

    @admin.action(description=gettext_lazy("Start"), permissions=["change"])
    def start(self, request: HttpRequest, queryset: QuerySet[Campaign]) -> None:
        """Start campaigns, or go on with paused ones."""
        self._move(request, queryset, CampaignState.RUNNING)

    @admin.action(description=gettext_lazy("Pause"), permissions=["change"])
    def pause(self, request: HttpRequest, queryset: QuerySet[Campaign]) -> None:
        """Pause campaigns."""
        self._move(request, queryset, CampaignState.PAUSED)

    @admin.action(description=gettext_lazy("End for good"), permissions=["change"])
    def end(self, request: HttpRequest, queryset: QuerySet[Campaign]) -> None:
        """End campaigns."""
        self._move(request, queryset, CampaignState.ENDED)

    def _move(self, request: HttpRequest, queryset: QuerySet[Campaign], to: CampaignState) -> None:
        self.act_on_each(request, queryset, lambda row: move_campaign(brand_id=row.brand_id, campaign_id=row.pk, to=to))

    # --- pages of its own ---

    def get_urls(self) -> list[Any]:
        """Its verbs, each at an address of its own."""
        pages = {"move": self.move_view, "copy": self.copy_view, "generate": self.generate_view}
        own = [
            path(f"<int:object_id>/{name}/", self.admin_site.admin_view(view), name=f"rewards_campaign_{name}")
            for name, view in pages.items()
        ]
        return [*own, *super().get_urls()]

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """The campaign, above its form how it goes."""
        campaign = self.get_object(request, object_id)
        panel = self._panel(request, campaign) if campaign is not None and request.method == "GET" else {}
        return super().change_view(request, object_id, form_url, (extra_context or {}) | panel)

    def _panel(self, request: HttpRequest, campaign: Campaign) -> dict[str, Any]:
        at, may_change = timezone.now(), self.has_change_permission(request, campaign)
        batches = CodeBatch.objects.filter(brand_id=campaign.brand_id, campaign=campaign).order_by("-pk")
        may_see_batches = request.user.has_perm("rewards.view_codebatch")
        return {
            "campaign": campaign,
            "bars": bars_of(campaign),
            "hints": hints_of(campaign, at),
            "moves": [(to.value, _MOVE_WORDS[to]) for to in MOVES if campaign.state in MOVES[to]] if may_change else [],
            "may_copy": self.has_add_permission(request),
            "may_generate": request.user.has_perm("rewards.generate_codes")
            and campaign.state_at(at) is not CampaignState.ENDED,
            "batches": list(batches[:BATCHES_SHOWN]) if may_see_batches else [],
            "worked_on": WORKED_ON,
            "waiting": may_see_batches and batches.filter(state=BatchState.STOPPED).exists(),
        }

    @method_decorator(require_POST)
    def move_view(self, request: HttpRequest, object_id: int) -> HttpResponse:
        """Start, pause or end it."""
        campaign = self.get_scoped_object(request, object_id, permission="rewards.change_campaign")
        try:
            to = CampaignState(request.POST.get("to", ""))
        except ValueError:
            messages.error(request, _("Say what to do: start, pause or end."))
            return self._back(campaign)

        def effect() -> None:
            move_campaign(brand_id=campaign.brand_id, campaign_id=campaign.pk, to=to)
            note_move(request, campaign, before={"state": campaign.state}, after={"state": to.value})

        try:
            write(effect)
        except LoyaltyError as refusal:
            tell(request, refusal, campaign)
        else:
            messages.success(
                request, _("%(campaign)s is %(state)s now.") % {"campaign": campaign, "state": str(to.label).lower()}
            )
        return self._back(campaign)

    @method_decorator(require_POST)
    def copy_view(self, request: HttpRequest, object_id: int) -> HttpResponse:
        """Copy it, and go on with the copy."""
        campaign = self.get_scoped_object(request, object_id, permission="rewards.add_campaign")

        def effect() -> Campaign:
            copy = copy_campaign(brand_id=campaign.brand_id, campaign_id=campaign.pk, at=timezone.now())
            note_move(request, copy, before={}, after={"copy_of": campaign.pk})
            return copy

        copy = write(effect)
        messages.success(request, _("This is the copy, a draft: change what is to differ, then start it."))
        return self._back(copy)

    @recently_authenticated()
    def generate_view(self, request: HttpRequest, object_id: int) -> HttpResponse:
        """Order codes in bulk."""
        campaign = self.get_scoped_object(request, object_id, permission="rewards.generate_codes")
        form = GenerateForm(request.POST or None)
        if request.method == "POST" and form.is_valid():
            order = BatchOrder(
                brand_id=campaign.brand_id, campaign_id=campaign.pk, actor=actor_of(request), **form.cleaned_data
            )
            try:
                return HttpResponseRedirect(page_of(_ordered(request, order)))
            except LoyaltyError as refusal:
                note_refusal(request, refusal, campaign)
                tell_form(form, refusal)
        context = self.admin_site.each_context(request) | {
            "title": _("Codes for %(campaign)s") % {"campaign": campaign},
            "opts": self.opts,
            "campaign": campaign,
            "bars": bars_of(campaign)[:2],
            "form": form,
        }
        return TemplateResponse(request, "admin/campaigns/generate.html", context)

    def _back(self, campaign: Campaign) -> HttpResponse:
        return HttpResponseRedirect(page_of(campaign))


def _ordered(request: HttpRequest, order: BatchOrder) -> CodeBatch:
    """Order a batch, and write it down with it; a form that was sent before is answered with the batch of then."""
    at = timezone.now()

    def effect() -> CodeBatch:
        batch = open_batch(order=order, at=at)
        if batch.created_at == at:
            note_move(request, batch, before={}, after={"count": batch.count, "value": batch.value})
        return batch

    batch = write(effect)
    if batch.created_at != at:
        messages.info(request, _("This form had been sent before: it was done once."))
    return batch
