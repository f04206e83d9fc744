"""Which recordings may be handed on: a CRM opens the address that it is given, and so might we.

A file of calls is not ours. An address in it that leads into somebody's own network would make the CRM, or
this machine, ask there in our name: it is refused unless the configuration names the place.
"""

from __future__ import annotations

import re
import unicodedata
from ipaddress import IPv6Address, IPv6Network, ip_address, ip_network
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlsplit

from supportctl.app.accounts import value_of
from supportctl.core.secrets import is_reference
from supportctl.core.text import clean

if TYPE_CHECKING:
    from collections.abc import Iterable
    from ipaddress import IPv4Address

    from supportctl.core.site import SiteConfig

_PORTS = {"http": 80, "https": 443}
_SHOWN = 80
_CONTROL = re.compile(r"[\x00-\x20\x7f\\]")
_NUMBERS_ONLY = re.compile(r"(?:0x[0-9a-f]{1,16}|\d{1,16})(?:\.(?:0x[0-9a-f]{1,16}|\d{1,16})){0,3}")
_INSIDE = (
    "localhost", "localdomain", "local", "internal", "intranet", "lan", "home", "corp", "private",
    "home.arpa",
)  # fmt: skip
_NAT64 = IPv6Network("64:ff9b::/96")


class Refused(NamedTuple):
    """Why a recording's address is not taken: a key of the errors' texts, and what was found."""

    reason: str
    found: str


class Recordings:
    """The rule of one configuration.

    With `resend.recordings` in it, recordings may lie there and at the telephony accounts' own addresses;
    without, anywhere but in an internal network, and at those.
    """

    def __init__(self, config: SiteConfig) -> None:
        self._allowed = tuple(place.lower() for place in config.resend.recordings)
        self._own = frozenset(_own_places(config))

    def refusal(self, address: str) -> Refused | None:
        """Return why an address may not be handed on, None if it may."""
        shown = clean(address, _SHOWN)
        try:
            parts = urlsplit(unicodedata.normalize("NFKC", address))
            host, port = (parts.hostname or "").rstrip("."), parts.port
        except ValueError:
            return Refused("resend.recording-bad", shown)
        if parts.scheme not in _PORTS:
            return Refused("resend.recording-path", shown)
        if not host or parts.username is not None or parts.password is not None or _CONTROL.search(address):
            return Refused("resend.recording-bad", shown)
        place = (host, port or _PORTS[parts.scheme])
        number = _number(host)
        if place in self._own or any(_fits(allowed, place, number) for allowed in self._allowed):
            return None
        if self._allowed:
            return Refused("resend.recording-elsewhere", host)
        inside = _is_inside(number) if number else _named_inside(host)
        return Refused("resend.recording-inside", host) if inside else None


def _own_places(config: SiteConfig) -> Iterable[tuple[str, int]]:
    for account in config.telephony.values():
        for name in ("url", "recordings"):
            address = getattr(account, name, None)
            if not isinstance(address, str):
                continue
            parts = urlsplit(value_of(address) if is_reference(address) else address)
            if parts.scheme in _PORTS and parts.hostname:
                yield parts.hostname, parts.port or _PORTS[parts.scheme]


def _fits(allowed: str, place: tuple[str, int], number: IPv4Address | IPv6Address | None) -> bool:
    host, port = place
    if "/" in allowed and "://" not in allowed:
        network = ip_network(allowed)
        return number is not None and number.version == network.version and number in network
    scheme, _, rest = allowed.rpartition("://")
    if rest.startswith("*."):
        return host.endswith(rest[1:])
    parts = urlsplit(f"//{rest.partition('/')[0]}")
    wanted = parts.port or _PORTS.get(scheme)
    same = parts.hostname == host or (number is not None and _number(parts.hostname or "") == number)
    return same and wanted in {None, port}


def _number(host: str) -> IPv4Address | IPv6Address | None:
    """Return the address that a host is, in any of the forms that programs take one in; None for a name."""
    try:
        return ip_address(host.partition("%")[0])
    except ValueError:
        if not _NUMBERS_ONLY.fullmatch(host):  # no name ends with a number
            return ip_address(0) if host.rpartition(".")[2].isdigit() else None
    *firsts, last = [_written_number(part) for part in host.split(".")]
    room = 256 ** (4 - len(firsts))  # the last part fills what is left: 127.1, 0x7f000001, 2130706433
    if last >= room or any(part > 255 for part in firsts):
        return ip_address(0)  # numbers that are no address: nowhere
    return ip_address(sum(part << (24 - 8 * place) for place, part in enumerate(firsts)) + last)


def _written_number(part: str) -> int:
    if part.startswith("0x"):
        return int(part, 16)
    octal = part.startswith("0") and set(part) <= set("01234567")
    return int(part, 8 if octal else 10)


def _is_inside(number: IPv4Address | IPv6Address) -> bool:
    if isinstance(number, IPv6Address):
        mapped = number.ipv4_mapped or number.sixtofour
        if mapped is None and number in _NAT64:
            mapped = ip_address(int(number) & 0xFFFFFFFF)  # type: ignore[assignment]  # 32 bits: version 4
        if mapped is not None:
            return _is_inside(mapped)
    return not number.is_global or number.is_multicast


def _named_inside(host: str) -> bool:
    return "." not in host or any(host.endswith(f".{name}") for name in _INSIDE)
