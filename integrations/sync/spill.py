"""Rows in a temporary file: a million calls do not have to stay in memory in order to be shown again."""

from __future__ import annotations

import json
import marshal
from array import array
from bisect import bisect_right
from functools import lru_cache
from tempfile import TemporaryFile
from typing import IO, Any

ROWS = 64  # in one block: enough to write quickly, few enough to read one row quickly
_IN_MEMORY = 4 * 1024 * 1024  # a shop's day never sees the disk
_BLOCKS_KEPT = 64
_BETWEEN = "\0"
_PLAIN = 2  # marshal's format without references between objects: the quickest


class Spill:
    """Blocks of rows, each block given and stored as columns of plain values.

    marshal is read from our own unnamed file only, within the process that wrote it.
    """

    def __init__(self) -> None:
        self._file: IO[bytes] | None = None
        self._written = 0  # bytes in the file; what follows is in `_tail`
        self._tail = bytearray()
        self._starts = array("Q", [0])
        self._first = array("Q")  # the number of each block's first row
        self._block = lru_cache(_BLOCKS_KEPT)(self._read)
        self._rows = 0
        self._even = True  # all blocks but the last are full

    def close(self) -> None:
        """Forget the rows."""
        self._block.cache_clear()
        if self._file is not None:
            self._file.close()

    def append(self, columns: tuple[Any, ...]) -> None:
        """Store a block of rows, `ROWS` of them if there are so many."""
        packed = tuple(map(_packed, columns))
        try:
            data = marshal.dumps(packed, _PLAIN)
        except ValueError:  # a value that is no plain one: what a system wrote, or a subclass of a text
            data = marshal.dumps(json.loads(json.dumps(packed, default=str)), _PLAIN)
        self._tail += data
        self._starts.append(self._starts[-1] + len(data))
        self._even = self._even and self._rows % ROWS == 0
        self._first.append(self._rows)
        self._rows += len(columns[0])
        if len(self._tail) >= _IN_MEMORY:
            self._write()

    def row(self, number: int) -> list[Any]:
        """Return the values of one row."""
        block = number // ROWS if self._even else bisect_right(self._first, number) - 1
        place = number - self._first[block]
        return [column[place] if len(column) > 1 else column[0] for column in self._block(block)]

    def _write(self) -> None:
        if self._file is None:
            self._file = TemporaryFile()  # noqa: SIM115  lives as long as its rows
        self._file.seek(self._written)
        self._file.write(self._tail)
        self._written += len(self._tail)
        self._tail.clear()

    def _read(self, block: int) -> list[Any]:
        start, end = self._starts[block], self._starts[block + 1]
        if self._file is not None and start < self._written:
            self._file.seek(start)
            data = self._file.read(end - start)
        else:
            data = bytes(self._tail[start - self._written : end - self._written])
        packed = marshal.loads(data)  # noqa: S302  our own file, unnamed
        return [column.split(_BETWEEN) if isinstance(column, str) else column for column in packed]


def _packed(column: Any) -> Any:
    """Return one value for all where they are equal, texts as one text: both are much quicker to write."""
    first = column[0]
    if first == column[-1] and column.count(first) == len(column):
        return (first,)
    if not isinstance(first, str):
        return column
    try:
        text = _BETWEEN.join(column)
    except TypeError:  # not all are texts
        return column
    return text if text.count(_BETWEEN) == len(column) - 1 else column
