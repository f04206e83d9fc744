"""A simulated CAS scale: the dialogue of ENQ, ACK and DC1, or a stream of lines.

Source: manuals of CAS AP-1 and SW-II (dialogue), NT-200 and CI-600D (stream).
"""

from __future__ import annotations

from typing import ClassVar, Final

from probes.lab.devices.simulated_scale import SimulatedScale

_ENQ, _DC1, _DC2, _ACK, _NAK = 0x05, 0x11, 0x12, 0x06, 0x15
_NAMES: Final = {_ENQ: "ENQ", _DC1: "DC1", _DC2: "DC2"}
_LAMP_STABLE, _LAMP_GROSS, _LAMP_ZERO = 0x40, 0x04, 0x01


class CasScale(SimulatedScale):
    """A scale on one wire. `busy` answers NAK for ever: "ask again"."""

    protocol = "cas"
    faults = frozenset(
        {"in-motion", "over-capacity", "under-zero", "no-weight", "busy", "continuous", "wrong-parity"}
    )
    hides: ClassVar[dict[str, frozenset[str]]] = {
        "over-capacity": frozenset({"under-zero", "no-weight"}),
        "under-zero": frozenset({"no-weight"}),
        "in-motion": frozenset({"no-weight"}),
        "busy": frozenset({"in-motion", "over-capacity", "under-zero", "no-weight", "wrong-parity"}),
        "continuous": frozenset({"busy"}),
    }

    def __init__(self, grams: int = 1250) -> None:
        super().__init__(grams)
        self._asked = False

    def connected(self, now: float) -> bytes:
        """Start anew: no question is open."""
        self._asked = False
        return super().connected(now)

    def _answers(self) -> bytes:
        answers = bytearray()
        while self._pending:
            byte = self._take(1)[0]
            self._record(_NAMES.get(byte, f"{byte:02x}"), reads=byte in _NAMES)
            if byte == _ENQ:
                self._asked = "busy" not in self.active
                answers.append(_ACK if self._asked else _NAK)
            elif byte == _DC1 and self._asked:
                self._asked = False
                answers += self._frame()
        return bytes(answers)

    def _frame(self) -> bytes:
        state = b"U" if "in-motion" in self.active else b"S"
        sign, weight = b"-" if self.load < 0 else b" ", f"{abs(self.load) / 1000:6.3f}"
        if "over-capacity" in self.active:
            sign, weight = b"F", " " * 6
        elif "no-weight" in self.active and "under-zero" not in self.active:
            weight = " " * 6
        body = state + sign + weight.encode("ascii") + b"kg"
        check = 0
        for byte in body:
            check ^= byte
        return b"\x01\x02" + body + bytes((check,)) + b"\x03\x04"

    def _stream_line(self) -> bytes:
        moves, over = "in-motion" in self.active, "over-capacity" in self.active
        header = b"OL" if over else b"US" if moves else b"ST"
        lamp = _LAMP_GROSS | (0 if moves else _LAMP_STABLE) | (0 if self.load else _LAMP_ZERO)
        blank = over or ("no-weight" in self.active and "under-zero" not in self.active)
        weight = " " * 8 if blank else f"{self.load / 1000:8.3f}"
        return header + b",GS,1" + bytes((lamp,)) + b"," + weight.encode("ascii") + b" kg\r\n"
