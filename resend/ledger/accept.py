"""Calls enter the ledger: each once for a destination, durable before anyone is told."""

from __future__ import annotations

from collections import Counter, defaultdict
from itertools import islice
from typing import TYPE_CHECKING, Any, NamedTuple

import sqlalchemy as sa

from resend.ledger.many import Both, many_inserts, many_updates
from resend.ledger.rows import count, payload_of, upsert
from resend.ledger.schema import ATTEMPTS, DELIVERIES, LANES
from resend.model import State

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from resend.ledger.store import Store
    from supportctl.core.call import Call

BATCH = 1000
Row = sa.Row[*tuple[Any, ...]]
Key = tuple[str, str]  # source and call id
_Changes = Counter[tuple[str, str]]  # destination and state -> difference
_D = DELIVERIES.c


class Accepted(NamedTuple):
    """What became of the calls that were offered."""

    accepted: int = 0
    already_known: int = 0
    updated: int = 0

    def plus(self, other: Accepted) -> Accepted:
        """Return the sum."""
        return Accepted(*(ours + theirs for ours, theirs in zip(self, other, strict=True)))


class _Offered(NamedTuple):
    """Calls that are offered, each once, and as the ledger writes them."""

    calls: Mapping[Key, Call]
    payloads: Mapping[Key, str]


class _Terms(NamedTuple):
    """On what terms a batch is taken."""

    destination: str
    now: float
    deadline_at: float
    state: State  # of those that are new


def accept(
    store: Store, destination: str, calls: Iterable[Call], horizon_s: float, *, ask_first: bool = False
) -> Accepted:
    """Take calls for a destination; what is known is left alone, what has changed is updated.

    With `ask_first` the destination is asked about each new call before it is sent for the first time:
    somebody else may have brought it. The horizon counts from now.

    Raises:
        LedgerError: the database failed; batches before that are in the ledger, and may be offered again.
    """
    total = Accepted()
    coming = iter(calls)
    state = State.VERIFYING if ask_first else State.WAITING
    while batch := list(islice(coming, BATCH)):
        last = {(call.source, call.call_id): call for call in batch}  # the last word of a call counts
        offered = _Offered(last, {key: payload_of(call) for key, call in last.items()})
        with store.write() as connection:
            now = store.now(connection)
            found = _take(connection, _Terms(destination, now, now + horizon_s, state), offered)
        total = total.plus(found._replace(already_known=found.already_known + len(batch) - len(last)))
    return total


def _take(connection: sa.Connection, terms: _Terms, offered: _Offered) -> Accepted:
    connection.execute(
        upsert(connection, LANES).values(destination=terms.destination).on_conflict_do_nothing()
    )
    known, inserted = known_rows(connection, terms.destination, offered.payloads), 0
    while new := [key for key in offered.payloads if key not in known]:
        rows = [_row(terms, offered, key) for key in sorted(new)]
        found = _INSERT.run(connection, rows)
        inserted += found
        if found == len(rows):
            break
        known = known_rows(connection, terms.destination, offered.payloads)  # somebody else offered them, too
    changed = [row.id for key, row in known.items() if is_changed(row, offered.payloads[key])]
    updated, changes = _update(connection, terms, changed, offered) if changed else (0, Counter())
    changes[terms.destination, terms.state.value] += inserted
    count(connection, changes)
    return Accepted(inserted, len(offered.payloads) - inserted - updated, updated)


_KNOWN_COLUMNS = (
    _D.id, _D.source, _D.call_id, _D.payload, _D.state, _D.attempts, _D.next_attempt_at, _D.deadline_at,
)  # fmt: skip
_KNOWN = Both(
    lambda among: sa.select(*_KNOWN_COLUMNS).where(
        among(_D.call_id), _D.source == sa.bindparam("of"), _D.destination == sa.bindparam("lane")
    )
)
_CHANGED = Both(lambda among: sa.select(*_KNOWN_COLUMNS).where(among(_D.id)).order_by(_D.id))
_INSERT = many_inserts(
    DELIVERIES,
    (
        "destination", "source", "call_id", "payload", "started_at", "state",
        "enqueued_at", "next_attempt_at", "deadline_at",
    ),
    "ON CONFLICT (call_id, source, destination) DO NOTHING",
)  # fmt: skip
_UPDATE = many_updates(
    DELIVERIES,
    ("payload", "started_at", "state", "next_attempt_at", "deadline_at"),
    revision="deliveries.revision + 1",
)


def known_rows(connection: sa.Connection, destination: str, keys: Iterable[Key]) -> dict[Key, Row]:
    """Return those of some calls that the ledger has for a destination."""
    by_source: dict[str, list[str]] = defaultdict(list)
    for source, call_id in keys:
        by_source[source].append(call_id)
    found = {}
    for source, call_ids in by_source.items():
        values = {"among": call_ids, "of": source, "lane": destination}
        for row in connection.execute(_KNOWN[connection.dialect.name == "sqlite"], values):
            found[source, row.call_id] = row
    return found


def is_changed(row: Row, payload: str) -> bool:
    """Return whether a call that is offered again is news to the ledger; a cancelled one never is."""
    return bool(row.payload != payload and row.state != State.CANCELLED.value)


def _row(terms: _Terms, offered: _Offered, key: Key) -> dict[str, object]:
    call = offered.calls[key]
    return {
        "destination": terms.destination,
        "source": call.source,
        "call_id": call.call_id,
        "payload": offered.payloads[key],
        "started_at": call.started_at.timestamp(),
        "state": terms.state.value,
        "enqueued_at": terms.now,
        "next_attempt_at": terms.now,
        "deadline_at": terms.deadline_at,
    }


def _update(
    connection: sa.Connection, terms: _Terms, ids: Sequence[int], offered: _Offered
) -> tuple[int, _Changes]:
    """Give known calls whose payload has changed their new one; return how many, and the counts' changes.

    One that was delivered waits again: its destination gets the change. One that ended without an answer is
    asked about first. One that is being sent keeps its state: its worker's outcome is for the old revision,
    and `settle` sees that. The horizon is a new one, unless the call waits and was never sent whole.
    """
    is_sqlite = connection.dialect.name == "sqlite"
    query = _CHANGED[is_sqlite] if is_sqlite else _CHANGED[is_sqlite].with_for_update()
    rows = connection.execute(query, {"among": ids}).all()  # as they are now that nobody else changes them
    rows = [row for row in rows if is_changed(row, offered.payloads[row.source, row.call_id])]
    if not rows:
        return 0, Counter()
    values = [_new_values(row, terms, offered) for row in rows]
    _UPDATE.run(connection, values)
    connection.execute(
        sa.insert(ATTEMPTS),
        [
            {"delivery_id": row.id, "at": terms.now, "kind": "update", "state": new["state"]}
            for row, new in zip(rows, values, strict=True)
        ],
    )
    changes: _Changes = Counter()
    for row, new in zip(rows, values, strict=True):
        changes[terms.destination, row.state] -= 1
        changes[terms.destination, str(new["state"])] += 1
    return len(rows), changes


def _new_values(row: Row, terms: _Terms, offered: _Offered) -> dict[str, object]:
    before = State(row.state)
    after = before
    if before is State.DELIVERED or (before is State.ESCALATED and row.attempts == 0):
        after = State.WAITING
    elif before is State.ESCALATED:
        after = State.VERIFYING
    keeps_its_day = before in {State.WAITING, State.HELD}
    key = (row.source, row.call_id)
    return {
        "id": row.id,
        "payload": offered.payloads[key],
        "started_at": offered.calls[key].started_at.timestamp(),
        "state": after.value,
        "next_attempt_at": row.next_attempt_at if after is before else terms.now,
        "deadline_at": row.deadline_at if keeps_its_day else terms.deadline_at,
    }
