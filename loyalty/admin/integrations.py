"""How a brand is reached: API keys, webhooks, e-mails and their words."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone

from loyalty.admin.base import BrandAdmin, KeptAdmin, KeptForm, ReadOnlyAdmin
from loyalty.errors import LoyaltyError
from users.models import ApiKey, Email, EmailTemplate, WebhookDelivery, WebhookEndpoint
from users.services import webhooks
from users.services.emails import send_again
from users.webhook_events import WebhookEvent


@admin.register(ApiKey)
class ApiKeyAdmin(ReadOnlyAdmin):
    """Keys; they are made by command, for their text is shown once."""

    list_display = ["public", "brand", "label", "scopes", "expires_at", "revoked_at", "last_used_at"]
    exclude = ["digest"]


@admin.register(Email)
class EmailAdmin(ReadOnlyAdmin):
    """E-mails and where they are on their way; their content, which may hold codes, is not shown."""

    list_display = ["id", "brand", "kind", "language", "state", "attempts", "fault", "due_at", "sent_at"]
    list_filter = ["state", "kind"]
    exclude = ["context"]
    actions = ["queue_again"]

    @admin.action(description="Send again what was given up", permissions=["queue"])
    def queue_again(self, request: HttpRequest, queryset: QuerySet[Email]) -> None:
        """Queue parked e-mails once more."""
        count = sum(send_again(email=email, at=timezone.now()) for email in queryset.order_by("pk"))
        self.message_user(request, f"{count} queued again")

    def has_queue_permission(self, request: HttpRequest) -> bool:
        """Who may have an e-mail sent again."""
        return request.user.has_perm("users.queue_email")


@admin.register(EmailTemplate)
class EmailTemplateAdmin(BrandAdmin):
    """A brand's own words."""

    list_display = ["brand", "kind", "name", "language", "updated_at"]
    list_filter = ["kind", "language"]


class WebhookEndpointForm(KeptForm):
    """Judges the address as the service does."""

    events = forms.MultipleChoiceField(choices=WebhookEvent.choices, widget=forms.CheckboxSelectMultiple)

    def clean_address(self) -> str:
        """Refuse what nothing would be sent to."""
        address: str = self.cleaned_data["address"]
        try:
            webhooks.check_address(address)
        except LoyaltyError as refusal:
            raise forms.ValidationError(refusal.errors[0].detail) from None
        return address


@admin.register(WebhookEndpoint)
class WebhookEndpointAdmin(KeptAdmin):
    """Where brands listen. A secret is shown once, when it is made."""

    form = WebhookEndpointForm
    list_display = ["id", "brand", "address", "events", "active", "previous_until"]
    list_filter = ["active"]
    actions = ["rotate", "test"]

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """Add or change it by the services."""
        if change:
            changes = {name: form.cleaned_data[name] for name in ("address", "events", "active") if name in form.changed_data}
            webhooks.change_endpoint(brand_id=obj.brand_id, endpoint_id=obj.pk, **changes)
            return
        terms = {"brand_id": obj.brand_id, "address": obj.address, "events": obj.events}
        made, secret = webhooks.register_endpoint(**terms, at=timezone.now())
        obj.pk = made.pk
        if not obj.active:
            webhooks.change_endpoint(brand_id=obj.brand_id, endpoint_id=obj.pk, active=False)
        self._show(request, obj, secret)

    def _show(self, request: HttpRequest, endpoint: WebhookEndpoint, secret: str) -> None:
        self.message_user(request, f"{endpoint}: the secret, shown this once: {secret}", messages.WARNING)

    @admin.action(description="Make a new secret; the one before signs, too, for 24 hours", permissions=["rotate"])
    def rotate(self, request: HttpRequest, queryset: QuerySet[WebhookEndpoint]) -> None:
        """Replace secrets."""
        for endpoint in queryset.order_by("pk"):
            secret = webhooks.rotate_secret(brand_id=endpoint.brand_id, endpoint_id=endpoint.pk, at=timezone.now())
            self._show(request, endpoint, secret)

    @admin.action(description="Send a test event", permissions=["test"])
    def test(self, request: HttpRequest, queryset: QuerySet[WebhookEndpoint]) -> None:
        """Queue test events."""
        for endpoint in queryset.order_by("pk"):
            try:
                webhooks.send_test(brand_id=endpoint.brand_id, endpoint_id=endpoint.pk, at=timezone.now())
            except LoyaltyError as refusal:
                self.message_user(request, f"{endpoint}: {refusal}", messages.ERROR)
            else:
                self.message_user(request, f"{endpoint}: a test event is queued")

    def has_rotate_permission(self, request: HttpRequest) -> bool:
        """Who may replace secrets."""
        return request.user.has_perm("users.rotate_webhook_secret")

    def has_test_permission(self, request: HttpRequest) -> bool:
        """Who may send test events."""
        return request.user.has_perm("users.test_webhook")


@admin.register(WebhookDelivery)
class WebhookDeliveryAdmin(ReadOnlyAdmin):
    """Webhooks and where they are on their way; their content, which may tell of members, is not shown."""

    list_display = ["event_id", "brand", "endpoint", "type", "state", "attempts", "status", "fault", "due_at", "sent_at"]
    list_filter = ["state", "type"]
    list_select_related = ["brand", "endpoint"]
    exclude = ["body"]
    actions = ["queue_again"]

    @admin.action(description="Send again what was given up", permissions=["queue"])
    def queue_again(self, request: HttpRequest, queryset: QuerySet[WebhookDelivery]) -> None:
        """Queue parked deliveries once more."""
        count = sum(webhooks.send_again(delivery=row, at=timezone.now()) for row in queryset.order_by("pk"))
        self.message_user(request, f"{count} queued again")

    def has_queue_permission(self, request: HttpRequest) -> bool:
        """Who may have a webhook sent again."""
        return request.user.has_perm("users.queue_webhook")
