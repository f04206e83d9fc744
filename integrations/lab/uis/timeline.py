"""Rows in the order of their time, with pages that cost nothing however many there are."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from itertools import groupby
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from integrations.lab.uis.selection import Row


class Timeline:
    """Rows by time, "YYYY-MM-DD hh:mm:ss".

    Among rows of the same second the order of a database is not defined: here it changes with every other
    request, so that a reader that trusts it loses calls.
    """

    def __init__(self, field: str) -> None:
        self.field = field
        self._times: list[str] = []
        self._rows: list[Row] = []
        self._requests = 0

    def __len__(self) -> int:
        """Return how many rows there are."""
        return len(self._rows)

    def add(self, row: Row) -> None:
        """Put a row into its place."""
        at = row[self.field]
        place = (
            len(self._times) if not self._times or at >= self._times[-1] else bisect_right(self._times, at)
        )
        self._times.insert(place, at)
        self._rows.insert(place, row)

    def between(self, since: str, until: str) -> tuple[int, int]:
        """Return the places of the rows of `since <= time <= until`."""
        return bisect_left(self._times, since), bisect_right(self._times, until)

    def rows(self, low: int, high: int) -> Iterator[Row]:
        """Yield rows by their places."""
        return iter(self._rows[low:high])

    def page(self, low: int, high: int, offset: int, limit: int, *, last_first: bool = False) -> list[Row]:
        """Return one page of the rows between two places."""
        self._requests += 1
        if last_first:
            first, end = max(high - offset - limit, low), max(high - offset, low)
        else:
            first, end = min(low + offset, high), min(low + offset + limit, high)
        if first >= end:
            return []
        # whole seconds around the page, so that its edges lie in one order of the seconds' rows
        begin = max(bisect_left(self._times, self._times[first]), low)
        stop = min(bisect_right(self._times, self._times[end - 1]), high)
        block = self._rows[begin:stop]
        if self._requests % 2:
            block = [row for _, rows in groupby(block, self._time) for row in reversed(list(rows))]
        found = block[first - begin : end - begin]
        return found[::-1] if last_first else found

    def _time(self, row: Row) -> str:
        return str(row[self.field])
