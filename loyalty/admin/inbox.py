"""The inbox: what apps reported in bursts, and what became of each."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext
from unfold.decorators import display

from loyalty.admin.base import ReadOnlyAdmin
from loyalty.admin.keyset import KeysetMixin
from rewards.models import InboxItem
from rewards.services.inbox import queue_again

COLOURS = {"applied": "success", "parked": "danger", "refused": "warning", "waiting": "primary"}


@admin.register(InboxItem)
class InboxItemAdmin(KeysetMixin, ReadOnlyAdmin):  # type: ignore[misc]
    """Reported actions, with their outcome."""

    list_display = ["id", "brand", "member", "action", "shown_state", "code", "points", "received_at", "settled_at"]
    list_filter = ["state"]
    list_select_related = ["brand", "member", "action"]
    exclude = ["properties"]
    actions = ["try_again"]

    @display(description=_("state"), label=COLOURS)  # type: ignore[arg-type]
    def shown_state(self, row: InboxItem) -> tuple[str, Any]:
        """The state, in its colour."""
        return row.state, row.get_state_display()

    @admin.action(description=_("Try parked ones again"), permissions=["requeue"])
    def try_again(self, request: HttpRequest, queryset: QuerySet[InboxItem]) -> None:
        """Have parked items judged once more."""
        count = len(self.act_on_each(request, queryset, lambda item: queue_again(item=item)))
        self.message_user(request, ngettext("%(count)d waits again", "%(count)d wait again", count) % {"count": count})

    def has_requeue_permission(self, request: HttpRequest) -> bool:
        """Who may have them tried again."""
        return request.user.has_perm("rewards.requeue_inboxitem")
