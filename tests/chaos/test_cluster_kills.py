"""Workers of the cluster are killed, the database is restarted: every call comes once, and no lane is stuck.

`SUPPORTCTL_SOAK=SECONDS` makes it long (`make soak`); `SUPPORTCTL_SEED` repeats a run.
"""

from __future__ import annotations

import contextlib
import os
import random
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from cluster_bench import Sink, Times, WorkerProcess

from resend.ledger import lanes, views
from resend.ledger.accept import accept
from resend.ledger.errors import LedgerError
from resend.ledger.store import Store
from supportctl.core.call import Call
from supportctl.core.clock import SystemClock

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from database_servers import PostgresServer

pytestmark = [pytest.mark.peer("postgresql"), pytest.mark.usefixtures("no_coverage")]
SOAK_S = float(os.environ.get("SUPPORTCTL_SOAK", "0"))
LANES, CALLS = 40, 50
TIMES = Times(lease_s=1.5, request_s=1.0, settle_s=0.3, batch=5, threads=8, sweep_s=0.5)
REQUEST_TAKES_S = 0.2
KILLS = 6


def test_killed_workers_and_a_restarted_database_lose_and_double_nothing(
    postgres: PostgresServer, postgres_url: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    seed = int(os.environ.get("SUPPORTCTL_SEED") or random.randrange(10**6))
    print(f"seed {seed}")  # noqa: T201  shown when the test fails
    chance = random.Random(seed)
    store = Store(postgres_url, SystemClock())
    request.addfinalizer(store.close)
    began, rounds = time.monotonic(), 0
    with Sink(REQUEST_TAKES_S) as sink:
        log = tmp_path / "workers.log"
        start = lambda: WorkerProcess("cluster", postgres_url, sink.url, TIMES, log)  # noqa: E731
        workers = [start(), start()]
        try:
            while True:
                _accept(store, rounds)
                _break_things(postgres, workers, start, chance)
                _wait_until_empty(store, log)
                rounds += 1
                if time.monotonic() - began > SOAK_S:
                    break
            codes = [worker.end() for worker in workers]
        finally:
            for worker in workers:
                if worker.running:
                    worker.kill()
    told = log.read_text(errors="replace")
    assert codes == [0, 0], told[-3000:]
    assert "Traceback" not in told
    assert len(sink.taken) == LANES * CALLS * rounds
    assert [call for call, times in sink.taken.items() if times != 1] == []
    delivered = {view.destination: view.counts for view in views.lane_views(store)}
    assert {name: counts["delivered"] for name, counts in delivered.items()} == {
        _name(number): CALLS * rounds for number in range(LANES)
    }


def _name(lane: int) -> str:
    return f"customer-{lane:02}"


def _accept(store: Store, round_: int) -> None:
    now = datetime.now(UTC)
    for lane in range(LANES):
        calls = [
            Call(f"r{round_}-c{number}", "pbx", "in", now, 60, "+79990001122", answered=True)
            for number in range(CALLS)
        ]
        accept(store, _name(lane), calls, 86400)


def _break_things(
    postgres: PostgresServer,
    workers: list[WorkerProcess],
    start: Callable[[], WorkerProcess],
    chance: random.Random,
) -> None:
    restart_after = chance.randrange(1, KILLS - 1)
    for kill in range(KILLS):
        time.sleep(chance.uniform(0.3, 0.9))
        if kill == restart_after:
            chance.choice((postgres.crash, postgres.stop))()
            time.sleep(chance.uniform(0.0, 0.4))
            postgres.start()
        victim = chance.randrange(len(workers))
        workers[victim].kill()
        workers[victim] = start()


def _wait_until_empty(store: Store, log: Path, seconds: float = 30.0) -> None:
    until = time.monotonic() + seconds
    left = -1
    while left:
        with contextlib.suppress(
            LedgerError
        ):  # the server that was restarted has broken this connection, too
            left = lanes.pending(store)
        if time.monotonic() > until:
            raise AssertionError(f"{left} calls are stuck:\n{log.read_text(errors='replace')[-3000:]}")
        time.sleep(0.05)
