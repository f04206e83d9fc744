"""Who belongs to whom among the calls and records of one phone. Pure: times in, links out.

A call and a record fit if the direction does not speak against it and their times lie within the tolerance.
What hangs together by that is one set. In a set

- as many records as calls, all of which can be paired: all calls have arrived; who is whose is the pairing
  that asks for the fewest gaps;
- more records than calls: the same, and what is left over are records without a call;
- fewer records than calls: a call that could change places with one that is left over is ambiguous, and so
  is that one; the others are matched.
"""

from __future__ import annotations

from bisect import bisect_left
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

_ByWay = tuple[list[int], list[int], list[int]]  # by what `record_way` returns
_EXACT = 6  # up to so many calls in a set every pairing is weighed
_EXACT_RECORDS = 8


class Times(NamedTuple):
    """What is known of each call or record: by its number, when (microseconds) and in which direction.

    `call_way` is 1 in, 2 out; `record_way` the same or 0 where the CRM does not tell.
    """

    call_at: Sequence[float]
    record_at: Sequence[float]
    call_way: Callable[[int], int]
    record_way: Callable[[int], int]
    cost: Callable[[int, int], float]  # of a pairing; only compared

    def fits(self, call: int, record: int, tolerance: float) -> bool:
        """Return whether they may be the same."""
        way = self.record_way(record)
        near = abs(self.record_at[record] - self.call_at[call]) <= tolerance
        return near and (way == 0 or way == self.call_way(call))


class Ambiguous(NamedTuple):
    """Calls of which some have no record, and the records that are among them."""

    calls: tuple[int, ...]
    records: tuple[int, ...]


class Links(NamedTuple):
    """What came of a group: pairs, and sets that cannot be told apart."""

    pairs: list[tuple[int, int]]
    ambiguous: list[Ambiguous]


def link_group(
    calls: Sequence[int], records: Sequence[int], times: Times, tolerance: float, tight: float | None
) -> Links:
    """Match the calls and records of one phone; both sorted by time.

    `tight`, where enough pairs have shown it, is how near the times of nearly all pairs are: a set that is
    whole within it, and has nothing else within four times of it, is settled first.
    """
    links = Links([], [])
    for some_calls, some_records in sets(calls, records, times, tolerance):
        if len(some_calls) == 1 == len(some_records):
            if times.fits(some_calls[0], some_records[0], tolerance):
                links.pairs.append((some_calls[0], some_records[0]))
        elif tight is None:
            _link_set(some_calls, some_records, times, tolerance, links)
        else:
            _link_tight(some_calls, some_records, times, tight, links)
            rest = _left(some_calls, some_records, links)
            for few_calls, few_records in sets(*rest, times, tolerance):
                _link_set(few_calls, few_records, times, tolerance, links)
    return links


def _link_tight(
    calls: Sequence[int], records: Sequence[int], times: Times, tight: float, links: Links
) -> None:
    for some_calls, some_records in sets(calls, records, times, 4 * tight):
        if len(some_calls) == len(some_records):
            found = _most(some_calls, some_records, times, tight)
            if len(found) == len(some_calls):
                links.pairs.extend(_best(found, some_calls, some_records, times, tight))


def _left(calls: Sequence[int], records: Sequence[int], links: Links) -> tuple[list[int], list[int]]:
    taken_calls, taken_records = {c for c, _ in links.pairs}, {r for _, r in links.pairs}
    return [c for c in calls if c not in taken_calls], [r for r in records if r not in taken_records]


def sets(
    calls: Sequence[int], records: Sequence[int], times: Times, tolerance: float
) -> Iterator[tuple[list[int], list[int]]]:
    """Yield what hangs together: calls and records that are linked by a chain of near times."""
    low = high = 0
    some: list[int] = []
    first = last = 0
    for call in calls:
        at = times.call_at[call]
        while low < len(records) and times.record_at[records[low]] < at - tolerance:
            low += 1
        high = max(high, low)
        while high < len(records) and times.record_at[records[high]] <= at + tolerance:
            high += 1
        if low == high:
            continue
        if some and low >= last:
            yield some, list(records[first:last])
            some = []
        if not some:
            first = low
        some.append(call)
        last = high
    if some:
        yield some, list(records[first:last])


def _link_set(calls: list[int], records: list[int], times: Times, tolerance: float, links: Links) -> None:
    found = _most(calls, records, times, tolerance)
    if len(found) == len(calls):
        links.pairs.extend(_best(found, calls, records, times, tolerance))
        return
    unsure = _unsure([call for call in calls if call not in found], found, records, times, tolerance)
    if unsure.records:
        links.ambiguous.append(unsure)
    gone = set(unsure.calls)
    sure = {call: record for call, record in found.items() if call not in gone}
    taken = set(unsure.records)
    rest = [record for record in records if record not in taken]
    links.pairs.extend(_best(sure, [call for call in calls if call in sure], rest, times, tolerance))


def _most(calls: Sequence[int], records: Sequence[int], times: Times, tolerance: float) -> dict[int, int]:
    """Return a pairing of as many as can be."""
    found: dict[int, int] = {}
    by_way = _by_way(records, times)
    place = [0, 0, 0]
    for call in calls:
        at = times.call_at[call]
        for way in (
            times.call_way(call),
            0,
        ):  # a record that tells its direction fits fewer calls: it goes first
            some, now = by_way[way], place[way]
            while now < len(some) and times.record_at[some[now]] < at - tolerance:
                now += 1  # too early for every later call, too
            place[way] = now
            if now < len(some) and times.record_at[some[now]] <= at + tolerance:
                found[call] = some[now]
                place[way] = now + 1
                break
    mixed = by_way[0] and (by_way[1] or by_way[2])
    if mixed and len(found) < min(len(calls), len(records)):
        owner = {record: call for call, record in found.items()}
        for call in calls:
            if call not in found:
                _Search(by_way, times, tolerance).mend(call, found, owner)
    return found


def _by_way(records: Sequence[int], times: Times) -> _ByWay:
    sorted_out: _ByWay = ([], [], [])
    for record in records:
        sorted_out[times.record_way(record)].append(record)
    return sorted_out


class _Search:
    """Goes from call to call by the records that they could take; looks at every record once."""

    def __init__(
        self, by_way: tuple[list[int], list[int], list[int]], times: Times, tolerance: float
    ) -> None:
        self._records, self._times, self._tolerance = by_way, times, tolerance
        self._at = [[times.record_at[record] for record in some] for some in by_way]
        self._next = [list(range(len(some) + 1)) for some in by_way]  # the next that was not looked at

    def unseen(self, call: int) -> Iterator[int]:
        """Yield the records that fit a call and were not yielded before."""
        at = self._times.call_at[call]
        for way in (self._times.call_way(call), 0):
            place = bisect_left(self._at[way], at - self._tolerance)
            while (place := self._free(way, place)) < len(self._at[way]):
                if self._at[way][place] > at + self._tolerance:
                    break
                self._next[way][place] = place + 1
                yield self._records[way][place]

    def may_have_one(self, call: int) -> bool:
        """Return whether any record fits a call, looked at before or not."""
        at = self._times.call_at[call]
        for way in (self._times.call_way(call), 0):
            place = bisect_left(self._at[way], at - self._tolerance)
            if place < len(self._at[way]) and self._at[way][place] <= at + self._tolerance:
                return True
        return False

    def _free(self, way: int, place: int) -> int:
        following = self._next[way]
        end = place
        while following[end] != end:
            end = following[end]
        while following[place] != end:
            following[place], place = end, following[place]
        return end

    def mend(self, call: int, found: dict[int, int], owner: dict[int, int]) -> None:
        """Make room for a call if others can move."""
        came_from: dict[int, int] = {}  # record -> the call that would take it
        waiting = [call]
        while waiting:
            asking = waiting.pop()
            for record in self.unseen(asking):
                came_from[record] = asking
                if record not in owner:
                    _shift(record, came_from, found, owner)
                    return
                waiting.append(owner[record])


def _shift(record: int, came_from: dict[int, int], found: dict[int, int], owner: dict[int, int]) -> None:
    taken: int | None = record
    while taken is not None:
        taker = came_from[taken]
        before = found.get(taker)
        found[taker], owner[taken] = taken, taker
        taken = before


def _unsure(
    without: list[int], found: dict[int, int], records: list[int], times: Times, tolerance: float
) -> Ambiguous:
    """Return the calls that could be the one without a record: those reached by changing places."""
    owner = {record: call for call, record in found.items()}
    search = _Search(_by_way(records, times), times, tolerance)
    calls: set[int] = set()
    taken: list[int] = []
    waiting = without.copy()
    while waiting:
        call = waiting.pop()
        for record in search.unseen(call):
            taken.append(record)
            other = owner[record]  # it has one: else there would be a larger pairing
            if other not in calls:
                calls.add(other)
                waiting.append(other)
    # a call that fits no record of the set (the directions differ) changes places with nobody: it is missing
    lost = [call for call in without if search.may_have_one(call)]
    return Ambiguous(tuple(sorted({*calls, *lost})), tuple(sorted(taken)))


def _best(
    found: dict[int, int], calls: Sequence[int], records: Sequence[int], times: Times, tolerance: float
) -> list[tuple[int, int]]:
    """Return the pairing of the same calls that costs least."""
    if len(found) <= 1 and len(records) <= 1:
        return list(found.items())
    if len(calls) <= _EXACT and len(records) <= _EXACT_RECORDS:
        return _cheapest(calls, records, times, tolerance)
    return _swapped(found, times, tolerance)


def _cheapest(
    calls: Sequence[int], records: Sequence[int], times: Times, tolerance: float
) -> list[tuple[int, int]]:
    choices = [
        [(times.cost(call, r), r) for r in records if times.fits(call, r, tolerance)] for call in calls
    ]
    for choice in choices:
        choice.sort(key=lambda pair: pair[0])
    best_cost, best = float("inf"), list[int]()

    def choose(number: int, cost: float, chosen: list[int]) -> None:
        nonlocal best_cost, best
        if cost >= best_cost:
            return
        if number == len(calls):
            best_cost, best = cost, chosen.copy()
            return
        for more, record in choices[number]:
            if record not in chosen:
                chosen.append(record)
                choose(number + 1, cost + more, chosen)
                chosen.pop()

    choose(0, 0.0, [])
    return list(zip(calls, best, strict=True))


def _swapped(found: dict[int, int], times: Times, tolerance: float) -> list[tuple[int, int]]:
    """Return the pairing after neighbours have changed places where that costs less."""
    calls = sorted(found, key=lambda call: times.call_at[call])
    for _ in range(3):
        changed = False
        for one, other in pairwise(calls):
            mine, theirs = found[one], found[other]
            if not (times.fits(one, theirs, tolerance) and times.fits(other, mine, tolerance)):
                continue
            now = times.cost(one, mine) + times.cost(other, theirs)
            if times.cost(one, theirs) + times.cost(other, mine) < now:
                found[one], found[other] = theirs, mine
                changed = True
        if not changed:
            break
    return list(found.items())
