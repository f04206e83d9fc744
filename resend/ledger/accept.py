"""Calls enter the ledger: each once for a destination, durable before anyone is told."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

import sqlalchemy as sa

from resend.ledger.rows import count, payload_of, upsert
from resend.ledger.schema import ATTEMPTS, DELIVERIES, LANES
from resend.model import State

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from resend.ledger.store import Store
    from supportctl.core.call import Call

_BATCH = 500
_KEY = ("source", "call_id")


class Accepted(NamedTuple):
    """What became of the calls that were offered."""

    accepted: int = 0
    already_known: int = 0
    updated: int = 0

    def plus(self, other: Accepted) -> Accepted:
        """Return the sum."""
        return Accepted(*(ours + theirs for ours, theirs in zip(self, other, strict=True)))


def accept(
    store: Store, destination: str, calls: Iterable[Call], horizon_s: float, *, ask_first: bool = False
) -> Accepted:
    """Take calls for a destination; what is known is left alone, what has changed is updated.

    With `ask_first` the destination is asked about what is new before it is sent: somebody else may have
    brought it.
    """
    first = State.VERIFYING if ask_first else State.WAITING
    total = Accepted()
    offered = iter(calls)
    while batch := list(islice(offered, _BATCH)):
        total = total.plus(_accept_batch(store, destination, batch, horizon_s, first))
    return total


def _accept_batch(
    store: Store, destination: str, calls: Sequence[Call], horizon_s: float, first: State
) -> Accepted:
    last = {(call.source, call.call_id): call for call in calls}  # the last word of a call counts
    with store.write() as connection:
        now = store.now(connection)
        connection.execute(upsert(connection, LANES).values(destination=destination).on_conflict_do_nothing())
        rows = [_row(destination, call, now, horizon_s, first) for _, call in sorted(last.items())]
        statement = upsert(connection, DELIVERIES).on_conflict_do_nothing(
            index_elements=["destination", "source", "call_id"]
        )
        inserted = connection.execute(statement.returning(DELIVERIES.c.source, DELIVERIES.c.call_id), rows)
        new = {(row.source, row.call_id) for row in inserted}
        known = [row for row in rows if (row["source"], row["call_id"]) not in new]
        count(connection, {(destination, first): len(new)})
        updated = _update(connection, destination, known, now, horizon_s)
    repeated = len(calls) - len(last)
    return Accepted(len(new), len(known) - updated + repeated, updated)


def _row(destination: str, call: Call, now: float, horizon_s: float, first: State) -> dict[str, object]:
    return {
        "destination": destination,
        "source": call.source,
        "call_id": call.call_id,
        "payload": payload_of(call),
        "started_at": call.started_at.timestamp(),
        "state": first.value,
        "enqueued_at": now,
        "next_attempt_at": now,
        "deadline_at": now + horizon_s,
    }


def _update(
    connection: sa.Connection,
    destination: str,
    known: Sequence[dict[str, object]],
    now: float,
    horizon_s: float,
) -> int:
    """Give known calls whose payload has changed their new one; return how many.

    One that was delivered waits again, for a new horizon: its destination gets the change. One that ended
    without an answer is asked about first. One that is being sent keeps its state: its worker's outcome is
    for the old revision, and `settle` sees that.
    """
    if not known:
        return 0
    table = DELIVERIES.c
    found = connection.execute(
        sa.select(
            table.id, table.source, table.call_id, table.payload, table.state, table.revision, table.attempts
        ).where(
            table.destination == destination,
            sa.tuple_(table.source, table.call_id).in_([(row["source"], row["call_id"]) for row in known]),
        )
    ).all()
    offered = {(row["source"], row["call_id"]): row["payload"] for row in known}
    updated = 0
    for row in found:
        payload = offered[row.source, row.call_id]
        if row.payload == payload or row.state == State.CANCELLED:
            continue
        again = row.state in {State.DELIVERED, State.ESCALATED}
        doubtful = row.state == State.ESCALATED and row.attempts > 0
        ahead = State.VERIFYING if doubtful else State.WAITING
        state = ahead if again else State(row.state)
        values: dict[str, object] = {"payload": payload, "revision": row.revision + 1, "state": state.value}
        if again:
            values |= {"next_attempt_at": now, "deadline_at": now + horizon_s}
            count(connection, {(destination, row.state): -1, (destination, state): 1})
        connection.execute(sa.update(DELIVERIES).where(table.id == row.id).values(values))
        connection.execute(
            sa.insert(ATTEMPTS).values(delivery_id=row.id, at=now, kind="update", state=state.value)
        )
        updated += 1
    return updated
