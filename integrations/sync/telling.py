"""From links to gaps: what is said of each call once it is known whose record is whose."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

from integrations.sync.gaps import NOBODY, GapList
from integrations.sync.model import ClockReading, ClockStep, Settled, SyncResult
from integrations.sync.recordings import candidate
from integrations.sync.rules import NO_RULE, Rules
from integrations.sync.stores import (
    FREE,
    RECORDED,
    RECORDING_THERE,
    REPEATED,
    SECOND,
    UNSURE,
    instant,
    micros,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from integrations.sync.judge import Judge
    from integrations.sync.matching import Matching
    from integrations.sync.model import Window
    from integrations.sync.recordings import Recording, Verdict

_SAMPLE = 20_000


class Frame(NamedTuple):
    """What is judged: times in the stores' microseconds, `settled_by` by the telephony's clock."""

    window: Window
    calls_read: Window
    records_read: Window | None
    unread: tuple[Window, ...]
    settled_by: float
    tolerance: float
    rules: Rules


class Telling:
    """Makes the result of one comparison."""

    def __init__(self, frame: Frame, matching: Matching, judge: Judge) -> None:
        self._frame, self._matching, self._judge = frame, matching, judge
        self._since, self._until = micros(frame.window.since), micros(frame.window.until)
        self._gaps = GapList(matching, judge)
        self._excluded: Counter[str] = Counter()
        self._excluded_records: Counter[str] = Counter()
        self._matched = self._unjudged = self._repeated = self._unverified = 0
        self._edges = (float("-inf"), float("inf"))
        if frame.records_read is not None:
            self._edges = (
                micros(frame.records_read.since) + frame.tolerance,
                micros(frame.records_read.until) - frame.tolerance,
            )

    def result(
        self,
        on_settled: Callable[[Settled], None] | None,
        verify: Callable[[Iterable[Recording]], Iterable[Verdict]] | None,
    ) -> SyncResult:
        """Return the result; see `Comparison.result`."""
        judge, matching, frame = self._judge, self._matching, self._frame
        numbers = self._in_window()
        judge.read_arrivals(self._sample())
        self._judge_calls(numbers)
        self._judge_records()
        if verify is not None:
            self._verify(verify)
        self._gaps.sort()
        if on_settled is not None:
            self._settle(numbers, on_settled)
        clock = matching.clock
        ahead = clock.offsets[-1 if clock.kind == "changed" else 0]
        return SyncResult(
            frame.window,
            len(numbers),
            self._records_in_window(),
            self._matched,
            self._gaps,
            dict(self._excluded),
            int(ahead),
            (*matching.calls.rejected, *matching.records.rejected),
            self._reading(),
            dict(self._excluded_records),
            self._unjudged,
            frame.unread,
            judge.count_unmapped(n for n in numbers if matching.calls.rule[n] == NO_RULE),
            judge.untold_recordings,
            self._repeated,
            self._unverified,
        )

    def _in_window(self) -> list[int]:
        """Return the calls that are judged, oldest first."""
        start, of_call = self._matching.calls.start, self._matching.of_call
        since, until = self._since, self._until
        numbers = []
        before, sorted_so_far = since, True
        for number, at in enumerate(start):
            if since <= at < until:
                if of_call[number] == REPEATED:
                    self._repeated += 1
                    continue
                numbers.append(number)
                sorted_so_far = sorted_so_far and at >= before
                before = at
        if not sorted_so_far:
            numbers.sort(key=start.__getitem__)
        return numbers

    def _sample(self) -> list[tuple[int, int, float]]:
        matching = self._matching
        start, expected = matching.calls.start, matching.expected
        every = range(0, len(start), max(len(start) // _SAMPLE, 1))
        pairs = [(number, matching.of_call[number]) for number in every]
        return [(n, record, expected[n] - start[n]) for n, record in pairs if record >= 0]

    def _judge_calls(self, numbers: list[int]) -> None:
        matching, add = self._matching, self._gaps.add
        for code, number, record in self._judge.gaps(self._settled_pairs(numbers), matching.expected):
            add(code, number, record)

    def _settled_pairs(self, numbers: list[int]) -> Iterator[tuple[int, int]]:
        """Yield the pairs that are judged, and say on the way what becomes of all other calls."""
        of_call, add, settled_by = self._matching.of_call, self._gaps.add, self._frame.settled_by
        end, rules, expected = self._matching.calls.end, self._matching.calls.rule, self._matching.expected
        names, (first, last) = self._frame.rules.names, self._edges
        for number in numbers:
            rule, partner = rules[number], of_call[number]
            if rule != NO_RULE:
                self._excluded[names[rule]] += 1
            elif partner >= 0:
                self._matched += 1
                if end[number] <= settled_by:
                    yield number, partner
            elif end[number] > settled_by or not first <= expected[number] <= last:
                self._unjudged += 1
            else:
                add("sync.ambiguous" if partner == UNSURE else "sync.call-missing", number, NOBODY)

    def _judge_records(self) -> None:
        matching, gaps = self._matching, self._gaps
        calls, records = matching.calls, matching.records
        for record, number in matching.surplus.items():
            if self._since <= calls.start[number] < self._until and calls.rule[number] == NO_RULE:
                gaps.add("sync.duplicate-call", number, record)
        read = self._frame.calls_read
        first, last = micros(read.since) + self._frame.tolerance, micros(read.until) - self._frame.tolerance
        seen: set[str] = set()
        for record in [record for record, number in enumerate(matching.of_record) if number == FREE]:
            at = self._telephony_time(records.start[record])
            young = at + max(records.talk[record], 0) * SECOND > self._frame.settled_by
            if young or not (self._since <= at < self._until and first <= at <= last):
                continue
            rule = self._frame.rules.of_record(records.record(record))
            if rule != NO_RULE:
                self._excluded_records[self._frame.rules.names[rule]] += 1
            elif (name := records.record_id(record)) not in seen:  # else it was read twice
                seen.add(name)
                gaps.add("sync.phantom-call", NOBODY, record)

    def _telephony_time(self, at: float) -> float:
        return self._matching.clock.back(at / SECOND) * SECOND

    def _records_in_window(self) -> int:
        since, until, clock = self._since, self._until, self._matching.clock
        if len(clock.offsets) == 1:
            ahead = clock.offsets[0] * SECOND
            return sum(since <= at - ahead < until for at in self._matching.records.start)
        return sum(since <= self._telephony_time(at) < until for at in self._matching.records.start)

    def _verify(self, verify: Callable[[Iterable[Recording]], Iterable[Verdict]]) -> None:
        for verdict in verify(self._recordings()):
            if verdict.state == "broken":
                self._gaps.add_broken(verdict, self._matching.of_call[verdict.key])
            elif verdict.state == "unverified":
                self._unverified += 1

    def _recordings(self) -> Iterator[Recording]:
        """Yield the recordings of calls that have a record, and are not said to be without one."""
        matching = self._matching
        calls, records = matching.calls, matching.records
        for number in self._in_order_of_file():
            partner = matching.of_call[number]
            theirs = records.flags[partner]
            if calls.flags[number] & RECORDED or theirs & RECORDING_THERE:
                found = candidate(number, calls.call(number), records.record(partner))
                if found is not None:
                    yield found

    def _in_order_of_file(self) -> Iterator[int]:
        matching, lacking = self._matching, self._gaps.by_call()
        start, end = matching.calls.start, matching.calls.end
        for number, partner in enumerate(matching.of_call):
            if (
                partner < 0
                or matching.calls.rule[number] != NO_RULE
                or not (self._since <= start[number] < self._until and end[number] <= self._frame.settled_by)
            ):
                continue
            if "sync.recording-missing" not in lacking.get(number, ()):
                yield number

    def _settle(self, numbers: list[int], on_settled: Callable[[Settled], None]) -> None:
        matching, names = self._matching, self._frame.rules.names
        codes = self._gaps.by_call()
        for number in numbers:
            partner, rule = matching.of_call[number], matching.calls.rule[number]
            found = codes.get(number, ())
            on_settled(
                Settled(
                    matching.calls.call(number),
                    matching.records.record(partner) if partner >= 0 else None,
                    found,
                    names[rule] if rule != NO_RULE else "",
                    judged=partner >= 0 or rule != NO_RULE or bool(found),
                )
            )

    def _reading(self) -> ClockReading:
        clock = self._matching.clock
        first = self._frame.window.since
        zone = first.tzinfo
        steps = tuple(
            ClockStep(
                first if since == float("-inf") else instant(since * SECOND).astimezone(zone), int(ahead)
            )
            for since, ahead in zip(clock.since, clock.offsets, strict=True)
        )
        return ClockReading(clock.kind, steps, clock.support, clock.sample)
