"""The two writes of a request on PostgreSQL, each one statement: every word there and back costs.

The statement is its own transaction, durable when it has ended. What it locks it locks in the order of all
others (lane, deliveries by id, counts); a lane that somebody else has by now gives it nothing to do. What has
changed since its snapshot is seen as it is when the lock is there: `FOR UPDATE` reads the row again.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, NamedTuple

from resend.ledger.leases import STATE_NAMES, lane_of
from resend.ledger.store import NOW_SQL
from resend.model import LeaseLostError, State

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from resend.ledger.past import Driver
    from resend.ledger.store import Store
    from resend.model import LaneState, Lease

_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


class Ended(NamedTuple):
    """A delivery and its attempt: what is its own, and what many of a request have alike."""

    id: int
    revision: int
    facts: str
    remote_id: str
    alike: tuple[object, ...]  # in the order of ALIKE


ALIKE = (
    "kind", "state", "step", "attempts", "next_attempt_at", "failure", "error_code", "error_text", "who_acts",
    "code",
)  # fmt: skip


def _alike(rows: Sequence[Ended]) -> list[dict[str, object]]:
    """Return rows as few documents: what most of a request have in common is sent and read once."""
    groups: dict[tuple[object, ...], list[Ended]] = {}
    for row in rows:
        groups.setdefault(row.alike, []).append(row)
    return [
        {
            "ids": [row.id for row in group],
            "revisions": [row.revision for row in group],
            "all_facts": [row.facts for row in group],
            "remote_ids": [row.remote_id for row in group],
            **dict(zip(ALIKE, alike, strict=True)),
        }
        for alike, group in groups.items()
    ]


_COUNTED = """
    INSERT INTO lane_counts (destination, state, count)
    SELECT %(lane)s, change.state, sum(change.number) FROM (
        SELECT state, 1 AS number FROM {rows} UNION ALL SELECT %(before)s, -1 FROM {rows}
    ) AS change GROUP BY change.state HAVING sum(change.number) <> 0 ORDER BY change.state
    ON CONFLICT (destination, state) DO UPDATE SET count = lane_counts.count + excluded.count
"""
_INTEND = f"""
WITH lane AS (
    UPDATE lanes SET lease_until = %(until)s WHERE destination = %(lane)s AND token = %(mine)s RETURNING token
), these AS MATERIALIZED (
    SELECT id, revision FROM deliveries
    WHERE id = ANY(%(ids)s) AND state = %(before)s AND EXISTS (SELECT FROM lane)
    ORDER BY id FOR UPDATE
), taken AS (
    UPDATE deliveries SET state = 'sending', token = %(mine)s, sent_revision = these.revision
    FROM these JOIN unnest(%(ids)s::bigint[], %(revisions)s::integer[]) AS known(id, revision)
        ON known.id = these.id AND known.revision = these.revision
    WHERE deliveries.id = these.id
    RETURNING deliveries.id, deliveries.state
), counted AS ({_COUNTED.format(rows="taken")})
SELECT EXISTS (SELECT FROM lane), ARRAY(SELECT id FROM taken)
"""  # noqa: S608  words of ours
# Of a lane: what is null stays as it is. Of a delivery: one whose call has changed meanwhile is not ended by
# what the old form of it brought, as in `settling`.
_SETTLE = f"""
WITH lane AS (
    UPDATE lanes SET
        breaker = %(breaker)s, failures = %(failures)s, open_until = %(open_until)s,
        broken_since = %(broken_since)s, broken_why = %(broken_why)s, lease_until = %(until)s,
        last_failure = coalesce(%(last_failure)s::text, last_failure),
        last_code = coalesce(%(last_code)s::text, last_code),
        last_text = coalesce(%(last_text)s::text, last_text),
        last_failed_at = coalesce(%(last_failed_at)s::float8, last_failed_at),
        measured_at = %(now)s,
        rate_per_s = CASE
            WHEN rate_per_s = 0 THEN %(delivered)s / greatest(%(now)s - measured_at, %(shortest)s)
            ELSE (rate_per_s * %(rate_s)s + %(delivered)s)
                / (%(rate_s)s + greatest(%(now)s - measured_at, %(shortest)s))
        END
    WHERE destination = %(lane)s AND token = %(mine)s RETURNING token
), these AS MATERIALIZED (
    SELECT id, revision, sent_revision FROM deliveries
    WHERE id = ANY(%(ids)s) AND state = %(before)s AND EXISTS (SELECT FROM lane)
    ORDER BY id FOR UPDATE
), judged AS MATERIALIZED (
    SELECT new.*, new.state IN ('delivered', 'escalated', 'held') AND NOT (
        these.revision = new.revision AND (new.kind <> 'lookup' OR these.sent_revision = new.revision)
    ) AS is_old
    FROM these JOIN (
        SELECT alike.*, own.id, own.revision, own.facts, own.remote_id
        FROM json_to_recordset(%(rows)s) AS alike(
            ids bigint[], revisions integer[], all_facts text[], remote_ids text[], kind text, state text,
            step text, attempts integer, next_attempt_at float8, failure text, error_code text,
            error_text text, who_acts text, code text
        ), unnest(ids, revisions, all_facts, remote_ids) AS own(id, revision, facts, remote_id)
    ) AS new ON new.id = these.id
), final AS MATERIALIZED (
    SELECT id, kind, step, facts, attempts, failure, error_code, error_text, who_acts, remote_id, code,
        CASE WHEN is_old THEN 'waiting' ELSE state END AS state,
        CASE WHEN is_old THEN %(now)s ELSE next_attempt_at END AS next_attempt_at
    FROM judged
), settled AS (
    UPDATE deliveries SET
        state = final.state, step = final.step, facts = final.facts,
        attempts = deliveries.attempts + final.attempts, next_attempt_at = final.next_attempt_at,
        failure = final.failure, error_code = final.error_code, error_text = final.error_text,
        who_acts = final.who_acts, remote_id = final.remote_id, fingerprint = ''
    FROM final WHERE deliveries.id = final.id
), told AS (
    INSERT INTO attempts
        (delivery_id, at, kind, token, step, state, failure, code, text, next_attempt_at)
    SELECT id, %(now)s, kind, %(mine)s, step, state, failure, code, error_text, next_attempt_at
    FROM final ORDER BY id
), counted AS ({_COUNTED.format(rows="final")})
SELECT EXISTS (SELECT FROM lane)
"""  # noqa: S608  words of ours


_LANE_NOW = f"""
SELECT {NOW_SQL} AS at, {", ".join(STATE_NAMES)}
FROM (VALUES (1)) AS one LEFT JOIN lanes ON destination = %(lane)s
"""  # noqa: S608  words of ours


def lane_now(connection: Driver, destination: str) -> tuple[float, LaneState | None]:
    """Return the ledger's time and a lane as it is then."""
    ((at, *state),) = connection.execute(_LANE_NOW, {"lane": destination}).fetchall()
    return at, None if state[0] is None else lane_of(state)


def intend(store: Store, lease: Lease, revisions: Mapping[int, int]) -> set[int]:
    """Do what `sending.intend` does: id -> the revision that was read.

    Raises:
        LeaseLostError: somebody else has the lane.
    """
    ids = sorted(revisions)
    with store.at_once() as connection:
        now = store.now(connection, about=True)
        values = {
            "lane": lease.destination,
            "mine": lease.token,
            "until": now + lease.seconds,
            "before": State.WAITING.value,
            "ids": ids,
            "revisions": [revisions[each] for each in ids],
        }
        ((held, taken),) = connection.execute(_INTEND, values).fetchall()
    if not held:
        raise LeaseLostError(lease.destination)
    return set(taken)


def settle(
    store: Store,
    lease: Lease,
    lane_at: Callable[[float], Mapping[str, object]],
    rows: Sequence[Ended],
    before: State,
) -> None:
    """Do what `settling.settle` does: the values of the lane by the time, and of deliveries and attempts.

    Raises:
        LeaseLostError: somebody else has the lane.
    """
    values = {
        "before": before.value,
        "ids": [row.id for row in rows],
        "rows": _encode(_alike(rows)),
    }
    with store.at_once() as connection:
        lane = lane_at(store.now(connection, about=True))
        ((held,),) = connection.execute(_SETTLE, {**lane, **values}).fetchall()
    if not held:
        raise LeaseLostError(lease.destination)
