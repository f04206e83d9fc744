"""What the processes of `engines` are: a sink on loopback, a worker of ours, a worker of a peer."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import random
import sys
import time
from threading import local
from typing import TYPE_CHECKING, Any, NamedTuple

from measure import ROOT

sys.path.insert(0, str(ROOT / "tests/support"))

if TYPE_CHECKING:
    from collections.abc import Callable

THREADS = 16


class Rate(NamedTuple):
    """What a run came to: calls a second, and calls that came more than once."""

    calls: int
    seconds: float
    twice: int

    @property
    def per_s(self) -> float:
        """Calls a second."""
        return self.calls / max(self.seconds, 1e-9)


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


def procrastinate_app(database: str, sink: str) -> Any:
    """Return Procrastinate with the job that brings one call."""
    from procrastinate import App, PsycopgConnector

    logging.getLogger("procrastinate").setLevel(logging.ERROR)
    app = App(connector=PsycopgConnector(conninfo=database))
    bring = _bringer(sink)

    @app.task(name="bring")
    def job(lane: str, call: str) -> None:
        bring(lane, call)

    return app


def _work_procrastinate(database: str, sink: str) -> None:
    app = procrastinate_app(database, sink)
    _at_the_gate()
    app.run_worker(concurrency=THREADS, wait=False, delete_jobs="successful")


def celery_app(broker: str, sink: str) -> Any:
    """Return Celery with the job that brings one call."""
    from celery import Celery

    app = Celery("bench", broker=broker)
    app.conf.update(task_acks_late=True, task_ignore_result=True, worker_hijack_root_logger=False)
    bring = _bringer(sink)
    app.task(name="bring")(bring)
    return app


def _work_celery(broker: str, sink: str) -> None:
    app = celery_app(broker, sink)
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


if __name__ == "__main__" and sys.argv[1:]:
    ROLES[sys.argv[1]](*sys.argv[2:])
