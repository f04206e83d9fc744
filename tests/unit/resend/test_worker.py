"""The embedded engine: many lanes, crashes, a database that fails, signals, and nothing to do."""

from __future__ import annotations

import os
import signal
import sqlite3
import threading
from collections import Counter
from contextlib import closing

import pytest
from sqlalchemy import event

from resend import worker as worker_module
from resend.lane import Drained, Lane
from resend.ledger.accept import accept
from resend.ledger.errors import LedgerError
from resend.ledger.store import Store
from resend.policy import Schedule
from resend.worker import Worked, Worker
from supportctl.core.clock import SystemClock
from supportctl.core.failure import Failure

SOON = Schedule(86400, 0.05, 0.2, 0.05)
LOOK_S = 0.01


class Engine:
    """A worker over real time, with a scripted destination for each lane."""

    def __init__(self, folder, crm_class, busy_s=0.2):
        self.folder = folder
        self.store = Store(f"sqlite:///{folder / 'real.db'}", SystemClock(), busy_s=busy_s)
        self.crm_class = crm_class
        self.crms = {}
        self.opened = Counter()
        self.lease_s = 0.5
        self.worker = self.another()

    def another(self, store=None, threads=4):
        return Worker(store or self.store, self.open_lane, threads=threads, look_every_s=LOOK_S)

    def open_lane(self, name):
        if name == "unknown":
            return None
        self.opened[name] += 1
        crm = self.crms.setdefault(name, self.crm_class())
        return Lane(
            self.store, name, crm, schedule=SOON, chance=lambda: 0.5, holder="me",
            request_s=self.lease_s / 2, lease_s=self.lease_s,
        )  # fmt: skip

    def accept(self, name, *calls):
        accept(self.store, name, calls, 86400)

    def there(self):
        return sum((Counter(crm.there) for crm in self.crms.values()), Counter())


@pytest.fixture
def engine(tmp_path, bench):
    made = Engine(tmp_path, type(bench.crm))
    yield made
    made.store.close()


@pytest.fixture
def call(bench):
    return bench.call


def test_every_lane_is_drained_and_opened_once(engine, call):
    for number in range(20):
        engine.accept(f"crm{number}", *(call(each) for each in range(5)))
    done = engine.worker.run(once=True)
    assert (done.delivered, done.crashed) == (100, 0)
    assert set(engine.opened.values()) == {1}
    engine.accept("crm1", call(77))
    assert engine.worker.run(once=True).delivered == 1
    assert set(engine.opened.values()) == {1}


def test_until_empty_waits_for_what_has_to_be_tried_again(engine, call):
    engine.accept("acme", call(1))
    crm = engine.crms["acme"] = engine.crm_class()
    left = iter([None, None])

    def answer(parcels):
        return crm.fail(Failure.RETRY)(parcels) if next(left, 1) is None else crm.take(parcels)

    crm.answer = answer
    done = engine.worker.run(until_empty=True)
    assert (done.delivered, done.requests) == (1, 3)


def test_an_unknown_destination_is_left_alone(engine, call):
    engine.accept("unknown", call(1))
    engine.accept("acme", call(1))
    assert engine.worker.run(until_empty=True).delivered == 1


def test_a_lane_that_crashes_is_tried_again(engine, call):
    engine.accept("acme", call(1))
    real, left = engine.open_lane, iter(range(2))

    class Crashing:
        def drain(self, stop):
            if next(left, None) is not None:
                raise RuntimeError("a bug")
            return real("acme").drain(stop)

    worker = Worker(engine.store, lambda name: Crashing(), look_every_s=LOOK_S)
    done = worker.run(until_empty=True)
    assert (done.delivered, done.crashed) == (1, 2)


def test_a_lane_that_does_nothing_is_not_begun_again_and_again(engine, call):
    engine.accept("acme", call(1))
    drains = []

    class Idle:
        def drain(self, stop):
            drains.append(1)
            return Drained(0, 0, None)

    worker = Worker(engine.store, lambda name: Idle(), look_every_s=0.05)
    ending = threading.Timer(0.5, worker.stop)
    ending.start()
    worker.run()
    ending.join()
    assert 1 <= len(drains) <= 12


def test_a_locked_database_is_waited_for(engine, call):
    """Somebody holds it for longer than its own patience: at the intent, and at the outcome."""
    engine.accept("acme", *(call(number) for number in range(30)))
    crm = engine.crms["acme"] = engine.crm_class()
    locked, unlocked = threading.Event(), threading.Event()

    def lock():
        with closing(sqlite3.connect(engine.folder / "real.db", isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            locked.set()
            unlocked.wait(0.7)
            other.execute("ROLLBACK")

    thread = threading.Thread(target=lock)

    def answer(parcels):
        if not locked.is_set():
            thread.start()
            locked.wait()
        return crm.take(parcels)

    crm.answer = answer
    done = engine.worker.run(until_empty=True)
    thread.join()
    assert done.crashed >= 1  # the outcome could not be written
    assert len(crm.asked) >= 1  # so it was asked about
    assert engine.there() == Counter({f"c{number}": 1 for number in range(30)})


def test_without_an_intent_nothing_is_sent(engine, call):
    """A ledger that cannot be written: read-only, or a disk that is full."""
    engine.accept("acme", *(call(number) for number in range(5)))
    crm = engine.crms["acme"] = engine.crm_class()
    with engine.store.write() as connection:
        connection.exec_driver_sql("PRAGMA query_only = ON")
    ending = threading.Timer(0.3, engine.worker.stop)
    ending.start()
    done = engine.worker.run()
    ending.join()
    assert done.crashed >= 1
    assert crm.sent == []
    raw = engine.store._turns._raw
    raw.execute("PRAGMA query_only = OFF")
    assert engine.another().run(until_empty=True).delivered == 5


def test_a_disk_that_fills_up_in_mid_run_loses_nothing(engine, call):
    engine.accept("acme", *(call(number) for number in range(300)))
    crm = engine.crms["acme"] = engine.crm_class()
    raw = engine.store._turns._raw

    def answer(parcels):
        if len(crm.sent) == 5:
            pages = raw.execute("PRAGMA page_count").fetchone()[0]
            raw.execute(f"PRAGMA max_page_count = {pages}")
        return crm.take(parcels)

    crm.answer = answer
    ending = threading.Timer(1.0, engine.worker.stop)
    ending.start()
    engine.worker.run()
    ending.join()
    assert len(crm.sent) < 30
    raw.execute("PRAGMA max_page_count = 1000000")
    crm.answer = crm.take
    engine.another().run(until_empty=True)
    assert engine.there() == Counter({f"c{number}": 1 for number in range(300)})


def test_a_database_that_is_gone_ends_a_run_that_was_to_end(engine, call, monkeypatch):
    looks = []

    def broken(*_):
        looks.append(1)
        raise LedgerError("ledger.unusable", found="x", reason="gone")

    monkeypatch.setattr(worker_module, "due_lanes", broken)
    with pytest.raises(LedgerError):
        engine.worker.run(once=True)
    assert len(looks) > 3
    worker = engine.another()
    ending = threading.Timer(0.3, worker.stop)
    ending.start()
    assert worker.run() == Worked()  # a service goes on looking
    ending.join()


def test_idle_costs_a_look_now_and_then(engine, call, monkeypatch):
    """Counted, not timed: one statement a look, and nothing between."""
    statements = []

    def trace(statement):
        statements.append(statement)

    event.listen(engine.store.engine, "before_cursor_execute", lambda *args: trace(args[2]))
    looks = []
    real = worker_module.due_lanes
    monkeypatch.setattr(worker_module, "due_lanes", lambda *args: (looks.append(1), real(*args))[1])
    worker = engine.another()
    waits = []
    stopping = worker._stopping
    real_wait = stopping.wait

    def wait(seconds):
        waits.append(seconds)
        if len(waits) == 5:
            worker.stop()
        return real_wait(0)

    monkeypatch.setattr(stopping, "wait", wait)
    worker.run()
    assert waits == [LOOK_S] * 5
    assert len(looks) == 5
    assert len([each for each in statements if not each.startswith("BEGIN")]) == 5


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_after_the_requests_that_run(engine, call, number):
    engine.accept("acme", *(call(each) for each in range(100)))
    crm = engine.crms["acme"] = engine.crm_class()
    before = signal.getsignal(number)

    def answer(parcels):
        os.kill(os.getpid(), number)
        assert engine.worker._stopping.wait(5)
        return crm.take(parcels)

    crm.answer = answer
    with engine.worker.stopped_by_signals():
        done = engine.worker.run()
    assert (done.requests, done.delivered) == (1, 10)
    assert signal.getsignal(number) is before


def test_two_processes_share_a_ledger(engine, call, tmp_path):
    """As two stores in two threads: no lane is drained by both."""
    for number in range(6):
        engine.accept(f"crm{number}", *(call(each) for each in range(30)))
    second = Store(f"sqlite:///{tmp_path / 'real.db'}", SystemClock())
    worker = engine.another(second)
    thread = threading.Thread(target=worker.run, kwargs={"until_empty": True})
    thread.start()
    engine.worker.run(until_empty=True)
    thread.join(20)
    second.close()
    assert engine.there() == Counter({f"c{number}": 6 for number in range(30)})


def test_a_lane_that_nobody_needed_for_long_is_forgotten(engine, call):
    engine.accept("acme", call(1))
    worker = engine.worker
    worker.run(once=True)
    assert list(worker._lanes) == ["acme"]
    worker._forget_idle(engine.store.clock.monotonic() + 10_000, {"acme"})
    assert list(worker._lanes) == ["acme"]
    worker._forget_idle(engine.store.clock.monotonic() + 10_000, set())
    assert worker._lanes == {}
