"""The cluster engine against a real PostgreSQL: woken at once, by the sweep, after the database came back."""

from __future__ import annotations

import random
import threading
import time
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa
from cluster_bench import Sink, Times, lanes_of

from resend.ledger import lanes, leases, sending
from resend.ledger.accept import accept
from resend.ledger.errors import LedgerError
from resend.ledger.store import Store
from resend.model import State
from supportctl.core import log
from supportctl.core.call import Call
from supportctl.core.clock import SystemClock

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from database_servers import PostgresServer

    from resend.cluster.worker import ClusterWorker
    from resend.lane import Lane

pytestmark = pytest.mark.peer("postgresql")
QUICK = Times(lease_s=2.0, request_s=1.0, settle_s=0.2, batch=10, threads=4, sweep_s=0.2)
RARE = QUICK._replace(sweep_s=60.0)


def calls(count: int, first: int = 0) -> list[Call]:
    now = datetime.now(UTC)
    return [
        Call(f"c{number}", "pbx", "in", now, 60, "+79990001122", answered=True)
        for number in range(first, first + count)
    ]


@pytest.fixture
def store(postgres_url: str) -> Generator[Store]:
    store = Store(postgres_url, SystemClock())
    yield store
    store.close()


@pytest.fixture
def sink() -> Generator[Sink]:
    with Sink() as sink:
        yield sink


@contextmanager
def working(
    store: Store, times: Times, open_lane: Callable[[str], Lane | None], holder: str = "here"
) -> Generator[ClusterWorker]:
    from resend.cluster.worker import ClusterWorker

    worker = ClusterWorker(
        store, open_lane, holder, random.random, threads=times.threads, sweep_s=times.sweep_s
    )
    thread = threading.Thread(target=worker.run)
    thread.start()
    try:
        yield worker
    finally:
        worker.stop()
        thread.join(20)
        assert not thread.is_alive()


def until(what: Callable[[], object], seconds: float = 10.0) -> float:
    """Wait for something; return how long it took."""
    began = time.monotonic()
    while not what():
        assert time.monotonic() - began < seconds, "it did not come about in time"
        time.sleep(0.01)
    return time.monotonic() - began


def jobs(store: Store, status: str | None = None) -> int:
    """Return how many jobs the engine has; -1 before it has begun."""
    with store.read() as connection:
        if connection.scalar(sa.text("SELECT to_regclass('supportctl_engine.applied')")) is None:
            return -1
        which = f"WHERE status = '{status}'" if status else ""
        return int(
            connection.scalar(sa.text(f"SELECT count(*) FROM supportctl_engine.procrastinate_jobs {which}"))
            or 0
        )


def workers(store: Store) -> int:
    if jobs(store) < 0:
        return 0
    with store.read() as connection:
        return int(
            connection.scalar(sa.text("SELECT count(*) FROM supportctl_engine.procrastinate_workers")) or 0
        )


def test_a_backlog_is_delivered_once_and_leaves_no_job_behind(store: Store, sink: Sink) -> None:
    for name in ("acme", "bmce", "cmce"):
        accept(store, name, calls(120), 86400)
    with working(store, QUICK, lanes_of(store, sink.url, QUICK, "here")) as worker:
        until(lambda: not lanes.pending(store))
        until(lambda: jobs(store) == 0)
    assert set(sink.taken.values()) == {1}
    assert len(sink.taken) == 360
    assert worker.run  # it has ended: `working` waits for that
    assert workers(store) == 0


def test_accepted_calls_are_brought_at_once(store: Store, sink: Sink) -> None:
    from resend.cluster.wake import wake

    with working(store, RARE, lanes_of(store, sink.url, RARE, "here")):
        until(lambda: workers(store) == 1)
        accept(store, "warm", calls(1), 86400)
        wake(store, ["warm"])
        until(lambda: not lanes.pending(store))
        accept(store, "acme", calls(20), 86400)
        assert wake(store, ["acme"]) == 1
        took = until(lambda: not lanes.pending(store))
    assert took < 20  # the sweep comes once a minute
    assert set(sink.taken.values()) == {1}


def test_waking_where_no_worker_ever_ran_does_nothing(store: Store) -> None:
    from resend.cluster.wake import wake

    assert wake(store, ["acme"]) == 0
    assert jobs(store) == -1


def test_a_lane_is_queued_once_however_often_it_is_woken(store: Store) -> None:
    from resend.cluster.engine import prepare
    from resend.cluster.wake import wake

    prepare(store)
    assert wake(store, ["acme", "bmce"]) == 2
    assert wake(store, ["acme", "bmce", "cmce"]) == 1
    assert jobs(store, "todo") == 3


def test_the_schema_is_made_once_by_many_and_stays_apart(store: Store) -> None:
    from resend.cluster.engine import prepare

    before = set(sa.inspect(store.engine).get_table_names())
    threads = [threading.Thread(target=prepare, args=(store,)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    prepare(store)
    assert set(sa.inspect(store.engine).get_table_names()) == before
    assert jobs(store) == 0


def test_a_new_version_brings_only_its_own_migrations(
    store: Store, tmp_path: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    import shutil
    from pathlib import Path

    from procrastinate.schema import SchemaManager

    from resend.cluster.engine import prepare

    prepare(store)
    folder = Path(str(tmp_path)) / "migrations"
    shutil.copytree(SchemaManager.get_migrations_path(), folder)
    (folder / "99.00.00_01_more.sql").write_text("CREATE TABLE procrastinate_more (id int);")
    monkeypatch.setattr(SchemaManager, "get_migrations_path", staticmethod(lambda: str(folder)))
    prepare(store)
    prepare(store)
    with store.read() as connection:
        more = connection.scalar(sa.text("SELECT to_regclass('supportctl_engine.procrastinate_more')"))
    assert more is not None


def test_a_user_without_the_right_is_told(store: Store, postgres: PostgresServer) -> None:
    from resend.cluster.engine import prepare
    from supportctl.core.errors import SupportctlError

    database = str(store.engine.url.database)
    postgres.execute("DROP ROLE IF EXISTS guest")
    postgres.execute("CREATE ROLE guest LOGIN PASSWORD 'guest'")
    with store.write() as connection:
        connection.execute(sa.text("GRANT ALL ON ALL TABLES IN SCHEMA public TO guest"))
    other = Store(f"postgresql+psycopg://guest:guest@127.0.0.1:{postgres.port}/{database}", SystemClock())
    with pytest.raises(SupportctlError) as refused:
        prepare(other)
    other.close()
    assert refused.value.key == "resend.engine-schema"


def left_behind(store: Store, name: str) -> None:
    """Leave the job of a worker that was killed in mid-drain, as the engine would have it."""
    with store.write() as connection:
        connection.execute(sa.text("SET LOCAL search_path TO supportctl_engine"))
        worker = connection.scalar(
            sa.text(
                "INSERT INTO procrastinate_workers (last_heartbeat)"
                " VALUES (now() - interval '1 hour') RETURNING id"
            )
        )
        connection.execute(
            sa.text(
                "INSERT INTO procrastinate_jobs"
                " (queue_name, task_name, queueing_lock, args, status, worker_id)"
                " VALUES ('lanes', 'drain', :name, '{}', 'doing', :worker)"
            ),
            {"name": name, "worker": worker},
        )


def test_a_job_that_a_killed_worker_left_holds_nothing_up(store: Store, sink: Sink) -> None:
    from resend.cluster.engine import prepare
    from resend.cluster.wake import wake

    prepare(store)
    accept(store, "acme", calls(30), 86400)
    left_behind(store, "acme")
    wake(store, ["acme"])  # a second one waits beside it: to queue the first again would collide
    with working(store, QUICK, lanes_of(store, sink.url, QUICK, "here")):
        until(lambda: not lanes.pending(store))
        until(lambda: jobs(store, "doing") == 0)
        assert jobs(store, "failed") == 1
    assert set(sink.taken.values()) == {1}


def test_a_lane_in_mid_send_of_a_killed_worker_is_asked_about(store: Store, sink: Sink) -> None:
    accept(store, "acme", calls(10), 86400)
    lease = leases.claim(store, "acme", "somebody-else", 0.2)
    assert lease is not None
    found = sending.due(store, "acme", State.WAITING, 10)
    sending.intend(store, lease, found)
    sink.taken.update(("acme", each.call.call_id) for each in found[:6])  # six arrived before it died
    with working(store, QUICK, lanes_of(store, sink.url, QUICK, "here")):
        until(lambda: not lanes.pending(store))
    assert sorted(sink.taken.values()) == [1] * 10


def test_one_lane_that_crashes_stops_no_other(store: Store, sink: Sink) -> None:
    good = lanes_of(store, sink.url, QUICK, "here")

    def open_lane(name: str) -> Lane | None:
        if name == "bad":
            raise ValueError("a bug")
        return None if name == "gone" else good(name)

    for name in ("bad", "acme", "gone"):
        accept(store, name, calls(10), 86400)
    with working(store, QUICK, open_lane) as worker:
        until(lambda: lanes.pending(store) == 20)
        until(lambda: worker.worked.crashed == 1)
        until(lambda: jobs(store) == 0)
    assert {lane for lane, _ in sink.taken} == {"acme"}
    assert worker.worked.crashed == 1


def test_the_database_is_restarted_in_mid_run(
    store: Store,
    postgres: PostgresServer,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    told: list[str] = []
    event = log.event

    def noted(level: str, name: str, **values: object) -> None:
        told.append(name)
        event(level, name, **values)

    monkeypatch.setattr(log, "event", noted)
    times = QUICK._replace(lease_s=60.0, request_s=5.0)  # a lease would not run out in time by itself
    with Sink(delay_s=0.1) as sink, working(store, times, lanes_of(store, sink.url, times, "here")):
        until(lambda: workers(store) == 1)
        accept(store, "acme", calls(200), 86400)
        until(lambda: len(sink.taken) > 20)
        postgres.crash()
        until(lambda: {"resend.database-gone", "resend.ledger-failed"} & set(told))  # it met a dead server
        postgres.start()
        until(lambda: not _pending(store), 30)
    assert set(sink.taken.values()) == {1}
    assert len(sink.taken) == 200
    assert "Traceback" not in capfd.readouterr().err


def _pending(store: Store) -> int:
    try:
        return lanes.pending(store)
    except LedgerError:
        return -1


def test_two_workers_never_send_to_one_lane_at_once(store: Store) -> None:
    for number in range(4):
        accept(store, f"lane{number}", calls(50), 86400)
    with (
        Sink(delay_s=0.02) as sink,
        working(store, QUICK, lanes_of(store, sink.url, QUICK, "one"), "one"),
        working(store, QUICK, lanes_of(store, sink.url, QUICK, "two"), "two"),
    ):
        until(lambda: not lanes.pending(store))
    assert sink.most_at_once == 1
    assert set(sink.taken.values()) == {1}


def test_the_command_line_delivers_what_is_added_beside_it_and_ends_in_order(
    postgres_url: str, tmp_path: Path, no_coverage: None
) -> None:
    import json
    import subprocess
    import sys

    from integrations.lab.serve import PortalServer
    from integrations.lab.webhook import PATH, SECRET, WebhookPortal

    command = [str(Path(sys.executable).parent / "supportctl"), "--config", str(tmp_path / "supportctl.yaml")]
    with PortalServer(WebhookPortal(SystemClock(), "acme")) as server:
        (tmp_path / "supportctl.yaml").write_text(
            f"store: {json.dumps(postgres_url)}\n"
            f"crm: {{acme: {{kind: webhook, url: '{server.url}{PATH}', secret: '{SECRET}'}}}}\n"
        )
        with (tmp_path / "log").open("w") as log:
            worker = subprocess.Popen([*command, "resend", "worker", "--threads", "2"], stderr=log)
        try:
            rows = [json.dumps(call.document()) for call in calls(30)]
            added = subprocess.run(
                [*command, "resend", "add", "--destination", "acme", "-"],
                input="\n".join(rows), text=True, capture_output=True, check=False,
            )  # fmt: skip
            assert added.returncode == 0, added.stderr
            store = Store(postgres_url, SystemClock())
            until(lambda: not lanes.pending(store), 20)
            store.close()
            worker.terminate()
            assert worker.wait(20) == 0
        finally:
            worker.kill()
            worker.wait()
    assert "Traceback" not in (tmp_path / "log").read_text()
