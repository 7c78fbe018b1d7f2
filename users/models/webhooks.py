"""Webhooks: where a brand's systems listen, and what is on its way to them; rows that a worker drains."""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from users.models.brands import Brand
from users.models.members import Member
from users.rules.addresses import LONGEST_ADDRESS
from users.rules.webhooks import MOST_ATTEMPTS
from users.webhook_events import WebhookEvent


class DeliveryState(models.TextChoices):
    """Where a delivery is on its way."""

    QUEUED = "queued"
    LEASED = "leased", "A worker is at it"
    FAILED = "failed", "To be tried again"
    SENT = "sent"
    PARKED = "parked", "Given up, for staff to look at"
    DROPPED = "dropped", "Nobody wants it any more"


DELIVERABLE = (DeliveryState.QUEUED, DeliveryState.LEASED, DeliveryState.FAILED)
"""States in which a worker takes a delivery up as soon as it is due; a lease that has ended makes it due."""
MAY_BE_EMPTY = (DeliveryState.SENT, DeliveryState.DROPPED)


class WebhookEndpoint(models.Model):
    """An address of a brand, the events it hears of, and the secrets that sign them, encrypted."""

    brand = models.ForeignKey(Brand, models.PROTECT, related_name="+", db_index=False)
    address = models.CharField(max_length=LONGEST_ADDRESS, help_text="https; it must be reached from the public net.")
    events = ArrayField(models.CharField(max_length=40, choices=WebhookEvent))
    secret = models.BinaryField(editable=False)
    previous_secret = models.BinaryField(null=True, editable=False)
    previous_until = models.DateTimeField(null=True, editable=False, help_text="Until when the previous secret signs, too.")
    active = models.BooleanField(
        default=True, help_text="While switched off it hears of nothing new, and what waits goes on waiting."
    )
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        permissions = [("rotate_webhook_secret", "Can replace an endpoint's secret"), ("test_webhook", "Can send a test event")]
        constraints = [
            models.UniqueConstraint(name="webhook_endpoint_of_brand", fields=["brand", "id"]),
            models.CheckConstraint(name="webhook_endpoint_hears", condition=Q(events__len__gte=1)),
            models.CheckConstraint(
                name="webhook_endpoint_previous_whole",
                condition=Q(previous_secret__isnull=True, previous_until__isnull=True)
                | Q(previous_secret__isnull=False, previous_until__isnull=False),
            ),
        ]
        indexes = [models.Index(name="webhook_endpoint_active", fields=["brand"], condition=Q(active=True))]

    def __str__(self) -> str:
        return f"webhook endpoint {self.pk}"


class WebhookDelivery(models.Model):
    """One event on its way to one endpoint. Its body is pinned when it is queued: each attempt sends the very same.

    An event has one id at all endpoints and in all attempts, by which a receiver knows what it has had already. Nothing
    that a receiver says is kept but its status.
    """

    brand = models.ForeignKey(Brand, models.PROTECT, related_name="+", db_index=False)
    endpoint = models.ForeignKey(WebhookEndpoint, models.PROTECT, related_name="deliveries", db_index=False)
    event_id = models.UUIDField()
    type = models.CharField(max_length=40)
    body = models.TextField(blank=True, help_text="Empty once the member it tells of is erased.")
    member = models.ForeignKey(Member, models.PROTECT, null=True, related_name="+", help_text="Whom it tells of, if anybody.")
    state = models.CharField(max_length=8, choices=DeliveryState, default=DeliveryState.QUEUED)
    attempts = models.PositiveSmallIntegerField(default=0)
    due_at = models.DateTimeField(db_default=Now(), help_text="When it may be tried next; a lease moves it on.")
    status = models.PositiveSmallIntegerField(null=True, help_text="What the receiver answered last.")
    fault = models.CharField(max_length=40, blank=True, help_text="Why there was no answer.")
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    sent_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name_plural = "webhook deliveries"
        permissions = [("queue_webhook", "Can have a webhook sent again")]
        constraints = [
            models.UniqueConstraint(name="webhook_delivery_once", fields=["brand", "endpoint", "event_id"]),
            models.CheckConstraint(name="webhook_delivery_state", condition=Q(state__in=DeliveryState.values)),
            models.CheckConstraint(name="webhook_delivery_attempts", condition=Q(attempts__lte=MOST_ATTEMPTS)),
            models.CheckConstraint(
                name="webhook_delivery_sent_has_instant",
                condition=Q(state=DeliveryState.SENT, sent_at__isnull=False)
                | (~Q(state=DeliveryState.SENT) & Q(sent_at__isnull=True)),
            ),
            models.CheckConstraint(name="webhook_delivery_has_a_body", condition=~Q(body="") | Q(state__in=MAY_BE_EMPTY)),
        ]
        indexes = [
            models.Index(name="webhook_due", fields=["endpoint", "due_at", "id"], condition=Q(state__in=DELIVERABLE)),
            models.Index(name="webhook_newest", fields=["brand", "id"]),
            models.Index(name="webhook_parked", fields=["brand", "id"], condition=Q(state=DeliveryState.PARKED)),
            models.Index(name="webhook_under_way", fields=["endpoint", "due_at"], condition=Q(state=DeliveryState.LEASED)),
        ]

    def __str__(self) -> str:
        return f"{self.type} webhook {self.pk}"
