"""HTTP registers of the "cgi" family (Ukraine, Belarus): which pages may be asked, and what they say.

Source: devices.md section 9 (public clients and a stub; no vendor document was at hand). The family has a GET
for everything: printing a report, opening the drawer, setting the clock, adding oneself to the white list. So
`request` makes requests for `READ_PAGES` and for nothing else, without any query.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final, NamedTuple, TypeGuard

from probes.protocols import http1

if TYPE_CHECKING:
    from collections.abc import Mapping

STATE: Final = "/cgi/state"
DEVICE: Final = "/cgi/dev_info"
DOCUMENT: Final = "/cgi/proc/state"
MEMORY_ROOM: Final = "/cgi/proc/getfmroom"
JOURNAL_ROOM: Final = "/cgi/proc/getjrnroom"
SKNO: Final = "/cgi/proc/sknostate"
READ_PAGES: Final = (STATE, DEVICE, DOCUMENT, MEMORY_ROOM, JOURNAL_ROOM, SKNO)
_MAX_TEXT = 400


class CgiError(Exception):
    """Base of what this codec raises."""


class LocalProtocolError(CgiError):
    """We tried to send what may not be sent."""


def request(page: str, host: str, authorization: str | None = None) -> bytes:
    """Return the GET for one of `READ_PAGES`.

    Raises:
        LocalProtocolError: it is none of them, or the header would not stay in its line.
    """
    if page not in READ_PAGES:
        raise LocalProtocolError(f"not a page to read: {page}")
    headers = {"Authorization": authorization} if authorization else http1.NO_HEADERS
    try:
        return http1.request("GET", host, page, headers=headers)
    except http1.HttpError as error:
        raise LocalProtocolError(str(error)) from error


def document(body: bytes) -> object:
    """Return the JSON document in an answer, None if there is none. Registers speak UTF-8 or Windows-1251."""
    for encoding in ("utf-8", "cp1251"):
        try:
            read: object = json.loads(body.decode(encoding))
        except (UnicodeDecodeError, RecursionError):
            continue
        except ValueError:
            return None
        return read
    return None


class Mistake(NamedTuple):
    """One entry of `err`: its number (`xHH`), or only a text."""

    number: int | None
    text: str


def mistakes(read: object) -> tuple[Mistake, ...]:
    """Return what an answer has under `err`: a list of `{"e": ...}`, or one of them alone."""
    told = read.get("err") if is_object(read) else None
    items = told if isinstance(told, list) else [told]
    return tuple(found for item in items if (found := _mistake(item)) is not None)


def _mistake(item: object) -> Mistake | None:
    told = item.get("e") if is_object(item) else item
    if told is None or isinstance(told, bool) or told in ("", 0):
        return None
    if isinstance(told, int):
        return Mistake(told if 0 <= told <= 0xFF else None, str(told)[:_MAX_TEXT])
    text = str(told)[:_MAX_TEXT].strip()
    digits = text[1:] if text[:1] in {"x", "X"} else ""
    is_number = 0 < len(digits) <= 2 and all(digit in "0123456789abcdefABCDEF" for digit in digits)
    return Mistake(int(digits, 16) if is_number else None, text)


class State(NamedTuple):
    """What /cgi/state says; None where it has no such field. `skno`: a number whose meaning is UNVERIFIED."""

    model: str | None
    name: str | None
    serial: str | None
    z_number: int | None
    shift_open: bool | None
    fiscalised: bool | None
    skno: int | None


def state(read: object) -> State | None:
    """Return the state, None if this is no such page: every build of it has a serial number or a model."""
    if not is_object(read) or not ({"serial", "model"} & read.keys()):
        return None
    return State(
        text(read, "model"),
        text(read, "name"),
        text(read, "serial"),
        number(read.get("currZ")),
        flag(read.get("IsWrk")),
        flag(read.get("Fiscalization")),
        number(read.get("SKNOState")),
    )


class Room(NamedTuple):
    """How much a memory holds: entries in all, and entries that are free."""

    total: int
    free: int


def room(read: object) -> Room | None:
    """Return the two numbers of getfmroom or getjrnroom. Their names differ: taken by place (UNVERIFIED)."""
    values = list(read.values()) if is_object(read) else read
    if not isinstance(values, list) or len(values) < 2:
        return None
    total, free = number(values[0]), number(values[1])
    if total is None or free is None or not 0 <= free <= total or not total:
        return None  # not in this order: better nothing than nonsense
    return Room(total, free)


def document_open(read: object) -> bool | None:
    """Return whether a receipt is open: bits 0 and 1 of the first number of /cgi/proc/state (UNVERIFIED)."""
    values = list(read.values()) if is_object(read) else read
    if not isinstance(values, list) or len(values) < 4:
        return None
    bits = number(values[0])
    return None if bits is None or bits < 0 else bool(bits & 0x03)


def is_object(read: object) -> TypeGuard[Mapping[str, object]]:
    """Return whether a document is a JSON object."""
    return isinstance(read, dict)


def text(read: Mapping[str, object], name: str) -> str | None:
    """Return a field as text, None if it is empty or no single value."""
    value = read.get(name)
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    return str(value)[:_MAX_TEXT].strip() or None


def number(value: object) -> int | None:
    """Return a whole number, also one that is written as text."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value if abs(value) < 10**12 else None
    fits = isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= 12
    return int(value) if fits and isinstance(value, str) else None


def flag(value: object) -> bool | None:
    """Return a yes or no, which builds write as true, 1 or "1"."""
    if isinstance(value, bool):
        return value
    told = number(value)
    return None if told is None else bool(told)
