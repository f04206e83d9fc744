"""Staying below a limit: a leaky bucket, as the limits of most systems are described."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from supportctl.core.clock import Clock
    from supportctl.core.deadline import Deadline


class Pacer:
    """Lets `burst` requests through at once and then `per_second`; safe for several threads.

    Over any window of T seconds it lets through at most `burst + per_second * T` (one request that weighs
    more than the burst alone may exceed it). With a burst of 1 requests are evenly spaced, and no window of
    T seconds holds more than `per_second * T`, rounded up: what a limit "N in T seconds" needs. Places are
    given in the order of asking. `weight` of a request is how much of the bucket it fills (MoySklad counts
    in units, UIS in points).
    """

    def __init__(self, per_second: float, clock: Clock, burst: float = 1.0) -> None:
        if not per_second > 0:
            raise ValueError("a rate is above zero")
        self.per_second = per_second
        self.burst = max(burst, 1.0)
        self._clock = clock
        self._free_at = clock.monotonic() - self.burst / per_second  # when the bucket would be empty
        self._not_before = self._free_at
        self._lock = threading.Lock()

    def wait(self, deadline: Deadline, weight: float = 1.0) -> bool:
        """Wait for the turn of a request; False, with nothing taken, if that comes after the deadline."""
        pause = self.take(weight, deadline.remaining())
        if pause is None:
            return False
        if pause > 0:
            self._clock.sleep(pause)
        return True

    def take(self, weight: float = 1.0, within_s: float = float("inf")) -> float | None:
        """Reserve a place; return the seconds to wait for it, None if that is more than `within_s`."""
        with self._lock:
            now = self._clock.monotonic()
            start = self._start(now, weight)
            if start - now > within_s:
                return None
            self._free_at = max(self._free_at, start) + weight / self.per_second
            return start - now

    def pause_for(self, weight: float = 1.0) -> float:
        """Return how long a request would have to wait now; nothing is reserved."""
        with self._lock:
            now = self._clock.monotonic()
            return self._start(now, weight) - now

    def pause(self, seconds: float) -> None:
        """Let nothing through for `seconds`: the system has said so. What has its place already keeps it."""
        with self._lock:
            self._not_before = max(self._not_before, self._clock.monotonic() + seconds)

    def fill(self) -> None:
        """Count on no burst now: somebody else may have used it up."""
        with self._lock:
            self._free_at = max(self._free_at, self._clock.monotonic() + (self.burst - 1) / self.per_second)

    def _start(self, now: float, weight: float) -> float:
        room = max(self.burst - weight, 0.0)
        return max(now, self._not_before, self._free_at - room / self.per_second)
