"""What a ZVT terminal answers to the status enquiry: status byte, software version, name, serial number.

Source: devices.md section 6. The completion 06 0F holds, in this order: the version as
LLLVAR (three bytes F0 to F9, one decimal digit each, then as many characters), one status byte, then fields
by their number (BMP), of which 06 is a TLV container: E4 with 1F40 (device name), 1F41 (software) and 1F42
(serial number).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from probes.protocols.zvt import COMPLETION, RemoteProtocolError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from probes.protocols.zvt import Apdu

READY: Final = 0x00
_DIGIT_MARK = 0xF0
_LLL_SIZE = 3
_TLV, _STATUS_BYTE = 0x06, 0x19
_FIELD_SIZES: Final = {_STATUS_BYTE: 1, 0x27: 1, 0x29: 4, 0x49: 2}
_DEVICE, _NAME, _SOFTWARE, _SERIAL = 0xE4, 0x1F40, 0x1F41, 0x1F42


class TerminalStatus(NamedTuple):
    """What the terminal said of itself; None or empty where it said nothing."""

    code: int | None = None
    version: str = ""
    name: str = ""
    serial: str = ""


def read_status(answer: Apdu) -> TerminalStatus:
    """Return what a completion says.

    Raises:
        RemoteProtocolError: it is no completion, or its version is longer than the message.
    """
    if answer.command != COMPLETION:
        raise RemoteProtocolError(answer.raw)
    version, rest = _version(answer)
    if not rest:
        return TerminalStatus(version=version)
    known = dict(_fields(rest[1:]))
    device = dict(_tlv(dict(_tlv(known.get(_TLV, b""))).get(_DEVICE, b"")))
    return TerminalStatus(
        rest[0],
        version or _text(device.get(_SOFTWARE, b"")),
        _text(device.get(_NAME, b"")),
        device.get(_SERIAL, b"").hex(),
    )


def _version(answer: Apdu) -> tuple[str, bytes]:
    head = answer.data[:_LLL_SIZE]
    if len(head) < _LLL_SIZE or any(byte & 0xF0 != _DIGIT_MARK or byte & 0x0F > 9 for byte in head):
        return "", answer.data
    size = int("".join(str(byte & 0x0F) for byte in head))
    text, rest = answer.data[_LLL_SIZE:][:size], answer.data[_LLL_SIZE + size :]
    if len(text) < size:
        raise RemoteProtocolError(answer.raw)
    return _text(text), rest


def _text(data: bytes) -> str:
    return data.decode("latin-1").strip("\0 ")


def _fields(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield the fields whose size is known; one that is not ends the list."""
    while data:
        number, data = data[0], data[1:]
        if number == _TLV:
            size, data = _length(data)
        elif number in _FIELD_SIZES:
            size = _FIELD_SIZES[number]
        else:
            return
        yield number, data[:size]
        data = data[size:]


def _tlv(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield tags (BER, one byte or two) with their values; what is cut off ends the list."""
    while data:
        wide = data[0] & 0x1F == 0x1F
        tag, data = int.from_bytes(data[: 2 if wide else 1], "big"), data[2 if wide else 1 :]
        size, data = _length(data)
        if size > len(data):
            return
        yield tag, data[:size]
        data = data[size:]


def _length(data: bytes) -> tuple[int, bytes]:
    """Return a BER length, and what stands behind it."""
    if not data or data[0] < 0x80:
        return (data[0] if data else 0), data[1:]
    count = data[0] & 0x7F
    return int.from_bytes(data[1 : 1 + count], "big"), data[1 + count :]
