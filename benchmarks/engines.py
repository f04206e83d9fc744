"""Engines on the same work: one lane's loop, embedded and in the cluster, beside one job a call.

Backlogs of many destinations go to one sink on loopback that answers at once and counts. Ours: the ledger
with every intent and outcome written down, 50 calls a request. Beside it Procrastinate (same PostgreSQL) and
Celery (Redis) with one job and one request a call, sixteen at a time, and no ledger: they do less. The rate
is the sink's: from the first call that it got to the last, so neither start-up nor queueing counts.
"""

from __future__ import annotations

import asyncio
import json
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from http.client import HTTPConnection
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import engine_roles
from engine_floor import bare
from engine_roles import Rate, celery_app, procrastinate_app
from measure import ROOT, tell

sys.path.insert(0, str(ROOT / "tests/support"))

if TYPE_CHECKING:
    from collections.abc import Iterator

    from database_servers import PostgresServer

LANES, CALLS_A_LANE = 100, 150
ROUNDS = 2  # the faster one counts: other work on the machine only ever slows down
JOBS = 1_500  # of one call each, over as many destinations
TIMES_FASTER = 20.0
WAIT_S = 60.0
BARE = "bare PostgreSQL, the same rows, no program"
REDIS = shutil.which("redis-server")


def ask(sink: str, what: str = "") -> Rate:
    """Return what the sink has counted since it was last reset."""
    connection = HTTPConnection(urlsplit(sink).netloc)
    connection.request("POST", "/stats", json.dumps(what))
    rate = Rate(*json.loads(connection.getresponse().read()))
    connection.close()
    return rate


def child(*words: str) -> subprocess.Popen[str]:
    """Start a process in a role; what it complains of goes to a file that is shown if it fails."""
    return subprocess.Popen(
        [sys.executable, engine_roles.__file__, *words],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=_LOG,
        text=True,
        cwd=ROOT / "benchmarks",
    )


_LOG = tempfile.TemporaryFile()  # noqa: SIM115  lives as long as the script


def measured(sink: str, calls: int, workers: int, *role: str) -> Rate:
    """Return the rate at which some workers deliver what is queued for them."""
    ask(sink, "reset")
    children = [child(*role) for _ in range(workers)]
    try:
        for each in children:
            assert each.stdout is not None
            if each.stdout.readline().strip() != "ready":
                _LOG.seek(0)
                raise RuntimeError(f"{role}: {_LOG.read()[-2000:].decode(errors='replace')}")
        for each in children:
            assert each.stdin is not None
            each.stdin.write("go\n")
            each.stdin.flush()
        until = time.monotonic() + WAIT_S
        while ask(sink).calls < calls and time.monotonic() < until:
            time.sleep(0.05)
        rate = ask(sink)
        for each in children:  # what is not acknowledged yet must not be brought again by the next run
            each.terminate()
            each.wait(20)
    finally:
        for each in children:
            each.kill()
            each.wait(10)
            for stream in (each.stdin, each.stdout):
                if stream is not None:
                    stream.close()
    return rate


def filled(ledger: str) -> None:
    """Make a ledger in which all calls wait."""
    from resend.ledger.accept import accept
    from resend.ledger.store import Store
    from supportctl.core.call import Call
    from supportctl.core.clock import SystemClock

    store = Store(ledger, SystemClock())
    now = datetime.now(UTC)
    for lane in range(LANES):
        calls = (
            Call(f"c{number}", "pbx", "in", now, 60, "+79990001122", answered=True)
            for number in range(CALLS_A_LANE)
        )
        accept(store, f"customer-{lane:03}", calls, 86400)
    store.close()


def ours(sink: str, engine: str, ledger: str, workers: int) -> Rate:
    """Return the rate of lanes on a new ledger."""
    filled(ledger)
    return measured(sink, LANES * CALLS_A_LANE, workers, "lanes", engine, ledger, sink)


def per_call_procrastinate(sink: str, database: str, workers: int) -> Rate:
    """Return the rate of Procrastinate with one job a call."""
    app = procrastinate_app(database, sink)

    async def queue() -> None:
        async with app.open_async():
            await app.schema_manager.apply_schema_async()
            for first in range(0, JOBS, 500):
                jobs = [{"lane": "peer", "call": f"c{first + each}"} for each in range(500)]
                await app.configure_task("bring").batch_defer_async(*jobs)

    asyncio.run(queue())
    return measured(sink, JOBS, workers, "procrastinate", database, sink)


def per_call_celery(sink: str, broker: str, workers: int) -> Rate:
    """Return the rate of Celery with one job a call."""
    app = celery_app(broker, sink)
    app.control.purge()
    for number in range(JOBS):
        app.send_task("bring", ("peer", f"c{number}"))
    return measured(sink, JOBS, workers, "celery", broker, sink)


@contextmanager
def redis() -> Iterator[str]:
    """Run a Redis of its own that keeps nothing on disk."""
    assert REDIS is not None
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [REDIS, "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        until = time.monotonic() + 10
        while time.monotonic() < until:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.02)
        yield f"redis://127.0.0.1:{port}/0"
    finally:
        server.terminate()
        server.wait(10)


@contextmanager
def a_sink() -> Iterator[str]:
    """Run the sink; its address."""
    process = child("sink")
    try:
        assert process.stdout is not None
        yield f"http://127.0.0.1:{int(process.stdout.readline())}"
    finally:
        process.kill()
        process.wait()


def postgres() -> PostgresServer | None:
    """Return a PostgreSQL server of its own, None if none is installed."""
    from database_servers import PostgresServer

    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    return PostgresServer(found[-1].parent) if found else None


def main() -> int:
    """Print the table; 1 if a limit is missed."""
    rates: dict[str, list[Rate]] = {}
    with ExitStack() as stack:
        sink = stack.enter_context(a_sink())
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        server = postgres()
        if server is None:
            print("skipped  embedded and cluster on PostgreSQL, Procrastinate: no PostgreSQL server")
        else:
            stack.callback(server.remove)
            server.start()
            for setting in (
                "fsync = on",
                "full_page_writes = on",
                "log_statement = none",
            ):  # as in production
                server.execute(f"ALTER SYSTEM SET {setting}")
            server.execute("SELECT pg_reload_conf()")
        broker = None if REDIS is None else stack.enter_context(redis())
        if broker is None:
            print("skipped  Celery: no redis-server")
        for round_ in range(ROUNDS):
            for workers in (1, 2):
                for name, rate in _each(sink, folder / f"{round_}-{workers}.db", server, broker, workers):
                    rates.setdefault(f"{name}, {workers}", []).append(rate)
    for name, found in rates.items():
        fastest = max(found, key=lambda rate: rate.per_s)
        print(f"        {name:<46} {fastest.per_s:8,.0f} calls/s", flush=True)
    return _judge(rates)


def _each(
    sink: str, file: Path, server: PostgresServer | None, broker: str | None, workers: int
) -> Iterator[tuple[str, Rate]]:
    """Yield one run of each engine, ours and the peers in turn."""
    yield "embedded on SQLite", ours(sink, "embedded", f"sqlite:///{file}", workers)
    if server is not None:
        for engine in ("embedded", "cluster"):
            with server.database() as database:
                yield f"{engine} on PostgreSQL", ours(sink, engine, server.url(database), workers)
        with server.database() as database:
            filled(server.url(database))
            yield BARE, bare(server, database, LANES * CALLS_A_LANE)
        with server.database() as database:
            address = server.url(database).replace("+psycopg", "")
            yield "Procrastinate, a job a call", per_call_procrastinate(sink, address, workers)
    if broker is not None:
        yield "Celery, a job a call", per_call_celery(sink, broker, workers)


def _judge(rates: dict[str, list[Rate]]) -> int:
    twice = sum(rate.twice for found in rates.values() for rate in found)
    holds = [tell("calls that came more than once, all runs", str(twice), "0", holds=twice == 0)]
    fastest = {name: max(rate.per_s for rate in found) for name, found in rates.items()}
    for engine, peer, limit in (
        ("embedded on SQLite", "Procrastinate", TIMES_FASTER),
        ("cluster on PostgreSQL", "Procrastinate", TIMES_FASTER),
        (
            "cluster on PostgreSQL",
            "Celery",
            None,
        ),  # what is lost with its Redis is lost: not the same promise
    ):
        for workers in (1, 2):
            mine = fastest.get(f"{engine}, {workers}")
            theirs = fastest.get(f"{peer}, a job a call, {workers}")
            if theirs is None or mine is None:
                continue
            ratio = mine / theirs
            claim = f"{engine} beside {peer}, {workers}"
            measured = f"{ratio:5.1f} x  ({mine:,.0f} calls/s, {theirs:,.0f} calls/s)"
            if limit is None:
                print(f"        {claim:<46} {measured:<52} (no limit)", flush=True)
            else:
                holds.append(tell(claim, measured, f">= {limit:.0f} x", holds=ratio >= limit))
    for engine in ("embedded", "cluster"):
        for workers in (1, 2):
            mine, most = fastest.get(f"{engine} on PostgreSQL, {workers}"), fastest.get(f"{BARE}, {workers}")
            if mine and most:
                claim = f"{engine} beside what PostgreSQL itself can do, {workers}"
                print(f"        {claim:<46} {mine / most:5.0%}  ({most:,.0f} calls/s)", flush=True)
    return int(not all(holds))


if __name__ == "__main__":
    sys.exit(main())
