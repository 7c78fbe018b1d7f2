"""Where a brand's systems listen, what was sent to them and what came of it."""

from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext
from unfold.decorators import display
from unfold.widgets import UnfoldAdminCheckboxSelectMultipleWidget, UnfoldAdminTextInputWidget

from loyalty.admin.base import BrandRelatedFilter, KeptAdmin, KeptForm, ReadOnlyAdmin
from loyalty.admin.integrations import ONCE, BrandedForm
from loyalty.admin.keyset import KeysetMixin
from loyalty.admin.verbs import Verb, VerbForm, VerbsAdmin, show_secret
from loyalty.errors import LoyaltyError
from users.errors import WebhookUnderWay
from users.models import AuditKind, WebhookDelivery, WebhookEndpoint
from users.rules.addresses import LONGEST_ADDRESS
from users.services import webhooks
from users.webhook_events import WebhookEvent

COLOURS = {"sent": "success", "parked": "danger", "failed": "warning", "dropped": "info", "queued": "primary"}


class WebhookEndpointForm(KeptForm):
    """Judges the address as the service does."""

    events = forms.MultipleChoiceField(choices=WebhookEvent.choices, widget=UnfoldAdminCheckboxSelectMultipleWidget)

    def clean_address(self) -> str:
        """Refuse what nothing would be sent to."""
        address: str = self.cleaned_data["address"]
        try:
            webhooks.check_address(address)
        except LoyaltyError as refusal:
            raise forms.ValidationError(refusal.errors[0].detail) from None
        return address


class RegisterForm(BrandedForm):
    """Where to, and what of."""

    address = forms.CharField(
        label=_("Address"),
        max_length=LONGEST_ADDRESS,
        widget=UnfoldAdminTextInputWidget,
        help_text=_("https; it must be reached from the public net."),
    )
    events = forms.MultipleChoiceField(
        label=_("Events"), choices=WebhookEvent.choices, widget=UnfoldAdminCheckboxSelectMultipleWidget
    )


class RotateForm(VerbForm):
    """Remembers which secret was there when it was shown."""

    unaudited = frozenset({"seen"})
    seen = forms.CharField(widget=forms.HiddenInput)


def _register(request: HttpRequest, _row: None, form: RegisterForm) -> HttpResponse:
    brand, told = form.brand(), form.cleaned_data
    endpoint, secret = webhooks.register_endpoint(
        brand_id=brand.pk, address=told["address"], events=told["events"], once=True, at=timezone.now()
    )
    form.row = endpoint
    return _shown(request, endpoint, secret)


def _rotate(request: HttpRequest, row: WebhookEndpoint, form: RotateForm) -> HttpResponse:
    terms = {"brand_id": row.brand_id, "endpoint_id": row.pk}
    return _shown(request, row, webhooks.rotate_secret(**terms, seen=form.cleaned_data["seen"], at=timezone.now()))


def _shown(request: HttpRequest, endpoint: WebhookEndpoint, secret: str) -> HttpResponse:
    page = admin.site._registry[WebhookEndpoint]
    back = page.address_of(endpoint)  # type: ignore[attr-defined]
    what = [(_("Address"), endpoint.address)]
    title = _("The endpoint's secret")
    return show_secret(request, site=admin.site, title=title, what=what, secret=secret, back=back, words=ONCE)


def _test(_request: HttpRequest, row: WebhookEndpoint, _form: VerbForm) -> None:
    webhooks.send_test(brand_id=row.brand_id, endpoint_id=row.pk, at=timezone.now())


class EventFilter(admin.SimpleListFilter):
    """By what is told: every event there is, and not those alone that a search through all deliveries would find."""

    title, parameter_name = _("type"), "type"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        """Each event."""
        return list(WebhookEvent.choices)

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Deliveries of that event."""
        return queryset.filter(type=self.value()) if self.value() in WebhookEvent.values else queryset


@admin.register(WebhookEndpoint)
class WebhookEndpointAdmin(VerbsAdmin, KeptAdmin):  # type: ignore[misc]
    """Where brands listen."""

    form = WebhookEndpointForm
    list_display = ["address", "brand", "events", "active", "previous_until"]
    list_filter = ["active"]
    list_select_related = ["brand"]
    adding = Verb(
        name="register",
        title=_("Add an endpoint"),
        permission="users.add_webhookendpoint",
        act=_register,
        form=RegisterForm,
        kind=AuditKind.ADD,
    )
    verbs = (
        Verb(
            name="rotate",
            title=_("Replace the secret"),
            permission="users.rotate_webhook_secret",
            act=_rotate,
            form=RotateForm,
            initial=lambda row: {"seen": webhooks.secret_mark(row)},
            icon="autorenew",
            words=_("The secret before signs, too, for 24 hours; one that is older than it signs no more."),
        ),
        Verb(
            name="test",
            title=_("Send a test event"),
            permission="users.test_webhook",
            act=_test,
            form=VerbForm,
            applies=lambda row: row.active,
            icon="send",
            done=_("A test event is queued: the delivery log tells what comes of it."),
        ),
    )

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """Change it by the service."""
        changes = {name: form.cleaned_data[name] for name in ("address", "events", "active") if name in form.changed_data}
        webhooks.change_endpoint(brand_id=obj.brand_id, endpoint_id=obj.pk, **changes)

    def facts(self, row: WebhookEndpoint) -> list[tuple[Any, Any]]:
        """Which one it is."""
        return [(_("Address"), row.address), (_("Events"), ", ".join(row.events)), (_("Also signs until"), row.previous_until)]


def _may_go_again(row: WebhookDelivery) -> bool:
    return webhooks.may_be_sent_again(row)


def _again(_request: HttpRequest, row: WebhookDelivery, _form: VerbForm) -> None:
    if not webhooks.send_again(delivery=row, at=timezone.now()):
        raise WebhookUnderWay


@admin.register(WebhookDelivery)
class WebhookDeliveryAdmin(VerbsAdmin, KeysetMixin, ReadOnlyAdmin):  # type: ignore[misc]
    """Webhooks and where they are on their way; their content, which may tell of members, is not shown."""

    list_display = ["event_id", "brand", "endpoint", "type", "shown_state", "attempts", "status", "fault", "due_at", "sent_at"]
    list_filter = ["state", EventFilter, ("endpoint", BrandRelatedFilter)]
    list_select_related = ["brand", "endpoint"]
    search_fields = ["event_id__exact"]
    exclude = ["body", "member", "state"]
    readonly_fields = ["stands"]
    actions = ["queue_again"]
    verbs = (
        Verb(
            name="send_again",
            title=_("Send again"),
            permission="users.queue_webhook",
            act=_again,
            form=VerbForm,
            applies=_may_go_again,
            icon="replay",
            words=_("The very same event goes out once more, under the same id, with all its attempts anew."),
            done=_("It is queued again."),
        ),
    )

    @display(description=_("state"), label=COLOURS)  # type: ignore[arg-type]
    def shown_state(self, row: WebhookDelivery) -> tuple[str, Any]:
        """The state, in its colour."""
        return row.state, row.get_state_display()

    def facts(self, row: WebhookDelivery) -> list[tuple[Any, Any]]:
        """What it is, and what came of it."""
        return [
            (_("Event"), f"{row.type} {row.event_id}"),
            (_("State"), row.get_state_display()),
            (_("Last answer"), row.status or row.fault),
            (_("Attempts"), row.attempts),
        ]

    @admin.action(description=_("Send again what was given up or has arrived"), permissions=["queue"])
    def queue_again(self, request: HttpRequest, queryset: QuerySet[WebhookDelivery]) -> None:
        """Queue deliveries once more."""
        count = len(self.act_on_each(request, queryset, lambda row: webhooks.send_again(delivery=row, at=timezone.now())))
        self.message_user(request, ngettext("%(count)d queued again", "%(count)d queued again", count) % {"count": count})

    def has_queue_permission(self, request: HttpRequest) -> bool:
        """Who may have a webhook sent again."""
        return request.user.has_perm("users.queue_webhook")
