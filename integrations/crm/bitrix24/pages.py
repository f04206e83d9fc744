"""All rows of a list, by ascending id: each page asks for what comes after the last id of the one before.

Within a batch a page refers to the one before it (`$result[p0][49][ID]`), so that many pages cost one
request. How many, the portal's own time decides: it cuts a request at 60 s.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from integrations.crm.bitrix24.client import BATCH_MAX, Client, Command
from integrations.crm.bitrix24.rows import row_id
from supportctl.core.failure import Failure, ServiceError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from supportctl.core.deadline import Deadline

STATISTICS = "voximplant.statistic.get"
PAGE = 50
MOST_PAGES = 100_000
_FIRST_PAGES = 8
_TARGET_S = 20.0
_TRANSIENT = frozenset({Failure.RETRY, Failure.WAIT})


class Pages:
    """The rows of `voximplant.statistic.get` that match a filter.

    Iterating yields lists of rows: all pages that one request brought. `total` is what the portal counted at
    the beginning, None if it did not. `most` is how many pages one request may bring.
    """

    def __init__(
        self, client: Client, wanted: Mapping[str, Any], deadline: Deadline, most: int = BATCH_MAX
    ) -> None:
        self.total: int | None = None
        self.pages = 0
        self._client = client
        self._wanted = wanted
        self._deadline = deadline
        self._most = max(1, min(most, BATCH_MAX))
        self._width = min(_FIRST_PAGES, self._most)
        self._last = 0
        self._ended = False

    def __iter__(self) -> Iterator[list[Any]]:
        """Yield rows.

        Raises:
            ServiceError: the portal refuses or cannot be reached, or goes round in circles.
        """
        answer = self._client.call(STATISTICS, self._params(self._last), self._deadline)
        self.total = answer.total
        yield self._take(answer.result)
        while not self._ended:
            width = self._planned()
            rows = self._several(width) if width > 1 else []
            yield rows if rows or self._ended else self._one()

    def _planned(self) -> int:
        """Return how many pages to ask for now: none that is known to be empty."""
        if self.total is None:
            return self._width
        left = -(-(self.total - self.pages * PAGE) // PAGE)
        return max(1, min(self._width, left))

    def _one(self) -> list[Any]:
        params = {**self._params(self._last), "start": -1}  # counted once is enough
        return self._take(self._client.call(STATISTICS, params, self._deadline).result)

    def _several(self, width: int) -> list[Any]:
        """Return the rows of some pages; none at all if the portal does not do batches now."""
        commands = {f"p{number}": Command(STATISTICS, self._chained(number)) for number in range(width)}
        try:
            batch = self._client.batch(commands, self._deadline)
        except ServiceError as error:
            if error.failure is not Failure.DATA:
                raise
            self._most = self._width = 1
            return []
        found: list[Any] = []
        for name in commands:
            answer = batch.answers.get(name)
            if answer is None or not self._follows(answer.result):
                failed = batch.errors.get(name)
                if failed is not None and failed.failure not in _TRANSIENT:
                    raise failed
                self._width = 1  # the next page alone; then carefully more again
                return found
            found += self._take(answer.result)
            if self._ended:
                break
        self._widen(width, batch.seconds)
        return found

    def _widen(self, width: int, seconds: float) -> None:
        fits = int(width * _TARGET_S / seconds) if seconds > 0 else BATCH_MAX
        self._width = max(1, min(fits, max(width, self._width) * 2, self._most))

    def _chained(self, number: int) -> dict[str, Any]:
        after: Any = f"$result[p{number - 1}][{PAGE - 1}][ID]" if number else self._last
        return {**self._params(after), "start": -1}

    def _params(self, after: Any) -> dict[str, Any]:
        return {"FILTER": {**self._wanted, ">ID": after}, "SORT": "ID", "ORDER": "ASC"}

    def _follows(self, rows: Any) -> bool:
        """Return whether a page comes after the last one, as it was asked."""
        if not isinstance(rows, list):
            return False
        ids = [number for row in rows if (number := row_id(row)) is not None]
        return bool(ids and min(ids) > self._last) or not rows

    def _take(self, rows: Any) -> list[Any]:
        """Return a page's rows and remember how far the reading is."""
        if not isinstance(rows, list):
            raise ServiceError(Failure.RETRY, "no-list", f"{STATISTICS} gave no list")
        self.pages += 1
        if not self._follows(rows) or self.pages > MOST_PAGES:
            raise ServiceError(Failure.DATA, "paging", f"page {self.pages} does not follow id {self._last}")
        self._last = max([self._last, *(number for row in rows if (number := row_id(row)) is not None)])
        self._ended = len(rows) < PAGE
        if len(rows) >= PAGE and self._width == 1 and self._most > 1:
            self._width = 2
        return rows
