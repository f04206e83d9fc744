"""The embedded engine: threads of one process, several processes safe on one ledger.

The ledger says which lanes have work; a thread drains one lane at a time. Nothing here decides who may send:
the lease does.
"""

from __future__ import annotations

import threading
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import TYPE_CHECKING, NamedTuple

from resend.ledger.lanes import due_lanes, pending
from supportctl.core import log

if TYPE_CHECKING:
    from collections.abc import Callable

    from resend.lane import Drained, Lane
    from resend.ledger.store import Store

_LOOK_EVERY_S = 2.0  # how soon a call is noticed that another process has accepted
_LANES_AT_ONCE = 1000


class Worked(NamedTuple):
    """What a run did: deliveries brought, requests made, lanes that crashed (a bug: the log says more)."""

    delivered: int = 0
    requests: int = 0
    crashed: int = 0


class Worker:
    """Drains every lane that has work. `open_lane` returns None for a destination that is not configured."""

    def __init__(self, store: Store, open_lane: Callable[[str], Lane | None], threads: int = 16) -> None:
        self._store = store
        self._open_lane = open_lane
        self._threads = threads
        self._stopping = threading.Event()
        self._unknown: set[str] = set()

    def stop(self) -> None:
        """Let every lane finish its request, then end; may be called from a signal handler."""
        self._stopping.set()

    def run(self, *, once: bool = False, until_empty: bool = False) -> Worked:
        """Work until `stop`, or `once` what is due, or `until_empty` until nothing waits at all."""
        running: dict[Future[Drained | None], str] = {}
        done = Worked()
        with ThreadPoolExecutor(self._threads, thread_name_prefix="lane") as pool:
            while not self._stopping.is_set():
                self._start(pool, running)
                if not running:
                    if once or (until_empty and not pending(self._store)):
                        break
                    self._stopping.wait(_LOOK_EVERY_S)
                    continue
                ended, _ = wait(running, timeout=_LOOK_EVERY_S, return_when=FIRST_COMPLETED)
                for future in ended:
                    done = self._add(done, future, running.pop(future))
        for future, name in running.items():
            done = self._add(done, future, name)
        return done

    def _start(self, pool: ThreadPoolExecutor, running: dict[Future[Drained | None], str]) -> None:
        room = self._threads - len(running)
        if room <= 0:
            return
        busy = {*running.values(), *self._unknown}
        for name in due_lanes(self._store, _LANES_AT_ONCE):
            if name in busy or room == 0:
                continue
            lane = self._open_lane(name)
            if lane is None:
                self._unknown.add(name)
                log.event("warning", "resend.no-such-destination", destination=name)
                continue
            running[pool.submit(lane.drain, self._stopping.is_set)] = name
            room -= 1

    def _add(self, done: Worked, future: Future[Drained | None], name: str) -> Worked:
        error = future.exception()
        if error is not None:
            what = f"{type(error).__name__}: {error}"
            log.event("error", "resend.lane-crashed", destination=name, error=what)
            self._unknown.add(name)  # the same bug again and again helps nobody: until the next start
            return done._replace(crashed=done.crashed + 1)
        drained = future.result()
        if drained is None:
            return done
        return done._replace(
            delivered=done.delivered + drained.delivered, requests=done.requests + drained.requests
        )
