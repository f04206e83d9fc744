"""The points of an account: so many a day and a minute; only requests that succeed are charged."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from typing import TYPE_CHECKING

from integrations.lab.uis.rpc import RpcError

if TYPE_CHECKING:
    from datetime import tzinfo

    from supportctl.core.clock import Clock

DAY_LIMIT, MINUTE_LIMIT = 750, 150  # sizes depend on the tariff
_MINUTE_S = 60


class Points:
    """Counts points. The minute begins with its first request, the day at midnight of the account's zone."""

    def __init__(self, clock: Clock, zone: tzinfo, day: int = DAY_LIMIT, minute: int = MINUTE_LIMIT) -> None:
        self.day_limit, self.minute_limit = day, minute
        self._clock, self._zone = clock, zone
        self._day_used = self._minute_used = 0
        self._day_ends = self._next_midnight()
        self._minute_ends = clock.now()

    def check(self) -> None:
        """Raise if a limit is reached.

        Raises:
            RpcError: `limit_exceeded`.
        """
        self._turn()
        if self._day_used >= self.day_limit:
            raise RpcError("limit_exceeded", limit_type="day", limit_max_value=self.day_limit)
        if self._minute_used >= self.minute_limit:
            raise RpcError("limit_exceeded", limit_type="minute", limit_max_value=self.minute_limit)

    def charge(self, points: int = 1) -> None:
        """Count a request that succeeded (or what other programs of the account have used)."""
        self._turn()
        if self._minute_used == 0:
            self._minute_ends = self._clock.now() + timedelta(seconds=_MINUTE_S)
        self._day_used += points
        self._minute_used += points

    def spend_day(self, points: int) -> None:
        """Let other programs of the account have used points of the day."""
        self._turn()
        self._day_used += points

    def document(self) -> dict[str, int]:
        """Return `limits` of the meta parameters; resets in whole seconds."""
        self._turn()
        now = self._clock.now()
        return {
            "day_limit": self.day_limit,
            "day_remaining": max(self.day_limit - self._day_used, 0),
            "day_reset": int((self._day_ends - now).total_seconds()),
            "minute_limit": self.minute_limit,
            "minute_remaining": max(self.minute_limit - self._minute_used, 0),
            "minute_reset": max(int((self._minute_ends - now).total_seconds()), 0),
        }

    def _turn(self) -> None:
        now = self._clock.now()
        if now >= self._minute_ends:
            self._minute_used = 0
        if now >= self._day_ends:
            self._day_used, self._day_ends = 0, self._next_midnight()

    def _next_midnight(self) -> datetime:
        today = self._clock.now().astimezone(self._zone).date()
        return datetime.combine(today + timedelta(days=1), time(0), self._zone)
