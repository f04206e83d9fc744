r"""Shtrih-M scales, protocol POS2: the questions that only read, and the state of the weighing channel.

Source: "Протокол работы с весами POS2" 1.2 of the vendor. Frame and dialogue (ENQ, ACK, NAK, LRC) are those
of its registers: probes/protocols/shtrih.py.

    FC             -> FC 00 type ...: 1 are scales, 0 is a register
    3A password(4) -> 3A 00 state(2) weight(4) tare(2) reserved: little endian

The password is four ASCII digits. "0030" as its default is UNVERIFIED, so is the gram as the unit of weight;
error 170 means that the tries are used up: a wrong password is asked once and never guessed.
"""

from __future__ import annotations

from enum import IntFlag
from typing import Final, NamedTuple

from probes.protocols.scale_frames import LocalProtocolError
from probes.protocols.shtrih import RemoteProtocolError
from probes.protocols.shtrih import frame as shtrih_frame

DEFAULT_PASSWORD: Final = "0030"  # noqa: S105  the vendor's documented default
GET_STATE: Final = 0x3A
GET_DEVICE_TYPE: Final = 0xFC
TYPE_SCALES: Final = 1

UNKNOWN_COMMAND, WRONG_PASSWORD, PASSWORD_TRIES_EXHAUSTED = 120, 122, 170
NVRAM_ERROR: Final = 166
CHANNEL_ERRORS: Final = frozenset({184, 185, 186})
STATE_SIZE: Final = 8
TYPE_SIZE: Final = 6
_PASSWORD_SIZE: Final = 4


class Question(NamedTuple):
    """A command that only reads, with its password where it wants one."""

    name: str
    opcode: int
    answer_size: int  # behind the error byte, if that is zero
    password: str | None = None


DEVICE_TYPE: Final = Question("FCh", GET_DEVICE_TYPE, TYPE_SIZE)


def state_question(password: str = DEFAULT_PASSWORD) -> Question:
    """Return the question for the state of the weighing channel."""
    return Question("3Ah", GET_STATE, STATE_SIZE, password)


def encode(question: Question) -> bytes:
    """Return the frame of `question`.

    Raises:
        LocalProtocolError: it is another command, or the password is not four digits.
    """
    if question == DEVICE_TYPE:
        return shtrih_frame(bytes((GET_DEVICE_TYPE,)))
    password = question.password or ""
    if question != state_question(password):
        raise LocalProtocolError(f"not a read command: {question.name} {question.opcode:02x}")
    if len(password) != _PASSWORD_SIZE or not (password.isascii() and password.isdigit()):
        raise LocalProtocolError("a password has four digits")
    return shtrih_frame(bytes((GET_STATE,)) + password.encode("ascii"))


class ChannelState(IntFlag):
    """The state of the weighing channel, bits as in the vendor's document."""

    WEIGHT_FIXED = 0x0001
    AUTO_ZERO_WORKS = 0x0002
    CHANNEL_ON = 0x0004
    TARE_SET = 0x0008
    WEIGHT_STABLE = 0x0010
    AUTO_ZERO_ERROR_AT_POWER_ON = 0x0020
    OVERLOAD = 0x0040
    MEASURING_ERROR = 0x0080
    UNDERLOAD = 0x0100
    ADC_SILENT = 0x0200


_KNOWN_BITS: Final = 0x03FF


class Weighing(NamedTuple):
    """One reading: `weight` and `tare` in grams, as the document's example has them."""

    state: ChannelState
    weight: int
    tare: int


def parse_state(data: bytes) -> Weighing:
    """Return the answer to 3A, from behind its error byte.

    Raises:
        RemoteProtocolError: it is too short.
    """
    if len(data) < STATE_SIZE:
        raise RemoteProtocolError(data, "a state that is too short")
    return Weighing(
        ChannelState(int.from_bytes(data[:2], "little") & _KNOWN_BITS),
        int.from_bytes(data[2:6], "little", signed=True),
        int.from_bytes(data[6:8], "little"),
    )


class DeviceType(NamedTuple):
    """The answer to FC."""

    type: int
    model: int
    name: str


def parse_device_type(data: bytes) -> DeviceType:
    """Return the answer to FC, from behind its error byte.

    Raises:
        RemoteProtocolError: it is too short.
    """
    if len(data) < TYPE_SIZE:
        raise RemoteProtocolError(data, "a device type that is too short")
    return DeviceType(data[0], data[4], data[6:].decode("cp1251", "replace").strip(" \0"))
