"""A device's TCP port, on this computer's loopback address only."""

from __future__ import annotations

import socket
import sys
from typing import TYPE_CHECKING

from probes.lab.serve.session import Session
from probes.lab.wirefaults import REFUSED, SINGLE_CLIENT, TCP, TIMEOUT, WireFaults

if TYPE_CHECKING:
    import asyncio

    from probes.lab.serve.session import Consumer

LOOPBACK = "127.0.0.1"
_BACKLOG = 128
_CHUNK = 64 * 1024
_LINGER_S = 1.0  # how long a client that we hung up on may take to hang up, too
_AGAIN_S = 0.1  # when the computer is out of file descriptors
_FILLERS = 3  # one fills a backlog of 0, the others show that it is full


class TcpEndpoint:
    """A listening port with the faults that only a port can have.

    - `wire-refused`: the port stays ours but nobody listens.
    - `wire-timeout`: the backlog is full, so that a connection never opens (Linux drops the SYN then;
      elsewhere it may be refused).
    - `wire-single-client`: while a client is served the others wait in the backlog, connected and without an
      answer, as on a real port 9100.
    """

    wire = TCP

    def __init__(
        self, consumer: Consumer, faults: WireFaults, loop: asyncio.AbstractEventLoop, port: int = 0
    ) -> None:
        self._consumer = consumer
        self._faults = faults
        self._loop = loop
        self.port = port
        self._socket: socket.socket | None = None
        self._mode = "closed"
        self._accepting = False
        self._clients: set[_Client] = set()
        self._fillers: list[socket.socket] = []

    @property
    def address(self) -> str:
        """Host and port; the port is known once it is open."""
        return f"{LOOPBACK}:{self.port}"

    def open(self) -> None:
        """Take the port and begin to listen, unless a fault forbids it."""
        self.refresh()

    def refresh(self) -> None:
        """Listen, refuse or let connections time out, as the faults say."""
        mode = self._wanted()
        if mode != self._mode:
            self._let_go()
            self._take(mode)
        self._accept_if_free()

    def close(self) -> None:
        """Hang up on everybody and give the port back."""
        self._let_go()

    def left(self, client: _Client) -> None:
        """Hear from a client's session that it has ended."""
        self._clients.discard(client)
        self._accept_if_free()

    def _wanted(self) -> str:
        if REFUSED in self._faults.active:
            return "refusing"
        return "full" if TIMEOUT in self._faults.active else "listening"

    def _take(self, mode: str) -> None:
        listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        try:
            listener.settimeout(0)
            if sys.platform == "win32":
                listener.setsockopt(socket.SOL_SOCKET, socket.SO_EXCLUSIVEADDRUSE, 1)
            else:
                listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind((LOOPBACK, self.port))
            if mode != "refusing":
                listener.listen(0 if mode == "full" else _BACKLOG)
        except BaseException:
            listener.close()
            raise
        self._socket, self._mode = listener, mode
        self.port = listener.getsockname()[1]
        if mode == "full":
            self._fill()

    def _fill(self) -> None:
        for _ in range(_FILLERS):
            filler = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
            filler.settimeout(0)
            filler.connect_ex((LOOPBACK, self.port))
            self._fillers.append(filler)

    def _let_go(self) -> None:
        self._mode = "closed"  # first: a client that leaves must not make us accept the next one
        self._accept(on=False)
        for client in list(self._clients):
            client.drop()
        for filler in self._fillers:
            filler.close()
        self._fillers.clear()
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _accept_if_free(self) -> None:
        taken = SINGLE_CLIENT in self._faults.active and bool(self._clients)
        self._accept(on=self._mode == "listening" and not taken)

    def _accept(self, *, on: bool) -> None:
        if on == self._accepting or self._socket is None:
            return
        self._accepting = on
        if on:
            self._loop.add_reader(self._socket.fileno(), self._knocked)
        else:
            self._loop.remove_reader(self._socket.fileno())

    def _knocked(self) -> None:
        while self._accepting and self._socket is not None:
            try:
                peer, _address = self._socket.accept()
            except BlockingIOError:
                return
            except OSError:
                self._accept(on=False)
                self._loop.call_later(_AGAIN_S, self._accept_if_free)
                return
            client = _Client(self, peer, self._consumer, self._loop)
            self._clients.add(client)
            self._accept_if_free()
            client.begin()


class _Client:
    """One accepted connection."""

    wire = TCP

    def __init__(
        self, owner: TcpEndpoint, peer: socket.socket, consumer: Consumer, loop: asyncio.AbstractEventLoop
    ) -> None:
        peer.settimeout(0)
        peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # a byte on its own stays on its own
        self._owner = owner
        self._peer = peer
        self._consumer = consumer
        self._loop = loop
        self._lingering: asyncio.TimerHandle | None = None
        self._closed = False
        self.session = Session(loop, self)

    def begin(self) -> None:
        """Begin to read; the device may greet."""
        self.reading(on=True)
        self._consumer.opened(self.session)

    def fileno(self) -> int:
        """Return the socket's descriptor."""
        return self._peer.fileno()

    def write(self, data: bytes) -> int:
        """Return how many bytes the socket took."""
        return self._peer.send(data)

    def reading(self, *, on: bool) -> None:
        """Watch for bytes of the client, or leave them waiting."""
        if self._closed:
            return
        if on:
            self._loop.add_reader(self._peer.fileno(), self._readable)
        else:
            self._loop.remove_reader(self._peer.fileno())

    def hang_up(self, session: Session) -> None:
        """Close after what was sent: a reset would take it away from the client."""
        session.end()
        self._consumer.closed(session)
        try:
            self._peer.shutdown(socket.SHUT_WR)
        except OSError:
            self.drop()
            return
        self.reading(on=True)
        self._lingering = self._loop.call_later(_LINGER_S, self.drop)

    def gone(self, session: Session) -> None:
        """Close: the client is gone."""
        del session
        self.drop()

    def drop(self) -> None:
        """Close at once; may be called twice."""
        if self._closed:
            return
        self.reading(on=False)
        self._closed = True
        if self._lingering is not None:
            self._lingering.cancel()
        else:
            self.session.end()
            self._consumer.closed(self.session)
        self._peer.close()
        self._owner.left(self)

    def _readable(self) -> None:
        try:
            data = self._peer.recv(_CHUNK)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self.drop()
        elif self._lingering is None:
            self._consumer.received(self.session, data)
