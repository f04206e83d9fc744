"""How much may be asked: units in 3 seconds for one user or solution, and what switches access off.

The documentation speaks of a basket of 45 units in each 3-second period. Whether periods are fixed or slide
is UNVERIFIED: here they slide, which is the stricter reading.
"""

from __future__ import annotations

from collections import deque
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Literal

from integrations.lab.moysklad.errors import RemapError

if TYPE_CHECKING:
    from supportctl.core.clock import Clock

TokenKind = Literal["user", "solution", "draft"]
UNITS = 45
PERIOD_S = 3.0
HEAVY = 5
HEAVY_PATHS = ("/report/stock/all", "/report/stock/bystore")
_MINUTE_S = 60.0
FAILING_LIMIT = 200  # identical failing requests a minute, and 429 answers a minute
PUT_LIMIT = 100  # changes of one entity a minute
# weight of a request by login, password or token of a user: since when
_USER_WEIGHTS = (
    (datetime(2026, 12, 1, tzinfo=UTC), 4),
    (datetime(2026, 9, 1, tzinfo=UTC), 3),
    (datetime(2026, 5, 12, tzinfo=UTC), 2),
)
_DRAFT_SINCE = datetime(2026, 4, 13, tzinfo=UTC)
_DRAFT_WEIGHT = 4


def weight_of(kind: TokenKind, now: datetime) -> int:
    """Return how many units an ordinary request weighs at a time."""
    if kind == "draft":
        return _DRAFT_WEIGHT if now >= _DRAFT_SINCE else 1
    if kind == "user":
        return next((weight for since, weight in _USER_WEIGHTS if now >= since), 1)
    return 1


class Limits:
    """The limits of one account; `who` is a user or a solution."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._used: dict[str, deque[tuple[float, int]]] = {}
        self._counts: dict[tuple[str, str], deque[float]] = {}
        self.off: set[str] = set()  # whose access was switched off, until support switches it on

    def spend(self, who: str, kind: TokenKind, path: str) -> tuple[tuple[str, str], ...]:
        """Take a request's units; return the headers that tell what is left.

        Raises:
            RemapError: 1061 where access is off, 1049 where the basket is empty.
        """
        if who in self.off:
            raise RemapError(1061)
        ordinary = weight_of(kind, self._clock.now())
        weight = HEAVY if path in HEAVY_PATHS else ordinary
        now = self._clock.monotonic()
        used = self._used.setdefault(who, deque())
        while used and used[0][0] <= now - PERIOD_S:
            used.popleft()
        level = sum(units for _, units in used)
        reset_ms = round((used[0][0] + PERIOD_S - now) * 1000) + 1 if used else 0
        if level + weight > UNITS:
            self.count(who, "429", FAILING_LIMIT)
            raise RemapError(1049, "", *_headers(ordinary, 0, reset_ms), _retry_after(reset_ms))
        used.append((now, weight))
        return _headers(ordinary, (UNITS - level - weight) // ordinary, 0)

    def count(self, who: str, what: str, limit: int) -> None:
        """Count a request that may switch access off when there are too many of them in a minute."""
        now = self._clock.monotonic()
        times = self._counts.setdefault((who, what), deque())
        times.append(now)
        while times[0] <= now - _MINUTE_S:
            times.popleft()
        if len(times) > limit:
            self.off.add(who)


def _headers(ordinary: int, remaining: int, reset_ms: int) -> tuple[tuple[str, str], ...]:
    return (
        ("X-RateLimit-Limit", str(UNITS // ordinary)),
        ("X-RateLimit-Remaining", str(remaining)),
        ("X-Lognex-Retry-TimeInterval", str(round(PERIOD_S * 1000))),
        ("X-Lognex-Reset", str(reset_ms)),
    )


def _retry_after(milliseconds: int) -> tuple[str, str]:
    return ("X-Lognex-Retry-After", str(milliseconds))
