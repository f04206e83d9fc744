"""Compares the calls of the telephony with what the CRM has: the way in.

    with Comparison(window, settings, now, employees=reader.employees(deadline)) as comparison:
        comparison.take_calls(source.calls(...))
        comparison.take_records(reader.records(...))
        for stretch in comparison.unread():  # the clocks differ: the records lie elsewhere
            comparison.take_records(reader.records(stretch.since, stretch.until, ...), stretch)
        result = comparison.result()

Streams go in; a million calls on each side stay below some hundred megabytes. The result's gaps are read from
a temporary file as long as the comparison is open.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Self

from integrations.sync.judge import Judge
from integrations.sync.matching import Matching
from integrations.sync.model import SyncResult, Window
from integrations.sync.rules import Rules
from integrations.sync.stores import SECOND, CallStore, PhoneKeys, RecordStore, micros
from integrations.sync.telling import Frame, Telling

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from datetime import datetime

    from integrations.crm.reader import CrmCall, Employee
    from integrations.sync.clock import Clock
    from integrations.sync.model import Settled
    from integrations.sync.recordings import Recording, Verdict
    from supportctl.core.call import Call, Rejected
    from supportctl.core.sync_settings import SyncSettings

_MARGIN = timedelta(minutes=15)


def reading_window(window: Window, settings: SyncSettings) -> Window:
    """Return what to read on both sides: the window and a margin, so that nothing is cut off at its edges."""
    margin = max(timedelta(seconds=settings.tolerance), _MARGIN)
    return Window(window.since - margin, window.until + margin)


class Comparison:
    """One comparison. `window` is judged; `now` is by the telephony's clock.

    `calls_read` and `records_read` are what was asked of both sides, each by its own clock: a call whose
    record may lie outside of it is not called missing, and the other way round. Without `records_read` the
    records are all that there are; without `calls_read` the calls are those of the window.
    """

    def __init__(
        self,
        window: Window,
        settings: SyncSettings,
        now: datetime,
        *,
        employees: Iterable[Employee] = (),
        calls_read: Window | None = None,
        records_read: Window | None = None,
    ) -> None:
        self.window = window
        self._settings, self._employees = settings, tuple(employees)
        self._calls_read, self._records_read = calls_read or window, records_read
        self._settled_by = micros(now) - settings.settle * SECOND
        self._tolerance = settings.tolerance * SECOND
        self._rules = Rules(settings.exclude)
        phones = PhoneKeys()
        self._calls = CallStore(self._rules, phones)
        self._records = RecordStore(phones)

    def __enter__(self) -> Self:
        """Return the comparison."""
        return self

    def __exit__(self, *exc: object) -> None:
        """Remove the temporary files."""
        self.close()

    def close(self) -> None:
        """Remove the temporary files; gaps cannot be looked at any more."""
        self._calls.close()
        self._records.close()

    def take_calls(self, calls: Iterable[Call | Rejected]) -> None:
        """Take calls of the telephony, in any order."""
        self._calls.take(calls)

    def take_records(self, records: Iterable[CrmCall | Rejected], stretch: Window | None = None) -> None:
        """Take records of the CRM, in any order; `stretch` is the one of `unread` that they are from."""
        self._records.take(records)
        read = self._records_read
        if read is not None and stretch is not None:
            self._records_read = Window(min(read.since, stretch.since), max(read.until, stretch.until))

    def unread(self) -> tuple[Window, ...]:
        """Return the stretches of the CRM's time that must be read, too, since the clocks differ."""
        if self._records_read is None:
            return ()
        matching = self._matching(self._judge())
        return self._unread(matching.read_clock())

    def result(
        self,
        *,
        on_settled: Callable[[Settled], None] | None = None,
        verify: Callable[[Iterable[Recording]], Iterable[Verdict]] | None = None,
    ) -> SyncResult:
        """Compare, and return what was found; can be called once.

        `on_settled` is told of every call of the window, oldest first. `verify` looks at the recordings
        (`integrations.sync.recordings`).
        """
        judge = self._judge()
        matching = self._matching(judge)
        clock = matching.read_clock()
        matching.match()
        frame = Frame(
            self.window,
            self._calls_read,
            self._records_read,
            self._unread(clock),
            self._settled_by,
            self._tolerance,
            self._rules,
        )
        return Telling(frame, matching, judge).result(on_settled, verify)

    def _judge(self) -> Judge:
        return Judge(self._calls, self._records, self._settings, self._employees)

    def _matching(self, judge: Judge) -> Matching:
        return Matching(self._calls, self._records, self._settings.tolerance, judge.cost)

    def _unread(self, clock: Clock) -> tuple[Window, ...]:
        read = self._records_read
        if read is None:
            return ()
        margin = timedelta(seconds=self._settings.tolerance)
        since = self.window.since + timedelta(seconds=min(clock.offsets)) - margin
        until = self.window.until + timedelta(seconds=max(clock.offsets)) + margin
        found = []
        if since < read.since:
            found.append(Window(since, read.since))
        if until > read.until:
            found.append(Window(read.until, until))
        return tuple(found)


def compare(
    calls: Iterable[Call | Rejected],
    records: Iterable[CrmCall | Rejected],
    window: Window,
    settings: SyncSettings,
    now: datetime,
    *,
    employees: Iterable[Employee] = (),
    on_settled: Callable[[Settled], None] | None = None,
) -> SyncResult:
    """Compare two streams that are read once; the gaps of the result are whole and need no file."""
    with Comparison(window, settings, now, employees=employees) as comparison:
        comparison.take_calls(calls)
        comparison.take_records(records)
        result = comparison.result(on_settled=on_settled)
        return result._replace(gaps=tuple(result.gaps))
