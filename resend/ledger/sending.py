"""What is due in a lane, the intent to send it, and what came of it."""

from __future__ import annotations

from collections import Counter
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple

import sqlalchemy as sa

from resend.ledger.leases import breaker_values, hold, lane_in
from resend.ledger.many import Both, many_inserts, many_updates
from resend.ledger.rows import COLUMNS, count, delivery_of, facts_text
from resend.ledger.schema import ATTEMPTS, DELIVERIES, LANES, is_in
from resend.model import LeaseLostError, State

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from resend.ledger.store import Store
    from resend.model import Delivery, LaneState, Lease
    from resend.policy import BreakerView, Decision
    from supportctl.core.delivery import Outcome

_D, _L = DELIVERIES.c, LANES.c
_RATE_S = 30.0  # what came before counts for less and less: after this time for half, about
_FRESH_FROM = 20  # the freshest are looked for among so many times what is wanted: the rest waits for a retry
_SHORTEST_S = 0.001
_LONGEST = 100  # of a code, and of an id: what others say is cut, not refused
_LANE: sa.BindParameter[str] = sa.bindparam("lane", type_=sa.String)
_NOW: sa.BindParameter[float] = sa.bindparam("now", type_=sa.Double)
_MOST = sa.bindparam("most", type_=sa.Integer)


class Settled(NamedTuple):
    """What a step brought, and what was decided. `kind` is `try` or `lookup`.

    `revision` is that of the call which was sent or asked about: what came later has to be sent, too.
    """

    outcome: Outcome
    decision: Decision
    kind: str = "try"
    revision: int = 0


class Look:
    """A lane as it is at one moment, within one transaction that only reads."""

    def __init__(self, store: Store, connection: sa.Connection, destination: str) -> None:
        self._connection = connection
        self._is_sqlite = store.is_sqlite
        self._destination = destination
        self.now = store.now(connection)
        self.lane: LaneState | None = lane_in(connection, destination)

    def due(self, state: State, most: int, *, fresh: bool = False) -> list[Delivery]:
        """Return what is due in a state: the longest waiting first, or the freshest calls."""
        values = {"lane": self._destination, "now": self.now, "most": most}
        if fresh:
            rows = self._connection.execute(_FRESH[state], values | {"among": most * _FRESH_FROM}).all()
            if rows:
                return [delivery_of(row) for row in rows]
        return [delivery_of(row) for row in self._connection.execute(_DUE[state], values)]

    def still_due(self, ids: Sequence[int], state: State) -> list[Delivery]:
        """Return those of some deliveries that are due in a state."""
        if not ids:
            return []
        values = {"among": list(ids), "state": state.value, "now": self.now}
        rows = self._connection.execute(_STILL_DUE[self._is_sqlite], values)
        return [delivery_of(row) for row in rows]

    def has_sending(self) -> bool:
        """Return whether something was left in mid-send."""
        return self._connection.execute(_SENDING, {"lane": self._destination}).first() is not None

    def next_due(self, state: State) -> float | None:
        """Return when the next delivery in a state is due, None if there is none."""
        at = self._connection.execute(_NEXT[state], {"lane": self._destination}).scalar()
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
    with store.read() as connection:
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
            _TELL.run(connection, rows)
        _moved(connection, lease.destination, State.SENDING, [State.VERIFYING] * len(lost))
    return len(lost)


_INTEND = Both(
    lambda among: (
        sa.update(DELIVERIES)
        .where(among(_D.id))
        .values(state=State.SENDING.value, token=sa.bindparam("mine"), sent_revision=_D.revision)
    )
)


def intend(store: Store, lease: Lease, deliveries: Sequence[Delivery]) -> set[int]:
    """Write down that these are about to be sent; return those that still wait unchanged: only they may be.

    Raises:
        LeaseLostError: somebody else has the lane.
    """
    known = {delivery.id: delivery.revision for delivery in deliveries}
    with store.write() as connection:
        hold(connection, store, lease)
        rows = _those_in(connection, store, State.WAITING, known)
        taken = {row.id for row in rows if row.revision == known[row.id]}
        if taken:
            connection.execute(_INTEND[store.is_sqlite], {"among": sorted(taken), "mine": lease.token})
        _moved(connection, lease.destination, State.WAITING, [State.SENDING] * len(taken))
    return taken


def settle(
    store: Store,
    lease: Lease,
    settled: Sequence[Settled],
    breaker: BreakerView,
    before: State = State.SENDING,
) -> None:
    """Write down what came of a request: deliveries, attempts, counts and breaker in one transaction.

    `before` is the state in which the deliveries were: `sending`, or `verifying` for a look-up. One whose
    call has changed meanwhile is not ended by what the old form of it brought: it waits again.

    Raises:
        LeaseLostError: somebody else has the lane; its new holder asks the destination.
    """
    by_id = {item.outcome.delivery_id: item for item in settled}
    with store.write() as connection:
        now = store.now(connection, about=True)
        if connection.execute(_SETTLE_LANE, _lane_values(lease, settled, breaker, now)).rowcount != 1:
            raise LeaseLostError(lease.destination)
        if not by_id:
            return
        rows = _those_in(connection, store, before, by_id)
        final = [_final(by_id[row.id], row.revision, row.sent_revision, now) for row in rows]
        if final:
            _SETTLE.run(connection, [_new_values(item) for item in final])
            _TELL.run(connection, [_attempt(item, now, lease.token) for item in final])
            _moved(connection, lease.destination, before, (item.decision.state for item in final))


_ENDS = frozenset({State.DELIVERED, State.ESCALATED, State.HELD})


def _final(item: Settled, revision: int, sent: int, now: float) -> Settled:
    """Return what becomes of a delivery whose call has this revision now, and was last sent with that one."""
    if item.decision.state not in _ENDS:
        return item
    asked = sent if item.kind == "lookup" else item.revision  # what was found is what was sent
    if revision == item.revision == asked:
        return item
    return item._replace(decision=item.decision._replace(state=State.WAITING, next_attempt_at=now))


_THOSE = Both(
    lambda among: (
        sa.select(_D.id, _D.revision, _D.sent_revision)
        .where(among(_D.id), _D.state == sa.bindparam("state"))
        .order_by(_D.id)
    )
)


def _those_in(
    connection: sa.Connection, store: Store, state: State, ids: Iterable[int]
) -> Sequence[sa.Row[int, int, int]]:
    """Return those that are in a state, locked in one order everywhere: nobody waits in a circle."""
    query = _THOSE[store.is_sqlite]
    values = {"among": sorted(ids), "state": state.value}
    return connection.execute(query if store.is_sqlite else query.with_for_update(), values).all()


_PASSED = sa.case((_NOW - _L.measured_at > _SHORTEST_S, _NOW - _L.measured_at), else_=_SHORTEST_S)
_DONE: sa.BindParameter[float] = sa.bindparam("delivered", type_=sa.Double)
_KEPT = ("last_failure", "last_code", "last_text", "last_failed_at")
_SETTLE_LANE = (
    sa.update(LANES)
    .where(_L.destination == _LANE, _L.token == sa.bindparam("mine"))
    .values(
        {
            name: sa.bindparam(name)
            for name in ("breaker", "failures", "open_until", "broken_since", "broken_why")
        }
        | {name: sa.func.coalesce(sa.bindparam(name, type_=_L[name].type), _L[name]) for name in _KEPT}
        | {
            "lease_until": sa.bindparam("until", type_=sa.Double),
            "measured_at": _NOW,
            # A moving figure of the time in which the lane was drained; what it stood still does not count.
            "rate_per_s": sa.case(
                (_L.rate_per_s == 0, _DONE / _PASSED),
                else_=(_L.rate_per_s * _RATE_S + _DONE) / (_RATE_S + _PASSED),
            ),
        }
    )
)
_SETTLE = many_updates(
    DELIVERIES,
    (
        "state", "step", "facts", "next_attempt_at", "failure", "error_code", "error_text", "who_acts",
        "remote_id", "fingerprint",
    ),
    attempts="deliveries.attempts + {new}attempts",
)  # fmt: skip
_TELL = many_inserts(
    ATTEMPTS,
    ("delivery_id", "at", "kind", "token", "step", "state", "failure", "code", "text", "next_attempt_at"),
)


def _lane_values(
    lease: Lease, settled: Sequence[Settled], breaker: BreakerView, now: float
) -> dict[str, object]:
    values = breaker_values(breaker) | {
        "lane": lease.destination,
        "mine": lease.token,
        "now": now,
        "until": now + lease.seconds,
        "delivered": float(sum(item.decision.state is State.DELIVERED for item in settled)),
        **dict.fromkeys(_KEPT),
    }
    failed = [item.outcome for item in settled if item.outcome.failure]
    if failed:
        last = next((each for each in reversed(failed) if not each.alone), failed[-1])
        assert last.failure is not None
        values |= {
            "last_failure": last.failure.value,
            "last_code": last.code[:_LONGEST],
            "last_text": last.text,
            "last_failed_at": now,
        }
    return values


def _new_values(item: Settled) -> dict[str, object]:
    outcome, decision = item.outcome, item.decision
    return {
        "id": outcome.delivery_id,
        "attempts": int(decision.counted),
        "state": str(decision.state),
        "step": outcome.step,
        "facts": facts_text(outcome.facts),
        "next_attempt_at": decision.next_attempt_at,
        "failure": str(outcome.failure or ""),
        "error_code": outcome.code[:_LONGEST],
        "error_text": outcome.text,
        "who_acts": str(decision.who_acts),
        "remote_id": outcome.remote_id[:_LONGEST],
        "fingerprint": "",  # what it was escalated for is over, or is told anew
    }


def _attempt(item: Settled, now: float, token: int) -> dict[str, object]:
    outcome, decision = item.outcome, item.decision
    return {
        "delivery_id": outcome.delivery_id,
        "at": now,
        "kind": item.kind,
        "token": token,
        "step": outcome.step,
        "state": str(decision.state),
        "failure": str(outcome.failure or ""),
        "code": (outcome.code or outcome.note)[:_LONGEST],  # a note: a finding's code of what was put right
        "text": outcome.text,
        "next_attempt_at": decision.next_attempt_at,
    }


def _moved(connection: sa.Connection, destination: str, before: State, after: Iterable[State]) -> None:
    changes = {(destination, str(state)): number for state, number in Counter(after).items()}
    changes[destination, str(before)] = changes.get((destination, str(before)), 0) - sum(changes.values())
    count(connection, changes)
