"""A TCP connection as a measurement: how it ended and how long it took. Nothing is sent over it."""

from __future__ import annotations

import errno
import socket
from typing import TYPE_CHECKING, Literal, NamedTuple

if TYPE_CHECKING:
    from supportctl.core.deadline import Deadline

Outcome = Literal["open", "refused", "no-route", "timeout"]
_REFUSED = {errno.ECONNREFUSED, errno.ECONNRESET}
# on Windows these names are the WSA numbers (10051, 10065, ...) that its sockets raise
_NO_ROUTE = {errno.EHOSTUNREACH, errno.ENETUNREACH, errno.EADDRNOTAVAIL, errno.EHOSTDOWN, errno.ENETDOWN}


class Connect(NamedTuple):
    """How a connect ended and after how many ms."""

    outcome: Outcome
    ms: float


def connect(address: str, port: int, deadline: Deadline) -> Connect:
    """Return how connecting to an IP address ended; the connection is closed at once."""
    started = deadline.clock.monotonic()
    wire, outcome = open_socket(address, port, deadline)
    ms = (deadline.clock.monotonic() - started) * 1000
    if wire is not None:
        wire.close()
    return Connect(outcome, ms)


def open_socket(
    address: str, port: int, deadline: Deadline, mss: int | None = None
) -> tuple[socket.socket | None, Outcome]:
    """Return an open socket with the time that is left as its time-out, or how opening it failed.

    `mss` limits the segments of both directions, since it is what the SYN announces (Linux; RFC 9293, 3.7.1).
    """
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    try:
        wire = socket.socket(family, socket.SOCK_STREAM)
    except OSError:  # no IPv6 here
        return None, "no-route"
    try:
        if mss is not None:
            wire.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, mss)
        wire.settimeout(max(deadline.remaining(), 0.001))
        wire.connect((address, port))
    except OSError as error:
        wire.close()
        return None, _outcome(error)
    return wire, "open"


def _outcome(error: OSError) -> Outcome:
    if error.errno in _REFUSED:
        return "refused"
    return "no-route" if error.errno in _NO_ROUTE else "timeout"
