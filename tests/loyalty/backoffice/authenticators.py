"""Authenticator apps as staff have them in their pockets."""

from django.utils import timezone
from django_otp.oath import TOTP

from users.models import Authenticator, Staff
from users.services.second_factors import begin_second_factor, confirm_second_factor


def code_of(device: Authenticator) -> str:
    """What the app shows now."""
    totp = TOTP(device.bin_key)
    totp.time = timezone.now().timestamp()
    return f"{totp.token():06d}"


def pair(staff: Staff) -> tuple[Authenticator, list[str]]:
    """Someone with an app, and their recovery codes; the app's code of now is used up."""
    device = begin_second_factor(staff=staff)
    return confirm_second_factor(staff=staff, code=code_of(device), at=timezone.now())
