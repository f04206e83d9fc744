"""Fetches the beginning of a recording, and lets no link look into the local network.

The links come from outside, so a new connection to an address that is not public is closed before anything
is sent through it, unless the host is an account's own: an exchange in the shop keeps its recordings itself.
The address that counts is the socket's: a name that changes its address between two look-ups gains nothing.
Behind a proxy the proxy looks up names; there only addresses in figures can be refused.
"""

from __future__ import annotations

from ipaddress import IPv6Address, ip_address
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import urljoin, urlsplit

import requests
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

from integrations.http import Http, Reply, Request
from integrations.sync.recordings import HEAD_BYTES, Head
from integrations.wire import Adapter, PlainConnection, SecureConnection
from supportctl.core.failure import Failure, ServiceError

if TYPE_CHECKING:
    from collections.abc import Collection

    from supportctl.core.clock import Clock
    from supportctl.core.deadline import Deadline

_PRIVATE = "private-address"
_ONE_S = 20.0
_REDIRECTS_MOST = 5
_REDIRECTS = frozenset({301, 302, 303, 307, 308})


class HeadFetcher:
    """Fetches heads of recordings; safe for several threads.

    `own_hosts` are names and addresses of the accounts that are compared.
    """

    def __init__(self, clock: Clock, deadline: Deadline, own_hosts: Collection[str] = ()) -> None:
        self._deadline = deadline
        self._own = frozenset(host.lower() for host in own_hosts)
        session = requests.Session()
        for scheme in ("http://", "https://"):
            session.mount(scheme, _GuardedAdapter(self._own))
        self._http = Http(clock, lambda _request, _reply: None, session=session)

    def __enter__(self) -> Self:
        """Return the fetcher."""
        return self

    def __exit__(self, *exc: object) -> None:
        """Close the connections."""
        self._http.close()

    def __call__(self, url: str) -> Head | str:
        """Return the head of a recording wherever its server sends us, or a word for why it cannot be had."""
        deadline = self._deadline.within(_ONE_S)
        for _ in range(_REDIRECTS_MOST):
            try:
                host = (urlsplit(url).hostname or "").lower()
                if host not in self._own and _is_inside(host):
                    return _PRIVATE
                reply = self._http.send(_request(url), deadline)
            except (ServiceError, ValueError) as error:
                return error.code if isinstance(error, ServiceError) else "bad-address"
            if reply.status not in _REDIRECTS or not reply.headers.get("location"):
                return Head(reply.status, reply.body, reply.headers.get("content-type", ""), _size(reply))
            url = urljoin(url, reply.headers["location"])
            if not url.startswith(("http://", "https://")):
                break
        return "redirect"


def _request(url: str) -> Request:
    # Without packing: it is the file's own first bytes that tell.
    headers = {"Range": f"bytes=0-{HEAD_BYTES - 1}", "Accept-Encoding": "identity"}
    return Request("GET", url, "recording", reads=True, headers=headers, max_body=HEAD_BYTES, beginning=True)


def _size(reply: Reply) -> int | None:
    """Return how long the whole file is, if the server tells."""
    whole = reply.headers.get("content-range", "").rpartition("/")[2]
    if not whole and reply.status == 200:
        whole = reply.headers.get("content-length", "")
    return int(whole) if whole.isascii() and whole.isdigit() and len(whole) < 16 else None


def _is_inside(host: str) -> bool:
    """Return whether a host is an address, in figures, that is not public; False for a name."""
    try:
        address = ip_address(host.partition("%")[0])
    except ValueError:
        return False
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        return not address.ipv4_mapped.is_global
    return not address.is_global


class _Guarded:
    """Closes a connection that leads inside."""

    host: str
    own: frozenset[str] = frozenset()

    def _new_conn(self) -> Any:
        sock = super()._new_conn()  # type: ignore[misc]  # this is a mix-in
        if self.host.lower() not in self.own and _is_inside(str(sock.getpeername()[0])):
            sock.close()
            raise ServiceError(Failure.CONFIGURATION, _PRIVATE, sent=False)
        return sock


class _GuardedAdapter(Adapter):
    """The adapter of `Http` whose own connections are guarded."""

    def __init__(self, own: frozenset[str]) -> None:
        super().__init__()
        marks: dict[str, Any] = {"own": own}
        plain = type("GuardedConnection", (_Guarded, PlainConnection), marks)
        secure = type("GuardedSecureConnection", (_Guarded, SecureConnection), marks)
        self.poolmanager.pool_classes_by_scheme = {
            "http": type("GuardedPool", (HTTPConnectionPool,), {"ConnectionCls": plain}),
            "https": type("GuardedSecurePool", (HTTPSConnectionPool,), {"ConnectionCls": secure}),
        }
