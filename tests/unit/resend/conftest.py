"""A ledger, a pretended clock and a destination that does as it is told."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from resend.lane import Lane
from resend.ledger.accept import accept
from resend.ledger.schema import ATTEMPTS, DELIVERIES, LANES
from resend.ledger.store import Store
from resend.policy import Schedule
from supportctl.core.call import Call
from supportctl.core.clock import FakeClock
from supportctl.core.delivery import Found, Outcome
from supportctl.core.failure import Failure

NOW = datetime(2026, 9, 15, 9, 0, tzinfo=UTC)
LANE = "acme"


def call_of(number, **more):
    """Return a call; a higher number is a fresher one."""
    return Call(**{
        "call_id": f"c{number}", "source": "pbx", "direction": "in", "contact_phone": "+79990001122",
        "started_at": NOW - timedelta(hours=5) + timedelta(seconds=number), "duration_s": 61,
        "answered": True, **more,
    })  # fmt: skip


class Scripted:
    """A destination: `answer(parcels)` gives outcomes or raises; what was sent is in `sent`, by request."""

    batch_size = 10

    def __init__(self):
        self.sent = []
        self.asked = []
        self.there = {}
        self.answer = self.take
        self.tell = self.show
        self.taken_over_times = 0

    def taken_over(self):
        self.taken_over_times += 1

    def fits(self, parcels):
        return len(parcels)

    def advance(self, parcels, deadline):
        self.sent.append([parcel.call.call_id for parcel in parcels])
        self.deadline = deadline
        return self.answer(parcels)

    def look_up(self, parcels, deadline):
        self.asked.append([parcel.call.call_id for parcel in parcels])
        return self.tell(parcels)

    def take(self, parcels):
        for parcel in parcels:
            self.there[parcel.call.call_id] = self.there.get(parcel.call.call_id, 0) + 1
        return [Outcome(parcel.delivery_id, "whole", {}, done=True, remote_id="7") for parcel in parcels]

    def fail(self, failure, **more):
        """Return an answer: every parcel fails so."""
        return lambda parcels: [self.failed(parcel, failure, **more) for parcel in parcels]

    def failed(self, parcel, failure, **more):
        return Outcome(parcel.delivery_id, parcel.step, parcel.facts, failure=failure, code="NO", **more)

    def show(self, parcels):
        return {
            each.delivery_id: Found("whole", {}, whole=True, remote_id="7")
            if each.call.call_id in self.there
            else None
            for each in parcels
        }

    @property
    def requests(self):
        return len(self.sent) + len(self.asked)


class Bench:
    """One lane over a ledger in a file."""

    lane_name = LANE
    Failure = Failure
    call = staticmethod(call_of)

    def __init__(self, folder):
        self.clock = FakeClock(NOW)
        self.folder = folder
        self.store = Store(f"sqlite:///{folder / 'ledger.db'}", self.clock)
        self.crm = Scripted()
        self.schedule = Schedule()
        self.lane = self.another("here")

    def another(self, holder, crm=None):
        """Return the lane as another worker has it."""
        return Lane(
            self.store, LANE, crm or self.crm, schedule=self.schedule, chance=lambda: 0.5, holder=holder
        )

    def accept(self, *calls, count=0):
        """Take calls into the ledger."""
        offered = [*calls, *(call_of(number) for number in range(count))]
        return accept(self.store, LANE, offered, self.schedule.horizon_s)

    def until(self, seconds):
        """Drain whenever something is due, for so many seconds; return what the last drain did."""
        end = self.clock.monotonic() + seconds
        while True:
            drained = self.lane.drain()
            left = end - self.clock.monotonic()
            if drained is None or drained.next_at is None or left <= 0:
                return drained
            wait = drained.next_at - self.clock.now().timestamp()
            self.clock.advance(min(max(wait, 0.001), left))

    def rows(self):
        """Return call_id -> row."""
        with self.store.read() as connection:
            return {row.call_id: row for row in connection.execute(select(DELIVERIES))}

    def states(self):
        """Return call_id -> state."""
        return {call_id: row.state for call_id, row in self.rows().items()}

    def row(self):
        """Return the lane's own row."""
        with self.store.read() as connection:
            return connection.execute(select(LANES).where(LANES.c.destination == LANE)).one()

    def attempts(self):
        """Return everything that was tried, in its order."""
        with self.store.read() as connection:
            return connection.execute(select(ATTEMPTS).order_by(ATTEMPTS.c.id)).all()

    def hour(self):
        """Return how many seconds an hour has."""
        return timedelta(hours=1).total_seconds()


@pytest.fixture
def bench(tmp_path):
    made = Bench(tmp_path)
    yield made
    made.store.close()
