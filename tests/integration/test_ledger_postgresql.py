"""The ledger on a real PostgreSQL that crashes, cuts connections, serves machines whose clocks disagree."""

from __future__ import annotations

import random
import threading
from collections import Counter
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from ledger_bench import DAY_S, LANE, NOW, call

from resend.lane import Lane
from resend.ledger import audit, hand, lanes, views
from resend.ledger.accept import accept
from resend.ledger.errors import LedgerError
from resend.ledger.filter import Filter
from resend.ledger.store import Store
from resend.model import State
from resend.policy import Schedule
from resend.worker import Worker
from supportctl.core.clock import FakeClock, SystemClock
from supportctl.core.delivery import Found, Outcome

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping, Sequence

    from database_servers import PostgresServer

    from supportctl.core.deadline import Deadline
    from supportctl.core.delivery import Parcel

pytestmark = pytest.mark.peer("postgresql")

SCHEDULE = Schedule(first_delay_s=0.2, max_delay_s=0.5, settle_s=0.2)
REQUEST_S, LEASE_S = 0.5, 1.0
ENDS_S = 60
SEED = 20261122


class Portal:
    """A destination that remembers what it was sent, and how many were at it at once."""

    batch_size = 20

    def __init__(self, each_s: float = 0.0) -> None:
        self.there: Counter[tuple[str, str]] = Counter()
        self.at_once = 0
        self.most_at_once = 0
        self.reached = threading.Event()
        self._guard = threading.Lock()
        self._each_s = each_s
        self._pause = threading.Event()

    def fits(self, parcels: Sequence[Parcel]) -> int:
        return len(parcels)

    def advance(self, parcels: Sequence[Parcel], deadline: Deadline) -> Sequence[Outcome]:
        with self._guard:
            self.at_once += 1
            self.most_at_once = max(self.most_at_once, self.at_once)
            self.there.update((each.call.source, each.call.call_id) for each in parcels)
        self.reached.set()
        self._pause.wait(self._each_s)
        with self._guard:
            self.at_once -= 1
        return [Outcome(each.delivery_id, "done", {"id": "1"}, done=True) for each in parcels]

    def look_up(self, parcels: Sequence[Parcel], deadline: Deadline) -> Mapping[int, Found | Outcome | None]:
        with self._guard:
            return {
                each.delivery_id: Found("done", {"id": "1"}, whole=True)
                if self.there[each.call.source, each.call.call_id]
                else None
                for each in parcels
            }


@pytest.fixture
def store(postgres_url: str) -> Generator[Store]:
    """A ledger with the computer's own clock."""
    made = Store(postgres_url, SystemClock(), busy_s=5)
    yield made
    made.close()


def _worker(store: Store, portals: Mapping[str, Portal], holder: str) -> Worker:
    chance = random.Random(SEED)

    def lane(name: str) -> Lane:
        return Lane(
            store, name, portals[name], schedule=SCHEDULE, chance=chance.random, holder=holder,
            request_s=REQUEST_S, lease_s=LEASE_S,
        )  # fmt: skip

    return Worker(store, lane, threads=3, look_every_s=0.05)


def _joined(threads: Sequence[threading.Thread]) -> None:
    for thread in threads:
        thread.join(ENDS_S)
        assert not thread.is_alive()


def test_the_server_crashes_in_mid_run_and_every_call_arrives_once(
    postgres: PostgresServer, store: Store
) -> None:
    portal = Portal(each_s=0.02)
    accept(store, LANE, [call(number) for number in range(1000)], DAY_S)
    worker = _worker(store, {LANE: portal}, "here")
    thread = threading.Thread(target=worker.run, kwargs={"until_empty": True})
    thread.start()
    for _ in range(2):
        portal.reached.clear()
        assert portal.reached.wait(ENDS_S)
        postgres.crash()
        postgres.start()
    _joined([thread])
    assert set(portal.there.values()) == {1}
    assert len(portal.there) == 1000
    assert views.lane_views(store)[0].counts[State.DELIVERED] == 1000
    assert audit.verify(store) == []


def test_two_workers_a_source_and_a_person_at_once(postgres_url: str, store: Store) -> None:
    """Nobody waits in a circle, each lane has one worker at a time, and the counts stay right."""
    names = [f"lane-{number}" for number in range(6)]
    portals = {name: Portal(each_s=0.001) for name in names}
    stores = [Store(postgres_url, SystemClock(), busy_s=5) for _ in range(4)]
    failed: list[BaseException] = []

    def offer() -> None:
        for turn in range(8):
            for name in names:
                accept(
                    stores[2],
                    name,
                    [call(number, duration_s=turn // 4) for number in range(turn * 10 + 10)],
                    DAY_S,
                )

    def act() -> None:
        chance = random.Random(SEED)
        for _ in range(60):
            wanted = Filter(destination=chance.choice(names), states=(State.WAITING, State.HELD))
            hand.apply(stores[3], chance.choice(["now", "hold", "now"]), wanted, who="me", why="a test")

    def guarded(work: object) -> None:
        try:
            assert callable(work)
            work()
        except BaseException as error:  # noqa: BLE001  whatever it is, the test is to fail with it
            failed.append(error)

    others = [threading.Thread(target=guarded, args=(work,)) for work in (offer, act)]
    workers = [_worker(stores[number], portals, f"worker-{number}") for number in range(2)]
    running = [threading.Thread(target=guarded, args=(worker.run,)) for worker in workers]
    for thread in (*others, *running):
        thread.start()
    _joined(others)
    for worker in workers:
        worker.stop()
    _joined(running)
    hand.apply(store, "now", Filter(states=(State.HELD,)), who="me", why="the test ends")
    assert _worker(store, portals, "last").run(until_empty=True).crashed == 0
    assert failed == []
    assert audit.verify(store) == []
    for name, portal in portals.items():
        assert portal.most_at_once == 1, name
        assert len(portal.there) == 80
        # the second form of a call is sent, too: once for each, and never a third time
        assert max(portal.there.values()) <= 2
        assert {each.state for each in views.deliveries(store, Filter(destination=name), 100)[1]} == {
            State.DELIVERED
        }
    for each in stores:
        each.close()


def test_a_connection_that_is_cut_in_mid_change_has_changed_nothing(
    postgres: PostgresServer, store: Store
) -> None:
    accept(store, LANE, [call(1)], DAY_S)
    database = store.url.database

    def cut() -> None:
        with store.write() as connection:
            connection.exec_driver_sql("UPDATE deliveries SET state = 'cancelled'")
            postgres.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                f" WHERE datname = '{database}' AND pid <> pg_backend_pid()"
            )
            connection.exec_driver_sql("SELECT 1")

    with pytest.raises(LedgerError) as refused:
        cut()
    assert (refused.value.key, refused.value.passing) == ("ledger.unreachable", True)
    assert views.lane_views(store)[0].counts == {State.WAITING: 1}
    assert accept(store, LANE, [call(2)], DAY_S).accepted == 1


def test_what_has_rested_is_asked_whether_it_lives(postgres: PostgresServer, postgres_url: str) -> None:
    clock = FakeClock(NOW)
    store = Store(postgres_url, clock)
    accept(store, LANE, [call(1)], DAY_S)

    def cut() -> None:
        assert len(lanes.due(store, LANE, State.WAITING, 10)) == 1  # a worker's connection is open
        postgres.execute(
            "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity"
            f" WHERE datname = '{store.url.database}' AND pid <> pg_backend_pid()"
        )

    cut()
    clock.advance(2)
    assert len(lanes.due(store, LANE, State.WAITING, 10)) == 1
    cut()  # and the next one comes at once, as in the midst of a worker's turn
    with pytest.raises(LedgerError) as refused:
        lanes.due(store, LANE, State.WAITING, 10)
    assert (refused.value.key, refused.value.passing) == ("ledger.unreachable", True)
    assert len(lanes.due(store, LANE, State.WAITING, 10)) == 1
    store.close()


def test_while_the_server_is_away_it_is_told_so_and_then_goes_on(
    postgres: PostgresServer, store: Store
) -> None:
    accept(store, LANE, [call(1)], DAY_S)
    postgres.stop()
    for _ in range(2):
        with pytest.raises(LedgerError) as refused:
            accept(store, LANE, [call(2)], DAY_S)
        assert (refused.value.key, refused.value.passing) == ("ledger.unreachable", True)
    postgres.start()
    assert accept(store, LANE, [call(1), call(2)], DAY_S) == (1, 1, 0)


def test_the_servers_clock_counts_and_not_those_of_the_machines(postgres_url: str) -> None:
    ahead = Store(postgres_url, FakeClock(NOW + timedelta(hours=5)))
    behind = Store(postgres_url, FakeClock(NOW - timedelta(days=400)))
    accept(ahead, LANE, [call(1)], DAY_S)
    assert lanes.due_lanes(behind) == [LANE]
    lease = lanes.claim(ahead, LANE, "ahead")
    assert lease is not None
    assert lanes.claim(behind, LANE, "behind") is None
    assert abs(ahead.time() - SystemClock().now().timestamp()) < 60
    lanes.release(ahead, lease)
    assert lanes.claim(behind, LANE, "behind") is not None
    ahead.close()
    behind.close()
