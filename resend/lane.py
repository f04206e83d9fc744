"""Drains one destination: the same code under every engine.

One request at a time. Before it leaves, the intent is in the ledger; after it, the outcome is, in one
transaction with the breaker. What was unclear is asked about before it is sent again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from resend.answers import checked, crashed, found_out, is_nothing, is_refused, parcel_of, refused_whole
from resend.ledger import lanes
from resend.ledger.lanes import LEASE_S, Settled, read_breaker
from resend.model import LeaseLostError, State
from resend.policy import BreakerView, Decision, Moment, Schedule, after_lookup, after_step, decide, trip
from resend.telling import LaneEvents
from supportctl.core import log
from supportctl.core.deadline import Deadline
from supportctl.core.failure import Failure

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from resend.ledger.sending import Look
    from resend.ledger.store import Store
    from resend.model import Delivery, Lease
    from resend.ports import Destination, Lanes
    from supportctl.core.delivery import Outcome, Parcel

REQUEST_S = 90.0  # below the lease: a request that is still under way is never doubted by another worker
_REFUSED_IN_A_ROW = 10  # calls that were refused one by one: by now it is not the calls


class Drained(NamedTuple):
    """What one drain did. `next_at` is when the lane has work again, None if it has none.

    `crashes` counts requests in which the destination's own code failed: a bug, the log says more.
    """

    delivered: int
    requests: int
    next_at: float | None
    lost_lease: bool = False
    crashes: int = 0


class _Group(NamedTuple):
    """Deliveries that are next: the rest of a batch, one step further, or half of one that was refused."""

    kind: State  # waiting: to be sent; verifying: to be asked about
    ids: list[int]


class Lane:
    """One destination's lane, held by one worker. `chance` returns numbers in 0..1.

    Keep it from drain to drain: it remembers that questions are refused, and how many calls were.
    """

    def __init__(
        self,
        store: Store,
        name: str,
        destination: Destination,
        *,
        schedule: Schedule,
        chance: Callable[[], float],
        holder: str,
        request_s: float = REQUEST_S,
        lease_s: float = LEASE_S,
        ledger: Lanes = lanes,
    ) -> None:
        if not request_s < lease_s:
            raise ValueError("a lease lasts longer than a request")
        self._store = store
        self._ledger = ledger
        self._name = name
        self._destination = destination
        self._schedule = schedule
        self._chance = chance
        self._holder = holder
        self._request_s = request_s
        self._lease_s = lease_s
        self._next: list[_Group] = []  # before anything else; the last one first
        self._asking = BreakerView()  # of questions alone: they may be forbidden where sending is not
        self._refused = 0  # one after another
        self._turn = 0
        self._token = -1
        self._events = LaneEvents(name)
        self._done = Drained(0, 0, None)

    def drain(self, stop: Callable[[], bool] = lambda: False) -> Drained | None:
        """Send what is due until nothing is, `stop` says so or the breaker opens; None if it is held."""
        lease = self._ledger.claim(self._store, self._name, self._holder, self._lease_s)
        if lease is None:
            return None
        self._done = Drained(0, 0, None)
        self._next.clear()
        if lease.token != self._token + 1:  # somebody else had the lane meanwhile
            getattr(self._destination, "taken_over", _nothing)()
        self._token = lease.token
        try:
            self._recover(lease)
            while self._round(lease, stop):
                pass
            self._ledger.release(self._store, lease)
        except LeaseLostError:
            return self._done._replace(next_at=None, lost_lease=True)
        except Exception:
            self._give_back(lease)
            raise
        return self._done

    def _recover(self, lease: Lease) -> None:
        with self._ledger.look(self._store, self._name) as seen:
            left_behind = seen.has_sending()
        if left_behind:
            # What its worker sent with the last of its lease may still be on its way.
            self._ledger.recover(self._store, lease, self._request_s + self._schedule.settle_s)

    def _give_back(self, lease: Lease) -> None:
        try:
            self._ledger.release(self._store, lease)
        except Exception as error:  # noqa: BLE001  what went wrong before is to be told; a lease ends by itself
            log.event("warning", "resend.not-released", destination=self._name, error=type(error).__name__)

    def _round(self, lease: Lease, stop: Callable[[], bool]) -> bool:
        """Make one request; return whether there may be more to do now, and note when there is if not."""
        with self._ledger.look(self._store, self._name) as seen:
            breaker = read_breaker(seen.lane) if seen.lane and not seen.lane.paused_by else None
            group = None
            if breaker is not None and not stop():
                allowed = breaker.allows(seen.now, self._destination.batch_size)
                group = self._choose(seen, allowed) if allowed else None
            if group is None:
                self._done = self._done._replace(next_at=self._next_at(seen, breaker))
        if group is None or breaker is None:
            return False
        kind, deliveries = group
        if breaker.trying() != breaker:  # shown, and known to whoever comes after us
            breaker = breaker.trying()
            self._ledger.renew(self._store, lease, breaker)
        (self._look_up if kind is State.VERIFYING else self._send)(lease, deliveries, breaker)
        return True

    def _choose(self, seen: Look, allowed: int) -> tuple[State, list[Delivery]] | None:
        """Return what is next: questions and sendings take turns, so that neither starves the other.

        Of the sendings every second one is for the freshest calls: a backlog gets half of the lane.
        """
        while self._next:
            group = self._next.pop()
            found = seen.still_due(group.ids, group.kind)
            self._put(group.kind, [each.id for each in found[allowed:]])
            if found:
                return group.kind, found[:allowed]
        self._turn += 1
        for kind in _TURNS[self._turn % 2]:
            if kind is State.VERIFYING and not self._asking.allows(seen.now, allowed):
                continue
            fresh = kind is State.WAITING and self._turn % 4 < 2
            found = seen.due(kind, allowed, fresh=fresh)
            if found:
                return kind, found
        return None

    def _next_at(self, seen: Look, breaker: BreakerView | None) -> float | None:
        if breaker is None:
            return None
        waiting, doubtful = seen.next_due(State.WAITING), seen.next_due(State.VERIFYING)
        if doubtful is not None:
            doubtful = max(doubtful, self._asking.open_until)
        times = [at for at in (waiting, doubtful) if at is not None]
        return max(min(times), breaker.open_until) if times else None

    def _put(self, kind: State, ids: list[int]) -> None:
        if ids:
            self._next.append(_Group(kind, ids))

    def _send(self, lease: Lease, waiting: Sequence[Delivery], breaker: BreakerView) -> None:
        fits = max(1, self._destination.fits([parcel_of(each) for each in waiting]))
        fitting = waiting[:fits]
        self._put(State.WAITING, [each.id for each in waiting[fits:]])
        # From before the intent on: a worker that is stopped in between wakes up without any time left.
        deadline = Deadline.after(self._request_s, self._store.clock)
        taken = self._ledger.intend(self._store, lease, fitting)
        batch = [each for each in fitting if each.id in taken]
        if not batch:
            return
        outcomes = self._advanced([parcel_of(each) for each in batch], deadline)
        now = self._store.time()
        decisions = [
            decide(outcome, self._moment(each, now), self._schedule, self._chance())
            for each, outcome in zip(batch, outcomes, strict=True)
        ]
        if refused_whole(outcomes):
            decisions = self._halved(State.WAITING, [each.id for each in batch], now)
        self._put(
            State.WAITING, [each.delivery_id for each in outcomes if not each.failure and not each.done]
        )
        view = after_step(breaker, outcomes, now, self._schedule, self._chance())
        if self._all_refused(outcomes):
            view = trip(breaker, outcomes, now, self._schedule, self._chance())
        self._settle(lease, batch, outcomes, decisions, view)

    def _advanced(self, parcels: Sequence[Parcel], deadline: Deadline) -> list[Outcome]:
        self._done = self._done._replace(requests=self._done.requests + 1)
        try:
            return checked(parcels, self._destination.advance(parcels, deadline))
        except Exception as error:  # noqa: BLE001  a bug of a destination may not lose a call
            return self._crashed(parcels, error)

    def _crashed(self, parcels: Sequence[Parcel], error: Exception) -> list[Outcome]:
        self._done = self._done._replace(crashes=self._done.crashes + 1)
        what = f"{type(error).__name__}: {error}"
        log.event("error", "resend.destination-crashed", destination=self._name, error=what)
        return crashed(parcels, error)

    def _halved(self, kind: State, ids: list[int], now: float) -> list[Decision]:
        """Let the halves of a refused batch follow, until the poison is alone; nothing of it was done."""
        middle = len(ids) // 2
        self._put(kind, ids[middle:])
        self._put(kind, ids[:middle])
        return [Decision(kind, now, counted=False)] * len(ids)

    def _all_refused(self, outcomes: Sequence[Outcome]) -> bool:
        """Return whether so many calls were refused one by one that it cannot be their own fault."""
        if any(outcome.failure is None for outcome in outcomes):
            self._refused = 0
        elif len(outcomes) == 1 and is_refused(outcomes[0]):
            self._refused += 1
        return self._refused >= _REFUSED_IN_A_ROW

    def _look_up(self, lease: Lease, doubtful: Sequence[Delivery], breaker: BreakerView) -> None:
        outcomes = self._asked(
            [parcel_of(each) for each in doubtful], Deadline.after(self._request_s, self._store.clock)
        )
        now = self._store.time()
        decisions = [
            self._judged(each, outcome, now) for each, outcome in zip(doubtful, outcomes, strict=True)
        ]
        if refused_whole(outcomes):
            decisions = self._halved(State.VERIFYING, [each.id for each in doubtful], now)
        self._asking = after_step(self._asking, outcomes, now, self._schedule, self._chance())
        told = [each for each in outcomes if each.failure is not Failure.CONFIGURATION]
        view = after_step(breaker, told, now, self._schedule, self._chance(), reads=True)
        self._settle(lease, doubtful, outcomes, decisions, view, State.VERIFYING)

    def _judged(self, delivery: Delivery, outcome: Outcome, now: float) -> Decision:
        moment, chance = self._moment(delivery, now), self._chance()
        if outcome.failure is None and not outcome.done and not is_nothing(outcome):
            return decide(outcome, moment, self._schedule, chance)  # a part of it is there: it goes on
        found = None if outcome.failure else outcome.done
        return after_lookup(found, moment, self._schedule, chance)

    def _asked(self, parcels: Sequence[Parcel], deadline: Deadline) -> list[Outcome]:
        self._done = self._done._replace(requests=self._done.requests + 1)
        try:
            answers = self._destination.look_up(parcels, deadline)
            return [found_out(parcel, answers) for parcel in parcels]
        except Exception as error:  # noqa: BLE001  a bug of a destination may not end the lane
            return self._crashed(parcels, error)

    def _settle(  # noqa: PLR0917  the parts of one transaction
        self,
        lease: Lease,
        batch: Sequence[Delivery],
        outcomes: Sequence[Outcome],
        decisions: Sequence[Decision],
        view: BreakerView,
        before: State = State.SENDING,
    ) -> None:
        kind = "lookup" if before is State.VERIFYING else "try"
        settled = [
            Settled(outcome, decision, kind, each.revision)
            for each, outcome, decision in zip(batch, outcomes, decisions, strict=True)
        ]
        self._ledger.settle(self._store, lease, settled, view, before)
        self._events.settled(decisions, view)
        delivered = sum(decision.state is State.DELIVERED for decision in decisions)
        self._done = self._done._replace(delivered=self._done.delivered + delivered)

    def _moment(self, delivery: Delivery, now: float) -> Moment:
        return Moment(now, delivery.deadline_at, delivery.attempts + 1)


def _nothing() -> None:
    """Do what a destination does that has no limit to share."""


_TURNS = ((State.WAITING, State.VERIFYING), (State.VERIFYING, State.WAITING))
