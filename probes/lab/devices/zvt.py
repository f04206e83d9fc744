"""A simulated ZVT payment terminal: status, faults, and the exchange of messages that the specification has.

Source: devices.md section 6. The framing shows in a client's first bytes: a serial line
begins with 10 02, TCP with the command itself. On a serial line every frame waits for its ACK.

One status byte has room for one fault: of several it tells the one that stands first in `STATUS`.
"""

from __future__ import annotations

from collections import deque
from typing import Final

STATUS: Final = {
    "out-of-order": 0xDF, "reader-defective": 0xE2, "lock-defective": 0xC0, "battery-low": 0xBF,
    "initialisation-required": 0x51, "opt-data-missing": 0xF6, "diagnosis-required": 0xC2,
    "card-profile-invalid": 0xC4, "merchant-card-locked": 0xC1, "memory-full": 0xB1, "journal-full": 0xB2,
    "printer-not-ready": 0xCC, "date-time-wrong": 0x62, "card-stuck": 0xE1, "shutter-closed": 0xE3,
    "card-inserted": 0xDC, "updating": 0x9C, "remote-maintenance": 0xE0,
}  # fmt: skip
# The question itself is broken off (06 1E) with a result.
ABORTS: Final = {
    "not-registered": 0x6B, "host-unreachable": 0xA3, "host-silent": 0xA1, "line-fault": 0x9B,
    "modem-missing": 0x7D, "system-error": 0xFF,
}  # fmt: skip
# The question is refused (84 xx 00).
REFUSALS: Final = {"busy": 0x9C, "refuses-unregistered": 0x6B}
# How a terminal may behave, and what may happen on the line.
_OTHERS: Final = frozenset({
    "status-not-supported", "no-version", "no-status", "tells-device", "talkative", "in-payment", "hangs",
    "damaged-frame", "damaged-frames", "ack-lost", "frame-twice",
})  # fmt: skip

_DLE, _STX, _ETX, _ACK, _NAK = 0x10, 0x02, 0x03, 0x06, 0x15
_ENQUIRY, _REGISTRATION, _POSITIVE = b"\x05\x01", b"\x06\x00", b"\x80\x00"
_VERSION, _DEVICE_NAME, _SERIAL = b"2.14.15", b"LAB PT", bytes.fromhex("00c0ffee")
_REPEATS = 3


class ZvtTerminal:
    """A terminal on one wire."""

    protocol = "zvt"
    faults = frozenset({*STATUS, *ABORTS, *REFUSALS}) | _OTHERS

    def __init__(self) -> None:
        self.active: set[str] = set()
        self.opcodes: list[str] = []
        self.writes: list[str] = []
        self._begin()

    def _begin(self) -> None:
        self._pending = bytearray()
        self._serial: bool | None = None
        self._waiting: deque[bytes] = deque()  # messages that the client was not sent yet
        self._last = b""  # the frame that waits for its ACK
        self._sent = 0

    def switch(self, fault: str, *, on: bool, now: float) -> bytes:  # noqa: ARG002  nothing here takes time
        """Switch a fault; nothing is pushed because of it.

        Raises:
            KeyError: the terminal has no such fault.
        """
        if fault not in self.faults:
            raise KeyError(fault)
        (self.active.add if on else self.active.discard)(fault)
        return b""

    def connected(self, now: float) -> bytes:  # noqa: ARG002
        """Start anew: whoever was there before is gone."""
        self._begin()
        return b""

    def receive(self, data: bytes, now: float) -> bytes:  # noqa: ARG002
        """Take any piece of the stream; return what is answered to it."""
        self._pending += data
        if self._serial is None and self._pending:
            self._serial = self._pending[0] == _DLE
        return self._line() if self._serial else self._plain()

    def tick(self, now: float) -> bytes:  # noqa: ARG002
        """Return nothing: this device does nothing on a timer."""
        return b""

    def _plain(self) -> bytes:
        answer = b""
        while len(self._pending) >= 3:
            long = self._pending[2] == 0xFF
            if long and len(self._pending) < 5:
                break
            size = 5 + int.from_bytes(self._pending[3:5], "little") if long else 3 + self._pending[2]
            if len(self._pending) < size:
                break
            message = bytes(self._pending[:size])
            del self._pending[:size]
            self._carry_out(message)
            while self._waiting:
                answer += self._waiting.popleft()
        return answer

    def _line(self) -> bytes:
        answer = b""
        while self._pending:
            first = self._pending[0]
            if first in {_ACK, _NAK}:
                del self._pending[0]
                answer += self._next_frame() if first == _ACK else self._once_more()
            elif first != _DLE:
                del self._pending[0]
            else:
                end = self._frame_end()
                if end is None:
                    break
                frame = bytes(self._pending[:end])
                del self._pending[:end]
                answer += self._framed(frame)
        return answer

    def _frame_end(self) -> int | None:
        place = 2
        while place + 1 < len(self._pending):
            if self._pending[place] != _DLE:
                place += 1
            elif self._pending[place + 1] == _ETX:
                return place + 4 if len(self._pending) >= place + 4 else None
            else:
                place += 2
        return None

    def _framed(self, frame: bytes) -> bytes:
        message = frame[2:-4].replace(bytes((_DLE, _DLE)), bytes((_DLE,)))
        if frame[1] != _STX or _checksum(message) != frame[-2:]:
            return bytes((_NAK,))
        begun = bool(self._waiting or self._last)
        self._carry_out(message)
        acknowledged = b"" if "ack-lost" in self.active else bytes((_ACK,))
        return acknowledged + (b"" if begun and message[:2] == _POSITIVE else self._next_frame())

    def _next_frame(self) -> bytes:
        if not self._waiting:
            self._last = b""
            return b""
        message = self._waiting.popleft()
        self._sent = 0
        body = message.replace(bytes((_DLE,)), bytes((_DLE, _DLE)))
        self._last = bytes((_DLE, _STX)) + body + bytes((_DLE, _ETX)) + _checksum(message)
        return self._on_the_line()

    def _once_more(self) -> bytes:
        self._sent += 1
        return self._on_the_line() if self._last and self._sent < _REPEATS else b""

    def _on_the_line(self) -> bytes:
        damaged = "damaged-frames" in self.active or ("damaged-frame" in self.active and not self._sent)
        if damaged:
            return self._last[:-1] + bytes((self._last[-1] ^ 0x55,))
        return self._last * (2 if "frame-twice" in self.active else 1)

    def _carry_out(self, message: bytes) -> None:
        command = message[:2]
        self.opcodes.append(command.hex())
        if command == _POSITIVE:
            return
        self._waiting.clear()
        if command == _ENQUIRY:
            self._waiting.extend(self._status_answers())
            return
        self.writes.append(command.hex())
        if command == _REGISTRATION:
            terminal = bytes.fromhex("19002952999999490978")
            self._waiting.extend((_message(_POSITIVE), _message(b"\x06\x0f", terminal)))
        else:
            self._waiting.append(_message(b"\x84\x83"))

    def _status_answers(self) -> list[bytes]:
        if "in-payment" in self.active:  # somebody else's payment waits for its till to take note of it
            return [_message(b"\x04\x0f", b"\x27\x00\x29\x52\x99\x99\x99")]
        refusal = next((code for fault, code in REFUSALS.items() if fault in self.active), None)
        if "status-not-supported" in self.active:
            refusal = 0x83
        if refusal is not None:
            return [_message(bytes((0x84, refusal)))]
        answers = [_message(_POSITIVE)]
        if "talkative" in self.active:
            answers += [_message(b"\x04\xff", b"\x0e\x05")] * 2
        if "hangs" in self.active:
            return answers
        abort = next((code for fault, code in ABORTS.items() if fault in self.active), None)
        if abort is not None:
            return [*answers, _message(b"\x06\x1e", bytes((abort,)))]
        return [*answers, _message(b"\x06\x0f", self._status())]

    def _status(self) -> bytes:
        version = b"" if "no-version" in self.active else bytes((0xF0, 0xF0, 0xF0 | len(_VERSION))) + _VERSION
        if "no-status" in self.active:
            return version
        status = next((code for fault, code in STATUS.items() if fault in self.active), 0x00)
        return version + bytes((status,)) + (_device() if "tells-device" in self.active else b"")


def _device() -> bytes:
    inner = b"".join(
        tag + bytes((len(value),)) + value
        for tag, value in ((b"\x1f\x40", _DEVICE_NAME), (b"\x1f\x41", _VERSION), (b"\x1f\x42", _SERIAL))
    )
    container = bytes((0xE4, len(inner))) + inner
    return bytes((0x06, len(container))) + container


def _message(command: bytes, data: bytes = b"") -> bytes:
    return command + bytes((len(data),)) + data


def _checksum(message: bytes) -> bytes:
    crc = 0
    for byte in (*message, _ETX):
        crc ^= byte
        for _ in range(8):
            crc = (crc >> 1) ^ (0x8408 if crc & 1 else 0)
    return crc.to_bytes(2, "little")
