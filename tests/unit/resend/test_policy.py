"""When a delivery is tried again, as properties; the breaker, transition by transition."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resend.model import Acts, Breaker, State
from resend.policy import (
    LONGEST_PAUSE_S,
    TRIP_AFTER,
    BreakerView,
    Moment,
    Schedule,
    after_lookup,
    after_step,
    decide,
    delay,
    longest_delay,
    trip,
)
from supportctl.core.delivery import Outcome
from supportctl.core.failure import Failure

NOW = 1_800_000_000.0
PLAIN = Schedule()
chances = st.floats(0.0, 1.0)
attempts = st.integers(0, 5000)
schedules = st.builds(
    Schedule,
    horizon_s=st.floats(60, 10**6),
    first_delay_s=st.floats(1, 3600),
    max_delay_s=st.floats(3600, 10**5),
    settle_s=st.floats(1, 600),
)
failures = st.sampled_from(Failure)
SENDING_FAILURES = (Failure.RETRY, Failure.AMBIGUOUS)
AT_ONCE = (Failure.CONFIGURATION, Failure.SIGN_IN, Failure.BLOCKED)


def outcome(failure=None, **more):
    return Outcome(1, "", {}, failure=failure, code="SOME_CODE", **more)


@given(schedules, attempts, chances)
def test_the_delay_is_spread_over_all_of_its_bound(schedule, number, chance):
    bound = longest_delay(schedule, number)
    assert min(1.0, bound) <= delay(schedule, number, chance) <= max(bound, 1.0)
    assert delay(schedule, number, 0.0) == 1.0
    assert delay(schedule, number, 1.0) == max(bound, 1.0)


@given(schedules, attempts)
def test_the_bound_only_grows_and_ends(schedule, number):
    now, after = longest_delay(schedule, number), longest_delay(schedule, number + 1)
    assert now <= after <= schedule.max_delay_s
    assert longest_delay(schedule, 1) == schedule.first_delay_s
    assert after == (now if number == 0 else min(2 * now, schedule.max_delay_s))


@given(schedules, failures, attempts, chances, st.floats(0, 10**6), st.none() | st.floats(-(10**9), 10**12))
def test_nothing_waits_past_its_deadline(schedule, failure, number, chance, left, hint):
    said = outcome(failure, retry_at=hint)
    decision = decide(said, Moment(NOW, NOW + left, number), schedule, chance)
    if decision.state is State.WAITING:
        assert NOW <= decision.next_attempt_at <= NOW + left
    elif decision.state is State.VERIFYING:
        assert decision.next_attempt_at == NOW + schedule.settle_s
    else:
        assert decision.state in {State.ESCALATED, State.HELD}


@given(failures, st.booleans(), attempts, chances, st.floats(0, 10**6))
def test_the_horizon_ends_everything_but_an_unclear_answer(failure, alone, number, chance, late):
    said = outcome(failure, alone=alone)
    decision = decide(said, Moment(NOW, NOW - late, number), PLAIN, chance)
    unclear = failure is Failure.AMBIGUOUS
    assert decision.state is (State.VERIFYING if unclear else State.ESCALATED)
    assert unclear or decision.who_acts is not Acts.NOBODY


@given(st.floats(-(10**9), 10**12), chances)
def test_a_limit_is_honoured_within_reason_and_is_no_try(hint, chance):
    said = outcome(Failure.WAIT, retry_at=NOW + hint)
    decision = decide(said, Moment(NOW, NOW + 86400, 1), PLAIN, chance)
    assert decision.next_attempt_at == NOW + min(max(hint, 1.0), LONGEST_PAUSE_S)
    assert (decision.state, decision.counted) == (State.WAITING, False)


def test_a_limit_without_a_hint_waits_for_the_first_delay():
    decision = decide(outcome(Failure.WAIT), Moment(NOW, NOW + 86400, 1), PLAIN, 0.5)
    assert decision.next_attempt_at == NOW + PLAIN.first_delay_s


@pytest.mark.parametrize(
    ("said", "state", "counted", "who"),
    [
        (outcome(done=True), State.DELIVERED, True, Acts.NOBODY),
        (outcome(), State.WAITING, False, Acts.NOBODY),
        (outcome(Failure.AMBIGUOUS), State.VERIFYING, True, Acts.NOBODY),
        (outcome(Failure.DATA), State.ESCALATED, True, Acts.FIRST_LINE),
        (outcome(Failure.RETRY), State.WAITING, True, Acts.NOBODY),
        (outcome(Failure.SIGN_IN), State.WAITING, True, Acts.CUSTOMER),
        (outcome(Failure.CONFIGURATION), State.WAITING, True, Acts.CUSTOMER),
        (outcome(Failure.CONFIGURATION, alone=True), State.HELD, True, Acts.CUSTOMER),
        (outcome(Failure.BLOCKED), State.WAITING, True, Acts.CUSTOMER),
    ],
)
def test_what_becomes_of_a_try(said, state, counted, who):
    decision = decide(said, Moment(NOW, NOW + 86400, 1), PLAIN, 0.5)
    assert (decision.state, decision.counted, decision.who_acts) == (state, counted, who)


@given(st.sampled_from([True, False, None]), attempts, chances, st.floats(-(10**6), 10**6))
def test_what_becomes_of_a_question(found, number, chance, left):
    deadline = NOW + left
    decision = after_lookup(found, Moment(NOW, deadline, number), PLAIN, chance)
    last = deadline + PLAIN.max_delay_s
    if found:
        assert decision.state is State.DELIVERED
    elif found is None and last > NOW:  # it is never sent again before it is known
        assert decision.state is State.VERIFYING
        assert NOW < decision.next_attempt_at <= last
        assert decision.next_attempt_at >= min(NOW + PLAIN.settle_s, last)
        assert decision.counted  # each time later
    elif found is False and deadline > NOW:
        assert decision.state is State.WAITING
        soonest = NOW if number <= 1 else min(NOW + PLAIN.settle_s, deadline)  # never sent: at once
        assert soonest <= decision.next_attempt_at <= deadline
    else:
        assert decision.state is State.ESCALATED


def test_the_breaker_opens_at_the_third_failure_in_a_row():
    view = BreakerView()
    for number in range(1, TRIP_AFTER):
        view = after_step(view, [outcome(Failure.RETRY, text="no route")], NOW + number, PLAIN, 0.0)
        assert (view.breaker, view.failures, view.allows(NOW + number, 50)) == (Breaker.CLOSED, number, 50)
    view = after_step(view, [outcome(Failure.AMBIGUOUS, text="cut")], NOW + 3, PLAIN, 0.0)
    assert (view.breaker, view.since, view.why) == (Breaker.OPEN, NOW + 1, "SOME_CODE: cut")
    assert view.open_until == NOW + 3 + PLAIN.first_delay_s / 2
    assert view.allows(NOW + 4, 50) == 0


def test_two_failures_with_a_success_between_are_not_two_in_a_row():
    view = after_step(BreakerView(), [outcome(Failure.RETRY)], NOW, PLAIN, 0.0)
    assert after_step(view, [outcome(Failure.RETRY), outcome()], NOW, PLAIN, 0.0) == BreakerView()


@pytest.mark.parametrize("failure", AT_ONCE)
def test_what_concerns_every_call_opens_it_at_once(failure):
    view = after_step(BreakerView(), [outcome(failure)], NOW, PLAIN, 0.0)
    assert (view.breaker, view.failures, view.since) == (Breaker.OPEN, TRIP_AFTER, NOW)


@pytest.mark.parametrize("failure", [*AT_ONCE, *SENDING_FAILURES])
def test_open_is_followed_by_half_open_and_that_by_either(failure):
    opened = trip(BreakerView(), [outcome(Failure.RETRY)], NOW, PLAIN, 0.0)
    assert opened.allows(opened.open_until - 0.001, 50) == 0
    assert opened.allows(opened.open_until, 50) == 1
    trying = opened.trying()
    assert trying == opened._replace(breaker=Breaker.HALF_OPEN)
    assert trying.allows(trying.open_until + 1, 50) == 1  # its worker died: one more
    assert after_step(trying, [outcome()], NOW, PLAIN, 0.0) == BreakerView()
    again = after_step(trying, [outcome(failure)], NOW + 60, PLAIN, 0.0)
    assert (again.breaker, again.failures, again.since) == (Breaker.OPEN, TRIP_AFTER + 1, NOW)
    assert again.open_until - (NOW + 60) == pytest.approx(2 * (opened.open_until - NOW))
    assert BreakerView().trying() == BreakerView()


@given(schedules, st.integers(0, 200), chances, failures, st.floats(0, 10**7))
def test_no_pause_is_longer_than_an_hour_and_no_canary_than_a_quarter(schedule, count, chance, failure, hint):
    view = BreakerView(Breaker.HALF_OPEN, count, NOW - 1, NOW - 9)
    after = after_step(view, [outcome(failure, retry_at=NOW + hint)], NOW, schedule, chance)
    assert after.open_until <= NOW + (LONGEST_PAUSE_S if failure is Failure.WAIT else 900)
    if after.breaker is Breaker.OPEN:
        assert after.open_until >= NOW + 0.5


def test_a_limit_of_one_method_does_not_pause_the_lane():
    said = [outcome(Failure.WAIT, method="finish", retry_at=NOW + 600)]
    assert after_step(BreakerView(), said, NOW, PLAIN, 0.0) == BreakerView()
    own_count = [outcome(Failure.WAIT, method="finish", retry_at=NOW + 600, sent=False)]
    trying = BreakerView(Breaker.HALF_OPEN, 4, NOW - 1, NOW - 99, "x")
    assert after_step(trying, own_count, NOW, PLAIN, 0.0) == trying  # nothing was asked, nothing is known
    assert after_step(trying, said, NOW, PLAIN, 0.0) == BreakerView()  # it has answered


def test_a_limit_of_everything_pauses_the_lane_and_breaks_nothing():
    said = [outcome(Failure.WAIT, retry_at=NOW + 30), outcome(Failure.WAIT, retry_at=NOW + 40)]
    view = after_step(BreakerView(failures=2), said, NOW, PLAIN, 0.0)
    assert (view.breaker, view.failures, view.open_until) == (Breaker.CLOSED, 2, NOW + 40)
    assert (view.allows(NOW + 39, 50), view.allows(NOW + 40, 50)) == (0, 50)
    trying = BreakerView(Breaker.HALF_OPEN, 4, NOW - 1)
    assert after_step(trying, said, NOW, PLAIN, 0.0)[:3] == (Breaker.OPEN, 4, NOW + 40)


@pytest.mark.parametrize("alive", [outcome(Failure.DATA), outcome(Failure.CONFIGURATION, alone=True)])
def test_a_call_that_is_refused_for_its_own_sake_shows_a_portal_that_lives(alive):
    assert after_step(BreakerView(Breaker.HALF_OPEN, 5), [alive], NOW, PLAIN, 0.0) == BreakerView()


@pytest.mark.parametrize("view", [BreakerView(), BreakerView(Breaker.HALF_OPEN, 5, NOW - 1)])
def test_what_was_found_out_without_asking_shows_nothing(view):
    held = outcome(Failure.CONFIGURATION, alone=True, sent=False)
    assert after_step(view, [held, outcome(sent=False, done=True)], NOW, PLAIN, 0.0) == view
    assert after_step(view, [], NOW, PLAIN, 0.0) == view


def test_an_answered_question_lets_sending_be_tried_and_forgets_nothing():
    trying = BreakerView(Breaker.HALF_OPEN, 5, NOW - 1, NOW - 99, "reset")
    view = after_step(trying, [outcome()], NOW, PLAIN, 0.0, reads=True)
    assert view == BreakerView(Breaker.CLOSED, 5, 0.0, NOW - 99, "reset")
    opened = after_step(view, [outcome(Failure.RETRY)], NOW, PLAIN, 1.0)
    assert (opened.breaker, opened.failures) == (Breaker.OPEN, 6)
    assert opened.open_until == NOW + 480  # it goes on where it was


def test_a_pause_of_a_clock_that_was_set_back_holds_nobody_up():
    view = BreakerView(Breaker.OPEN, 3, NOW + LONGEST_PAUSE_S)
    assert view.allows(NOW, 50) == 0
    assert view.allows(NOW - 1, 50) == 1
    assert view._replace(breaker=Breaker.CLOSED).allows(NOW - 1, 50) == 50
