"""Drains one destination: the same code under every engine.

One request at a time. Before it leaves, the intent is in the ledger; after it, the outcome is, in one
transaction with the breaker. What was unclear is asked about before it is sent again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from resend.ledger import lanes
from resend.ledger.lanes import Settled
from resend.model import LeaseLostError, State
from resend.policy import BreakerView, Moment, Schedule, after_lookup, after_step, decide
from supportctl.core.deadline import Deadline
from supportctl.core.delivery import Found, Outcome, Parcel

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from resend.ledger.store import Store
    from resend.model import Delivery, Lease
    from resend.ports import Destination

REQUEST_S = 90.0  # below the lease: a request that is still under way is never doubted by another worker


class Drained(NamedTuple):
    """What one drain did. `next_at` is when the lane has work again, None if it has none."""

    delivered: int
    requests: int
    next_at: float | None
    lost_lease: bool = False


class Lane:
    """One destination's lane, held by one worker. `chance` returns numbers in 0..1."""

    def __init__(
        self,
        store: Store,
        name: str,
        destination: Destination,
        *,
        schedule: Schedule,
        chance: Callable[[], float],
        holder: str,
    ) -> None:
        self._store = store
        self._name = name
        self._destination = destination
        self._schedule = schedule
        self._chance = chance
        self._holder = holder
        self._delivered = 0
        self._requests = 0
        self._fresh = False

    def drain(self, stop: Callable[[], bool] = lambda: False) -> Drained | None:
        """Send what is due until nothing is, `stop` says so or the breaker opens; None if it is held."""
        lease = lanes.claim(self._store, self._name, self._holder)
        if lease is None:
            return None
        self._delivered = self._requests = 0
        try:
            lanes.recover(self._store, lease, self._schedule.settle_s)
            while not stop() and self._round(lease):
                pass
            next_at = self._next_at()
        except LeaseLostError:
            return Drained(self._delivered, self._requests, None, lost_lease=True)
        finally:
            lanes.release(self._store, lease)
        return Drained(self._delivered, self._requests, next_at)

    def _round(self, lease: Lease) -> bool:
        """Make one request; return whether there may be more to do now."""
        state = lanes.lane(self._store, self._name)
        if state is None or state.paused_by:
            return False
        breaker = lanes.read_breaker(state)
        allowed = breaker.allows(self._now(), self._destination.batch_size)
        if allowed == 0:
            return False
        doubtful = lanes.due(self._store, self._name, State.VERIFYING, allowed)
        if doubtful:
            return self._look_up(lease, doubtful, breaker)
        waiting = self._waiting(allowed)
        return self._send(lease, waiting, breaker) if waiting else False

    def _waiting(self, allowed: int) -> list[Delivery]:
        """Return the next batch: turn by turn the longest waiting and the freshest calls."""
        self._fresh = not self._fresh
        return lanes.due(self._store, self._name, State.WAITING, allowed, fresh=self._fresh)

    def _send(self, lease: Lease, waiting: Sequence[Delivery], breaker: BreakerView) -> bool:
        fitting = waiting[: self._destination.fits([_parcel(each) for each in waiting])]
        taken = lanes.intend(self._store, lease, [delivery.id for delivery in fitting])
        batch = {delivery.id: delivery for delivery in fitting if delivery.id in taken}
        if not batch:
            return True
        deadline = Deadline.after(REQUEST_S, self._store.clock)
        outcomes = self._destination.advance([_parcel(each) for each in batch.values()], deadline)
        self._requests += 1
        now = self._now()
        settled = [
            Settled(
                each, decide(each, self._moment(batch[each.delivery_id], now), self._schedule, self._chance())
            )
            for each in outcomes
        ]
        view = after_step(breaker, outcomes, now, self._schedule, self._chance())
        lanes.settle(self._store, lease, settled, view)
        self._delivered += sum(each.decision.state is State.DELIVERED for each in settled)
        return True

    def _look_up(self, lease: Lease, doubtful: Sequence[Delivery], breaker: BreakerView) -> bool:
        deadline = Deadline.after(REQUEST_S, self._store.clock)
        answers = self._destination.look_up([_parcel(each) for each in doubtful], deadline)
        self._requests += 1
        now = self._now()
        settled = [self._judged(each, answers.get(each.id), now) for each in doubtful]
        view = after_step(breaker, [each.outcome for each in settled], now, self._schedule, self._chance())
        lanes.settle(self._store, lease, settled, view, before=State.VERIFYING)
        self._delivered += sum(each.decision.state is State.DELIVERED for each in settled)
        return True

    def _judged(self, delivery: Delivery, answer: Found | Outcome | None, now: float) -> Settled:
        moment = self._moment(delivery, now)
        if isinstance(answer, Outcome):
            decision = after_lookup(None, moment, self._schedule, self._chance())
            return Settled(answer, decision, "lookup")
        whole = bool(answer and answer.whole)
        step, facts, remote = (answer.step, answer.facts, answer.remote_id) if answer else ("", {}, "")
        outcome = Outcome(delivery.id, step, facts, done=whole, remote_id=remote)
        return Settled(outcome, after_lookup(whole, moment, self._schedule, self._chance()), "lookup")

    def _moment(self, delivery: Delivery, now: float) -> Moment:
        return Moment(now, delivery.deadline_at, delivery.attempts + 1)

    def _now(self) -> float:
        with self._store.read() as connection:
            return self._store.now(connection)

    def _next_at(self) -> float | None:
        next_at = lanes.next_due(self._store, self._name)
        state = lanes.lane(self._store, self._name)
        if next_at is None or state is None or state.paused_by:
            return None
        return max(next_at, state.open_until)


def _parcel(delivery: Delivery) -> Parcel:
    return Parcel(
        delivery.id, delivery.call, delivery.step, delivery.facts, delivery.attempts + 1, delivery.revision
    )
