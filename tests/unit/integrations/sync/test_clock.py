"""How the clocks differ: constant, changed at one moment, drifting, or not to be told."""

from __future__ import annotations

from datetime import timedelta
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integrations.sync.clock import Clock, Sighting, read_clock
from integrations.sync.findings import clock_finding, findings, offset_text
from integrations.sync.model import ClockReading, ClockStep
from supportctl.core.finding import Status

DAY = 86400.0


def seen(true, count=200, noise=3, seed=1):
    """Sightings of `count` calls; `true(t)` is the difference, among others that mean nothing."""
    chance = Random(seed)
    found = []
    for n in range(count):
        t = n * DAY / count
        others = [chance.uniform(-DAY, DAY) for _ in range(chance.randrange(noise + 1))]
        found.append(Sighting(t, (*others, true(t) + chance.uniform(0, 2))))
    return found


@pytest.mark.parametrize("offset", [0, 17, -17, 90, 3600, -10800, 19800, 50400])
def test_constant(offset):
    clock = read_clock(seen(lambda _: offset), 60)
    assert clock.kind == "constant"
    assert abs(clock.offsets[0] - offset) <= 2
    assert clock.support >= 200


def test_most_calls_may_be_missing():
    chance = Random(2)
    lost = [Sighting(float(n), tuple(chance.uniform(-DAY, DAY) for _ in range(4))) for n in range(300)]
    clock = read_clock([*seen(lambda _: 10800, 100), *lost], 60)
    assert (clock.kind, clock.offsets) == ("constant", (10801.0,))


def test_daylight_saving_time_that_only_one_side_knows():
    clock = read_clock(seen(lambda t: 0 if t < 0.6 * DAY else 3600), 60)
    assert clock.kind == "changed"
    assert [round(o / 60) for o in clock.offsets] == [0, 60]
    assert abs(clock.since[1] - 0.6 * DAY) <= DAY / 200
    assert clock.at(0) < 5
    assert clock.at(DAY) > 3595
    assert clock.back(0.9 * DAY + 3600) == pytest.approx(0.9 * DAY, abs=2)


def test_drift():
    clock = read_clock(seen(lambda t: 1200 * t / DAY, 400), 60)
    assert clock.kind == "drift"
    assert all(abs(clock.at(t * DAY) - 1200 * t) <= 60 for t in (0.1, 0.5, 0.9))


@pytest.mark.parametrize("few", [0, 1, 7])
def test_too_few_calls_say_nothing(few):
    clock = read_clock([Sighting(float(n), (10800.0,)) for n in range(few)], 60)
    assert (clock.kind, clock.offsets) == ("unknown", (0.0,))


def test_differences_that_do_not_agree_say_nothing():
    chance = Random(3)
    spread = [Sighting(float(n), (chance.uniform(-DAY, DAY),)) for n in range(400)]
    assert read_clock(spread, 60).kind == "unknown"


@given(st.lists(st.tuples(st.floats(0, 1e6), st.lists(st.floats(-1e5, 1e5), max_size=4)), max_size=60))
def test_anything_gives_a_clock(pairs):
    clock = read_clock([Sighting(at, tuple(many)) for at, many in pairs], 60)
    assert isinstance(clock, Clock)
    assert len(clock.since) == len(clock.offsets)


def test_three_hours_are_one_finding_and_not_many_gaps(words):
    calls = [words.call(f"c{n}", 20000 + n * 400, f"+7900{n:07}") for n in range(60)]
    records = [words.record(f"r{n}", 20000 + 10800 + n * 400, f"+7900{n:07}") for n in range(60)]
    found = words.compared(calls, records)
    assert found.told == []
    assert found.result.clock_offset_s == 10800
    told = {f.code: f for f in findings(found.result, "acme")}
    assert told["sync.clock-offset"].args == {"offset": "3:00:00", "seconds": 10800, "support": 60}
    assert all(f.status is Status.OK for code, f in told.items() if code != "sync.clock-offset")


def test_what_lies_elsewhere_is_asked_for(words):
    """The CRM was read for the window only, and its clock is three hours ahead."""
    from integrations.sync.compare import Comparison
    from integrations.sync.model import Window

    calls = [words.call(f"c{n}", n * 1400, f"+7900{n:07}") for n in range(60)]
    records = [words.record(f"r{n}", 10800 + n * 1400, f"+7900{n:07}") for n in range(60)]
    read = Window(words.DAY, words.DAY + timedelta(days=1))
    with Comparison(words.WINDOW, words.settings(), words.NOW, records_read=read) as comparison:
        comparison.take_calls(calls)
        comparison.take_records([r for r in records if read.since <= r.started_at < read.until])
        (stretch,) = comparison.unread()
        assert stretch.since == read.until
        assert stretch.until == read.until + timedelta(seconds=10860)
        comparison.take_records(
            [r for r in records if stretch.since <= r.started_at < stretch.until], stretch
        )
        assert comparison.unread() == ()
        result = comparison.result()
        assert (words.told(result), result.unjudged, result.matched) == ([], 0, 60)


def test_clock_of_half_the_window(words):
    """One side knows daylight saving time, the other does not."""
    calls = [words.call(f"c{n}", 5000 + n * 700, f"+7900{n:07}") for n in range(100)]
    records = [
        words.record(f"r{n}", 5000 + n * 700 + (3600 if n >= 60 else 0), f"+7900{n:07}", created_at=None)
        for n in range(100)
        if n != 80
    ]
    found = words.compared(calls, records)
    assert found.told == [("call-missing", "c80")]
    assert found.result.clock.kind == "changed"
    assert [step.offset_s for step in found.result.clock.steps] == [0, 3600]
    told = clock_finding(found.result.clock, "acme")
    assert (told.code, told.args["first"], told.args["second"]) == (
        "sync.clock-changed",
        "0:00:00",
        "1:00:00",
    )


def test_zone_that_was_wrong_in_the_start_only_makes_nothing_late(words):
    """The CRM's own clock is right: what it created at ten was created at ten."""
    calls = [words.call(f"c{n}", 20000 + n * 400, f"+7900{n:07}") for n in range(60)]
    records = [
        words.record(f"r{n}", 20000 - 10800 + n * 400, f"+7900{n:07}", created_at=words.at(20080 + n * 400))
        for n in range(60)
    ]
    records[5] = records[5]._replace(created_at=words.at(20080 + 5 * 400 + 3600))
    assert words.compared(calls, records).told == [("delivered-late", "c5")]


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0:00:00"), (-90, "-0:01:30"), (10817, "3:00:17"), (-39600, "-11:00:00")]
)
def test_offsets_in_words(seconds, text):
    assert offset_text(seconds) == text


def test_small_difference_is_no_finding(words):
    reading = ClockReading("constant", (ClockStep(words.DAY, 17),), 50, 50)
    assert clock_finding(reading, "acme").code == "sync.clocks"
    assert clock_finding(ClockReading(), "acme") is None
    drift = ClockReading("drift", (ClockStep(words.DAY, 0), ClockStep(words.DAY, 600)), 50, 50)
    assert clock_finding(drift, "acme").args == {"first": "0:00:00", "second": "0:10:00"}
