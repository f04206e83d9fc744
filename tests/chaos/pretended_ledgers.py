"""The ledger of a history: the real one (SQLite), or one without a database that is held equal to it."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import memory_lanes
import memory_ledger
import memory_trouble
import sqlalchemy as sa
from ledger_story import memory_story, sql_story
from sqlalchemy import event

from resend.gather import Books
from resend.ledger import lanes
from resend.ledger.accept import accept
from resend.ledger.escalations import escalations
from resend.ledger.schema import ATTEMPTS, COUNTS, DELIVERIES, LANES
from resend.ledger.store import Store
from resend.model import State

if TYPE_CHECKING:
    from collections.abc import Iterable

    from resend.ledger.escalations import Escalation
    from supportctl.core.call import Call
    from supportctl.core.clock import Clock

_D, _L, _A = DELIVERIES.c, LANES.c, ATTEMPTS.c
PENDING = (State.WAITING, State.VERIFYING, State.SENDING)
_NEXT = (
    sa.select(
        _L.destination, _L.open_until, _L.lease_until,
        sa.func.min(sa.case((_D.state == "sending", 0.0), else_=_D.next_attempt_at)).label("at"),
    )
    .join(DELIVERIES, _D.destination == _L.destination)
    .where(_D.state.in_([state.value for state in PENDING]))
    .group_by(_L.destination, _L.open_until, _L.lease_until)
)  # fmt: skip
_OPEN = sa.select(DELIVERIES).where(
    _D.destination == sa.bindparam("lane"),
    _D.state.in_([*(each.value for each in PENDING), "held", "escalated"]),
)


class FastStore(Store):
    """A ledger whose file nobody needs after the run."""

    def _engine(self) -> sa.Engine:
        engine = super()._engine()
        event.listen(engine, "connect", lambda connection, _: connection.execute("PRAGMA synchronous=OFF"))
        return engine


class SqlLedger:
    """The real ledger in a file."""

    lanes = lanes
    books = Books()

    def __init__(self, clock: Clock) -> None:
        quick = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
        self.folder = Path(tempfile.mkdtemp(prefix="simulation-", dir=quick))
        self.store = FastStore(f"sqlite:///{self.folder / 'ledger.db'}", clock)

    def close(self) -> None:
        """Remove it."""
        self.store.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def accept(self, name: str, calls: Iterable[Call], horizon_s: float) -> None:
        """Take calls."""
        accept(self.store, name, calls, horizon_s)

    def next_at(self) -> float | None:
        """Return when there is something to do, on the time of day."""
        with self.store.read() as connection:
            rows = connection.execute(_NEXT).all()
        return min((max(row.at or 0.0, row.open_until, row.lease_until) for row in rows), default=None)

    def rows(self, name: str) -> dict[str, object]:
        """Return call id -> delivery of a lane."""
        with self.store.read() as connection:
            found = connection.execute(sa.select(DELIVERIES).where(_D.destination == name))
            return {row.call_id: row for row in found}

    def undelivered(self, name: str) -> list[object]:
        """Return the deliveries of a lane that have not arrived."""
        with self.store.read() as connection:
            return list(connection.execute(_OPEN, {"lane": name}))

    def ended_at(self, number: int) -> float:
        """Return when a delivery was given up last."""
        query = sa.select(sa.func.max(_A.at)).where(_A.delivery_id == number, _A.state == "escalated")
        with self.store.read() as connection:
            return float(connection.execute(query).scalar() or 0.0)

    def states(self) -> dict[tuple[str, str], int]:
        """Return (lane, state) -> how many deliveries, as the rows say."""
        query = sa.select(_D.destination, _D.state, sa.func.count()).group_by(_D.destination, _D.state)
        with self.store.read() as connection:
            return {(row[0], row[1]): row[2] for row in connection.execute(query)}

    def counted(self) -> dict[tuple[str, str], int]:
        """Return the same, as the ledger has counted."""
        with self.store.read() as connection:
            return {(row[0], row[1]): row[2] for row in connection.execute(sa.select(COUNTS)) if row[2]}

    def cases(self) -> list[Escalation]:
        """Return the escalations."""
        return escalations(self.store)

    def story(self) -> object:
        """Return all that the ledger has, to be compared with that of another kind."""
        return sql_story(self.store)


class MemoryLedger:
    """The ledger without a database."""

    lanes = memory_lanes
    books = Books(memory_trouble, memory_trouble)

    def __init__(self, clock: Clock) -> None:
        self.store = memory_ledger.MemoryStore(clock)

    def close(self) -> None:
        """Forget it."""

    def accept(self, name: str, calls: Iterable[Call], horizon_s: float) -> None:
        """Take calls."""
        memory_ledger.accept(self.store, name, calls, horizon_s)

    def next_at(self) -> float | None:
        """Return when there is something to do, on the time of day."""
        found = []
        for lane in self.store.lanes.values():
            times = [at for at in map(lane.first, PENDING[:2]) if at is not None]
            if lane.of[State.SENDING]:
                times.append(0.0)
            if times:
                found.append(max(min(times), lane.breaker.open_until, lane.lease_until))
        return min(found, default=None)

    def rows(self, name: str) -> dict[str, object]:
        """Return call id -> delivery of a lane."""
        return {row.call_id: row for row in self._lane(name).rows(*State)}

    def undelivered(self, name: str) -> list[object]:
        """Return the deliveries of a lane that have not arrived."""
        return self._lane(name).rows(*PENDING, State.HELD, State.ESCALATED)

    def _lane(self, name: str) -> memory_ledger.LaneRow:
        return self.store.lanes.get(name) or memory_ledger.LaneRow(name)

    def ended_at(self, number: int) -> float:
        """Return when a delivery was given up last."""
        at, state = memory_ledger.ATTEMPT.index("at"), memory_ledger.ATTEMPT.index("state")
        tried = (each for each in self.store.attempts if each[0] == number and each[state] == "escalated")
        return max((each[at] for each in tried), default=0.0)

    def states(self) -> dict[tuple[str, str], int]:
        """Return (lane, state) -> how many deliveries."""
        return {
            (name, str(state)): len(rows)
            for name, lane in self.store.lanes.items()
            for state, rows in lane.of.items()
            if rows
        }

    counted = states

    def cases(self) -> list[Escalation]:
        """Return the escalations."""
        return memory_trouble.escalations(self.store)

    def story(self) -> object:
        """Return all that the ledger has, to be compared with that of another kind."""
        return memory_story(self.store)
