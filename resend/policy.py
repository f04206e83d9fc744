"""When a delivery is tried again, and when it is not: pure, time and chance come in as arguments."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from resend.model import Acts, Breaker, State
from supportctl.core.failure import Failure

if TYPE_CHECKING:
    from collections.abc import Sequence

    from supportctl.core.delivery import Outcome

_LONGEST_HINT_S = 3600.0  # a system that says "come back next year" is not believed
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

    `counted`: it was a try; a limit is none. What the whole lane does is for `after_step` to say.
    """

    state: State
    next_attempt_at: float
    who_acts: Acts = Acts.NOBODY
    counted: bool = True


def delay(schedule: Schedule, attempts: int, chance: float) -> float:
    """Return the seconds until try number `attempts` + 1: exponential, with full jitter.

    `chance` is in 0..1. The upper bound doubles from `first_delay_s` up to `max_delay_s`; the delay is spread
    over all of it, so that a thousand calls that failed together do not come back together.
    """
    exponent = min(max(attempts - 1, 0), 60)  # more would overflow
    bound = min(schedule.max_delay_s, schedule.first_delay_s * 2.0**exponent)
    return max(_SHORTEST_DELAY_S, bound * chance)


def decide(outcome: Outcome, moment: Moment, schedule: Schedule, chance: float) -> Decision:
    """Return what becomes of a delivery whose try brought `outcome`.

    The horizon ends everything but an unclear answer: that is asked about first, however late it is.
    """
    now = moment.now
    if outcome.failure is None:  # whole, or one step further: the next at once
        return Decision(State.DELIVERED if outcome.done else State.WAITING, now)
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

    `found` is True if it is there whole, False if it surely is not, None if it could not be told: then it is
    asked again, past the horizon too, for as long as the longest pause.
    """
    now = moment.now
    if found:
        return Decision(State.DELIVERED, now)
    if found is None:
        if now >= moment.deadline_at + schedule.max_delay_s:
            return Decision(State.ESCALATED, now, Acts.SECOND_LINE)
        return Decision(
            State.VERIFYING, now + max(schedule.settle_s, delay(schedule, moment.attempts, chance))
        )
    if now >= moment.deadline_at:
        return Decision(State.ESCALATED, now, Acts.SECOND_LINE)
    return Decision(State.WAITING, now)


def _limit_ends(outcome: Outcome, now: float, schedule: Schedule) -> float:
    hint = now + schedule.first_delay_s if outcome.retry_at is None else outcome.retry_at
    return min(max(hint, now + _SHORTEST_DELAY_S), now + _LONGEST_HINT_S)


class BreakerView(NamedTuple):
    """A lane's breaker: how many requests failed one after another, and until when nothing is sent."""

    breaker: Breaker = Breaker.CLOSED
    failures: int = 0
    open_until: float = 0.0

    def allows(self, now: float, batch: int) -> int:
        """Return how many deliveries may be sent at once: none, one canary, or a whole batch."""
        if self.breaker is Breaker.CLOSED:
            return batch if now >= self.open_until else 0
        return 1 if now >= self.open_until else 0


TRIP_AFTER = 3


def after_step(
    view: BreakerView, outcomes: Sequence[Outcome], now: float, schedule: Schedule, chance: float
) -> BreakerView:
    """Return the lane's breaker after one request with these outcomes.

    One that brought anything forward, or that was refused for its own data, shows a destination that lives:
    closed. A limit is a pause. A right or a token that fails concerns every call: open at once. The rest
    counts, and opens at the third in a row, for longer each time.
    """
    failures = [outcome for outcome in outcomes if outcome.failure is not None]
    limits = [outcome for outcome in failures if outcome.failure is Failure.WAIT and not outcome.method]
    if limits:
        until = max(_limit_ends(outcome, now, schedule) for outcome in limits)
        return view._replace(open_until=max(view.open_until, until))
    alive = any(
        outcome.failure is None or outcome.failure is Failure.DATA or outcome.alone for outcome in outcomes
    )
    if alive or not failures:
        return BreakerView()
    if all(outcome.failure is Failure.WAIT for outcome in failures):  # a limit of one method
        return view
    tries = view.failures + 1
    trips = view.breaker is not Breaker.CLOSED or tries >= TRIP_AFTER
    if not trips and not any(outcome.failure in _AT_ONCE for outcome in failures):
        return BreakerView(Breaker.CLOSED, tries)
    pause = delay(schedule, max(tries - TRIP_AFTER + 1, 1), 0.5 + chance / 2)
    return BreakerView(Breaker.OPEN, max(tries, TRIP_AFTER), now + pause)
