"""Pages of one window of calls from UIS, by start time: none lost and none twice.

Pages are not counted by offset: new calls come in while we read, and among calls of one second the order is
not defined. The last second of a page is read again as the first one of the next page, whole, and yielded
then. When all is read, the count up to there is compared: a long call may have ended meanwhile, before it.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from integrations.telephony.uis.records import FIELDS, TIME, session_id, start_of
from supportctl.core.failure import Failure, ServiceError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from integrations.telephony.uis.client import Answer, UisClient
    from supportctl.core.deadline import Deadline

PAGE = 5000  # of at most 10,000
OFFSET_MAX = 100_000
_PAGES_MAX = 20_000
_ORDER = [{"field": "start_time", "order": "asc"}]
_SECOND = timedelta(seconds=1)


class Window:
    """The calls of at most three months. `total` is how many the system says there are."""

    def __init__(self, client: UisClient, begin: datetime, end: datetime, deadline: Deadline) -> None:
        self.total: int | None = None
        self._client = client
        self._begin, self._end = begin, end
        self._deadline = deadline
        self._seen: set[object] = set()
        self._last = begin  # the second that is read up to
        self._asked = 0

    def pages(self) -> Iterator[list[object]]:
        """Yield pages of rows of this window, each row once."""
        yield from self._pass()
        if self._asked > 1 and self._came_late():
            yield from self._pass()

    def _pass(self) -> Iterator[list[object]]:
        position, offset = _second(self._begin), 0
        while True:
            answer = self._page(position, offset)
            if self.total is None:
                self.total = answer.total
            last = self._in_order(answer.rows, position)
            reached = offset + len(answer.rows)
            more = reached < answer.total if answer.total is not None else len(answer.rows) >= PAGE
            held = last if more and last > position else None  # its second is read again, whole
            ready = [row for row in answer.rows if held is None or start_of(row) != held]
            fresh = [row for row in ready if self._is_new(row)]
            if fresh:
                yield sorted(fresh, key=_place)
            elif more and last == position:
                raise ServiceError(Failure.DATA, "no-progress", f"{reached} of {answer.total} rows")
            if not more:
                return
            # a page within one second: there is no other way than to count
            position, offset = (last, 0) if last > position else (position, reached)
            if offset > OFFSET_MAX:
                raise ServiceError(Failure.DATA, "too-many-in-a-second", position.strftime(TIME))

    def _page(self, position: datetime, offset: int) -> Answer:
        self._asked += 1
        if self._asked > _PAGES_MAX:
            raise ServiceError(Failure.DATA, "endless-pages", str(self._asked))
        return self._client.ask(
            "get.calls_report",
            self._deadline,
            date_from=position.strftime(TIME),
            date_till=self._till(self._end),
            fields=list(FIELDS),
            sort=_ORDER,
            limit=PAGE,
            offset=offset,
        )

    def _came_late(self) -> bool:
        """Return whether calls have come in before the place that was read up to."""
        answer = self._client.ask(
            "get.calls_report",
            self._deadline,
            date_from=_second(self._begin).strftime(TIME),
            date_till=self._last.strftime(TIME),
            fields=["id"],
            limit=1,
        )
        return answer.total is not None and answer.total > len(self._seen)

    def _in_order(self, rows: Sequence[object], position: datetime) -> datetime:
        """Return the last second of a page; the order is what our place in it hangs on."""
        last = position
        for row in rows:
            start = start_of(row)
            if start is None:
                continue
            if start < last:
                raise ServiceError(Failure.DATA, "not-sorted", f"{start} after {last}")
            last = start
        self._last = max(self._last, last)
        return last

    def _is_new(self, row: object) -> bool:
        known = session_id(row)
        key: object = repr(row) if known is None else known
        if key in self._seen:
            return False
        self._seen.add(key)
        start = start_of(row)
        return start is None or self._begin <= start < self._end

    def _till(self, end: datetime) -> str:
        """Return the end as the system is asked: it may or may not count as inside, so we look ourselves."""
        return (_second(end) + (_SECOND if end.microsecond else timedelta(0))).strftime(TIME)


def _place(row: object) -> tuple[datetime, int]:
    return start_of(row) or datetime.min, session_id(row) or 0  # noqa: DTZ901  without a zone, as all of them


def _second(moment: datetime) -> datetime:
    return moment.replace(microsecond=0)
