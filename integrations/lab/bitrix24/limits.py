"""What a portal allows: requests by a leaky bucket, and working time by method."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from supportctl.core.clock import Clock

MINUTE = 60
WINDOW = 10  # minutes that count


class Bucket:
    """A leaky bucket: `per_second` run out of it, a request that would fill it over `size` is refused."""

    def __init__(self, per_second: float, size: float, clock: Clock) -> None:
        self.per_second = per_second
        self.size = size
        self.refused = 0
        self._clock = clock
        self._level = 0.0
        self._at = clock.monotonic()

    def take(self) -> bool:
        """Count a request; return whether it is let through."""
        now = self._clock.monotonic()
        self._level = max(0.0, self._level - (now - self._at) * self.per_second)
        self._at = now
        if self._level + 1 > self.size:
            self.refused += 1
            return False
        self._level += 1
        return True


class Operating:
    """Seconds that each method has worked, in ten buckets of a minute."""

    def __init__(self, limit_s: float, clock: Clock) -> None:
        self.limit_s = limit_s
        self._clock = clock
        self._spent: dict[str, dict[int, float]] = defaultdict(dict)

    def spent(self, method: str) -> float:
        """Return the seconds that a method has used in the window."""
        minute = self._minute()
        buckets = self._spent[method]
        for old in [each for each in buckets if each <= minute - WINDOW]:
            del buckets[old]
        return sum(buckets.values())

    def spend(self, method: str, seconds: float) -> None:
        """Count working time."""
        minute = self._minute()
        buckets = self._spent[method]
        buckets[minute] = buckets.get(minute, 0.0) + seconds

    def is_over(self, method: str) -> bool:
        """Return whether the next call of a method is refused."""
        return self.spent(method) > self.limit_s

    def reset_at(self, method: str) -> int:
        """Return when the oldest minute drops out, as Unix time."""
        oldest = min(self._spent[method], default=self._minute())
        return (oldest + WINDOW) * MINUTE

    def _minute(self) -> int:
        return int(self._clock.now().timestamp()) // MINUTE
