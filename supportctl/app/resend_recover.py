"""Finds what was lost in a window by comparing telephony and CRM, and queues it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from supportctl.app.resend_add import MISSING, Enqueued, Judge, Offer, enqueue
from supportctl.app.sync import SyncRequest, run_sync
from supportctl.core.call import Rejected
from supportctl.core.errors import EXIT_UNKNOWN

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from datetime import datetime

    from integrations.sync.model import Gap
    from integrations.telephony.source import Progress
    from supportctl.app.resend_desk import Desk
    from supportctl.core.call import Call
    from supportctl.core.report import ReportedFinding
    from supportctl.report.sync.model import SyncReport


class Found(NamedTuple):
    """What a comparison found in a window. `gaps`: how many of each kind that can be sent again.

    `complete` is False if one side could not be read whole; `problems` say why.
    """

    since: datetime
    until: datetime
    calls: int
    matched: int
    gaps: Mapping[str, int]
    complete: bool
    problems: Sequence[ReportedFinding]


class Recovered(NamedTuple):
    """What was found, and what became of it."""

    found: Found
    enqueued: Enqueued

    @property
    def exit_code(self) -> int:
        """As of `resend add`; 5 if it could not be told what is missing."""
        return self.enqueued.exit_code if self.found.complete else EXIT_UNKNOWN


class Lost(NamedTuple):
    """Where and when calls were lost. `source` need not be named if there is only one."""

    destination: str
    since: str
    until: str | None = None
    source: str | None = None


def recover(
    desk: Desk,
    lost: Lost,
    request: SyncRequest,
    *,
    dry_run: bool,
    on_progress: Callable[[str, str, Progress], None] | None,
    on_found: Callable[[Found], None],
) -> Recovered:
    """Compare, tell `on_found` what is missing, and queue it; `request` has the language and the file.

    Raises:
        UsageError: as `run_sync`; `resend.unknown-destination`.
    """
    desk.check_destination(lost.destination)
    request = request._replace(source=lost.source, crm=lost.destination, since=lost.since, until=lost.until)
    offer = Offer(lost.destination, any_age=True, dry_run=dry_run)
    with run_sync(request, clock=desk.clock, on_progress=on_progress) as report:
        gaps = _resendable(report)
        found = _found(report, gaps)
        on_found(found)
        return Recovered(found, enqueue(desk, offer, _calls(desk, gaps), _surely_missing(gaps)))


def _resendable(report: SyncReport) -> list[Gap]:
    complete = report.complete and not report.interrupted
    return [
        gap
        for gap in report.result.gaps
        if gap.document()["resendable"] and (complete or gap.code != MISSING)
    ]


def _found(report: SyncReport, gaps: Sequence[Gap]) -> Found:
    counts: dict[str, int] = {}
    for gap in gaps:
        counts[gap.code] = counts.get(gap.code, 0) + 1
    result = report.result
    complete = report.complete and not report.interrupted
    return Found(
        result.window.since,
        result.window.until,
        result.calls,
        result.matched,
        counts,
        complete,
        report.problems,
    )


def _calls(desk: Desk, gaps: Iterable[Gap]) -> Iterator[Call | Rejected]:
    """Yield each call once; a call that cannot be delivered has its place in the list instead of a line."""
    judge = Judge(desk, any_age=True)
    had: set[tuple[str, str]] = set()
    for gap in gaps:
        call = gap.call
        if call is None or (call.source, call.call_id) in had:
            continue
        had.add((call.source, call.call_id))
        refused = judge.refuse(call)
        yield Rejected(len(had), *refused) if refused else call


def _surely_missing(gaps: Iterable[Gap]) -> set[tuple[str, str]]:
    found = [(gap.code, (gap.call.source, gap.call.call_id)) for gap in gaps if gap.call]
    return {key for code, key in found if code == MISSING} - {key for code, key in found if code != MISSING}
