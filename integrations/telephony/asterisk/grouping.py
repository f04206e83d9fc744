"""Legs put together to calls while they stream by: a call is handed on when nothing more can come for it."""

from __future__ import annotations

from collections import deque
from datetime import timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

    from integrations.telephony.asterisk.leg import Leg

_SWEEP = 256
_REMEMBERED = timedelta(hours=24)
_MOST_LEGS = 5000  # of one call: a queue that rings 50 telephones for an hour


class Late(Exception):  # noqa: N818  no error of ours: a leg whose call was handed on
    """A leg that came after its call had been handed on."""


class Grouper:
    """Groups legs by `key`. `settle` is how long after its last leg a call may still get another."""

    def __init__(self, settle: timedelta) -> None:
        self._settle = settle
        self._open: dict[str, list[Leg]] = {}
        self._ends: dict[str, datetime] = {}
        self._closed: set[str] = set()
        self._closings: deque[tuple[datetime, str]] = deque()  # the same, oldest first
        # one record with a wrong clock must not close every call: the stream's time is what three agree on
        self._times: deque[datetime] = deque(maxlen=3)
        self._added, self._pause = 0, _SWEEP

    def __contains__(self, key: str) -> bool:
        """Whether a call is still open."""
        return key in self._open

    def __len__(self) -> int:
        """How many calls are open."""
        return len(self._open)

    def add(self, leg: Leg, moment: datetime) -> list[list[Leg]]:
        """Take a leg, at the stream's time `moment`; return the calls that are complete now.

        Raises:
            Late: its call was handed on.
        """
        self._times.append(moment)
        if leg.key in self._closed:
            raise Late
        legs = self._open.get(leg.key)
        if legs is None:
            self._open[leg.key], self._ends[leg.key] = [leg], leg.end
        elif len(legs) < _MOST_LEGS:
            legs.append(leg)
            self._ends[leg.key] = max(self._ends[leg.key], leg.end)
        return self._sometimes()

    def pass_by(self, moment: datetime) -> list[list[Leg]]:
        """Take note of a leg that is not wanted; return the calls that are complete now."""
        self._times.append(moment)
        return self._sometimes()

    def _sometimes(self) -> list[list[Leg]]:
        """Return the complete calls, looking so seldom that it costs the same for each leg."""
        self._added += 1
        if self._added < self._pause:
            return []
        settled = min(self._times) - self._settle
        done = [key for key, end in self._ends.items() if end < settled]
        while self._closings and self._closings[0][0] < settled - _REMEMBERED:
            self._closed.discard(self._closings.popleft()[1])
        for key in done:
            self._closed.add(key)
            self._closings.append((self._ends.pop(key), key))
        complete = _in_order([self._open.pop(key) for key in done])
        self._added, self._pause = 0, _SWEEP + len(self._open)
        return complete

    def rest(self) -> list[list[Leg]]:
        """Return the calls that are still open: the stream has ended."""
        rest, self._open = _in_order([*self._open.values()]), {}
        self._ends.clear()
        return rest


def _in_order(calls: list[list[Leg]]) -> list[list[Leg]]:
    for legs in calls:
        legs.sort(key=lambda leg: (leg.start, leg.sequence, leg.end))
    return sorted(calls, key=lambda legs: legs[0].start)
