"""Escalations in the ledger: one problem each, what was told of it, and who tells it now."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

import sqlalchemy as sa

from resend.fingerprint import Cause
from resend.ledger.rows import call_of, upsert
from resend.ledger.schema import DELIVERIES, ESCALATIONS, REPORTED, is_in
from resend.model import Acts, State

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from resend.ledger.store import Store

LEASE_S = 300.0  # longer than all requests that tell of one escalation
EXAMPLES = 3
_D, _E = DELIVERIES.c, ESCALATIONS.c
_COLUMNS = [each.label("peak") if each.name == "count" else each for each in ESCALATIONS.c]


class Example(NamedTuple):
    """A call that is hit, made safe to show: the telephone number is masked."""

    destination: str
    source: str
    call_id: str
    at: str  # ISO 8601
    phone: str


OPEN, RECOVERED, CLOSED = "open", "recovered", "closed"


class Escalation(NamedTuple):
    """One problem that people are told of. Times are seconds since the epoch; 0: none.

    `peak` is the most calls that it has hit at one time, `affected` those of now. `news` counts what is
    worth telling; the tracker knows all up to `told_news`, each place of `notified` all up to its number.
    """

    fingerprint: str
    code: str
    cause: Cause
    who_acts: Acts
    peak: int
    affected: int
    destinations: tuple[str, ...]
    examples: tuple[Example, ...]
    first_at: float
    last_at: float
    deadline_at: float
    state: str
    recovered_at: float = 0.0
    news: int = 0
    news_kind: str = ""
    news_count: int = 0
    tracker: str = ""
    tracker_issue: str = ""
    tracker_link: str = ""
    tracker_error: str = ""
    intent: str = ""
    intent_at: float = 0.0
    told_news: int = 0
    told_count: int = 0
    told_at: float = 0.0
    notified: Mapping[str, int] = {}
    token: int = 0


def some_examples(store: Store, fingerprint: str, destinations: Iterable[str]) -> list[Example]:
    """Return up to three calls that are hit: those that belong to it, else those that wait in its lanes."""
    wanted = [_D.destination, _D.source, _D.call_id, _D.payload]
    with store.read() as connection:
        rows = list(
            connection.execute(
                sa.select(*wanted).where(_D.fingerprint == fingerprint, REPORTED).limit(EXAMPLES)
            )
        )
        names = list(destinations)
        for destination in names:
            if len(rows) >= EXAMPLES:
                break
            rows += connection.execute(
                sa.select(*wanted)
                .where(_D.destination == destination, is_in(State.WAITING), _D.fingerprint == "")
                .order_by(_D.next_attempt_at)
                .limit(max(1, EXAMPLES // len(names)))
            )
    return [_example(row) for row in rows[:EXAMPLES]]


def _example(row: Any) -> Example:  # noqa: ANN401  a row
    call = call_of(row.payload)
    return Example(
        row.destination, row.source, row.call_id, call.started_at.isoformat(), masked(call.contact_phone)
    )


def masked(phone: str) -> str:
    """Return a telephone number in which a person who knows it finds it again, and nobody else."""
    if len(phone) < 7:
        return "*" * len(phone)
    return f"{phone[:4]}{'*' * (len(phone) - 6)}{phone[-2:]}"


def escalation(store: Store, fingerprint: str) -> Escalation | None:
    """Return one escalation."""
    with store.read() as connection:
        return read(connection, fingerprint)


def escalations(store: Store, states: Sequence[str] = ()) -> list[Escalation]:
    """Return escalations, those that were hit last first."""
    query = sa.select(*_COLUMNS).order_by(_E.last_at.desc(), _E.fingerprint)
    if states:
        query = query.where(_E.state.in_(states))
    with store.read() as connection:
        return [_escalation(row) for row in connection.execute(query)]


def by_prefix(store: Store, prefix: str) -> list[Escalation]:
    """Return the escalations whose fingerprint begins so."""
    query = sa.select(*_COLUMNS).where(_E.fingerprint.startswith(prefix, autoescape=True)).limit(20)
    with store.read() as connection:
        return [_escalation(row) for row in connection.execute(query)]


def read(connection: sa.Connection, fingerprint: str, *, lock: bool = False) -> Escalation | None:
    """Return one escalation; with `lock` nobody else changes it before this transaction ends."""
    query = sa.select(*_COLUMNS).where(_E.fingerprint == fingerprint)
    row = connection.execute(query.with_for_update() if lock else query).one_or_none()
    return _escalation(row) if row else None


def put(connection: sa.Connection, case: Escalation, *, afresh: bool = False) -> None:
    """Write what is true of a problem; what was told of it stays as it is, unless it begins `afresh`."""
    values: dict[str, object] = {
        "fingerprint": case.fingerprint,
        "code": case.code,
        "cause": json.dumps(case.cause._asdict(), ensure_ascii=False),
        "who_acts": case.who_acts.value,
        "count": case.peak,
        "affected": case.affected,
        "destinations": json.dumps(case.destinations, ensure_ascii=False),
        "examples": json.dumps(case.examples, ensure_ascii=False),
        "first_at": case.first_at,
        "last_at": case.last_at,
        "deadline_at": case.deadline_at,
        "state": case.state,
        "recovered_at": case.recovered_at,
        "news": case.news,
        "news_kind": case.news_kind,
        "news_count": case.news_count,
    }
    if afresh:
        values |= {"tracker_issue": "", "tracker_link": "", "tracker_error": "", "intent": ""}
        values |= {"told_news": 0, "told_count": 0, "told_at": 0.0, "notified": "{}"}
    row = upsert(connection, ESCALATIONS).values(values)
    connection.execute(row.on_conflict_do_update(index_elements=["fingerprint"], set_=values))


def claim(store: Store, fingerprint: str) -> Escalation | None:
    """Return an escalation that nobody else tells of until `LEASE_S` from now; None if somebody does."""
    with store.write() as connection:
        now = store.now(connection)
        free = sa.or_(_E.lease_until <= now, _E.lease_until > now + 2 * LEASE_S)  # or a clock was set back
        claimed = connection.execute(
            sa.update(ESCALATIONS)
            .where(_E.fingerprint == fingerprint, free)
            .values(token=_E.token + 1, lease_until=now + LEASE_S)
        )
        return read(connection, fingerprint) if claimed.rowcount == 1 else None


def told(store: Store, case: Escalation, **values: object) -> bool:
    """Write what became of telling, while it is still ours to tell; return whether it was."""
    if isinstance(values.get("notified"), dict):
        values["notified"] = json.dumps(values["notified"])
    with store.write() as connection:
        changed = connection.execute(
            sa.update(ESCALATIONS)
            .where(_E.fingerprint == case.fingerprint, _E.token == case.token)
            .values(values)
        )
    return changed.rowcount == 1


def release(store: Store, case: Escalation) -> None:
    """Let others tell of it."""
    told(store, case, lease_until=0.0)


def _escalation(row: Any) -> Escalation:  # noqa: ANN401  a row
    fields = {name: getattr(row, name) for name in Escalation._fields}
    return Escalation(
        **fields
        | {
            "cause": Cause(**json.loads(row.cause)),
            "who_acts": Acts(row.who_acts),
            "destinations": tuple(json.loads(row.destinations)),
            "examples": tuple(Example(*each) for each in json.loads(row.examples)),
            "notified": json.loads(row.notified),
        }
    )
