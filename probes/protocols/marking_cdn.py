"""CDN of the marking operator (permissive mode): the GETs that only ask, and their answers.

Source: devices.md §8, CDN (five public clients); the path of port 19101 is [ESM], one source:
UNVERIFIED. The check of codes is a POST and cannot be encoded.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple
from urllib.parse import urlsplit

from probes.protocols import http1
from probes.protocols.json_object import JsonObjectError, inner, number, read_object, text

if TYPE_CHECKING:
    from collections.abc import Mapping

INFO: Final = "/api/v4/true-api/cdn/info"
HEALTH: Final = "/api/v4/true-api/cdn/health/check"
ESM_HEALTH: Final = "/api/v4/cdn/health/check"  # UNVERIFIED
ESM_PORT: Final = 19101
READS: Final = frozenset({INFO, HEALTH, ESM_HEALTH})
MAX_HOSTS: Final = 100


class CdnError(Exception):
    """Base of what this codec raises."""


class LocalProtocolError(CdnError):
    """We tried to send what may not be sent."""


class RemoteProtocolError(CdnError):
    """A sound answer, but not the CDN's."""


class Site(NamedTuple):
    """One host of the CDN."""

    name: str
    port: int


class Health(NamedTuple):
    """What a host says of itself: `code` 0 is well; `average_ms` is what a check takes there."""

    code: int
    average_ms: int | None


def request(path: str, host: str, *, token: str = "") -> bytes:
    """Return the GET of one of `READS`.

    Raises:
        LocalProtocolError: of any other path.
    """
    if path not in READS:
        raise LocalProtocolError(path)
    headers: Mapping[str, str] = {"X-API-KEY": token} if token else http1.NO_HEADERS
    return http1.request("GET", host, path, headers=headers)


def parse_info(body: bytes) -> tuple[int, tuple[Site, ...]]:
    """Return the code and the hosts in the answer to `INFO`; what is no HTTPS address is left out.

    Raises:
        RemoteProtocolError: it is not the CDN's.
    """
    found = _object(body)
    code, hosts = number(found.get("code")), found.get("hosts")
    if code is None or not isinstance(hosts, list):
        raise RemoteProtocolError("no CDN")
    sites = [_site(text((inner(row) or {}).get("host"))) for row in hosts[:MAX_HOSTS]]
    return code, tuple(dict.fromkeys(site for site in sites if site is not None))


def parse_health(body: bytes) -> Health:
    """Return what a host says of itself.

    Raises:
        RemoteProtocolError: it is not the CDN's.
    """
    found = _object(body)
    code = number(found.get("code"))
    if code is None:
        raise RemoteProtocolError("no CDN")
    return Health(code, number(found.get("avgTimeMs")))


def same_owner(name: str, other: str) -> bool:
    """Return whether two hosts are one, or lie in one domain (`cdn.crpt.ru`, `cdn01.crpt.ru`).

    A list of hosts comes from outside: a token goes to no other domain than the one it was meant for.
    """
    if name == other:
        return True
    ours, theirs = name.lower().split("."), other.lower().split(".")
    named = len(ours) > 2 and len(theirs) > 2 and not theirs[-1].isdecimal() and ":" not in other
    return named and ours[-2:] == theirs[-2:]


def _object(body: bytes) -> Mapping[str, object]:
    try:
        return read_object(body)
    except JsonObjectError as error:
        raise RemoteProtocolError("no JSON object") from error


def _site(address: str) -> Site | None:
    try:
        parts = urlsplit(address if "://" in address else f"https://{address}")
        port = parts.port or 443
    except ValueError:
        return None
    return Site(parts.hostname, port) if parts.scheme == "https" and parts.hostname else None
