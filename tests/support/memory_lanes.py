"""What a worker needs of the ledger, on a MemoryStore: in the place of `resend.ledger.lanes`."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from resend.ledger.lanes import LEASE_S, read_breaker
from resend.model import Lease, LeaseLostError, State
from resend.policy import LONGEST_PAUSE_S

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from memory_ledger import LaneRow, MemoryStore, Row

    from resend.ledger.lanes import Settled
    from resend.model import Delivery, LaneState
    from resend.policy import BreakerView

__all__ = [
    "LEASE_S", "claim", "due_lanes", "intend", "look", "pending", "read_breaker", "recover", "release",
    "renew", "settle",
]  # fmt: skip
_LONGEST = 100
_RATE_S = 30.0
_SHORTEST_S = 0.001
_FRESH_AMONG = 20
_ENDS = frozenset({State.DELIVERED, State.ESCALATED, State.HELD})


def claim(store: MemoryStore, destination: str, holder: str, lease_s: float = LEASE_S) -> Lease | None:
    """Return the lease of a lane, None if somebody holds it."""
    with store.write() as ledger:
        now = ledger.now(ledger)
        lane = ledger.lanes.get(destination)
        if lane is None or not _is_free(ledger, lane, now, lease_s):
            return None
        lane.token += 1
        lane.holder = holder
        lane.lease_until, lane.measured_at = now + lease_s, now
        return Lease(destination, lane.token, holder, lease_s)


def _is_free(ledger: MemoryStore, lane: LaneRow, now: float, lease_s: float) -> bool:
    if lane.holder == "":
        return True
    return not ledger.clock_was_set(lease_s) and not now < lane.lease_until <= now + 2 * lease_s


def release(store: MemoryStore, lease: Lease) -> None:
    """Give a lane back, if it is still ours."""
    with store.write() as ledger:
        lane = ledger.lanes[lease.destination]
        if lane.token == lease.token:
            lane.lease_until, lane.holder = 0.0, ""


def renew(store: MemoryStore, lease: Lease, breaker: BreakerView | None = None) -> None:
    """Keep a lane, and show where its breaker is."""
    with store.write() as ledger:
        lane, _ = _hold(ledger, lease)
        if breaker is not None:
            lane.breaker = breaker


def _hold(ledger: MemoryStore, lease: Lease) -> tuple[LaneRow, float]:
    now = ledger.now(ledger)
    lane = ledger.lanes[lease.destination]
    if lane.token != lease.token:
        raise LeaseLostError(lease.destination)
    lane.lease_until = now + lease.seconds
    return lane, now


class Look:
    """A lane as it is at one moment."""

    def __init__(self, ledger: MemoryStore, destination: str) -> None:
        self.now = ledger.now(ledger)
        self._ledger = ledger
        self._lane = ledger.lanes.get(destination)
        self.lane: LaneState | None = None if self._lane is None else self._lane.state()

    def due(self, state: State, most: int, *, fresh: bool = False) -> list[Delivery]:
        """Return what is due in a state: the longest waiting first, or the freshest calls."""
        rows = list(self._lane.of[state].values()) if self._lane else []
        if fresh:
            rows.sort(key=lambda row: (-row.started_at, -row.id))
            found = [row for row in rows[: most * _FRESH_AMONG] if row.next_attempt_at <= self.now][:most]
            if found:
                return [row.delivery() for row in found]
        due = [row for row in rows if row.next_attempt_at <= self.now]
        due.sort(key=lambda row: (row.next_attempt_at, row.id))
        return [row.delivery() for row in due[:most]]

    def still_due(self, ids: Sequence[int], state: State) -> list[Delivery]:
        """Return those of some deliveries that are due in a state."""
        rows = self._ledger.by_id(self._lane, state, ids) if self._lane else []
        return [row.delivery() for row in rows if row.next_attempt_at <= self.now]

    def has_sending(self) -> bool:
        """Return whether something was left in mid-send."""
        return bool(self._lane and self._lane.of[State.SENDING])

    def next_due(self, state: State) -> float | None:
        """Return when the next delivery in a state is due."""
        return self._lane.first(state) if self._lane else None


@contextmanager
def look(store: MemoryStore, destination: str) -> Iterator[Look]:
    """Return what a worker has to know of a lane before its next request."""
    with store.read() as ledger:
        yield Look(ledger, destination)


def recover(store: MemoryStore, lease: Lease, settle_s: float) -> int:
    """Put aside what an earlier holder left in mid-send, to be asked about; return how many."""
    with store.write() as ledger:
        lane, now = _hold(ledger, lease)
        lost = [row for row in lane.rows(State.SENDING) if row.token < lease.token]
        for row in lost:
            lane.move(row, State.VERIFYING)
            row.next_attempt_at = now + settle_s
            row.attempts += 1
            more = {"token": lease.token, "step": row.step, "next_attempt_at": row.next_attempt_at}
            ledger.note(row, now, "lost", **more)
    return len(lost)


def intend(store: MemoryStore, lease: Lease, deliveries: Sequence[Delivery]) -> set[int]:
    """Write down that these are about to be sent; return those that still wait unchanged."""
    known = {delivery.id: delivery.revision for delivery in deliveries}
    with store.write() as ledger:
        lane, _ = _hold(ledger, lease)
        rows = [each for each in ledger.by_id(lane, State.WAITING, known) if each.revision == known[each.id]]
        for row in rows:
            lane.move(row, State.SENDING)
            row.token, row.sent_revision = lease.token, row.revision
    return {row.id for row in rows}


def settle(
    store: MemoryStore,
    lease: Lease,
    settled: Sequence[Settled],
    breaker: BreakerView,
    before: State = State.SENDING,
) -> None:
    """Write down what came of a request."""
    by_id = {item.outcome.delivery_id: item for item in settled}
    with store.write() as ledger:
        lane, now = _hold(ledger, lease)
        lane.breaker = breaker
        failed = [item.outcome for item in settled if item.outcome.failure]
        if failed:
            said = [each for each in failed if not each.alone] or failed
            lane.last = (str(said[-1].failure), said[-1].code[:_LONGEST], said[-1].text, now)
        _measure(lane, now, sum(item.decision.state is State.DELIVERED for item in settled))
        for row in ledger.by_id(lane, before, by_id):
            _write(ledger, lane, row, by_id[row.id], now, lease.token)


def _measure(lane: LaneRow, now: float, delivered: int) -> None:
    passed = max(now - lane.measured_at, _SHORTEST_S)
    if lane.rate_per_s == 0:
        lane.rate_per_s = delivered / passed
    else:
        lane.rate_per_s = (lane.rate_per_s * _RATE_S + delivered) / (_RATE_S + passed)
    lane.measured_at = now


def _write(ledger: MemoryStore, lane: LaneRow, row: Row, item: Settled, now: float, token: int) -> None:
    outcome, decision = item.outcome, item.decision
    state, again_at = State(decision.state), decision.next_attempt_at
    answered_for = row.sent_revision if item.kind == "lookup" else item.revision
    if state in _ENDS and not row.revision == item.revision == answered_for:
        state, again_at = State.WAITING, now  # it has changed meanwhile
    lane.move(row, state)
    row.attempts += decision.counted
    row.step, row.facts, row.next_attempt_at = outcome.step, dict(outcome.facts), again_at
    row.failure, row.error_text, row.who_acts = outcome.failure, outcome.text, decision.who_acts
    row.error_code = outcome.code[:_LONGEST]
    row.remote_id = outcome.remote_id.replace("\0", "")[:_LONGEST]
    row.fingerprint = ""
    ledger.note(
        row, now, item.kind, token=token, step=outcome.step, failure=str(outcome.failure or ""),
        code=(outcome.code or outcome.note)[:_LONGEST], text=outcome.text, next_attempt_at=again_at,
    )  # fmt: skip


def due_lanes(store: MemoryStore, limit: int = 1000) -> list[str]:
    """Return the lanes that have work now and that nobody holds, those first that have waited longest."""
    with store.read() as ledger:
        now = ledger.now(ledger)
        found = []
        for lane in ledger.lanes.values():
            paused = now < lane.breaker.open_until <= now + LONGEST_PAUSE_S + 1.0
            if paused or not _is_free(ledger, lane, now, LEASE_S):
                continue
            waiting, verifying = lane.first(State.WAITING), lane.first(State.VERIFYING)
            times = [at for at in (waiting, verifying) if at is not None]
            if lane.of[State.SENDING] or (times and min(times) <= now):
                found.append((times[0] if times else 0.0, lane.destination))
        return [name for _, name in sorted(found)][:limit]


def pending(store: MemoryStore) -> int:
    """Return how many deliveries are still to be brought."""
    states = (State.WAITING, State.SENDING, State.VERIFYING)
    with store.read() as ledger:
        return sum(len(lane.of[state]) for lane in ledger.lanes.values() for state in states)
