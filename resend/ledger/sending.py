"""What is due in a lane, and the intent to send it."""

from __future__ import annotations

from collections import Counter
from contextlib import contextmanager
from typing import TYPE_CHECKING

import sqlalchemy as sa

from resend.ledger import at_once, past
from resend.ledger.leases import hold, lane_in
from resend.ledger.many import Both, many_inserts
from resend.ledger.rows import COLUMNS, count, delivery_of
from resend.ledger.schema import ATTEMPTS, DELIVERIES, is_in
from resend.model import State

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from resend.ledger.past import Driver
    from resend.ledger.store import Store
    from resend.model import Delivery, LaneState, Lease

_D = DELIVERIES.c
_FRESH_FROM = 20  # the freshest are looked for among so many times what is wanted: the rest waits for a retry
_LANE: sa.BindParameter[str] = sa.bindparam("lane", type_=sa.String)
_NOW: sa.BindParameter[float] = sa.bindparam("now", type_=sa.Double)
_MOST = sa.bindparam("most", type_=sa.Integer)


class Look:
    """A lane as it is at one moment, within one transaction that only reads."""

    def __init__(self, store: Store, connection: sa.Connection | Driver, destination: str) -> None:
        self._connection = past.driver(connection)
        self._is_sqlite = store.is_sqlite
        self._destination = destination
        self.now: float
        self.lane: LaneState | None
        if store.is_sqlite:
            self._connection.execute("BEGIN")
            self.now, self.lane = store.now(connection), lane_in(self._connection, destination)
        else:
            at, self.lane = at_once.lane_now(self._connection, destination)
            self.now = store.heard(at)

    def due(self, state: State, most: int, *, fresh: bool = False) -> list[Delivery]:
        """Return what is due in a state: the longest waiting first, or the freshest calls."""
        values = {"lane": self._destination, "now": self.now, "most": most}
        if fresh:
            rows = past.rows_of(self._connection, _FRESH[state], values | {"among": most * _FRESH_FROM})
            if rows:
                return [delivery_of(row) for row in rows]
        return [delivery_of(row) for row in past.rows_of(self._connection, _DUE[state], values)]

    def still_due(self, ids: Sequence[int], state: State) -> list[Delivery]:
        """Return those of some deliveries that are due in a state."""
        if not ids:
            return []
        values = {"among": list(ids), "state": state.value, "now": self.now}
        return [
            delivery_of(row) for row in past.rows_of(self._connection, _STILL_DUE[self._is_sqlite], values)
        ]

    def has_sending(self) -> bool:
        """Return whether something was left in mid-send."""
        return bool(past.rows_of(self._connection, _SENDING, {"lane": self._destination}))

    def next_due(self, state: State) -> float | None:
        """Return when the next delivery in a state is due, None if there is none."""
        ((at,),) = past.rows_of(self._connection, _NEXT[state], {"lane": self._destination})
        return None if at is None else float(at)


_DUE_STATES = (State.WAITING, State.VERIFYING)
_DUE = {
    state: sa.select(*COLUMNS)
    .where(_D.destination == _LANE, is_in(state), _D.next_attempt_at <= _NOW)
    .order_by(_D.next_attempt_at)
    .limit(_MOST)
    for state in _DUE_STATES
}


def _fresh(state: State) -> sa.Select[tuple[object, ...]]:
    """Return the query of the freshest calls; they come in the order of the inner one, which ends early."""
    freshest = (
        sa.select(*COLUMNS)
        .where(_D.destination == _LANE, is_in(state))
        .order_by(_D.started_at.desc())
        .limit(sa.bindparam("among", type_=sa.Integer))
        .subquery()
    )
    return sa.select(freshest).where(freshest.c.next_attempt_at <= _NOW).limit(_MOST)


_FRESH = {state: _fresh(state) for state in _DUE_STATES}
_STILL_DUE = Both(
    lambda among: (
        sa.select(*COLUMNS)
        .where(among(_D.id), _D.state == sa.bindparam("state"), _D.next_attempt_at <= _NOW)
        .order_by(_D.id)
    )
)
_SENDING = sa.select(_D.id).where(_D.destination == _LANE, is_in(State.SENDING)).limit(1)
_NEXT = {
    state: sa.select(sa.func.min(_D.next_attempt_at)).where(_D.destination == _LANE, is_in(state))
    for state in _DUE_STATES
}


@contextmanager
def look(store: Store, destination: str) -> Iterator[Look]:
    """Return what a worker has to know of a lane before its next request, from one moment."""
    with store.read() if store.is_sqlite else store.at_once() as connection:
        yield Look(store, connection, destination)


def due(store: Store, destination: str, state: State, limit: int, *, fresh: bool = False) -> list[Delivery]:
    """Return what is due in a state: the longest waiting first, or the freshest calls."""
    with look(store, destination) as seen:
        return seen.due(state, limit, fresh=fresh)


def still_due(store: Store, ids: Sequence[int], state: State) -> list[Delivery]:
    """Return those of some deliveries that are due in a state."""
    with look(store, "") as seen:
        return seen.still_due(ids, state)


def next_due(store: Store, destination: str, state: State) -> float | None:
    """Return when the next delivery of a lane in a state is due, None if there is none."""
    with look(store, destination) as seen:
        return seen.next_due(state)


_RECOVER = (
    sa.update(DELIVERIES)
    .where(_D.destination == _LANE, is_in(State.SENDING), _D.token < sa.bindparam("mine"))
    .values(state=State.VERIFYING.value, next_attempt_at=_NOW, attempts=_D.attempts + 1)
    .returning(_D.id, _D.step)
)


def recover(store: Store, lease: Lease, settle_s: float) -> int:
    """Put aside what an earlier holder left in mid-send, to be asked about; return how many.

    It counts as a try: something may have been sent.
    """
    with store.write() as connection:
        now = hold(connection, store, lease)
        again_at = now + settle_s
        values = {"lane": lease.destination, "mine": lease.token, "now": again_at}
        lost = connection.execute(_RECOVER, values).all()
        if lost:
            said = {
                "at": now,
                "kind": "lost",
                "failure": "",
                "code": "",
                "text": "",
                "token": lease.token,
                "state": State.VERIFYING.value,
                "next_attempt_at": again_at,
            }
            rows = [{**said, "delivery_id": row.id, "step": row.step} for row in sorted(lost)]
            TELL.run(connection, rows)
        moved(connection, lease.destination, State.SENDING, [State.VERIFYING] * len(lost))
    return len(lost)


_ON_SQLITE = True
_INTEND = Both(
    lambda among: (
        sa.update(DELIVERIES)
        .where(among(_D.id))
        .values(state=State.SENDING.value, token=sa.bindparam("mine"), sent_revision=_D.revision)
    )
)[_ON_SQLITE]


def intend(store: Store, lease: Lease, deliveries: Sequence[Delivery]) -> set[int]:
    """Write down that these are about to be sent; return those that still wait unchanged: only they may be.

    Raises:
        LeaseLostError: somebody else has the lane.
    """
    known = {delivery.id: delivery.revision for delivery in deliveries}
    if not store.is_sqlite:
        return at_once.intend(store, lease, known)
    with store.write() as connection:
        hold(connection, store, lease)
        rows = those_in(connection, State.WAITING, known)
        taken = {number for number, revision, _ in rows if revision == known[number]}
        if taken:
            past.changed_by(connection, _INTEND, {"among": sorted(taken), "mine": lease.token})
        moved(connection, lease.destination, State.WAITING, [State.SENDING] * len(taken))
    return taken


_THOSE = Both(
    lambda among: (
        sa.select(_D.id, _D.revision, _D.sent_revision)
        .where(among(_D.id), _D.state == sa.bindparam("state"))
        .order_by(_D.id)
    )
)[_ON_SQLITE]


def those_in(connection: sa.Connection, state: State, ids: Iterable[int]) -> Sequence[tuple[int, int, int]]:
    """Return id, revision and sent revision of those that are in a state, on SQLite."""
    return past.rows_of(connection, _THOSE, {"among": sorted(ids), "state": state.value})


TELL = many_inserts(
    ATTEMPTS,
    ("delivery_id", "at", "kind", "token", "step", "state", "failure", "code", "text", "next_attempt_at"),
)


def moved(connection: sa.Connection, destination: str, before: State, after: Iterable[State]) -> None:
    """Count deliveries of a lane that were in one state, and are in these now."""
    changes = {(destination, str(state)): number for state, number in Counter(after).items()}
    changes[destination, str(before)] = changes.get((destination, str(before)), 0) - sum(changes.values())
    count(connection, changes)
