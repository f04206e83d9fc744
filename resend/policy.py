"""When a delivery is tried again, and when it is not: pure, time and chance come in as arguments."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from resend.model import Acts, Breaker, State
from supportctl.core.failure import Failure

if TYPE_CHECKING:
    from collections.abc import Sequence

    from supportctl.core.delivery import Outcome

LONGEST_PAUSE_S = 3600.0  # a system that says "come back next year" is not believed
TRIP_AFTER = 3  # requests that failed one after another
_LONGEST_CANARY_S = 900.0  # one request in a quarter of an hour: a portal that is back is noticed soon enough
_SHORTEST_DELAY_S = 1.0
_AT_ONCE = frozenset({Failure.CONFIGURATION, Failure.SIGN_IN, Failure.BLOCKED})
_LATE = dict.fromkeys(_AT_ONCE, Acts.CUSTOMER)


class Schedule(NamedTuple):
    """The times of the configuration, in seconds (`resend:` in supportctl.yaml)."""

    horizon_s: float = 86400.0
    first_delay_s: float = 60.0
    max_delay_s: float = 14400.0
    settle_s: float = 60.0


class Moment(NamedTuple):
    """Where a delivery is in its day: seconds since the epoch; `attempts` counts the one just made."""

    now: float
    deadline_at: float
    attempts: int


class Decision(NamedTuple):
    """What becomes of a delivery after a step.

    `counted`: it makes the next pause longer; a limit or a step forward does not. What the whole lane does is
    for `after_step` to say.
    """

    state: State
    next_attempt_at: float
    who_acts: Acts = Acts.NOBODY
    counted: bool = True


def delay(schedule: Schedule, attempts: int, chance: float) -> float:
    """Return the seconds until try number `attempts` + 1: exponential, with full jitter.

    `chance` is in 0..1. The delay is spread over all of its bound, so that a thousand calls that failed
    together do not come back together.
    """
    return max(_SHORTEST_DELAY_S, longest_delay(schedule, attempts) * chance)


def longest_delay(schedule: Schedule, attempts: int) -> float:
    """Return the bound of `delay`: it doubles from `first_delay_s` up to `max_delay_s`."""
    exponent = min(max(attempts - 1, 0), 60)  # more would overflow
    return min(schedule.max_delay_s, schedule.first_delay_s * 2.0**exponent)


def decide(outcome: Outcome, moment: Moment, schedule: Schedule, chance: float) -> Decision:
    """Return what becomes of a delivery whose try brought `outcome`.

    The horizon ends everything but an unclear answer: that is asked about first, however late it is.
    """
    now = moment.now
    if outcome.failure is None:  # whole, or one step further: the next at once
        return Decision(State.DELIVERED if outcome.done else State.WAITING, now, counted=outcome.done)
    if outcome.failure is Failure.AMBIGUOUS:
        return Decision(State.VERIFYING, now + schedule.settle_s)
    if outcome.failure is Failure.DATA:
        return Decision(State.ESCALATED, now, Acts.FIRST_LINE)
    return _again(outcome, moment, schedule, chance)


def _again(outcome: Outcome, moment: Moment, schedule: Schedule, chance: float) -> Decision:
    now = moment.now
    assert outcome.failure is not None
    if now >= moment.deadline_at:
        return Decision(State.ESCALATED, now, _LATE.get(outcome.failure, Acts.SECOND_LINE))
    if outcome.failure is Failure.CONFIGURATION and outcome.alone:
        return Decision(State.HELD, moment.deadline_at, Acts.CUSTOMER)
    if outcome.failure is Failure.WAIT:
        at = _limit_ends(outcome, now, schedule)
        return Decision(State.WAITING, min(at, moment.deadline_at), counted=False)
    again = now + delay(schedule, moment.attempts, chance)
    who = _LATE.get(outcome.failure, Acts.NOBODY)
    return Decision(State.WAITING, min(again, moment.deadline_at), who)


def after_lookup(found: bool | None, moment: Moment, schedule: Schedule, chance: float) -> Decision:  # noqa: FBT001  three answers
    """Return what becomes of a delivery that the destination was asked about.

    `found` is True if it is there whole. False if nothing is there: what was never sent goes at once, what
    was not before it could have come to light after all, and each time later. None if it could not be told:
    then it is asked again, each time later, past the horizon too, for as long as the longest pause. What is
    there in part is for `decide`: it goes on.
    """
    now = moment.now
    again = now + max(schedule.settle_s, delay(schedule, moment.attempts - 1, chance))
    if found:
        return Decision(State.DELIVERED, now, counted=False)
    if found is None and now < moment.deadline_at + schedule.max_delay_s:
        return Decision(State.VERIFYING, min(again, moment.deadline_at + schedule.max_delay_s))
    if found is None or now >= moment.deadline_at:
        return Decision(State.ESCALATED, now, Acts.SECOND_LINE, counted=False)
    never_sent = moment.attempts <= 1
    return Decision(State.WAITING, now if never_sent else min(again, moment.deadline_at), counted=False)


def _limit_ends(outcome: Outcome, now: float, schedule: Schedule) -> float:
    hint = now + schedule.first_delay_s if outcome.retry_at is None else outcome.retry_at
    return min(max(hint, now + _SHORTEST_DELAY_S), now + LONGEST_PAUSE_S)


class BreakerView(NamedTuple):
    """A lane's breaker.

    closed -> open: three requests failed one after another, or one failed for a reason that concerns every
    call (right, token, blocked account). open -> half-open: the pause is over and one canary is on its way.
    half-open -> closed: the destination has answered it. half-open -> open: it failed, too; the next pause
    is longer. A canary of which nothing is known (its worker died) leaves it half-open: one more follows.
    `open_until`: nothing is sent before; a limit pauses a closed breaker, too. `since` and `why` are those of
    the breakdown: when its first request failed, and how its last one did.
    """

    breaker: Breaker = Breaker.CLOSED
    failures: int = 0  # requests that failed one after another
    open_until: float = 0.0
    since: float = 0.0
    why: str = ""

    def allows(self, now: float, batch: int) -> int:
        """Return how many deliveries may be sent at once: none, one canary, or a whole batch.

        A pause longer than any is of a clock that was set back: it holds nobody up.
        """
        if now < self.open_until <= now + LONGEST_PAUSE_S:
            return 0
        return batch if self.breaker is Breaker.CLOSED else 1

    def trying(self) -> BreakerView:
        """Return the breaker while a request is on its way."""
        return self if self.breaker is Breaker.CLOSED else self._replace(breaker=Breaker.HALF_OPEN)


def after_step(
    view: BreakerView,
    outcomes: Sequence[Outcome],
    now: float,
    schedule: Schedule,
    chance: float,
    *,
    reads: bool = False,
) -> BreakerView:
    """Return the lane's breaker after one request with these outcomes.

    An answer that brought anything forward, or refused a call for its own data, or named a limit of one
    method, shows a destination that lives. A limit of everything is a pause. What was found out without
    asking (a call that has to be held, our own count of a limit) shows nothing. A question (`reads`) that is
    answered lets sending be tried; that nothing is sent in vain only a sending shows.
    """
    lives = any(_lives(outcome) for outcome in outcomes)
    if lives:
        kept = view._replace(breaker=Breaker.CLOSED, open_until=0.0)
        view = kept if reads and view.failures else BreakerView()
    limits = [each for each in outcomes if each.failure is Failure.WAIT and each.method is None]
    if limits:
        return _paused(view, max(_limit_ends(each, now, schedule) for each in limits))
    broken = [each for each in outcomes if _is_broken(each)]
    if lives or not broken:
        return view
    return _failed(view, broken, now, schedule, chance)


def trip(
    view: BreakerView, outcomes: Sequence[Outcome], now: float, schedule: Schedule, chance: float
) -> BreakerView:
    """Return the breaker, open: what these outcomes tell concerns every call."""
    return _failed(
        view._replace(failures=max(view.failures, TRIP_AFTER - 1)), outcomes, now, schedule, chance
    )


def _lives(outcome: Outcome) -> bool:
    if not outcome.sent:
        return False
    spoken = outcome.failure in {None, Failure.DATA} or outcome.alone
    return spoken or (outcome.failure is Failure.WAIT and outcome.method is not None)


def _is_broken(outcome: Outcome) -> bool:
    return outcome.failure not in {None, Failure.DATA, Failure.WAIT} and not outcome.alone


def _paused(view: BreakerView, until: float) -> BreakerView:
    breaker = Breaker.CLOSED if view.breaker is Breaker.CLOSED else Breaker.OPEN
    return view._replace(breaker=breaker, open_until=max(view.open_until, until))


def _failed(
    view: BreakerView, broken: Sequence[Outcome], now: float, schedule: Schedule, chance: float
) -> BreakerView:
    failures, since = view.failures + 1, view.since or now
    if any(outcome.failure in _AT_ONCE for outcome in broken):
        failures = max(failures, TRIP_AFTER)
    last = broken[-1]
    why = f"{last.code}: {last.text}" if last.text else last.code
    if view.breaker is Breaker.CLOSED and failures < TRIP_AFTER:
        return BreakerView(Breaker.CLOSED, failures, view.open_until, since, why)
    longest = min(longest_delay(schedule, failures - TRIP_AFTER + 1), _LONGEST_CANARY_S)
    pause = max(_SHORTEST_DELAY_S, longest * (0.5 + chance / 2))
    return BreakerView(Breaker.OPEN, failures, now + pause, since, why)
