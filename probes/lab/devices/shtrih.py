"""A simulated Shtrih-M register: its state, its faults, and the answers that the manuals give for them.

Source: devices.md section 3 (the vendor's "Протокол ККТ 2.0" and "Протокол ФР, команды ФН"). How it sounds on
a line is in `shtrih_wire`, what can be wrong with it in `shtrih_faults`. Values are invented.
"""

from __future__ import annotations

import struct
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from probes.lab.devices.shtrih_faults import ABILITIES, EFFECTS, REGISTER_ERRORS, STORAGE_ERRORS
from probes.lab.devices.shtrih_wire import LINE_FAULTS, Line

if TYPE_CHECKING:
    from collections.abc import Callable

    from probes.lab.devices.shtrih_faults import Effect

PASSWORD: Final = 30
CASHIER: Final = 1
OTHER_PASSWORD: Final = 4321  # the one that the fault "wrong-password" sets
FN_NUMBER: Final = b"9960440300123456"
TAXPAYER: Final = 7701234567
REGISTRATION: Final = b"0000123456012345"
SERIAL: Final = 123456

_EPOCH = datetime(2026, 1, 15, 9, 0, tzinfo=UTC)  # until it is told the time of day
_FLAGS = 0x0293  # receipt roll and optical sensor see paper, decimal point, levers as delivered
_SHIFT_OPEN, _SHIFT_CLOSED, _FP_SHIFT_OPEN, _FP_SOUND = 2, 4, 0x40, 0x20
_NOT_SUPPORTED, _WRONG_PASSWORD, _STILL_PRINTING, _WRONG_LENGTH = 0x37, 0x4F, 0x50, 0x7E
_FN_UNKNOWN = 0x01
_CASHIER_MAY = frozenset({b"\x10", b"\x13", b"\x1a", b"\x1b"})
_READS = frozenset(
    {b"\xfc", b"\xf7", b"\x10", b"\x11", b"\x15", b"\x1a", b"\x1b", b"\x1f", b"\x2d", b"\x2e"}
    | {b"\xff" + bytes((low,)) for low in (0x01, 0x02, 0x03, 0x04, 0x09, 0x39, 0x3F, 0x40, 0x68)}
)
# the number that FCh tells, and the name
_MODELS: Final = {
    "SHTRIH-M-01F": (250, "ШТРИХ-М-01Ф"),
    "RETAIL-01F": (248, "РИТЕЙЛ-01Ф"),
    "SHTRIH-LIGHT-01F": (252, "ШТРИХ-ЛАЙТ-01Ф"),
}


class ShtrihRegister:
    """A register on one wire."""

    protocol = "shtrih"
    faults = (
        frozenset(EFFECTS) | frozenset(REGISTER_ERRORS) | frozenset(STORAGE_ERRORS) | ABILITIES | LINE_FAULTS
    )

    def __init__(self, model: str = "SHTRIH-M-01F") -> None:
        self.active: set[str] = set()
        self.opcodes: list[str] = []
        self.writes: list[str] = []
        self._model = model
        self._wall, self._wall_at, self._at = _EPOCH, 0.0, 0.0
        self._line = Line(self.active, self._execute, self.opcodes)

    def set_clock(self, wall: datetime, now: float) -> None:
        """Take the time of day (with a zone) that belongs to `now`."""
        self._wall, self._wall_at, self._at = wall.astimezone(), now, now

    def switch(self, fault: str, *, on: bool, now: float) -> bytes:  # noqa: ARG002  nothing here takes time
        """Switch a fault; nothing is ever pushed.

        Raises:
            KeyError: the register has no such fault.
        """
        if fault not in self.faults:
            raise KeyError(fault)
        (self.active.add if on else self.active.discard)(fault)
        if fault in LINE_FAULTS:
            self._line.power_cycle()
            self._line.count_anew()
        return b""

    def connected(self, now: float) -> bytes:  # noqa: ARG002
        """Say nothing: a register does not notice who opens the wire, and its protocol stays the same."""
        return b""

    def receive(self, data: bytes, now: float) -> bytes:
        """Take any piece of the stream; return the answers to what is complete in it."""
        self._at = now
        return self._line.receive(data, now)

    def tick(self, now: float) -> bytes:  # noqa: ARG002
        """Return nothing: this device does nothing on a timer."""
        return b""

    # commands

    def _execute(self, request: bytes) -> bytes:
        size = 2 if request[:1] == b"\xff" else 1
        code, params = request[:size], request[size:]
        self.opcodes.append(code.hex())
        if code not in _READS:
            self.writes.append(code.hex())
        error = self._refusal(code, params)
        if error:
            return code + bytes((error,))
        return code + b"\0" + self._data(code, params)

    def _refusal(self, code: bytes, params: bytes) -> int:
        """Return the error that stands in the way of a command, 0 for none."""
        active = self.active
        if code in {b"\xfc", b"\xf7"}:
            return 0
        if len(params) < 4:
            return _WRONG_LENGTH
        if int.from_bytes(params[:4], "little") not in self._passwords(code):
            return _WRONG_PASSWORD
        if "still-printing" in active:
            return _STILL_PRINTING
        if code[0] == 0xFF:
            return self._storage_refusal(code)
        return next((n for name, n in REGISTER_ERRORS.items() if name in active and code == b"\x11"), 0)

    def _passwords(self, code: bytes) -> set[int]:
        if "wrong-password" in self.active:
            return {OTHER_PASSWORD}
        return {PASSWORD, CASHIER} if code in _CASHIER_MAY or code not in _READS else {PASSWORD}

    def _storage_refusal(self, code: bytes) -> int:
        if "without-storage" in self.active:
            return _NOT_SUPPORTED
        errors = [number for name, number in STORAGE_ERRORS.items() if name in self.active]
        if errors:
            return errors[0]
        if code == b"\xff\x09" and self._int("phase", 3) < 3:
            return 0x02  # there was no registration yet
        return 0 if code in _READS else _FN_UNKNOWN

    def _data(self, code: bytes, params: bytes) -> bytes:
        makers: dict[bytes, Callable[[], bytes]] = {
            b"\xfc": self._device_type,
            b"\x10": self._short_status,
            b"\x11": self._full_status,
            b"\xff\x01": self._fn_status,
            b"\xff\x02": lambda: FN_NUMBER,
            b"\xff\x03": self._fn_expiry,
            b"\xff\x04": lambda: b"fn_v_1_1_2      \x01",
            b"\xff\x09": self._registration,
            b"\xff\x39": self._exchange,
            b"\xff\x3f": lambda: struct.pack("<H", self._int("unsent", 0)),
            b"\xff\x40": lambda: struct.pack("<BHH", self._shift_open, 58, 14),
            b"\x15": lambda: b"\x06\x64",
            b"\x1a": lambda: b"\x1e" + bytes(6),
            b"\x1b": lambda: b"\x1e" + struct.pack("<H", params[4] if len(params) > 4 else 0),
        }
        data = makers.get(code, lambda: b"\x1e")()
        return data + b"\0\0\0" if "long-answers" in self.active else data

    def _device_type(self) -> bytes:
        number, name = _MODELS.get(self._model, (250, self._model))
        return bytes((0, 0, 1, 15, number, 0)) + name.encode("cp1251", "replace")

    def _short_status(self) -> bytes:
        battery, last_print = self._int("battery", 0xC4), self._int("last_print", 0)
        return struct.pack(
            "<BHBBBBBBBB3sB",
            PASSWORD, self._flags, self._mode, self._int("submode", 0), 0, battery, 0xD8, 0, 0, 0,
            bytes(3), last_print,
        )  # fmt: skip

    def _full_status(self) -> bytes:
        clock = self._clock
        fp_flags = _FP_SOUND | (_FP_SHIFT_OPEN if self._shift_open else 0)
        for effect in self._effects:
            fp_flags |= effect.fp
        return struct.pack(
            "<B2sH3sBHHBBB2sH3s3s3sBIHHBB6s",
            PASSWORD, b"C3", 664, bytes((2, 2, 26)), 1, 118,
            self._flags, self._mode, self._int("submode", 0), 0,
            b"10", 1, bytes((1, 1, 16)),
            bytes((clock.day, clock.month, clock.year % 100)),
            bytes((clock.hour, clock.minute, clock.second)),
            fp_flags, SERIAL, 57, 2043, 1, 15, TAXPAYER.to_bytes(6, "little"),
        )  # fmt: skip

    def _fn_status(self) -> bytes:
        warnings = 0
        for effect in self._effects:
            warnings |= effect.warnings
        document = 4 if {"document-open", "document-open-in-storage"} & self.active else 0
        last = self._now - timedelta(minutes=20)
        return (
            bytes((self._int("phase", 3), document, bool(document), self._shift_open, warnings))
            + _fn_moment(last)
            + FN_NUMBER
            + struct.pack("<I", 4711)
        )

    def _fn_expiry(self) -> bytes:
        left = next(
            (e.expires for e in reversed(self._effects) if e.expires is not None), timedelta(days=400)
        )
        day = self._now + left
        return bytes((day.year % 100, day.month, day.day, 11, 2))

    def _registration(self) -> bytes:
        at = _fn_moment(self._now - timedelta(days=100))
        taxpayer, number = str(TAXPAYER).encode().ljust(12), REGISTRATION.ljust(20)
        return at + taxpayer + number + bytes((1, 0, 4)) + struct.pack("<II", 1, 0x12345678)

    def _exchange(self) -> bytes:
        unsent = self._int("unsent", 0)
        up = all(effect.transport is not False for effect in self._effects)
        bits = up | (2 if unsent else 0) | (4 if unsent and up else 0)
        ages = [effect.oldest for effect in self._effects if effect.oldest is not None]
        first = _fn_moment(self._now - ages[-1]) if ages else bytes(5)
        return struct.pack("<BBHI", bits, 0, unsent, 4711 - unsent + 1 if unsent else 0) + first

    # state

    @property
    def _effects(self) -> list[Effect]:
        return [effect for name, effect in EFFECTS.items() if name in self.active]

    def _int(self, name: str, healthy: int) -> int:
        values = [getattr(effect, name) for effect in self._effects]
        return next((int(value) for value in reversed(values) if value is not None), healthy)

    @property
    def _now(self) -> datetime:
        return (self._wall + timedelta(seconds=self._at - self._wall_at)).replace(tzinfo=None)

    @property
    def _clock(self) -> datetime:
        return self._now + sum((effect.clock for effect in self._effects), timedelta(0))

    @property
    def _mode(self) -> int:
        return self._int("mode", _SHIFT_OPEN)

    @property
    def _shift_open(self) -> bool:
        return self._int("mode", _SHIFT_OPEN) != _SHIFT_CLOSED

    @property
    def _flags(self) -> int:
        flags = _FLAGS
        for effect in self._effects:
            flags = flags & ~effect.clear | effect.set
        return flags


def _fn_moment(moment: datetime) -> bytes:
    return bytes((moment.year % 100, moment.month, moment.day, moment.hour, moment.minute))
