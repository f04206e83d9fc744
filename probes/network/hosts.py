"""How a service is named in the configuration: `NAME`, `NAME:PORT` or a URL."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlsplit

from supportctl.core.target import Target

if TYPE_CHECKING:
    from collections.abc import Iterable

_PORTS = {"https": 443, "tls": 443, "http": 80}


class Host(NamedTuple):
    """A service to look at: `scheme` is https, http, tls or tcp; `path` is what to ask for over HTTP."""

    scheme: str
    name: str
    port: int
    path: str = "/"

    def target(self) -> Target:
        """Return the target that this service would be on the command line."""
        if self.scheme == "tls":
            return Target("tls", "tcp", self.name, self.port)
        path = self.path if self.scheme in {"http", "https"} and self.path != "/" else ""
        return Target(None, self.scheme, self.name, self.port, path)


def parse_host(text: str) -> Host | None:
    """Return the service that `text` names, None where it names none.

    A bare name is a TLS service on 443; a name with another port is only connected to, because a fiscal
    data operator's port speaks a protocol of its own.
    """
    try:
        parts = urlsplit(text if "://" in text else f"//{text}")
        port = parts.port
    except ValueError:
        return None
    if not parts.hostname:
        return None
    scheme = parts.scheme or ("tls" if port in {None, 443} else "tcp")
    port = port or _PORTS.get(scheme)
    if port is None or scheme not in {*_PORTS, "tcp"}:
        return None
    return Host(scheme, parts.hostname, port, parts.path or "/")


def parse_hosts(texts: Iterable[str]) -> tuple[Host, ...]:
    """Return the services that `texts` name, each once, in their order."""
    return tuple(dict.fromkeys(host for text in texts if (host := parse_host(text))))


def is_address(name: str) -> bool:
    """Return whether `name` is an IP address, so that no name has to be looked up."""
    try:
        ipaddress.ip_address(name.partition("%")[0])
    except ValueError:
        return False
    return True


def is_here(name: str) -> bool:
    """Return whether `name` is this computer itself."""
    if name.lower() in {"localhost", "localhost.localdomain"}:
        return True
    return is_address(name) and ipaddress.ip_address(name.partition("%")[0]).is_loopback


def is_nearby(name: str) -> bool:
    """Return whether `name` is an address of a private network (RFC 1918, RFC 4193) or link-local."""
    return is_address(name) and ipaddress.ip_address(name.partition("%")[0]).is_private
