"""What the person on call does by hand: what is taken, what is left, and that it is written down."""

from __future__ import annotations

import pytest
from ledger_bench import DAY_S, LANE, Bench, call

from resend.ledger import hand, lanes, views
from resend.ledger.filter import Filter
from resend.model import Breaker, State
from resend.policy import BreakerView
from supportctl.core.failure import Failure


def _act(bench: Bench, verb: hand.Verb, wanted: Filter | None = None) -> int:
    return hand.apply(bench.store, verb, wanted or Filter(), who="Анна", why="проверка", horizon_s=DAY_S)


def _in_each_state(bench: Bench) -> None:
    """Have one delivery in each state, `STATE` being its call's id."""
    bench.accept(*(call(0, call_id=state.value) for state in State))
    lease = bench.claim()
    for each in bench.send(lease):
        state = State(each.call_id)
        if state is not State.SENDING:
            bench.settle(lease, [each], state, None if state is State.DELIVERED else Failure.RETRY)


def test_ids_that_nobody_has_are_told(bench: Bench) -> None:
    bench.accept(call(1))
    known = bench.one().id
    seen = hand.preview(bench.store, "hold", Filter(ids=(known, 4711, 12)))
    assert (seen.total, seen.left, seen.missing) == (1, {}, (4711, 12))
    assert bench.one().state is State.WAITING
    assert hand.preview(bench.store, "hold", Filter()).missing == ()


@pytest.mark.parametrize("verb", ["now", "hold", "cancel"])
def test_a_preview_tells_what_will_be_done(bench: Bench, verb: hand.Verb) -> None:
    _in_each_state(bench)
    settling = {State.VERIFYING} if verb == "now" else set()  # an answer would not mean anything yet
    seen = hand.preview(bench.store, verb, Filter())
    assert {state for _, state in seen.changed} == hand.FROM[verb] - settling
    assert _act(bench, verb) == seen.total == len(hand.FROM[verb] - settling)
    again = hand.preview(bench.store, verb, Filter())
    assert _act(bench, verb) == again.total == 0


def test_what_is_being_sent_is_its_workers(bench: Bench) -> None:
    bench.accept(call(1))
    lease = bench.claim()
    sent = bench.send(lease)
    for verb in hand.FROM:
        assert _act(bench, verb) == 0
    bench.settle(lease, sent)
    for verb in hand.FROM:
        assert _act(bench, verb) == 0
    assert bench.one().state is State.DELIVERED


def test_now(bench: Bench) -> None:
    _in_each_state(bench)
    deadlines = {each.call_id: each.deadline_at for each in bench.all()}
    bench.clock.advance(10)
    assert _act(bench, "now") == 4
    states = bench.states()
    assert states["waiting"] is State.WAITING
    assert {states[name] for name in ("held", "cancelled", "escalated")} == {State.VERIFYING}
    renewed = {each.call_id for each in bench.all() if each.deadline_at == bench.now + DAY_S}
    kept = {each.call_id for each in bench.all() if each.deadline_at == deadlines[each.call_id]}
    assert (renewed, len(kept)) == ({"escalated", "cancelled"}, 5)
    assert {each.call_id for each in lanes.due(bench.store, LANE, State.WAITING, 9)} == {"waiting"}
    event = views.timeline(bench.store, bench.one("held").id)[-1]
    assert (event.kind, event.code, event.who, event.text) == ("hand", "now", "Анна", "проверка")


def test_now_lets_a_stopped_lane_try(bench: Bench) -> None:
    bench.accept(call(1))
    lease = bench.claim()
    lanes.renew(bench.store, lease, BreakerView(Breaker.OPEN, 3, bench.now + 900))
    lanes.release(bench.store, lease)
    assert lanes.due_lanes(bench.store) == []
    _act(bench, "now")
    assert lanes.due_lanes(bench.store) == [LANE]


def test_more_than_one_transaction(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hand, "_PIECE", 3)
    bench.accept(*(call(number) for number in range(10)))
    assert _act(bench, "hold", Filter(destination=LANE)) == 10
    bench.clock.jump(-3600)  # what was done is not done again, whatever the clock says
    assert _act(bench, "now") == 10
    assert bench.counts() == {"verifying": 10}


def test_a_lane_is_paused_and_goes_on(bench: Bench) -> None:
    bench.accept(call(1))
    assert hand.pause(bench.store, LANE, who="Анна", why="портал переезжает")
    assert lanes.due_lanes(bench.store) == []
    assert lanes.pending(bench.store) == 0
    (view,) = views.lane_views(bench.store)
    assert (view.paused_by, view.paused_why, view.forecast_s) == ("Анна", "портал переезжает", None)
    assert hand.resume(bench.store, LANE)
    assert lanes.due_lanes(bench.store) == [LANE]
    assert hand.pause(bench.store, "before-its-first-call", who="Анна", why="")
    assert not hand.resume(bench.store, "nobody")
