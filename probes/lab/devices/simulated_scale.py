"""What all simulated scales share: a pan with a load on it, faults, and a record of what they were sent.

A scale in continuous mode sends a reading five times a second and does not listen. One whose line has seven
bits and even parity is heard, by a client with eight bits, with its parity in the eighth bit.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

OVERLOAD_GRAMS = 20_000
BELOW_ZERO_GRAMS = -500
STREAM_S = 0.2


class SimulatedScale(ABC):
    """A scale for 15 kg by 5 g. `grams` is the load on the pan.

    `hides` tells which faults cannot be seen in the protocol's answers while another one is on: the fault
    that hides, and those that it hides.
    """

    protocol: ClassVar[str]
    faults: ClassVar[frozenset[str]]
    hides: ClassVar[dict[str, frozenset[str]]] = {}
    tick_s = STREAM_S

    def __init__(self, grams: int = 1250) -> None:
        self.grams = grams
        self.active: set[str] = set()
        self.opcodes: list[str] = []
        self.writes: list[str] = []
        self._pending = bytearray()
        self._next_line: float | None = None

    @property
    def load(self) -> int:
        """The load in grams, as the faults have it."""
        if "over-capacity" in self.active:
            return OVERLOAD_GRAMS
        return BELOW_ZERO_GRAMS if "under-zero" in self.active else self.grams

    def switch(self, fault: str, *, on: bool, now: float) -> bytes:  # noqa: ARG002  nothing is pushed at once
        """Switch a fault.

        Raises:
            KeyError: the scale has no such fault.
        """
        if fault not in self.faults:
            raise KeyError(fault)
        (self.active.add if on else self.active.discard)(fault)
        return b""

    def connected(self, now: float) -> bytes:
        """Start with an empty receive buffer."""
        self._pending.clear()
        self._next_line = now + STREAM_S
        return b""

    def receive(self, data: bytes, now: float) -> bytes:  # noqa: ARG002  a scale answers at once
        """Take any piece of the stream; return the answers to what is complete in it."""
        if "wrong-parity" in self.active:
            data = bytes(byte & 0x7F for byte in data)
        self._pending += data
        answers = self._answers()
        return b"" if "continuous" in self.active else self._on_the_line(answers)

    def tick(self, now: float) -> bytes:
        """Return the readings that are due, in continuous mode."""
        due = bytearray()
        while self._next_line is not None and self._next_line <= now:
            self._next_line += STREAM_S
            if "continuous" in self.active:
                due += self._on_the_line(self._stream_line())
        return bytes(due)

    @abstractmethod
    def _answers(self) -> bytes:
        """Return the answers to what is complete in `_pending`, and take it out."""

    def _stream_line(self) -> bytes:
        """Return one reading as continuous mode sends it."""
        return b""

    def _record(self, name: str, *, reads: bool) -> None:
        self.opcodes.append(name)
        if not reads:
            self.writes.append(name)

    def _take(self, count: int) -> bytes:
        taken = bytes(self._pending[:count])
        del self._pending[:count]
        return taken

    def _on_the_line(self, data: bytes) -> bytes:
        if "wrong-parity" not in self.active:
            return data
        return bytes(byte | (byte.bit_count() & 1) << 7 for byte in data)
