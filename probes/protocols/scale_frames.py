"""What the codecs of scales share: questions that only read, and a reader that cuts a stream into answers."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Final, Generic, Literal, NamedTuple, TypeAlias, TypeVar

if TYPE_CHECKING:
    from collections.abc import Container

E = TypeVar("E")

Damage: TypeAlias = Literal["noise", "checksum", "length"]
NeedMore: TypeAlias = Literal["need more"]
NEED_MORE: NeedMore = "need more"


class ScaleError(Exception):
    """Base of what the codecs of scales raise."""


class LocalProtocolError(ScaleError):
    """We tried to send what may not be sent."""


class RemoteProtocolError(ScaleError):
    """The scale sent bytes that are no answer; they are dropped, the reader goes on behind them.

    `damage` tells noise from a whole frame with a wrong checksum or length.
    """

    def __init__(self, data: bytes, damage: Damage = "noise") -> None:
        super().__init__(f"no answer of a scale ({damage}): {data.hex()}")
        self.data = data
        self.damage: Damage = damage


class ReadRequest(NamedTuple):
    """One question, named as in the vendor's manual."""

    name: str
    data: bytes


def checked(request: ReadRequest, allowed: Container[ReadRequest]) -> bytes:
    """Return the bytes of `request`.

    Raises:
        LocalProtocolError: it is none of `allowed`.
    """
    if request not in allowed:
        raise LocalProtocolError(f"not a read request: {request.name} {request.data.hex()}")
    return request.data


class FrameReader(ABC, Generic[E]):
    """Cuts any pieces of a stream into answers; a subclass knows what an answer looks like."""

    def __init__(self) -> None:
        self._pending = bytearray()

    def feed(self, data: bytes) -> None:
        """Take any piece of the stream."""
        self._pending += data

    def next_event(self) -> E | NeedMore:
        """Return the next answer.

        Raises:
            RemoteProtocolError: bytes that are none; the reader has dropped them, call it again.
        """
        return self._next() if self._pending else NEED_MORE

    @abstractmethod
    def _next(self) -> E | NeedMore:
        """Return what stands at the beginning of `_pending`, which is not empty."""

    def _take(self, count: int) -> bytes:
        taken = bytes(self._pending[:count])
        del self._pending[:count]
        return taken

    def _skip_to(self, starts: bytes) -> None:
        """Drop what comes before the first of the bytes `starts`.

        Raises:
            RemoteProtocolError: something was dropped.
        """
        at = next((i for i, byte in enumerate(self._pending) if byte in starts), len(self._pending))
        if at:
            raise RemoteProtocolError(self._take(at))


def xor(data: bytes) -> int:
    """Return the XOR of all bytes: the checksum of several makers."""
    result = 0
    for byte in data:
        result ^= byte
    return result


_SEVEN_BITS: Final = 0x7F
_ENOUGH = 4  # fewer bytes fit any parity by chance


def without_parity(data: bytes) -> tuple[bytes, str] | None:
    """Return `data` without its top bits, and the parity that they were; None if they are no parity.

    A scale set to seven bits with parity, read with eight bits without, puts its parity where the eighth
    bit is.
    """
    if len(data) < _ENOUGH or all(byte <= _SEVEN_BITS for byte in data):
        return None
    odd = sum(byte.bit_count() & 1 for byte in data)
    if odd == 0:
        parity = "even"
    elif odd == len(data):
        parity = "odd"
    elif all(byte > _SEVEN_BITS for byte in data):
        parity = "mark"
    else:
        return None
    return bytes(byte & _SEVEN_BITS for byte in data), parity
