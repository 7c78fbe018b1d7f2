"""Codes: batches that are made in the background, stopped, resumed, closed and downloaded; and the life of a single code."""

from datetime import datetime
from typing import Any

from django.contrib import admin, messages
from django.db.models import Q, QuerySet, Value
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse, StreamingHttpResponse
from django.urls import path
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_POST

from loyalty.admin.base import BrandRelatedFilter, ReadOnlyAdmin, staff_of
from loyalty.admin.keyset import KeysetMixin
from loyalty.admin.masking import CODES, masked_code
from loyalty.admin.outcomes import labelled, note_move, page_of, tell
from loyalty.admin.reauthentication import recently_authenticated
from loyalty.admin.spreadsheets import csv_response
from loyalty.database import write
from loyalty.errors import LoyaltyError
from rewards.models import BatchState, Code, CodeBatch
from rewards.models.codes import SETTLED, WORKED_ON, CodeState
from rewards.rules.codes import normalise
from rewards.selectors import CodeLife, life_of
from rewards.services.batches import close_batch, resume_batch, stop_batch
from rewards.services.codes import revoke_code
from rewards.services.exporting import COLUMNS, rows_of_batch
from users.models import AuditKind, Brand, Staff

VERBS = {"stop": stop_batch, "resume": resume_batch, "close": close_batch}
WORDS = {
    "stop": gettext_lazy("Stop"),
    "resume": gettext_lazy("Resume"),
    "close": gettext_lazy("Close, and return the rest of its budget"),
}
OFFERED = {
    BatchState.QUEUED.value: ("stop",),
    BatchState.RUNNING.value: ("stop",),
    BatchState.STOPPED.value: ("resume", "close"),
}
BATCH_LABELS = {
    BatchState.QUEUED.value: "info",
    BatchState.RUNNING.value: "primary",
    BatchState.STOPPING.value: "warning",
    BatchState.STOPPED.value: "warning",
    BatchState.FINISHED.value: "success",
    BatchState.CLOSED.value: "danger",
}
CODE_LABELS = {
    CodeState.AVAILABLE.value: "info",
    CodeState.REDEEMED.value: "success",
    CodeState.EXPIRED.value: "warning",
    CodeState.REVOKED.value: "danger",
}


def name_of_actor(actor: str | None, brand_id: int) -> str:
    """Who an actor is, for people: the name of staff of the brand or of the house, a partner's key by its number."""
    kind, _colon, number = (actor or "").partition(":")
    if kind == "staff" and number.isdigit():
        found = Staff.objects.filter(Q(brand_id=brand_id) | Q(brand__isnull=True), pk=int(number)).first()
        return str(found) if found is not None else str(actor)
    if kind == "key" and number:
        return _("API key %(number)s") % {"number": number}
    return actor or ""


def link_to(row: Any, words: str) -> SafeString:
    """A link to a row's page."""
    return format_html('<a class="text-primary-600 dark:text-primary-500 underline" href="{}">{}</a>', page_of(row), words)


def hints_of(batch: CodeBatch) -> list[str]:
    """What someone should know about a batch that does not go on."""
    if batch.state == BatchState.CLOSED:
        return [_("It was closed: what it lacks is in the campaign's budget again. The codes it has stay good.")]
    if batch.fault:
        return [_("Something went wrong: %(fault)s. What is made is made; resume it to go on.") % {"fault": batch.fault}]
    if batch.state == BatchState.STOPPED:
        return [_("It was stopped. What it lacks stays in the budget until it is resumed, or closed.")]
    return []


@admin.register(CodeBatch)
class CodeBatchAdmin(ReadOnlyAdmin):
    """Batches of codes; they are ordered at their campaign."""

    list_display = ["id", "brand", "campaign", "shown_state", "words", "value", "created_at", "finished_at"]
    list_filter = ["state", ("campaign", BrandRelatedFilter)]
    list_select_related = ["brand", "campaign"]
    fields = [
        *("campaign", "count", "generated", "value", "length", "shown_state"),
        *("shown_actor", "created_at", "finished_at", "closed_at", "expires_at"),
    ]
    readonly_fields = ["shown_state", "shown_actor"]
    change_form_outer_before_template: Any = "admin/campaigns/batch_panel.html"

    class Media:
        js = ["loyalty/progress.js"]

    @labelled(description=gettext_lazy("State"), ordering="state", label=BATCH_LABELS)
    def shown_state(self, batch: CodeBatch) -> tuple[str, str]:
        """Where it stands."""
        return batch.state, batch.get_state_display()

    @admin.display(description=gettext_lazy("Codes"))
    def words(self, batch: CodeBatch) -> str:
        """How far it is."""
        return batch.words

    @admin.display(description=gettext_lazy("Ordered by"))
    def shown_actor(self, batch: CodeBatch) -> str:
        """Who asked for it."""
        return name_of_actor(batch.actor, batch.brand_id)

    def get_urls(self) -> list[Any]:
        """Its verbs, each at an address of its own."""
        pages = {"move": self.move_view, "progress": self.progress_view, "download": self.download_view}
        own = [
            path(f"<int:object_id>/{name}/", self.admin_site.admin_view(view), name=f"rewards_codebatch_{name}")
            for name, view in pages.items()
        ]
        return [*own, *super().get_urls()]

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """The batch, and above it how far it is."""
        batch = self.get_object(request, object_id)
        panel: dict[str, Any] = {}
        if batch is not None:
            may_move = request.user.has_perm("rewards.generate_codes")
            panel = {
                "batch": batch,
                "hints": hints_of(batch),
                "worked_on": WORKED_ON,
                "verbs": [(verb, WORDS[verb]) for verb in OFFERED.get(batch.state, ())] if may_move else [],
                "may_download": batch.state in SETTLED and request.user.has_perm(CODES),
            }
        return super().change_view(request, object_id, form_url, (extra_context or {}) | panel)

    @method_decorator(require_POST)
    def move_view(self, request: HttpRequest, object_id: int) -> HttpResponse:
        """Stop, resume or close it."""
        batch = self.get_scoped_object(request, object_id, permission="rewards.generate_codes")
        verb = VERBS.get(request.POST.get("verb", ""))
        if verb is None:
            messages.error(request, _("Say what to do: stop, resume or close."))
            return HttpResponseRedirect(page_of(batch))

        def effect() -> None:
            moved = verb(brand_id=batch.brand_id, batch_id=batch.pk, at=timezone.now())
            note_move(request, batch, before={"state": batch.state}, after={"state": moved.state})

        try:
            write(effect)
        except LoyaltyError as refusal:
            tell(request, refusal, batch)
        return HttpResponseRedirect(page_of(batch))

    @method_decorator(require_GET)
    def progress_view(self, request: HttpRequest, object_id: int) -> HttpResponse:
        """How far it is, for the page that follows it."""
        batch = self.get_scoped_object(request, object_id, permission="rewards.view_codebatch")
        told = {"generated": batch.generated, "count": batch.count, "state": batch.state, "text": batch.words}
        answer = JsonResponse(told | {"working": batch.state in WORKED_ON})
        answer["Cache-Control"] = "no-store"
        return answer

    @method_decorator(require_POST)
    @recently_authenticated()
    def download_view(self, request: HttpRequest, object_id: int) -> HttpResponse | StreamingHttpResponse:
        """Its codes as a CSV file; that they went out is written down before the first one does."""
        batch = self.get_scoped_object(request, object_id, permission=CODES)
        try:
            rows = rows_of_batch(batch=batch)
        except LoyaltyError as refusal:
            tell(request, refusal, batch)
            return HttpResponseRedirect(page_of(batch))
        note_move(request, batch, before={}, after={"rows": batch.generated}, kind=AuditKind.EXPORT)
        return csv_response(f"codes-{batch.pk}", COLUMNS, rows)


@admin.register(Code)
class CodeAdmin(KeysetMixin, ReadOnlyAdmin):  # type: ignore[misc]
    """Codes, found by their whole text, and the life of each. Listed by number: an address says where a list goes on."""

    list_display = ["id", "shown_code", "brand", "campaign", "value", "shown_state", "created_at"]
    list_select_related = ["brand", "campaign"]
    search_fields = ["code__exact"]
    search_help_text = gettext_lazy("The whole code, as it is printed")
    actions = ["revoke"]
    fieldsets = [
        (None, {"fields": ["shown_code", "shown_state", "campaign", "value"]}),
        (
            gettext_lazy("Its life"),
            {
                "fields": [
                    *("created_at", "issued_by", "reference_id", "sent", "expires_at"),
                    *("redeemed_at", "redeemed_by", "paid", "revoked_at"),
                ]
            },
        ),
    ]
    readonly_fields = ["shown_code", "shown_state", "issued_by", "sent", "redeemed_by", "paid"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """Codes, each with whether whoever asks may read it."""
        rows: QuerySet[Any] = super().get_queryset(request)
        told: QuerySet[Any] = rows.annotate(legible=Value(request.user.has_perm(CODES)))
        return told

    def get_search_results(self, request: HttpRequest, queryset: QuerySet[Code], search_term: str) -> tuple[Any, bool]:
        """The code that was typed, blanks and dashes aside; each brand has an index of its own to find it by."""
        text = normalise(search_term)
        if not text:
            return queryset, False
        brands = [staff_of(request).brand_id] if staff_of(request).brand_id is not None else list(_brand_ids())
        return queryset.filter(brand_id__in=brands, code=text) if text.isalnum() else queryset.none(), False

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        """The list; whoever finds the one code that they typed goes straight to its life."""
        if request.method == "GET" and request.GET.get("q") and self.has_view_permission(request):
            found = self.get_search_results(request, self.get_queryset(request), request.GET["q"])[0][:2]
            if len(found) == 1:
                return HttpResponseRedirect(page_of(found[0]))
        return super().changelist_view(request, extra_context)

    @admin.display(description=gettext_lazy("Code"))
    def shown_code(self, code: Code) -> str:
        """Its text, or the end of it for whom may not read it."""
        return code.code if getattr(code, "legible", False) else masked_code(code.code)

    @labelled(description=gettext_lazy("State"), label=CODE_LABELS)
    def shown_state(self, code: Code) -> tuple[str, str]:
        """What has become of it by now."""
        state = code.state_at(timezone.now())
        return state.value, str(state.label)

    @admin.display(description=gettext_lazy("Issued by"))
    def issued_by(self, code: Code) -> str:
        """The batch it is of and who ordered that, or who asked for it alone."""
        batch = _life(code).batch
        if batch is None:
            return name_of_actor(code.actor, code.brand_id)
        return format_html("{}: {}", link_to(batch, str(batch)), name_of_actor(batch.actor, batch.brand_id))

    @admin.display(description=gettext_lazy("E-mail"))
    def sent(self, code: Code) -> str:
        """The e-mail that carried it."""
        mail = _life(code).mail
        if mail is None:
            return _("The e-mail was erased with its recipient.") if code.mail_id is not None else ""
        return format_html("{}: {} {}", link_to(mail, str(mail)), mail.get_state_display(), _local(mail.sent_at, code))

    @admin.display(description=gettext_lazy("Redeemed by"))
    def redeemed_by(self, code: Code) -> str:
        """The member."""
        return link_to(code.member, str(code.member)) if code.member is not None else ""

    @admin.display(description=gettext_lazy("Transaction"))
    def paid(self, code: Code) -> str:
        """The row of the ledger that it paid."""
        row = _life(code).transaction
        return link_to(row, str(row)) if row is not None else ""

    @admin.action(description=gettext_lazy("Revoke"), permissions=["revoke"])
    def revoke(self, request: HttpRequest, queryset: QuerySet[Code]) -> None:
        """Take codes back that nobody has redeemed."""

        def take_back(code: Code) -> object:
            return revoke_code(brand_id=code.brand_id, code=code.code, at=timezone.now())

        self.act_on_each(request, queryset, take_back)

    def has_revoke_permission(self, request: HttpRequest) -> bool:
        """Who may take codes back."""
        return request.user.has_perm("rewards.revoke_code")


def _life(code: Code) -> CodeLife:
    """What is known of a code, read once for all fields of its page."""
    known: CodeLife | None = code.__dict__.get("_life")
    if known is None:
        known = code.__dict__["_life"] = life_of(code)
    return known


def _brand_ids() -> Any:
    return Brand.objects.values_list("pk", flat=True)


def _local(instant: datetime | None, code: Code) -> str:
    return code.brand.local_text(instant)
