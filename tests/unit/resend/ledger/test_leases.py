"""Who may drain a lane: one at a time, whatever the clocks do; the token decides, not the time."""

from __future__ import annotations

import pytest
from ledger_bench import LANE, Bench, call

from resend.ledger import lanes, sending
from resend.ledger.lanes import LEASE_S
from resend.model import LeaseLostError, State
from resend.policy import BreakerView


def test_one_holder_at_a_time(bench: Bench) -> None:
    bench.accept(call(1))
    other = bench.open()
    mine = bench.claim()
    assert lanes.claim(other, LANE, "there") is None
    assert lanes.lane(other, LANE).holder == "here"  # type: ignore[union-attr]
    assert lanes.due_lanes(other) == []
    lanes.release(bench.store, mine)
    theirs = lanes.claim(other, LANE, "there")
    assert theirs is not None
    assert theirs.token == mine.token + 1
    lanes.release(bench.store, mine)  # it is no longer ours to give
    assert lanes.claim(bench.store, LANE, "here") is None


def test_there_is_no_such_lane(bench: Bench) -> None:
    assert lanes.claim(bench.store, "nobody", "here") is None
    assert lanes.lane(bench.store, "nobody") is None


def test_a_lease_ends_and_every_change_renews_it(bench: Bench) -> None:
    bench.accept(call(1))
    mine = bench.claim()
    bench.clock.advance(LEASE_S - 1)
    lanes.renew(bench.store, mine)
    bench.clock.advance(LEASE_S - 1)
    assert lanes.claim(bench.store, LANE, "there") is None
    sent = bench.send(mine)
    bench.clock.advance(LEASE_S - 1)
    assert lanes.claim(bench.store, LANE, "there") is None
    bench.settle(mine, sent)
    bench.clock.advance(LEASE_S)
    assert lanes.claim(bench.store, LANE, "there") is not None


def test_who_lost_the_lane_changes_nothing_any_more(bench: Bench) -> None:
    """A worker that was stopped and wakes up: its answers are of no use, and hold nobody up."""
    bench.accept(call(1), call(2))
    mine = bench.claim()
    (first, second) = bench.send(mine)
    bench.clock.advance(LEASE_S)
    other = bench.open()
    theirs = bench.claim(other, "there")
    assert lanes.recover(other, theirs, 60) == 2
    for change in (
        lambda: bench.settle(mine, [first, second]),
        lambda: bench.send(mine),
        lambda: lanes.intend(bench.store, mine, [first]),
        lambda: lanes.recover(bench.store, mine, 60),
        lambda: lanes.renew(bench.store, mine),
        lambda: lanes.renew(bench.store, mine, BreakerView()),
        lambda: lanes.settle(bench.store, mine, [], BreakerView()),
    ):
        with pytest.raises(LeaseLostError):
            change()
    assert set(bench.states().values()) == {State.VERIFYING}
    assert bench.counts() == {"verifying": 2}
    bench.clock.advance(60)
    bench.settle(theirs, bench.all(), State.DELIVERED, kind="lookup", store=other)  # nothing is locked
    assert set(bench.states().values()) == {State.DELIVERED}


def test_what_was_left_in_mid_send_is_asked_about(bench: Bench) -> None:
    bench.accept(call(1), call(2))
    lease = bench.claim()
    due = lanes.due(bench.store, LANE, State.WAITING, 1)
    lanes.intend(bench.store, lease, due)
    assert lanes.recover(bench.store, lease, 60) == 0  # these are its own
    lanes.release(bench.store, lease)  # its worker's code has failed, and gave the lane back
    assert lanes.due_lanes(bench.store) == [LANE]
    again = bench.claim()
    assert lanes.recover(bench.store, again, 60) == 1
    found = bench.all(ids=(due[0].id,))[0]
    assert (found.state, found.next_attempt_at, found.attempts) == (State.VERIFYING, bench.now + 60, 1)
    assert bench.counts() == {"waiting": 1, "verifying": 1}
    assert lanes.recover(bench.store, again, 60) == 0


def test_a_lane_with_nothing_but_lost_ones_has_work(bench: Bench) -> None:
    bench.accept(call(1))
    bench.send(bench.claim())
    assert lanes.due_lanes(bench.store) == []
    bench.clock.advance(LEASE_S)
    assert lanes.due_lanes(bench.store) == [LANE]


@pytest.mark.parametrize("jump_s", [3600.0, -3600.0, 86400.0 * 400, -86400.0 * 400, LEASE_S + 1])
def test_a_clock_that_is_set_takes_no_lane_from_a_living_worker(bench: Bench, jump_s: float) -> None:
    bench.accept(call(1), call(2))
    other = bench.open()
    assert lanes.due_lanes(other) == [LANE]  # another worker was there before
    mine = bench.claim()
    sent = bench.send(mine, most=1)
    bench.clock.jump(jump_s)
    assert lanes.claim(other, LANE, "there") is None
    assert lanes.due_lanes(other) == []
    bench.clock.advance(30)
    assert lanes.claim(other, LANE, "there") is None
    bench.settle(mine, sent)  # the living one renews by the new clock
    bench.clock.advance(LEASE_S - 1)
    assert lanes.claim(other, LANE, "there") is None
    bench.clock.advance(2)
    assert lanes.claim(other, LANE, "there") is not None


@pytest.mark.parametrize("jump_s", [3600.0, -3600.0])
def test_a_dead_workers_lane_is_free_soon_though_the_clock_was_set(bench: Bench, jump_s: float) -> None:
    bench.accept(call(1))
    other = bench.open()
    assert lanes.due_lanes(other) == [LANE]
    bench.claim()
    bench.clock.jump(jump_s)
    assert lanes.claim(other, LANE, "there") is None
    bench.clock.advance(LEASE_S + 1)
    assert lanes.claim(other, LANE, "there") is not None


def test_what_was_given_back_is_free_even_just_after_a_clock_was_set(bench: Bench) -> None:
    bench.accept(call(1))
    other = bench.open()
    assert lanes.due_lanes(other) == [LANE]
    bench.clock.jump(-7200)
    lanes.claim(other, LANE, "there")
    assert lanes.lane(other, LANE).holder == "there"  # type: ignore[union-attr]


def test_lanes_with_work(bench: Bench) -> None:
    bench.accept(call(1), lane="b")
    bench.clock.advance(1)
    bench.accept(call(1), lane="a")
    bench.accept(call(1), lane="asks", ask_first=True)
    bench.accept(call(1), lane="broken")
    bench.accept(call(1), lane="later")
    lease = bench.claim(lane="broken")
    lanes.renew(bench.store, lease, BreakerView(open_until=bench.now + 60))
    lanes.release(bench.store, lease)
    with bench.store.write() as connection:
        connection.exec_driver_sql(
            f"UPDATE deliveries SET next_attempt_at = {bench.now + 5} WHERE destination = 'later'"
        )
    assert lanes.due_lanes(bench.store) == ["b", "a", "asks"]
    assert lanes.due_lanes(bench.store, 1) == ["b"]
    bench.clock.advance(5)
    assert lanes.due_lanes(bench.store) == ["b", "a", "asks", "later"]
    assert lanes.pending(bench.store) == 5
    assert lanes.pending(bench.store, {"a", "later"}) == 3


def test_a_breaker_that_is_open_for_longer_than_any_is_of_a_clock_that_was_set_back(bench: Bench) -> None:
    bench.accept(call(1))
    lease = bench.claim()
    lanes.renew(bench.store, lease, BreakerView(open_until=bench.now + 86400))
    lanes.release(bench.store, lease)
    assert lanes.due_lanes(bench.store) == [LANE]


def test_a_look_at_a_lane(bench: Bench) -> None:
    bench.accept(call(1), call(2))
    with sending.look(bench.store, LANE) as seen:
        assert seen.now == bench.now
        assert seen.lane is not None
        assert seen.next_due(State.WAITING) == bench.now
        assert seen.next_due(State.VERIFYING) is None
        assert seen.still_due([], State.WAITING) == []
        (first, second) = seen.due(State.WAITING, 5)
    assert lanes.still_due(bench.store, [second.id, first.id], State.WAITING) == [first, second]
    assert lanes.still_due(bench.store, [first.id], State.VERIFYING) == []
    assert lanes.next_due(bench.store, LANE, State.WAITING) == bench.now
