"""The events that a brand's webhooks tell of: the one place where their names stand."""

from django.db import models


class WebhookEvent(models.TextChoices):
    """What an endpoint can ask to hear of."""

    EXCHANGE_SETTLED = "exchange.settled", "An exchange was settled"
    EXCHANGE_REFUSED = "exchange.refused", "An exchange was refused"
    EXCHANGE_PARKED = "exchange.parked", "An exchange is undecided, and staff must look at it"


TEST_EVENT = "webhook.test"
"""What staff send to see whether an endpoint hears; nobody asks for it."""
