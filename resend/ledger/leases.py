"""Who may drain a lane: the lease and its fencing token, which every change of a lane carries."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from resend.ledger import past
from resend.ledger.schema import LANES
from resend.model import Breaker, LaneState, Lease, LeaseLostError
from resend.policy import BreakerView

if TYPE_CHECKING:
    from collections.abc import Sequence
    from contextlib import AbstractContextManager

    from resend.ledger.past import Driver
    from resend.ledger.store import Store

LEASE_S = 120.0  # longer than the longest request: a worker that lives renews with every change
_L = LANES.c
NOW: sa.BindParameter[float] = sa.bindparam("now", type_=sa.Double)
_LEASE: sa.BindParameter[float] = sa.bindparam("lease_s", type_=sa.Double)
_SURE: sa.BindParameter[bool] = sa.bindparam("sure", type_=sa.Boolean)
# One that ends later than any could is of a clock that was set back. Just after a clock was set nothing is
# sure: then only a lane that was given back is free, until every living holder has renewed its lease.
FREE = sa.or_(
    _L.holder == "",
    sa.and_(_SURE, sa.or_(_L.lease_until <= NOW, _L.lease_until > NOW + 2 * _LEASE)),
)
_CLAIM = (
    sa.update(LANES)
    .where(_L.destination == sa.bindparam("lane"), FREE)
    .values(token=_L.token + 1, holder=sa.bindparam("by"), lease_until=NOW + _LEASE, measured_at=NOW)
    .returning(_L.token)
)
_MINE = (_L.destination == sa.bindparam("lane"), _L.token == sa.bindparam("mine"))
_RELEASE = sa.update(LANES).where(*_MINE).values(lease_until=0.0, holder="")
_HOLD = sa.update(LANES).where(*_MINE).values(lease_until=sa.bindparam("until", type_=sa.Double))
_BREAK = (
    sa.update(LANES)
    .where(*_MINE)
    .values(
        {
            name: sa.bindparam(name)
            for name in ("breaker", "failures", "open_until", "broken_since", "broken_why")
        }
    )
)
# What a LaneState is made of, in this order.
STATE_NAMES = (
    "destination", "token", "holder", "lease_until", "breaker", "failures", "open_until", "broken_since",
    "broken_why", "paused_by", "paused_why",
)  # fmt: skip
_LANE = sa.select(*(_L[name] for name in STATE_NAMES)).where(_L.destination == sa.bindparam("lane"))
_BREAKERS = {breaker.value: breaker for breaker in Breaker}


def claim(store: Store, destination: str, holder: str, lease_s: float = LEASE_S) -> Lease | None:
    """Return the lease of a lane, None if somebody holds it."""
    with _writing(store) as connection:
        now = store.now(connection)
        sure = not store.clock_was_set(lease_s)
        values = {"lane": destination, "by": holder, "now": now, "lease_s": lease_s, "sure": sure}
        rows = past.rows_of(connection, _CLAIM, values)
    return Lease(destination, rows[0][0], holder, lease_s) if rows else None


def release(store: Store, lease: Lease) -> None:
    """Give a lane back; nothing happens if somebody else has it by now."""
    with _writing(store) as connection:
        past.changed_by(connection, _RELEASE, {"lane": lease.destination, "mine": lease.token})


def _writing(store: Store) -> AbstractContextManager[sa.Connection | Driver]:
    return store.write() if store.is_sqlite else store.at_once()


def renew(store: Store, lease: Lease, breaker: BreakerView | None = None) -> None:
    """Keep a lane, and show where its breaker is.

    Raises:
        LeaseLostError: somebody else has it.
    """
    with store.write() as connection:
        hold(connection, store, lease)
        if breaker is not None:
            mine = {"lane": lease.destination, "mine": lease.token}
            connection.execute(_BREAK, mine | breaker_values(breaker))


def hold(connection: sa.Connection, store: Store, lease: Lease) -> float:
    """Renew the lease within a transaction, whose end also frees the lane's row; return the time.

    Raises:
        LeaseLostError: somebody else has the lane.
    """
    now = store.now(connection, about=True)
    values = {"lane": lease.destination, "mine": lease.token, "until": now + lease.seconds}
    if past.changed_by(connection, _HOLD, values) != 1:
        raise LeaseLostError(lease.destination)
    return now


def lane(store: Store, destination: str) -> LaneState | None:
    """Return a lane as it is now."""
    with store.read() as connection:
        return lane_in(connection, destination)


def lane_in(connection: sa.Connection | Driver, destination: str) -> LaneState | None:
    """Return a lane as it is in a transaction."""
    rows = past.rows_of(connection, _LANE, {"lane": destination})
    return lane_of(rows[0]) if rows else None


def lane_of(row: Sequence[Any]) -> LaneState:
    """Return a row with STATE_NAMES as a value."""
    destination, token, holder, lease_until, breaker, *rest = row
    return LaneState(destination, token, holder, lease_until, _BREAKERS[breaker], *rest)


def read_breaker(state: LaneState) -> BreakerView:
    """Return the breaker of a lane."""
    return BreakerView(state.breaker, state.failures, state.open_until, state.broken_since, state.broken_why)


def breaker_values(breaker: BreakerView) -> dict[str, object]:
    """Return a breaker as the columns of its lane."""
    return {
        "breaker": breaker.breaker.value,
        "failures": breaker.failures,
        "open_until": breaker.open_until,
        "broken_since": breaker.since,
        "broken_why": breaker.why,
    }
