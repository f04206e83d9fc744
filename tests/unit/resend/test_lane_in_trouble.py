"""A lane whose destination fails, refuses or is down: nothing is lost, and it is not flooded."""

from __future__ import annotations

import pytest

from resend.ledger import hand
from resend.ledger.filter import Filter
from supportctl.core.failure import Failure

LONG = 100.0


def test_a_destination_that_raises_loses_nothing(bench):
    bench.accept(count=3)

    def crash(parcels):
        bench.crm.take(parcels[:1])
        raise KeyError("a bug")

    bench.crm.answer = crash
    drained = bench.lane.drain()
    assert drained.crashes == 1
    assert set(bench.states().values()) == {"verifying"}
    assert {row.error_code for row in bench.rows().values()} == {"destination-crashed"}
    bench.crm.answer = bench.crm.take
    bench.until(300)
    assert bench.crm.there == {"c0": 1, "c1": 1, "c2": 1}
    assert bench.lane.drain().next_at is None


def test_a_question_that_raises_is_asked_again_later(bench):
    bench.accept(count=1)
    bench.crm.answer = bench.crm.fail(Failure.AMBIGUOUS)
    bench.lane.drain()
    bench.crm.answer = bench.crm.take
    bench.crm.tell = lambda parcels: {}[parcels]
    bench.until(LONG)
    assert bench.states() == {"c0": "verifying"}
    bench.crm.tell = bench.crm.show
    bench.until(1000)
    assert bench.crm.there == {"c0": 1}


def test_a_poison_record_is_found_by_halves(bench):
    bench.accept(count=10)

    def answer(parcels):
        if any(each.call.call_id == "c6" for each in parcels):
            return bench.crm.fail(Failure.DATA)(parcels)
        return bench.crm.take(parcels)

    bench.crm.answer = answer
    drained = bench.lane.drain()
    states = bench.states()
    assert states.pop("c6") == "escalated"
    assert set(states.values()) == {"delivered"}
    assert set(bench.crm.there.values()) == {1}
    assert drained.requests <= 9
    assert bench.rows()["c1"].attempts == 1  # having been beside it is no try


def test_calls_refused_each_for_their_own_sake_are_not_halved(bench):
    bench.accept(count=10)
    bench.crm.answer = bench.crm.fail(Failure.DATA, alone=True)
    assert bench.lane.drain().requests == 1
    assert set(bench.states().values()) == {"escalated"}


def test_a_portal_that_refuses_every_call_is_not_asked_for_each_of_them(bench):
    bench.accept(count=300)
    bench.crm.answer = bench.crm.fail(Failure.DATA)
    bench.lane.drain()
    assert list(bench.states().values()).count("escalated") == 10
    assert bench.row().breaker == "open"
    bench.until(12 * bench.hour())
    assert bench.crm.requests < 130
    bench.crm.answer = bench.crm.take
    bench.until(1000)
    states = list(bench.states().values())
    assert states.count("delivered") > 10
    assert set(states) == {"delivered", "escalated"}


def test_a_question_refused_as_a_whole_is_halved_too(bench):
    bench.accept(count=8)
    bench.crm.answer = lambda parcels: (bench.crm.take(parcels), bench.crm.fail(Failure.AMBIGUOUS)(parcels))[
        1
    ]
    bench.lane.drain()

    def tell(parcels):
        if any(each.call.call_id == "c3" for each in parcels):
            return {each.delivery_id: bench.crm.failed(each, Failure.DATA) for each in parcels}
        return bench.crm.show(parcels)

    bench.crm.tell = tell
    bench.until(61)
    assert [call_id for call_id, state in bench.states().items() if state != "delivered"] == ["c3"]
    assert bench.states()["c3"] == "verifying"


def test_a_paused_lane_sends_nothing(bench):
    bench.accept(count=1)
    hand.pause(bench.store, bench.lane_name, who="anna", why="their wish")
    drained = bench.lane.drain()
    assert (drained.requests, drained.next_at) == (0, None)


def test_a_dead_portal_costs_one_request_an_interval_and_not_one_a_call(bench):
    """10,000 calls wait, for 24 hours; then it is back."""
    bench.accept(count=10_000)
    bench.crm.batch_size = 50
    bench.crm.answer = bench.crm.fail(Failure.RETRY, sent=False)
    bench.until(23 * bench.hour())
    in_a_day = bench.crm.requests
    assert 23 * 4 <= in_a_day <= 23 * 8 + 20  # one in a quarter of an hour, at half of it at the soonest
    assert sum(map(len, bench.crm.sent)) == in_a_day + 3 * (bench.crm.batch_size - 1)  # canaries are single
    row = bench.row()
    assert (row.breaker, row.broken_since) == (
        "open",
        pytest.approx(bench.clock.now().timestamp() - 23 * 3600, abs=900),
    )
    assert row.broken_why == "NO"
    bench.crm.answer = bench.crm.take
    bench.clock.advance(900)
    bench.lane.drain(iter([False] * 20 + [True]).__next__)
    assert [len(each) for each in bench.crm.sent[in_a_day:]] == [1, *[50] * 19]
    row = bench.row()
    assert (row.breaker, row.broken_since, row.broken_why) == ("closed", 0, "")


def test_a_canary_is_shown_while_it_is_on_its_way(bench):
    bench.accept(count=20)
    bench.crm.answer = bench.crm.fail(Failure.BLOCKED)
    bench.lane.drain()
    assert bench.row().breaker == "open"
    shown = []
    bench.crm.answer = lambda parcels: (
        shown.append((len(parcels), bench.row().breaker)),
        bench.crm.take(parcels),
    )[1]
    bench.until(120)
    assert shown[:2] == [(1, "half-open"), (10, "closed")]


def test_after_an_outage_every_second_request_is_for_the_freshest_calls(bench):
    for number in range(200):
        bench.accept(bench.call(number))
        bench.clock.advance(1)
    bench.lane.drain(iter([False] * 8 + [True]).__next__)
    numbers = [sorted(int(each[1:]) for each in batch) for batch in bench.crm.sent]
    fresh = [batch for batch in numbers if batch[0] >= 160]
    old = [batch for batch in numbers if batch[-1] < 40]
    assert len(fresh) == len(old) == 4
    assert numbers[0] == list(range(190, 200))  # what has just come in does not wait for the backlog


def test_what_is_made_due_by_hand_passes_an_open_breaker(bench):
    bench.accept(count=5)
    bench.crm.answer = bench.crm.fail(Failure.BLOCKED)
    bench.lane.drain()
    assert bench.lane.drain().requests == 0
    hand.apply(bench.store, "now", Filter(destination=bench.lane_name), who="anna", why="they are back")
    bench.crm.answer = bench.crm.take
    assert bench.lane.drain().delivered == 5
