"""Rows of the ledger as values, and the counts of the lanes."""

from __future__ import annotations

import json
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy.dialects import postgresql, sqlite

from resend.ledger.schema import COUNTS, DELIVERIES
from resend.model import Acts, Delivery, State
from supportctl.core.call import Call
from supportctl.core.failure import Failure

if TYPE_CHECKING:
    from collections.abc import Mapping

    import sqlalchemy as sa

COLUMNS = [column for column in DELIVERIES.c if column.name not in {"token", "started_at"}]


def payload_of(call: Call) -> str:
    """Return a call as the ledger keeps it: the same call gives the same text."""
    return json.dumps(call.document(), ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def call_of(payload: str) -> Call:
    """Return the call that `payload_of` made a text of."""
    document: dict[str, Any] = json.loads(payload)
    document["started_at"] = datetime.fromisoformat(document["started_at"])
    document["tags"] = tuple(document["tags"])
    return Call(**document)


def delivery_of(row: Mapping[str, Any]) -> Delivery:
    """Return a row of `deliveries` as a value."""
    return Delivery(
        id=row["id"],
        destination=row["destination"],
        source=row["source"],
        call_id=row["call_id"],
        call=call_of(row["payload"]),
        revision=row["revision"],
        state=State(row["state"]),
        step=row["step"],
        facts=json.loads(row["facts"]),
        attempts=row["attempts"],
        enqueued_at=row["enqueued_at"],
        next_attempt_at=row["next_attempt_at"],
        deadline_at=row["deadline_at"],
        failure=Failure(row["failure"]) if row["failure"] else None,
        error_code=row["error_code"],
        error_text=row["error_text"],
        who_acts=Acts(row["who_acts"]),
        remote_id=row["remote_id"],
        fingerprint=row["fingerprint"],
    )


def upsert(connection: sa.Connection, table: sa.Table) -> Any:  # noqa: ANN401  two dialects, one interface
    """Return an INSERT of this database that knows ON CONFLICT."""
    return (sqlite if connection.dialect.name == "sqlite" else postgresql).insert(table)


def count(connection: sa.Connection, changes: Mapping[tuple[str, str], int]) -> None:
    """Add to the lanes' counts: (destination, state) -> difference; always in the same order of rows."""
    for (destination, state), difference in sorted(changes.items()):
        if difference:
            row = upsert(connection, COUNTS).values(destination=destination, state=state, count=difference)
            connection.execute(
                row.on_conflict_do_update(
                    index_elements=["destination", "state"],
                    set_={"count": COUNTS.c.count + row.excluded.count},
                )
            )
