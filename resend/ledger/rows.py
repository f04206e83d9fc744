"""Rows of the ledger as values, and the counts of the lanes."""

from __future__ import annotations

import json
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy.dialects import postgresql, sqlite

from resend.ledger.many import many_inserts
from resend.ledger.schema import COUNTS, DELIVERIES
from resend.model import Acts, Delivery, State
from supportctl.core.call import Call
from supportctl.core.failure import Failure

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import sqlalchemy as sa

_D = DELIVERIES.c
# What a Delivery is made of, in this order.
COLUMNS: Sequence[sa.Column[Any]] = (
    _D.id, _D.destination, _D.source, _D.call_id, _D.payload, _D.revision, _D.state, _D.step, _D.facts,
    _D.attempts, _D.enqueued_at, _D.next_attempt_at, _D.deadline_at, _D.failure, _D.error_code, _D.error_text,
    _D.who_acts, _D.remote_id, _D.fingerprint,
)  # fmt: skip
_STATES = {state.value: state for state in State}
_FAILURES = {"": None} | {failure.value: failure for failure in Failure}
_ACTS = {acts.value: acts for acts in Acts}
_encode = json.JSONEncoder(ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode
_encode_plainly = json.JSONEncoder(sort_keys=True, separators=(",", ":")).encode
_encode_facts = json.JSONEncoder().encode
_COUNT = many_inserts(
    COUNTS,
    ("destination", "state", "count"),
    "ON CONFLICT (destination, state) DO UPDATE SET count = lane_counts.count + excluded.count",
)


def payload_of(call: Call) -> str:
    """Return a call as the ledger keeps it: the same call gives the same text, that any database takes."""
    text = _encode(call.document())
    try:
        text.encode()
    except UnicodeEncodeError:  # half a character of UTF-16, as some systems write it
        return _encode_plainly(call.document())
    return text


def call_of(payload: str) -> Call:
    """Return the call that `payload_of` made a text of."""
    document: dict[str, Any] = json.loads(payload)
    document["started_at"] = datetime.fromisoformat(document["started_at"])
    document["tags"] = tuple(document["tags"])
    return Call(**document)


def facts_text(facts: Mapping[str, str]) -> str:
    """Return the facts of a delivery as the ledger keeps them."""
    return _encode_facts(dict(facts)) if facts else "{}"


def delivery_of(row: Sequence[Any]) -> Delivery:
    """Return a row with COLUMNS as a value."""
    (
        number, destination, source, call_id, payload, revision, state, step, facts,
        attempts, enqueued_at, next_attempt_at, deadline_at, failure, error_code, error_text,
        who_acts, remote_id, fingerprint,
    ) = row  # fmt: skip
    return Delivery(
        number, destination, source, call_id, call_of(payload), revision, _STATES[state], step,
        {} if facts == "{}" else json.loads(facts),
        attempts, enqueued_at, next_attempt_at, deadline_at, _FAILURES[failure], error_code, error_text,
        _ACTS[who_acts], remote_id, fingerprint,
    )  # fmt: skip


def upsert(connection: sa.Connection, table: sa.Table) -> Any:  # noqa: ANN401  two dialects, one interface
    """Return an INSERT of this database that knows ON CONFLICT."""
    return (sqlite if connection.dialect.name == "sqlite" else postgresql).insert(table)


def count(connection: sa.Connection, changes: Mapping[tuple[str, str], int]) -> None:
    """Add to the lanes' counts: (destination, state) -> difference; always in the same order of rows.

    It is the last statement of a transaction: what is enqueued meanwhile waits for these rows only shortly.
    """
    rows = [
        {"destination": destination, "state": state, "count": difference}
        for (destination, state), difference in sorted(changes.items())
        if difference
    ]
    if rows:
        _COUNT.run(connection, rows)
