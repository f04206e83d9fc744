"""What people look at: lanes, lists of deliveries, one delivery with everything that happened to it."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any, NamedTuple

import sqlalchemy as sa

from resend.ledger.rows import COLUMNS, delivery_of
from resend.ledger.schema import ATTEMPTS, COUNTS, DELIVERIES, DUE, LANES, is_in
from resend.model import Breaker, State

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from resend.ledger.store import Store
    from resend.model import Delivery

COUNTED = 10_000  # of what is filtered by more than lane and state no more are counted
_WALKED = 20_000  # so many rows are passed over in some milliseconds
_EVER = 1e12  # before all calls
_D, _L = DELIVERIES.c, LANES.c
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
    last_failed_at: float = 0.0  # when `last_error` was; it stays when all is well again

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

    def clauses(self, table: sa.FromClause = DELIVERIES) -> list[sa.ColumnElement[bool]]:
        """Return the conditions as SQL."""
        row = table.c
        parts: list[tuple[object, sa.ColumnElement[bool]]] = [
            (self.ids, row.id.in_(self.ids)),
            (self.destination, row.destination == self.destination),
            (self.states, row.state.in_([state.value for state in self.states])),
            (self.source, row.source == self.source),
            (self.call_id, row.call_id == self.call_id),
            (self.since is not None, row.started_at >= (self.since or 0.0)),
            (self.until is not None, row.started_at < (self.until or 0.0)),
            (self.error, row.error_code.startswith(self.error or "", autoescape=True)),
            (self.error, row.error_code != sa.literal_column("''")),  # so that its index is found
            (self.fingerprint, row.fingerprint == self.fingerprint),
            (self.fingerprint, row.fingerprint != sa.literal_column("''")),  # so that its index is found
        ]
        return [clause for given, clause in parts if given]


class Total(int):
    """How many deliveries there are; `more` if counting was ended there: "10000+" as text."""

    more = False

    @classmethod
    def at_least(cls, number: int) -> Total:
        """Return a number that is known to be too small."""
        total = cls(number)
        total.more = True
        return total

    def __str__(self) -> str:
        return f"{int(self)}+" if self.more else str(int(self))

    def __format__(self, how: str) -> str:
        return format(str(self) if self.more else int(self), how)


def _first(column: sa.ColumnElement[float], *wanted: sa.ColumnElement[bool]) -> sa.ScalarSelect[float]:
    return sa.select(sa.func.min(column)).where(_D.destination == _L.destination, *wanted).scalar_subquery()


# A few looks into indexes for each lane; nothing here counts rows of deliveries.
_LANES = sa.select(
    LANES,
    _first(_D.next_attempt_at, is_in(State.WAITING)).label("next_waiting"),
    _first(_D.next_attempt_at, is_in(State.VERIFYING)).label("next_verifying"),
    _first(_D.deadline_at, DUE).label("nearest_deadline_at"),
    sa.select(_D.enqueued_at)
    .where(_D.destination == _L.destination, DUE)
    .order_by(_D.deadline_at)
    .limit(1)
    .scalar_subquery()
    .label("oldest_at"),
).order_by(_L.destination)


def lane_views(store: Store, destination: str | None = None) -> list[LaneView]:
    """Return the lanes in the order of their names."""
    lanes, numbers = _LANES, sa.select(COUNTS)
    if destination is not None:
        lanes = lanes.where(_L.destination == destination)
        numbers = numbers.where(COUNTS.c.destination == destination)
    with store.read(snapshot=True) as connection:
        rows = connection.execute(lanes).all()
        counts: dict[str, dict[State, int]] = defaultdict(dict)
        for row in connection.execute(numbers):
            counts[row.destination][State(row.state)] = row[2]
    return [_lane_view(row, counts[row.destination]) for row in rows]


def _lane_view(row: sa.Row[*tuple[Any, ...]], counts: Mapping[State, int]) -> LaneView:
    upcoming = [at for at in (row.next_waiting, row.next_verifying) if at is not None]
    return LaneView(
        row.destination,
        counts,
        row.oldest_at,
        min(upcoming, default=None),
        row.nearest_deadline_at,
        Breaker(row.breaker),
        row.open_until,
        row.rate_per_s,
        row.holder,
        row.paused_by,
        row.paused_why,
        ": ".join(part for part in (row.last_code, row.last_text) if part),
        row.broken_since,
        row.broken_why,
        row.last_failed_at,
    )


def deliveries(store: Store, wanted: Filter, limit: int, offset: int = 0) -> tuple[Total, list[Delivery]]:
    """Return how many deliveries are meant, and some of them, the newest calls first.

    What the lanes' counts do not know is counted up to COUNTED.
    """
    with store.read(snapshot=True) as connection:
        total = _total(connection, wanted)
        walk = wanted.destination is None and _not_meant(connection, wanted) <= _WALKED
        chosen = _chosen(wanted, limit + offset, walk=walk, is_sqlite=store.is_sqlite).subquery()
        rows = connection.execute(
            sa.select(*COLUMNS)
            .join(chosen, chosen.c.id == _D.id)
            .order_by(_D.started_at.desc(), _D.id.desc())
            .limit(limit)
            .offset(offset)
        )
        return total, [delivery_of(row) for row in rows]


def _total(connection: sa.Connection, wanted: Filter) -> Total:
    if wanted == Filter(destination=wanted.destination, states=wanted.states):
        counted = sa.select(sa.func.coalesce(sa.func.sum(COUNTS.c["count"]), 0)).where(*_lanes_of(wanted))
        return Total(connection.execute(counted).scalar_one())
    some = sa.select(sa.literal(1)).select_from(DELIVERIES).where(*wanted.clauses()).limit(COUNTED + 1)
    number = int(connection.execute(sa.select(sa.func.count()).select_from(some.subquery())).scalar_one())
    return Total.at_least(COUNTED) if number > COUNTED else Total(number)


def _not_meant(connection: sa.Connection, wanted: Filter) -> int:
    """Return how many deliveries are in other states than those that are meant."""
    if not wanted.states:
        return 0
    others = COUNTS.c.state.not_in([state.value for state in wanted.states])
    number = sa.select(sa.func.coalesce(sa.func.sum(COUNTS.c["count"]), 0)).where(others)
    return int(connection.execute(number).scalar_one())


def _lanes_of(wanted: Filter) -> list[sa.ColumnElement[bool]]:
    """Return which of the lanes' counts are meant."""
    parts = [COUNTS.c["count"] > 0]
    if wanted.destination is not None:
        parts.append(COUNTS.c.destination == wanted.destination)
    if wanted.states:
        parts.append(COUNTS.c.state.in_([state.value for state in wanted.states]))
    return parts


def _chosen(wanted: Filter, most: int, *, walk: bool, is_sqlite: bool) -> sa.Select[tuple[int]]:
    """Return the query of the ids of the newest calls that are meant; there may be none in a row.

    Few are named by id, call, problem or error. Where nearly all are meant they are walked, the newest first.
    Else the newest of each lane and state are taken together: each of these is in order in an index, and
    nothing tells quickly where among a million calls those of one state are.
    """
    if wanted.ids or wanted.call_id or wanted.fingerprint or wanted.error:
        # A sum is in no index: else SQLite might walk all calls in their order, to find these few.
        in_order = (sa.desc(_D.started_at + sa.literal_column("0")), _D.id.desc())
        return sa.select(_D.id).where(*wanted.clauses()).order_by(*in_order).limit(most)
    if walk or (wanted.destination is None and not wanted.states):
        newest_first = (_D.started_at.desc(), _D.id.desc())
        return sa.select(_D.id).where(*wanted.clauses()).order_by(*newest_first).limit(most)
    other = wanted._replace(destination=None, states=())
    each = _newest_of_each(other, most) if is_sqlite else _lateral(other, most)
    started_at, number = each.selected_columns
    return (
        sa.select(number)
        .select_from(*each.get_final_froms())
        .where(*_lanes_of(wanted))
        .order_by(sa.func.coalesce(started_at, -_EVER).desc(), number.desc())
        .limit(most)
    )


def _lateral(other: Filter, most: int) -> sa.Select[tuple[float, int]]:
    newest = (
        sa.select(_D.started_at, _D.id)
        .where(_D.destination == COUNTS.c.destination, _D.state == COUNTS.c.state, *other.clauses())
        .order_by(_D.started_at.desc(), _D.id.desc())
        .limit(most)
        .lateral()
    )
    return sa.select(newest.c.started_at, newest.c.id).select_from(COUNTS.join(newest, sa.true()))


def _newest_of_each(other: Filter, most: int) -> sa.Select[tuple[float, int]]:
    """Say the same without LATERAL, which SQLite has not: from the last of the newest on.

    An outer join is made in this order; an inner one might begin with all deliveries.
    """
    inner = DELIVERIES.alias()
    last = (
        sa.select(inner.c.started_at)
        .where(inner.c.destination == COUNTS.c.destination, inner.c.state == COUNTS.c.state)
        .where(*other.clauses(inner))
        .order_by(inner.c.started_at.desc())
        .limit(1)
        .offset(most - 1)
        .scalar_subquery()
    )
    newest = sa.and_(
        _D.destination == COUNTS.c.destination,
        _D.state == COUNTS.c.state,
        _D.started_at >= sa.func.coalesce(last, -_EVER),
        *other.clauses(),
    )
    return sa.select(_D.started_at, _D.id).select_from(COUNTS.outerjoin(DELIVERIES, newest))


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
