"""The desk of gift orders: each is moved step by step, alone with a reason or several at once."""

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import path
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.utils.timesince import timesince
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST

from loyalty.admin.base import ReadOnlyAdmin, ReasonForm, actor_of
from loyalty.admin.keyset import KeysetMixin
from loyalty.admin.outcomes import labelled, note_move, page_of, tell
from loyalty.database import write
from loyalty.errors import LoyaltyError
from rewards.models import GiftOrder
from rewards.rules.gift_orders import MOVES, GiftOrderStatus
from rewards.services.gift_orders import move_gift_order, obstacle_of

LONGEST_REASON = 200
LABELS = {
    GiftOrderStatus.EXCHANGE.value: "warning",
    GiftOrderStatus.IN_PREPARATION.value: "info",
    GiftOrderStatus.IN_DELIVERY.value: "info",
    GiftOrderStatus.DELIVERED.value: "success",
    GiftOrderStatus.CANCELLATION.value: "danger",
    GiftOrderStatus.RETURNED.value: "danger",
}
STATES = {
    GiftOrderStatus.EXCHANGE: gettext_lazy("Ordered"),
    GiftOrderStatus.IN_PREPARATION: gettext_lazy("In preparation"),
    GiftOrderStatus.IN_DELIVERY: gettext_lazy("In delivery"),
    GiftOrderStatus.DELIVERED: gettext_lazy("Delivered"),
    GiftOrderStatus.CANCELLATION: gettext_lazy("Cancelled"),
    GiftOrderStatus.RETURNED: gettext_lazy("Returned"),
}
STEPS = {
    GiftOrderStatus.IN_PREPARATION: gettext_lazy("In preparation"),
    GiftOrderStatus.IN_DELIVERY: gettext_lazy("In delivery"),
    GiftOrderStatus.DELIVERED: gettext_lazy("Delivered"),
    GiftOrderStatus.CANCELLATION: gettext_lazy("Cancel, and give the points back"),
    GiftOrderStatus.RETURNED: gettext_lazy("Accept its return, and give the points back"),
}


class StatusFilter(admin.SimpleListFilter):
    """Where an order stands."""

    title, parameter_name = gettext_lazy("state"), "status"

    def lookups(self, request: HttpRequest, model_admin: admin.ModelAdmin[Any]) -> list[tuple[str, Any]]:
        """Every place there is."""
        return [(status.value, words) for status, words in STATES.items()]

    def queryset(self, request: HttpRequest, queryset: QuerySet[GiftOrder]) -> QuerySet[GiftOrder]:
        """Narrow the list."""
        return queryset.filter(status=self.value()) if self.value() in set(GiftOrderStatus) else queryset


@admin.register(GiftOrder)
class GiftOrderAdmin(KeysetMixin, ReadOnlyAdmin):  # type: ignore[misc]
    """Orders of gifts, moved step by step."""

    list_display = ["id", "brand", "shown_gift", "shown_member", "shown_status", "shown_age", "created_at"]
    list_filter = [StatusFilter, "reward__reward_type__fulfilment"]
    list_select_related = ["brand", "reward__reward_type", "reward__member"]
    action_form = ReasonForm
    actions = ["prepare", "send", "deliver", "cancel", "take_back"]
    change_form_outer_before_template: Any = "admin/catalogue/gift_order_panel.html"

    @admin.display(description=gettext_lazy("Gift"))
    def shown_gift(self, order: GiftOrder) -> str:
        """What was redeemed."""
        return order.reward.reward_type.name

    @admin.display(description=gettext_lazy("Member"))
    def shown_member(self, order: GiftOrder) -> str:
        """Who gets it."""
        return order.reward.member.public_id if order.reward.member is not None else ""

    @labelled(description=gettext_lazy("State"), label=LABELS)
    def shown_status(self, order: GiftOrder) -> tuple[str, str]:
        """Where it stands."""
        return order.status, str(STATES[GiftOrderStatus(order.status)])

    @admin.display(description=gettext_lazy("For how long"))
    def shown_age(self, order: GiftOrder) -> str:
        """Since when it stands there."""
        return timesince(order.updated_at)

    @admin.action(description=STEPS[GiftOrderStatus.IN_PREPARATION], permissions=["move"])
    def prepare(self, request: HttpRequest, queryset: QuerySet[GiftOrder]) -> None:
        """Someone packs it."""
        self._move(request, queryset, GiftOrderStatus.IN_PREPARATION)

    @admin.action(description=STEPS[GiftOrderStatus.IN_DELIVERY], permissions=["move"])
    def send(self, request: HttpRequest, queryset: QuerySet[GiftOrder]) -> None:
        """It is on its way."""
        self._move(request, queryset, GiftOrderStatus.IN_DELIVERY)

    @admin.action(description=STEPS[GiftOrderStatus.DELIVERED], permissions=["move"])
    def deliver(self, request: HttpRequest, queryset: QuerySet[GiftOrder]) -> None:
        """It has arrived."""
        self._move(request, queryset, GiftOrderStatus.DELIVERED)

    @admin.action(description=STEPS[GiftOrderStatus.CANCELLATION], permissions=["move"])
    def cancel(self, request: HttpRequest, queryset: QuerySet[GiftOrder]) -> None:
        """It will not be sent."""
        self._move(request, queryset, GiftOrderStatus.CANCELLATION)

    @admin.action(description=STEPS[GiftOrderStatus.RETURNED], permissions=["move"])
    def take_back(self, request: HttpRequest, queryset: QuerySet[GiftOrder]) -> None:
        """It came back."""
        self._move(request, queryset, GiftOrderStatus.RETURNED)

    def has_move_permission(self, request: HttpRequest) -> bool:
        """Who may move orders."""
        return request.user.has_perm("rewards.move_giftorder")

    def _move(self, request: HttpRequest, queryset: QuerySet[GiftOrder], to: GiftOrderStatus) -> None:
        terms = {"actor": actor_of(request), "reason": request.POST.get("reason", "")[:LONGEST_REASON]}

        def move(order: GiftOrder) -> object:
            return move_gift_order(brand_id=order.brand_id, order_id=order.pk, to=to, **terms, at=timezone.now())

        self.act_on_each(request, queryset, move)

    def get_urls(self) -> list[Any]:
        """Its moves, at an address of their own."""
        move = self.admin_site.admin_view(self.move_view)
        return [path("<int:object_id>/move/", move, name="rewards_giftorder_move"), *super().get_urls()]

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """The order, above it where it has been and where it can go."""
        order = self.get_object(request, object_id)
        panel: dict[str, Any] = {}
        if order is not None:
            next_ones = MOVES[GiftOrderStatus(order.status)] if self.has_move_permission(request) else ()
            moves = [(to.value, words) for to, words in STEPS.items() if to in next_ones and not obstacle_of(order, to)]
            panel = {"order": order, "steps": list(order.moves.order_by("moved_at", "pk")), "moves": moves}
        return super().change_view(request, object_id, form_url, (extra_context or {}) | panel)

    @method_decorator(require_POST)
    def move_view(self, request: HttpRequest, object_id: int) -> HttpResponse:
        """Move it one step on."""
        order = self.get_scoped_object(request, object_id, permission="rewards.move_giftorder")
        terms = {"brand_id": order.brand_id, "order_id": order.pk, "actor": actor_of(request)}
        try:
            to = GiftOrderStatus(request.POST.get("to", ""))
        except ValueError:
            messages.error(request, _("Say where it is to go."))
            return HttpResponseRedirect(page_of(order))
        reason = request.POST.get("reason", "")[:LONGEST_REASON]

        def effect() -> None:
            move_gift_order(**terms, to=to, reason=reason, at=timezone.now())
            note_move(request, order, before={"status": order.status}, after={"status": to.value})

        try:
            write(effect)
        except LoyaltyError as refusal:
            tell(request, refusal, order)
        return HttpResponseRedirect(page_of(order))
