"""One call's way through telephony, notification log, ledger and CRM, with times, in a few lines."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

from supportctl.core.call import INTERNAL
from supportctl.core.errors import EXIT_FAULT, EXIT_OK, EXIT_UNKNOWN
from supportctl.core.text import clean
from supportctl.report.as_json import finding_document
from supportctl.report.layout import columns
from supportctl.report.presentable import safe
from supportctl.report.sync.words import SyncWords, talk_time

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from integrations.crm.reader import CrmCall
    from supportctl.catalog import Catalog
    from supportctl.core.call import Call
    from supportctl.report.sync.model import SyncReport

SCHEMA = "supportctl.trace/1"


class Told(NamedTuple):
    """One entry of a log: of the telephony's notifications or of the ledger. `ok` is None while open."""

    at: datetime
    what: str
    ok: bool | None
    why: str = ""


class Trace(NamedTuple):
    """One call and what is known of it. `notifications` and `ledger` are None where there is no such log."""

    call: Call | None
    records: Sequence[CrmCall]
    notifications: Sequence[Told] | None = None
    ledger: Sequence[Told] | None = None


class TraceReport(NamedTuple):
    """All calls that a search has found; `report` has the systems, names, problems and the window."""

    query: str
    traces: Sequence[Trace]
    report: SyncReport


def exit_code(found: TraceReport) -> int:
    """Return 0 if every call that was found is in the CRM, 3 if one is not, 5 if none was found."""
    if not found.traces or not found.report.complete:
        return EXIT_UNKNOWN
    missing = any(not t.records and t.call and INTERNAL not in t.call.tags for t in found.traces)
    return EXIT_FAULT if missing else EXIT_OK


def render_json(found: TraceReport, _catalog: Catalog) -> str:
    """Return `supportctl.trace/1`: one JSON document."""
    window = found.report.result.window
    document = {
        "schema": SCHEMA,
        "query": found.query,
        "window": {"since": window.since.isoformat(), "until": window.until.isoformat()},
        "source": {"name": found.report.source.name, "kind": found.report.source.kind},
        "crm": {"name": found.report.crm.name, "kind": found.report.crm.kind},
        "complete": found.report.complete,
        "problems": [finding_document(problem) for problem in found.report.problems],
        "traces": [
            {
                "call": trace.call.document() if trace.call else None,
                "notifications": _log(trace.notifications),
                "ledger": _log(trace.ledger),
                "crm": [record.document() for record in trace.records],
            }
            for trace in found.traces
        ],
    }
    return json.dumps(document, ensure_ascii=False, indent=2) + "\n"


def _log(entries: Sequence[Told] | None) -> list[dict[str, Any]] | None:
    if entries is None:
        return None
    return [{**entry._asdict(), "at": entry.at.isoformat()} for entry in entries]


def render_text(found: TraceReport, catalog: Catalog) -> str:
    """Return the ways as text."""
    page = _Page(found, catalog)
    return "\n".join(safe(line).rstrip() for line in page.lines()) + "\n"


class _Page:
    def __init__(self, found: TraceReport, catalog: Catalog) -> None:
        self._found = found
        self._words = SyncWords(found.report, catalog)
        say = self._words.say
        self._places = {
            "telephony": found.report.source.system,
            "notifications": say("trace-notifications"),
            "ledger": say("trace-ledger"),
            "crm": found.report.crm.system,
        }
        self._wide = max(columns(place) for place in self._places.values())

    def lines(self) -> Iterator[str]:
        """Yield the lines of the page."""
        for problem in self._found.report.problems:
            yield f"{problem.code}  {problem.title}"
            yield from (f"  {remedy.text}" for remedy in problem.remedies[:1])
            yield ""
        if not self._found.traces:
            window = self._found.report.result.window
            since, until = self._words.moment(window.since), self._words.moment(window.until)
            yield self._words.say("trace-nothing", query=self._found.query, since=since, until=until)
        for number, trace in enumerate(self._found.traces):
            if number:
                yield ""
            yield self._heading(trace)
            yield from self._steps(trace)
        yield from self._absent()

    def _heading(self, trace: Trace) -> str:
        words, call = self._words, trace.call
        record = trace.records[0] if trace.records else None
        number = call.contact_phone if call else record.phone if record else ""
        parts = (
            words.direction(call, record, "page-"),
            words.phone(number),
            talk_time(call.duration_s if call else record.duration_s if record else 0),
            words.employee(call, record),
            call.call_id if call else "",
        )
        return "  ".join(part for part in parts if part)

    def _steps(self, trace: Trace) -> Iterator[str]:
        call, say = trace.call, self._words.say
        if call is None:
            yield self._step(None, "telephony", say("trace-unknown-call"))
        else:
            yield self._step(call.started_at, "telephony", self._began(call))
            if call.answered:
                ended = call.started_at + timedelta(seconds=call.duration_s + (call.wait_s or 0))
                recording = say("trace-recording") if call.recording_url else say("trace-no-recording")
                yield self._step(ended, "telephony", say("trace-ended", recording=recording))
        yield from self._log("notifications", trace.notifications)
        yield from self._log("ledger", trace.ledger)
        for record in trace.records:
            yield self._step(record.created_at or record.started_at, "crm", self._record(record))
        if not trace.records:
            internal = call is not None and INTERNAL in call.tags
            yield self._step(None, "crm", say("trace-internal") if internal else say("trace-not-there"))

    def _began(self, call: Call) -> str:
        say, employee = self._words.say, self._words.employee(call, None)
        if call.answered:
            return say("trace-answered", employee=employee, wait=call.wait_s or 0)
        return say("trace-unanswered", wait=call.wait_s or 0)

    def _record(self, record: CrmCall) -> str:
        say, words = self._words.say, self._words
        recording = say("trace-recording") if record.recording else say("trace-no-recording")
        return say(
            "trace-record",
            id=clean(record.record_id),
            employee=words.employee(None, record),
            client=words.contact(record) or say("trace-no-client"),
            recording=recording if record.recording is not None else say("trace-recording-untold"),
        )

    def _log(self, place: str, entries: Sequence[Told] | None) -> Iterator[str]:
        if entries is not None and not entries:
            yield self._step(None, place, self._words.say("trace-log-empty"))
        for entry in entries or ():
            state = {True: "trace-ok", False: "trace-failed", None: "trace-open"}[entry.ok]
            # the ledger says in whole sentences what became of it
            said = clean(entry.what)
            said = said if place == "ledger" else f"{said}: {self._words.say(state)}"
            yield self._step(entry.at, place, f"{said} ({clean(entry.why)})" if entry.why else said)

    def _absent(self) -> Iterator[str]:
        """Say what could not be looked into, once for all calls."""
        for place in ("notifications", "ledger"):
            if any(getattr(trace, place) is None and trace.call for trace in self._found.traces):
                yield self._step(None, place, self._words.say(f"trace-no-{place}"))

    def _step(self, at: datetime | None, place: str, text: str) -> str:
        when = self._words.moment(at, f"{self._words.day_form} %H:%M:%S") if at else "–" + " " * 18
        name = self._places[place]
        return f"  {when}  {name}{' ' * (self._wide - columns(name))}  {text}"
