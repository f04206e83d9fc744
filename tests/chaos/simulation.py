"""Days of traffic by a pretended clock: real policy, lanes, ledger and destination; everything else may fail.

One seed is one history. Several workers share one ledger (SQLite) and drain several Bitrix24 portals of the
lab; calls come in over the day, recordings later; portals break in every way they know; workers die between
any two steps, or stand still for longer than their lease and come back; clocks are set both ways. `judge`
looks into the portals' own state afterwards.
"""

from __future__ import annotations

import os
import random
import shutil
import tempfile
from collections import Counter
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, NamedTuple, Self

import requests
import sqlalchemy as sa
from requests.cookies import RequestsCookieJar
from sqlalchemy import event
from urllib3 import HTTPResponse

from integrations.checking import Surroundings
from integrations.crm.bitrix24.destination import Bitrix24Destination
from integrations.crm.reader import Employee
from integrations.lab.bitrix24.portal import Bitrix24Portal
from integrations.lab.portal import Asked, Said
from resend.lane import Lane
from resend.ledger.accept import accept
from resend.ledger.lanes import due_lanes
from resend.ledger.schema import COUNTS, DELIVERIES
from resend.ledger.store import Store
from resend.policy import Schedule
from supportctl.core.accounts import Bitrix24
from supportctl.core.call import Call
from supportctl.core.clock import FakeClock

if TYPE_CHECKING:
    from collections.abc import Iterator

NOW = datetime(2026, 9, 15, 0, 0, tzinfo=UTC)
DAY = 86400.0
HORIZON_S = DAY
STAFF = ("101", "102", "103", "104")
# Faults of a moment hit some requests; those of hours are on for a while, as an outage is.
MOMENTS = (
    "lost-answer", "reset", "torn", "slow", "query-limit", "broken-batch", "internal-error", "ok-with-error",
    "unavailable", "not-json", "server-error", "statistics-late", "never-ending", "expired-token", "gateway",
    "operation-limit", "array-filter-ignored", "works-on",
)  # fmt: skip
OUTAGES = (
    "reset", "unavailable", "server-error", "never-ending", "lost-answer", "not-json", "gateway", "torn",
    "overload-blocked", "invalid-credentials", "missing-scope", "wrong-auth-type", "no-statistics-right",
    "payment-required", "expired-token", "portal-deleted", "works-on", "slow", "broken-batch",
)  # fmt: skip
_WORKS_ON = "works-on"  # the work is done after the client has lost patience: not a fault of the lab's own
_OWN = {_WORKS_ON: "the client gives up, and the work is done some time later"}
_PATIENCE_S, _CUT_S = 30, 60  # of our client; a portal cuts its own work off after a minute
_MOST_STEPS = 200_000


class Size(NamedTuple):
    """How much happens."""

    days: int = 2
    lanes: int = 2
    workers: int = 2
    calls_a_day: int = 12
    faults_a_day: float = 2.0
    deaths_a_day: float = 1.0
    jumps: float = 0.5


class SimClock(FakeClock):
    """A clock that can be set: then only the time of day jumps."""

    def jump(self, seconds: float) -> None:
        """Set the time of day."""
        self._now += timedelta(seconds=seconds)


class SimPortal(Bitrix24Portal):
    """A portal that may do its work late; what it was asked then is done before anything else."""

    own_faults: ClassVar = {**Bitrix24Portal.own_faults, **_OWN}
    slow_s = 3.0

    def __init__(self, clock: FakeClock, name: str, chance: random.Random) -> None:
        super().__init__(clock, name)
        self.chance = chance
        self.waiting: list[tuple[float, object]] = []

    def respond(self, asked):
        self.catch_up()
        return super().respond(asked)

    def catch_up(self) -> None:
        """Do what is due by now."""
        now = self.clock.monotonic()
        due = [asked for at, asked in self.waiting if at <= now]
        if due:
            self.waiting = [each for each in self.waiting if each[0] > now]
            for asked in due:
                super().answer(asked, self.operation(asked))

    def answer(self, asked, operation):
        if operation == "batch" and b"register" in asked.body and self._hits(_WORKS_ON, operation):
            late = self.clock.monotonic() + _PATIENCE_S + self.chance.random() * (_CUT_S - _PATIENCE_S)
            self.waiting.append((late, asked))
            return Said(0, cut="endless")
        return super().answer(asked, operation)


class Killed(BaseException):
    """The worker's process is gone; as with KeyboardInterrupt, nothing may catch it."""


class Answer(NamedTuple):
    """What `requests` would return, as far as anybody looks at it."""

    status_code: int
    headers: dict[str, str]
    raw: HTTPResponse

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.raw.close()


class Wire:
    """A worker's session with a portal; at both ends of a request it may die, after it stand still.

    It is `requests.Session` as `integrations.http` uses it, and ten times as fast.
    """

    def __init__(self, portal: SimPortal, worker: Worker) -> None:
        self.portal = portal
        self.worker = worker
        self.headers: dict[str, str] = {}
        self.cookies = RequestsCookieJar()
        self.adapters: dict[str, object] = {}
        self.trust_env = self.verify = False

    def request(self, method, url, *, params, data, headers, timeout, **more) -> Answer:
        self.worker.at("before-post", may_stall=False)
        path = url.partition("://")[2].partition("/")[2]
        lower = {name.lower(): value for name, value in headers.items()}
        said = self.portal.respond(Asked(method, f"/{path}", (), lower, data or b""))
        patience = timeout[1]
        if said.cut == "endless" or said.delay_s > patience:
            self.worker.world.clock.sleep(patience)
            raise requests.exceptions.ReadTimeout("pretended")
        self.worker.world.clock.sleep(said.delay_s)
        if said.cut:
            raise requests.exceptions.ConnectionError(ConnectionResetError("pretended"))
        self.worker.at("after-post")
        raw = HTTPResponse(BytesIO(said.body), status=said.status, preload_content=False)
        return Answer(said.status, {"Content-Type": said.kind, **dict(said.headers)}, raw)


class FastStore(Store):
    """A ledger whose file nobody needs after the run."""

    def _engine(self) -> sa.Engine:
        engine = super()._engine()
        event.listen(engine, "connect", lambda connection, _: connection.execute("PRAGMA synchronous=OFF"))
        return engine


class View:
    """The ledger as one worker has it: it may die or stand still before and after each transaction."""

    def __init__(self, store: Store, worker: Worker) -> None:
        self._store = store
        self._worker = worker
        self.clock = store.clock

    @contextmanager
    def write(self) -> Iterator[sa.Connection]:
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
            world = self.world
            session = Wire(world.portals[name], self)
            around = Surroundings(name, world.clock, lambda secret: secret, region="RU")
            self.lanes[name] = Lane(
                View(world.store, self), name, Bitrix24Destination(world.accounts[name], around, session),
                schedule=world.schedule, chance=world.chance.random, holder=f"w{self.number}.{self.births}",
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


class World:
    """Everything of one history."""

    def __init__(self, seed: int, size: Size | None = None) -> None:
        self.seed = seed
        self.size = size = size or Size()
        self.chance = random.Random(seed)
        self.clock = SimClock(NOW)
        self.schedule = Schedule()
        self.seen: Counter[str] = Counter()
        self.accidents = 0
        self.accident_rate = 0.02
        self.folder = Path(tempfile.mkdtemp(prefix="simulation-", dir=_quick_folder()))
        self.store = FastStore(f"sqlite:///{self.folder / 'ledger.db'}", self.clock)
        self.portals: dict[str, SimPortal] = {}
        self.accounts: dict[str, Bitrix24] = {}
        self.calls: dict[str, dict[str, Call]] = {}
        self.planted: dict[str, set[str]] = {}
        self.bad: set[str] = set()
        self.pop_ups_of_others = 0
        for number in range(size.lanes):
            self._build(f"crm{number}")
        self.workers = [Worker(self, number) for number in range(size.workers)]
        self.agenda: list[tuple[float, int, object]] = []  # on the monotonic clock
        self._plan()

    def close(self) -> None:
        """Forget it."""
        self.store.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _build(self, name: str) -> None:
        portal = SimPortal(self.clock, name, self.chance)
        for number, extension in enumerate(STAFF, 11):
            portal.plant_employee(Employee(str(number), f"Employee {number}", extension))
        for number in range(5):
            portal.plant_contact(f"+7999000000{number}", f"Contact {number}")
        self.portals[name] = portal
        self.accounts[name] = Bitrix24(
            kind="bitrix24", url=f"https://{name}.example/rest/1/labwebhookcode01/", fallback_employee=1,
            unknown_phone="create" if self.chance.random() < 0.5 else None,
        )  # fmt: skip
        self.calls[name] = {}
        self.planted[name] = set()

    # What happens is planned first, in the order of the day.

    def _plan(self) -> None:
        chance, size = self.chance, self.size
        for name in self.portals:
            for day in range(size.days):
                # Most come together, as a search for what was lost brings them; some one by one.
                together = [(day + chance.random()) * DAY for _ in range(3)]
                for number in range(size.calls_a_day):
                    at = chance.choice(together) if chance.random() < 0.7 else (day + chance.random()) * DAY
                    self._plan_call(name, f"{name}-{day}-{number}", at)
                for _ in range(_about(size.faults_a_day, chance)):
                    self._plan_fault(name, (day + chance.random()) * DAY)
                if chance.random() < 0.3:
                    at, number = (day + chance.random()) * DAY, chance.randrange(11, 15)
                    self._add(at, self._dismissal(name, number, active=False))
                    self._add(at + chance.random() * DAY, self._dismissal(name, number, active=True))
        for _ in range(_about(size.deaths_a_day * size.days, chance)):
            self._add(chance.random() * size.days * DAY, self._allow_accident)
        for _ in range(_about(size.jumps * size.days, chance)):
            seconds = chance.choice((-3600.0, 3600.0, -120.0, 120.0, -30.0, 30.0, 7200.0, -7200.0))
            self._add(chance.random() * size.days * DAY, lambda seconds=seconds: self._jump(seconds))
        self.agenda.sort(key=lambda each: (each[0], each[1]))

    def _add(self, at: float, what: object) -> None:
        self.agenda.append((at, len(self.agenda), what))

    def _plan_call(self, name: str, call_id: str, at: float) -> None:
        chance = self.chance
        answered = chance.random() < 0.8
        phone = f"+7999{chance.randrange(40):07d}"
        if chance.random() < 0.02:
            phone, _ = "", self.bad.add(call_id)  # a hidden caller: the portal refuses that
        call = Call(
            call_id, "pbx", chance.choice(("in", "in", "out")),
            self.clock.now() + timedelta(seconds=at - chance.random() * 7200),
            chance.randrange(5, 600) if answered else 0, phone, answered, line="+78120000001",
            employee=chance.choice((*STAFF, "", "999")),
        )  # fmt: skip
        recording = f"https://rec.example/{call_id}.mp3" if answered else None
        later = chance.random() < 0.4
        lag = chance.choice((0.0, 0.0, 0.0, 1.0, 60.0, 7200.0)) * chance.random()
        first = call._replace(recording_url=None if later else recording)
        self._add(at + lag, lambda: self._accept(name, first))
        if later and recording:
            more = call._replace(recording_url=recording)
            wait = chance.choice((1.0, 30.0, 60.0, 600.0, 3600.0, 1.2 * DAY))
            wait *= chance.random() if chance.random() < 0.3 else 1.0
            self._add(at + lag + wait, lambda: self._accept(name, more))
        if chance.random() < 0.1:  # the same again changes nothing
            self._add(at + lag + chance.random() * 3600, lambda: self._again(name, call_id))
        if phone and chance.random() < 0.03:  # another integration has brought it
            with_id = chance.random() < 0.5
            self._add(at, lambda: self._plant(name, call, external_id=with_id))

    def _plan_fault(self, name: str, at: float) -> None:
        chance = self.chance
        if chance.random() < 0.75:
            fault, times = chance.choice(MOMENTS), chance.choice((1, 1, 2, 3, 5))
            operations = chance.choice(("*", "batch"))
            self._add(at, lambda: self._switch(name, fault, on=True, times=times, operations=operations))
            self._add(at + 3600, lambda: self._switch(name, fault, on=False))
            return
        fault, hours = chance.choice(OUTAGES), chance.choice((0.05, 0.5, 2.0, 8.0, 20.0)) * chance.random()
        self._add(at, lambda: self._switch(name, fault, on=True))
        self._add(at + hours * 3600, lambda: self._switch(name, fault, on=False))

    # What can happen.

    def _accept(self, name: str, call: Call) -> None:
        self.calls[name][call.call_id] = call
        accept(self.store, name, [call], HORIZON_S)

    def _again(self, name: str, call_id: str) -> None:
        if call_id in self.calls[name]:
            accept(self.store, name, [self.calls[name][call_id]], HORIZON_S)

    def _plant(self, name: str, call: Call, *, external_id: bool) -> None:
        if call.call_id in self.calls[name]:
            return  # it comes in when we may have sent it: nobody can keep two systems from that
        self.planted[name].add(call.call_id)
        self.portals[name].plant_call(call, employee="11", external_id=external_id)

    def _switch(self, name: str, fault: str, **how: object) -> None:
        self.portals[name].switch(fault, **how)
        self.seen[fault] += bool(how["on"])

    def _dismissal(self, name: str, number: int, *, active: bool) -> object:
        def change() -> None:
            user = self.portals[name].store.users.rows[number]
            self.portals[name].plant_employee(Employee(str(number), user.name, user.inner, active=active))

        return change

    def _allow_accident(self) -> None:
        self.accidents += 1

    def _jump(self, seconds: float) -> None:
        self.seen["jump"] += 1
        self.clock.jump(seconds)

    # How it goes on.

    def run(self) -> None:
        """Live through it all; then everything is healthy, and what waits is brought."""
        self.live_until(self.size.days * DAY)
        for portal in self.portals.values():
            for fault in portal.active:
                portal.switch(fault, on=False)
        self.accidents = 0
        self.live_until(self.clock.monotonic() + 4 * DAY, until_empty=True)
        for portal in self.portals.values():
            self.clock.advance(60)
            portal.catch_up()
            portal.store.settle(self.clock.monotonic())

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
        """Let time pass until `end`, on the monotonic clock."""
        for _ in range(_MOST_STEPS):
            self._happen()
            at = self._work()
            now = self.clock.monotonic()
            if now >= end or (until_empty and not self.agenda and at is None):
                return
            following = [end]
            if self.agenda:
                following.append(self.agenda[0][0])
            if at is not None:
                following.append(now + max(at - self.clock.now().timestamp(), 0.0) + self.chance.random() * 2)
            following += [each.back_at for each in self.workers if each.is_dead]
            self.clock.advance(max(min(following) - now, 0.001))
        raise AssertionError(f"seed {self.seed}: no end: {self.states()}")

    def _happen(self) -> None:
        while self.agenda and self.agenda[0][0] <= self.clock.monotonic():
            self.agenda.pop(0)[2]()
        for worker in self.workers:
            if worker.is_dead and worker.back_at <= self.clock.monotonic():
                worker.be_born()

    def _work(self) -> float | None:
        """Let the workers drain what is due; return when there is more, on the time of day."""
        ready = [each for each in self.workers if not each.is_dead and not each.is_still]
        if ready:
            names = due_lanes(self.store)
            for name in names:
                worker = self.chance.choice(ready)
                if worker.is_dead:
                    continue
                with suppress(Killed):
                    worker.lane(name).drain()
        return self._next_at()

    def _next_at(self) -> float | None:
        with self.store.read() as connection:
            rows = connection.execute(_NEXT).all()
        found = [max(row.at or 0.0, row.open_until, row.lease_until) for row in rows]
        return min(found) if found else None

    def states(self) -> dict[str, dict[str, int]]:
        """Return lane -> state -> how many deliveries, as the rows say."""
        found: dict[str, dict[str, int]] = {name: {} for name in self.portals}
        with self.store.read() as connection:
            for row in connection.execute(
                sa.select(_D.destination, _D.state, sa.func.count()).group_by(_D.destination, _D.state)
            ):
                found[row.destination][row.state] = row[2]
        return found


_D = DELIVERIES.c
_LANES_TABLE = sa.table("lanes", sa.column("destination"), sa.column("open_until"), sa.column("lease_until"))
_NEXT = (
    sa.select(
        _LANES_TABLE.c.destination, _LANES_TABLE.c.open_until, _LANES_TABLE.c.lease_until,
        sa.func.min(sa.case((_D.state == "sending", 0.0), else_=_D.next_attempt_at)).label("at"),
    )
    .join(DELIVERIES, _D.destination == _LANES_TABLE.c.destination)
    .where(_D.state.in_(("waiting", "verifying", "sending")))
    .group_by(_LANES_TABLE.c.destination, _LANES_TABLE.c.open_until, _LANES_TABLE.c.lease_until)
)  # fmt: skip


def judge(world: World) -> list[str]:
    """Return what is wrong, in words; nothing where the invariant holds."""
    wrong: list[str] = []
    for name, portal in world.portals.items():
        wrong += [f"{name}: {each}" for each in _judge_lane(world, name, portal)]
    with world.store.read() as connection:
        counted = {
            (row.destination, row.state): row[2] for row in connection.execute(sa.select(COUNTS)) if row[2]
        }
    rows = {
        (name, state): count for name, states in world.states().items() for state, count in states.items()
    }
    if counted != rows:
        wrong.append(f"counts {counted} are not those of the rows {rows}")
    return wrong


def _judge_lane(world: World, name: str, portal: SimPortal) -> Iterator[str]:
    with world.store.read() as connection:
        deliveries = {
            row.call_id: row
            for row in connection.execute(sa.select(DELIVERIES).where(_D.destination == name))
        }
    rows = list(portal.store.statistics.rows.values())
    by_id: dict[str, list] = {}
    for row in rows:
        by_id.setdefault(row.call.external_id, []).append(row)
    strangers = by_id.pop("", [])
    if set(deliveries) != set(world.calls[name]):
        yield f"accepted and in the ledger differ: {set(deliveries) ^ set(world.calls[name])}"
    for call_id, call in world.calls[name].items():
        row = deliveries[call_id]
        there = by_id.pop(call_id, []) + [
            each for each in strangers
            if (each.call.phone, each.call.start) == (call.contact_phone, call.started_at)
        ]  # fmt: skip
        if len(there) > 1:
            yield f"{call_id} is there {len(there)} times"
        if row.state == "delivered":
            if not there:
                yield f"{call_id} is delivered and not there"
            elif call.recording_url and not _has_recording(portal, there[0], call, world.planted[name]):
                yield f"{call_id} is delivered without its recording"
        elif row.state == "escalated":
            tried = row.failure == "data" or row.next_attempt_at >= row.deadline_at - 1
            if not tried or (row.failure == "data" and call_id not in world.bad):
                yield f"{call_id} was given up: {row.failure} {row.error_code} {row.error_text}"
        else:
            yield f"{call_id} is {row.state}: {row.error_code} {row.error_text}"
    if by_id:
        yield f"nobody knows {sorted(by_id)}"
    effects = portal.store.effects
    if effects.pop_ups or effects.chat_messages:
        yield f"{len(effects.pop_ups)} pop-ups and {len(effects.chat_messages)} chat messages"
    if portal.bucket is not None and portal.bucket.refused:
        yield f"{portal.bucket.refused} requests over the limit"


def _has_recording(portal: SimPortal, row, call: Call, planted: set[str]) -> bool:
    if row.record_file_id is None:
        return bool(row.record_url)
    file = portal.store.files[row.record_file_id]
    return file.note == call.recording_url or call.call_id in planted


def _about(number: float, chance: random.Random) -> int:
    """Return a whole number that is `number` on the average."""
    return int(number) + (chance.random() < number - int(number))


def _quick_folder() -> str | None:
    return "/dev/shm" if os.access("/dev/shm", os.W_OK) else None


def run(seed: int, size: Size | None = None) -> tuple[list[str], Counter[str]]:
    """Live through one history; return what is wrong, and what happened in it."""
    world = World(seed, size)
    try:
        world.run()
        return judge(world), world.seen
    finally:
        world.close()
