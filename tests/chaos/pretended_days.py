"""What happens in a history, planned first: calls, recordings, faults, accidents."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from pretended_sites import STAFF

from supportctl.core.call import Call

if TYPE_CHECKING:
    import random

    from simulation import World

DAY = 86400.0
_TRACKER = ("before-down", "before-lost", "after-lost")


class Plan:
    """Fills the agenda of a world: what is to happen when, on the monotonic clock."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.chance = world.chance
        self.agenda: list[tuple[float, int, object]] = []

    def make(self) -> list[tuple[float, int, object]]:
        """Return the agenda."""
        chance, size = self.chance, self.world.size
        for name in self.world.sites:
            for day in range(size.days):
                self._day(name, day)
        for _ in range(about(size.deaths_a_day * size.days, chance)):
            self._add(chance.random() * size.days * DAY, self.world.allow_accident)
        for _ in range(about(size.jumps * size.days, chance)):
            seconds = chance.choice((-3600.0, 3600.0, -120.0, 120.0, -30.0, 30.0, 7200.0, -7200.0))
            self._add(chance.random() * size.days * DAY, lambda seconds=seconds: self.world.jump(seconds))
        for _ in range(about(size.days * 0.5, chance)):
            kind = chance.choice(_TRACKER)
            self._add(chance.random() * size.days * DAY, lambda kind=kind: self.world.tracker.trouble(kind))
        self.agenda.sort(key=lambda each: (each[0], each[1]))
        return self.agenda

    def _add(self, at: float, what: object) -> None:
        self.agenda.append((at, len(self.agenda), what))

    def _day(self, name: str, day: int) -> None:
        chance, size = self.chance, self.world.size
        # Most come together, as a search for what was lost brings them; some one by one.
        together = [(day + chance.random()) * DAY for _ in range(3)]
        for number in range(size.calls_a_day):
            at = chance.choice(together) if chance.random() < 0.7 else (day + chance.random()) * DAY
            self._call(name, f"{name}-{day}-{number}", at)
        for _ in range(about(size.faults_a_day, chance)):
            self._fault(name, (day + chance.random()) * DAY)
        if chance.random() < 0.3:
            at, number = (day + chance.random()) * DAY, chance.randrange(11, 15)
            self._add(at, lambda: self.world.sites[name].employ(number, active=False))
            back = at + chance.random() * DAY
            self._add(back, lambda: self.world.sites[name].employ(number, active=True))

    def _call(self, name: str, call_id: str, at: float) -> None:
        chance, world = self.chance, self.world
        answered = chance.random() < 0.8
        phone = f"+7999{chance.randrange(40):07d}"
        if chance.random() < 0.02:
            phone = ""  # a hidden caller
        call = Call(
            call_id, "pbx", chance.choice(("in", "in", "out")),
            world.clock.now() + timedelta(seconds=at - chance.random() * 7200),
            chance.randrange(5, 600) if answered else 0, phone, answered, line="+78120000001",
            employee=chance.choice((*STAFF, "", "999")),
        )  # fmt: skip
        recording = f"https://rec.example/{call_id}.mp3" if answered else None
        later = chance.random() < 0.4
        lag = chance.choice((0.0, 0.0, 0.0, 1.0, 60.0, 7200.0)) * chance.random()
        first = call._replace(recording_url=None if later else recording)
        self._add(at + lag, lambda: world.accept(name, first))
        if later and recording:
            more = call._replace(recording_url=recording)
            wait = chance.choice((1.0, 30.0, 60.0, 600.0, 3600.0, 1.2 * DAY))
            wait *= chance.random() if chance.random() < 0.3 else 1.0
            self._add(at + lag + wait, lambda: world.accept(name, more))
        if chance.random() < 0.1:  # the same again changes nothing
            self._add(at + lag + chance.random() * 3600, lambda: world.again(name, call_id))
        if phone and chance.random() < 0.03:  # another integration has brought it
            with_id = chance.random() < 0.5
            self._add(at, lambda: world.plant(name, call, external_id=with_id))

    def _fault(self, name: str, at: float) -> None:
        chance, world, site = self.chance, self.world, self.world.sites[name]
        if chance.random() < 0.75:
            fault, times = chance.choice(site.moments), chance.choice((1, 1, 2, 3, 5))
            operations = chance.choice(site.operations)
            self._add(at, lambda: world.switch(name, fault, on=True, times=times, operations=operations))
            self._add(at + 3600, lambda: world.switch(name, fault, on=False))
            return
        fault = chance.choice(site.outages)
        hours = chance.choice((0.05, 0.5, 2.0, 8.0, 20.0, 40.0)) * chance.random()
        self._add(at, lambda: world.switch(name, fault, on=True))
        self._add(at + hours * 3600, lambda: world.switch(name, fault, on=False))


def about(number: float, chance: random.Random) -> int:
    """Return a whole number that is `number` on the average."""
    return int(number) + (chance.random() < number - int(number))
