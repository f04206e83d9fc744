"""All that a ledger has, as plain values: to compare one kind of ledger with another."""

from __future__ import annotations

from typing import TYPE_CHECKING

import memory_trouble
import sqlalchemy as sa
from memory_ledger import ATTEMPT

from resend.ledger.escalations import escalations
from resend.ledger.schema import ATTEMPTS, DELIVERIES, ESCALATIONS, LANES

if TYPE_CHECKING:
    from memory_ledger import MemoryStore

    from resend.ledger.escalations import Escalation
    from resend.ledger.store import Store

_DELIVERY = (
    "id", "destination", "call_id", "revision", "state", "step", "token", "attempts", "enqueued_at",
    "next_attempt_at", "deadline_at", "error_code", "error_text", "who_acts", "remote_id", "fingerprint",
    "sent_revision", "started_at",
)  # fmt: skip
_LANE = (
    "destination", "token", "holder", "lease_until", "breaker", "failures", "open_until", "broken_since",
    "broken_why", "rate_per_s", "measured_at", "last_failure", "last_code", "last_text", "last_failed_at",
)  # fmt: skip


def sql_story(store: Store) -> dict[str, list[tuple[object, ...]]]:
    """Return what a real ledger has."""
    table, lane, tried = DELIVERIES.c, LANES.c, ATTEMPTS.c
    queries = {
        "deliveries": sa.select(*(table[name] for name in _DELIVERY), table.failure).order_by(table.id),
        "attempts": sa.select(*(tried[name] for name in ATTEMPT)).order_by(tried.id),
        "lanes": sa.select(*(lane[name] for name in _LANE)).order_by(lane.destination),
        "claims": sa.select(ESCALATIONS.c.fingerprint, ESCALATIONS.c.lease_until).order_by("fingerprint"),
    }
    with store.read() as connection:
        found = {name: [tuple(row) for row in connection.execute(query)] for name, query in queries.items()}
    return found | {"cases": [_bare(case) for case in escalations(store)]}


def memory_story(store: MemoryStore) -> dict[str, list[tuple[object, ...]]]:
    """Return what a ledger in memory has."""
    rows = sorted(store.calls.values(), key=lambda row: row.id)
    return {
        "deliveries": [
            (*(getattr(row, name) for name in _DELIVERY), str(row.failure or "")) for row in rows
        ],
        "attempts": list(store.attempts),
        "lanes": [
            (
                each.destination, each.token, each.holder, each.lease_until, each.breaker.breaker,
                each.breaker.failures, each.breaker.open_until, each.breaker.since, each.breaker.why,
                each.rate_per_s, each.measured_at, *each.last,
            )
            for _, each in sorted(store.lanes.items())
        ],
        "claims": [(key, store.case_leases[key]) for key in sorted(store.cases)],
        "cases": [_bare(case) for case in memory_trouble.escalations(store)],
    }  # fmt: skip


def _bare(case: Escalation) -> tuple[object, ...]:
    """Return an escalation without its examples: any three will do."""
    return tuple(case._replace(examples=(), notified=dict(case.notified)))
