"""A destination, a real ledger and lane, a simulated portal with seeded faults: by a pretended clock."""

from __future__ import annotations

import os
import random
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple

import requests

from integrations.checking import Surroundings
from integrations.lab.inprocess import InProcess
from resend.lane import Lane
from resend.ledger import views
from resend.ledger.accept import accept
from resend.ledger.filter import Filter
from resend.ledger.store import Store
from resend.policy import Schedule
from supportctl.core.call import Call
from supportctl.core.clock import FakeClock

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from integrations.lab.portal import Portal
    from resend.ports import Destination

NOW = datetime(2026, 9, 15, 9, 0, tzinfo=UTC)
ADDRESS = "https://acme.example"
WIRE_FAULTS = (
    "lost-answer", "torn", "slow", "reset", "unavailable", "server-error", "not-json", "never-ending",
)  # fmt: skip
SEEDS = int(os.environ.get("SUPPORTCTL_SEEDS", "1"))  # of each simulation; more in a long run
_MOST_ROUNDS = 4000
_TROUBLED_ROUNDS = 150
_LANE = "acme"


class Bench(NamedTuple):
    """What a simulation has: the clock, the account's surroundings, a session into the portal."""

    clock: FakeClock
    around: Surroundings
    session: requests.Session


def bench_for(make_portal: Callable[[FakeClock], Portal]) -> tuple[Bench, Portal]:
    """Return a portal and what a destination needs to reach it."""
    clock = FakeClock(NOW)
    portal = make_portal(clock)
    session = requests.Session()
    session.mount(ADDRESS, InProcess(portal))
    return Bench(clock, Surroundings(_LANE, clock, lambda secret: secret, region="RU"), session), portal


def some_calls(count: int, chance: random.Random, employees: Sequence[str]) -> list[Call]:
    """Return calls of the last hours: some without a recording, some outgoing, some phones several times."""
    phones = [f"+7999{number:07d}" for number in chance.sample(range(10**7), max(count * 2 // 3, 1))]
    return [
        Call(
            call_id=f"pbx-{number}",
            source="pbx",
            direction=chance.choice(("in", "in", "out")),
            started_at=NOW - timedelta(minutes=chance.randrange(10, 300), seconds=chance.randrange(60)),
            duration_s=(answered := chance.random() < 0.8) * chance.randrange(1, 600),
            contact_phone=chance.choice(phones),
            answered=answered,
            line="+78120000001",
            employee=chance.choice(tuple(employees)),
            recording_url=f"https://rec.example/{number}.mp3" if answered and number % 2 else None,
        )
        for number in range(count)
    ]


class Simulation:
    """One lane that drains into one portal until nothing waits."""

    def __init__(
        self, folder: Path, bench: Bench, portal: Portal, destination: Destination, seed: int
    ) -> None:
        self.chance = random.Random(seed)
        self.clock = bench.clock
        self.portal = portal
        self.store = Store(f"sqlite:///{folder / 'ledger.db'}", bench.clock)
        schedule = Schedule()
        self.lane = Lane(
            self.store, _LANE, destination, schedule=schedule, chance=self.chance.random, holder="here"
        )

    def accept(self, calls: Sequence[Call], *, ask_first: bool = False) -> None:
        """Take calls into the ledger; with `ask_first` somebody else may have brought them."""
        accept(self.store, _LANE, calls, 86400, ask_first=ask_first)

    def run(self, faults: Sequence[str] = (), *, each: Callable[[int], None] = lambda _: None) -> None:
        """Drain, with one fault after another in the portal; in the end it is healthy."""
        for number in range(_MOST_ROUNDS):
            for fault in self.portal.active:
                self.portal.switch(fault, on=False)
            if faults and number < _TROUBLED_ROUNDS and self.chance.random() < 0.7:
                times = self.chance.choice((1, 1, 2, 3, None))
                self.portal.switch(self.chance.choice(list(faults)), on=True, times=times)
            each(number)
            drained = self.lane.drain(_after(self.chance.randrange(1, 4)))
            assert drained is not None
            if drained.next_at is None:
                return
            wait = max(0.0, drained.next_at - self.clock.now().timestamp())
            self.clock.advance(wait + self.chance.random())
        raise AssertionError(f"not drained after {_MOST_ROUNDS} rounds: {self.states()}")

    def states(self) -> dict[str, int]:
        """Return how many deliveries are in which state."""
        counts = views.lane_views(self.store)[0].counts
        return {str(state): count for state, count in counts.items() if count}

    def errors(self) -> dict[str, str]:
        """Return call_id -> the last error of what was not delivered."""
        _, found = views.deliveries(self.store, Filter(), 10_000)
        return {each.call_id: each.error_code for each in found if each.state != "delivered"}

    def close(self) -> None:
        """Close the ledger."""
        self.store.close()


def _after(rounds: int) -> Callable[[], bool]:
    """Return what stops a drain after some rounds."""
    left = iter(range(rounds))
    return lambda: next(left, None) is None
