"""Worlds that are made up, with their gaps known: exactly those are found, whatever is done to the world."""

from __future__ import annotations

import itertools
from datetime import timedelta
from random import Random

from hypothesis import example, given, settings
from hypothesis import strategies as st

KINDS = (
    "",
    "call-missing",
    "recording-missing",
    "duplicate-call",
    "wrong-employee",
    "no-contact",
    "delivered-late",
)
OFFSETS = (0, 17, -17, 3600, -1800, 10800, -39600)


class World:
    """Some dozens of calls with their records and gaps; `offset` is how far the CRM's clock is ahead."""

    def __init__(self, words, seed, offset, with_ids, gaps=True):
        chance = self.chance = Random(seed)
        self.words, self.offset = words, offset
        self.calls, self.records, self.gaps = [], [], []
        self.numbers = itertools.count(1)
        moment = 5000
        for number in range(chance.randrange(30, 60)):
            moment += chance.randrange(300, 1200)
            phone = f"+7900{chance.randrange(12):07}"
            # most calls are sound: else a clock could not be told from what is lost
            kind = chance.choice(KINDS) if gaps and chance.random() < 0.3 else ""
            self.add(f"c{number}", moment, phone, kind, with_id=chance.random() < with_ids)
        for _ in range(3):  # several calls of one minute, all of which arrived
            moment += 1200
            for twin in range(chance.randrange(2, 5)):
                self.add(
                    f"t{moment}-{twin}",
                    moment + twin * 11,
                    "+79005550000",
                    "",
                    with_id=chance.random() < with_ids,
                )
        for _ in range(chance.randrange(3) if gaps else 0):
            name = f"p{next(self.numbers)}"
            self.records.append(self.record(name, chance.randrange(4000, 30000), "+79991112233"))
            self.gaps.append(("phantom-call", name))

    def add(self, name, moment, phone, kind, *, with_id):
        words, way = self.words, self.chance.choice(("in", "out"))
        if name.startswith("t"):
            way = "in"
        self.calls.append(words.call(name, moment, phone, direction=way, recording_url="https://x.example/r"))
        if kind:
            self.gaps.append((kind, name))
        if kind == "call-missing":
            return
        for _ in range(1 + (kind == "duplicate-call")):
            self.records.append(
                self.record(
                    f"r{next(self.numbers)}",
                    moment + self.chance.randrange(4),
                    phone,
                    direction=way,
                    external_id=name if with_id else "",
                    employee="9" if kind == "wrong-employee" else "7",
                    contact="" if kind == "no-contact" else "CONTACT:1",
                    recording=kind != "recording-missing",
                    created_at=words.at(moment + 70 + self.offset + 5000 * (kind == "delivered-late")),
                )
            )

    def record(self, name, moment, phone, **other):
        known = {"created_at": self.words.at(moment + self.offset + 70), **other}
        return self.words.record(name, moment + self.offset, phone, **known)

    def told(self, calls=None, records=None, **options):
        return self.words.compared(calls or self.calls, records or self.records, **options).told


worlds = {
    "seed": st.integers(0, 10**6),
    "offset": st.sampled_from(OFFSETS),
    "with_ids": st.sampled_from((0, 0.5, 1)),
}


@settings(max_examples=60, deadline=None)
@given(**worlds)
def test_exactly_the_planted_gaps(words, seed, offset, with_ids):
    world = World(words, seed, offset, with_ids)
    found = words.compared(world.calls, world.records)
    assert found.told == sorted(world.gaps)
    assert abs(found.result.clock_offset_s - offset) <= 4


@settings(max_examples=30, deadline=None)
@given(**worlds)
@example(seed=640, offset=0, with_ids=0)  # a chain that is out of order behind where the walk ended
def test_order_changes_nothing(words, seed, offset, with_ids):
    world = World(words, seed, offset, with_ids)
    before = world.told()
    world.chance.shuffle(world.calls)
    world.chance.shuffle(world.records)
    assert world.told() == before


@settings(max_examples=30, deadline=None)
@given(**worlds)
def test_unrelated_pair_changes_nothing(words, seed, offset, with_ids):
    world = World(words, seed, offset, with_ids)
    before = world.told()
    calls = [*world.calls, words.call("new", 3000, "+74957777777")]
    records = [*world.records, world.record("new", 3000, "+74957777777")]
    assert world.told(calls, records) == before


@settings(max_examples=30, deadline=None)
@given(by=st.sampled_from((1, 61, 3600, 86400 * 40)), **worlds)
def test_shift_of_both_clocks_changes_nothing(words, seed, offset, with_ids, by):
    world = World(words, seed, offset, with_ids)
    before, by = world.told(), timedelta(seconds=by)
    calls = [call._replace(started_at=call.started_at + by) for call in world.calls]
    records = [r._replace(started_at=r.started_at + by, created_at=r.created_at + by) for r in world.records]
    window = words.WINDOW._replace(since=words.WINDOW.since + by, until=words.WINDOW.until + by)
    assert world.told(calls, records, window=window, now=words.NOW + by) == before


@settings(max_examples=30, deadline=None)
@given(**worlds)
def test_loss_is_found_or_said_to_be_unclear(words, seed, offset, with_ids):
    """A record is taken away from any world: one call is missing, or some are said not to be told apart."""
    world = World(words, seed, offset, with_ids, gaps=False)
    place = world.chance.randrange(len(world.records))
    lost = world.records.pop(place)
    found = words.compared(world.calls, world.records).result.gaps
    codes = {gap.code for gap in found}
    assert len(codes) == 1
    phones = {gap.call.contact_phone for gap in found}
    assert phones == {lost.phone}
    if codes == {"sync.call-missing"}:
        (gap,) = found
        assert abs((gap.call.started_at - lost.started_at).total_seconds() + offset) <= 4
    else:
        assert codes == {"sync.ambiguous"}
        assert {g.details["calls"] - g.details["records"] for g in found} == {1}
