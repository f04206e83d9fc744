"""Does the ledger agree with itself? What is counted with every change is counted anew, from the rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import sqlalchemy as sa

from resend.ledger.schema import COUNTS, DELIVERIES, LANES

if TYPE_CHECKING:
    from resend.ledger.store import Store

_D = DELIVERIES.c


class Disagreement(NamedTuple):
    """A number that is kept, and what it ought to be. `what` is a state, `no-lane` or `token`.

    `no-lane`: deliveries of a lane that there is not; `token`: deliveries that were sent under a lease which
    nobody was given yet. Both would be a bug, or another's hand in the database.
    """

    destination: str
    what: str
    kept: int
    actual: int


def verify(store: Store) -> list[Disagreement]:
    """Return where the ledger does not agree with itself, from one moment; it walks one index as a whole."""
    with store.read(snapshot=True) as connection:
        kept = {(row[0], row[1]): int(row[2]) for row in connection.execute(sa.select(COUNTS))}
        rows = connection.execute(
            sa.select(_D.destination, _D.state, sa.func.count()).group_by(_D.destination, _D.state)
        )
        actual = {(row[0], row[1]): int(row[2]) for row in rows}
        tokens = {row.destination: row.token for row in connection.execute(sa.select(LANES))}
        early = connection.execute(
            sa.select(_D.destination, sa.func.count())
            .join(LANES, LANES.c.destination == _D.destination)
            .where(_D.state == "sending", _D.token > LANES.c.token)
            .group_by(_D.destination)
        ).all()
    found = [
        Disagreement(*key, kept.get(key, 0), actual.get(key, 0))
        for key in sorted(kept.keys() | actual.keys())
        if kept.get(key, 0) != actual.get(key, 0)
    ]
    strays = sorted({destination for destination, _ in actual} - tokens.keys())
    found += [Disagreement(name, "no-lane", 0, _of(actual, name)) for name in strays]
    found += [Disagreement(row[0], "token", tokens[row[0]], int(row[1])) for row in early]
    return found


def _of(actual: dict[tuple[str, str], int], destination: str) -> int:
    return sum(number for (name, _), number in actual.items() if name == destination)
