"""One client on one wire: bytes in, pieces out, each piece after its pause."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Iterable, Iterator

    from probes.lab.wirefaults import Piece

_HALF_TICK_S = 0.0005  # the loop's timers round up to a millisecond: so a line keeps its pace on average
_MAX_WAITING = 64  # answers that the client has not taken; then the device stops reading, as a real one does


class Consumer(Protocol):
    """What stands behind an endpoint: a station, or the control desk."""

    def opened(self, session: Session) -> None:
        """Hear that a client has opened the wire."""

    def received(self, session: Session, data: bytes) -> None:
        """Hear what a client sent."""

    def closed(self, session: Session) -> None:
        """Hear that a client is gone."""


class Endpoint(Protocol):
    """One wire that leads to a device."""

    wire: str

    @property
    def address(self) -> str:
        """What stands behind `://` in its URL."""

    def open(self) -> None:
        """Begin to serve.

        Raises:
            OSError: the wire cannot be had.
        """

    def refresh(self) -> None:
        """Act on the wire faults that are active now."""

    def close(self) -> None:
        """Stop serving and let the wire go; may be called twice."""


class Wire(Protocol):
    """What a session writes to. A wire that is full says so with BlockingIOError."""

    wire: str

    def fileno(self) -> int:
        """Return what the loop watches."""

    def write(self, data: bytes) -> int:
        """Return how many bytes were taken."""

    def hang_up(self, session: Session) -> None:
        """End the session as the device's doing."""

    def gone(self, session: Session) -> None:
        """End the session: the client is gone."""

    def reading(self, *, on: bool) -> None:
        """Read what the client sends, or leave it waiting."""


class Session:
    """The pieces that are on their way to one client. `byte_s` is what a byte takes on this line."""

    def __init__(self, loop: asyncio.AbstractEventLoop, wire: Wire, byte_s: float = 0.0) -> None:
        self.wire = wire.wire
        self.byte_s = byte_s
        self._loop = loop
        self._wire = wire
        self._waiting: deque[Iterator[Piece]] = deque()
        self._piece: Piece | None = None  # the one that is on its way
        self._sent = 0
        self._timer: asyncio.TimerHandle | None = None
        self._writing = False
        self.over = False

    def send(self, pieces: Iterable[Piece]) -> None:
        """Send pieces behind those that wait already."""
        if self.over:
            return
        self._waiting.append(iter(pieces))
        if len(self._waiting) == _MAX_WAITING:
            self._wire.reading(on=False)
        if self._piece is None:
            self._next()

    def end(self) -> None:
        """Forget what was not sent yet, and send no more."""
        self.over = True
        self._waiting.clear()
        self._piece = None
        if self._timer is not None:
            self._timer.cancel()
        self._watch(on=False)

    def _next(self) -> None:
        """Begin with the next piece; returns when none is left or one has to wait."""
        while self._piece is None and self._waiting:
            piece = next(self._waiting[0], None)
            if piece is None:
                self._waiting.popleft()
                if len(self._waiting) == _MAX_WAITING - 1:
                    self._wire.reading(on=True)
                continue
            self._piece, self._sent = piece, 0
            if piece.after_s:
                self._timer = self._loop.call_later(max(0.0, piece.after_s - _HALF_TICK_S), self._due)
            else:
                self._write()

    def _due(self) -> None:
        self._timer = None
        self._write()
        self._next()

    def _write(self) -> None:
        """Write the piece as far as the wire takes it."""
        piece = self._piece
        if piece is None:
            return
        try:
            while self._sent < len(piece.data):
                self._sent += self._wire.write(piece.data[self._sent :])
        except BlockingIOError:
            self._watch(on=True)
            return
        except OSError:
            self._wire.gone(self)
            return
        self._watch(on=False)
        self._piece = None
        if piece.close:
            self._wire.hang_up(self)

    def _writable(self) -> None:
        self._write()
        if self._piece is None and not self.over:
            self._next()

    def _watch(self, *, on: bool) -> None:
        if on == self._writing:
            return
        self._writing = on
        if on:
            self._loop.add_writer(self._wire.fileno(), self._writable)
        else:
            self._loop.remove_writer(self._wire.fileno())
