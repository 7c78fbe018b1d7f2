"""Collectibles, and what their owners ask for: a queue that staff work through with the keyboard."""

from typing import Any
from urllib.parse import urlencode

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.http import require_POST, require_safe

from loyalty.admin.audited import note_refusal
from loyalty.admin.base import KeptAdmin, ReadOnlyAdmin, actor_of, staff_of
from loyalty.admin.keyset import KeysetMixin
from loyalty.admin.personalisation_queue import (
    AGES,
    DECIDE,
    age_of,
    history_of,
    owner_link,
    picture_of,
    place_of,
    preview_of,
    queue_of,
    sees_wishes,
    told_who,
    waiting,
    wish_lines,
)
from loyalty.database import write
from loyalty.errors import LoyaltyError
from rewards.errors import PersonalisationNotPending
from rewards.models import Collectible, CollectibleSupply
from rewards.services.collectibles import decide_personalisation

MOST_AT_ONCE = 50
LONGEST_REASON = 1_000
QUEUE = "admin:rewards_collectible_queue"


@admin.register(CollectibleSupply)
class CollectibleSupplyAdmin(KeptAdmin):
    """How many items there may be."""

    list_display = ["token", "brand", "supply_limit", "issued"]
    readonly_fields = ["issued"]

    def get_readonly_fields(self, request: HttpRequest, obj: CollectibleSupply | None = None) -> tuple[str, ...]:
        """Whose numbers it counts stays so."""
        return (*super().get_readonly_fields(request, obj), *(("token",) if obj is not None else ()))


@admin.register(Collectible)
class CollectibleAdmin(KeysetMixin, ReadOnlyAdmin):  # type: ignore[misc]
    """Items, and what their owners ask for."""

    list_display = ["id", "brand", "token", "serial", "status", "updated_at"]
    list_select_related = ["brand", "token"]
    list_filter = ["status"]
    actions = ["decide"]
    change_list_template = "admin/explorer/collectibles.html"

    def get_urls(self) -> list[URLPattern]:
        """The queue, beside the usual pages."""
        queue = self.admin_site.admin_view(require_safe(self.queue_view))
        decide = self.admin_site.admin_view(require_POST(self.decide_view))
        return [
            path("queue/", queue, name="rewards_collectible_queue"),
            path("queue/decide/", decide, name="rewards_collectible_decide"),
            *super().get_urls(),
        ]

    def get_exclude(self, request: HttpRequest, obj: Any = None) -> list[str]:
        """What is asked for is personal."""
        hidden = [] if sees_wishes(request) else ["personalised_data", "reason"]
        return [*super().get_exclude(request, obj), *hidden]

    def render_change_form(self, request: HttpRequest, context: Any, *arguments: Any, **terms: Any) -> Any:
        """Show an item; with what its owner asked for, that someone saw that."""
        item = terms.get("obj")
        if item is not None and (item.personalised_data or item.reason):
            self.note_look(request, [item])
        return super().render_change_form(request, context, *arguments, **terms)

    @admin.action(description=gettext_lazy("Decide about the personalisations"), permissions=["decide"])
    def decide(self, request: HttpRequest, queryset: QuerySet[Collectible]) -> HttpResponse:
        """Look at the first of them in the queue: nothing is decided that nobody looked at."""
        first = waiting(queryset, days=0).order_by("updated_at", "pk").first()
        if first is None:
            messages.error(request, _("None of them waits for a decision."))
            return HttpResponseRedirect(request.get_full_path())
        return HttpResponseRedirect(queue_address(at=place_of(first)))

    def has_decide_permission(self, request: HttpRequest) -> bool:
        """Who may decide."""
        return bool(self._reaches(request) and staff_of(request).has_perm(DECIDE))

    def queue_view(self, request: HttpRequest) -> HttpResponse:
        """One wish in full with its owner's history, and those that wait around it, oldest first."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        days = age_of(request)
        context = queue_of(waiting(self.get_queryset(request), days=days), request.GET.get("at", ""))
        item = context["current"]
        if item is not None:
            context |= history_of(request, item) | {"picture": picture_of(item.token), "owner": owner_link(request, item)}
            context["wish"] = wish_lines(request, item.personalised_data)
            self.note_look(request, [item])
        context |= {"age": days, "ages": AGES, "may_decide": self.has_decide_permission(request)}
        return self.page(request, "queue", context | {"title": _("Personalisations to decide")})

    def decide_view(self, request: HttpRequest) -> HttpResponse:
        """Show what a decision will do, e-mails included; and when that was confirmed, do it."""
        if not self.has_decide_permission(request):
            raise PermissionDenied
        verb, _space, several = request.POST.get("decision", "").partition("_")
        chosen = request.POST.getlist("chosen" if several else "current")[:MOST_AT_ONCE]
        reason = request.POST.get("reason", "").strip()[:LONGEST_REASON]
        ids = [int(pk) for pk in chosen if pk.isdigit() and len(pk) < 19]
        items = list(
            self.get_queryset(request).filter(pk__in=ids).select_related("token__brand", "member").order_by("updated_at")
        )
        if verb not in {"approve", "reject"} or not items:
            messages.error(request, _("Choose at least one personalisation."))
            return self.back(request)
        if verb == "reject" and not reason:
            messages.error(request, _("Say why: the reason is sent to the owner."))
            return self.back(request)
        if request.POST.get("confirmed") != "yes":
            return self.preview(request, items, approve=verb == "approve", reason=reason)
        done = sum(self.decide_one(request, item, approve=verb == "approve", reason=reason) for item in items)
        if done:
            told = ngettext("%(count)d personalisation decided.", "%(count)d personalisations decided.", done)
            messages.success(request, told % {"count": done})
        return self.back(request)

    def preview(self, request: HttpRequest, items: list[Collectible], *, approve: bool, reason: str) -> HttpResponse:
        """What is about to be decided, and the e-mail that each owner will get."""
        changed = [item for item in items if seen_of(request, item) not in {None, item.wish_digest}]
        if changed:
            messages.warning(request, _("The owner has changed the wish meanwhile: look at it again."))
            return HttpResponseRedirect(queue_address(at=place_of(changed[0]), age=age_of(request)))
        shown = []
        for item in items:
            email, language = preview_of(request, item, approve=approve, reason=reason)
            wish = wish_lines(request, item.personalised_data)
            shown.append({"item": item, "wish": wish, "picture": picture_of(item.token), "email": email, "language": language})
        self.note_look(request, items)
        context = {"shown": shown, "approve": approve, "reason": reason, "age": age_of(request)}
        context |= {name: request.POST.get(name, "") for name in ("next", "current", "place")}
        return self.page(request, "decide", context | {"title": _("Approve?") if approve else _("Reject?")})

    def decide_one(self, request: HttpRequest, item: Collectible, *, approve: bool, reason: str) -> bool:
        """Decide about exactly the wish that was shown; whoever comes second is told who was first."""

        def effect() -> None:
            decide_personalisation(
                brand_id=item.brand_id,
                item_id=item.pk,
                approve=approve,
                reason=reason,
                seen=seen_of(request, item) or "",
                actor=actor_of(request),
                at=timezone.now(),
            )
            self.note_action(request, "approve" if approve else "reject", [item])

        try:
            write(effect)
        except LoyaltyError as refusal:
            note_refusal(request, refusal, item)
            told = f"{item.token.name} {item.serial}: {refusal}"
            messages.error(request, told_who(item, refusal) if isinstance(refusal, PersonalisationNotPending) else told)
        else:
            return True
        return False

    def note_look(self, request: HttpRequest, items: list[Collectible]) -> None:
        """Write down who looked at what members ask for."""
        if sees_wishes(request):
            self.tell_look(request, *items)

    def back(self, request: HttpRequest) -> HttpResponse:
        """To the wish after the one that was looked at."""
        wanted = request.POST.get("next" if request.POST.get("confirmed") == "yes" else "place", "")
        return HttpResponseRedirect(queue_address(at=wanted, age=age_of(request)))

    def page(self, request: HttpRequest, name: str, context: dict[str, Any]) -> HttpResponse:
        """A page of the queue."""
        context = self.admin_site.each_context(request) | {"opts": self.opts, "is_popup": False} | context
        return TemplateResponse(request, f"admin/explorer/{name}.html", context)


def queue_address(*, at: str = "", age: int = 0) -> str:
    """The queue, at one wish."""
    asked = {name: value for name, value in (("at", at), ("age", age)) if value}
    return f"{reverse(QUEUE)}?{urlencode(asked)}" if asked else reverse(QUEUE)


def seen_of(request: HttpRequest, item: Collectible) -> str | None:
    """The digest of the wish as it was shown."""
    return request.POST.get(f"seen_{item.pk}")
