"""What would become of calls if they were accepted: for a dry run."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

import sqlalchemy as sa

from resend.ledger.accept import Accepted
from resend.ledger.rows import payload_of
from resend.ledger.schema import DELIVERIES
from resend.model import State

if TYPE_CHECKING:
    from collections.abc import Iterable

    from resend.ledger.store import Store
    from supportctl.core.call import Call

_PIECE = 500
_D = DELIVERIES.c


def would_accept(store: Store, destination: str, calls: Iterable[Call]) -> Accepted:
    """Return what `accept` would return for these calls now; nothing is changed."""
    total = Accepted()
    offered = iter(calls)
    while piece := {(call.source, call.call_id): call for call in islice(offered, _PIECE)}:
        with store.read() as connection:
            rows = connection.execute(
                sa.select(_D.source, _D.call_id, _D.payload, _D.state).where(
                    _D.destination == destination, sa.tuple_(_D.source, _D.call_id).in_(list(piece))
                )
            ).all()
        changed = sum(
            row.payload != payload_of(piece[row.source, row.call_id]) and row.state != State.CANCELLED
            for row in rows
        )
        total = total.plus(Accepted(len(piece) - len(rows), len(rows) - changed, changed))
    return total
