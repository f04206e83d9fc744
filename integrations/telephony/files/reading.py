"""Calls from a file: JSON Lines, CSV, a JSON list, or the gaps that `sync check --format json` wrote.

Nothing is assumed of the file: which of them it is, its encoding and its separator are found out. One bad
line costs one call; only what makes the whole file useless is an error.
"""

from __future__ import annotations

import csv
import json
import re
from collections import deque
from typing import TYPE_CHECKING, Any, BinaryIO

from integrations.telephony.files.record import COLUMNS, REQUIRED, CallReader, decode
from integrations.telephony.files.text import MAX_LINE, Line, TextFile
from supportctl.core.call import Call, Rejected
from supportctl.core.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from pathlib import Path

    from integrations.telephony.files.record import Refuse, Rules

GAPS = "supportctl.gaps/"
MAX_DOCUMENT = 512 * 1024 * 1024  # one JSON document is read whole
_SEPARATORS = (",", ";", "\t", "|")
_LONGEST_RECORD = 10  # lines that one quoted field may span
_GAPS_BEGIN = re.compile(r'\s*\{\s*"schema"\s*:\s*"supportctl\.')
_LIST_BEGINS = re.compile(r"\s*\[")
_SEPARATOR_LINE = re.compile(r"sep=([,;|\t])")  # what spreadsheets put before the header


def read_call_file(path: Path, rules: Rules) -> Iterator[Call | Rejected]:
    """Yield the calls of a file, and each line that is none.

    Raises:
        UsageError: the file is not there, cannot be read, or is no list of calls.
    """
    try:
        with path.open("rb") as file:
            yield from read_calls(file, str(path), rules)
    except FileNotFoundError:
        raise UsageError("calls.not-found", found=path) from None
    except IsADirectoryError:
        raise UsageError("calls.folder", found=path) from None
    except OSError as error:
        raise UsageError("calls.unreadable", found=path, reason=error.strerror or error) from None


def read_calls(
    file: BinaryIO,
    name: str,
    rules: Rules,
    refuse: Refuse | None = None,
    on_gaps: Callable[[Mapping[str, Any]], None] | None = None,
) -> Iterator[Call | Rejected]:
    """Yield the calls of an open file; `name` is what an error calls it.

    `refuse` is asked about each sound call. `on_gaps` is given the whole document if it is one of
    `sync check`, before its first call. `Any`: JSON.

    Raises:
        UsageError: it is no list of calls.
    """
    text = TextFile(file, name)
    reader = CallReader(rules, refuse)
    beginning = text.beginning
    if not beginning.strip():
        raise UsageError("calls.empty", found=name)
    first = beginning.lstrip().splitlines()[0].strip()
    if _GAPS_BEGIN.match(beginning) or _LIST_BEGINS.match(beginning) or first == "{":
        yield from _document(text, reader, on_gaps)
    elif first.startswith("{"):
        yield from _json_lines(text.lines(), reader)
    else:
        yield from _csv(text, reader)


def _json_lines(lines: Iterable[Line | Rejected], reader: CallReader) -> Iterator[Call | Rejected]:
    for line in lines:
        if isinstance(line, Rejected):
            yield line
            continue
        number, text = line
        if not text or text.isspace():
            continue
        try:
            record = decode(text)
        except json.JSONDecodeError as error:
            yield Rejected(number, "calls.bad-json", {"column": str(error.colno)})
        except (ValueError, RecursionError):
            yield Rejected(number, "calls.bad-json", {"column": "1"})
        else:
            if isinstance(record, dict):
                yield reader.read(number, record)
            else:
                yield Rejected(number, "calls.no-object", {})


def _document(
    text: TextFile, reader: CallReader, on_gaps: Callable[[Mapping[str, Any]], None] | None
) -> Iterator[Call | Rejected]:
    document = _whole(text)
    if isinstance(document, list):
        for position, record in enumerate(document, 1):
            if isinstance(record, dict):
                yield reader.read(position, record)
            else:
                yield Rejected(position, "calls.no-object", {})
        return
    document = document if isinstance(document, dict) else {}
    schema, gaps = document.get("schema"), document.get("gaps")
    if not isinstance(schema, str) or not schema.startswith(GAPS) or not isinstance(gaps, list):
        raise UsageError("calls.other-document", found=text.name, schema=schema or "-")
    if on_gaps is not None:
        on_gaps(document)
    reader.take_hidden()
    yield from _of_gaps(gaps, reader)


def _of_gaps(gaps: list[Any], reader: CallReader) -> Iterator[Call | Rejected]:
    """Yield the calls that can be sent again; one call may have several gaps."""
    for position, gap in enumerate(gaps, 1):
        if not isinstance(gap, dict):
            yield Rejected(position, "calls.no-object", {})
        elif gap.get("resendable") is True:
            call = gap.get("call")
            if not isinstance(call, dict):
                yield Rejected(position, "calls.no-object", {})
                continue
            found = reader.read(position, call)
            if not (isinstance(found, Rejected) and found.reason == "calls.duplicate"):
                yield found


def _whole(text: TextFile) -> object:
    pieces: list[str] = []
    size = 0
    for line in text.lines(MAX_DOCUMENT):
        if isinstance(line, Rejected):
            raise UsageError("calls.bad-document", found=text.name, line=line.line)
        size += len(line[1])
        if size > MAX_DOCUMENT:
            raise UsageError("calls.too-big", found=text.name, limit=MAX_DOCUMENT // 1024**2)
        pieces.append(line[1])
    try:
        document = decode("\n".join(pieces))
    except json.JSONDecodeError as error:
        raise UsageError("calls.bad-document", found=text.name, line=error.lineno) from None
    except (ValueError, RecursionError):
        raise UsageError("calls.bad-document", found=text.name, line=1) from None
    return document


def _csv(text: TextFile, reader: CallReader) -> Iterator[Call | Rejected]:
    lines = _Lines(text.lines())
    separator, header = _header(lines, text.name)
    width = len(header)
    for line in lines:
        if isinstance(line, Rejected):
            yield line
            continue
        number, written = line
        if not written or written.isspace():
            continue
        row = written.split(separator) if '"' not in written else lines.row(written, separator, width)
        if row is None:
            yield Rejected(number, "calls.bad-quotes", {})
        elif len(row) != width and (len(row) < width or any(row[width:])):
            yield Rejected(number, "calls.bad-row", {"expected": str(width), "found": str(len(row))})
        else:
            yield reader.read(number, dict(zip(header, row, strict=False)))


class _Lines:
    """Lines that can be looked at before they are taken: a quoted field may go on in the next ones."""

    def __init__(self, lines: Iterator[Line | Rejected]) -> None:
        self._lines = lines
        self._ahead: deque[Line | Rejected] = deque()

    def __iter__(self) -> Iterator[Line | Rejected]:
        while True:
            if self._ahead:
                yield self._ahead.popleft()
                continue
            line = next(self._lines, None)
            if line is None:
                return
            yield line

    def row(self, written: str, separator: str, width: int) -> list[str] | None:
        """Return the fields of a line with quotes, and of those that it goes on in; None if none fit."""
        row = _fields(written, separator)
        if row is not None:
            return row
        whole = written
        for place in range(_LONGEST_RECORD - 1):
            following = self._look(place)
            if following is None or len(whole) > MAX_LINE:
                return None
            whole = f"{whole}\n{following}"
            row = _fields(whole, separator)
            if row is not None and len(row) == width:
                for _ in range(place + 1):
                    self._ahead.popleft()
                return [" ".join(field.split("\n")) for field in row]
        return None

    def _look(self, place: int) -> str | None:
        while len(self._ahead) <= place:
            line = next(self._lines, None)
            if line is None:
                return None
            self._ahead.append(line)
        line = self._ahead[place]
        return None if isinstance(line, Rejected) else line[1]


def _fields(text: str, separator: str) -> list[str] | None:
    try:
        rows = list(csv.reader([text], delimiter=separator, strict=True))
    except csv.Error:
        return None
    return rows[0] if len(rows) == 1 else None


def _header(lines: _Lines, name: str) -> tuple[str, list[str]]:
    """Return the separator and the names of the columns.

    Raises:
        UsageError: this is no header, or a column is missing or there twice.
    """
    for line in lines:
        if isinstance(line, Rejected):
            raise UsageError("calls.not-text", found=name)
        written = line[1].strip("\ufeff ")
        if written and not _SEPARATOR_LINE.fullmatch(written):
            break
    else:
        raise UsageError("calls.empty", found=name)
    separator, header = max(
        ((separator, _names(written, separator)) for separator in _SEPARATORS),
        key=lambda pair: (len(COLUMNS & set(pair[1])), len(pair[1])),
    )
    missing = [column for column in REQUIRED if column not in header]
    if missing:
        raise UsageError("calls.missing-columns", columns=", ".join(missing), found=name)
    twice = sorted({column for column in header if column in COLUMNS and header.count(column) > 1})
    if twice:
        raise UsageError("calls.columns-twice", columns=", ".join(twice), found=name)
    return separator, header


def _names(written: str, separator: str) -> list[str]:
    fields = _fields(written, separator) or written.split(separator)
    return [field.strip().strip("\"'").lower() for field in fields]
