"""What is in the way of deliveries: what nobody was told of, lanes that fail, horizons that come near."""

from __future__ import annotations

import json
from collections import defaultdict
from typing import TYPE_CHECKING, NamedTuple

import sqlalchemy as sa

from resend.ledger.rows import count, upsert
from resend.ledger.schema import (
    ATTEMPTS,
    COUNTS,
    DELIVERIES,
    ESCALATIONS,
    LANES,
    REPORTED,
    UNREPORTED,
    is_in,
)
from resend.model import Acts, Breaker, State

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from resend.fingerprint import Cause
    from resend.ledger.store import Store

_PIECE = 2000
_D = DELIVERIES.c
_PENDING = (State.WAITING, State.SENDING, State.VERIFYING)
_INDEXED = ((State.WAITING, State.VERIFYING), (State.SENDING,))  # each has its index


class Unreported(NamedTuple):
    """A delivery that has ended or is held, and of which nobody was told."""

    id: int
    destination: str
    state: State
    failure: str
    error_code: str
    error_text: str
    step: str
    who_acts: Acts
    deadline_at: float


class Failing(NamedTuple):
    """A lane with work: how much, and what is in its way. `failure` is the class of what failed last."""

    destination: str
    pending: int
    breaker: Breaker
    failures: int
    broken_since: float
    paused_by: str
    failure: str
    error_code: str
    error_text: str
    deadline_at: float  # the nearest of what waits


class Hit(NamedTuple):
    """How many deliveries of a destination belong to an escalation: waiting in their lane, or out of it."""

    fingerprint: str
    destination: str
    in_lane: int
    out_of_lane: int


class _Times(NamedTuple):
    now: float
    before: float


def unreported(store: Store, warn_before: float) -> list[Unreported]:
    """Return some deliveries that nobody was told of.

    What a person holds by hand counts from `warn_before` on: when its deadline is nearer than that.
    """
    due = sa.or_(
        _D.state == State.ESCALATED.value,
        sa.and_(_D.failure != "", _D.who_acts == Acts.CUSTOMER.value),
        _D.deadline_at <= warn_before,
    )
    columns = [_D[name] for name in Unreported._fields]
    with store.read() as connection:
        rows = connection.execute(sa.select(*columns).where(UNREPORTED, due).limit(_PIECE)).all()
    return [Unreported(*row)._replace(state=State(row.state), who_acts=Acts(row.who_acts)) for row in rows]


def report(store: Store, found: Mapping[Cause, Sequence[Unreported]]) -> int:
    """Write down to which escalation each of these belongs; return how many still were as they were read."""
    done = 0
    with store.write() as connection:
        for cause, deliveries in sorted(found.items()):
            _ensure(connection, cause, store.now(connection))
            for state in {each.state for each in deliveries}:
                ids = [each.id for each in deliveries if each.state is state]
                done += connection.execute(
                    sa.update(DELIVERIES)
                    .where(_D.id.in_(ids), _D.state == state.value, _D.fingerprint == "")
                    .values(fingerprint=cause.fingerprint)
                ).rowcount
    return done


def report_overdue(store: Store, destination: str, cause: Cause) -> int:
    """Let what is past its horizon and still in its lane belong to an escalation; it stays where it is."""
    return sum(_report_overdue(store, destination, cause, states) for states in _INDEXED)


def _report_overdue(store: Store, destination: str, cause: Cause, states: Sequence[State]) -> int:
    done = 0
    while True:
        with store.write() as connection:
            now = store.now(connection)
            _ensure(connection, cause, now)
            overdue = (_D.destination == destination, is_in(*states), _D.deadline_at <= now)
            chosen = sa.select(_D.id).where(*overdue, _D.fingerprint == "").limit(_PIECE)
            piece = connection.execute(
                sa.update(DELIVERIES).where(_D.id.in_(chosen)).values(fingerprint=cause.fingerprint)
            ).rowcount
        done += piece
        if piece < _PIECE:
            return done


def expire(store: Store, destination: str, cause: Cause, why: tuple[str, str, Acts], grace_s: float) -> int:
    """End what waits in a lane that does not move, past its horizon: it is escalated; return how many.

    `why` is code, text and who acts. What may have arrived (`sending`, `verifying`) is never ended here.
    """
    done = 0
    while True:
        with store.write() as connection:
            now = store.now(connection)
            piece = _expire(connection, destination, cause, why, _Times(now, now - grace_s))
        done += piece
        if piece < _PIECE:
            return done


def _expire(
    connection: sa.Connection, destination: str, cause: Cause, why: tuple[str, str, Acts], times: _Times
) -> int:
    code, text, who = why
    now = times.now
    waiting, ended = State.WAITING.value, State.ESCALATED.value
    _ensure(connection, cause, now)
    overdue = (_D.destination == destination, is_in(State.WAITING), _D.deadline_at <= times.before)
    rows = connection.execute(
        sa.update(DELIVERIES)
        .where(_D.id.in_(sa.select(_D.id).where(*overdue).limit(_PIECE)), _D.state == waiting)
        .values(
            state=ended, fingerprint=cause.fingerprint, who_acts=who.value, error_code=code, error_text=text
        )
        .returning(_D.id, _D.step)
    ).all()
    if rows:
        said = {"at": now, "kind": "expired", "state": ended, "code": code, "text": text}
        connection.execute(
            sa.insert(ATTEMPTS), [{"delivery_id": row.id, "step": row.step, **said} for row in rows]
        )
        count(connection, {(destination, waiting): -len(rows), (destination, ended): len(rows)})
    return len(rows)


def _ensure(connection: sa.Connection, cause: Cause, now: float) -> None:
    """Have a row for a problem before a delivery points to it: a crash in between leaves no riddle."""
    connection.execute(
        upsert(connection, ESCALATIONS)
        .values(
            fingerprint=cause.fingerprint,
            code="",
            cause=json.dumps(cause._asdict(), ensure_ascii=False),
            who_acts=Acts.NOBODY.value,
            first_at=now,
            last_at=now,
            state="open",
        )
        .on_conflict_do_nothing()
    )


def hits(store: Store) -> list[Hit]:
    """Return how many deliveries belong to which escalation, by destination."""
    in_lane = _D.state.in_([state.value for state in _PENDING])
    with store.read() as connection:
        rows = connection.execute(
            sa.select(
                _D.fingerprint,
                _D.destination,
                sa.func.sum(sa.case((in_lane, 1), else_=0)),
                sa.func.sum(sa.case((in_lane, 0), else_=1)),
            )
            .where(REPORTED)
            .group_by(_D.fingerprint, _D.destination)
        ).all()
    return [Hit(row[0], row[1], int(row[2]), int(row[3])) for row in rows]


def lanes_with_work(store: Store, destination: str | None = None) -> list[Failing]:
    """Return every lane (or this one) in which something waits; some looks into indexes for each."""
    with store.read() as connection:
        pending: dict[str, int] = defaultdict(int)
        states = [state.value for state in _PENDING]
        for row in connection.execute(sa.select(COUNTS).where(COUNTS.c.state.in_(states))):
            pending[row.destination] += row[2]
        wanted = sa.select(LANES).order_by(LANES.c.destination)
        if destination is not None:
            wanted = wanted.where(LANES.c.destination == destination)
        rows = connection.execute(wanted).all()
        found = []
        for row in rows:
            if pending[row.destination] <= 0:
                continue
            found.append(
                Failing(
                    row.destination,
                    pending[row.destination],
                    Breaker(row.breaker),
                    row.failures,
                    row.broken_since,
                    row.paused_by,
                    row.last_failure,
                    row.last_code,
                    row.last_text,
                    _nearest_deadline(connection, row.destination),
                )
            )
    return found


def _nearest_deadline(connection: sa.Connection, destination: str) -> float:
    found = [
        connection.execute(
            sa.select(sa.func.min(_D.deadline_at)).where(_D.destination == destination, is_in(*states))
        ).scalar()
        for states in _INDEXED
    ]
    return min((float(at) for at in found if at is not None), default=0.0)


def near_deadline(store: Store, destination: str, before: float) -> int:
    """Return how many of a lane will be past their horizon at `before`, and belong to no escalation yet."""
    with store.read() as connection:
        return int(
            connection.execute(
                sa.select(sa.func.count()).where(
                    _D.destination == destination,
                    is_in(State.WAITING, State.VERIFYING),
                    _D.deadline_at <= before,
                    _D.fingerprint == "",
                )
            ).scalar_one()
        )


def lane_names(store: Store) -> list[str]:
    """Return every lane that there is."""
    with store.read() as connection:
        return [row.destination for row in connection.execute(sa.select(LANES.c.destination))]
