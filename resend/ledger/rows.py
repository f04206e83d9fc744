"""Rows of the ledger as values, and the counts of the lanes."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from sqlalchemy.dialects import postgresql, sqlite

from resend.ledger.many import many_inserts
from resend.ledger.schema import COUNTS, DELIVERIES
from resend.ledger.values import NAMES, call_of, delivery_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import sqlalchemy as sa

    from supportctl.core.call import Call

_D = DELIVERIES.c
COLUMNS: Sequence[sa.Column[Any]] = tuple(_D[name] for name in NAMES)  # what a Delivery is made of
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


def facts_text(facts: Mapping[str, str]) -> str:
    """Return the facts of a delivery as the ledger keeps them."""
    return _encode_facts(dict(facts)) if facts else "{}"


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


__all__ = ["COLUMNS", "call_of", "count", "delivery_of", "facts_text", "payload_of", "upsert"]
