"""Campaigns and their codes."""

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from loyalty.admin.base import KeptAdmin, ReadOnlyAdmin
from loyalty.errors import LoyaltyError
from rewards.models import Campaign, CampaignState, Code, CodeBatch
from rewards.selectors import running_out
from rewards.services.campaigns import move_campaign
from rewards.services.codes import revoke_code


class RunningOutFilter(admin.SimpleListFilter):
    """Those that are about to run out of time, codes or points."""

    title, parameter_name = _("about to run out"), "running_out"

    def lookups(self, request: HttpRequest, model_admin: admin.ModelAdmin[Any]) -> list[tuple[str, Any]]:
        """Those, or all."""
        return [("yes", _("Yes"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Campaign]) -> QuerySet[Campaign]:
        """Narrow the list."""
        return queryset & running_out(at=timezone.now()) if self.value() == "yes" else queryset


@admin.register(Campaign)
class CampaignAdmin(KeptAdmin):
    """Campaigns; their state is moved by actions alone."""

    list_display = ["name", "brand", "kind", "state", "issued_codes", "budget_codes", "issued_points", "budget_points"]
    list_filter = ["state", "kind", RunningOutFilter]
    readonly_fields = ["state", "issued_codes", "issued_points"]
    actions = ["start", "pause", "end"]

    def get_readonly_fields(self, request: HttpRequest, obj: Campaign | None = None) -> tuple[str, ...]:
        """What codes are worth stays as it was when the first was issued."""
        issued = obj is not None and obj.issued_codes > 0
        fixed = ("kind", "token", "member_limit") if issued else ()  # uses are counted from the first code on, or never
        return (*super().get_readonly_fields(request, obj), *fixed)

    @admin.action(description="Start", permissions=["change"])
    def start(self, request: HttpRequest, queryset: QuerySet[Campaign]) -> None:
        """Start campaigns, or go on with paused ones."""
        self._move(request, queryset, CampaignState.RUNNING)

    @admin.action(description="Pause", permissions=["change"])
    def pause(self, request: HttpRequest, queryset: QuerySet[Campaign]) -> None:
        """Pause campaigns."""
        self._move(request, queryset, CampaignState.PAUSED)

    @admin.action(description="End for good", permissions=["change"])
    def end(self, request: HttpRequest, queryset: QuerySet[Campaign]) -> None:
        """End campaigns."""
        self._move(request, queryset, CampaignState.ENDED)

    def _move(self, request: HttpRequest, queryset: QuerySet[Campaign], to: CampaignState) -> None:
        for campaign in queryset.order_by("pk"):
            try:
                move_campaign(brand_id=campaign.brand_id, campaign_id=campaign.pk, to=to)
            except LoyaltyError as refusal:
                self.message_user(request, f"{campaign}: {refusal}", messages.ERROR)


@admin.register(CodeBatch)
class CodeBatchAdmin(ReadOnlyAdmin):
    """Batches of codes."""

    list_display = ["id", "brand", "campaign", "count", "generated", "value", "actor", "created_at", "finished_at"]


@admin.register(Code)
class CodeAdmin(ReadOnlyAdmin):
    """Codes, found by their text."""

    list_display = ["id", "brand", "campaign", "value", "created_at", "redeemed_at", "revoked_at"]
    list_select_related = ["brand", "campaign"]
    search_fields = ["code__exact"]
    actions = ["revoke"]

    @admin.action(description="Revoke", permissions=["revoke"])
    def revoke(self, request: HttpRequest, queryset: QuerySet[Code]) -> None:
        """Take codes back that nobody has redeemed."""
        for code in queryset.order_by("pk"):
            try:
                revoke_code(brand_id=code.brand_id, code=code.code, at=timezone.now())
            except LoyaltyError as refusal:
                self.message_user(request, f"{code}: {refusal}", messages.ERROR)

    def has_revoke_permission(self, request: HttpRequest) -> bool:
        """Who may take codes back."""
        return request.user.has_perm("rewards.revoke_code")
