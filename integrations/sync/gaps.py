"""A list of gaps that keeps numbers, and makes each gap when it is looked at."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from typing import TYPE_CHECKING, overload

from integrations.sync.model import GAP_CODES, Gap
from integrations.sync.stores import SECOND, instant

if TYPE_CHECKING:
    from collections.abc import Iterator

    from integrations.sync.judge import Judge
    from integrations.sync.matching import Matching
    from integrations.sync.recordings import Verdict
    from supportctl.core.finding import Arg

NOBODY = -1
_NUMBERS = {code: number for number, code in enumerate(GAP_CODES)}


class GapList(Sequence[Gap]):
    """All gaps, oldest first: those of calls in the order in which they were added, then the phantoms."""

    def __init__(self, matching: Matching, judge: Judge) -> None:
        self._matching, self._judge = matching, judge
        self._codes, self._calls, self._records = array("B"), array("i"), array("i")
        self._verdicts: dict[int, Verdict] = {}

    def add(self, code: str, call: int, record: int) -> None:
        """Add a gap by the numbers of its call and its record."""
        self._codes.append(_NUMBERS[code])
        self._calls.append(call)
        self._records.append(record)

    def add_broken(self, verdict: Verdict, record: int) -> None:
        """Add a recording that cannot be played."""
        self._verdicts[verdict.key] = verdict
        self.add("sync.recording-broken", verdict.key, record)

    def sort(self) -> None:
        """Sort by the time of the call, or of the record where there is no call."""
        starts, theirs = self._matching.calls.start, self._matching.records.start
        order = sorted(
            range(len(self._codes)),
            key=lambda place: (
                starts[self._calls[place]] if self._calls[place] != NOBODY else theirs[self._records[place]],
                self._codes[place],
            ),
        )
        self._codes = array("B", [self._codes[place] for place in order])
        self._calls = array("i", [self._calls[place] for place in order])
        self._records = array("i", [self._records[place] for place in order])

    def counts(self) -> dict[str, int]:
        """Return how many gaps of each code there are; codes without a gap are left out."""
        counted = {code: self._codes.count(number) for code, number in _NUMBERS.items()}
        return {code: count for code, count in counted.items() if count}

    def by_call(self) -> dict[int, tuple[str, ...]]:
        """Return the codes of each call that has gaps, by the call's number."""
        found: dict[int, tuple[str, ...]] = {}
        for code, call in zip(self._codes, self._calls, strict=True):
            if call != NOBODY:
                found[call] = (*found.get(call, ()), GAP_CODES[code])
        return found

    def __len__(self) -> int:
        return len(self._codes)

    def __iter__(self) -> Iterator[Gap]:
        return map(self._gap, range(len(self)))

    @overload
    def __getitem__(self, place: int) -> Gap: ...
    @overload
    def __getitem__(self, place: slice) -> tuple[Gap, ...]: ...
    def __getitem__(self, place: int | slice) -> Gap | tuple[Gap, ...]:
        chosen = range(len(self))[place]
        return self._gap(chosen) if isinstance(chosen, int) else tuple(map(self._gap, chosen))

    def _gap(self, place: int) -> Gap:
        code, call, record = GAP_CODES[self._codes[place]], self._calls[place], self._records[place]
        matching = self._matching
        return Gap(
            code,
            matching.calls.call(call) if call != NOBODY else None,
            matching.records.record(record) if record != NOBODY else None,
            self._details(code, call, record),
        )

    def _details(self, code: str, call: int, record: int) -> dict[str, Arg]:
        matching, judge = self._matching, self._judge
        if code == "sync.ambiguous":
            return dict(zip(("calls", "records"), matching.sets[call], strict=True))
        if code == "sync.recording-broken":
            verdict = self._verdicts[call]
            return {"side": verdict.side, "reason": verdict.reason}
        if code == "sync.duplicate-call":
            partner = matching.of_call[call]
            return {"kept": matching.records.record_id(partner)} if partner >= 0 else {}
        if code == "sync.delivered-late":
            ahead = matching.expected[call] - matching.calls.start[call]
            return {"late_s": round(judge.late_by(call, record, ahead) / SECOND)}
        if code == "sync.wrong-employee":
            name = judge.names[matching.calls.employee[call]]
            return {"extension": name, "expected": judge.users[name]}
        missing = code == "sync.call-missing"
        at = instant(matching.expected[call]).isoformat(timespec="seconds") if missing else ""
        return {"expected_at": at} if missing else {}
