"""What is due, the intent to send it, and what came of it: in the rows, the counts and the lane."""

from __future__ import annotations

import pytest
from ledger_bench import LANE, Bench, call, settled_as

from resend.ledger import lanes, views
from resend.ledger.lanes import Settled
from resend.model import Acts, Breaker, State
from resend.policy import BreakerView, Decision
from supportctl.core.delivery import Outcome
from supportctl.core.failure import Failure

LATER = call(1, recording_url="https://rec.example/1.mp3")


def test_the_longest_waiting_or_the_freshest(bench: Bench) -> None:
    bench.accept(call(1, age_s=10))
    bench.clock.advance(1)
    bench.accept(call(2, age_s=500), call(3, age_s=5), call(4, age_s=700))
    assert [each.call_id for each in lanes.due(bench.store, LANE, State.WAITING, 1)] == ["c-1"]
    fresh = lanes.due(bench.store, LANE, State.WAITING, 3, fresh=True)
    assert [each.call_id for each in fresh] == ["c-3", "c-1", "c-2"]
    assert lanes.due(bench.store, LANE, State.VERIFYING, 3) == []


def test_the_freshest_may_all_wait_for_a_retry(bench: Bench) -> None:
    """Then nobody walks through all of them: what waits longest is taken."""
    bench.accept(call(0, age_s=9000), *(call(number, age_s=number) for number in range(1, 80)))
    with bench.store.write() as connection:
        connection.exec_driver_sql(
            f"UPDATE deliveries SET next_attempt_at = {bench.now + 99} WHERE call_id <> 'c-0'"
        )
    assert [each.call_id for each in lanes.due(bench.store, LANE, State.WAITING, 2, fresh=True)] == ["c-0"]


def test_only_what_still_waits_unchanged_may_be_sent(bench: Bench) -> None:
    bench.accept(call(1), call(2), call(3))
    lease = bench.claim()
    due = lanes.due(bench.store, LANE, State.WAITING, 5)
    _, second, third = due
    bench.accept(LATER)  # it has changed since it was read
    lanes.intend(bench.store, lease, [second])
    assert lanes.intend(bench.store, lease, due) == {third.id}
    assert bench.counts() == {"waiting": 1, "sending": 2}
    assert bench.one("c-1").state is State.WAITING
    assert [each.call for each in bench.send(lease)] == [LATER]


def test_an_outcome_is_written_whole(bench: Bench) -> None:
    bench.accept(call(1))
    lease = bench.claim()
    (sent,) = bench.send(lease)
    outcome = Outcome(
        sent.id, "registered", {"call_id": "ё-1"}, remote_id="7", failure=Failure.RETRY, code="E", text="so"
    )
    decision = Decision(State.WAITING, bench.now + 90, Acts.CUSTOMER)
    lanes.settle(bench.store, lease, [Settled(outcome, decision)], BreakerView(Breaker.CLOSED, 1))
    found = bench.one()
    assert (found.state, found.step, found.facts, found.attempts) == (
        State.WAITING,
        "registered",
        {"call_id": "ё-1"},
        1,
    )
    assert (found.failure, found.error_code, found.error_text) == (Failure.RETRY, "E", "so")
    assert (found.who_acts, found.remote_id, found.next_attempt_at) == (Acts.CUSTOMER, "7", bench.now + 90)
    (event,) = views.timeline(bench.store, sent.id)
    assert (event.kind, event.step, event.state, event.failure) == ("try", "registered", "waiting", "retry")
    assert (event.code, event.text, event.at, event.next_attempt_at) == ("E", "so", bench.now, bench.now + 90)
    assert lanes.lane(bench.store, LANE).failures == 1  # type: ignore[union-attr]
    assert bench.counts() == {"waiting": 1}


def test_each_of_a_request_keeps_what_is_its_own(bench: Bench) -> None:
    bench.accept(*(call(number) for number in range(1, 7)))
    lease = bench.claim()
    sent = bench.send(lease)
    settled = []
    for number, each in enumerate(sent):
        own = {"id": f'{{"{number}", \\ NULL}}'} if number % 2 else {}
        outcome = Outcome(each.id, "s", own, done=True, remote_id=f"{number},NULL")
        ends = Decision(State.DELIVERED, bench.now)
        if number > 3:
            outcome = outcome._replace(done=False, failure=Failure.RETRY, code=f"E{number}")
            ends = Decision(State.WAITING, bench.now + number)
        settled.append(Settled(outcome, ends))
    lanes.settle(bench.store, lease, settled, BreakerView())
    found = {each.id: each for each in bench.all()}
    assert len(found) == 6
    for outcome, ends, *_ in settled:
        one = found[outcome.delivery_id]
        assert (one.state, one.next_attempt_at) == (ends.state, ends.next_attempt_at)
        assert (one.facts, one.remote_id, one.attempts) == (outcome.facts, outcome.remote_id, 1)
        assert (one.failure, one.error_code) == (outcome.failure, outcome.code)
    assert bench.counts() == {"delivered": 4, "waiting": 2}


def test_what_others_say_fits_whatever_it_is(bench: Bench) -> None:
    bench.accept(call(1))
    lease = bench.claim()
    (sent,) = bench.send(lease)
    outcome = Outcome(
        sent.id,
        "step",
        {"id": "a\0\ud800"},
        remote_id="\0" + "9" * 500,
        failure=Failure.RETRY,
        code="E" * 500,
    )
    lanes.settle(bench.store, lease, [Settled(outcome, Decision(State.WAITING, bench.now))], BreakerView())
    found = bench.one()
    assert (found.remote_id, found.error_code, found.facts) == ("9" * 100, "E" * 100, {"id": "a\0\ud800"})


def test_what_put_something_right_is_in_the_timeline(bench: Bench) -> None:
    bench.accept(call(1))
    lease = bench.claim()
    (sent,) = bench.send(lease)
    outcome = Outcome(sent.id, "done", {}, done=True, note="crm.user-inactive")
    lanes.settle(bench.store, lease, [Settled(outcome, Decision(State.DELIVERED, bench.now))], BreakerView())
    assert views.timeline(bench.store, sent.id)[-1].code == "crm.user-inactive"


def test_a_limit_is_no_try(bench: Bench) -> None:
    bench.accept(call(1))
    lease = bench.claim()
    (sent,) = bench.send(lease)
    item = settled_as(sent, State.WAITING, bench.now, Failure.WAIT)
    item = item._replace(decision=item.decision._replace(counted=False))
    lanes.settle(bench.store, lease, [item], BreakerView())
    assert bench.one().attempts == 0


def test_nothing_is_settled_twice(bench: Bench) -> None:
    bench.accept(call(1))
    lease = bench.claim()
    sent = bench.send(lease)
    bench.settle(lease, sent)
    bench.settle(lease, sent, State.ESCALATED, Failure.DATA)
    assert bench.one().state is State.DELIVERED
    assert bench.counts() == {"delivered": 1}
    assert len(views.timeline(bench.store, sent[0].id)) == 1


@pytest.mark.parametrize(
    ("state", "failure"),
    [
        (State.DELIVERED, None),
        (State.ESCALATED, Failure.DATA),
        (State.HELD, Failure.CONFIGURATION),
    ],
)
def test_a_call_that_changes_while_it_is_sent_is_not_ended(
    bench: Bench, state: State, failure: Failure | None
) -> None:
    bench.accept(call(1))
    lease = bench.claim()
    sent = bench.send(lease)
    bench.accept(LATER)
    bench.settle(lease, sent, state, failure)
    found = bench.one()
    assert (found.state, found.next_attempt_at, found.call) == (State.WAITING, bench.now, LATER)
    assert bench.counts() == {"waiting": 1}
    again = bench.send(lease)
    assert [(each.call, each.revision) for each in again] == [(LATER, 1)]
    bench.settle(lease, again)
    assert bench.states() == {"c-1": State.DELIVERED}


@pytest.mark.parametrize("failure", [Failure.RETRY, Failure.AMBIGUOUS])
def test_a_call_that_changes_while_its_try_fails_follows_its_failure(bench: Bench, failure: Failure) -> None:
    bench.accept(call(1))
    lease = bench.claim()
    sent = bench.send(lease)
    bench.accept(LATER)
    state = State.VERIFYING if failure is Failure.AMBIGUOUS else State.WAITING
    bench.settle(lease, sent, state, failure)
    assert (bench.one().state, bench.one().next_attempt_at) == (state, bench.now + 60)


def test_what_is_found_is_what_was_sent_and_not_what_has_come_since(bench: Bench) -> None:
    """The answer to the first form was lost; while it was in doubt the recording came."""
    bench.accept(call(1))
    lease = bench.claim()
    bench.settle(lease, bench.send(lease), State.VERIFYING, Failure.AMBIGUOUS)
    bench.accept(LATER)
    bench.clock.advance(60)
    asked = lanes.due(bench.store, LANE, State.VERIFYING, 5)
    assert [each.call for each in asked] == [LATER]
    bench.settle(lease, asked, State.DELIVERED, kind="lookup")
    assert bench.states() == {"c-1": State.WAITING}
    bench.settle(lease, bench.send(lease), State.VERIFYING, Failure.AMBIGUOUS)
    bench.clock.advance(60)
    asked = lanes.due(bench.store, LANE, State.VERIFYING, 5)
    bench.settle(lease, asked, State.DELIVERED, kind="lookup")
    assert bench.states() == {"c-1": State.DELIVERED}


def test_a_call_that_changes_while_it_is_asked_about(bench: Bench) -> None:
    bench.accept(call(1), ask_first=True)
    lease = bench.claim()
    asked = lanes.due(bench.store, LANE, State.VERIFYING, 5)
    bench.accept(LATER)
    bench.settle(lease, asked, State.DELIVERED, kind="lookup")
    assert bench.states() == {"c-1": State.WAITING}


def test_a_call_that_somebody_else_has_brought_is_found_and_not_sent(bench: Bench) -> None:
    bench.accept(call(1), ask_first=True)
    lease = bench.claim()
    bench.settle(lease, lanes.due(bench.store, LANE, State.VERIFYING, 5), State.DELIVERED, kind="lookup")
    assert (bench.states(), bench.counts()) == ({"c-1": State.DELIVERED}, {"delivered": 1})


def test_what_the_lane_says_of_itself(bench: Bench) -> None:
    bench.accept(*(call(number) for number in range(300)))
    lease = bench.claim()
    for _ in range(4):
        sent = bench.send(lease)
        bench.clock.advance(5)
        bench.settle(lease, sent)
    (view,) = views.lane_views(bench.store)
    assert view.rate_per_s == pytest.approx(10.0)
    assert view.forecast_s == pytest.approx(100 / 10.0)
    assert (view.last_error, view.holder) == ("", "here")
    failing = bench.send(lease)
    bench.clock.advance(30)
    bench.settle(lease, failing, State.WAITING, Failure.RETRY)
    (view,) = views.lane_views(bench.store)
    assert view.rate_per_s == pytest.approx(5.0)
    assert (view.last_error, view.last_failed_at) == ("said-retry: in so many words", bench.now)
    lanes.release(bench.store, lease)
    bench.clock.advance(7200)  # the lane stood still: that says nothing of its rate
    lease = bench.claim()
    sent = bench.send(lease)
    bench.clock.advance(10)
    bench.settle(lease, sent)
    (view,) = views.lane_views(bench.store)
    assert view.rate_per_s == pytest.approx((5.0 * 30 + 50) / 40)
    assert view.last_error == "said-retry: in so many words"
    assert view.last_failed_at < bench.now


def test_a_rate_is_sound_though_the_clock_was_set_back(bench: Bench) -> None:
    bench.accept(*(call(number) for number in range(60)))
    lease = bench.claim()
    sent = bench.send(lease, most=10)
    bench.clock.advance(1)
    bench.settle(lease, sent)
    sent = bench.send(lease, most=10)
    bench.clock.jump(-5000)
    bench.settle(lease, sent)
    (view,) = views.lane_views(bench.store)
    assert 0 < view.rate_per_s < 11


def test_of_several_failures_the_lane_tells_the_one_that_concerns_it(bench: Bench) -> None:
    bench.accept(call(1), call(2))
    lease = bench.claim()
    first, second = bench.send(lease)
    shared = settled_as(first, State.WAITING, bench.now, Failure.BLOCKED)
    alone = settled_as(second, State.HELD, bench.now, Failure.CONFIGURATION)
    alone = alone._replace(outcome=alone.outcome._replace(alone=True))
    lanes.settle(bench.store, lease, [shared, alone], BreakerView())
    assert views.lane_views(bench.store)[0].last_error.startswith("said-blocked")


def test_a_new_outcome_ends_what_was_told_of_the_old_one(bench: Bench) -> None:
    bench.accept(call(1))
    with bench.store.write() as connection:
        connection.exec_driver_sql("UPDATE deliveries SET fingerprint = 'abc'")
    bench.deliver()
    assert bench.one().fingerprint == ""
