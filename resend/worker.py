"""The embedded engine: threads of one process, several processes safe on one ledger.

The ledger says which lanes have work; a thread drains one lane at a time. Nothing here decides who may send:
the lease does. What goes wrong with one lane, or with the database, is tried again after a pause.
"""

from __future__ import annotations

import signal
import threading
from collections import deque
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple

from resend.ledger.errors import LedgerError
from resend.ledger.lanes import due_lanes, pending
from supportctl.core import log

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import FrameType

    from resend.lane import Drained, Lane
    from resend.ledger.store import Store

LOOK_EVERY_S = 2.0  # how soon a call is noticed that another process has accepted
_LANES_AT_ONCE = 1000
_LONGEST_PAUSE_S = 60.0
_IDLE_S = 900.0  # by then no limit of any system remembers what was sent before
_PATIENCE = 5  # failures of the database, one after another, after which a run that is to end gives up


class Worked(NamedTuple):
    """What a run did: deliveries brought, requests made, and how often something of ours crashed.

    A crash is a bug or a database that fails: the log says more; the lane is tried again.
    """

    delivered: int = 0
    requests: int = 0
    crashed: int = 0


class Worker:
    """Drains every lane that has work. `open_lane` returns None for a destination that is not configured."""

    def __init__(
        self,
        store: Store,
        open_lane: Callable[[str], Lane | None],
        threads: int = 16,
        *,
        look_every_s: float = LOOK_EVERY_S,
    ) -> None:
        self._store = store
        self._open_lane = open_lane
        self._threads = threads
        self._look_every_s = look_every_s
        self._stopping = threading.Event()
        self._unknown: set[str] = set()
        self._lanes: dict[str, tuple[Lane, float]] = {}  # and when each was last drained
        self._crashes: dict[str, int] = {}  # lane -> how often one after another
        self._not_before: dict[str, float] = {}  # lane -> on the monotonic clock
        self._found: deque[str] = deque()  # lanes that had work when they were last looked for
        self._found_at = float("-inf")
        self._database_failures = 0
        self._done = Worked()

    def stop(self) -> None:
        """Let every lane finish its request, then end; may be called from a signal handler."""
        self._stopping.set()

    @contextmanager
    def stopped_by_signals(self) -> Iterator[None]:
        """Let SIGTERM and SIGINT stop the worker inside the block; the second one is as it was before."""
        before = {int(number): signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}

        def stop(number: int, _: FrameType | None) -> None:
            self.stop()
            signal.signal(number, before[number])

        for number in before:
            signal.signal(number, stop)
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def run(self, *, once: bool = False, until_empty: bool = False) -> Worked:
        """Work until `stop`, or `once` what is due, or `until_empty` until nothing more can be brought.

        What is paused, or has no account in the configuration, waits for a person and not for us.

        Raises:
            LedgerError: the database failed again and again, and the run was to end by itself.
        """
        running: dict[Future[Drained | None], str] = {}
        self._done = Worked()
        with ThreadPoolExecutor(self._threads, thread_name_prefix="lane") as pool:
            try:
                while not self._stopping.is_set():
                    try:
                        ended = self._look(pool, running) and (once or (until_empty and self._is_empty()))
                    except LedgerError as error:
                        if (once or until_empty) and self._database_failures >= _PATIENCE:
                            raise
                        self._stopping.wait(self._database_failed(error))
                        continue
                    if ended:
                        break
                    self._wait(running)
            except BaseException:
                self._stopping.set()  # lanes that still run end, too
                raise
        for future, name in running.items():
            self._add(future, name)
        return self._done

    def _look(self, pool: ThreadPoolExecutor, running: dict[Future[Drained | None], str]) -> bool:
        """Start lanes that have work; return whether there is none, and none is running."""
        now = self._store.clock.monotonic()
        self._forget_idle(now, {*running.values(), *self._unknown})
        if now - self._found_at >= self._look_every_s:
            self._found.clear()
        self._start(pool, running, now)
        if len(running) < self._threads:  # to look for them costs as much as all lanes together
            self._found = deque(due_lanes(self._store, _LANES_AT_ONCE))
            self._found_at = now
            self._database_failures = 0
            self._start(pool, running, now)
        return not running

    def _start(
        self, pool: ThreadPoolExecutor, running: dict[Future[Drained | None], str], now: float
    ) -> None:
        """Start lanes that were found, while there is room; one that has no work any more ends at once."""
        busy = {*running.values(), *self._unknown}
        while self._found and len(running) < self._threads:
            name = self._found.popleft()
            if name in busy or self._not_before.get(name, now) > now:
                continue
            lane = self._lane(name, now)
            if lane is not None:
                running[pool.submit(lane.drain, self._stopping.is_set)] = name

    def _lane(self, name: str, now: float) -> Lane | None:
        """Return a lane, the same as last time: it remembers how much of its destination's limit is used."""
        known = self._lanes.get(name)
        lane = known[0] if known else self._open_lane(name)
        if lane is None:
            self._unknown.add(name)
            log.event("warning", "resend.no-such-destination", destination=name)
            return None
        self._lanes[name] = (lane, now)
        return lane

    def _forget_idle(self, now: float, busy: set[str]) -> None:
        idle = [name for name, (_, at) in self._lanes.items() if now - at > _IDLE_S and name not in busy]
        for name in idle:
            del self._lanes[name]

    def _is_empty(self) -> bool:
        return pending(self._store, self._unknown) == 0

    def _wait(self, running: dict[Future[Drained | None], str]) -> None:
        if not running:
            self._stopping.wait(self._look_every_s)
            return
        ended, _ = wait(running, timeout=self._look_every_s, return_when=FIRST_COMPLETED)
        for future in ended:
            self._add(future, running.pop(future))

    def _add(self, future: Future[Drained | None], name: str) -> None:
        """Count what a drain did; one that did nothing, or crashed, is not begun again at once."""
        error = future.exception()
        now = self._store.clock.monotonic()
        if error is not None:
            crashes = self._crashes[name] = self._crashes.get(name, 0) + 1
            pause = min(self._look_every_s * 2.0 ** min(crashes, 10), _LONGEST_PAUSE_S)
            self._not_before[name] = now + pause
            what = f"{type(error).__name__}: {error}"
            log.event("error", "resend.lane-crashed", destination=name, error=what, again_in_s=pause)
            self._done = self._done._replace(crashed=self._done.crashed + 1)
            return
        drained = future.result()
        self._crashes.pop(name, None)
        if drained is None or drained.requests == 0:
            self._not_before[name] = now + self._look_every_s
        else:
            self._not_before.pop(name, None)
        if drained is not None:
            self._done = Worked(
                self._done.delivered + drained.delivered,
                self._done.requests + drained.requests,
                self._done.crashed + drained.crashes,
            )

    def _database_failed(self, error: LedgerError) -> float:
        """Tell that the database fails, and return the seconds until it is asked again."""
        self._database_failures += 1
        pause = min(self._look_every_s * 2.0 ** min(self._database_failures, 10), _LONGEST_PAUSE_S)
        log.event("error", "resend.database-failed", error=str(error), again_in_s=pause)
        return pause
