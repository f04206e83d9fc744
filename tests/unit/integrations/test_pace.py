"""Never more than the system allows over any window, and nearly all of it."""

from __future__ import annotations

import math
import threading
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integrations.pace import Pacer
from supportctl.core.clock import FakeClock, SystemClock
from supportctl.core.deadline import Deadline

RATES = st.floats(0.1, 1000, allow_nan=False)
BURSTS = st.floats(1, 200, allow_nan=False)
SLACK = 1e-6


def times(pacer, clock, weights, idle):
    """Return when each request went out, if it was asked for `idle` seconds after the one before."""
    went = []
    for weight, pause in zip(weights, idle, strict=True):
        clock.advance(pause)
        assert pacer.wait(Deadline.after(math.inf, clock), weight)
        went.append((clock.monotonic(), weight))
    return went


@given(RATES, BURSTS, st.lists(st.tuples(st.floats(0, 5), st.floats(0.1, 1)), min_size=1, max_size=60))
def test_no_window_holds_more_than_burst_and_rate(rate, burst, asked):
    clock = FakeClock()
    went = times(Pacer(rate, clock, burst), clock, [w for _, w in asked], [i / rate for i, _ in asked])
    for first in range(len(went)):
        for last in range(first, len(went)):
            span = went[last][0] - went[first][0]
            total = sum(weight for _, weight in went[first : last + 1])
            assert total <= (burst + rate * span) * (1 + SLACK)


@given(RATES, BURSTS)
def test_who_always_asks_gets_nearly_all(rate, burst):
    clock = FakeClock()
    count = int(40 * burst) + 100
    went = times(Pacer(rate, clock, burst), clock, [1.0] * count, [0.0] * count)
    assert count >= 0.95 * (burst + rate * went[-1][0])


@given(st.integers(1, 50), st.floats(0.5, 10))
def test_without_a_burst_a_window_holds_exactly_the_limit(limit, seconds):
    clock = FakeClock()
    went = [at for at, _ in times(Pacer(limit / seconds, clock), clock, [1.0] * 150, [0.0] * 150)]
    for start in went:
        assert sum(start <= at < start + seconds * (1 - SLACK) for at in went) <= limit
    assert all(b - a == pytest.approx(seconds / limit) for a, b in pairwise(went))


@given(st.lists(st.tuples(st.floats(0, 3), st.booleans()), min_size=1, max_size=30))
def test_a_pause_holds_and_does_not_store_up_a_burst(events):
    clock = FakeClock()
    pacer = Pacer(10, clock, burst=2)
    went, until = [], 0.0
    for idle, paused in events:
        clock.advance(idle)
        if paused:
            until = max(until, clock.monotonic() + 1)
            pacer.pause(1)
        assert pacer.wait(Deadline.after(math.inf, clock))
        assert clock.monotonic() >= until - SLACK
        went.append(clock.monotonic())
    for first, last in ((a, b) for a in range(len(went)) for b in range(a, len(went))):
        assert last - first + 1 <= (2 + 10 * (went[last] - went[first])) * (1 + SLACK)


def test_what_comes_too_late_takes_nothing():
    clock = FakeClock()
    pacer = Pacer(1, clock)
    assert pacer.wait(Deadline.after(0, clock))
    assert not pacer.wait(Deadline.after(0.5, clock))
    assert not pacer.wait(Deadline.after(0.5, clock))
    assert pacer.pause_for() == 1
    assert clock.monotonic() == 0
    assert pacer.wait(Deadline.after(1, clock))


def test_a_request_heavier_than_the_burst_waits_for_an_empty_bucket():
    clock = FakeClock()
    pacer = Pacer(1, clock, burst=2)
    assert pacer.take(5) == 0
    assert pacer.take(5) == 5
    assert pacer.take(1) == 9  # of ten that were taken, nine have to be gone


def test_several_threads_share_one_limit():
    clock = SystemClock()
    pacer = Pacer(1000, clock)
    pauses = []

    def take():
        pauses.extend(pacer.take() for _ in range(50))

    threads = [threading.Thread(target=take) for _ in range(8)]
    started = clock.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert max(pauses) >= 399 / 1000 - (clock.monotonic() - started)


def test_a_rate_of_nothing_is_a_mistake():
    with pytest.raises(ValueError, match="above zero"):
        Pacer(0, FakeClock())


def test_after_others_there_is_no_burst():
    clock = FakeClock()
    pacer = Pacer(2, clock, burst=50)
    pacer.fill()
    assert [pacer.take() for _ in range(4)] == [0, 0.5, 1.0, 1.5]
    clock.advance(100)
    assert [pacer.take() for _ in range(50)] == [0] * 50
