"""A device's UDP port, on this computer's loopback address only: discovery of scales, SIP, STUN."""

from __future__ import annotations

import contextlib
import socket
from typing import TYPE_CHECKING, Any

from probes.lab.serve.session import Session
from probes.lab.serve.tcp import LOOPBACK
from probes.lab.wirefaults import REFUSED, UDP, WireFaults

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Iterable

    from probes.lab.serve.session import Consumer
    from probes.lab.wirefaults import Piece

_LARGEST = 65_507  # what fits a datagram


class UdpEndpoint:
    """A bound port; each datagram is a client of its own, and its answer is one datagram.

    `beside` gives a port to prefer where none was named: that of the same device's TCP port, because such
    devices have one number for both.
    """

    wire = UDP

    def __init__(
        self,
        consumer: Consumer,
        faults: WireFaults,
        loop: asyncio.AbstractEventLoop,
        port: int = 0,
        *,
        beside: Callable[[], int] = lambda: 0,
    ) -> None:
        self._consumer = consumer
        self._faults = faults
        self._loop = loop
        self._beside = beside
        self.port = port
        self._socket: socket.socket | None = None

    @property
    def address(self) -> str:
        """Host and port; the port is known once it is open."""
        return f"{LOOPBACK}:{self.port}"

    def open(self) -> None:
        """Bind, unless a fault forbids it."""
        self.port = self.port or self._beside()
        if REFUSED in self._faults.active and not self.port:
            self._bind()  # the port has to be known all the same
            self.close()
        self.refresh()

    def refresh(self) -> None:
        """Be bound, or let every datagram be answered "port unreachable", as the faults say."""
        if REFUSED in self._faults.active:
            self.close()
        elif self._socket is None:
            self._bind()

    def close(self) -> None:
        """Give the port back; may be called twice."""
        if self._socket is not None:
            self._loop.remove_reader(self._socket.fileno())
            self._socket.close()
            self._socket = None

    def _bind(self) -> None:
        bound = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        try:
            bound.settimeout(0)
            bound.bind((LOOPBACK, self.port))
        except BaseException:
            bound.close()
            raise
        self._socket, self.port = bound, bound.getsockname()[1]
        self._loop.add_reader(bound.fileno(), self._readable, bound)

    def _readable(self, bound: socket.socket) -> None:
        while self._socket is bound:
            try:
                data, sender = bound.recvfrom(_LARGEST)
            except OSError:  # nothing more; or an earlier answer found nobody (ICMP)
                return
            session = _Datagram(self._loop, bound, sender)
            self._consumer.opened(session)
            session.answering = True
            self._consumer.received(session, data)
            session.answering = False
            self._consumer.closed(session)
            session.end()


class _Datagram(Session):
    """The one datagram that answers a datagram: a greeting has no place in it, and no pause."""

    def __init__(self, loop: asyncio.AbstractEventLoop, bound: socket.socket, sender: Any) -> None:  # noqa: ANN401  the shape of an address is the socket's business
        super().__init__(loop, _Sender(bound, sender))
        self._bound, self._sender = bound, sender
        self.answering = False

    def send(self, pieces: Iterable[Piece]) -> None:
        """Send all pieces as one datagram."""
        if not self.answering:
            return
        data = b"".join(piece.data for piece in pieces)[:_LARGEST]
        if data:
            with contextlib.suppress(OSError):  # a client that has left hears nothing, as in life
                self._bound.sendto(data, self._sender)


class _Sender:
    """The wire of a datagram's session."""

    wire = UDP

    def __init__(self, bound: socket.socket, sender: Any) -> None:  # noqa: ANN401  as above
        self._bound, self._sender = bound, sender

    def fileno(self) -> int:
        """Return the socket's descriptor."""
        return self._bound.fileno()

    def write(self, data: bytes) -> int:
        """Return how many bytes were taken."""
        return self._bound.sendto(data, self._sender)

    def hang_up(self, session: Session) -> None:
        """Nothing: there is no connection."""

    def gone(self, session: Session) -> None:
        """Nothing: there is no connection."""

    def reading(self, *, on: bool) -> None:
        """Nothing: every datagram is read."""
