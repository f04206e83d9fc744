"""The rows of the manager's page: one a call, as texts."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from integrations.sync.model import Gap, Settled
from supportctl.core.text import clean
from supportctl.report.presentable import safe
from supportctl.report.sync.words import ARRIVED, EXCLUDED, UNJUDGED, SyncWords, talk_time, web_link

if TYPE_CHECKING:
    from collections.abc import Iterator

    from supportctl.catalog import Catalog
    from supportctl.report.sync.model import SyncReport


class Row(NamedTuple):
    """One call as texts; `states` are "arrived", "excluded" or codes, `mark` is "in", "out" or "missed"."""

    day_key: str
    day: str
    time: str
    way: str
    mark: str
    phone: str
    client: str
    employee: str
    talk: str
    recording: str  # an address, or ""
    recording_note: str
    states: tuple[str, ...]
    note: str
    link: str
    call_id: str
    in_telephony: bool

    @property
    def is_wrong(self) -> bool:
        """Whether somebody should look at it."""
        return any("." in state for state in self.states)


def rows_of(report: SyncReport, catalog: Catalog) -> list[Row]:
    """Return every call, the newest first; a call with several gaps has one row."""
    words = SyncWords(report, catalog)
    by_call: dict[str, list[Gap]] = {}
    alone: list[Gap] = []
    for gap in report.result.gaps:
        if gap.call is None:
            alone.append(gap)
        else:
            by_call.setdefault(gap.call.call_id, []).append(gap)
    found: list[tuple[float, Row]] = []
    for settled in _settled(report, by_call):
        gaps = by_call.get(settled.call.call_id, [])
        found.append((settled.call.started_at.timestamp(), _row(report, words, settled, gaps)))
    found += [(gap.crm.started_at.timestamp(), _phantom(words, gap)) for gap in alone if gap.crm is not None]
    found.sort(key=lambda item: item[0], reverse=True)
    return [row for _, row in found]


def _settled(report: SyncReport, by_call: dict[str, list[Gap]]) -> Iterator[Settled]:
    """Yield what is known of each call; without a word on every call, what the gaps say."""
    if report.settled:
        yield from report.settled
        return
    for gaps in by_call.values():
        call = gaps[0].call
        if call is not None:
            crm = next((gap.crm for gap in gaps if gap.crm), None)
            yield Settled(call, crm, tuple(gap.code for gap in gaps))


def _row(report: SyncReport, words: SyncWords, settled: Settled, gaps: list[Gap]) -> Row:
    call, crm, excluded = settled.call, settled.crm, settled.excluded
    states = tuple(dict.fromkeys(gap.code for gap in gaps))
    note = "; ".join(words.wrong(gap) for gap in gaps)
    if not states:
        states, note = (ARRIVED,), ""
        if excluded:
            states, note = (EXCLUDED,), words.rule(excluded)
        elif crm is None and not settled.judged:
            states = (UNJUDGED,)
    recording = web_link(call.recording_url) or web_link(crm.recording_url if crm else None)
    return Row(
        words.moment(call.started_at, "%Y-%m-%d"),
        words.moment(call.started_at, words.day_form),
        words.moment(call.started_at, "%H:%M:%S"),
        words.direction(call, crm, "page-"),
        call.direction if call.answered else "missed",
        words.phone(call.contact_phone),
        words.contact(crm),
        words.employee(call, crm),
        talk_time(call.duration_s),
        safe(recording) if not report.verified or "sync.recording-broken" not in states else "",
        _recording_note(words, settled),
        states,
        safe(note),
        web_link(crm.link if crm else None),
        clean(call.call_id),
        in_telephony=True,
    )


def _recording_note(words: SyncWords, settled: Settled) -> str:
    """Return where the recording is, for a call that has one."""
    has = bool(settled.call.recording_url)
    if settled.crm is not None and settled.crm.recording:
        return words.say("page-recording-crm")
    if settled.crm is not None and settled.crm.recording is False and has:
        return words.say("page-recording-source")
    return "" if has else words.say("page-recording-none")


def _phantom(words: SyncWords, gap: Gap) -> Row:
    crm = gap.crm
    assert crm is not None, "a phantom is a record of the CRM"
    return Row(
        words.moment(crm.started_at, "%Y-%m-%d"),
        words.moment(crm.started_at, words.day_form),
        words.moment(crm.started_at, "%H:%M:%S"),
        words.direction(None, crm, "page-"),
        crm.direction,
        words.phone(crm.phone),
        words.contact(crm),
        words.employee(None, crm),
        talk_time(crm.duration_s),
        web_link(crm.recording_url),
        words.say("page-recording-crm") if crm.recording else words.say("page-recording-none"),
        (gap.code,),
        safe(words.wrong(gap)),
        web_link(crm.link),
        clean(crm.record_id),
        in_telephony=False,
    )
