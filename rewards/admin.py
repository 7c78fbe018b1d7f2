"""Admin pages of rewards, plain: what staff keep, and the verbs of the services as actions."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.helpers import ActionForm
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.forms import BaseInlineFormSet
from django.http import HttpRequest
from django.utils import timezone

from loyalty.errors import LoyaltyError
from rewards.models import (
    Campaign,
    CampaignState,
    Category,
    Code,
    CodeBatch,
    Collectible,
    CollectibleSupply,
    Fulfilment,
    GiftOrder,
    Location,
    Reward,
    RewardType,
    RewardTypeLocation,
    RewardTypeText,
)
from rewards.rules.gift_orders import GiftOrderStatus
from rewards.services.campaigns import move_campaign
from rewards.services.codes import revoke_code
from rewards.services.collectibles import decide_personalisation
from rewards.services.gift_orders import move_gift_order
from users.admin import KeptAdmin, ReadOnlyAdmin


@admin.register(Campaign)
class CampaignAdmin(KeptAdmin):
    """Campaigns; their state is moved by actions alone."""

    list_display = ["name", "brand", "kind", "state", "issued_codes", "budget_codes", "issued_points", "budget_points"]
    list_filter = ["state", "kind"]
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


class DistinctFormSet(BaseInlineFormSet[Any, Any, Any]):
    """Lines that differ in their language."""

    def clean(self) -> None:
        """Refuse two lines in one language."""
        super().clean()
        told = [form.cleaned_data.get("language") for form in self.forms if not form.cleaned_data.get("DELETE")]
        languages = [language for language in told if language]
        if len(set(languages)) < len(languages):
            raise ValidationError("one text a language")


class RewardTypeTextInline(admin.TabularInline[RewardTypeText, RewardType]):
    """Texts per language."""

    model = RewardTypeText
    formset = DistinctFormSet
    exclude = ["brand"]
    extra = 0


class RewardTypeLocationInline(admin.TabularInline[RewardTypeLocation, RewardType]):
    """Where it can be used."""

    model = RewardTypeLocation
    exclude = ["brand"]
    extra = 0


@admin.register(RewardType)
class RewardTypeAdmin(KeptAdmin):
    """Reward types."""

    list_display = ["name", "brand", "category", "price", "stock", "handed_out", "fulfilment", "active", "valid_until"]
    list_filter = ["fulfilment", "active"]
    readonly_fields = ["handed_out"]
    inlines = [RewardTypeTextInline, RewardTypeLocationInline]

    def get_readonly_fields(self, request: HttpRequest, obj: RewardType | None = None) -> tuple[str, ...]:
        """How it is fulfilled stays so; a pool counts its own stock."""
        pooled = obj is not None and obj.fulfilment == Fulfilment.POOL
        fixed = () if obj is None else ("fulfilment", "stock") if pooled else ("fulfilment",)
        return (*super().get_readonly_fields(request, obj), *fixed)

    def save_formset(self, request: HttpRequest, form: Any, formset: Any, change: bool) -> None:
        """Give lines the brand of what they stand under."""
        for line in formset.forms:
            line.instance.brand_id = form.instance.brand_id
        super().save_formset(request, form, formset, change)


@admin.register(Category)
class CategoryAdmin(KeptAdmin):
    """Categories."""

    list_display = ["code", "name", "parent", "brand"]


@admin.register(Location)
class LocationAdmin(KeptAdmin):
    """Locations."""

    list_display = ["street", "city", "country", "brand"]


@admin.register(Reward)
class RewardAdmin(ReadOnlyAdmin):
    """Rewards, found by their code."""

    list_display = ["id", "brand", "reward_type", "member", "handed_out_at", "used_at"]
    list_select_related = ["brand", "reward_type", "member"]
    search_fields = ["code__exact"]


@admin.register(GiftOrder)
class GiftOrderAdmin(ReadOnlyAdmin):
    """Orders of gifts."""

    list_display = ["id", "brand", "reward", "status", "created_at", "updated_at"]
    list_filter = ["status"]
    actions = ["prepare", "send", "deliver", "cancel", "take_back"]

    @admin.action(description="In preparation", permissions=["move"])
    def prepare(self, request: HttpRequest, queryset: QuerySet[GiftOrder]) -> None:
        """Someone packs it."""
        self._move(request, queryset, GiftOrderStatus.IN_PREPARATION)

    @admin.action(description="In delivery", permissions=["move"])
    def send(self, request: HttpRequest, queryset: QuerySet[GiftOrder]) -> None:
        """It is on its way."""
        self._move(request, queryset, GiftOrderStatus.IN_DELIVERY)

    @admin.action(description="Delivered", permissions=["move"])
    def deliver(self, request: HttpRequest, queryset: QuerySet[GiftOrder]) -> None:
        """It has arrived."""
        self._move(request, queryset, GiftOrderStatus.DELIVERED)

    @admin.action(description="Cancel, and give the points back", permissions=["move"])
    def cancel(self, request: HttpRequest, queryset: QuerySet[GiftOrder]) -> None:
        """It will not be sent."""
        self._move(request, queryset, GiftOrderStatus.CANCELLATION)

    @admin.action(description="Accept its return, and give the points back", permissions=["move"])
    def take_back(self, request: HttpRequest, queryset: QuerySet[GiftOrder]) -> None:
        """It came back."""
        self._move(request, queryset, GiftOrderStatus.RETURNED)

    def has_move_permission(self, request: HttpRequest) -> bool:
        """Who may move orders."""
        return request.user.has_perm("rewards.move_giftorder")

    def _move(self, request: HttpRequest, queryset: QuerySet[GiftOrder], to: GiftOrderStatus) -> None:
        for order in queryset.order_by("pk"):
            try:
                actor = f"staff:{request.user.pk}"
                move_gift_order(brand_id=order.brand_id, order_id=order.pk, to=to, actor=actor, at=timezone.now())
            except LoyaltyError as refusal:
                self.message_user(request, f"{order}: {refusal}", messages.ERROR)


@admin.register(CollectibleSupply)
class CollectibleSupplyAdmin(KeptAdmin):
    """How many items there may be."""

    list_display = ["token", "brand", "supply_limit", "issued"]
    readonly_fields = ["issued"]

    def get_readonly_fields(self, request: HttpRequest, obj: CollectibleSupply | None = None) -> tuple[str, ...]:
        """Whose numbers it counts stays so."""
        return (*super().get_readonly_fields(request, obj), *(("token",) if obj is not None else ()))


class ReasonForm(ActionForm):
    """Asks why, beside the choice of what to do."""

    reason = forms.CharField(required=False, max_length=1_000)


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
                    actor=f"staff:{request.user.pk}",
                    at=timezone.now(),
                )
            except LoyaltyError as refusal:
                self.message_user(request, f"{item}: {refusal}", messages.ERROR)
