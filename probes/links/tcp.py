"""TCP: one connection, as soon as one of the name's addresses takes it."""

from __future__ import annotations

import errno
import os
import selectors
import socket
from typing import TYPE_CHECKING, Any, NamedTuple, Self, cast

from probes.links.base import CHUNK, Attempt, LinkError
from probes.links.worker import TooLate, in_time

if TYPE_CHECKING:
    from supportctl.core.deadline import Deadline
    from supportctl.core.target import Target

CONNECT_S = 8.0
RESOLVE_S = 5.0
_NEXT_ADDRESS_S = 0.25  # RFC 8305: so long the next address waits for the one before
_LAST_TRY_S = 0.05  # a send that begins when the deadline has passed still hands over what fits the buffer

# The numbers are those of Windows sockets, which Python does not translate.
_NO_ROUTE = frozenset({
    errno.EHOSTUNREACH, errno.ENETUNREACH, errno.ENETDOWN, errno.EHOSTDOWN, errno.EADDRNOTAVAIL,
    errno.EAFNOSUPPORT, 10047, 10049, 10050, 10051, 10064, 10065,
})  # fmt: skip
_BLOCKED = frozenset({errno.EACCES, errno.EPERM, 10013})  # a firewall on this computer says no
_BEGUN = frozenset({0, errno.EINPROGRESS, 10035})
_TIMED_OUT = frozenset({errno.ETIMEDOUT, 10060})
_REFUSED = frozenset({errno.ECONNREFUSED, errno.ECONNRESET, 10061, 10054})
_RESET = frozenset({errno.ECONNRESET, errno.EPIPE, errno.ECONNABORTED, 10053, 10054})


class Address(NamedTuple):
    """One address of a name."""

    family: socket.AddressFamily
    sockaddr: Any  # its shape is the family's own business


class TcpLink:
    """An open TCP connection."""

    one_way = False

    def __init__(self, connected: socket.socket, target: Target) -> None:
        self.target = target
        self._socket = connected

    def send(self, data: bytes, deadline: Deadline) -> None:
        """Send all of `data`."""
        self._socket.settimeout(deadline.remaining() or _LAST_TRY_S)
        try:
            self._socket.sendall(data)
        except TimeoutError:
            raise Attempt("send", deadline).failed("link.silent", "link.takes-no-bytes") from None
        except OSError as error:
            raise self._closed(deadline, error) from error

    def receive(self, deadline: Deadline, limit: int = CHUNK) -> bytes:
        """Return what has arrived, or `b""` once the deadline has passed."""
        self._socket.settimeout(deadline.remaining())
        try:
            data = self._socket.recv(limit)
        except (TimeoutError, BlockingIOError):
            return b""
        except OSError as error:
            raise self._closed(deadline, error) from error
        if not data:
            raise self._closed(deadline, None)
        return data

    def close(self) -> None:
        """Close the connection."""
        self._socket.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    @staticmethod
    def _closed(deadline: Deadline, error: OSError | None) -> LinkError:
        attempt = Attempt("receive", deadline)
        if error is None:
            return attempt.failed("link.closed", "link.closed-by-peer")
        if error.errno in _RESET:
            return attempt.failed("link.closed", "link.connection-reset")
        return attempt.failed("link.closed", "link.connection-lost", error=error.strerror or str(error))


def open(target: Target, deadline: Deadline) -> TcpLink:  # noqa: A001  the name that open_link calls
    """Return a connection to the target.

    Raises:
        LinkError: `link.dns`, `link.refused`, `link.timeout` or `link.no-route`.
    """
    host, port = target.host, target.port or 0
    addresses = resolve(host, port, deadline)
    attempt = Attempt(f"TCP connect {host}:{port}", deadline)
    connected, errors = _connect(addresses, deadline.within(CONNECT_S))
    if connected is None:
        raise why(attempt, errors, host, port)
    connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return TcpLink(connected, target)


def resolve(host: str, port: int, deadline: Deadline) -> list[Address]:
    """Return all addresses of `host`, in the order of the system.

    Raises:
        LinkError: `link.dns`: the name is unknown, or no name server answered in time.
    """
    # as bytes: for text, Python loads its tables of international names even if the name has no such letters
    name = host.encode("ascii") if host.isascii() else host
    attempt = Attempt(f"DNS {host}", deadline)
    try:
        return _addresses(name, port, socket.AI_NUMERICHOST)
    except (socket.gaierror, UnicodeError):
        pass  # no number, so a name: that can take the name server's time
    try:
        return in_time(lambda: _addresses(name, port, 0), deadline.within(RESOLVE_S))
    except TooLate:
        raise attempt.failed(
            "link.dns", "link.name-server-silent", status=attempt.sure(), host=host
        ) from None
    except socket.gaierror as error:
        if error.errno == socket.EAI_AGAIN:
            raise attempt.failed("link.dns", "link.name-server-silent", host=host) from error
        raise attempt.failed("link.dns", "link.name-unknown", host=host) from error
    except UnicodeError as error:  # a label that is too long or empty
        raise attempt.failed("link.dns", "link.name-malformed", host=host) from error


def _addresses(name: bytes | str, port: int, flags: int) -> list[Address]:
    found = socket.getaddrinfo(name, port, type=socket.SOCK_STREAM, flags=flags)
    return list(dict.fromkeys(Address(family, sockaddr) for family, _type, _proto, _name, sockaddr in found))


def _connect(addresses: list[Address], deadline: Deadline) -> tuple[socket.socket | None, list[int]]:
    """Return the first connection, or the errno of every address that failed.

    Each address has a head start on the next, and the next one starts at once when it fails: a dead IPv6
    path costs a quarter of a second, and a printer that serves one client is not connected to twice.
    """
    waiting, head_start = list(addresses), deadline.within(0)
    errors: list[int] = []
    with selectors.DefaultSelector() as selector:
        try:
            while (waiting or selector.get_map()) and not deadline.expired:
                if waiting and (head_start.expired or not selector.get_map()):
                    _begin(waiting.pop(0), selector, errors)
                    head_start = deadline.within(_NEXT_ADDRESS_S)
                pause = head_start if waiting else deadline
                for key, _events in selector.select(pause.remaining()) if selector.get_map() else ():
                    winner = cast("socket.socket", key.fileobj)
                    selector.unregister(winner)
                    code = winner.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
                    if not code:
                        return winner, errors
                    errors.append(code)
                    winner.close()
            errors.extend([errno.ETIMEDOUT] * (len(waiting) + len(selector.get_map())))
            return None, errors
        finally:
            for key in selector.get_map().values():
                cast("socket.socket", key.fileobj).close()


def _begin(address: Address, selector: selectors.BaseSelector, errors: list[int]) -> None:
    try:
        begun = socket.socket(address.family, socket.SOCK_STREAM)
    except OSError as error:
        errors.append(error.errno or errno.EAFNOSUPPORT)
        return
    begun.settimeout(0)
    code = begun.connect_ex(address.sockaddr)
    if code in _BEGUN:
        selector.register(begun, selectors.EVENT_WRITE)
        return
    errors.append(code)
    begun.close()


def why(attempt: Attempt, errors: list[int], host: str, port: int) -> LinkError:
    """Return what the failures of all addresses mean together: the one that came furthest counts.

    Raises:
        OSError: the failure is this computer's own, such as too many open files.
    """
    seen = set(errors)
    if seen & _REFUSED:
        return attempt.failed("link.refused", "link.port-refused", host=host, port=port)
    if seen & _TIMED_OUT:
        return attempt.failed(
            "link.timeout", "link.no-connection", status=attempt.sure(), host=host, port=port
        )
    if seen & _NO_ROUTE:
        return attempt.failed("link.no-route", "link.no-way", host=host, port=port)
    if seen & _BLOCKED:
        return attempt.failed("link.no-route", "link.blocked-here", host=host, port=port)
    raise OSError(errors[0], os.strerror(errors[0]))  # ours, not the device's: too many open files, no memory
