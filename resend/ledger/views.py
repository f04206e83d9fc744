"""What people look at: lanes, lists of deliveries, one delivery with everything that happened to it."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, NamedTuple

import sqlalchemy as sa

from resend.ledger.rows import COLUMNS, delivery_of
from resend.ledger.schema import ATTEMPTS, COUNTS, DELIVERIES, LANES
from resend.model import Breaker, State

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from resend.ledger.store import Store
    from resend.model import Delivery

_D = DELIVERIES.c
_PENDING = (State.WAITING, State.SENDING, State.VERIFYING)


class LaneView(NamedTuple):
    """One lane as `resend status` shows it. Times are seconds since the epoch."""

    destination: str
    counts: Mapping[State, int]
    oldest_at: float | None  # when the longest waiting delivery was accepted
    next_attempt_at: float | None
    nearest_deadline_at: float | None
    breaker: Breaker
    open_until: float
    rate_per_s: float
    holder: str
    paused_by: str
    paused_why: str
    last_error: str
    broken_since: float = 0.0  # 0: nothing is broken
    broken_why: str = ""

    @property
    def pending(self) -> int:
        """How many deliveries are still to be brought."""
        return sum(self.counts.get(state, 0) for state in _PENDING)

    @property
    def forecast_s(self) -> float | None:
        """In how many seconds the lane will be drained at its present rate; None if that cannot be told."""
        if self.pending == 0:
            return 0.0
        if self.breaker is not Breaker.CLOSED or self.paused_by or self.rate_per_s <= 0:
            return None
        return self.pending / self.rate_per_s


class Event(NamedTuple):
    """One line of a delivery's timeline."""

    at: float
    kind: str
    step: str
    state: State
    failure: str
    code: str
    text: str
    who: str
    next_attempt_at: float


class Filter(NamedTuple):
    """Which deliveries are meant; empty parts mean all. `since` and `until` are of the calls' beginnings."""

    ids: tuple[int, ...] = ()
    destination: str | None = None
    states: tuple[State, ...] = ()
    source: str | None = None
    call_id: str | None = None
    since: float | None = None
    until: float | None = None
    error: str | None = None  # the beginning of an error's code
    fingerprint: str | None = None

    def clauses(self) -> list[sa.ColumnElement[bool]]:
        """Return the conditions as SQL."""
        parts: list[tuple[object, sa.ColumnElement[bool]]] = [
            (self.ids, _D.id.in_(self.ids)),
            (self.destination, _D.destination == self.destination),
            (self.states, _D.state.in_([state.value for state in self.states])),
            (self.source, _D.source == self.source),
            (self.call_id, _D.call_id == self.call_id),
            (self.since is not None, _D.started_at >= (self.since or 0.0)),
            (self.until is not None, _D.started_at < (self.until or 0.0)),
            (self.error, _D.error_code.startswith(self.error or "", autoescape=True)),
            (self.fingerprint, _D.fingerprint == self.fingerprint),
        ]
        return [clause for given, clause in parts if given]


def lane_views(store: Store, destination: str | None = None) -> list[LaneView]:
    """Return the lanes in the order of their names; nothing here counts rows of deliveries."""
    with store.read() as connection:
        wanted = sa.select(LANES).order_by(LANES.c.destination)
        if destination is not None:
            wanted = wanted.where(LANES.c.destination == destination)
        rows = connection.execute(wanted).all()
        counts: dict[str, dict[State, int]] = defaultdict(dict)
        for row in connection.execute(sa.select(COUNTS)):
            counts[row.destination][State(row.state)] = row[2]
        views = []
        for row in rows:
            pending = any(counts[row.destination].get(state) for state in _PENDING)
            oldest, next_at, deadline = _times(connection, row.destination) if pending else (None, None, None)
            views.append(
                LaneView(
                    row.destination,
                    counts[row.destination],
                    oldest,
                    next_at,
                    deadline,
                    Breaker(row.breaker),
                    row.open_until,
                    row.rate_per_s,
                    row.holder,
                    row.paused_by,
                    row.paused_why,
                    ": ".join(part for part in (row.last_code, row.last_text) if part),
                    row.broken_since,
                    row.broken_why,
                )
            )
    return views


def deliveries(store: Store, wanted: Filter, limit: int, offset: int = 0) -> tuple[int, list[Delivery]]:
    """Return how many deliveries are meant, and some of them, the newest calls first."""
    clauses = wanted.clauses()
    with store.read() as connection:
        total = int(
            connection.execute(
                sa.select(sa.func.count()).select_from(DELIVERIES).where(*clauses)
            ).scalar_one()
        )
        rows = connection.execute(
            sa.select(*COLUMNS).where(*clauses).order_by(_D.id.desc()).limit(limit).offset(offset)
        )
        return total, [delivery_of(row) for row in rows]


def timeline(store: Store, delivery_id: int) -> Sequence[Event]:
    """Return all that happened to a delivery after it was accepted, oldest first."""
    with store.read() as connection:
        rows = connection.execute(
            sa.select(ATTEMPTS).where(ATTEMPTS.c.delivery_id == delivery_id).order_by(ATTEMPTS.c.id)
        )
        return [
            Event(
                row.at,
                row.kind,
                row.step,
                State(row.state),
                row.failure,
                row.code,
                row.text,
                row.who,
                row.next_attempt_at,
            )
            for row in rows
        ]


def _times(connection: sa.Connection, destination: str) -> tuple[float | None, float | None, float | None]:
    # Three looks into indexes: the oldest, the next, the one whose deadline comes first.
    pending = (_D.destination == destination, _D.state.in_(("waiting", "verifying")))
    next_at = connection.execute(sa.select(sa.func.min(_D.next_attempt_at)).where(*pending)).scalar()
    first = connection.execute(
        sa.select(_D.enqueued_at, _D.deadline_at).where(*pending).order_by(_D.deadline_at).limit(1)
    ).one_or_none()
    return (first.enqueued_at if first else None, next_at, first.deadline_at if first else None)
