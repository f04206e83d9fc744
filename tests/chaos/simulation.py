"""Days of traffic by a pretended clock: real policy, lanes, sweeps, destinations; everything else may fail.

One seed is one history. Several workers share one ledger and drain several portals of the lab; calls come in
over the day, recordings later; portals break in every way they know; workers die between any two steps, or
stand still for longer than their lease and come back; clocks are set both ways; outages last beyond the
horizon. `judging.judge` looks into the portals' own state and into the tracker afterwards.

The ledger is the real one (`SqlLedger`), or one without a database that is held equal to it (`MemoryLedger`):
the same history, several times as fast.
"""

from __future__ import annotations

import random
from collections import Counter
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple

from judging import judge
from pretended_days import DAY, Plan
from pretended_ledgers import MemoryLedger, SqlLedger
from pretended_office import Office, Tracker
from pretended_sites import SITES
from pretended_workers import Killed, Worker

from resend.policy import Schedule
from supportctl.core.clock import FakeClock

if TYPE_CHECKING:
    from supportctl.core.call import Call

__all__ = ["DAY", "MemoryLedger", "Size", "SqlLedger", "World", "judge", "run"]
NOW = datetime(2026, 9, 15, 0, 0, tzinfo=UTC)
_MOST_STEPS = 200_000
_HORIZONS = (DAY, DAY, DAY / 4)  # of a history


class Size(NamedTuple):
    """How much happens."""

    days: int = 2
    lanes: int = 2
    workers: int = 2
    calls_a_day: int = 12  # for each lane
    faults_a_day: float = 2.0  # for each lane
    deaths_a_day: float = 1.0
    jumps: float = 0.5  # of the clock, a day
    webhooks: float = 0.25  # this share of the lanes; the rest is Bitrix24


class SimClock(FakeClock):
    """A clock that can be set: then only the time of day jumps."""

    def jump(self, seconds: float) -> None:
        """Set the time of day."""
        self._now += timedelta(seconds=seconds)


class World:
    """Everything of one history."""

    def __init__(self, seed: int, size: Size | None = None, ledger: type = MemoryLedger) -> None:
        self.seed = seed
        self.size = size = size or Size()
        self.chance = random.Random(seed)
        self.clock = SimClock(NOW)
        self.horizon_s = self.chance.choice(_HORIZONS)
        self.schedule = Schedule(horizon_s=self.horizon_s)
        self.seen: Counter[str] = Counter()
        self.wrong: list[str] = []
        self.accidents = 0
        self.accident_rate = 0.02
        self.ledger = ledger(self.clock)
        kinds = ["webhook" if self.chance.random() < size.webhooks else "bitrix24" for _ in range(size.lanes)]
        names = [f"crm{number}" for number in range(size.lanes)]
        self.sites = {
            name: SITES[kind](name, self.clock, self.chance) for name, kind in zip(names, kinds, strict=True)
        }
        self.calls: dict[str, dict[str, Call]] = {name: {} for name in names}
        self.workers = [Worker(self, number) for number in range(size.workers)]
        self.tracker = Tracker(self)
        self.office = Office(self)
        self.agenda = Plan(self).make()

    def close(self) -> None:
        """Forget it."""
        self.ledger.close()

    # What can happen.

    def accept(self, name: str, call: Call) -> None:
        """Take a call, or a known one in another form."""
        self.seen["call"] += call.call_id not in self.calls[name]
        self.calls[name][call.call_id] = call
        self.ledger.accept(name, [call], self.horizon_s)

    def again(self, name: str, call_id: str) -> None:
        """Take a call that is known."""
        if call_id in self.calls[name]:
            self.ledger.accept(name, [self.calls[name][call_id]], self.horizon_s)

    def plant(self, name: str, call: Call, *, external_id: bool) -> None:
        """Let another integration bring a call."""
        if call.call_id not in self.calls[name]:  # else we may be sending it: nobody can keep two from that
            self.sites[name].plant(call, external_id=external_id)

    def switch(self, name: str, fault: str, **how: object) -> None:
        """Switch a fault of a portal."""
        self.sites[name].portal.switch(fault, **how)
        self.seen[fault] += bool(how["on"])

    def allow_accident(self) -> None:
        """Let one worker die or stand still, somewhere."""
        self.accidents += 1

    def jump(self, seconds: float) -> None:
        """Set the clock."""
        self.seen["jump"] += 1
        self.clock.jump(seconds)

    # How it goes on.

    def run(self) -> None:
        """Live through it all; then everything is healthy, and what waits is brought."""
        self.live_until(self.size.days * DAY)
        for site in self.sites.values():
            for fault in site.portal.active:
                site.portal.switch(fault, on=False)
        self.accidents = 0
        self.tracker.troubles.clear()
        self.live_until(self.clock.monotonic() + 4 * DAY, until_empty=True)
        for _ in range(3):  # the last news; what was unclear is asked about after a while
            self.clock.advance(900)
            with suppress(Killed):
                self.office.sweep(self.workers[0])
        for site in self.sites.values():
            site.come_to_rest()

    def stand_still(self, worker: Worker, seconds: float) -> None:
        """Let a worker stand still while the others go on."""
        if any(each.is_still for each in self.workers):
            return
        worker.is_still = True
        try:
            self.live_until(self.clock.monotonic() + seconds)
        finally:
            worker.is_still = False

    def live_until(self, end: float, *, until_empty: bool = False) -> None:
        """Let time pass until `end`, on the monotonic clock: from one event to the next."""
        for _ in range(_MOST_STEPS):
            self._happen()
            at = self._work()
            now = self.clock.monotonic()
            if now >= end or (until_empty and not self.agenda and at is None):
                return
            following = [end]
            if any(not each.is_dead and not each.is_still for each in self.workers):
                following.append(self.office.next_at)
            if self.agenda:
                following.append(self.agenda[0][0])
            if at is not None:
                following.append(now + max(at - self.clock.now().timestamp(), 0.0) + self.chance.random() * 2)
            following += [each.back_at for each in self.workers if each.is_dead]
            self.clock.advance(max(min(following) - now, 0.001))
        self.wrong.append(f"no end: {self.ledger.states()}")  # a lane may take what follows for a crash
        raise AssertionError(f"seed {self.seed}: {self.wrong[-1]}")

    def _happen(self) -> None:
        while self.agenda and self.agenda[0][0] <= self.clock.monotonic():
            self.agenda.pop(0)[2]()
        for worker in self.workers:
            if worker.is_dead and worker.back_at <= self.clock.monotonic():
                worker.be_born()

    def _work(self) -> float | None:
        """Let the workers drain what is due, and sweep; return when there is more, on the time of day."""
        ready = [each for each in self.workers if not each.is_dead and not each.is_still]
        if ready:
            for name in self.ledger.lanes.due_lanes(self.ledger.store):
                worker = self.chance.choice(ready)
                if worker.is_dead:
                    continue
                with suppress(Killed):
                    worker.lane(name).drain()
            if self.office.next_at <= self.clock.monotonic():
                self.office.plan_next()
                with suppress(Killed):
                    self.office.sweep(self.chance.choice(ready))
        return self.ledger.next_at()


def run(seed: int, size: Size | None = None, ledger: type = MemoryLedger) -> tuple[list[str], Counter[str]]:
    """Live through one history; return what is wrong, and what happened in it."""
    world = World(seed, size, ledger)
    try:
        world.run()
        return judge(world), world.seen
    finally:
        world.close()
