"""Where webhooks may go: https addresses whose every IP address is a public one, so that no brand reaches into the house.

The tables follow IANA's registries of special-purpose addresses, and know the servers that clouds keep for their guests.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from urllib.parse import SplitResult, urlsplit

LONGEST_ADDRESS = 2000
HTTPS_PORT, FIRST_FREE_PORT, LAST_PORT = 443, 1024, 65_535
Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

NOT_PUBLIC = tuple(
    ip_network(network)
    for network in (
        *("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.168.0.0/16"),
        *("192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24"),
        *("224.0.0.0/4", "240.0.0.0/4", "168.63.129.16/32"),
        *("2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20"),
    )
)
GLOBAL_UNICAST = IPv6Network("2000::/3")
NAT64 = IPv6Network("64:ff9b::/96")
_HOST = re.compile(r"(?=.{1,253}\Z)(?!-)[a-z0-9_-]{1,63}(\.[a-z0-9_-]{1,63})*", re.ASCII)
_NUMBER = re.compile(r"(0x[0-9a-f]*|[0-9]+)", re.ASCII)


class AddressRefused(ValueError):
    """Nothing is sent there; the text says why."""


@dataclass(frozen=True, slots=True)
class Target:
    """An address taken apart, once; `host` is a name or an IP address, without brackets."""

    scheme: str
    host: str
    port: int
    path: str

    @property
    def host_header(self) -> str:
        """The host as HTTP writes it."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if (self.scheme, self.port) == ("https", HTTPS_PORT) else f"{host}:{self.port}"


def parse_address(text: str, *, private: Sequence[Network] = ()) -> Target:
    """Take an address apart. Raises AddressRefused.

    `private` are networks that may be reached besides, and in plain http; an address is judged by them once more when its
    name is looked up.
    """
    if not text.isascii() or not text.isprintable() or len(text) > LONGEST_ADDRESS or set(text) & set(' \\"<>^`{|}'):
        raise AddressRefused(f"an address of at most {LONGEST_ADDRESS} plain characters; other letters are written in punycode")
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        raise AddressRefused("this is not an address") from None
    if parts.scheme != "https" and not (parts.scheme == "http" and private):
        raise AddressRefused("the address begins with https://")
    if "@" in parts.netloc or "#" in text:
        raise AddressRefused("an address without a user, a password or a fragment")
    port = HTTPS_PORT if port is None and parts.scheme == "https" else port
    if port != HTTPS_PORT and not (port is not None and FIRST_FREE_PORT <= port <= LAST_PORT):
        raise AddressRefused(f"the port is {HTTPS_PORT}, or {FIRST_FREE_PORT} to {LAST_PORT}")
    host = _host_of(parts, private)
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Target(parts.scheme, host, port, path)


def _host_of(parts: SplitResult, private: Sequence[Network]) -> str:
    """The host, in small letters. A bare number is no name, though resolvers read it as an IP address."""
    host = parts.hostname or ""
    literal = literal_of(host)
    if literal is not None:
        if not may_be_reached(literal, scheme=parts.scheme, private=private):
            raise AddressRefused("this IP address is not a public one")
        return host
    if not _HOST.fullmatch(host) or _NUMBER.fullmatch(host.rpartition(".")[2]) or ("." not in host and not private):
        raise AddressRefused("a host with a full name")
    return host


def literal_of(host: str) -> Address | None:
    """The IP address that is written there, if it is one; with a zone it is none that others could reach."""
    try:
        return ip_address(host) if "%" not in host else None
    except ValueError:
        return None


def may_be_reached(address: Address, *, scheme: str, private: Sequence[Network] = ()) -> bool:
    """Whether anything may be sent to an IP address; one in other clothes (mapped, 6to4, NAT64) is judged by what it is."""
    bare = _undressed(address)
    if any(bare in network for network in private):
        return True
    return scheme == "https" and is_public(bare)


def is_public(address: Address) -> bool:
    """Whether an address is global unicast: one machine, anywhere on the net."""
    bare = _undressed(address)
    if isinstance(bare, IPv6Address) and bare not in GLOBAL_UNICAST:
        return False
    return not any(bare in network for network in NOT_PUBLIC)


def _undressed(address: Address) -> Address:
    if isinstance(address, IPv4Address):
        return address
    embedded = address.ipv4_mapped or address.sixtofour
    if embedded is None and address in NAT64:
        embedded = IPv4Address(int(address) & 0xFFFF_FFFF)
    return embedded or address
