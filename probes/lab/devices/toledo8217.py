"""A simulated scale that speaks Mettler Toledo 8217.

Source: Mettler Toledo DIVA service manual: commands and status byte ("bit 6 always 1"). In continuous mode it
repeats what it would answer to W: what a real one sends then depends on its menu.
"""

from __future__ import annotations

from typing import ClassVar, Final

from probes.lab.devices.simulated_scale import SimulatedScale

_STX, _CR = b"\x02", b"\r"
_ALWAYS, _CENTER_OF_ZERO = 0x40, 0x10
_BITS: Final = {
    "in-motion": 0x01,
    "over-capacity": 0x02,
    "under-zero": 0x04,
    "zero-lost": 0x08,
    "no-weight": 0,
}
_CHANGES: Final = frozenset("ZTC")
_ECHO, _ECHO_END = b"E", b"F"


class Toledo8217Scale(SimulatedScale):
    """A scale on one wire."""

    protocol = "toledo8217"
    faults = frozenset(_BITS) | {"continuous", "wrong-parity"}
    hides: ClassVar[dict[str, frozenset[str]]] = {
        "over-capacity": frozenset({"under-zero", "no-weight"}),
        "under-zero": frozenset({"no-weight"}),
        "in-motion": frozenset({"no-weight"}),
        "zero-lost": frozenset({"no-weight"}),
    }

    def _answers(self) -> bytes:
        answers = bytearray()
        while self._pending:
            if self._pending[:1] == _ECHO:
                end = self._pending.find(_ECHO_END)
                if end < 0:
                    break
                self._record("E", reads=True)
                answers += _STX + b"E" + _CR + self._take(end + 1)[1:-1]
                continue
            byte = self._take(1)
            letter = byte.decode("latin-1")
            self._record(letter if letter.isalpha() else byte.hex(), reads=letter not in _CHANGES)
            answers += self._reading() if letter == "W" else self._status(0)
            if letter == "Z":
                self.grams = 0
        return bytes(answers)

    def _stream_line(self) -> bytes:
        return self._reading()

    def _reading(self) -> bytes:
        reasons = self.active & _BITS.keys()
        if not reasons:
            return _STX + f"{self.load / 1000:06.3f}".encode("ascii") + _CR
        if {"over-capacity", "under-zero"} <= reasons:  # a load is one or the other
            reasons = reasons - {"under-zero"}
        bits = 0
        for reason in reasons:
            bits |= _BITS[reason]
        return self._status(bits)

    def _status(self, bits: int) -> bytes:
        center = 0 if bits or self.load else _CENTER_OF_ZERO
        return _STX + b"?" + bytes((_ALWAYS | center | bits,)) + _CR
