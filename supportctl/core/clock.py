"""Time is handed in. This is the only module that reads the clock of the computer."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    """What everything that needs the time is given."""

    def now(self) -> datetime:
        """Return the time of day, with a zone."""

    def monotonic(self) -> float:
        """Return seconds that only grow; the zero means nothing."""

    def sleep(self, seconds: float) -> None:
        """Wait. Used between polls only, never in order to hope."""


class SystemClock:
    """The clock of this computer."""

    def now(self) -> datetime:
        """Return the local time with its offset."""
        return datetime.now(UTC).astimezone()

    def monotonic(self) -> float:
        """Return the monotonic clock in seconds."""
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        """Sleep for `seconds`."""
        time.sleep(seconds)


class FakeClock:
    """A clock for tests: it moves when it is told to, and `sleep` moves it."""

    def __init__(self, start: datetime | None = None) -> None:
        self._now = start or datetime(2026, 1, 15, 9, 0, tzinfo=UTC)
        self._monotonic = 0.0

    def now(self) -> datetime:
        """Return the pretended time of day."""
        return self._now

    def monotonic(self) -> float:
        """Return the seconds by which this clock was moved."""
        return self._monotonic

    def sleep(self, seconds: float) -> None:
        """Move the clock; returns at once."""
        self.advance(seconds)

    def advance(self, seconds: float) -> None:
        """Move both readings forward by `seconds`."""
        self._now += timedelta(seconds=seconds)
        self._monotonic += seconds
