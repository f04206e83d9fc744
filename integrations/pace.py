"""Staying below a limit: a leaky bucket, as the limits of most systems are described."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from supportctl.core.clock import Clock
    from supportctl.core.deadline import Deadline


class Pacer:
    """Lets `burst` requests through at once and then `per_second`; safe for several threads.

    `weight` of a request is how much of the bucket it fills (MoySklad counts in units, UIS in points).
    """

    def __init__(self, per_second: float, clock: Clock, burst: float = 1.0) -> None:
        self.per_second = per_second
        self.burst = max(burst, 1.0)
        self._clock = clock
        self._level = 0.0
        self._at = clock.monotonic()
        self._not_before = 0.0
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
            level = max(0.0, self._level - (now - self._at) * self.per_second)
            over = level + weight - max(self.burst, weight)
            pause = max(over / self.per_second if over > 0 else 0.0, self._not_before - now)
            if pause > within_s:
                return None
            self._level, self._at = level + weight, now
            return max(pause, 0.0)

    def pause(self, seconds: float) -> None:
        """Let nothing through for `seconds`: the system has said so."""
        with self._lock:
            self._not_before = max(self._not_before, self._clock.monotonic() + seconds)
