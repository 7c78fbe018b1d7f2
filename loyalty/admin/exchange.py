"""The exchange desk: what is under way is looked at, and decided by the services."""

from collections.abc import Callable
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.utils import timezone

from exchange.models import (
    AccrualFile,
    AnswerFile,
    Difference,
    ExchangeAttempt,
    ExchangeMove,
    ExchangeOrder,
    Partnership,
    Provider,
)
from exchange.services.credentials import VARIABLE_PREFIX, set_secret
from exchange.services.desk import resume_order
from exchange.services.partnerships import approve_partnership, cancel_partnership
from exchange.services.reconciling import resolve_difference
from loyalty.admin.base import BrandTabularInline, KeptAdmin, KeptForm, ReadOnlyAdmin, ReasonForm, actor_of
from loyalty.errors import LoyaltyError


class DecidingAdmin(ReadOnlyAdmin):
    """Rows that staff decide about one by one; a refusal is told, and stops no other."""

    action_form = ReasonForm

    def decide(self, request: HttpRequest, rows: QuerySet[Any], decision: Callable[[Any], object]) -> None:
        """Decide about each row."""
        for row in rows.order_by("pk"):
            try:
                decision(row)
            except LoyaltyError as refusal:
                self.message_user(request, f"{row}: {refusal}", messages.ERROR)

    @staticmethod
    def actor(request: HttpRequest) -> str:
        """Who decides, as the rows name them."""
        return actor_of(request)

    @staticmethod
    def reason(request: HttpRequest) -> str:
        """Why."""
        return request.POST.get("reason", "")


class ProviderForm(KeptForm):
    """Takes a secret and never shows it."""

    new_secret = forms.CharField(
        required=False, widget=forms.PasswordInput, help_text="Kept encrypted; empty leaves the one before."
    )

    def clean(self) -> dict[str, Any]:
        """Refuse another brand's token, and terms that are no object."""
        told: dict[str, Any] = super().clean() or {}
        token, brand_id = told.get("token"), self.instance.brand_id or getattr(told.get("brand"), "pk", None)
        if token is not None and token.brand_id != brand_id:
            self.add_error("token", "a token of the brand")
        reached = {name: told.get(name) or {} for name in ("address", "adapter", "credential_id", "terms")}
        elsewhere = any(value != (getattr(self.instance, name) or {}) for name, value in reached.items())
        if self.instance.secret and elsewhere and not told.get("new_secret"):
            self.add_error("new_secret", "needed where a partner is reached in another way, so that none learns another's")
        variable = told.get("secret_variable") or ""
        if variable and not variable.startswith(VARIABLE_PREFIX):
            self.add_error("secret_variable", f"begins with {VARIABLE_PREFIX}")
        if not isinstance(told.get("terms") or {}, dict):
            self.add_error("terms", "a JSON object")
        told["terms"] = told.get("terms") or {}
        return told


@admin.register(Provider)
class ProviderAdmin(KeptAdmin):
    """Providers."""

    form = ProviderForm
    list_display = ["id", "brand", "programme", "adapter", "address", "active", "failures", "open_until", "files_fault"]
    list_select_related = ["brand", "programme"]
    readonly_fields = ["failures", "open_until", "files_due_at", "files_failures", "files_fault"]

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """Write what was changed, and the secret encrypted."""
        secret = form.cleaned_data["new_secret"]
        form.changed_data[:] = [name for name in form.changed_data if name != "new_secret"]
        super().save_model(request, obj, form, change)
        if secret:
            set_secret(provider=obj, secret=secret)


@admin.register(Partnership)
class PartnershipAdmin(DecidingAdmin):
    """Partnerships, and the consent of whoever receives."""

    list_display = ["id", "brand", "token_a", "token_b", "rate", "minimum", "maximum", "state", "approved_by"]
    list_filter = ["state"]
    list_select_related = ["brand", "token_a", "token_b"]
    actions = ["approve", "cancel"]

    @admin.action(description="Approve for the receiving brand", permissions=["decide"])
    def approve(self, request: HttpRequest, queryset: QuerySet[Partnership]) -> None:
        """Let points flow."""
        self.decide(
            request,
            queryset,
            lambda row: approve_partnership(
                partner_brand_id=row.partner_brand_id or 0,
                partnership_id=row.pk,
                actor=self.actor(request),
                at=timezone.now(),
            ),
        )

    @admin.action(description="Cancel; what was accepted goes on", permissions=["decide"])
    def cancel(self, request: HttpRequest, queryset: QuerySet[Partnership]) -> None:
        """End partnerships."""
        why: dict[str, Any] = {"actor": self.actor(request), "reason": self.reason(request), "at": timezone.now()}
        self.decide(request, queryset, lambda row: cancel_partnership(brand_id=row.brand_id, partnership_id=row.pk, **why))

    def has_decide_permission(self, request: HttpRequest) -> bool:
        """Who may decide."""
        return request.user.has_perm("exchange.decide_partnership")


class AttemptsInline(BrandTabularInline):
    """Every call, and what came of it."""

    model = ExchangeAttempt
    fields = readonly_fields = ("number", "act", "begun_at", "ended_at", "outcome", "detail")
    can_delete, extra = False, 0
    ordering = ["number"]

    def has_add_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Nobody adds."""
        return False


class MovesInline(BrandTabularInline):
    """Every move, by whom and why."""

    model = ExchangeMove
    fields = readonly_fields = ("came_from", "went_to", "actor", "reason", "at")
    can_delete, extra = False, 0
    ordering = ["pk"]

    def has_add_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Nobody adds."""
        return False


@admin.register(ExchangeOrder)
class ExchangeOrderAdmin(DecidingAdmin):
    """Exchanges; those that are parked wait for a decision with its reason."""

    list_display = ["id", "brand", "provider", "state", "points", "received", "credited", "misses", "due_at", "created_at"]
    list_filter = ["state"]
    list_select_related = ["brand", "provider__programme", "provider__brand"]
    search_fields = ["reference__exact", "partner_reference__exact"]
    inlines = [AttemptsInline, MovesInline]
    actions = ["resume"]

    @admin.action(description="Ask the partner again", permissions=["decide"])
    def resume(self, request: HttpRequest, queryset: QuerySet[ExchangeOrder]) -> None:
        """Have parked ones asked after."""
        self._decide(request, queryset, resume_order)

    def _decide(self, request: HttpRequest, rows: QuerySet[ExchangeOrder], verb: Callable[..., object]) -> None:
        why = {"actor": self.actor(request), "reason": self.reason(request), "at": timezone.now()}
        self.decide(request, rows, lambda row: verb(brand_id=row.brand_id, order_id=row.pk, **why))

    def has_decide_permission(self, request: HttpRequest) -> bool:
        """Who may decide."""
        return request.user.has_perm("exchange.decide_exchange")


@admin.register(Difference)
class DifferenceAdmin(DecidingAdmin):
    """What statements do not agree on."""

    list_display = ["id", "brand", "provider", "day", "kind", "reference", "ours", "theirs", "resolved_by", "resolution"]
    list_filter = ["kind", "day", ("resolved_at", admin.EmptyFieldListFilter)]
    list_select_related = ["brand", "provider__programme", "provider__brand"]
    actions = ["resolve"]

    @admin.action(description="Resolve; the reason says how", permissions=["resolve"])
    def resolve(self, request: HttpRequest, queryset: QuerySet[Difference]) -> None:
        """Keep what came of differences."""
        why: dict[str, Any] = {"actor": self.actor(request), "resolution": self.reason(request), "at": timezone.now()}
        self.decide(request, queryset, lambda row: resolve_difference(brand_id=row.brand_id, difference_id=row.pk, **why))

    def has_resolve_permission(self, request: HttpRequest) -> bool:
        """Who may resolve."""
        return request.user.has_perm("exchange.resolve_difference")


@admin.register(AccrualFile)
class AccrualFileAdmin(ReadOnlyAdmin):
    """Files for partners; their content, which names members, is not shown."""

    list_display = ["name", "brand", "provider", "sequence", "records", "total", "made_at", "delivered_at", "refused_as"]
    list_select_related = ["brand", "provider__programme", "provider__brand"]
    exclude = ["content"]


@admin.register(AnswerFile)
class AnswerFileAdmin(ReadOnlyAdmin):
    """Partners' answers, those that were refused too."""

    list_display = ["name", "brand", "provider", "sequence", "answers", "records", "total", "state", "fault", "received_at"]
    list_filter = ["state"]
    list_select_related = ["brand", "provider__programme", "provider__brand", "answers"]
