"""The framing of Datecs registers, the device's side: takes a host's stream apart, puts answers into frames.

Written from the manuals (devices.md section 9), apart from the codec of the probes: a slip in
one shows in the other.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

_FORGET_S = 0.5  # the rest of a frame that has not come by then will not come


class Command(NamedTuple):
    """A sound frame of the host."""

    seq: int
    code: int
    data: bytes


class Wire:
    """One host's stream; `framing` is "p" or "x"."""

    def __init__(self, framing: str) -> None:
        self._x = framing == "x"
        self._pending = bytearray()
        self._heard_at = 0.0

    def clear(self) -> None:
        """Forget what has come."""
        self._pending.clear()

    def feed(self, data: bytes, now: float) -> Iterator[Command | None]:
        """Yield the commands that are complete by now, None for a frame that is to be refused (NAK)."""
        if now - self._heard_at > _FORGET_S:
            self._pending.clear()
        self._heard_at = now
        self._pending += data
        while True:
            start = self._pending.find(0x01)
            del self._pending[: start if start >= 0 else len(self._pending)]
            if len(self._pending) < (5 if self._x else 2):
                return
            count = self._number(self._pending[1:5]) if self._x else self._pending[1]
            size = -1 if count is None else count - 0x20
            if not (10 if self._x else 4) <= size <= 250:
                del self._pending[0]
                yield None
                continue
            if len(self._pending) < size + 6:
                return
            frame = bytes(self._pending[: size + 6])
            del self._pending[: size + 6]
            yield self._command(frame)

    def frame(self, seq: int, code: int, data: bytes, status: bytes) -> bytes:
        """Return the frame of an answer."""
        tail = data + b"\x04" + status + b"\x05"
        if self._x:
            body = self._four(0x20 + 9 + len(tail)) + bytes((seq,)) + self._four(code) + tail
        else:
            body = bytes((0x20 + 3 + len(tail), seq, code)) + tail
        return b"\x01" + body + self._four(sum(body)) + b"\x03"

    def _command(self, frame: bytes) -> Command | None:
        body, check = frame[1:-5], self._number(frame[-5:-1])
        if frame[-1] != 0x03 or body[-1] != 0x05 or check != sum(body) & 0xFFFF:
            return None
        if not self._x:
            return Command(body[1], body[2], body[3:-1])
        code = self._number(body[5:9])
        return None if code is None else Command(body[4], code, body[9:-1])

    @staticmethod
    def _four(value: int) -> bytes:
        return bytes(
            0x30 + digit for digit in (value >> 12 & 15, value >> 8 & 15, value >> 4 & 15, value & 15)
        )

    @staticmethod
    def _number(four: bytes | bytearray) -> int | None:
        value = 0
        for byte in four:
            if not 0x30 <= byte <= 0x3F:
                return None
            value = value * 16 + byte - 0x30
        return value
