"""Records of a CDR file: quoted fields that may hold line breaks, and lines that a crash has torn.

The reading is by lines, so that one stray quote costs one line and not the rest of the file: where a record
does not end, each following line is tried as a record of its own, and the first that is one ends the damage.
"""

from __future__ import annotations

import csv
import gzip
import re
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from supportctl.core.call import Rejected
from supportctl.core.errors import SupportctlError
from supportctl.core.text import clean

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from io import BufferedReader

_LONGEST_LINE = 64 * 1024
_LONGEST_RECORD = 16 * 1024  # Asterisk builds a record in 1 KiB
_MOST_LINES = 32  # of one record
_SHOWN = 60
_ENCODINGS = ("utf-8", "cp1251")  # Asterisk writes what the telephones sent; cp1251 leaves one byte undefined
_ROTATED = re.compile(r"\.(\d{1,3})(?:\.gz)?$")


class Record(NamedTuple):
    """The fields of one record; `line` is its first, counted from 1."""

    line: int
    fields: list[str]
    unfinished: bool = False  # the file ends without a line break: the writer may be in the middle of it


def files_of(pattern: str, folder: Path | None) -> list[Path]:
    """Return the files that a path or a pattern names, oldest first: Master.csv.2.gz, then Master.csv."""
    path = Path(pattern).expanduser()
    path = path if path.is_absolute() or folder is None else folder / path
    if not any(character in path.name for character in "*?["):
        return [path]
    found = [file for file in path.parent.glob(path.name) if file.is_file()]
    return sorted(found, key=_age)


def _age(path: Path) -> tuple[int, int, str]:
    number = _ROTATED.search(path.name)
    if number:
        return 0, -int(number[1]), path.name
    dated = any(character.isdigit() for character in path.name)
    return (1, 0, path.name) if dated else (2, 0, path.name)


def records(
    path: Path, is_record: Callable[[list[str]], bool], last_bytes: int | None = None
) -> Iterator[Record | Rejected]:
    """Yield the records that the file has at this moment; what is appended meanwhile waits for the next time.

    `is_record` says whether fields make a record, for telling where a damaged one ends. Of a plain
    file only the `last_bytes` are read, if they are given; the lines are counted from there.

    Raises:
        SupportctlError: the file is not there, or cannot be read.
    """
    try:
        with _opened(path) as stream:
            size = None if path.suffix == ".gz" else path.stat().st_size
            if size is not None and last_bytes is not None and size > last_bytes:
                stream.seek(size - last_bytes)
                size = last_bytes - len(stream.readline(_LONGEST_LINE))  # the rest of a line is none
            yield from _Assembly(is_record).all(_lines(stream, size))
    except (OSError, EOFError, zlib.error) as error:
        key = "cdr.no-file" if isinstance(error, FileNotFoundError) else "cdr.unreadable-file"
        reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
        raise SupportctlError(key, found=path, reason=reason) from None


def _opened(path: Path) -> gzip.GzipFile | BufferedReader:
    if not path.is_file() and path.exists():
        raise OSError(None, "not a file")
    return gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb")


def _lines(stream: gzip.GzipFile | BufferedReader, size: int | None) -> Iterator[tuple[int, bytes, bool]]:
    """Yield number, text and whether it is too long to be one."""
    number, left = 0, size
    while left is None or left > 0:
        raw = stream.readline(_LONGEST_LINE if left is None else min(_LONGEST_LINE, left))
        if not raw:
            return
        number += 1
        left = None if left is None else left - len(raw)
        too_long = len(raw) == _LONGEST_LINE and not raw.endswith(b"\n")
        rest = raw
        while too_long and rest and not rest.endswith(b"\n"):
            rest = stream.readline(_LONGEST_LINE)
            left = None if left is None else left - len(rest)
        yield number, raw, too_long


def decoded(raw: bytes) -> str:
    """Return a line as text; what no encoding explains is marked."""
    for encoding in _ENCODINGS:
        try:
            return raw.decode(encoding)
        except UnicodeDecodeError:
            continue
    return raw.decode(_ENCODINGS[-1], "replace")


def parse(text: str) -> list[str] | None:
    """Return the fields of a whole record, None if it is none."""
    try:
        rows = list(csv.reader([text], strict=True))
    except csv.Error:
        return None
    return rows[0] if len(rows) == 1 else None


class _Assembly:
    """Puts lines together to records."""

    def __init__(self, is_record: Callable[[list[str]], bool]) -> None:
        self._is_record = is_record
        self._open: list[tuple[int, str]] = []  # the lines of a record that has not ended

    def all(self, lines: Iterator[tuple[int, bytes, bool]]) -> Iterator[Record | Rejected]:
        ended = True
        for number, raw, too_long in lines:
            ended = raw.endswith(b"\n")
            if too_long:
                yield from self._give_up()
                yield Rejected(number, "cdr.long-line", {"found": clean(decoded(raw[:200]), _SHOWN)})
                continue
            text = decoded(raw)
            if number == 1:
                text = text.removeprefix("\ufeff")
            yield from self._add(number, text, ended=ended)
        if ended:  # else the last record is being written at this moment
            yield from self._give_up()

    def _add(self, number: int, text: str, *, ended: bool) -> Iterator[Record | Rejected]:
        if not self._open:
            if text.count('"') % 2:
                self._open = [(number, text)]
            elif text.strip():
                fields = parse(text)
                if fields is not None:
                    yield Record(number, fields, unfinished=not ended)
                elif ended:
                    yield _rejected(number, text)
            return
        alone = parse(text) if text.startswith('"') and not text.count('"') % 2 else None
        if alone is not None and self._is_record(alone):
            yield from self._give_up()
            yield Record(number, alone, unfinished=not ended)
            return
        self._open.append((number, text))
        whole = "".join(line for _, line in self._open)
        if not whole.count('"') % 2:
            fields = parse(whole)
            if fields is not None and self._is_record(fields):
                yield Record(self._open[0][0], fields, unfinished=not ended)
                self._open = []
                return
        if len(self._open) >= _MOST_LINES or len(whole) > _LONGEST_RECORD:
            yield from self._give_up()

    def _give_up(self) -> Iterator[Rejected]:
        lines, self._open = self._open, []
        yield from (_rejected(number, text) for number, text in lines if text.strip())


def _rejected(number: int, text: str) -> Rejected:
    return Rejected(number, "cdr.not-a-record", {"found": clean(text.rstrip("\r\n"), _SHOWN)})
