"""Engines on the same work: one lane's loop, embedded and in the cluster, beside one job a call.

Backlogs of many destinations go to one sink on loopback that answers at once and counts. Ours: the ledger
with every intent and outcome written down, 50 calls a request. Beside it Procrastinate (same PostgreSQL) and
Celery (Redis) with one job and one request a call, sixteen at a time, and no ledger: they do less. The rate
is the sink's: from the first call that it got to the last, so neither start-up nor queueing counts.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import random
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
from threading import local
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlsplit

from measure import ROOT, tell

sys.path.insert(0, str(ROOT / "tests/support"))

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from database_servers import PostgresServer

LANES, CALLS_A_LANE = 100, 150
ROUNDS = 2  # the faster one counts: other work on the machine only ever slows down
JOBS = 1_500  # of one call each, over as many destinations
THREADS = 16
TIMES_FASTER = 20.0
WAIT_S = 60.0
REDIS = shutil.which("redis-server")


class Rate(NamedTuple):
    """What a run came to: calls a second, and calls that came more than once."""

    calls: int
    seconds: float
    twice: int

    @property
    def per_s(self) -> float:
        """Calls a second."""
        return self.calls / max(self.seconds, 1e-9)


# --- roles of child processes: a sink, a worker of ours, a worker of a peer


class _SinkProtocol(asyncio.Protocol):
    """As much of HTTP as the clients here speak."""

    def __init__(self, counts: dict[str, Any]) -> None:
        self._counts = counts
        self._got = b""

    def connection_made(self, transport: Any) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._got += data
        while (end := self._got.find(b"\r\n\r\n")) >= 0:
            head = self._got[:end].lower()
            length = int(head.partition(b"content-length:")[2].split(b"\r\n")[0] or 0)
            if len(self._got) < end + 4 + length:
                return
            body, self._got = self._got[end + 4 : end + 4 + length], self._got[end + 4 + length :]
            answer = json.dumps(self._answer(head.split()[1], json.loads(body))).encode()
            self._transport.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(answer), answer))

    def _answer(self, path: bytes, asked: Any) -> object:
        counts = self._counts
        if path == b"/stats":
            last, first = counts["last"], counts["first"]
            answer = Rate(len(counts["known"]), last - first, counts["twice"])
            if asked == "reset":
                counts.update(known=set(), twice=0, first=0.0, last=0.0)
            return answer
        now = time.monotonic()
        counts["first"] = counts["first"] or now
        counts["last"] = now
        for call in asked["ids"]:
            key = (asked["lane"], call)
            counts["twice"] += key in counts["known"]
            counts["known"].add(key)
        return asked["ids"]


async def _serve_sink() -> None:
    counts: dict[str, Any] = {"known": set(), "twice": 0, "first": 0.0, "last": 0.0}
    server = await asyncio.get_running_loop().create_server(
        lambda: _SinkProtocol(counts), "127.0.0.1", 0, backlog=256
    )
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


def _work_lanes(engine: str, ledger: str, sink: str) -> None:
    from cluster_bench import Times, lanes_of

    from resend.ledger.store import Store
    from supportctl.core.clock import SystemClock

    store = Store(ledger, SystemClock())
    holder = f"{os.getpid()}"
    open_lane = lanes_of(store, sink, Times(), holder)
    if engine == "embedded":
        from resend.worker import Worker

        worker = Worker(store, open_lane, THREADS)
        run = lambda: worker.run(until_empty=True)  # noqa: E731
    else:
        from resend.cluster.worker import ClusterWorker

        run = ClusterWorker(store, open_lane, holder, random.random, threads=THREADS).run
    _at_the_gate()
    run()


def _procrastinate_app(database: str, sink: str) -> Any:
    from procrastinate import App, PsycopgConnector

    logging.getLogger("procrastinate").setLevel(logging.ERROR)
    app = App(connector=PsycopgConnector(conninfo=database))
    bring = _bringer(sink)

    @app.task(name="bring")
    def job(lane: str, call: str) -> None:
        bring(lane, call)

    return app


def _work_procrastinate(database: str, sink: str) -> None:
    app = _procrastinate_app(database, sink)
    _at_the_gate()
    app.run_worker(concurrency=THREADS, wait=False, delete_jobs="successful")


def _celery_app(broker: str, sink: str) -> Any:
    from celery import Celery

    app = Celery("bench", broker=broker)
    app.conf.update(task_acks_late=True, task_ignore_result=True, worker_hijack_root_logger=False)
    bring = _bringer(sink)
    app.task(name="bring")(bring)
    return app


def _work_celery(broker: str, sink: str) -> None:
    app = _celery_app(broker, sink)
    _at_the_gate()
    alone = ["--without-gossip", "--without-mingle", "--without-heartbeat", f"--hostname=w{os.getpid()}@here"]
    app.worker_main(["worker", "--pool=threads", f"--concurrency={THREADS}", "--loglevel=ERROR", *alone])


def _bringer(sink: str) -> Callable[[str, str], None]:
    """Return what brings one call, with the same client as ours; each thread keeps its connection."""
    import requests

    own = local()

    def bring(lane: str, call: str) -> None:
        if not hasattr(own, "session"):
            own.session = requests.Session()
            own.session.trust_env = False
        own.session.post(f"{sink}/take", json={"lane": lane, "ids": [call]}, timeout=10).json()

    return bring


def _at_the_gate() -> None:
    """Say that all is imported and open, and wait for the others."""
    print("ready", flush=True)
    sys.stdin.readline()


ROLES: dict[str, Callable[..., None]] = {
    "sink": lambda: asyncio.run(_serve_sink()),
    "lanes": _work_lanes,
    "procrastinate": _work_procrastinate,
    "celery": _work_celery,
}


# --- the measurement


def ask(sink: str, what: str = "") -> Rate:
    """Return what the sink has counted since it was last reset."""
    connection = HTTPConnection(urlsplit(sink).netloc)
    connection.request("POST", "/stats", json.dumps(what))
    rate = Rate(*json.loads(connection.getresponse().read()))
    connection.close()
    return rate


def child(*words: str) -> subprocess.Popen[str]:
    """Start this script in a role; what it complains of goes to a file that is shown if it fails."""
    return subprocess.Popen(
        [sys.executable, __file__, *words],
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


def ours(sink: str, engine: str, ledger: str, workers: int) -> Rate:
    """Return the rate of lanes on a new ledger."""
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
    return measured(sink, LANES * CALLS_A_LANE, workers, "lanes", engine, ledger, sink)


def per_call_procrastinate(sink: str, database: str, workers: int) -> Rate:
    """Return the rate of Procrastinate with one job a call."""
    app = _procrastinate_app(database, sink)

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
    app = _celery_app(broker, sink)
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
    return int(not all(holds))


def _run(words: Sequence[str]) -> int:
    if words:
        ROLES[words[0]](*words[1:])
        return 0
    return main()


if __name__ == "__main__":
    sys.exit(_run(sys.argv[1:]))
