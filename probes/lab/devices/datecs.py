"""A simulated Datecs register, P or X framing by its model: state, faults, and the answers of the manuals.

Sources: vendor "FP-800/FP-2000/FP-650 programming interface v1.00BG" (P), "FMP-350X/FP-700X programmer's
manual v2.02" (X). A command that prints, sells or sets something is recorded in `writes` and answered as if
it were done.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from probes.lab.devices.datecs_wire import Command, Wire

if TYPE_CHECKING:
    from collections.abc import Callable

_HEALTHY = {"p": (0x80, 0x80, 0x80, 0x80, 0x86, 0x9A), "x": (0x80, 0x80, 0x80, 0x80, 0x86, 0x9A, 0x80, 0x80)}
# What each fault sets in the status bytes: (byte, bits).
_BOTH: Final[dict[str, tuple[tuple[int, int], ...]]] = {
    "cover-open": ((0, 0x40),),
    "mechanical-error": ((0, 0x30),),
    "general-error": ((0, 0x20),),
    "clock-not-set": ((0, 0x04),),
    "clock-not-synchronised": ((0, 0x04),),
    "paper-out": ((0, 0x20), (2, 0x03)),
    "paper-near-end": ((2, 0x02),),
    "journal-full": ((2, 0x14),),
    "journal-near-full": ((2, 0x10),),
    "document-open": ((2, 0x08),),
    "service-receipt-open": ((2, 0x20),),
    "fm-write-error": ((4, 0x21),),
    "fm-full": ((4, 0x38),),
    "fm-near-full": ((4, 0x08),),
}
_P: Final[dict[str, tuple[tuple[int, int], ...]]] = {
    "tax-terminal-silent": ((1, 0x40),),
    "battery-low": ((0, 0x20), (1, 0x08)),
    "ram-reset": ((0, 0x20), (1, 0x04)),
    "overheated": ((4, 0x40),),
    "fm-read-error": ((5, 0x20),),
    "fm-read-only": ((4, 0x20), (5, 0x01)),
    "fm-last-write-failed": ((4, 0x20), (5, 0x04)),
}
_X: Final[dict[str, tuple[tuple[int, int], ...]]] = {"fm-missing": ((4, 0x40),)}
# What a fault takes away of the healthy bits.
_CLEARS: Final = {"not-fiscalised": ((4, 0x02), (5, 0x08)), "not-registered": ((4, 0x02),)}
_QUEUE_MINUTES: Final = {"unsent-documents": 14 * 60, "unsent-long": 22 * 60, "unsent-blocked": 1441}
_COMMON = frozenset({"clock-drift", "busy", "at-work", "damages-frames", "answers-another", "loses-answers"})
_MODELS: Final = {"FP-800": "p", "FMP-10": "p", "FP-700X": "x", "FMP-350X": "x"}
_READS_P: Final = {0x3E: "", 0x44: "", 0x4A: "LPRWX", 0x4C: "T", 0x5A: "1*", 0x63: ""}
_READS_X: Final = {0x3E: "", 0x44: "", 0x4A: "", 0x4C: "", 0x5A: "1", 0x63: "", 0x7B: "12", 0x87: "Mis"}
_NOTHING = "01-01-2000 00:00:00"


def _some_time() -> datetime:
    return datetime(2026, 1, 15, 9, 0, tzinfo=UTC)


class DatecsRegister:
    """A register on one wire; `wall` returns the time of day beside it."""

    protocol = "datecs"
    tick_s = 0.06
    faults = frozenset(_BOTH) | frozenset(_P) | frozenset(_X) | frozenset(_CLEARS) | _COMMON | frozenset(
        _QUEUE_MINUTES
    ) | {"server-error"}  # fmt: skip

    def __init__(self, model: str = "FP-800", wall: Callable[[], datetime] = _some_time) -> None:
        self.active: set[str] = set()
        self.opcodes: list[str] = []
        self.writes: list[str] = []
        self.framing = _MODELS.get(model, "p")
        self._model = model
        self._wire = Wire(self.framing)
        self._wall = wall
        self._syn_at: float | None = None
        self._last: tuple[int, bytes] | None = None

    def switch(self, fault: str, *, on: bool, now: float) -> bytes:  # noqa: ARG002  nothing here takes time
        """Switch a fault; nothing is pushed. A fault of the other framing changes nothing.

        Raises:
            KeyError: the register has no such fault.
        """
        if fault not in self.faults:
            raise KeyError(fault)
        (self.active.add if on else self.active.discard)(fault)
        self._last = None
        return b""

    def connected(self, now: float) -> bytes:  # noqa: ARG002
        """Start with an empty receive buffer."""
        self._wire.clear()
        self._syn_at = None
        return b""

    def receive(self, data: bytes, now: float) -> bytes:
        """Take any piece of the stream; return the answers to what is complete in it."""
        answers = bytearray()
        for message in self._wire.feed(data, now):
            if message is None:
                answers += b"\x15"
            elif "busy" in self.active:
                self._record(message)
                self._syn_at = now
                answers += b"\x16"
            else:
                answers += self._answer(message)
        return bytes(answers)

    def tick(self, now: float) -> bytes:
        """Return SYN every 60 ms while the register works on a command."""
        if "busy" not in self.active or self._syn_at is None or now - self._syn_at < self.tick_s:
            return b""
        self._syn_at = now
        return b"\x16"

    def _answer(self, message: Command) -> bytes:
        if self._last is not None and self._last[0] == message.seq:
            self.opcodes.append("repeat")
            return self._sent(self._last[1])
        self._record(message)
        data = self._data(message)
        command = message.code ^ 0x10 if "answers-another" in self.active else message.code
        frame = self._wire.frame(message.seq, command, data, self._status(message.code))
        self._last = (message.seq, frame)
        return self._sent(frame)

    def _sent(self, frame: bytes) -> bytes:
        """Return what a host hears of a frame."""
        if "damages-frames" in self.active:
            frame = frame[:-2] + bytes((frame[-2] ^ 0x01, frame[-1]))
        if "loses-answers" in self.active:
            self.active.discard("loses-answers")  # one answer is lost on the way; the repetition arrives
            return b""
        return b"\x16\x16\x16" + frame if "at-work" in self.active else frame

    def _record(self, message: Command) -> None:
        option = message.data.decode("latin-1").strip("\t")
        name = f"{message.code:02X}h {option}".strip()
        self.opcodes.append(name)
        reads = _READS_P if self.framing == "p" else _READS_X
        if message.code == 0x47 and self.framing == "x" and option == "2":
            return
        if message.code not in reads or (option and option not in reads[message.code]):
            self.writes.append(name)

    def _status(self, code: int) -> bytes:
        status = list(_HEALTHY[self.framing])
        own = _P if self.framing == "p" else _X
        for fault in self.active:
            for byte, bits in (*_BOTH.get(fault, ()), *own.get(fault, ())):
                status[byte] |= bits
            for byte, bits in _CLEARS.get(fault, ()):
                status[byte] &= ~bits
        known = _READS_P if self.framing == "p" else {**_READS_X, 0x47: "2"}
        if code not in known and code < 0x21:
            status[0] |= 0x22  # a code that does not exist
        return bytes(status)

    def _data(self, message: Command) -> bytes:
        option = message.data.decode("latin-1").strip("\t")
        text = self._p_data(message.code, option) if self.framing == "p" else self._x_data(message)
        if text is None:
            return (
                self._status(message.code)
                if self.framing == "p"
                else b"0\t" + self._status(message.code) + b"\t"
            )
        return text.encode("cp1251")

    def _p_data(self, code: int, option: str) -> str | None:
        if code == 0x4A:
            return {"": None, "R": self._queue(), "L": "0", "P": "P12000,345,300,12,0"}.get(option)
        opened = int(bool(self.active & {"document-open", "service-receipt-open"}))
        return {
            0x5A: f"{self._model},2.04BG 21Nov22 1012,FFFF,00000000,DT123456,02123456",
            0x3E: self._time.strftime("%d-%m-%y %H:%M:%S"),
            0x4C: f"{opened},{3 * opened},+12.50",
            0x44: f"{self._free():04d},1825",
            0x63: "" if self._no_tax_id() else "123456789,ЕИК",
        }.get(code, "")

    def _x_data(self, message: Command) -> str | None:
        if message.code == 0x4A:
            return None
        opened = int(bool(self.active & {"document-open", "service-receipt-open"}))
        if message.code == 0x5A and not message.data.endswith(b"\t"):
            return f"{self._model},264205 22Nov19 1010,FFFF,00000000,DT654321,02654321"
        error = "104" if "server-error" in self.active else "0"
        day = self._time.strftime("%d-%m-%Y")
        fields = {
            0x5A: f"{self._model}\t264205\t22Nov19\t1010\tFFFF\t00000000\tDT654321\t02654321",
            0x3E: self._time.strftime("%d-%m-%y %H:%M:%S"),
            0x4C: f"{opened}\t57\t{3 * opened}\t12.50\t0.00",
            0x44: f"{self._free()}",
            0x63: "" if self._no_tax_id() else "123456789",
            0x7B: "7400\t3010\t78\tA1 BG",
            0x47: f"{day} 08:00:00\t{day} 10:00:00\t12\t0\t0\t0\t0\t0\t0\t56\t{day} 08:00:00\t{error}\t55",
            0x87: "78\t350000000000000\t284000000000000\tA1 BG",
        }.get(message.code)
        return "0\t" if fields is None else f"0\t{fields}\t"

    def _queue(self) -> str:
        minutes = max((_QUEUE_MINUTES[fault] for fault in self.active & _QUEUE_MINUTES.keys()), default=0)
        if not minutes:
            sent = self._time.strftime("%d-%m-%Y %H:%M:%S")
            return f"57,(57,{sent},2),(0,{_NOTHING},0)"
        first = (self._time - timedelta(minutes=minutes)).strftime("%d-%m-%Y %H:%M:%S")
        return f"57,(50,{first},{minutes + 5}),(51,{first},{minutes})"

    @property
    def _time(self) -> datetime:
        if "clock-not-set" in self.active:
            return datetime(2000, 1, 1, 0, 0, 7)  # noqa: DTZ001  a register's clock knows no zone
        shown = self._wall().replace(tzinfo=None)
        return shown - timedelta(minutes=11) if "clock-drift" in self.active else shown

    def _free(self) -> int:
        if "fm-full" in self.active:
            return 0
        return 40 if "fm-near-full" in self.active else 1700

    def _no_tax_id(self) -> bool:
        return bool(self.active & {"not-fiscalised", "not-registered"})
