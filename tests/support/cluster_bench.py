"""A destination that counts, and real worker processes that deliver to it: for tests and measurements.

As a program it is one worker: `python cluster_bench.py ENGINE LEDGER SINK TIMES...`.
"""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, NamedTuple, Self

import requests

from resend.lane import Lane
from resend.ledger.errors import LedgerError
from resend.ledger.store import Store
from resend.policy import Schedule
from supportctl.core.clock import SystemClock
from supportctl.core.delivery import Found, Outcome
from supportctl.core.failure import Failure

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from supportctl.core.deadline import Deadline
    from supportctl.core.delivery import Parcel


class Sink:
    """Takes calls over HTTP and counts how often each came: POST /take, POST /have. No call is refused."""

    def __init__(self, delay_s: float = 0.0) -> None:
        self.taken: Counter[tuple[str, str]] = Counter()
        self.delay_s = delay_s
        self.at_once: Counter[str] = Counter()
        self.most_at_once = 0
        self._guard = threading.Lock()
        self._server = _Server(("127.0.0.1", 0), _Answers)
        self._server.sink = self
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def answer(self, path: str, lane: str, ids: list[str]) -> list[str]:
        """Return what a request is answered: what is new here, or what is known."""
        if path == "/have":
            return [each for each in ids if self.taken[lane, each]]
        with self._guard:
            self.at_once[lane] += 1
            self.most_at_once = max(self.most_at_once, self.at_once[lane])
        if self.delay_s:
            time.sleep(self.delay_s / 2)
        with self._guard:
            self.taken.update((lane, each) for each in ids)
        if self.delay_s:
            time.sleep(self.delay_s / 2)  # done, and the answer is still to come
        with self._guard:
            self.at_once[lane] -= 1
        return ids


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 256
    sink: Sink

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing: a client was killed."""


class _Answers(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1
    server: _Server

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        body = json.dumps(self.server.sink.answer(self.path, asked["lane"], asked["ids"])).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


class SinkDestination:
    """A destination that delivers to a `Sink`, a batch a request."""

    def __init__(self, url: str, lane: str, batch_size: int) -> None:
        self.batch_size = batch_size
        self._lane = lane
        self._url = url
        self._session = requests.Session()  # what supportctl itself uses
        self._session.trust_env = False

    def __del__(self) -> None:
        self._session.close()

    def fits(self, parcels: Sequence[Parcel]) -> int:
        return len(parcels)

    def advance(self, parcels: Sequence[Parcel], deadline: Deadline) -> list[Outcome]:
        try:
            taken = set(self._ask("/take", parcels, deadline))
        except OSError as error:
            name = type(error).__name__
            return [
                Outcome(each.delivery_id, each.step, each.facts, failure=Failure.AMBIGUOUS, code=name)
                for each in parcels
            ]
        return [Outcome(each.delivery_id, "taken", {}, done=each.call.call_id in taken) for each in parcels]

    def look_up(self, parcels: Sequence[Parcel], deadline: Deadline) -> Mapping[int, Found | Outcome | None]:
        try:
            known = set(self._ask("/have", parcels, deadline))
        except OSError as error:
            name = type(error).__name__
            return {
                each.delivery_id: Outcome(each.delivery_id, "", {}, failure=Failure.RETRY, code=name)
                for each in parcels
            }
        return {
            each.delivery_id: Found("taken", {}, whole=True) if each.call.call_id in known else None
            for each in parcels
        }

    def _ask(self, path: str, parcels: Sequence[Parcel], deadline: Deadline) -> Any:
        asked = {"lane": self._lane, "ids": [each.call.call_id for each in parcels]}
        return self._session.post(self._url + path, json=asked, timeout=deadline.remaining()).json()


class Times(NamedTuple):
    """What a worker is given: seconds, calls a request, threads."""

    lease_s: float = 120.0
    request_s: float = 90.0
    settle_s: float = 60.0
    batch: int = 50
    threads: int = 16
    sweep_s: float = 3.0


def lanes_of(store: Store, url: str, times: Times, holder: str) -> Callable[[str], Lane]:
    """Return what opens a lane whose destination is the sink."""
    schedule = Schedule(first_delay_s=0.5, max_delay_s=2.0, settle_s=times.settle_s)

    def open_lane(name: str) -> Lane:
        return Lane(
            store,
            name,
            SinkDestination(url, name, times.batch),
            schedule=schedule,
            chance=random.random,
            holder=holder,
            request_s=times.request_s,
            lease_s=times.lease_s,
        )

    return open_lane


class WorkerProcess:
    """A worker in a process of its own; `kill` is SIGKILL."""

    def __init__(self, engine: str, ledger: str, sink: str, times: Times, log: Path) -> None:
        command = [sys.executable, __file__, engine, ledger, sink, *map(str, times)]
        with log.open("ab") as out:
            self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=out)
        self.pid = self._process.pid

    def kill(self) -> None:
        self._process.kill()
        self._process.wait(10)

    def end(self, timeout: float = 20) -> int:
        """Ask it to end in order; return its exit code."""
        self._process.send_signal(signal.SIGTERM)
        return self._process.wait(timeout)

    @property
    def running(self) -> bool:
        return self._process.poll() is None


def _opened(ledger: str) -> Store:
    """Open the ledger, again and again while its server is down: as a service that is started again."""
    for _ in range(100):
        try:
            return Store(ledger, SystemClock())
        except LedgerError as error:
            if not error.passing:
                raise
            time.sleep(0.2)
    raise TimeoutError(ledger)


def main(engine: str, ledger: str, sink: str, *numbers: str) -> None:
    """Be a worker until told to end (`cluster`), or until nothing waits (`embedded`)."""
    from supportctl.core import log

    log.configure("info", "json")
    lease_s, request_s, settle_s, batch, threads, sweep_s = map(float, numbers)
    times = Times(lease_s, request_s, settle_s, int(batch), int(threads), sweep_s)
    store = _opened(ledger)
    holder = f"{os.getpid()}:{os.urandom(3).hex()}"
    open_lane = lanes_of(store, sink, times, holder)
    if engine == "embedded":
        from resend.worker import Worker

        worked = Worker(store, open_lane, times.threads).run(until_empty=True)
    else:
        from resend.cluster.worker import ClusterWorker

        cluster = ClusterWorker(
            store, open_lane, holder, random.random, threads=times.threads, sweep_s=times.sweep_s
        )
        worked = cluster.run()
    log.event("info", "ended", **worked._asdict())
    store.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
