"""IPP messages (RFC 8010, RFC 8011): requests that read, and their answers. pyipp encodes and decodes.

Only operations that read can be built. pyipp is trusted with sound messages only: the frame of an answer is
walked first, because its parser does not look at every length, and lengths are signed to it: a message in
which it loses its step can send it backwards, for ever.
"""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_END_OF_ATTRIBUTES = 0x03
_FIRST_VALUE_TAG = 0x10
_GROUPS = frozenset({0x01, 0x02, 0x04, 0x05})  # those that pyipp knows: operation, job, printer, unsupported
_SIZES = {0x21: 4, 0x22: 1, 0x23: 4, 0x31: 11, 0x32: 9}  # integer, boolean, enum, dateTime, resolution
_WITH_LANGUAGE = frozenset({0x35, 0x36})
_BEGIN_COLLECTION, _END_COLLECTION = 0x34, 0x37
_HEADER = 8


class Operation(IntEnum):
    """The operations that a probe may ask for: all of them only read."""

    GET_JOBS = 0x000A
    GET_PRINTER_ATTRIBUTES = 0x000B
    CUPS_GET_PRINTERS = 0x4002


class Status(IntEnum):
    """The status codes that get an advice of their own; 0x0000 to 0x00ff are success."""

    FORBIDDEN = 0x0401
    NOT_AUTHENTICATED = 0x0402
    NOT_AUTHORIZED = 0x0403
    NOT_FOUND = 0x0406
    SERVICE_UNAVAILABLE = 0x0502
    BUSY = 0x0507


class IppError(ValueError):
    """Bytes that are no IPP answer."""


class Answer(NamedTuple):
    """An answer: its status code, and the attributes of each printer and job by name."""

    status: int
    printers: tuple[Mapping[str, object], ...]
    jobs: tuple[Mapping[str, object], ...]

    @property
    def ok(self) -> bool:
        """Whether the status is one of success."""
        return 0 <= self.status <= 0xFF


def request(
    operation: Operation, uri: str, requested: Sequence[str], *, request_id: int, **attributes: str
) -> bytes:
    """Return a request about `uri` for the attributes `requested`; in IPP 1.1, which every printer knows."""
    from pyipp.enums import IppOperation
    from pyipp.serializer import encode_dict

    named = {name.replace("_", "-"): value for name, value in attributes.items()}
    about = {"printer-uri": uri} if operation is not Operation.CUPS_GET_PRINTERS else {}
    return bytes(
        encode_dict(
            {
                "version": (1, 1),
                "operation": IppOperation(int(operation)),
                "request-id": request_id,
                "operation-attributes-tag": {
                    "attributes-charset": "utf-8",
                    "attributes-natural-language": "en",
                    **about,
                    "requesting-user-name": "supportctl",
                    **named,
                    "requested-attributes": list(requested),
                },
            }
        )
    )


def parse(message: bytes) -> Answer:
    """Return the answer in `message`.

    Raises:
        IppError: it is no IPP answer, or not a whole one.
    """
    from pyipp.parser import parse as pyipp_parse

    _walk(message)
    try:
        parsed = pyipp_parse(message)
    except Exception as error:  # pyipp answers garbage with many kinds of exception
        raise IppError(type(error).__name__) from error
    return Answer(int(parsed["status-code"]), tuple(parsed["printers"]), tuple(parsed["jobs"]))


def _walk(message: bytes) -> None:
    if len(message) <= _HEADER or message[0] not in {1, 2}:
        raise IppError("no IPP version")
    position, depth, group = _HEADER, 0, False
    while position < len(message):
        tag = message[position]
        if tag < _FIRST_VALUE_TAG:
            if depth or group or tag not in {*_GROUPS, _END_OF_ATTRIBUTES}:
                raise IppError("a group where none can be")
            if tag == _END_OF_ATTRIBUTES:
                return
            position, group = position + 1, True
            continue
        _name, position = _part(message, position + 1)
        value, position = _part(message, position)
        if not _fits(tag, value):
            raise IppError("a value of another size than its type has")
        group, depth = False, depth + (tag == _BEGIN_COLLECTION) - (tag == _END_COLLECTION)
        if depth < 0:
            raise IppError("the end of a collection that did not begin")
    raise IppError("no end of attributes")


def _part(message: bytes, position: int) -> tuple[bytes, int]:
    """Return a name or a value with its length in front, and where it ends."""
    length = int.from_bytes(message[position : position + 2], "big")
    end = position + 2 + length
    if length > 0x7FFF or end > len(message):
        raise IppError("a length beyond the message")
    return message[position + 2 : end], end


def _fits(tag: int, value: bytes) -> bool:
    if tag in _WITH_LANGUAGE:
        try:
            _language, end = _part(value, 0)
            return _part(value, end)[1] == len(value)
        except IppError:
            return False
    return len(value) == _SIZES.get(tag, len(value))


def texts(value: object) -> tuple[str, ...]:
    """Return an attribute as texts: absent is none, a set is its members."""
    if value is None:
        return ()
    return tuple(str(item) for item in (value if isinstance(value, list) else [value]))


def number(value: object) -> int | None:
    """Return an attribute as a number, or None when it is absent or no number."""
    return int(value) if isinstance(value, int) else None
