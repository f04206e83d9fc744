"""One deadline, handed down from the check to every wire operation."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from supportctl.core.clock import Clock


class Deadline:
    """A moment on the monotonic clock by which an operation has ended, whatever it has found."""

    __slots__ = ("_clock", "at")

    def __init__(self, at: float, clock: Clock) -> None:
        self.at = at
        self._clock = clock

    @classmethod
    def after(cls, seconds: float, clock: Clock) -> Deadline:
        """Return the deadline that lies `seconds` from now."""
        return cls(clock.monotonic() + seconds, clock)

    @property
    def clock(self) -> Clock:
        """The clock that this deadline is measured by."""
        return self._clock

    @property
    def expired(self) -> bool:
        """Whether the moment has passed."""
        return self.remaining() <= 0

    def remaining(self) -> float:
        """Return the seconds that are left, never below zero."""
        return max(0.0, self.at - self._clock.monotonic())

    def within(self, seconds: float) -> Deadline:
        """Return the sooner of this deadline and `seconds` from now: what a part of the work is given."""
        return Deadline(min(self.at, self._clock.monotonic() + seconds), self._clock)

    def __repr__(self) -> str:
        return f"Deadline({self.remaining():.3f} s left)"
