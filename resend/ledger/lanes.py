"""Who may drain a lane, what is due in it, and what came of it. Every change carries the fencing token."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

import sqlalchemy as sa

from resend.ledger.rows import COLUMNS, count, delivery_of
from resend.ledger.schema import ATTEMPTS, COUNTS, DELIVERIES, LANES
from resend.model import Breaker, LaneState, Lease, LeaseLostError, State
from resend.policy import LONGEST_PAUSE_S, BreakerView

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from resend.ledger.store import Store
    from resend.model import Delivery
    from resend.policy import Decision
    from supportctl.core.delivery import Outcome

LEASE_S = 120.0  # longer than the longest request: a worker that lives renews with every change
# A breaker stays open for an hour at most: one that is open for longer is of a clock that was set back.
_OPEN_AT_MOST_S = LONGEST_PAUSE_S + 1.0
_D = DELIVERIES.c


class Settled(NamedTuple):
    """What a step brought, and what was decided. `kind` is `try` or `lookup`.

    `revision` is that of the call which was sent: what came later has to be sent, too.
    """

    outcome: Outcome
    decision: Decision
    kind: str = "try"
    revision: int = 0


def claim(store: Store, destination: str, holder: str, lease_s: float = LEASE_S) -> Lease | None:
    """Return the lease of a lane, None if somebody holds it.

    A lease that ends later than any could is of a clock that was set back: it holds nobody up.
    """
    with store.write() as connection:
        now = store.now(connection)
        free = sa.or_(LANES.c.lease_until <= now, LANES.c.lease_until > now + 2 * lease_s)
        row = connection.execute(
            sa.update(LANES)
            .where(LANES.c.destination == destination, free)
            .values(token=LANES.c.token + 1, holder=holder, lease_until=now + lease_s)
            .returning(LANES.c.token)
        ).one_or_none()
    return Lease(destination, row.token, holder, lease_s) if row else None


def release(store: Store, lease: Lease) -> None:
    """Give a lane back; nothing happens if somebody else has it by now."""
    with store.write() as connection:
        connection.execute(_mine(lease).values(lease_until=0.0, holder=""))


def renew(store: Store, lease: Lease, breaker: BreakerView | None = None) -> None:
    """Keep a lane, and show where its breaker is.

    Raises:
        LeaseLostError: somebody else has it.
    """
    with store.write() as connection:
        _hold(connection, store, lease)
        if breaker is not None:
            connection.execute(_mine(lease).values(_breaker_values(breaker)))


def lane(store: Store, destination: str) -> LaneState | None:
    """Return a lane as it is now."""
    with store.read() as connection:
        row = connection.execute(sa.select(LANES).where(LANES.c.destination == destination)).one_or_none()
    if row is None:
        return None
    return LaneState(
        row.destination,
        row.token,
        row.holder,
        row.lease_until,
        Breaker(row.breaker),
        row.failures,
        row.open_until,
        row.broken_since,
        row.broken_why,
        row.paused_by,
        row.paused_why,
    )


def due_lanes(store: Store, limit: int = 1000) -> list[str]:
    """Return the lanes that have work now and that nobody holds, those first that have waited longest."""
    with store.read() as connection:
        now = store.now(connection)
        due = (
            sa.select(sa.func.min(_D.next_attempt_at))
            .where(_D.destination == LANES.c.destination, _D.state.in_(("waiting", "verifying")))
            .scalar_subquery()
        )
        lost = sa.exists().where(_D.destination == LANES.c.destination, _D.state == "sending")
        free = sa.or_(LANES.c.lease_until <= now, LANES.c.lease_until > now + 2 * LEASE_S)
        may_send = sa.or_(LANES.c.open_until <= now, LANES.c.open_until > now + _OPEN_AT_MOST_S)
        rows = connection.execute(
            sa.select(LANES.c.destination)
            .where(free, LANES.c.paused_by == "", may_send, sa.or_(due <= now, lost))
            .order_by(due)
            .limit(limit)
        )
        return [row.destination for row in rows]


def pending(store: Store, without: Collection[str] = ()) -> int:
    """Return how many deliveries are still to be brought: of all lanes but paused ones and those named."""
    states = ("waiting", "sending", "verifying")
    with store.read() as connection:
        rows = connection.execute(
            sa.select(COUNTS.c.destination, sa.func.sum(COUNTS.c["count"]))
            .join(LANES, LANES.c.destination == COUNTS.c.destination)
            .where(COUNTS.c.state.in_(states), LANES.c.paused_by == "")
            .group_by(COUNTS.c.destination)
        )
        return sum(int(row[1]) for row in rows if row[0] not in without)


def recover(store: Store, lease: Lease, settle_s: float) -> int:
    """Put aside what an earlier holder left in mid-send, to be asked about; return how many.

    It counts as a try: something may have been sent.
    """
    with store.write() as connection:
        now = _hold(connection, store, lease)
        lost = connection.execute(
            sa.update(DELIVERIES)
            .where(
                _D.destination == lease.destination, _D.state == State.SENDING.value, _D.token < lease.token
            )
            .values(state=State.VERIFYING.value, next_attempt_at=now + settle_s, attempts=_D.attempts + 1)
            .returning(_D.id, _D.step)
        ).all()
        _moved(connection, lease.destination, State.SENDING, [State.VERIFYING] * len(lost))
        if lost:
            rows = [
                {
                    "delivery_id": row.id,
                    "at": now,
                    "kind": "lost",
                    "token": lease.token,
                    "step": row.step,
                    "state": State.VERIFYING.value,
                    "next_attempt_at": now + settle_s,
                }
                for row in lost
            ]
            connection.execute(sa.insert(ATTEMPTS), rows)
    return len(lost)


def due(store: Store, destination: str, state: State, limit: int, *, fresh: bool = False) -> list[Delivery]:
    """Return what is due in a state: the longest waiting first, or the freshest calls."""
    order = [_D.started_at.desc()] if fresh else [_D.next_attempt_at]
    return _due(store, (_D.destination == destination, _D.state == state.value), order, limit)


def still_due(store: Store, ids: Sequence[int], state: State) -> list[Delivery]:
    """Return those of some deliveries that are due in a state."""
    return _due(store, (_D.id.in_(ids), _D.state == state.value), [_D.id], len(ids))


def _due(
    store: Store,
    wanted: Iterable[sa.ColumnElement[bool]],
    order: Sequence[sa.ColumnElement[object]],
    limit: int,
) -> list[Delivery]:
    with store.read() as connection:
        now = store.now(connection)
        rows = connection.execute(
            sa.select(*COLUMNS).where(*wanted, _D.next_attempt_at <= now).order_by(*order).limit(limit)
        ).mappings()
        return [delivery_of(dict(row)) for row in rows]


def next_due(store: Store, destination: str, state: State) -> float | None:
    """Return when the next delivery of a lane in a state is due, None if there is none."""
    with store.read() as connection:
        at = connection.execute(
            sa.select(sa.func.min(_D.next_attempt_at)).where(
                _D.destination == destination, _D.state == state.value
            )
        ).scalar()
    return None if at is None else float(at)


def intend(store: Store, lease: Lease, ids: Sequence[int]) -> set[int]:
    """Write down that these are about to be sent; return those that still wait: only they may be.

    Raises:
        LeaseLostError: somebody else has the lane.
    """
    with store.write() as connection:
        _hold(connection, store, lease)
        rows = connection.execute(
            sa.update(DELIVERIES)
            .where(_D.id.in_(ids), _D.state == State.WAITING.value)
            .values(state=State.SENDING.value, token=lease.token)
            .returning(_D.id)
        )
        taken = {row.id for row in rows}
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

    `before` is the state in which the deliveries were: `sending`, or `verifying` for a look-up.

    Raises:
        LeaseLostError: somebody else has the lane; its new holder asks the destination.
    """
    with store.write() as connection:
        now = _hold(connection, store, lease)
        connection.execute(_mine(lease).values(_breaker_values(breaker)))
        if not settled:
            return
        settled = _for_changed_calls(connection, settled, now)
        connection.execute(
            sa.update(DELIVERIES)
            .where(_D.id == sa.bindparam("delivery"), _D.state == before.value)
            .values(
                {name: sa.bindparam(f"new_{name}") for name in _SETTLED_COLUMNS}
                | {"attempts": _D.attempts + sa.bindparam("tries")}
            ),
            [_new_values(item) for item in settled],
        )
        connection.execute(sa.insert(ATTEMPTS), [_attempt(item, now, lease.token) for item in settled])
        _moved(connection, lease.destination, before, [item.decision.state for item in settled])


def read_breaker(state: LaneState) -> BreakerView:
    """Return the breaker of a lane."""
    return BreakerView(state.breaker, state.failures, state.open_until, state.broken_since, state.broken_why)


def _breaker_values(breaker: BreakerView) -> dict[str, object]:
    return {
        "breaker": breaker.breaker.value,
        "failures": breaker.failures,
        "open_until": breaker.open_until,
        "broken_since": breaker.since,
        "broken_why": breaker.why,
    }


def _for_changed_calls(
    connection: sa.Connection, settled: Sequence[Settled], now: float
) -> Sequence[Settled]:
    """Let those wait on whose call has changed while its old form was on its way: that one is not the end."""
    ending = [item for item in settled if item.decision.state in {State.DELIVERED, State.ESCALATED}]
    if not ending:
        return settled
    rows = connection.execute(
        sa.select(_D.id, _D.revision).where(_D.id.in_([item.outcome.delivery_id for item in ending]))
    )
    revisions = {row.id: row.revision for row in rows}
    again = {
        item.outcome.delivery_id for item in ending if revisions[item.outcome.delivery_id] != item.revision
    }
    return [
        item._replace(decision=item.decision._replace(state=State.WAITING, next_attempt_at=now))
        if item.outcome.delivery_id in again
        else item
        for item in settled
    ]


_SETTLED_COLUMNS = (
    "state", "step", "facts", "next_attempt_at", "failure", "error_code", "error_text", "who_acts",
    "remote_id", "fingerprint",
)  # fmt: skip


def _new_values(item: Settled) -> dict[str, object]:
    outcome, decision = item.outcome, item.decision
    return {
        "delivery": outcome.delivery_id,
        "tries": int(decision.counted),
        "new_state": decision.state.value,
        "new_step": outcome.step,
        "new_facts": json.dumps(dict(outcome.facts), ensure_ascii=False),
        "new_next_attempt_at": decision.next_attempt_at,
        "new_failure": outcome.failure.value if outcome.failure else "",
        "new_error_code": outcome.code,
        "new_error_text": outcome.text,
        "new_who_acts": decision.who_acts.value,
        "new_remote_id": outcome.remote_id,
        "new_fingerprint": "",  # what it was escalated for is over, or is told anew
    }


def _attempt(item: Settled, now: float, token: int) -> dict[str, object]:
    outcome, decision = item.outcome, item.decision
    return {
        "delivery_id": outcome.delivery_id,
        "at": now,
        "kind": item.kind,
        "token": token,
        "step": outcome.step,
        "state": decision.state.value,
        "failure": outcome.failure.value if outcome.failure else "",
        "code": outcome.code or outcome.note,  # a note is a finding's code about what was put right
        "text": outcome.text,
        "next_attempt_at": decision.next_attempt_at,
    }


def _moved(connection: sa.Connection, destination: str, before: State, after: Iterable[State]) -> None:
    changes: Counter[tuple[str, str]] = Counter()
    for state in after:
        changes[destination, before.value] -= 1
        changes[destination, state.value] += 1
    count(connection, changes)


def _mine(lease: Lease) -> sa.Update:
    return sa.update(LANES).where(LANES.c.destination == lease.destination, LANES.c.token == lease.token)


def _hold(connection: sa.Connection, store: Store, lease: Lease) -> float:
    """Renew the lease within a transaction, whose end also frees the lane's row; return the time."""
    now = store.now(connection)
    if connection.execute(_mine(lease).values(lease_until=now + lease.seconds)).rowcount != 1:
        raise LeaseLostError(lease.destination)
    return now
