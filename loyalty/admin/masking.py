"""Personal data as someone may see it: whole for whom holds the permission, else with all but a letter hidden."""

import re
from collections.abc import Callable

from django.db.models import Model
from django.http import HttpRequest

PERMISSION = "users.view_personal_data"
CODES = "rewards.download_codes"
HIDDEN = "***"
AT_THE_END = 2
AT_A_CODES_END = 4


def sees_personal_data(request: HttpRequest) -> bool:
    """Whether they see it whole."""
    return request.user.is_authenticated and request.user.has_perm(PERMISSION)


def shown_email(request: HttpRequest, address: str | None) -> str:
    """An e-mail address, or as much of it as tells two apart that stand side by side."""
    return _shown(request, address, masked_email)


def shown_name(request: HttpRequest, name: str | None) -> str:
    """A person's name, or its first letters."""
    return _shown(request, name, masked_name)


def shown_number(request: HttpRequest, number: str | None) -> str:
    """A telephone or membership number, or its end."""
    return _shown(request, number, masked_number)


def shown_text(request: HttpRequest, text: str | None) -> str:
    """Free text about or of a person, an address or an engraving, or nothing of it."""
    return _shown(request, text, lambda _: HIDDEN)


def shown_code(request: HttpRequest, code: str | None) -> str:
    """A code, which is worth something to whoever types it: whole for whom may take codes away, its end for whom may look."""
    if not code or request.user.has_perm(CODES):
        return code or ""
    return masked_code(code) if request.user.has_perm("rewards.view_code") else HIDDEN


def _shown(request: HttpRequest, text: str | None, mask: Callable[[str], str]) -> str:
    if not text:
        return ""
    return text if sees_personal_data(request) else mask(text)


def masked_email(address: str) -> str:
    """Leave two letters and the ending: a***@e***.org."""
    name, _, domain = address.rpartition("@")
    if not name or not domain:
        return HIDDEN
    host, dot, ending = domain.rpartition(".")
    return f"{name[0]}{HIDDEN}@{(host or domain)[0]}{HIDDEN}{dot}{ending if host else ''}"


def masked_name(name: str) -> str:
    """Leave a letter of each part: A*** M***."""
    return " ".join(f"{part[0]}{HIDDEN}" for part in name.split()) or HIDDEN


def masked_number(number: str) -> str:
    """Leave the end alone, ***42, and nothing of what is short."""
    plain = re.sub(r"[^0-9A-Za-z]", "", number)
    return f"{HIDDEN}{plain[-AT_THE_END:]}" if len(plain) > 2 * AT_THE_END else HIDDEN


def masked_code(code: str) -> str:
    """Leave the end, by which two are told apart, and nothing of what is short."""
    seen = code[-AT_A_CODES_END:] if len(code) > 2 * AT_A_CODES_END else ""
    return f"{'•' * (len(code) - len(seen))}{seen}"


MASKS: dict[str, dict[str, Callable[[str], str]]] = {
    "users.email": {"recipient": masked_email},
    "users.membership": {"number": masked_number},
    "exchange.exchangeorder": {"membership_number": masked_number},
}
"""What is personal in rows that pages show as they are. Pages of their own show its parts by the functions above."""


def is_personal(row: Model) -> bool:
    """Whether a row shows something personal."""
    return row._meta.label_lower in MASKS


def mask(row: Model) -> None:
    """Hide what is personal in a row that is about to be shown, and is not saved any more."""
    for name, hide in MASKS.get(row._meta.label_lower, {}).items():
        if value := getattr(row, name):
            setattr(row, name, hide(value))
