"""One call's way: found in the telephony by its id or phone, then looked up everywhere else."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Protocol

from integrations.phones import normalise
from supportctl.app.sync import Pair, SyncRequest, SyncRun, open_pair
from supportctl.app.sync_window import window as parse_window
from supportctl.core.call import Call, Rejected
from supportctl.core.clock import Clock, SystemClock
from supportctl.core.failure import ServiceError
from supportctl.core.text import clean
from supportctl.report.sync.trace import Told, Trace, TraceReport

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from integrations.crm.reader import CrmCall
    from integrations.sync.model import Window
    from integrations.telephony.source import Progress
    from supportctl.core.deadline import Deadline

_MOST = 20  # of one phone's calls, the newest
_SHORTEST_PHONE = 3  # digits


class Ledger(Protocol):
    """What knows of calls that were resent. None is plugged in where nothing was ever resent."""

    def history(self, source: str, call_id: str) -> Sequence[Told]:
        """Return what was done for a call, oldest first."""


class NotificationLog(Protocol):
    """A source of calls that also knows which of its notifications reached the CRM."""

    def notifications(self, call: Call, deadline: Deadline) -> Sequence[Told]:
        """Return what the telephony told others of a call."""


def run_trace(
    query: str,
    request: SyncRequest,
    *,
    clock: Clock | None = None,
    ledger: Ledger | None = None,
    on_progress: Callable[[str, str, Progress], None] | None = None,
) -> TraceReport:
    """Return the way of the call with this id, or of the calls with this phone.

    Raises:
        UsageError: as `run_sync`.
    """
    clock = clock or SystemClock()
    started_at, started = clock.now(), clock.monotonic()
    pair = open_pair(request, clock)
    window = parse_window(request.since, request.until, started_at, pair.zone)
    run = SyncRun(request, pair, window, on_progress)
    tracer = _Tracer(clean(query), pair, window, run)
    run.read_employees()
    traces = tracer.traces(ledger)
    return TraceReport(clean(query), traces, run.report(started_at, clock.monotonic() - started))


class _Tracer:
    def __init__(self, query: str, pair: Pair, window: Window, run: SyncRun) -> None:
        self._query = query
        self._pair = pair
        self._window = window
        self._run = run
        phone = normalise(query, pair.config.site.phone_region)
        self._phone = phone if sum(letter.isdigit() for letter in phone) >= _SHORTEST_PHONE else ""

    def traces(self, ledger: Ledger | None) -> list[Trace]:
        calls = self._calls()
        if not calls:
            return [Trace(None, [record]) for record in self._records_alone()]
        found = self._in_crm(calls)
        source = self._pair.source.name
        return [
            Trace(
                call,
                found.get(call.call_id, []),
                self._notifications(call),
                ledger.history(source, call.call_id) if ledger is not None else None,
            )
            for call in calls
        ]

    def _calls(self) -> list[Call]:
        found: list[Call] = []
        pair = self._pair
        told = self._run.tell("source", pair.source.name)
        stream = pair.calls.calls(self._window.since, self._window.until, pair.deadline, told)
        try:
            with closing(stream) as calls:  # type: ignore[type-var]  # a generator, as the protocol asks for
                for call in calls:
                    if isinstance(call, Rejected):
                        continue
                    if call.call_id == self._query:
                        return [call]
                    if self._phone and call.contact_phone == self._phone:
                        found.append(call)
        except ServiceError as error:
            self._run.fail(pair.source, error)
        return sorted(found, key=lambda call: call.started_at, reverse=True)[:_MOST]

    def _in_crm(self, calls: Sequence[Call]) -> dict[str, list[CrmCall]]:
        try:
            return self._pair.records.find(calls, self._pair.deadline)
        except ServiceError as error:
            self._run.fail(self._pair.crm, error)
            return {}

    def _records_alone(self) -> list[CrmCall]:
        """Return what the CRM has of a call that the telephony does not know."""
        pair = self._pair
        found: list[CrmCall] = []
        told = self._run.tell("crm", pair.crm.name)
        try:
            for record in pair.records.records(self._window.since, self._window.until, pair.deadline, told):
                if isinstance(record, Rejected):
                    continue
                ids = {record.external_id, record.record_id}
                if self._query in ids or (self._phone and record.phone == self._phone):
                    found.append(record)
        except ServiceError as error:
            self._run.fail(pair.crm, error)
        return found[-_MOST:]

    def _notifications(self, call: Call) -> Sequence[Told] | None:
        look = getattr(self._pair.calls, "notifications", None)
        if look is None:
            return None
        try:
            entries = look(call, self._pair.deadline)
        except ServiceError:
            return None  # reading the log is a right of its own
        return None if entries is None else [Told(*entry) for entry in entries]
