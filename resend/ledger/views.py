"""What people look at: lanes, lists of deliveries, one delivery with everything that happened to it.

The statements are plain SQL with named parameters, so that a ledger in a file is read without SQLAlchemy
(`resend.ledger.reading`); `Store` runs the same ones.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any, NamedTuple

from resend.ledger.filter import Filter, one_of
from resend.ledger.values import NAMES, delivery_of
from resend.model import Breaker, State

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from resend.ledger.reading import Ask, Source
    from resend.model import Delivery

COUNTED = 10_000  # of what is filtered by more than lane and state no more are counted
_WALKED = 20_000  # so many rows are passed over in some milliseconds
_EVER = 1e12  # before all calls
_COLUMNS = ", ".join(f"r.{name}" for name in NAMES)
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


_DUE = "(d.state = 'waiting' OR d.state = 'verifying')"  # as the partial indexes say it
# A few looks into indexes for each lane; nothing here counts rows of deliveries.
_LANES = f"""
    SELECT l.destination, l.breaker, l.open_until, l.rate_per_s, l.holder, l.paused_by, l.paused_why,
        l.last_code, l.last_text, l.broken_since, l.broken_why, l.last_failed_at,
        (SELECT min(d.next_attempt_at) FROM deliveries d
            WHERE d.destination = l.destination AND d.state = 'waiting'),
        (SELECT min(d.next_attempt_at) FROM deliveries d
            WHERE d.destination = l.destination AND d.state = 'verifying'),
        (SELECT min(d.deadline_at) FROM deliveries d WHERE d.destination = l.destination AND {_DUE}),
        (SELECT d.enqueued_at FROM deliveries d WHERE d.destination = l.destination AND {_DUE}
            ORDER BY d.deadline_at LIMIT 1)
    FROM lanes l {{where}} ORDER BY l.destination
"""  # noqa: S608  of our own words
_COUNTS = "SELECT destination, state, count FROM lane_counts {where}"
_TIMELINE = """
    SELECT at, kind, step, state, failure, code, text, who, next_attempt_at FROM attempts
    WHERE delivery_id = :delivery ORDER BY id
"""


def lane_views(source: Source, destination: str | None = None) -> list[LaneView]:
    """Return the lanes in the order of their names."""
    where, values = (
        ("", {})
        if destination is None
        else ("WHERE destination = :destination", {"destination": destination})
    )
    counts: dict[str, dict[State, int]] = defaultdict(dict)
    with source.reading() as ask:
        rows = ask(_LANES.format(where=where), values)
        for name, state, number in ask(_COUNTS.format(where=where), values):
            counts[name][State(state)] = number
    return [_lane_view(row, counts[row[0]]) for row in rows]


def _lane_view(row: Sequence[Any], counts: Mapping[State, int]) -> LaneView:
    (
        destination, breaker, open_until, rate_per_s, holder, paused_by, paused_why, last_code, last_text,
        broken_since, broken_why, last_failed_at, next_waiting, next_verifying, nearest_deadline_at,
        oldest_at,
    ) = row  # fmt: skip
    return LaneView(
        destination,
        counts,
        oldest_at,
        min((at for at in (next_waiting, next_verifying) if at is not None), default=None),
        nearest_deadline_at,
        Breaker(breaker),
        open_until,
        rate_per_s,
        holder,
        paused_by,
        paused_why,
        ": ".join(part for part in (last_code, last_text) if part),
        broken_since,
        broken_why,
        last_failed_at,
    )


def deliveries(source: Source, wanted: Filter, limit: int, offset: int = 0) -> tuple[Total, list[Delivery]]:
    """Return how many deliveries are meant, and some of them, the newest calls first.

    What the lanes' counts do not know is counted up to COUNTED.
    """
    with source.reading() as ask:
        total = _total(ask, wanted)
        walk = wanted.destination is None and _not_meant(ask, wanted) <= _WALKED
        chosen = _chosen(wanted, walk=walk, is_sqlite=source.is_sqlite)
        rows = ask(
            f"""
            SELECT {_COLUMNS} FROM deliveries r JOIN ({chosen}) chosen ON chosen.id = r.id
            ORDER BY r.started_at DESC, r.id DESC LIMIT :limit OFFSET :offset
            """,  # noqa: S608  of our own words
            {**wanted.values, "most": limit + offset, "limit": limit, "offset": offset},
        )
    return total, [delivery_of(row) for row in rows]


def _total(ask: Ask, wanted: Filter) -> Total:
    if wanted == Filter(destination=wanted.destination, states=wanted.states):
        sql = f"SELECT coalesce(sum(c.count), 0) FROM lane_counts c {_where(_lanes_of(wanted))}"  # noqa: S608  of our own words
        return Total(ask(sql, wanted.values)[0][0])
    some = f"SELECT 1 FROM deliveries d {_where(wanted.conditions('d'))} LIMIT :most"  # noqa: S608  of our own words
    sql = f"SELECT count(*) FROM ({some}) AS few"  # noqa: S608  of our own words
    number = int(ask(sql, {**wanted.values, "most": COUNTED + 1})[0][0])
    return Total.at_least(COUNTED) if number > COUNTED else Total(number)


def _not_meant(ask: Ask, wanted: Filter) -> int:
    """Return how many deliveries are in other states than those that are meant."""
    if not wanted.states:
        return 0
    meant = one_of("state", "wanted_state", len(wanted.states))
    sql = f"SELECT coalesce(sum(count), 0) FROM lane_counts WHERE NOT {meant}"  # noqa: S608  of our own words
    return int(ask(sql, Filter(states=wanted.states).values)[0][0])


def _where(conditions: Sequence[str]) -> str:
    return f"WHERE {' AND '.join(conditions)}" if conditions else ""


def _lanes_of(wanted: Filter) -> list[str]:
    """Return which of the lanes' counts are meant."""
    return ["c.count > 0", *Filter(destination=wanted.destination, states=wanted.states).conditions("c")]


def _chosen(wanted: Filter, *, walk: bool, is_sqlite: bool) -> str:
    """Return the query of the ids of the newest calls that are meant, :most at most; some may be null.

    Few are named by id, call, problem or error. Where nearly all are meant they are walked, the newest first.
    Else the newest of each lane and state are taken together: each of these is in order in an index, and
    nothing tells quickly where among a million calls those of one state are.
    """
    all_of_them = f"SELECT d.id FROM deliveries d {_where(wanted.conditions('d'))}"  # noqa: S608  of our own words
    if wanted.ids or wanted.call_id or wanted.fingerprint or wanted.error:
        # A sum is in no index: else SQLite might walk all calls in their order, to find these few.
        return f"{all_of_them} ORDER BY d.started_at + 0 DESC, d.id DESC LIMIT :most"
    if walk or (wanted.destination is None and not wanted.states):
        return f"{all_of_them} ORDER BY d.started_at DESC, d.id DESC LIMIT :most"
    other = wanted._replace(destination=None, states=())
    each = _newest_of_each(other) if is_sqlite else _lateral(other)
    return f"""
        SELECT n.id FROM {each} {_where(_lanes_of(wanted))}
        ORDER BY coalesce(n.started_at, {-_EVER}) DESC, n.id DESC LIMIT :most
    """  # noqa: S608  of our own words


def _in_lane(table: str, other: Filter) -> str:
    """Return the conditions on the deliveries of one lane and state."""
    same = [f"{table}.{name} = c.{name}" for name in ("destination", "state")]
    return " AND ".join([*same, *other.conditions(table)])


def _lateral(other: Filter) -> str:
    return f"""lane_counts c JOIN LATERAL (
            SELECT d.started_at, d.id FROM deliveries d WHERE {_in_lane("d", other)}
            ORDER BY d.started_at DESC, d.id DESC LIMIT :most
        ) n ON true"""  # noqa: S608  of our own words


def _newest_of_each(other: Filter) -> str:
    """Say the same without LATERAL, which SQLite has not: from the last of the newest on.

    An outer join is made in this order; an inner one might begin with all deliveries.
    """
    return f"""lane_counts c LEFT JOIN deliveries n ON {_in_lane("n", other)} AND n.started_at >= coalesce((
            SELECT d.started_at FROM deliveries d WHERE {_in_lane("d", other)}
            ORDER BY d.started_at DESC LIMIT 1 OFFSET :most - 1
        ), {-_EVER})"""  # noqa: S608  of our own words


def timeline(source: Source, delivery_id: int) -> Sequence[Event]:
    """Return all that happened to a delivery after it was accepted, oldest first."""
    with source.reading() as ask:
        rows = ask(_TIMELINE, {"delivery": delivery_id})
    return [Event(at, kind, step, State(state), *rest) for at, kind, step, state, *rest in rows]
