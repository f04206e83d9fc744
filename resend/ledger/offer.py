"""What would become of calls if they were accepted: for a dry run."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

from resend.ledger.accept import BATCH, Accepted, is_changed, known_rows
from resend.ledger.rows import payload_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from resend.ledger.store import Store
    from supportctl.core.call import Call


def would_accept(store: Store, destination: str, calls: Iterable[Call]) -> Accepted:
    """Return what `accept` would return for these calls now; nothing is changed."""
    total = Accepted()
    offered = iter(calls)
    while batch := list(islice(offered, BATCH)):
        payloads = {(call.source, call.call_id): payload_of(call) for call in batch}
        with store.read() as connection:
            known = known_rows(connection, destination, payloads)
        changed = sum(is_changed(row, payloads[key]) for key, row in known.items())
        total = total.plus(
            Accepted(len(payloads) - len(known), len(batch) - len(payloads) + len(known) - changed, changed)
        )
    return total
