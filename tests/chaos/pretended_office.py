"""Who is told in a history: a tracker that fails at times, the sweeps, and what must hold after each."""

from __future__ import annotations

from typing import TYPE_CHECKING

from escalation_bench import PaperTracker, PlainWriter
from pretended_ledgers import PENDING

from resend.escalate import Offices, sweep
from resend.ledger.escalations import OPEN
from resend.model import State
from resend.routing import Escalating

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pretended_workers import Worker
    from simulation import World

    from supportctl.core.delivery import Issue

SETTINGS = Escalating()
BUSY_S, CALM_S = 1800.0, 14400.0  # between sweeps: while something waits, and while something was told


class Tracker(PaperTracker):
    """Keeps issues; whoever writes one may die before and after, and its answer may be lost."""

    def __init__(self, world: World) -> None:
        super().__init__()
        self.world = world
        self.sweeper: Worker | None = None

    def trouble(self, kind: str) -> None:
        """Fail once, with the next request."""
        self.troubles.append(kind)

    def create(self, fingerprint: str, title: str, text: str) -> Issue:
        self.sweeper.at("before-create", may_stall=False)
        self.world.seen["issue"] += 1
        issue = super().create(fingerprint, title, text)
        self.sweeper.at("after-create")
        return issue


class Office:
    """Sweeps a world: brings its escalations up to date and tells of them."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.offices = Offices({"dev": world.tracker}, {"": "dev"}, {})
        self.next_at = 0.0  # on the monotonic clock

    def sweep(self, worker: Worker) -> None:
        """Sweep as one worker, and look whether what must hold does; nothing if it dies."""
        world = self.world
        world.seen["sweep"] += 1
        world.tracker.sweeper = worker
        began = world.clock.now()
        kinds = {name: site.kind for name, site in world.sites.items()}
        sweep(worker.view, self.offices, PlainWriter(), kinds.get, SETTINGS, world.ledger.books)
        if world.clock.now() == began:  # it did not stand still meanwhile
            world.wrong += [f"{began:%F %T}: {each}" for each in self._wrong(began.timestamp())]

    def plan_next(self) -> None:
        """Say when the next sweep is: later if nothing waits and nobody has been told of anything."""
        world = self.world
        waits = any(world.ledger.undelivered(name) for name in world.sites)
        self.next_at = world.clock.monotonic() + (BUSY_S if waits else CALM_S)

    def _wrong(self, now: float) -> Iterator[str]:
        cases = {case.fingerprint: case for case in self.world.ledger.cases()}
        warned = {name for case in cases.values() if case.state == OPEN for name in case.destinations}
        for name in self.world.sites:
            for row in self.world.ledger.undelivered(name):
                state, late = State(row.state), row.deadline_at <= now
                if state is State.ESCALATED or (late and state in PENDING):
                    if cases.get(row.fingerprint) is None:
                        yield f"{row.call_id} is {state} past its horizon, and in no escalation"
                    self.world.seen["seen late" if late else "seen refused"] += 1
                near = now < row.deadline_at <= now + SETTINGS.deadline_warning_s
                if near and state in {State.WAITING, State.VERIFYING}:
                    self.world.seen["seen near its horizon"] += 1
                    if name not in warned:
                        yield f"{row.call_id} is near its horizon, and nobody was warned"
