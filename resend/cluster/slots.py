"""What a worker of the cluster does with a lane: drain it in a thread, and live through what goes wrong."""

from __future__ import annotations

import threading
from collections import Counter
from typing import TYPE_CHECKING

import sqlalchemy as sa

from resend.ledger.errors import LedgerError
from resend.ledger.schema import LANES
from resend.worker import Worked
from supportctl.core import log

if TYPE_CHECKING:
    from collections.abc import Callable

    from resend.lane import Drained, Lane
    from resend.ledger.store import Store

_FIRST_PAUSE_S = 4.0  # of a lane whose code has failed: the same bug again and again helps nobody
_LONGEST_PAUSE_S = 60.0
TURN_S = 20.0  # then a lane makes room, if others wait
_IDLE_S = 900.0  # by then no limit of any system remembers what was sent before


class Slots:
    """The lanes of one process. Safe for many threads; a lane is drained by one of them at a time.

    `holder` must be of this process alone: a lease with that name whose drain has ended is given back.
    """

    def __init__(
        self, store: Store, open_lane: Callable[[str], Lane | None], holder: str, threads: int
    ) -> None:
        self._store = store
        self._open_lane = open_lane
        self._holder = holder
        self._threads = threads
        self._stopping = threading.Event()
        self._guard = threading.Lock()
        self._busy: set[str] = set()
        self._lanes: dict[str, tuple[Lane, float]] = {}  # and when each was last drained
        self._unknown: set[str] = set()
        self._put_off: dict[str, float] = {}  # lane -> until when, on the monotonic clock
        self._crashes: Counter[str] = Counter()  # one after another
        self._left: set[str] = set()  # lanes whose lease could not be given back
        self._done: Counter[str] = Counter()

    def stop(self) -> None:
        """Let every lane finish its request, then end."""
        self._stopping.set()

    @property
    def worked(self) -> Worked:
        """What was done so far."""
        return Worked(self._done["delivered"], self._done["requests"], self._done["crashed"])

    def wants(self, name: str) -> bool:
        """Return whether a lane may be drained here and now."""
        with self._guard:
            off_until = self._put_off.get(name, 0.0)
            return name not in self._unknown and off_until <= self._store.clock.monotonic()

    def drain(self, name: str) -> None:
        """Drain a lane until nothing is due; runs in a thread and raises nothing."""
        if self._stopping.is_set() or not self.wants(name) or not self._occupy(name):
            return
        try:
            lane = self._lane(name)
            if lane is None:
                return
            self._give_back(name)
            drained = lane.drain(self._turn_is_over())
            if drained is not None:
                self._count(name, drained)
        except LedgerError as error:  # it is the same for every lane, and mostly passes
            with self._guard:
                self._left.add(name)
            if not error.passing:
                self._crashed(name)
            log.event("warning", "resend.ledger-failed", destination=name, error=error)
        except Exception as error:  # noqa: BLE001  one lane's bug is not the others'
            pause = self._crashed(name)
            what = f"{type(error).__name__}: {error}"
            log.event("error", "resend.lane-crashed", destination=name, error=what, again_in_s=pause)
        finally:
            self._vacate(name)

    def give_back(self) -> None:
        """Give back the leases of drains that ended because the database did; else they have to run out."""
        for name in sorted(self._left):
            if self._occupy(name):
                try:
                    self._give_back(name)
                finally:
                    self._vacate(name)

    def _give_back(self, name: str) -> None:
        if name not in self._left:
            return
        with self._store.write() as connection:
            mine = (LANES.c.destination == name) & (LANES.c.holder == self._holder)
            connection.execute(sa.update(LANES).where(mine).values(lease_until=0.0, holder=""))
        with self._guard:
            self._left.discard(name)

    def _turn_is_over(self) -> Callable[[], bool]:
        until = self._store.clock.monotonic() + TURN_S

        def over() -> bool:
            if self._stopping.is_set():
                return True
            return len(self._busy) >= self._threads and self._store.clock.monotonic() >= until

        return over

    def _lane(self, name: str) -> Lane | None:
        """Return a lane, the same as last time: it remembers how much of its destination's limit is used."""
        now = self._store.clock.monotonic()
        with self._guard:
            known = self._lanes.get(name)
        lane = known[0] if known else self._open_lane(name)
        with self._guard:
            if lane is None:
                self._unknown.add(name)
                log.event("warning", "resend.no-such-destination", destination=name)
                return None
            self._lanes[name] = (lane, now)
        return lane

    def forget_idle(self) -> None:
        """Forget lanes that have had no work for long."""
        now = self._store.clock.monotonic()
        with self._guard:
            idle = [name for name, (_, at) in self._lanes.items() if now - at > _IDLE_S]
            for name in idle:
                if name not in self._busy:
                    del self._lanes[name]

    def _count(self, name: str, drained: Drained) -> None:
        with self._guard:
            self._crashes.pop(name, None)
            self._put_off.pop(name, None)
            self._done.update(delivered=drained.delivered, requests=drained.requests, crashed=drained.crashes)

    def _crashed(self, name: str) -> float:
        with self._guard:
            self._done["crashed"] += 1
            self._crashes[name] += 1
            pause = min(_FIRST_PAUSE_S * 2.0 ** (min(self._crashes[name], 10) - 1), _LONGEST_PAUSE_S)
            self._put_off[name] = self._store.clock.monotonic() + pause
        return pause

    def _occupy(self, name: str) -> bool:
        with self._guard:
            if name in self._busy:
                return False
            self._busy.add(name)
            return True

    def _vacate(self, name: str) -> None:
        with self._guard:
            self._busy.discard(name)
