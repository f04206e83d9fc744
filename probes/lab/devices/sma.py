"""A simulated scale that speaks SMA SCP-0499, levels 1 and 2.

Source: the standard; manuals of scales that follow it (Sartorius PR 5220): the error characters E and T stand
in place of Z, O and U, and the weight is dashes then. In continuous mode it repeats its standard reply and
does not listen, as scales do whose menu says so; R is the command for the same.
"""

from __future__ import annotations

from typing import ClassVar, Final

from probes.lab.devices.simulated_scale import SimulatedScale

_LF, _CR = b"\n", b"\r"
_READS: Final = frozenset("WHABIND")
_DASHES = "-" * 10
_ABOUT: Final = ("MFG:SUPPORTCTL LAB", "MOD:SIM-15", "REV:1.0", "SN_:SIM0000002", "END:")
_INFORMATION: Final = ("TYP:S", "CAP:kg_:15:5:3", "CMD:HABIND", "END:")


class SmaScale(SimulatedScale):
    """A scale on one wire."""

    protocol = "sma"
    faults = frozenset(
        {
            "in-motion",
            "over-capacity",
            "under-zero",
            "zero-lost",
            "no-weight",
            "calibration-fault",
            "continuous",
            "wrong-parity",
        }
    )
    hides: ClassVar[dict[str, frozenset[str]]] = {
        "zero-lost": frozenset({"over-capacity", "under-zero", "no-weight"}),
        "over-capacity": frozenset({"under-zero", "no-weight"}),
        "under-zero": frozenset({"no-weight"}),
        "in-motion": frozenset({"no-weight"}),
        "continuous": frozenset({"calibration-fault"}),
        "wrong-parity": frozenset({"calibration-fault"}),
    }

    def __init__(self, grams: int = 1250, unit: str = "kg_") -> None:
        super().__init__(grams)
        self.unit = unit
        self._lines: list[str] = []

    def _answers(self) -> bytes:
        answers = bytearray()
        while self._pending:
            start = self._pending.find(_LF)
            end = self._pending.find(_CR, max(start, 0))
            if start < 0:
                self._pending.clear()
            if start < 0 or end < 0:
                break
            words = self._take(end + 1)[start + 1 : -1].decode("latin-1")
            answers += _LF + self._reply(words).encode("ascii") + _CR
        return bytes(answers)

    def _reply(self, words: str) -> str:
        letter = words[:1]
        known = letter in _READS and words == letter
        name = words if words.isascii() and words.isprintable() and words else words.encode("latin-1").hex()
        self._record(name, reads=known or letter not in "ZTMCPQRSU")
        if letter in {"W", "H"} and known:
            return self._standard("G" if letter == "W" else "g")
        if letter in {"A", "I"} and known:
            self._lines = list(_ABOUT if letter == "A" else _INFORMATION)
            return "SMA:2/1.0"
        if letter in {"B", "N"} and known and self._lines:
            return self._lines.pop(0)
        if letter == "D" and known:
            return "  C " if "calibration-fault" in self.active else "    "
        return "?"

    def _stream_line(self) -> bytes:
        return _LF + self._standard("G").encode("ascii") + _CR

    def _standard(self, gross: str) -> str:
        status, weight = " ", f"{self.load / 1000:10.3f}"
        if "zero-lost" in self.active:
            status, weight = "E", _DASHES
        elif "over-capacity" in self.active:
            status = "O"
        elif "under-zero" in self.active:
            status = "U"
        elif "no-weight" in self.active:
            weight = _DASHES
        elif not self.load:
            status = "Z"
        motion = "M" if "in-motion" in self.active else " "
        return f"{status}1{gross}{motion} {weight}{self.unit}"
