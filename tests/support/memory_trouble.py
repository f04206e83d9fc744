"""What escalation needs of the ledger, on a MemoryStore: for `resend.ledger.trouble` and `escalations`."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from resend.ledger.escalations import EXAMPLES, LEASE_S, Escalation, Example, masked
from resend.ledger.trouble import Failing, Hit, Unreported
from resend.model import Acts, State

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from memory_ledger import MemoryStore, Row

    from resend.fingerprint import Cause

_DUE = (State.WAITING, State.VERIFYING)
_PENDING = (State.WAITING, State.SENDING, State.VERIFYING)
_INDEXED = (_DUE, (State.SENDING,))  # a worker may die between as many transactions as the other ledger has
_STOPPED = (State.ESCALATED, State.HELD)
# What is told of a problem is not touched by those who look at it.
_TOLD = (
    "tracker", "tracker_issue", "tracker_link", "tracker_error", "intent", "intent_at", "told_news",
    "told_count", "told_at", "notified", "token",
)  # fmt: skip
_AFRESH = {
    "tracker_issue": "", "tracker_link": "", "tracker_error": "", "intent": "",
    "told_news": 0, "told_count": 0, "told_at": 0.0, "notified": {},
}  # fmt: skip


def unreported(store: MemoryStore, warn_before: float) -> list[Unreported]:
    """Return deliveries that have ended or are held, and that nobody was told of."""
    with store.read() as ledger:
        return [
            Unreported(
                row.id, row.destination, row.state, str(row.failure or ""), row.error_code, row.error_text,
                row.step, row.who_acts, row.deadline_at,
            )
            for lane in ledger.lanes.values()
            for row in lane.rows(*_STOPPED)
            if not row.fingerprint and _is_due(row, warn_before)
        ]  # fmt: skip


def _is_due(row: Row, warn_before: float) -> bool:
    if row.state is State.ESCALATED or row.deadline_at <= warn_before:
        return True
    return row.failure is not None and row.who_acts is Acts.CUSTOMER


def report(store: MemoryStore, found: Mapping[Cause, Sequence[Unreported]]) -> int:
    """Write down to which escalation each of these belongs; return how many still were as they were read."""
    done = 0
    with store.write() as ledger:
        for cause, deliveries in sorted(found.items()):
            _ensure(ledger, cause, ledger.now(ledger))
            for each in deliveries:
                row = ledger.lanes[each.destination].of[each.state].get(each.id)
                if row is not None and not row.fingerprint:
                    row.fingerprint = cause.fingerprint
                    done += 1
    return done


def report_overdue(store: MemoryStore, destination: str, cause: Cause) -> int:
    """Let what is past its horizon and still in its lane belong to an escalation."""
    return sum(_report_overdue(store, destination, cause, states) for states in _INDEXED)


def _report_overdue(store: MemoryStore, destination: str, cause: Cause, states: Sequence[State]) -> int:
    with store.write() as ledger:
        now = ledger.now(ledger)
        _ensure(ledger, cause, now)
        rows = [
            row
            for row in ledger.lanes[destination].rows(*states)
            if row.deadline_at <= now and not row.fingerprint
        ]
        for row in rows:
            row.fingerprint = cause.fingerprint
    return len(rows)


def expire(
    store: MemoryStore, destination: str, cause: Cause, why: tuple[str, str, Acts], grace_s: float
) -> int:
    """End what waits in a lane that does not move, past its horizon; return how many."""
    with store.write() as ledger:
        now = ledger.now(ledger)
        _ensure(ledger, cause, now)
        lane = ledger.lanes[destination]
        rows = [row for row in lane.rows(State.WAITING) if row.deadline_at <= now - grace_s]
        for row in rows:
            lane.move(row, State.ESCALATED)
            row.fingerprint = cause.fingerprint
            row.error_code, row.error_text, row.who_acts = why
            ledger.note(row, now, "expired", step=row.step, code=why[0], text=why[1])
    return len(rows)


def _ensure(ledger: MemoryStore, cause: Cause, now: float) -> None:
    blank = Escalation(cause.fingerprint, "", cause, Acts.NOBODY, 0, 0, (), (), now, now, 0.0, "open")
    ledger.cases.setdefault(cause.fingerprint, blank)


def hits(store: MemoryStore) -> list[Hit]:
    """Return how many deliveries belong to which escalation, by destination."""
    inside: Counter[tuple[str, str]] = Counter()
    outside: Counter[tuple[str, str]] = Counter()
    with store.read() as ledger:
        for lane in ledger.lanes.values():
            for row in lane.rows(*_PENDING, *_STOPPED):
                if row.fingerprint:
                    (inside if row.state in _PENDING else outside)[row.fingerprint, row.destination] += 1
    return [Hit(*key, inside[key], outside[key]) for key in sorted(inside | outside)]


def lanes_with_work(store: MemoryStore, destination: str | None = None) -> list[Failing]:
    """Return every lane (or this one) in which something waits."""
    with store.read() as ledger:
        found = []
        for name in sorted(ledger.lanes) if destination is None else [destination]:
            lane = ledger.lanes[name]
            rows = lane.rows(*_PENDING)
            if not rows:
                continue
            view, (failure, code, text, _) = lane.breaker, lane.last
            nearest = min(row.deadline_at for row in rows)
            found.append(
                Failing(
                    name, len(rows), view.breaker, view.failures, view.since, "", failure, code, text, nearest
                )
            )
        return found


def near_deadline(store: MemoryStore, destination: str, before: float) -> int:
    """Return how many of a lane will be past their horizon at `before`, and belong to no escalation yet."""
    with store.read() as ledger:
        rows = ledger.lanes[destination].rows(*_DUE)
        return sum(row.deadline_at <= before and not row.fingerprint for row in rows)


def lane_names(store: MemoryStore) -> list[str]:
    """Return every lane that there is."""
    with store.read() as ledger:
        return list(ledger.lanes)


def some_examples(store: MemoryStore, fingerprint: str, destinations: Iterable[str]) -> list[Example]:
    """Return up to three calls that are hit: those that belong to it, else those that wait in its lanes."""
    names = list(destinations)
    with store.read() as ledger:
        rows = [
            row
            for name in sorted(ledger.lanes)
            for state in sorted((*_PENDING, *_STOPPED))
            for row in ledger.lanes[name].rows(state)
            if row.fingerprint == fingerprint
        ][:EXAMPLES]
        for name in names:
            if len(rows) >= EXAMPLES:
                break
            waiting = [row for row in ledger.lanes[name].rows(State.WAITING) if not row.fingerprint]
            waiting.sort(key=lambda row: row.next_attempt_at)
            rows += waiting[: max(1, EXAMPLES // len(names))]
    return [
        Example(
            row.destination, row.source, row.call_id, row.call.started_at.isoformat(),
            masked(row.call.contact_phone),
        )
        for row in rows[:EXAMPLES]
    ]  # fmt: skip


def escalations(store: MemoryStore, states: Sequence[str] = ()) -> list[Escalation]:
    """Return escalations, those that were hit last first."""
    with store.read() as ledger:
        found = [case for case in ledger.cases.values() if not states or case.state in states]
    return sorted(found, key=lambda case: (-case.last_at, case.fingerprint))


def read(ledger: MemoryStore, fingerprint: str, *, lock: bool = False) -> Escalation | None:
    """Return one escalation."""
    return ledger.cases.get(fingerprint)


def put(ledger: MemoryStore, case: Escalation, *, afresh: bool = False) -> None:
    """Write what is true of a problem; what was told of it stays as it is, unless it begins `afresh`."""
    known = ledger.cases.get(case.fingerprint)
    kept = {name: getattr(known, name) for name in _TOLD} if known else {}
    if not known:
        kept = {name: Escalation._field_defaults[name] for name in _TOLD}
    ledger.cases[case.fingerprint] = case._replace(**kept | (_AFRESH if afresh else {}))


def claim(store: MemoryStore, fingerprint: str) -> Escalation | None:
    """Return an escalation that nobody else tells of for some time; None if somebody does."""
    with store.write() as ledger:
        now = ledger.now(ledger)
        case = ledger.cases.get(fingerprint)
        if case is None or now < ledger.case_leases[fingerprint] <= now + 2 * LEASE_S:
            return None
        ledger.case_leases[fingerprint] = now + LEASE_S
        ledger.cases[fingerprint] = case._replace(token=case.token + 1)
        return ledger.cases[fingerprint]


def told(store: MemoryStore, case: Escalation, **values: object) -> bool:
    """Write what became of telling, while it is still ours to tell; return whether it was."""
    with store.write() as ledger:
        known = ledger.cases.get(case.fingerprint)
        if known is None or known.token != case.token:
            return False
        if "lease_until" in values:
            ledger.case_leases[case.fingerprint] = values.pop("lease_until")
        ledger.cases[case.fingerprint] = known._replace(**values)
    return True


def release(store: MemoryStore, case: Escalation) -> None:
    """Let others tell of it."""
    told(store, case, lease_until=0.0)
