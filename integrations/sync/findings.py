"""A comparison in findings: one for each kind of gap, one for the clocks, one for each thing that is well."""

from __future__ import annotations

from typing import TYPE_CHECKING

from supportctl.core.finding import Finding, Status, clean_args

if TYPE_CHECKING:
    from collections.abc import Iterator

    from integrations.sync.model import ClockReading, SyncResult

CLOCKS_AGREE_S = 30  # a smaller difference is how long it takes to write a call down
_STATUS = {
    "sync.call-missing": Status.FAULT,
    "sync.recording-missing": Status.FAULT,
    "sync.recording-broken": Status.WARNING,
    "sync.duplicate-call": Status.WARNING,
    "sync.wrong-employee": Status.WARNING,
    "sync.no-contact": Status.WARNING,
    "sync.delivered-late": Status.WARNING,
    "sync.phantom-call": Status.WARNING,
    "sync.ambiguous": Status.UNKNOWN,
}
# question -> the gaps that it asks for
_QUESTIONS = {
    "sync.calls": ("sync.call-missing", "sync.ambiguous"),
    "sync.recordings": ("sync.recording-missing", "sync.recording-broken"),
    "sync.employees": ("sync.wrong-employee",),
    "sync.contacts": ("sync.no-contact",),
    "sync.records": ("sync.duplicate-call", "sync.phantom-call"),
    "sync.delivery-time": ("sync.delivered-late",),
}


def findings(result: SyncResult, target: str, name: str | None = None) -> Iterator[Finding]:
    """Yield what a comparison says of the CRM `target`, with how many calls each finding is about."""
    counts = result.counts()
    for question, codes in _QUESTIONS.items():
        found = [code for code in codes if code in counts]
        for code in found:
            args = {"count": counts[code], "calls": result.calls}
            yield Finding(code, _STATUS[code], target, name, args)
        if not found and result.calls:
            yield Finding(question, Status.OK, target, name, {"calls": result.calls})
    clocks = clock_finding(result.clock, target, name)
    if clocks is not None:
        yield clocks


def clock_finding(clock: ClockReading, target: str, name: str | None = None) -> Finding | None:
    """Return what is to be said of the clocks; None if too few calls tell."""
    if clock.kind == "unknown":
        return None
    first, last = clock.steps[0], clock.steps[-1]
    if clock.kind == "constant":
        if abs(first.offset_s) < CLOCKS_AGREE_S:
            return Finding("sync.clocks", Status.OK, target, name)
        args = {"offset": offset_text(first.offset_s), "seconds": first.offset_s, "support": clock.support}
        return Finding("sync.clock-offset", Status.WARNING, target, name, clean_args(args))
    said = {"first": offset_text(first.offset_s), "second": offset_text(last.offset_s)}
    if clock.kind == "drift":
        return Finding("sync.clock-drift", Status.WARNING, target, name, clean_args(said))
    since = last.since.isoformat(sep=" ", timespec="minutes")
    return Finding("sync.clock-changed", Status.WARNING, target, name, clean_args({**said, "since": since}))


def offset_text(seconds: int) -> str:
    """Return a difference of clocks as hours, minutes and seconds: `3:00:00`, `-0:01:30`."""
    minutes, rest = divmod(abs(seconds), 60)
    return f"{'-' if seconds < 0 else ''}{minutes // 60}:{minutes % 60:02}:{rest:02}"
