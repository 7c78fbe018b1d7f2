"""The catalogue: what points buy, and what was bought."""

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from unfold.forms import PaginationInlineFormSet

from loyalty.admin.base import BrandTabularInline, KeptAdmin, ReadOnlyAdmin, actor_of
from loyalty.errors import LoyaltyError
from rewards.models import Category, Fulfilment, GiftOrder, Location, Reward, RewardType, RewardTypeLocation, RewardTypeText
from rewards.rules.gift_orders import GiftOrderStatus
from rewards.services.gift_orders import move_gift_order


class DistinctFormSet(PaginationInlineFormSet):
    """Lines that differ in their language."""

    def clean(self) -> None:
        """Refuse two lines in one language."""
        super().clean()
        told = [form.cleaned_data.get("language") for form in self.forms if not form.cleaned_data.get("DELETE")]
        languages = [language for language in told if language]
        if len(set(languages)) < len(languages):
            raise ValidationError("one text a language")


class RewardTypeTextInline(BrandTabularInline):
    """Texts per language."""

    model = RewardTypeText
    formset = DistinctFormSet
    exclude = ["brand"]
    extra = 0


class RewardTypeLocationInline(BrandTabularInline):
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
                actor = actor_of(request)
                move_gift_order(brand_id=order.brand_id, order_id=order.pk, to=to, actor=actor, at=timezone.now())
            except LoyaltyError as refusal:
                self.message_user(request, f"{order}: {refusal}", messages.ERROR)
