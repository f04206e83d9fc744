"""Workers of a history: each may die or stand still between any two steps."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from pretended_portals import Wire

from integrations.checking import Surroundings
from resend.lane import Lane

if TYPE_CHECKING:
    from collections.abc import Iterator

    from simulation import World


class Killed(BaseException):
    """The worker's process is gone; as with KeyboardInterrupt, nothing may catch it."""


class View:
    """The ledger as one worker has it: it may die or stand still before and after each transaction."""

    def __init__(self, store, worker: Worker) -> None:
        self._store = store
        self._worker = worker
        self.clock = store.clock

    @contextmanager
    def write(self) -> Iterator[object]:
        self._worker.at("before-write")
        with self._store.write() as connection:
            yield connection
        self._worker.at("after-write")

    def __getattr__(self, name: str) -> object:
        return getattr(self._store, name)


class Worker:
    """One process: a lane and a destination for each account, all forgotten when it dies."""

    def __init__(self, world: World, number: int) -> None:
        self.world = world
        self.number = number
        self.births = 0
        self.back_at = 0.0  # on the monotonic clock
        self.is_dead = False
        self.is_still = False
        self.view = View(world.ledger.store, self)
        self.lanes: dict[str, Lane] = {}
        self.be_born()

    def be_born(self) -> None:
        """Begin anew."""
        self.births += 1
        self.is_dead = False
        self.lanes = {}

    def lane(self, name: str) -> Lane:
        """Return the lane of an account."""
        if name not in self.lanes:
            world, site = self.world, self.world.sites[name]
            around = Surroundings(name, world.clock, lambda secret: secret, region="RU")
            self.lanes[name] = Lane(
                self.view, name, site.destination(around, Wire(site.portal, self)),
                schedule=world.schedule, chance=world.chance.random, holder=f"w{self.number}.{self.births}",
                ledger=world.ledger.lanes,
            )  # fmt: skip
        return self.lanes[name]

    def at(self, place: str, *, may_stall: bool = True) -> None:
        """Live on, die here, or stand still here for some time."""
        if self.is_dead:
            raise Killed
        world = self.world
        if world.accidents <= 0 or world.chance.random() > world.accident_rate:
            return
        world.accidents -= 1
        if may_stall and world.chance.random() < 0.5:
            world.seen[f"still {place}"] += 1
            world.stand_still(self, world.chance.choice((130.0, 200.0, 400.0, 3600.0)))
            return
        world.seen[f"death {place}"] += 1
        self.is_dead = True
        self.back_at = world.clock.monotonic() + world.chance.random() * 600
        raise Killed
