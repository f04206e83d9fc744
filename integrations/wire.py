"""The sockets under `Http`: every wait of one exchange ends by one deadline, name look-up and TLS included.

The time-outs of requests are for one `recv` each: a peer that drips a byte a second holds a request for
hours. Here each wait gets what is left of the whole.
"""

from __future__ import annotations

import os
import queue
import socket  # noqa: TID251  this is the wire of the integrations
import ssl
import threading
from contextlib import contextmanager
from contextvars import ContextVar
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from requests.adapters import HTTPAdapter
from requests.utils import DEFAULT_CA_BUNDLE_PATH
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import ConnectTimeoutError, NameResolutionError, NewConnectionError
from urllib3.util.ssl_ import create_urllib3_context

from supportctl.core.failure import Failure, ServiceError

if TYPE_CHECKING:
    from collections.abc import Iterator

    import requests

    from supportctl.core.deadline import Deadline

CONNECT_S = 5.0
READ_S = 30.0
_LEAST_CONNECT_S = 2.0  # for one of several addresses: a lost SYN is repeated after one second
_PIECE = 64 * 1024
_IDLE_S = 4.0  # most servers keep an idle connection for 5 s or longer


class Exchange:
    """What the sockets need to know of the request under way, and what they tell of it."""

    def __init__(self, deadline: Deadline, *, reads: bool) -> None:
        self.deadline = deadline
        self.reads = reads
        self.connecting = False  # it is certain that no byte of the request has left
        self.connected = False  # on a new connection
        self.reused = False  # on one that was kept alive

    @property
    def reached(self) -> bool:
        """Whether there was a connection at all."""
        return self.connected or self.reused

    def left(self, at_most: float = READ_S) -> float:
        """Return how long the next wait may last.

        Raises:
            TimeoutError: nothing is left.
        """
        left = self.deadline.remaining()
        if left <= 0:
            raise TimeoutError("the deadline has passed")
        return min(left, at_most)


_current: ContextVar[Exchange | None] = ContextVar("exchange", default=None)


@contextmanager
def exchanging(exchange: Exchange) -> Iterator[None]:
    """Let the sockets of this thread wait no longer than `exchange` says."""
    token = _current.set(exchange)
    try:
        yield
    finally:
        _current.reset(token)


def _left(at_most: float = READ_S) -> float:
    exchange = _current.get()
    return exchange.left(at_most) if exchange else at_most


class _Wire(socket.socket):
    """A socket each of whose waits ends by the deadline of the exchange."""

    def recv(self, size: int, flags: int = 0, /) -> bytes:
        self.settimeout(_left())
        return super().recv(size, flags)

    def recv_into(self, buffer: Any, nbytes: int = 0, flags: int = 0) -> int:
        self.settimeout(_left())
        return super().recv_into(buffer, nbytes, flags)

    def sendall(self, data: Any, flags: int = 0, /) -> None:
        view = memoryview(data).cast("B")
        for start in range(0, len(view), _PIECE):
            self.settimeout(_left())
            super().sendall(view[start : start + _PIECE], flags)


class _SecureWire(ssl.SSLSocket):
    """The same over TLS. `sendall` of the standard library calls `send` until all is sent."""

    def recv(self, buflen: int = 1024, flags: int = 0) -> bytes:
        self.settimeout(_left())
        return super().recv(buflen, flags)

    def recv_into(self, buffer: Any, nbytes: int | None = None, flags: int = 0) -> int:
        self.settimeout(_left())
        return super().recv_into(buffer, nbytes, flags)

    def send(self, data: Any, flags: int = 0) -> int:
        self.settimeout(_left())
        return super().send(data, flags)


class _Connecting:
    """What both kinds of connection do in our own way: they open the socket, and tell how far they are."""

    host: str
    port: int
    sock: socket.socket | None
    socket_options: Any
    _used_at = 0.0

    def connect(self) -> None:
        exchange = _current.get()
        if exchange is not None:
            exchange.connecting = exchange.connected = True
        super().connect()  # type: ignore[misc]  # this is a mix-in
        if exchange is not None:
            exchange.connecting = False

    def getresponse(self) -> Any:
        if exchange := _current.get():
            self._used_at = exchange.deadline.clock.monotonic()
        return super().getresponse()  # type: ignore[misc]  # this is a mix-in

    @property
    def is_connected(self) -> bool:
        """False for what a write should not trust: the peer may be closing this idle connection now."""
        exchange = _current.get()
        if exchange is not None and not exchange.reads:
            idle = exchange.deadline.clock.monotonic() - self._used_at
            if idle > _IDLE_S:
                return False
        alive = bool(super().is_connected)  # type: ignore[misc]  # this is a mix-in
        if exchange is not None:
            exchange.reused = exchange.reused or alive
        return alive

    def _new_conn(self) -> socket.socket:
        try:
            addresses = _look_up(self.host, self.port)
        except OSError as error:
            reason = error if isinstance(error, socket.gaierror) else socket.gaierror(0, str(error))
            raise NameResolutionError(self.host, self, reason) from error  # type: ignore[arg-type]
        try:
            return _open(addresses, self.socket_options or ())
        except TimeoutError as error:
            raise ConnectTimeoutError(self, "not open in time") from error
        except OSError as error:
            raise NewConnectionError(self, "not open") from error  # type: ignore[arg-type]  # as above


class PlainConnection(_Connecting, HTTPConnection):
    """A connection without TLS."""


class SecureConnection(_Connecting, HTTPSConnection):
    """A connection with TLS."""


class _Pool(HTTPConnectionPool):
    ConnectionCls = PlainConnection


class _SecurePool(HTTPSConnectionPool):
    ConnectionCls = SecureConnection


_POOLS = {"http": _Pool, "https": _SecurePool}


class Adapter(HTTPAdapter):
    """The adapter of requests over these sockets. It repeats nothing."""

    def __init__(self) -> None:
        super().__init__(max_retries=0)
        self.poolmanager.pool_classes_by_scheme = _POOLS

    def proxy_manager_for(self, proxy: str, **proxy_kwargs: Any) -> Any:
        """Return the pools of a proxy, made of our connections too."""
        manager = super().proxy_manager_for(proxy, **proxy_kwargs)
        manager.pool_classes_by_scheme = _POOLS
        return manager

    def build_connection_pool_key_attributes(
        self, request: requests.PreparedRequest, verify: Any, cert: Any = None
    ) -> Any:
        """Return what names a pool: all of one trust share one TLS context, which is slow to make."""
        host, _ = super().build_connection_pool_key_attributes(request, verify, cert)
        return host, {"ssl_context": _trust(verify)} if host["scheme"] == "https" else {}

    def cert_verify(self, conn: Any, url: str, verify: Any, cert: Any) -> None:
        """Do nothing: the context says whom we trust."""


@lru_cache(8)
def _trust(verify: bool | str) -> ssl.SSLContext:  # noqa: FBT001  `verify` of requests
    """Return a context that trusts the certificates of requests, or those of a file or a folder."""
    context = create_urllib3_context()
    context.sslsocket_class = _SecureWire
    if verify is False:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        return context
    trusted = Path(DEFAULT_CA_BUNDLE_PATH if verify is True else verify)
    try:
        context.load_verify_locations(**{"capath" if trusted.is_dir() else "cafile": str(trusted)})
    except OSError as error:
        text = f"the certificates in {trusted} cannot be read: {error.strerror}"
        raise ServiceError(Failure.CONFIGURATION, "tls", text, sent=False) from None
    return context


def trusted_by_environment() -> bool | str:
    """Return the bundle of certificates that the environment names (for inspected networks), else True."""
    names = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE")
    return next((os.environ[name] for name in names if os.environ.get(name)), True)


def _look_up(host: str, port: int) -> list[Any]:
    """Return the addresses of a host, families in turn. A resolver that hangs is left behind, in its thread.

    Raises:
        OSError: there are none, or not in time.
    """
    host = host.strip("[]")
    try:
        return socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST)
    except socket.gaierror:
        pass  # a name
    answer: queue.SimpleQueue[list[Any] | OSError] = queue.SimpleQueue()

    def ask() -> None:
        try:
            answer.put(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
        except (OSError, UnicodeError) as error:
            answer.put(error if isinstance(error, OSError) else OSError(0, "no name at all"))

    threading.Thread(target=ask, name=f"look up {host[:40]}", daemon=True).start()
    try:
        found = answer.get(timeout=_left(CONNECT_S))
    except (queue.Empty, TimeoutError):
        raise OSError(0, "no answer from the name servers in time") from None
    if isinstance(found, OSError):
        raise found
    return _in_turn(found)


def _in_turn(addresses: list[Any]) -> list[Any]:
    """Return addresses with their families in turn: a broken IPv6 must not cost the time of all."""
    first = [a for a in addresses if a[0] == addresses[0][0]]
    others = [a for a in addresses if a[0] != addresses[0][0]]
    mixed = [a for pair in zip(first, others, strict=False) for a in pair]
    return mixed + first[len(others) :] + others[len(first) :]


def _open(addresses: list[Any], options: Any) -> socket.socket:
    """Return a connection to the first address that takes one.

    Raises:
        OSError: none does.
    """
    failed: OSError = OSError("no address")
    for place, (family, kind, protocol, _, address) in enumerate(addresses):
        share = max(CONNECT_S / (len(addresses) - place), _LEAST_CONNECT_S)
        wire = _Wire(family, kind, protocol)
        try:
            for option in options:
                wire.setsockopt(*option)
            wire.settimeout(_left(share))
            wire.connect(address)
            wire.settimeout(_left(CONNECT_S))  # what the TLS handshake has
        except OSError as error:
            wire.close()
            failed = error
        else:
            return wire
    raise failed
