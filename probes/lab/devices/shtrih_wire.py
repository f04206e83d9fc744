"""How a simulated Shtrih-M register hears and speaks: both protocols, and the faults of a bad line.

Written from the vendor's description, without the codec of the probe, so that neither can hide the other's
mistakes. Which protocol a register speaks is decided by the first byte after power-up.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

_ENQ, _ACK, _NAK, _STX = 0x05, 0x06, 0x15, 0x02
_STX2, _ESC2 = 0x8F, 0x9F
_BYTE_TIMEOUT_S = 1.0  # what began longer ago than this and has no end was never a frame

LINE_FAULTS: Final = frozenset(
    {
        "busy",  # ENQ is answered by 06, and no answer ever comes
        "lost-ack",  # the confirmation of a command gets lost
        "bad-checksum-once",  # of every answer, the first sending is damaged
        "bad-checksum",
        "wrong-length",  # the length byte says more than comes
        "foreign-answer",  # the answers are to another command: two programs talk at once
        "repeated-answer",  # every answer comes twice
        "refuses-frames",  # every command is damaged on its way
        "reboots-once",  # restarts in the middle of the third answer
        "reboots",  # restarts in the middle of every answer
        "wants-enq",  # takes a command only behind an ENQ of its own
        "stray-ff",  # FF in front of answers, as adapters on TCP send it
        "protocol-2",
    }
)


def xor(data: bytes) -> int:
    """Return the longitudinal check of the standard protocol."""
    check = 0
    for byte in data:
        check ^= byte
    return check


def ccitt(data: bytes) -> int:
    """Return the CRC of protocol 2, by the nibble-free formula of the vendor's driver."""
    crc = 0xFFFF
    for byte in data:
        crc = (crc >> 8 | crc << 8) & 0xFFFF
        crc ^= byte
        crc ^= (crc & 0xFF) >> 4
        crc = (crc ^ crc << 12) & 0xFFFF
        crc = (crc ^ (crc & 0xFF) << 5) & 0xFFFF
    return crc


def standard(body: bytes) -> bytes:
    """Return the frame of the standard protocol."""
    counted = bytes((len(body),)) + body
    return bytes((_STX,)) + counted + bytes((xor(counted),))


def numbered(num: int, body: bytes) -> bytes:
    """Return the frame of protocol 2."""
    plain = (len(body) + 2 if body else 0).to_bytes(2, "little") + num.to_bytes(2, "little") + body
    plain += ccitt(plain).to_bytes(2, "little")
    return bytes((_STX2,)) + plain.replace(b"\x9f", b"\x9f\x83").replace(b"\x8f", b"\x9f\x81")


class Line:
    """One line of a register. `execute` is given a command with its parameters and returns the answer."""

    def __init__(self, active: set[str], execute: Callable[[bytes], bytes], heard: list[str]) -> None:
        self._active = active
        self._execute = execute
        self._heard = heard
        self._protocol = 0  # 0: just powered up
        self._pending = bytearray()
        self._since = 0.0
        self._answer = b""  # not fetched yet
        self._num = 0x0004
        self._sent = 0
        self._resending = False
        self._asked = False  # by ENQ, since the last command

    def power_cycle(self) -> None:
        """Forget everything, the protocol included."""
        self._protocol = 0
        self._pending.clear()
        self._answer = b""
        self._resending = False

    def count_anew(self) -> None:
        """Begin to count the answers, of which one is to be cut off by a restart."""
        self._sent = 0

    def receive(self, data: bytes, now: float) -> bytes:
        """Take any piece of the stream; return what the register says to it."""
        if self._pending and now - self._since > _BYTE_TIMEOUT_S:
            self._pending.clear()
        self._since = now
        said = bytearray()
        for byte in data:
            said += self._take(byte)
        return bytes(said)

    def _take(self, byte: int) -> bytes:
        if "protocol-2" in self._active:
            self._protocol = 2
        elif not self._protocol:
            self._protocol = {_ENQ: 1, _STX: 1, _STX2: 2}.get(byte, 0)
        if self._protocol == 1:
            return self._take_standard(byte)
        return self._take_numbered(byte) if self._protocol else b""

    # the standard protocol

    def _take_standard(self, byte: int) -> bytes:
        pending = self._pending
        if not pending and byte != _STX:
            return self._control(byte)
        pending.append(byte)
        if len(pending) < 3 or len(pending) < pending[1] + 3:
            return b""
        frame = bytes(pending)
        pending.clear()
        asked, self._asked = self._asked, False
        if "wants-enq" in self._active and not asked:
            return b""
        if xor(frame[1:-1]) != frame[-1] or "refuses-frames" in self._active:
            return bytes((_NAK,))
        self._answer = self._execute(frame[2:-1])
        self._resending = False
        confirmed = b"" if "lost-ack" in self._active else bytes((_ACK,))
        return confirmed + self._send_standard()

    def _control(self, byte: int) -> bytes:
        if byte == _ACK:
            self._answer = b""
        if byte != _ENQ:
            return b""
        self._heard.append("ENQ")
        self._asked = True
        if "busy" in self._active:
            return bytes((_ACK,))
        if self._answer:
            self._resending = True
            return bytes((_ACK,)) + self._send_standard()
        return bytes((_NAK,))

    def _send_standard(self) -> bytes:
        body = self._answer
        if "foreign-answer" in self._active:
            body = b"\x1b\x00\x1e\x05\x00"  # to "operation register", which another program may have asked
        return self._spoiled(standard(body), length_at=1)

    # protocol 2

    def _take_numbered(self, byte: int) -> bytes:
        if byte == _STX2:
            self._pending.clear()
        elif not self._pending:
            return b""
        self._pending.append(byte)
        if self._pending[-1] == _ESC2:
            return b""
        plain = bytes(self._pending[1:]).replace(b"\x9f\x81", b"\x8f").replace(b"\x9f\x83", b"\x9f")
        if len(plain) < 4 or len(plain) < int.from_bytes(plain[:2], "little") + 4:
            return b""
        self._pending.clear()
        if ccitt(plain[:-2]) != int.from_bytes(plain[-2:], "little") or "refuses-frames" in self._active:
            return b""  # there is no NAK here: the host asks again
        if not plain[0] | plain[1]:
            self._heard.append("SYNC")
            return b"" if "busy" in self._active else numbered(self._num, b"")
        num = int.from_bytes(plain[2:4], "little")
        self._resending = num == self._num and bool(self._answer)
        if not self._resending:
            self._num, self._answer = num, self._execute(plain[4:-2])
        body = b"\x1b\x00\x1e\x05\x00" if "foreign-answer" in self._active else self._answer
        return self._spoiled(numbered(num, body), length_at=1)

    # a bad line

    def _spoiled(self, frame: bytes, *, length_at: int) -> bytes:
        active = self._active
        self._sent += 1
        if "reboots" in active or ("reboots-once" in active and self._sent == 3):
            self.power_cycle()
            return frame[: len(frame) // 2]
        if "bad-checksum" in active or ("bad-checksum-once" in active and not self._resending):
            frame = frame[:-1] + bytes((frame[-1] ^ 0x55,))
        if "wrong-length" in active:
            frame = frame[:length_at] + bytes((frame[length_at] + 4,)) + frame[length_at + 1 :]
        if "stray-ff" in active:
            frame = b"\xff\xff" + frame
        return frame * 2 if "repeated-answer" in active else frame
