"""Shtrih-M registers, standard protocol: the frame, and the commands that only read.

Source: "Протокол ККТ 2.0" and "Протокол ФР, команды ФН" of the vendor, as devices.md section 3 has them.

    02 LEN CMD... LRC      LEN counts CMD and its data; LRC is the XOR of everything from LEN on
    host 05 (ENQ) -> 15 (NAK): idle    06 (ACK): at work, or an answer was never fetched    silence: no link
    host frame -> 06: accepted, 15: damaged on the way (never "bad command"); then the answer's frame
    device frame -> host 06, or 15 and 05 to have it once more

CMD is one byte, or FF and a second one for the commands of the fiscal storage. `encode` makes frames of
`READ_COMMANDS` and of nothing else: no other bytes of a command can leave through this module.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Final, Literal, NamedTuple, TypeAlias

STX: Final = 0x02
FN_PREFIX: Final = 0xFF
LEN_MAX: Final = 0xFF
DEFAULT_PASSWORD: Final = 30  # of the system administrator, as the vendor documents it
PASSWORD_MAX: Final = 99_999_999
_STRAY = b"\xff"  # drivers of two vendors skip it in front of answers on TCP


class ShtrihError(Exception):
    """Base of what this codec raises."""


class LocalProtocolError(ShtrihError):
    """We tried to send what may not be sent."""


class RemoteProtocolError(ShtrihError):
    """The register sent bytes that are no sound frame or no sound answer; `data` are those bytes."""

    def __init__(self, data: bytes, what: str = "no frame of a Shtrih-M register") -> None:
        super().__init__(f"{what}: {data.hex()}")
        self.data = data


class ChecksumError(RemoteProtocolError):
    """A whole frame whose checksum is wrong; it was dropped, ask for it once more."""

    def __init__(self, data: bytes) -> None:
        super().__init__(data, "wrong checksum")


class Command(NamedTuple):
    """One question. `fn`: put to the fiscal storage, so that errors are those of the storage's table."""

    name: str
    code: bytes
    password: bool = True

    @property
    def fn(self) -> bool:
        """Whether it is for the fiscal storage."""
        return self.code[0] == FN_PREFIX


GET_DEVICE_TYPE: Final = Command("FCh", b"\xfc", password=False)
GET_SHORT_STATUS: Final = Command("10h", b"\x10")
GET_STATUS: Final = Command("11h", b"\x11")
FN_GET_STATUS: Final = Command("FF01h", b"\xff\x01")
FN_GET_NUMBER: Final = Command("FF02h", b"\xff\x02")
FN_GET_EXPIRY: Final = Command("FF03h", b"\xff\x03")
FN_GET_VERSION: Final = Command("FF04h", b"\xff\x04")
FN_GET_REGISTRATION: Final = Command("FF09h", b"\xff\x09")
FN_GET_EXCHANGE: Final = Command("FF39h", b"\xff\x39")
FN_GET_UNCONFIRMED: Final = Command("FF3Fh", b"\xff\x3f")
FN_GET_SHIFT: Final = Command("FF40h", b"\xff\x40")

FN_COMMANDS: Final = (
    FN_GET_STATUS,
    FN_GET_NUMBER,
    FN_GET_EXPIRY,
    FN_GET_VERSION,
    FN_GET_REGISTRATION,
    FN_GET_EXCHANGE,
    FN_GET_UNCONFIRMED,
    FN_GET_SHIFT,
)
READ_COMMANDS: Final = frozenset({GET_DEVICE_TYPE, GET_SHORT_STATUS, GET_STATUS, *FN_COMMANDS})


def payload(command: Command, password: int = DEFAULT_PASSWORD) -> bytes:
    """Return command and parameters without a frame; both protocols carry the same.

    Raises:
        LocalProtocolError: the command is not one of `READ_COMMANDS`, or the password cannot be one.
    """
    if command not in READ_COMMANDS:
        raise LocalProtocolError(f"not a read command: {command.name} {command.code.hex()}")
    if not command.password:
        return command.code
    if not 0 <= password <= PASSWORD_MAX:
        raise LocalProtocolError("a password has up to eight digits")
    return command.code + password.to_bytes(4, "little")


def encode(command: Command, password: int = DEFAULT_PASSWORD) -> bytes:
    """Return the frame of `command`.

    Raises:
        LocalProtocolError: as for `payload`.
    """
    return frame(payload(command, password))


def frame(body: bytes) -> bytes:
    """Return `body` with STX, length and checksum; for the device's side: `encode` is the host's."""
    counted = bytes((len(body),)) + body
    return bytes((STX, *counted, lrc(counted)))


def lrc(data: bytes) -> int:
    """Return the XOR of all bytes."""
    result = 0
    for byte in data:
        result ^= byte
    return result


class Control(IntEnum):
    """The bytes outside of frames."""

    ENQ = 0x05
    ACK = 0x06
    NAK = 0x15


ENQ, ACK, NAK = (bytes((byte,)) for byte in Control)


class Frame(NamedTuple):
    """A sound frame: its body, and all its bytes."""

    body: bytes
    raw: bytes


Event: TypeAlias = Control | Frame
NeedMore: TypeAlias = Literal["need more"]
NEED_MORE: NeedMore = "need more"


class Reader:
    """Splits the stream of a register into control bytes and frames."""

    def __init__(self) -> None:
        self._pending = bytearray()

    @property
    def pending(self) -> bytes:
        """The beginning of a frame whose end has not come."""
        return bytes(self._pending)

    def feed(self, data: bytes) -> None:
        """Take any piece of the stream."""
        self._pending += data

    def next_event(self) -> Event | NeedMore:
        """Return the next control byte or frame.

        Raises:
            ChecksumError: a frame with a wrong LRC.
            RemoteProtocolError: bytes that are neither; the reader has dropped them, call it again.
        """
        pending = self._pending
        while pending[:1] == _STRAY:
            del pending[:1]
        if not pending:
            return NEED_MORE
        first = pending[0]
        if first in {Control.ACK, Control.NAK, Control.ENQ}:
            return Control(self._take(1)[0])
        if first != STX:
            raise RemoteProtocolError(self._take(self._noise_length()))
        if len(pending) < 2:
            return NEED_MORE
        length = pending[1]
        if length == 0:
            raise RemoteProtocolError(self._take(2), "a frame without a command")
        if len(pending) < length + 3:
            return NEED_MORE
        raw = self._take(length + 3)
        if lrc(raw[1:-1]) != raw[-1]:
            raise ChecksumError(raw)
        return Frame(raw[2:-1], raw)

    def drop(self) -> bytes:
        """Forget what is pending, and return it: its end will not come any more."""
        return self._take(len(self._pending))

    def _noise_length(self) -> int:
        starts = {STX, *Control}
        return next((at for at, byte in enumerate(self._pending) if byte in starts), len(self._pending))

    def _take(self, count: int) -> bytes:
        taken = bytes(self._pending[:count])
        del self._pending[:count]
        return taken


class Answer(NamedTuple):
    """What a register says to a command. `data` is empty where `error` is not zero."""

    code: bytes
    error: int
    data: bytes


def parse_answer(body: bytes) -> Answer:
    """Return the body of a frame as an answer.

    Raises:
        RemoteProtocolError: it is too short to be one.
    """
    size = 2 if body[:1] == b"\xff" else 1
    if len(body) < size + 1:
        raise RemoteProtocolError(body, "an answer without a result")
    return Answer(body[:size], body[size], body[size + 1 :])
