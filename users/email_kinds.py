"""The kinds of e-mails, and the variables that their templates may use: with samples, to try a template on."""

from typing import Any

from django.db import models


class EmailKind(models.TextChoices):
    """Why an e-mail is sent. Each has templates in every language that ships, under templates/email/."""

    CODE = "code", "A code"
    REWARD = "reward", "A reward"
    CREDIT_NOTICE = "credit_notice", "Points were credited"
    PERSONALISATION_REJECTED = "personalisation_rejected", "A personalisation was rejected"
    EXCHANGE_REFUSED = "exchange_refused", "An exchange was refused"


COMMON: dict[str, Any] = {"brand": "Aurora Coffee"}
"""What every kind has."""

VARIABLES: dict[str, dict[str, Any]] = {
    EmailKind.CODE: {
        "code": "719026461",
        "value": 100,
        "token": "Aurora Points",
        "campaign": "Summer",
        "valid_until": "2026-12-31",
    },
    EmailKind.REWARD: {
        "first_name": "Ann",
        "reward": "20 EUR discount",
        "code": "SPECIAL20",
        "points": 100,
        "token": "Aurora Points",
        "website": "https://www.example.org",
        "valid_until": "2026-12-31",
    },
    EmailKind.CREDIT_NOTICE: {"first_name": "Ann", "amount": 100, "token": "Aurora Points"},
    EmailKind.PERSONALISATION_REJECTED: {
        "first_name": "Ann",
        "token": "Golden Bean",
        "serial": 7,
        "reason": "The text is too long to be engraved.",
    },
    EmailKind.EXCHANGE_REFUSED: {"first_name": "Ann", "points": 100, "token": "Aurora Points", "partner": "Etihad Guest"},
}
"""What each kind has besides; first_name, website, valid_until and reason may be empty."""
