"""Collectibles, and what their owners ask for."""

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone

from loyalty.admin.base import KeptAdmin, ReadOnlyAdmin, ReasonForm, actor_of
from loyalty.errors import LoyaltyError
from rewards.models import Collectible, CollectibleSupply
from rewards.services.collectibles import decide_personalisation


@admin.register(CollectibleSupply)
class CollectibleSupplyAdmin(KeptAdmin):
    """How many items there may be."""

    list_display = ["token", "brand", "supply_limit", "issued"]
    readonly_fields = ["issued"]

    def get_readonly_fields(self, request: HttpRequest, obj: CollectibleSupply | None = None) -> tuple[str, ...]:
        """Whose numbers it counts stays so."""
        return (*super().get_readonly_fields(request, obj), *(("token",) if obj is not None else ()))


@admin.register(Collectible)
class CollectibleAdmin(ReadOnlyAdmin):
    """Items, and what their owners ask for."""

    list_display = ["id", "brand", "token", "serial", "status", "personalised_data", "updated_at"]
    list_select_related = ["brand", "token"]
    list_filter = ["status"]
    actions = ["approve", "reject"]
    action_form = ReasonForm

    @admin.action(description="Approve the personalisation", permissions=["decide"])
    def approve(self, request: HttpRequest, queryset: QuerySet[Collectible]) -> None:
        """Approve what is pending."""
        self._decide(request, queryset, approve=True)

    @admin.action(description="Reject the personalisation", permissions=["decide"])
    def reject(self, request: HttpRequest, queryset: QuerySet[Collectible]) -> None:
        """Reject what is pending; the owner gets an e-mail."""
        self._decide(request, queryset, approve=False)

    def has_decide_permission(self, request: HttpRequest) -> bool:
        """Who may decide."""
        return request.user.has_perm("rewards.decide_collectible")

    def _decide(self, request: HttpRequest, queryset: QuerySet[Collectible], *, approve: bool) -> None:
        for item in queryset.order_by("pk"):
            try:
                decide_personalisation(
                    brand_id=item.brand_id,
                    item_id=item.pk,
                    approve=approve,
                    reason=request.POST.get("reason", ""),
                    actor=actor_of(request),
                    at=timezone.now(),
                )
            except LoyaltyError as refusal:
                self.message_user(request, f"{item}: {refusal}", messages.ERROR)
