"""Where a text is in a settings file: INI and JSON, without touching anything around it."""

from __future__ import annotations

import codecs
import json
import re
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

_SPACE = re.compile(r"[ \t\r\n]*")
_SECTION = re.compile(r"[ \t]*\[(?P<name>[^\]\r\n]*)\][ \t]*(?:[;#].*)?")
_KEY = re.compile(r"[ \t]*(?P<key>[^=:;#\[\]\s][^=:\r\n]*?)[ \t]*[=:][ \t]*(?P<value>[^\r\n]*?)[ \t]*")
_COMMENT = re.compile(r"[ \t]+[;#].*")
_MARKS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))
_MAX_DEPTH = 20


class Spot(NamedTuple):
    """Where a value stands in the text, and the value as it is written there (JSON: with its quotes)."""

    start: int
    end: int
    written: str


class NoSpotError(Exception):
    """There is no such value.

    `reason`: `absent` (`near` are the keys that are there), `twice`, `broken`, `no-value` (a list, an object,
    null).
    """

    def __init__(self, reason: str, near: Sequence[str] = ()) -> None:
        super().__init__(reason)
        self.reason = reason
        self.near = tuple(near)


def decoded(data: bytes) -> tuple[str, bytes, str]:
    """Return the text of a file, its byte order mark, and its encoding; encoding it again gives `data`.

    Files of Russian programs without a mark are UTF-8 or Windows-1251.
    """
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            return data[len(mark) :].decode(encoding), mark, encoding
    for encoding in ("utf-8", "cp1251"):
        try:
            return data.decode(encoding), b"", encoding
        except UnicodeDecodeError:
            continue
    return data.decode("latin-1"), b"", "latin-1"


def ini_spot(text: str, path: Sequence[str]) -> Spot:
    """Return where the value of `SECTION, KEY` stands (`KEY` alone: before the first section).

    Raises:
        NoSpotError: it is not there, or there more than once.
    """
    section, key = (path[0], path[1]) if len(path) == 2 else ("", path[0])
    here, found, keys = "", [], []
    at = 0
    for line in text.splitlines(keepends=True):
        body = line.rstrip("\r\n")
        if heading := _SECTION.fullmatch(body):
            here = heading["name"].strip()
        elif (row := _KEY.fullmatch(body)) and here.casefold() == section.casefold():
            keys.append(row["key"])
            if row["key"].casefold() == key.casefold():
                value = _COMMENT.sub("", row["value"])
                found.append(Spot(at + row.start("value"), at + row.start("value") + len(value), value))
        at += len(line)
    if not found:
        raise NoSpotError("absent", keys)
    if len(found) > 1:
        raise NoSpotError("twice")
    return found[0]


def json_spot(text: str, path: Sequence[str]) -> Spot:
    """Return where the value of a path of keys stands; a number names the place in a list, from zero.

    Raises:
        NoSpotError: it is not there, there more than once, no plain value, or the text is no JSON.
    """
    try:
        json.loads(text)
        start = _space(text, 0)
        for part in path[:_MAX_DEPTH]:
            start = _inside(text, start, part)
        value, end = json.JSONDecoder().raw_decode(text, start)
    except (ValueError, RecursionError):
        raise NoSpotError("broken") from None
    if value is None or isinstance(value, (dict, list)):
        raise NoSpotError("no-value")
    return Spot(start, end, text[start:end])


def _inside(text: str, at: int, part: str) -> int:
    """Return where the member `part` of the object or list at `at` begins."""
    opening = text[at]
    if opening not in "{[":
        raise NoSpotError("absent")
    found, keys, index = [], [], 0
    at = _space(text, at + 1)
    while text[at] not in "}]":
        if opening == "{":
            key, at = json.JSONDecoder().raw_decode(text, at)
            at = _space(text, _space(text, at) + 1)
        else:
            key = str(index)
        keys.append(key)
        if key == part:
            found.append(at)
        _value, at = json.JSONDecoder().raw_decode(text, at)
        at = _space(text, at)
        if text[at] == ",":
            at = _space(text, at + 1)
        index += 1
    if not found:
        raise NoSpotError("absent", keys)
    if len(found) > 1:
        raise NoSpotError("twice")
    return found[0]


def _space(text: str, at: int) -> int:
    match = _SPACE.match(text, at)
    return match.end() if match else at


def json_written(old: str, value: str) -> str:
    """Return `value` as JSON of the same type as the value `old` that it replaces.

    Raises:
        ValueError: it is not of that type.
    """
    if old in {"true", "false"}:
        if value not in {"true", "false"}:
            raise ValueError(value)
        return value
    if old.startswith('"'):
        return json.dumps(value, ensure_ascii=False)
    if not re.fullmatch(r"-?(?:0|[1-9]\d*)(?:\.\d+)?", value):
        raise ValueError(value)
    return value
