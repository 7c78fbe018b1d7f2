"""Who is at the other end of a request."""

from ipaddress import ip_address

from django.conf import settings
from django.http import HttpRequest


def address_of(request: HttpRequest) -> str:
    """The caller's IP address; empty where there is none, as over a socket file.

    Behind a proxy (TRUST_PROXY) it is the last one that X-Forwarded-For names: the proxy wrote that one itself, while
    those before it came from the caller, who can write what they like.
    """
    forwarded = request.META.get("HTTP_X_FORWARDED_FOR", "") if settings.TRUST_PROXY else ""
    return _valid(forwarded.rpartition(",")[2]) or _valid(request.META.get("REMOTE_ADDR", ""))


def _valid(text: str) -> str:
    try:
        return str(ip_address(text.strip()))
    except ValueError:
        return ""
