"""What the person on call does by hand; each change says who did it and why."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING, Literal, NamedTuple

import sqlalchemy as sa

from resend.ledger.rows import count, upsert
from resend.ledger.schema import ATTEMPTS, DELIVERIES, LANES
from resend.model import ENDED, Breaker, State

if TYPE_CHECKING:
    from resend.ledger.filter import Filter
    from resend.ledger.store import Store

Verb = Literal["now", "hold", "cancel"]
_D = DELIVERIES.c
# From which states a verb takes a delivery. One that is being sent is its worker's; one that was delivered is
# never sent again by hand: that would make a second copy.
FROM: dict[Verb, frozenset[State]] = {
    "now": frozenset({State.WAITING, State.HELD, State.ESCALATED, State.CANCELLED, State.VERIFYING}),
    "hold": frozenset({State.WAITING, State.VERIFYING}),
    "cancel": frozenset({State.WAITING, State.VERIFYING, State.HELD, State.ESCALATED}),
}
_TO: dict[Verb, State] = {"now": State.WAITING, "hold": State.HELD, "cancel": State.CANCELLED}
_PIECE = 5000


class Preview(NamedTuple):
    """How many deliveries a verb would change, by lane and state, and how many it would leave alone.

    `missing` are the ids that were named and that no delivery has.
    """

    changed: dict[tuple[str, State], int]
    left: dict[tuple[str, State], int]
    missing: tuple[int, ...] = ()

    @property
    def total(self) -> int:
        """How many would be changed."""
        return sum(self.changed.values())


def preview(store: Store, verb: Verb, wanted: Filter) -> Preview:
    """Return what a verb would do, without doing it."""
    with store.read() as connection:
        taken = _takes(verb, store.now(connection)).label("taken")
        rows = connection.execute(
            sa.select(_D.destination, _D.state, taken, sa.func.count())
            .where(*wanted.clauses())
            .group_by(_D.destination, _D.state, "taken")
        ).all()
        there = set(connection.execute(sa.select(_D.id).where(_D.id.in_(wanted.ids))).scalars())
    counted = [((row[0], State(row[1])), bool(row[2]), int(row[3])) for row in rows]
    return Preview(
        {key: number for key, taken, number in counted if taken},
        {key: number for key, taken, number in counted if not taken},
        tuple(each for each in wanted.ids if each not in there),
    )


def apply(store: Store, verb: Verb, wanted: Filter, *, who: str, why: str, horizon_s: float = 86400.0) -> int:
    """Do it, in transactions of some thousands; return how many deliveries were changed.

    `now` makes a delivery due at once, and lets its lane try although its breaker is open; what had ended
    gets a new horizon. Of all but what merely waits, something may have arrived: the destination is asked,
    and not before the answer would mean anything. A write that is still on its way would be found missing,
    and sent twice.
    """
    if verb == "now":
        _let_try(store, wanted)
    act = _Act(verb, who, why, horizon_s)
    changed, last = 0, 0
    while ids := _apply_piece(store, act, wanted, last):
        changed, last = changed + len(ids), ids[-1]
    return changed


class _Act(NamedTuple):
    verb: Verb
    who: str
    why: str
    horizon_s: float


def _apply_piece(store: Store, act: _Act, wanted: Filter, after_id: int) -> list[int]:
    """Change the next deliveries after an id; return their ids."""
    verb = act.verb
    with store.write() as connection:
        now = store.now(connection)
        rows = connection.execute(_chosen(verb, wanted, now).where(_D.id > after_id)).all()
        groups: dict[tuple[State, State], list[int]] = defaultdict(list)
        changes: Counter[tuple[str, str]] = Counter()
        for row in rows:
            before = State(row.state)
            after = State.VERIFYING if verb == "now" and before is not State.WAITING else _TO[verb]
            groups[before, after].append(row.id)
            changes[row.destination, before.value] -= 1
            changes[row.destination, after.value] += 1
        for (before, after), ids in groups.items():
            values: dict[str, object] = {"state": after.value}
            if verb == "now":
                values["next_attempt_at"] = _asked_at(now) if after is State.VERIFYING else now
                if before in ENDED:
                    values["deadline_at"] = now + act.horizon_s
            connection.execute(sa.update(DELIVERIES).where(_D.id.in_(ids)).values(values))
            said = {"at": now, "kind": "hand", "code": verb, "text": act.why, "who": act.who}
            connection.execute(
                sa.insert(ATTEMPTS), [{"delivery_id": each, "state": after.value, **said} for each in ids]
            )
        count(connection, changes)
    return [row.id for row in rows]


def _chosen(verb: Verb, wanted: Filter, now: float) -> sa.Select[tuple[int, str, str]]:
    query = sa.select(_D.id, _D.destination, _D.state).where(*wanted.clauses(), _takes(verb, now))
    return query.order_by(_D.id).limit(_PIECE).with_for_update()


def _takes(verb: Verb, now: float) -> sa.ColumnElement[bool]:
    """Return whether a verb takes a delivery; what is due already needs no `now`."""
    state_fits = _D.state.in_([state.value for state in FROM[verb]])
    if verb != "now":
        return state_fits
    upcoming = _D.state.in_(("waiting", "verifying"))
    sooner = sa.case((_D.state == State.VERIFYING.value, _asked_at(now)), else_=now)
    return sa.and_(state_fits, sa.or_(sa.not_(upcoming), _D.next_attempt_at > sooner))


def _asked_at(now: float) -> sa.ColumnElement[float]:
    """Return when a delivery may be asked about: as the last try said that may still be on its way."""
    tried = (
        sa.select(sa.func.max(ATTEMPTS.c.next_attempt_at))
        .where(
            ATTEMPTS.c.delivery_id == _D.id,
            ATTEMPTS.c.kind.in_(("try", "lost")),
            ATTEMPTS.c.state == State.VERIFYING.value,
        )
        .scalar_subquery()
    )
    return sa.case((tried > now, tried), else_=now)


def _let_try(store: Store, wanted: Filter) -> None:
    """Let the lanes of these deliveries try at once although their breakers are open."""
    states = [state.value for state in FROM["now"]]
    with store.write() as connection:
        meant = sa.select(_D.destination).where(*wanted.clauses(), _D.state.in_(states))
        connection.execute(
            sa.update(LANES)
            .where(LANES.c.breaker != Breaker.CLOSED.value, LANES.c.destination.in_(meant))
            .values(open_until=store.now(connection))
        )


def pause(store: Store, destination: str, *, who: str, why: str) -> bool:
    """Stop a lane until it is resumed, even before its first call; return whether that is so now."""
    with store.write() as connection:
        connection.execute(upsert(connection, LANES).values(destination=destination).on_conflict_do_nothing())
    return _set_pause(store, destination, who, why)


def resume(store: Store, destination: str) -> bool:
    """Let a lane run again; return whether there is such a lane."""
    return _set_pause(store, destination, "", "")


def _set_pause(store: Store, destination: str, who: str, why: str) -> bool:
    with store.write() as connection:
        changed = connection.execute(
            sa.update(LANES).where(LANES.c.destination == destination).values(paused_by=who, paused_why=why)
        )
        return changed.rowcount == 1
