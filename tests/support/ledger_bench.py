"""A ledger for tests: its clock, several stores on it as of several machines, calls, short ways to act."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from resend.ledger import audit, lanes, views
from resend.ledger.accept import Accepted, accept
from resend.ledger.filter import Filter
from resend.ledger.lanes import Settled
from resend.ledger.store import Store
from resend.model import Acts, State
from resend.policy import BreakerView, Decision
from supportctl.core.call import Call
from supportctl.core.clock import FakeClock
from supportctl.core.delivery import Outcome

if TYPE_CHECKING:
    from collections.abc import Sequence

    import sqlalchemy as sa

    from resend.model import Delivery, Lease
    from supportctl.core.failure import Failure

NOW = datetime(2026, 9, 15, 9, 0, tzinfo=UTC)
DAY_S = 86400.0
LANE = "acme"


class PretendedClock(FakeClock):
    """A clock that can be set, too: then the time of day jumps and nothing has passed."""

    def jump(self, seconds: float) -> None:
        """Set the time of day forward or back."""
        self._now += timedelta(seconds=seconds)


class PretendingStore(Store):
    """A store whose ledger's time is the pretended one, on PostgreSQL, too."""

    def now(self, connection: sa.Connection, *, about: bool = False) -> float:
        """Return the pretended time, as if the database had told it."""
        return self.heard(0.0)

    def heard(self, at: float) -> float:
        """Return the pretended time instead of the one that the database has told."""
        at = self.clock.now().timestamp()
        self._compare(at)
        return at


class Bench:
    """One ledger, and as many stores on it as machines have it open."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.clock = PretendedClock(NOW)
        self._stores: list[Store] = []
        self.store = self.open()

    @property
    def now(self) -> float:
        """The time of the ledger."""
        return self.clock.now().timestamp()

    def open(self) -> Store:
        """Open the ledger once more, as another process would."""
        store = PretendingStore(self.url, self.clock)
        self._stores.append(store)
        return store

    def close(self) -> None:
        """Close every store."""
        for store in self._stores:
            store.close()

    def accept(self, *calls: Call, ask_first: bool = False, lane: str = LANE) -> Accepted:
        """Take calls."""
        return accept(self.store, lane, calls, DAY_S, ask_first=ask_first)

    def all(self, **wanted: Any) -> list[Delivery]:
        """Return deliveries in the order in which they were accepted."""
        _, found = views.deliveries(self.store, Filter(**wanted), 100_000)
        return sorted(found, key=lambda delivery: delivery.id)

    def one(self, call_id: str = "c-1") -> Delivery:
        """Return the one delivery of a call."""
        (found,) = self.all(call_id=call_id)
        return found

    def states(self) -> dict[str, State]:
        """Return call_id -> state."""
        return {each.call_id: each.state for each in self.all()}

    def counts(self, lane: str = LANE) -> dict[str, int]:
        """Return the lane's counts that are not 0."""
        views_ = views.lane_views(self.store, lane)
        return {str(state): number for state, number in views_[0].counts.items() if number} if views_ else {}

    def claim(self, store: Store | None = None, holder: str = "here", lane: str = LANE) -> Lease:
        """Return the lane's lease, which is free."""
        lease = lanes.claim(store or self.store, lane, holder)
        assert lease is not None
        return lease

    def send(self, lease: Lease, store: Store | None = None, most: int = 50) -> list[Delivery]:
        """Write down the intent to send what is due; return what may be sent."""
        store = store or self.store
        due = lanes.due(store, lease.destination, State.WAITING, most)
        taken = lanes.intend(store, lease, due)
        return [each for each in due if each.id in taken]

    def settle(
        self,
        lease: Lease,
        deliveries: Sequence[Delivery],
        state: State = State.DELIVERED,
        failure: Failure | None = None,
        kind: str = "try",
        store: Store | None = None,
    ) -> None:
        """Write down the same outcome for deliveries."""
        settled = [settled_as(each, state, self.now, failure, kind) for each in deliveries]
        before = State.VERIFYING if kind == "lookup" else State.SENDING
        lanes.settle(store or self.store, lease, settled, BreakerView(), before)

    def deliver(self, lease: Lease | None = None) -> None:
        """Bring all that is due."""
        mine = lease or self.claim()
        self.settle(mine, self.send(mine))
        if lease is None:
            lanes.release(self.store, mine)

    def sound(self) -> None:
        """Fail if the ledger does not agree with itself."""
        assert audit.verify(self.store) == []


def call(number: int = 1, *, age_s: float = 60.0, **changes: Any) -> Call:
    """Return a call."""
    plain = Call(
        call_id=f"c-{number}",
        source="pbx",
        direction="in",
        started_at=NOW - timedelta(seconds=age_s),
        duration_s=60,
        contact_phone="+79990001122",
        answered=True,
        employee="101",
    )
    return plain._replace(**changes)


def settled_as(
    delivery: Delivery, state: State, now: float, failure: Failure | None = None, kind: str = "try"
) -> Settled:
    """Return an outcome that has led to a state."""
    done = state is State.DELIVERED
    outcome = Outcome(
        delivery.id,
        "recorded" if done else delivery.step,
        {"id": str(delivery.id)} if done else delivery.facts,
        done=done,
        remote_id=str(delivery.id) if done else "",
        failure=failure,
        code=f"said-{failure}" if failure else "",
        text="in so many words" if failure else "",
    )
    later = state in {State.WAITING, State.VERIFYING} and failure is not None
    decision = Decision(state, now + 60 if later else now, Acts.NOBODY)
    return Settled(outcome, decision, kind, delivery.revision)
