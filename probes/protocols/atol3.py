"""ATOL protocol 3: numbered frames, and a queue of tasks inside them.

Source: devices.md section 4b; the frames in its examples are those of atol4j's tests.

    FE, length & 7F, length >> 7, id, data, CRC-8    the length counts the data only
    CRC-8: polynomial 31, begins with FF, over id and data; behind the id FE is sent as FD EE, FD as FD ED
    id 00 to DF is the host's and comes back in the answer; F0: the device speaks by itself

A task is added (C1), asked for (C3) until its result is there, and acknowledged (C2). C4 throws away the
pending tasks of everybody, the till's included: it cannot be encoded here.
"""

from __future__ import annotations

from enum import IntEnum, IntFlag
from typing import Final, Literal, NamedTuple, TypeAlias

from probes.protocols.atol_answers import (
    DEFAULT_PASSWORD,
    ChecksumError,
    LocalProtocolError,
    ReadRequest,
    RemoteProtocolError,
    command_bytes,
)

PREFIX, STUFF = 0xFE, 0xFD
ASYNC_ID: Final = 0xF0
LAST_ID: Final = 0xDF
DATA_MAX: Final = 4096
EXCHANGE_S: Final = 0.5  # for one exchange of frames
_ESCAPES = {PREFIX: b"\xfd\xee", STUFF: b"\xfd\xed"}
_ESCAPED = {0xEE: PREFIX, 0xED: STUFF}


class TaskFlag(IntFlag):
    """How a task is carried out."""

    NEED_RESULT = 0x01
    IGNORE_ERROR = 0x02  # an error of this task does not stop those that wait behind it
    WAIT_ASYNC_DATA = 0x04


class Command(IntEnum):
    """What may be asked of the queue of tasks. C4 (abort) is left out on purpose."""

    ADD = 0xC1
    ACK = 0xC2
    REQUEST = 0xC3


class State(IntEnum):
    """The first byte of an answer."""

    PENDING = 0xA1
    IN_PROGRESS = 0xA2
    RESULT = 0xA3
    ERROR = 0xA4
    STOPPED = 0xA5
    ASYNC_RESULT = 0xA6
    ASYNC_ERROR = 0xA7
    WAITING = 0xA8
    OVERFLOW = 0xB1
    ALREADY_EXISTS = 0xB2
    NOT_FOUND = 0xB3
    ILLEGAL_VALUE = 0xB4


# An error of ours must not stop the till's tasks behind it: only the abort, which we never send, would start
# the queue again.
READ_TASK: Final = TaskFlag.NEED_RESULT | TaskFlag.IGNORE_ERROR


class Frame(NamedTuple):
    """A sound frame: its id, its data without stuffing, and all its bytes."""

    id: int
    data: bytes
    raw: bytes


NeedMore: TypeAlias = Literal["need more"]
NEED_MORE: NeedMore = "need more"


def add(
    frame_id: int,
    task_id: int,
    request: ReadRequest,
    *,
    flags: TaskFlag = READ_TASK,
    password: str = DEFAULT_PASSWORD,
) -> bytes:
    """Return the frame that puts a question into the queue.

    Raises:
        LocalProtocolError: it is no read request, the password cannot be one, or a number is out of range.
    """
    return _encode(frame_id, Command.ADD, bytes((flags, _task(task_id))) + command_bytes(request, password))


def request_result(frame_id: int, task_id: int) -> bytes:
    """Return the frame that asks for a task's state. Raises: LocalProtocolError."""
    return _encode(frame_id, Command.REQUEST, bytes((_task(task_id),)))


def acknowledge(frame_id: int, task_id: int) -> bytes:
    """Return the frame that takes a task with its result out of the queue. Raises: LocalProtocolError."""
    return _encode(frame_id, Command.ACK, bytes((_task(task_id),)))


def _task(task_id: int) -> int:
    if not 0 <= task_id <= LAST_ID:
        raise LocalProtocolError(f"no number of a task: {task_id}")
    return task_id


def _encode(frame_id: int, command: Command, data: bytes) -> bytes:
    if not 0 <= frame_id <= LAST_ID:
        raise LocalProtocolError(f"no number of a host's frame: {frame_id}")
    return frame(frame_id, bytes((command,)) + data)


def frame(frame_id: int, data: bytes) -> bytes:
    """Return the frame around `data`; for the device's side: `add` and its like are the host's."""
    checked = data + bytes((crc8(bytes((frame_id,)) + data),))
    stuffed = b"".join(_ESCAPES.get(byte, bytes((byte,))) for byte in checked)
    return bytes((PREFIX, len(data) & 0x7F, len(data) >> 7, frame_id)) + stuffed


def crc8(data: bytes) -> int:
    """Return the CRC-8 of `data`: polynomial 31, begins with FF, not reflected."""
    crc = 0xFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = (crc << 1 ^ 0x31) & 0xFF if crc & 0x80 else crc << 1
    return crc


class Reader:
    """Finds the frames in a stream of protocol 3; for either side."""

    def __init__(self) -> None:
        self._pending = bytearray()

    @property
    def in_frame(self) -> bool:
        """Whether the beginning of a frame waits for its end."""
        return bool(self._pending)

    def feed(self, data: bytes) -> None:
        """Take any piece of the stream."""
        self._pending += data

    def next_event(self) -> Frame | NeedMore:
        """Return the next frame.

        Raises:
            ChecksumError: a frame with a wrong checksum, which was dropped.
            RemoteProtocolError: bytes that are none, which were dropped; call it again.
        """
        if not self._pending:
            return NEED_MORE
        start = self._pending.find(PREFIX)
        if start:
            raise RemoteProtocolError(self._take(start if start > 0 else len(self._pending)))
        if len(self._pending) < 4:
            again = self._pending.find(PREFIX, 1)
            if again > 0:
                raise RemoteProtocolError(self._take(again), "a frame that was cut off")
            return NEED_MORE
        low, high, frame_id = self._pending[1:4]
        size = low | high << 7
        if low > 0x7F or size > DATA_MAX or PREFIX in {high, frame_id}:
            raise RemoteProtocolError(self._take(1))
        return self._body(frame_id, size)

    def _body(self, frame_id: int, size: int) -> Frame | NeedMore:
        body, place = bytearray(), 4
        while len(body) <= size:
            if place >= len(self._pending):
                return NEED_MORE
            byte = self._pending[place]
            if byte == PREFIX:  # a new frame begins: this one was cut off
                raise RemoteProtocolError(self._take(place), "a frame that was cut off")
            if byte == STUFF:
                place += 1
                if place >= len(self._pending):
                    return NEED_MORE
                if self._pending[place] not in _ESCAPED:
                    raise RemoteProtocolError(self._take(place), "wrong stuffing")
                byte = _ESCAPED[self._pending[place]]
            body.append(byte)
            place += 1
        raw = self._take(place)
        if crc8(bytes((frame_id, *body[:-1]))) != body[-1]:
            raise ChecksumError(raw)
        return Frame(frame_id, bytes(body[:-1]), raw)

    def _take(self, count: int) -> bytes:
        taken = bytes(self._pending[:count])
        del self._pending[:count]
        return taken
