"""A peer that is gone is noticed; a line is brought back soon, seldom later, and by one of many."""

from __future__ import annotations

import threading
import time

import pytest

from supportctl.core.clock import FakeClock, SystemClock
from supportctl.core.errors import SupportctlError
from supportctl.remote.heartbeat import EVERY_S, PATIENCE_S, Heartbeat
from supportctl.remote.reconnect import LONGEST_S, SOON_FOR_S, Reconnect, delays


def test_together_they_notice_within_six_seconds():
    assert EVERY_S + PATIENCE_S < 6


def test_a_peer_that_answers_lives():
    asked, dead = [], threading.Event()
    enough = threading.Event()

    def ask():
        asked.append(1)
        if len(asked) == 5:
            enough.set()

    beat = Heartbeat(ask, dead.set, SystemClock(), every_s=0.01, patience_s=1.0)
    beat.start()
    assert enough.wait(5)
    beat.stop()
    assert not dead.is_set()


def test_a_peer_that_does_not_answer_is_dead():
    never, dead = threading.Event(), threading.Event()
    started = time.monotonic()
    Heartbeat(never.wait, dead.set, SystemClock(), every_s=0.01, patience_s=0.1).start()
    assert dead.wait(5)
    assert time.monotonic() - started >= 0.1
    never.set()


def test_what_else_it_says_is_a_sign_of_life():
    never, dead = threading.Event(), threading.Event()
    until = time.monotonic() + 0.4
    beat = Heartbeat(
        never.wait,
        dead.set,
        SystemClock(),
        lambda: min(time.monotonic(), until),
        every_s=0.01,
        patience_s=0.1,
    )
    beat.start()
    assert dead.wait(5)
    assert time.monotonic() >= until + 0.09
    never.set()


def test_a_heartbeat_that_is_stopped_calls_nobody():
    never, dead = threading.Event(), threading.Event()
    beat = Heartbeat(never.wait, dead.set, SystemClock(), every_s=0.01, patience_s=0.05)
    beat.start()
    beat.stop()
    assert not dead.wait(0.15)
    never.set()


def test_delays():
    waited = [0.0]
    following = delays(lambda: 1.0, lambda: waited[0])
    assert [following() for _ in range(4)] == pytest.approx([0.2, 0.3, 0.3, 0.3])
    waited[0] = SOON_FOR_S
    later = [following() for _ in range(12)]
    assert later[0] <= 0.6
    assert later == sorted(later)
    assert later[-1] == LONGEST_S


def test_chance_spreads_them():
    one, two = delays(lambda: 0.0, lambda: 0.0), delays(lambda: 1.0, lambda: 0.0)
    assert one() == pytest.approx(two() / 2)


class Line:
    def __init__(self, *outcomes) -> None:
        self.outcomes = list(outcomes)
        self.tries: list[int] = []
        self.up = False

    def attach(self, number):
        self.tries.append(number)
        outcome = self.outcomes.pop(0) if self.outcomes else "remote.tcp"
        if outcome is not None:
            raise SupportctlError(outcome)
        self.up = True


def back(line, **given):
    return Reconnect(line.attach, lambda: line.up, FakeClock(), lambda: 0.5, **given)


def test_it_tries_until_there_is_a_line():
    line = Line("remote.tcp", "remote.dns", "remote.ssh-banner", None)
    assert back(line)()
    assert line.tries == [0, 1, 2, 3]


def test_it_gives_up():
    line = Line()
    assert not back(line, give_up_s=30.0)()
    assert 90 < len(line.tries) < 250


@pytest.mark.parametrize("key", ["remote.key-changed", "remote.signed-out", "remote.agent-changed"])
def test_what_another_try_cannot_mend(key):
    line = Line(key, None)
    with pytest.raises(SupportctlError) as failed:
        back(line)()
    assert failed.value.key == key
    assert line.tries == [0]


def test_of_many_requests_one_brings_the_line_back():
    line = Line(None)
    again = back(line)
    threads = [threading.Thread(target=again) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(5)
    assert line.tries == [0]
