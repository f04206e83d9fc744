"""A simulated Tremol register: state, faults, and the answers of the vendor's protocol 1910211454.

Written from that document (devices.md section 9), apart from the codec of the probes. Which questions a
register refuses while it is blocked is UNVERIFIED; the document says so of 4Eh for an open receipt and a
deregistered register.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import reduce
from operator import xor
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_HEALTHY: Final = (0x80, 0x88, 0x80, 0xF0, 0x80, 0x80, 0x80)  # a day with sales, fiscalised
# What each fault sets: status byte of 20h, bits.
_STATUS: Final[dict[str, tuple[int, int]]] = {
    "fm-read-only": (0, 0x01),
    "power-failed": (0, 0x02),
    "overheated": (0, 0x04),
    "clock-not-set": (0, 0x08),
    "clock-wrong": (0, 0x10),
    "ram-reset": (0, 0x20),
    "clock-broken": (0, 0x40),
    "paper-out": (1, 0x01),
    "totals-overflow": (1, 0x02),
    "service-receipt-open": (2, 0x01),
    "document-open": (2, 0x02),
    "journal-near-full": (2, 0x20),
    "journal-full": (2, 0x60),
    "no-fm": (3, 0x01),
    "fm-error": (3, 0x02),
    "fm-full": (3, 0x04),
    "fm-near-full": (3, 0x08),
    "wrong-sim": (5, 0x01),
    "operator-blocked": (5, 0x02),
    "no-nra-task": (5, 0x04),
    "wrong-sd": (5, 0x20),
    "deregistered": (5, 0x40),
    "no-sim": (6, 0x01),
    "no-modem": (6, 0x02),
    "no-operator": (6, 0x04),
    "no-gprs": (6, 0x08),
    "paper-near-end": (6, 0x10),
    "unsent-24h": (6, 0x20),
}
# The printer's own status in the answer to 66h.
_PRINTER: Final[dict[str, tuple[int, int]]] = {
    "cover-open": (0, 0x28),
    "cutter-error": (1, 0x08),
    "mechanical-error": (1, 0x20),
    "overheated": (1, 0x40),
    "paper-near-end": (2, 0x02),
    "paper-out": (2, 0x0A),
}
_OTHERS: Final = frozenset(
    {"not-fiscalised", "shift-closed", "shift-over-24h", "clock-drift", "busy", "at-work", "needs-password",
     "serves-another", "no-printer-status", "damages-frames", "answers-another", "loses-answers",
     "refuses-frames", "unsent-documents"}
)  # fmt: skip
_HOURS: Final = {"unsent-documents": 40, "unsent-24h": 25, "operator-blocked": 73}
_READS: Final = frozenset({0x20, 0x21, 0x60, 0x61, 0x62, 0x66, 0x68, 0x71})
PASSWORD: Final = "1234"  # noqa: S105  of a simulated register


def _some_time() -> datetime:
    return datetime(2026, 1, 15, 9, 0, tzinfo=UTC)


class TremolRegister:
    """A register on one wire; `wall` returns the time of day beside it. Its password: `PASSWORD`."""

    protocol = "tremol"
    faults = frozenset(_STATUS) | frozenset(_PRINTER) | _OTHERS

    def __init__(self, wall: Callable[[], datetime] = _some_time) -> None:
        self.active: set[str] = set()
        self.opcodes: list[str] = []
        self.writes: list[str] = []
        self._wall = wall
        self._pending = bytearray()
        self._passed = ""  # what became of the password of this client
        self._retries = 0

    def switch(self, fault: str, *, on: bool, now: float) -> bytes:  # noqa: ARG002  nothing here takes time
        """Switch a fault; nothing is pushed.

        Raises:
            KeyError: the register has no such fault.
        """
        if fault not in self.faults:
            raise KeyError(fault)
        (self.active.add if on else self.active.discard)(fault)
        self._retries = 0
        return b""

    def connected(self, now: float) -> bytes:  # noqa: ARG002
        """Start with an empty receive buffer and a client that has not said its password."""
        self._pending.clear()
        self._passed = ""
        return b""

    def tick(self, now: float) -> bytes:  # noqa: ARG002
        """Return nothing: a register never begins to talk."""
        return b""

    def receive(self, data: bytes, now: float) -> bytes:  # noqa: ARG002
        """Take any piece of the stream; return the answers to what is complete in it."""
        self._pending += data
        return b"".join(self._carry_out())

    def _carry_out(self) -> Iterator[bytes]:
        while self._pending:
            first = self._pending[0]
            if first in {0x04, 0x09}:
                del self._pending[0]
                self.opcodes.append(f"{first:02X}h")
                yield b"\x04" if first == 0x04 else bytes((self._ping(),))
            elif first == 0x02:
                frame = self._frame()
                if frame is None:
                    return
                yield self._answer(frame)
            elif "needs-password" in self.active and not self._passed:
                line, end, rest = bytes(self._pending).partition(b"\n")
                if not end:
                    return
                self._pending[:] = rest
                self.opcodes.append("password")
                self._passed = "right" if line == PASSWORD.encode() else "wrong"
            else:
                del self._pending[0]

    def _ping(self) -> int:
        if "serves-another" in self.active:
            return 0x60
        if "needs-password" in self.active and self._passed != "right":
            return 0x70 if self._passed == "wrong" else 0x50
        faults = {"busy": 0x01, "paper-out": 0x02, "overheated": 0x04}
        return 0x40 | sum(bit for fault, bit in faults.items() if fault in self.active)

    def _frame(self) -> bytes | None:
        if len(self._pending) < 2:
            return None
        size = max(self._pending[1] - 0x20, 3) + 4
        if len(self._pending) < size:
            return None
        frame = bytes(self._pending[:size])
        del self._pending[:size]
        return frame

    def _answer(self, frame: bytes) -> bytes:
        body = frame[1:-3]
        if frame[-3:] != self._check(body) + b"\x0a" or "refuses-frames" in self.active:
            return b"\x15"
        if "serves-another" in self.active or ("needs-password" in self.active and self._passed != "right"):
            return b""
        if "busy" in self.active:
            return b"\x0e"
        if "at-work" in self.active and self._retries < 2:
            self._retries += 1
            return b"\x0e"
        self._retries = 0
        nbl, command, data = body[1], body[2], body[3:]
        self._record(command, data)
        if "loses-answers" in self.active:
            self.active.discard("loses-answers")  # one answer is lost on the way
            return b""
        told = self._data(command, data)
        if "answers-another" in self.active:
            command ^= 0x01
        answer = self._ack(nbl, told) if isinstance(told, str) else self._message(nbl, command, told)
        return answer[:-2] + b"\x2f\x0a" if "damages-frames" in self.active else answer

    def _record(self, command: int, data: bytes) -> None:
        name = f"{command:02X}h {data.decode('latin-1')}".strip()
        self.opcodes.append(name)
        if command not in _READS and not (command == 0x4E and data == b"R;R;R"):
            self.writes.append(name)

    def _data(self, command: int, data: bytes) -> bytes | str:
        """Return the data of an answer, or the two digits of an acknowledgement."""
        text: str | None = None
        if command == 0x20:
            return self._status()
        if command == 0x66:
            return "01" if "no-printer-status" in self.active else b"N;" + self._printer() + b"; "
        if command == 0x4E and data == b"R;R;R":
            text = self._unsent()
        elif command == 0x21:
            text = f"2;003   ;01-02-2019 10:00;{'TREMOL M20':50};{'Ver. 1.01 TRA20 C.S.':20}"
        elif command == 0x60:
            text = "ZK123456;50123456"
        elif command == 0x61:
            text = f"{'':13};0;{'':6};{'':16}" if "not-fiscalised" in self.active else (
                f"{'123456789':13};0;654321;02-02-2019 12:00"
            )  # fmt: skip
        elif command == 0x68:
            text = self._time.strftime("%d-%m-%Y %H:%M")
        elif command == 0x71:
            text = "000123"
        if text is None:
            return "01" if command not in _READS else "02"
        return text if len(text) == 2 else text.encode("cp1251")

    def _unsent(self) -> str:
        """Return the answer to 4Eh, or why there is none."""
        if self.active & {"deregistered", "not-fiscalised", "document-open"}:
            return "42" if "document-open" in self.active else "02"
        if "shift-over-24h" in self.active:
            return ";2"
        hours = max((hours for fault, hours in _HOURS.items() if fault in self.active), default=0)
        sent = (self._time - timedelta(hours=hours or 0.1)).strftime("%d-%m-%Y %H:%M")
        if not hours:
            return f"123;{sent};0;00-00-0000 00:00;"
        return f"120;{sent};121;{sent};No connection"

    @property
    def _time(self) -> datetime:
        if "clock-not-set" in self.active:
            return datetime(2012, 1, 1, 0, 0)  # noqa: DTZ001  a register's clock knows no zone
        shown = self._wall().replace(tzinfo=None)
        return shown - timedelta(minutes=11) if "clock-drift" in self.active else shown

    def _status(self) -> bytes:
        status = list(_HEALTHY)
        for fault in self.active & _STATUS.keys():
            byte, bits = _STATUS[fault]
            status[byte] |= bits
        if "not-fiscalised" in self.active:
            status[3] &= ~0x20
        if "shift-closed" in self.active:
            status[1] &= ~0x08
        return bytes(status)

    def _printer(self) -> bytes:
        status = [0, 0, 0, 0]
        for fault in self.active & _PRINTER.keys():
            byte, bits = _PRINTER[fault]
            status[byte] |= bits
        return bytes(status)

    def _message(self, nbl: int, command: int, data: bytes) -> bytes:
        body = bytes((0x20 + 3 + len(data), nbl, command)) + data
        return b"\x02" + body + self._check(body) + b"\x0a"

    def _ack(self, nbl: int, digits: str) -> bytes:
        """Return an acknowledgement; the digits beyond 9 are those of the document: `;` is Bh."""
        body = bytes((nbl, 0x30 + (ord(digits[0]) & 0x0F), 0x30 + (ord(digits[1]) & 0x0F)))
        return b"\x06" + body + self._check(body) + b"\x0a"

    @staticmethod
    def _check(body: bytes) -> bytes:
        value = reduce(xor, body, 0)
        return bytes((0x30 + (value >> 4), 0x30 + (value & 0x0F)))
