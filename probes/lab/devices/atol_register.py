"""A simulated ATOL register behind all its wires: state, faults, and the answers to commands.

Source: devices.md section 4 (layouts of the protocol's 3.1 commands, phases and flags of the fiscal storage).
It keeps its own clock; what it remembers (shift, documents, queue) lies on that clock.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

FAULTS: Final = frozenset({
    "shift-over-24h", "shift-closed", "paper-out", "cover-open", "cutter-error", "mechanical-error",
    "overheated", "printer-link", "drawer-open", "document-open", "clock-drift", "clock-drift-small",
    "fn-expiring",
    "fn-expiring-soon", "fn-expired", "fn-not-fiscalised", "fn-archive-closed", "fn-memory-low", "fn-fault",
    "fn-missing", "ofd-queue", "ofd-queue-old", "ofd-blocked", "ofd-unreachable", "not-registered",
})  # fmt: skip
WIRE_ONLY: Final = frozenset({"battery-low", "wrong-password", "device-busy"})

_READS: Final = {
    b"\xa5", b"\x3f", b"\x45", b"\x9d", b"\x91", b"\xa4\x10", b"\xa4\x20", b"\xa4\x30", b"\xa4\x31",
    b"\xa4\x32", b"\xa4\x33",
}  # fmt: skip
_WRONG_PASSWORD, _UNSUPPORTED, _NO_FN_LINK = 0x8C, 0x7A, 0xD2
_DRIFT = {"clock-drift": timedelta(minutes=10), "clock-drift-small": timedelta(minutes=-3)}
_QUEUE = {
    "ofd-queue": (5, timedelta(days=3)),
    "ofd-queue-old": (37, timedelta(days=26)),
    "ofd-blocked": (212, timedelta(days=31)),
}
_LIFE = {"fn-expired": -2, "fn-expiring-soon": 2, "fn-expiring": 20}
_SPEAKS_WITHOUT_PASSWORD = (b"\xa5", b"\x45")


class Register:
    """The register itself; `active` are its faults. `opcodes` and `writes`: see `probes.lab.device`."""

    model_name = "АТОЛ 30Ф"
    serial = "00106701234567"
    fn_number = "9960440300123456"
    registration = "0000000001012345"

    def __init__(self) -> None:
        self.active: set[str] = set()
        self.opcodes: list[str] = []
        self.writes: list[str] = []
        self.password = "0000"  # noqa: S105  what the protocol documents
        self._wall, self._wall_at = datetime(2026, 1, 15, 12, 0, tzinfo=UTC).replace(tzinfo=None), 0.0

    def set_clock(self, wall: datetime, now: float) -> None:
        """Take the time of day that belongs to `now`: the register shows it in the zone of this computer."""
        self._wall, self._wall_at = wall.astimezone().replace(tzinfo=None), now

    def clock(self, now: float) -> datetime:
        """Return what the register's clock shows."""
        shown = self._wall + timedelta(seconds=round(now - self._wall_at))
        return shown + sum((_DRIFT[fault] for fault in self.active & _DRIFT.keys()), timedelta())

    @property
    def shift(self) -> str:
        """Closed, opened or expired, as the vendor calls it."""
        if "shift-over-24h" in self.active:
            return "expired"
        return "closed" if "shift-closed" in self.active else "opened"

    @property
    def fiscalised(self) -> bool:
        """Whether the register is registered."""
        return not self.active & {"not-registered", "fn-not-fiscalised"}

    @property
    def phase(self) -> int:
        """Phase of the storage's life."""
        if "fn-not-fiscalised" in self.active:
            return 1
        return 7 if "fn-archive-closed" in self.active else 3

    @property
    def fn_warnings(self) -> int:
        """Warnings of the storage."""
        bits = {"fn-expired": 0x03, "fn-expiring-soon": 0x03, "fn-expiring": 0x02, "fn-memory-low": 0x04}
        bits |= {"ofd-queue": 0x08, "ofd-queue-old": 0x08, "ofd-blocked": 0x08, "fn-fault": 0x80}
        found = 0
        for fault in self.active & bits.keys():
            found |= bits[fault]
        return found

    @property
    def unsent(self) -> int:
        """Documents that wait for the operator."""
        waiting = [_QUEUE[fault][0] for fault in self.active & _QUEUE.keys()]
        return max(waiting, default=1 if "ofd-unreachable" in self.active else 0)

    @property
    def transport_up(self) -> bool:
        """Whether the operator can be reached; with an empty queue there is nothing to connect for."""
        return "ofd-unreachable" not in self.active

    @property
    def first_unsent_number(self) -> int:
        """Number of the oldest document that waits."""
        return 4712 - self.unsent if self.unsent else 0

    def first_unsent_at(self, now: float) -> datetime | None:
        """Return the moment of the oldest document that waits."""
        if not self.unsent:
            return None
        ages = [_QUEUE[fault][1] for fault in self.active & _QUEUE.keys()]
        return self.clock(now) - max(ages, default=timedelta(minutes=10))

    def opened_at(self, now: float) -> datetime:
        """Return when the shift was opened (or the last one closed)."""
        return self.clock(now) - timedelta(hours=30 if self.shift == "expired" else 3)

    def shift_end(self, now: float) -> datetime:
        """Return the moment until which an open shift may last, or at which the last one was closed."""
        return self.opened_at(now) + timedelta(hours=0 if self.shift == "closed" else 24)

    def last_document_at(self, now: float) -> datetime:
        """Return the moment of the last fiscal document: none is made once a shift has expired."""
        if self.shift == "expired":
            return self.opened_at(now) + timedelta(hours=2)
        return self.clock(now) - timedelta(minutes=10)

    def expires(self, now: float) -> datetime:
        """Return the last day of the storage."""
        days = [_LIFE[fault] for fault in self.active & _LIFE.keys()]
        return self.clock(now) + timedelta(days=min(days, default=400))

    def answer(self, password: bytes, command: bytes, now: float) -> bytes:
        """Return the answer to a command of the wire protocols, and note that it was sent."""
        name = command.hex(" ").upper()
        self.opcodes.append(name)
        if command[:1] not in _READS and command[:2] not in _READS:
            self.writes.append(name)
            return b"\x55\x00\x00"
        if password.hex() != self.password and command[:1] not in _SPEAKS_WITHOUT_PASSWORD:
            return bytes((0x55, _WRONG_PASSWORD, 0))
        if command[:1] == b"\xa4" and "fn-missing" in self.active:
            return bytes((0x55, _NO_FN_LINK, 0))
        return self._answer(command, now)

    def _answer(self, command: bytes, now: float) -> bytes:
        if command == b"\x45":
            return bytes((0x55, 0x21 if "paper-out" in self.active else 0x01, self._state_flags()))
        if command == b"\x3f":
            return b"\x44" + self._status(now)
        if command == b"\xa5":
            return b"\x00\x03\x01\x39" + bytes(7) + self.model_name.encode("cp866")
        if command == b"\x9d\x01":
            return b"\x55\x00" + bytes.fromhex("0308003689")
        found = self._register(command, now) if command[:1] == b"\x91" else self._storage(command, now)
        return b"\x55\x00" + found if found else bytes((0x55, _UNSUPPORTED, 0))

    def _state_flags(self) -> int:
        bits = {"paper-out": 0x01, "printer-link": 0x02, "mechanical-error": 0x04, "cutter-error": 0x08}
        bits |= {"overheated": 0x10}
        return sum(bits[fault] for fault in self.active & bits.keys())

    def _status(self, now: float) -> bytes:
        flags = 0x08 * ("paper-out" not in self.active) | 0x20 * ("cover-open" in self.active)
        flags |= (
            0x01 * self.fiscalised | 0x02 * (self.shift != "closed") | 0x04 * ("drawer-open" in self.active)
        )
        flags |= 0x40 * ("fn-missing" not in self.active) | 0x80 * ("battery-low" in self.active)
        clock = bytes.fromhex(f"{self.clock(now):%y%m%d%H%M%S}")
        serial = bytes.fromhex(self.serial[-8:])
        mode = 0x21 if "paper-out" in self.active else 0x01
        rest = bytes.fromhex("0042 0057") + bytes((int("document-open" in self.active),)) + bytes(5)
        return (
            b"\x01\x01"
            + clock
            + bytes((flags,))
            + serial
            + b"\x39"
            + b"38"
            + bytes((mode,))
            + rest
            + b"\x02\x04"
        )

    def _register(self, command: bytes, now: float) -> bytes:
        number = command[1:2]
        if number == b"\x12":
            return bytes((int(self.shift != "closed"),)) + bytes.fromhex(
                f"{self.shift_end(now):%d%m%y%H%M%S}"
            )
        if number == b"\x16":
            return bytes.fromhex(self.serial)
        if number == b"\x2c":
            return bytes.fromhex(f"{self.unsent:06d}")
        if number == b"\x36":
            return bytes((4, 4, 0, 0, 0, 0))
        return bytes(8) if number == b"\x37" else b""

    def _storage(self, command: bytes, now: float) -> bytes:
        part = command[1:2]
        if part == b"\x10":
            return bytes((int(self.shift != "closed"), 57, 0, 42, 0))
        if part == b"\x20":
            bits = 0x01 * self.transport_up | 0x02 * bool(self.unsent)
            numbers = self.unsent.to_bytes(2, "little") + self.first_unsent_number.to_bytes(4, "little")
            return bytes((bits, 0)) + numbers + _five(self.first_unsent_at(now))
        if part == b"\x30":
            document = 0x04 if "document-open" in self.active else 0
            head = bytes((self.phase, document, 0, int(self.shift != "closed"), self.fn_warnings))
            number = self.fn_number.encode() + (4711).to_bytes(4, "little")
            return head + _five(self.last_document_at(now)) + number
        if part == b"\x31":
            return self.fn_number.encode()
        if part == b"\x32":
            return _five(self.expires(now))[:3] + bytes((11, 2))
        return b"fn_v_1_1_2".ljust(16) + b"\x01" if part == b"\x33" else b""


def _five(when: datetime | None) -> bytes:
    """Return year, month, day, hour and minute as the storage has them; zeros for no moment."""
    if when is None:
        return bytes(5)
    return bytes((when.year - 2000, when.month, when.day, when.hour, when.minute))
