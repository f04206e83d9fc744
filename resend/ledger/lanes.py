"""The lanes of a ledger: which have work; the rest of what a worker needs comes from here, too."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

from resend.ledger.leases import FREE, LEASE_S, NOW, claim, lane, read_breaker, release, renew
from resend.ledger.schema import COUNTS, DELIVERIES, LANES, is_in
from resend.ledger.sending import due, intend, look, next_due, recover, still_due
from resend.ledger.settling import Settled, settle
from resend.model import State
from resend.policy import LONGEST_PAUSE_S

if TYPE_CHECKING:
    from collections.abc import Collection

    from resend.ledger.store import Store

__all__ = [
    "LEASE_S", "Settled", "claim", "due", "due_lanes", "intend", "lane", "look", "next_due", "pending",
    "read_breaker", "recover", "release", "renew", "settle", "still_due",
]  # fmt: skip
# A breaker stays open for an hour at most: one that is open for longer is of a clock that was set back.
_OPEN_AT_MOST_S = LONGEST_PAUSE_S + 1.0
_D, _L = DELIVERIES.c, LANES.c


def _first_due(state: State) -> sa.ScalarSelect[float]:
    return (
        sa.select(sa.func.min(_D.next_attempt_at)).where(_D.destination == _L.destination, is_in(state))
    ).scalar_subquery()


_FIRST = (
    sa.select(
        _L.destination,
        _first_due(State.WAITING).label("waiting"),
        _first_due(State.VERIFYING).label("verifying"),
        sa.exists().where(_D.destination == _L.destination, is_in(State.SENDING)).label("lost"),
    )
    .where(
        FREE, _L.paused_by == "", sa.or_(_L.open_until <= NOW, _L.open_until > NOW + _OPEN_AT_MOST_S)
    )
    .subquery()
)  # fmt: skip
_DUE_LANES = (
    sa.select(_FIRST.c.destination)
    .where(sa.or_(_FIRST.c.waiting <= NOW, _FIRST.c.verifying <= NOW, _FIRST.c.lost))
    .order_by(sa.func.coalesce(_FIRST.c.waiting, _FIRST.c.verifying, 0.0), _FIRST.c.destination)
    .limit(sa.bindparam("most"))
)
_PENDING = (
    sa.select(COUNTS.c.destination, sa.func.sum(COUNTS.c["count"]))
    .join(LANES, _L.destination == COUNTS.c.destination)
    .where(COUNTS.c.state.in_(("waiting", "sending", "verifying")), _L.paused_by == "")
    .group_by(COUNTS.c.destination)
)


def due_lanes(store: Store, limit: int = 1000) -> list[str]:
    """Return the lanes that have work now and that nobody holds, those first that have waited longest."""
    with store.read() as connection:
        now = store.now(connection)
        sure = not store.clock_was_set(LEASE_S)
        values = {"now": now, "lease_s": LEASE_S, "sure": sure, "most": limit}
        return list(connection.execute(_DUE_LANES, values).scalars())


def pending(store: Store, without: Collection[str] = ()) -> int:
    """Return how many deliveries are still to be brought: of all lanes but paused ones and those named."""
    with store.read() as connection:
        return sum(int(row[1]) for row in connection.execute(_PENDING) if row[0] not in without)
