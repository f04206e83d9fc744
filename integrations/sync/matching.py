"""Which record belongs to which call: by id first, then phone by phone (docs/sync.md).

Works on the columns of the stores. Every call and every record gets at most one partner.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from typing import TYPE_CHECKING

from integrations.sync import samples
from integrations.sync.clock import Clock, read_clock
from integrations.sync.group import Ambiguous, Times, link_group
from integrations.sync.phone_groups import END, Groups, Side
from integrations.sync.rules import NO_RULE
from integrations.sync.stores import DIRECTION_IN, FREE, OUT, REPEATED, SECOND, UNSURE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from integrations.sync.stores import CallStore, RecordStore

_SAME_ID_S = 600.0  # an id is believed without the phone if the times are this near


class Matching:
    """The links between both sides. Fill the stores, then call `read_clock`, then `match`.

    `of_call` and `of_record` hold the partner's number, or FREE, UNSURE (among calls that cannot be told
    apart), REPEATED (listed twice). `surplus` are records of a call that has one already, by the record's
    number. `sets` says, for each unsure call, of how many calls and records its set is.

    `cost` says how little a pairing fits besides its time; more than any difference of times.
    """

    def __init__(
        self, calls: CallStore, records: RecordStore, tolerance_s: float, cost: Callable[[int, int], float]
    ) -> None:
        self.calls, self.records = calls, records
        self.clock = Clock()
        self.of_call = array("i")
        self.of_record = array("i")
        self.surplus: dict[int, int] = {}
        self.sets: dict[int, tuple[int, int]] = {}
        self.expected = calls.start  # each call's time by the CRM's clock
        self._tolerance_s, self._tolerance = tolerance_s, tolerance_s * SECOND
        self._attributes = cost
        self._by_id: dict[int, int] = {}
        self._sharing: dict[int, list[int]] = {}  # id -> its calls, where it has several
        self._residuals = array("d")

    def read_clock(self) -> Clock:
        """Estimate how the clocks differ, from what both stores hold."""
        calls, records = self.calls, self.records
        self.of_call = array("i", [FREE]) * len(calls)
        self.of_record = array("i", [FREE]) * len(records)
        self._index_ids()
        sightings = samples.sightings(calls, records, self._by_id, self._sharing, self.of_call)
        clock = self.clock = read_clock(sightings, self._tolerance_s)
        if clock.kind in {"unknown", "constant"}:
            ahead = clock.offsets[0] * SECOND
            self.expected = array("d", [at + ahead for at in calls.start]) if ahead else calls.start
        else:
            self.expected = array("d", [at + clock.at(at / SECOND) * SECOND for at in calls.start])
        return clock

    def match(self) -> None:
        """Link both sides, once the clock was read."""
        self._match_ids()
        self._match_phones()
        self._place_the_rest()
        self._by_id, self._sharing = {}, {}

    # ---- by id

    def _index_ids(self) -> None:
        ids = self.calls.id
        by_id = self._by_id = dict(zip(ids, range(len(ids)), strict=True))
        self._sharing = {}
        if len(by_id) < len(ids):
            several: dict[int, list[int]] = {}
            for number, key in enumerate(ids):
                if by_id[key] != number:
                    several.setdefault(key, [by_id[key]]).append(number)
            self._sharing = {key: self._without_repeated(some) for key, some in several.items() if key}
        by_id.pop(0, None)  # the hash of an empty text: no id

    def _without_repeated(self, numbers: list[int]) -> list[int]:
        """Mark calls that are listed twice: the same id, phone and time."""
        calls, seen, kept = self.calls, set[tuple[int, float]](), []
        for number in sorted(numbers):
            what = (calls.phone[number], calls.start[number])
            if what in seen:
                self.of_call[number] = REPEATED
            else:
                seen.add(what)
                kept.append(number)
        return kept

    def _match_ids(self) -> None:
        calls, records, expected = self.calls, self.records, self.expected
        of_call, of_record, sharing, get = self.of_call, self.of_record, self._sharing, self._by_id.get
        near = _SAME_ID_S * SECOND + self._tolerance
        contested: dict[int, list[int]] = {}
        shared: dict[int, list[int]] = {}
        residuals = self._residuals
        call_phones = calls.phone
        theirs = zip(records.id, records.start, records.phone, strict=True)
        for record, (key, at, phone) in enumerate(theirs):
            number = get(key)
            if number is None:
                continue
            if key in sharing:
                shared.setdefault(key, []).append(record)
                continue
            apart = at - expected[number]
            if phone != call_phones[number] and not -near <= apart <= near:
                continue  # neither phone nor time agree: the id was used for another call
            other = of_call[number]
            if other == FREE:
                of_call[number], of_record[record] = record, number
                residuals.append(apart)
            else:
                contested.setdefault(number, [other]).append(record)
        for number, some in contested.items():
            self._keep_one(number, some)
        for key, some in shared.items():
            self._match_shared(sharing[key], some, near)

    def _cost(self, number: int, record: int) -> float:
        return self._attributes(number, record) + abs(self.records.start[record] - self.expected[number])

    def _keep_one(self, number: int, some: list[int]) -> None:
        """Link the record that leaves the fewest gaps; the others are surplus, unless it was read twice."""
        best, *others = sorted(some, key=lambda record: (self._cost(number, record), self._by_name(record)))
        kept = self.records.record_id(best)
        self.of_call[number], self.of_record[best] = best, number
        for record in others:
            self.of_record[record] = number
            if self.records.record_id(record) != kept:
                self.surplus[record] = number

    def _by_name(self, record: int) -> tuple[float, str]:
        return (self.records.start[record], self.records.record_id(record))

    def _match_shared(self, numbers: list[int], some: list[int], near: float) -> None:
        """Match calls that have one id with the records that name it: the nearest first."""
        calls, records = self.calls, self.records

        def distance(number: int, record: int) -> tuple[bool, bool, float]:
            apart = abs(records.start[record] - self.expected[number])
            other_phone = calls.phone[number] != records.phone[record]
            return other_phone, calls.rule[number] != NO_RULE, apart

        pairs = sorted(
            (*distance(number, record), calls.start[number], self._by_name(record), number, record)
            for number in numbers
            for record in some
        )
        for other_phone, _, apart, _, _, number, record in pairs:
            free = self.of_call[number] == FREE and self.of_record[record] == FREE
            if free and not (other_phone and apart > near):
                self.of_call[number], self.of_record[record] = record, number

    # ---- by phone, direction and time

    def _match_phones(self) -> None:
        rule = self.calls.rule
        groups = self._groups(
            number for number, other in enumerate(self.of_call) if other == FREE and rule[number] == NO_RULE
        )
        crowded = self._link_plain(groups)
        times, tight = self._times(), samples.tight(self._residuals, self._tolerance)
        for pair in crowded:
            numbers, some = groups.members(*pair)
            self._sort(numbers, some)
            links = link_group(numbers, some, times, self._tolerance, tight)
            for number, record in links.pairs:
                self._link(number, record)
            for unsure in links.ambiguous:
                self._leave(unsure)

    def _link_plain(self, groups: Groups) -> list[tuple[int, int]]:
        """Link what has one call and one record within reach; return the groups where that is not all.

        The same as `link_group` for nearly all of a month's calls, in a fraction of its time. Goes back in
        time along both chains; a chain that is not in the order of time is left to `link_group`, too.
        """
        tolerance, expected, start = self._tolerance, self.expected, self.records.start
        call_flags, record_flags = self.calls.flags, self.records.flags
        earlier_call, earlier_record = groups.chains
        of_call, of_record, residuals = self.of_call, self.of_record, self._residuals
        crowded = list(groups.crooked())
        for first in groups.plain():
            number, record = first
            made: list[tuple[int, int]] = []
            while number >= 0 <= record:
                at, theirs = expected[number], start[record]
                before, before_record = earlier_call[number], earlier_record[record]
                if theirs - at > tolerance:
                    record = before_record
                elif at - theirs > tolerance:
                    number = before
                elif (before != END and theirs - expected[before] <= tolerance) or (
                    before_record != END and at - start[before_record] <= tolerance
                ):
                    break
                else:
                    way = record_flags[record] // DIRECTION_IN
                    if way in {0, 2 if call_flags[number] & OUT else 1}:
                        made.append((number, record))
                    number, record = before, before_record
            else:
                for number, record in made:
                    of_call[number], of_record[record] = record, number
                    residuals.append(start[record] - expected[number])
                continue
            crowded.append(first)
        return crowded

    def _groups(self, numbers: Iterable[int]) -> Groups:
        """Return these calls and the free records, by phone."""
        free = (record for record, taken in enumerate(self.of_record) if taken == FREE)
        return Groups(
            Side(self.calls.phone, self.expected, numbers), Side(self.records.phone, self.records.start, free)
        )

    def _times(self) -> Times:
        call_flags, record_flags = self.calls.flags, self.records.flags
        return Times(
            self.expected,
            self.records.start,
            lambda number: 2 if call_flags[number] & OUT else 1,
            lambda record: record_flags[record] // DIRECTION_IN,  # 0, 1 in, 2 out
            self._cost,
        )

    def _sort(self, numbers: list[int], some: list[int]) -> None:
        """Sort by time; the names decide where times are equal, so that the order of the input does not."""
        at, start = self.expected, self.records.start
        numbers.sort(key=at.__getitem__)
        if len({at[number] for number in numbers}) < len(numbers):
            numbers.sort(key=lambda number: (at[number], self.calls.call_id(number)))
        some.sort(key=start.__getitem__)
        if len({start[record] for record in some}) < len(some):
            some.sort(key=self._by_name)
            self._drop_repeated(some)

    def _drop_repeated(self, some: list[int]) -> None:
        """Leave out records that were read twice: a page that moved while it was read."""
        names = [self._by_name(record) for record in some]
        for place in range(len(some) - 1, 0, -1):
            if names[place] == names[place - 1]:
                self.of_record[some.pop(place)] = REPEATED

    def _link(self, number: int, record: int) -> None:
        self.of_call[number], self.of_record[record] = record, number

    def _leave(self, unsure: Ambiguous) -> None:
        for number in unsure.calls:
            self.of_call[number] = UNSURE
            self.sets[number] = (len(unsure.calls), len(unsure.records))
        for record in unsure.records:
            self.of_record[record] = UNSURE

    # ---- what is left over

    def _place_the_rest(self) -> None:
        """Give left-over records to calls that a rule leaves out, else take them for surplus ones."""
        rule, times = self.calls.rule, self._times()
        excluded = self._groups(
            number for number, other in enumerate(self.of_call) if other == FREE and rule[number] != NO_RULE
        )
        for pair in excluded.first():
            numbers, some = excluded.members(*pair)
            self._sort(numbers, some)
            for number, record in link_group(numbers, some, times, self._tolerance, None).pairs:
                self._link(number, record)
        every = self._groups(number for number, other in enumerate(self.of_call) if other != REPEATED)
        for pair in every.first():
            numbers, some = every.members(*pair)
            numbers.sort(key=self.expected.__getitem__)
            at = [self.expected[number] for number in numbers]
            for record in some:
                low = bisect_left(at, self.records.start[record] - self._tolerance)
                high = bisect_right(at, self.records.start[record] + self._tolerance, low)
                near = [n for n in numbers[low:high] if times.fits(n, record, self._tolerance)]
                if near:
                    self._take_for_surplus(record, near)

    def _take_for_surplus(self, record: int, near: list[int]) -> None:
        at = self.records.start[record]
        closest = min(abs(self.expected[number] - at) for number in near)
        number = min((n for n in near if abs(self.expected[n] - at) == closest), key=self.calls.call_id)
        partner = self.of_call[number]
        self.of_record[record] = number
        twice = partner >= 0 and self.records.record_id(partner) == self.records.record_id(record)
        if not twice:
            self.surplus[record] = number
