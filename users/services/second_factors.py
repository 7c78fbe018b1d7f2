"""The second factor of staff: set up, asked for at log-in and before money moves, reset when it is lost."""

import base64
import secrets
from datetime import datetime

from django.db.models import Exists, OuterRef
from django.utils.crypto import salted_hmac
from django_otp.models import Device
from django_otp.plugins.otp_static.models import StaticDevice, StaticToken

from loyalty.database import write
from users.errors import SecondFactorRefused
from users.models import AuditKind, Authenticator, Staff
from users.services.audit import note
from users.services.secrets import SecretUnreadableError, seal_seed
from users.services.staff import hold_within_reach, tie

SEED_BYTES = 20
RECOVERY_CODES = 10
RECOVERY_BYTES = 7
DIGEST_LENGTH = 16


def has_second_factor(staff: Staff) -> bool:
    """Whether they have set one up."""
    return Authenticator.objects.filter(user=staff, confirmed=True).exists()


def needs_second_factor(staff: Staff, *, house_demands: bool) -> bool:
    """Whether they must have one: their brand demands it, or the house of its own staff."""
    return staff.brand.demands_second_factor if staff.brand is not None else house_demands


def begin_second_factor(*, staff: Staff) -> Authenticator:
    """An app to be confirmed, with a seed that nobody has seen yet; what was begun before is void."""

    def effect() -> Authenticator:
        Authenticator.objects.filter(user=staff, confirmed=False).delete()
        key = seal_seed(secrets.token_bytes(SEED_BYTES), owner=staff.pk)
        begun: Authenticator = Authenticator.objects.create(user=staff, name="app", confirmed=False, key=key)
        return begun

    return write(effect)


def begun_second_factor(staff: Staff) -> Authenticator | None:
    """The app that waits for its first code."""
    return Authenticator.objects.filter(user=staff, confirmed=False).order_by("-pk").first()


def confirm_second_factor(*, staff: Staff, code: str, at: datetime) -> tuple[Authenticator, list[str]]:
    """Take the app in use by its first code, in place of any before; answers it and the recovery codes, never seen again.

    Raises SecondFactorRefused.
    """

    def effect() -> tuple[Authenticator, list[str]] | None:
        device = Authenticator.objects.select_for_update().filter(user=staff, confirmed=False).order_by("-pk").first()
        if device is None or not _accepts(device, "".join(code.split())):
            return None
        Authenticator.objects.filter(user=staff).exclude(pk=device.pk).delete()
        device.confirmed = True
        device.save(update_fields=["confirmed"])
        _note(staff, staff, at, told="set up")
        return device, _make_recovery_codes(staff)

    made = write(effect)  # a refusal commits, too: the tries are counted
    if made is None:
        raise SecondFactorRefused
    return made


def verify_second_factor(*, staff: Staff, code: str, at: datetime) -> Device:
    """Take a code of the app, or one of the recovery codes, each once; tries are throttled, ever slower.

    Raises SecondFactorRefused.
    """
    plain = "".join(code.split()).replace("-", "").lower()
    of_app = plain.isdecimal()

    def effect() -> Device | None:
        devices = (Authenticator if of_app else StaticDevice).objects.select_for_update().filter(user=staff, confirmed=True)
        device: Device | None = devices.order_by("pk").first()
        if device is None or not _accepts(device, plain if of_app else _digest(staff, plain)):
            _note(staff, staff, at, kind=AuditKind.LOG_IN_FAILED, reason="second factor")
            return None
        if not of_app:
            _note(staff, staff, at, told="recovery code used")
        return device

    device = write(effect)
    if device is None:
        raise SecondFactorRefused
    return device


def renew_recovery_codes(*, staff: Staff, at: datetime) -> list[str]:
    """New recovery codes, shown once; those before are void."""

    def effect() -> list[str]:
        _note(staff, staff, at, told="recovery codes renewed")
        return _make_recovery_codes(staff)

    return write(effect)


def reset_second_factor(*, staff: Staff, by: Staff, at: datetime) -> None:
    """Forget someone's second factor, so that they set up another; their sessions count as verified no more.

    Raises NotOwnAccount, RightsExceeded, StaffNotFound.
    """

    def effect() -> None:
        locked = hold_within_reach(staff, by)
        Authenticator.objects.filter(user=staff).delete()
        StaticDevice.objects.filter(user=staff).delete()
        tie(staff=locked, by=by, anew=False)
        _note(staff, by, at, told="reset")

    write(effect)


def with_second_factor() -> Exists:
    """For lists of staff: whether each has one."""
    return Exists(Authenticator.objects.filter(user=OuterRef("pk"), confirmed=True))


def _accepts(device: Device, code: str) -> bool:
    """Whether the device takes the code now; it counts what was wrong, and refuses all for a while after that."""
    try:
        return bool(device.verify_token(code))  # type: ignore[no-untyped-call]
    except SecretUnreadableError:
        return False


def _make_recovery_codes(staff: Staff) -> list[str]:
    StaticDevice.objects.filter(user=staff).delete()
    device = StaticDevice.objects.create(user=staff, name="recovery codes")
    codes = [base64.b32encode(secrets.token_bytes(RECOVERY_BYTES)).decode().rstrip("=").lower() for _ in range(RECOVERY_CODES)]
    StaticToken.objects.bulk_create(StaticToken(device=device, token=_digest(staff, code)) for code in codes)
    return [f"{code[:6]}-{code[6:]}" for code in codes]


def _digest(staff: Staff, code: str) -> str:
    digest = salted_hmac("loyalty.staff.recovery", f"{staff.pk}:{code}", algorithm="sha256").digest()
    return base64.urlsafe_b64encode(digest).decode()[:DIGEST_LENGTH]


def _note(
    staff: Staff, by: Staff, at: datetime, *, told: str = "", kind: AuditKind = AuditKind.ACTION, reason: str = ""
) -> None:
    after = {"second_factor": told} if told else {}
    note(brand_id=staff.brand_id, staff_id=by.pk, kind=kind, subject=staff, after=after, reason=reason, at=at)
