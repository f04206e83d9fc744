"""The ledger without a database: what `resend.ledger` promises, on dictionaries, for tests of one thread.

`memory_lanes` and `memory_trouble` act on it as the modules of `resend.ledger` act on a Store.
`tests/unit/resend/ledger/test_memory.py` holds both equal act by act, `tests/chaos/test_simulation.py`
through whole histories. What a person does by hand (holding, cancelling, pausing) is not in it.
"""

from __future__ import annotations

from collections import defaultdict
from contextlib import contextmanager
from typing import TYPE_CHECKING

from resend.ledger.accept import Accepted
from resend.model import Acts, Breaker, Delivery, LaneState, State
from resend.policy import BreakerView

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from resend.ledger.escalations import Escalation
    from supportctl.core.call import Call
    from supportctl.core.clock import Clock

CLOCK_NOISE_S = 2.0


class Row:
    """One delivery: the columns of the real ledger, under their names."""

    __slots__ = (
        "attempts", "call", "call_id", "deadline_at", "destination", "enqueued_at", "error_code",
        "error_text", "facts", "failure", "fingerprint", "id", "next_attempt_at", "remote_id", "revision",
        "sent_revision", "source", "started_at", "state", "step", "token", "who_acts",
    )  # fmt: skip

    def __init__(self, number: int, destination: str, call: Call) -> None:
        self.id = number
        self.destination = destination
        self.source, self.call_id = call.source, call.call_id
        self.take(call)
        self.revision = self.sent_revision = self.attempts = self.token = 0
        self.state = State.WAITING
        self.step = self.error_code = self.error_text = self.remote_id = self.fingerprint = ""
        self.facts: dict[str, str] = {}
        self.enqueued_at = self.next_attempt_at = self.deadline_at = 0.0
        self.failure = None
        self.who_acts = Acts.NOBODY

    def take(self, call: Call) -> None:
        """Have this call from now on."""
        self.call = call
        self.started_at = call.started_at.timestamp()

    def delivery(self) -> Delivery:
        """Return it as the lane sees it."""
        return Delivery(
            self.id, self.destination, self.source, self.call_id, self.call, self.revision, self.state,
            self.step, self.facts, self.attempts, self.enqueued_at, self.next_attempt_at, self.deadline_at,
            self.failure, self.error_code, self.error_text, self.who_acts, self.remote_id, self.fingerprint,
        )  # fmt: skip


class LaneRow:
    """One lane, with its deliveries by state."""

    def __init__(self, destination: str) -> None:
        self.destination = destination
        self.token = 0
        self.holder = ""
        self.lease_until = self.measured_at = self.rate_per_s = 0.0
        self.breaker = BreakerView()
        self.last = ("", "", "", 0.0)  # failure, code, text, when
        self.of: dict[State, dict[int, Row]] = {state: {} for state in State}

    def state(self) -> LaneState:
        """Return it as the lane's own code sees it."""
        view = self.breaker
        return LaneState(
            self.destination, self.token, self.holder, self.lease_until, Breaker(view.breaker), view.failures,
            view.open_until, view.since, view.why,
        )  # fmt: skip

    def move(self, row: Row, after: State) -> None:
        """Let a delivery be in another state."""
        del self.of[row.state][row.id]
        row.state = after
        self.of[after][row.id] = row

    def rows(self, *states: State) -> list[Row]:
        """Return the deliveries in some states, in the order in which they were accepted."""
        return sorted((row for state in states for row in self.of[state].values()), key=_number)

    def first(self, state: State) -> float | None:
        """Return when the next delivery in a state is due."""
        return min((row.next_attempt_at for row in self.of[state].values()), default=None)


class MemoryStore:
    """What is in the place of `resend.ledger.store.Store`: `write` and `read` give the store itself."""

    is_sqlite = True  # its time is that of this computer

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.lanes: dict[str, LaneRow] = {}
        self.calls: dict[tuple[str, str, str], Row] = {}  # destination, source, call id
        self.attempts: list[tuple[object, ...]] = []  # columns: ATTEMPT
        self.cases: dict[str, Escalation] = {}
        self.case_leases: dict[str, float] = defaultdict(float)
        self._offset: float | None = None
        self._set_at = float("-inf")

    @contextmanager
    def write(self) -> Iterator[MemoryStore]:
        """Return the ledger for one change."""
        yield self

    @contextmanager
    def read(self) -> Iterator[MemoryStore]:
        """Return the ledger."""
        yield self

    def now(self, _connection: object, *, about: bool = False) -> float:
        """Return the time, and notice whether the clock was set."""
        at, passed = self.clock.now().timestamp(), self.clock.monotonic()
        if self._offset is not None and abs(at - passed - self._offset) > CLOCK_NOISE_S:
            self._set_at = passed
        self._offset = at - passed
        return at

    def time(self) -> float:
        """Return the time."""
        return self.clock.now().timestamp()

    def clock_was_set(self, within_s: float) -> bool:
        """Return whether the clock was set in the last seconds."""
        return self.clock.monotonic() - self._set_at < within_s

    def close(self) -> None:
        """Do nothing: it is forgotten with its last reference."""

    def by_id(self, lane: LaneRow, state: State, ids: Iterable[int]) -> list[Row]:
        """Return those of some deliveries that are in a state."""
        there = lane.of[state]
        return [there[number] for number in sorted(set(ids)) if number in there]

    def note(self, row: Row, at: float, kind: str, **more: object) -> None:
        """Write down what was tried, or done."""
        noted = (
            dict.fromkeys(ATTEMPT[3:], "")
            | {"token": 0, "next_attempt_at": 0.0, "state": str(row.state)}
            | more
        )
        self.attempts.append((row.id, at, kind, *(noted[name] for name in ATTEMPT[3:])))


ATTEMPT = (
    "delivery_id", "at", "kind", "token", "step", "state", "failure", "code", "text", "next_attempt_at",
)  # fmt: skip


def accept(
    store: MemoryStore, destination: str, calls: Iterable[Call], horizon_s: float, *, ask_first: bool = False
) -> Accepted:
    """Take calls for a destination, as `resend.ledger.accept.accept` does."""
    offered = list(calls)
    last = {(call.source, call.call_id): call for call in offered}
    if not offered:
        return Accepted()
    with store.write() as ledger:
        now = ledger.now(ledger)
        lane = ledger.lanes.setdefault(destination, LaneRow(destination))
        known = {key: ledger.calls[destination, *key] for key in last if (destination, *key) in ledger.calls}
        for key in sorted(last.keys() - known.keys()):
            row = Row(len(ledger.calls) + 1, destination, last[key])
            row.state = State.VERIFYING if ask_first else State.WAITING
            row.enqueued_at = row.next_attempt_at = now
            row.deadline_at = now + horizon_s
            ledger.calls[destination, *key] = row
            lane.of[row.state][row.id] = row
        changed = [(row, last[key]) for key, row in known.items() if _is_news(row, last[key])]
        for row, call in sorted(changed, key=lambda each: each[0].id):
            _update(ledger, lane, row, call, (now, now + horizon_s))
    new = len(last) - len(known)
    return Accepted(new, len(offered) - new - len(changed), len(changed))


def _is_news(row: Row, call: Call) -> bool:
    if row.state is State.CANCELLED:
        return False
    # The same moment in another zone is another text in the real ledger.
    return row.call != call or row.call.started_at.utcoffset() != call.started_at.utcoffset()


def _update(ledger: MemoryStore, lane: LaneRow, row: Row, call: Call, times: tuple[float, float]) -> None:
    """Change what is known: what ended goes on, and has a new day; what may have arrived is asked about."""
    now, deadline_at = times
    before = row.state
    row.take(call)
    row.revision += 1
    if before not in {State.WAITING, State.HELD}:
        row.deadline_at = deadline_at
    if before in {State.DELIVERED, State.ESCALATED}:
        sent = before is State.ESCALATED and row.attempts > 0
        lane.move(row, State.VERIFYING if sent else State.WAITING)
        row.next_attempt_at = now
    ledger.note(row, now, "update")


def _number(row: Row) -> int:
    return row.id
