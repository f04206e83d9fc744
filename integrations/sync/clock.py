"""How far the CRM's times are ahead of the telephony's, from calls that may be the same.

Each call of a sample brings the differences to all records that may be its own: one if the id tells, else
those with the same phone. What is true of the clocks is the difference on which many calls agree; all others
are spread over days. Pure: seconds in, a `Clock` out.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from itertools import pairwise
from statistics import median
from typing import TYPE_CHECKING, Literal, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

LARGEST_S = 26 * 3600.0  # between the zones -12:00 and +14:00
_LEAST = 8  # calls that have to agree
_SHARE = 0.2  # ... and their share of the sample
_LEAD = 3  # ... and how many times as many as agree on any other difference
_BIN_S = 10.0
_NEAR_S = 60.0
_SLICES = 16
_PURE = 0.9


class Sighting(NamedTuple):
    """A call's time, and how far the records lie that may be its own; in seconds."""

    at: float
    differences: tuple[float, ...]


class Clock(NamedTuple):
    """From `since[i]` on (telephony's time) the CRM is ahead by `offsets[i]` seconds."""

    kind: Literal["constant", "changed", "drift", "unknown"] = "unknown"
    since: tuple[float, ...] = (float("-inf"),)
    offsets: tuple[float, ...] = (0.0,)
    support: int = 0
    sample: int = 0

    def at(self, time: float) -> float:
        """Return how far the CRM is ahead at a time of the telephony."""
        return self.offsets[max(bisect_right(self.since, time) - 1, 0)]

    def back(self, time: float) -> float:
        """Return the telephony's time at a time of the CRM; the later one where a clock was set back."""
        for since, offset in zip(reversed(self.since), reversed(self.offsets), strict=True):
            if time - offset >= since:
                return time - offset
        return time - self.offsets[0]


def read_clock(sightings: Sequence[Sighting], tolerance: float) -> Clock:
    """Return what the sightings say; `unknown`, and no offset, if they do not agree."""
    seen = sorted(s for s in sightings if s.differences)
    near = max(tolerance, _NEAR_S)
    first = _peak(seen, near)
    if first is None:
        return Clock(sample=len(seen))
    agree = _support(seen, first, near)
    second = _peak(seen, near, besides=first)
    rival = _support(seen, second, near) if second is not None else 0
    if _enough(agree, len(seen)) and agree >= _LEAD * rival:
        drift = _drift(seen, near, tolerance)
        if drift is not None and drift.support > agree * 1.1:
            return drift
        return Clock("constant", offsets=(float(round(first)),), support=agree, sample=len(seen))
    return _not_constant(seen, first, second, near, tolerance)


def _not_constant(
    seen: list[Sighting], first: float, second: float | None, near: float, tolerance: float
) -> Clock:
    changed = _change(seen, first, second, near) if second is not None else None
    drift = _drift(seen, near, tolerance)
    found = [clock for clock in (changed, drift) if clock is not None]
    return max(found, key=lambda clock: clock.support, default=Clock(sample=len(seen)))


def _enough(agree: int, sample: int) -> bool:
    return agree >= _LEAST and agree >= _SHARE * sample


def _peak(seen: Sequence[Sighting], near: float, besides: float | None = None) -> float | None:
    """Return the difference on which most calls agree, the smallest one of equals."""
    counted: Counter[int] = Counter()
    for sighting in seen:
        counted.update(
            {
                int(d // _BIN_S)
                for d in sighting.differences
                if abs(d) <= LARGEST_S and (besides is None or abs(d - besides) > 2 * near)
            }
        )
    if not counted:
        return None
    # a cluster lies across bins: each is counted with its neighbours
    best = max(counted, key=lambda b: (counted[b - 1] + counted[b] + counted[b + 1], counted[b], -abs(b), b))
    middle = (best + 0.5) * _BIN_S
    closest = (min(s.differences, key=lambda d: abs(d - middle)) for s in seen)
    return median([d for d in closest if abs(d - middle) <= 1.5 * _BIN_S])


def _support(seen: Sequence[Sighting], offset: float, near: float) -> int:
    return sum(any(abs(d - offset) <= near for d in s.differences) for s in seen)


def _change(seen: Sequence[Sighting], first: float, second: float, near: float) -> Clock | None:
    """Return a clock that was set at one moment: one difference before, the other after."""
    marks = [(s.at, _says(s, first, near), _says(s, second, near)) for s in seen]
    clear = [(at, a) for at, a, b in marks if a != b]
    total = sum(a for _, a in clear)
    if min(total, len(clear) - total) < _LEAST or not _enough(len(clear), len(seen)):
        return None
    best, place, reverse, before = -1, 0, False, 0
    for number in range(len(clear) + 1):  # `before`: how many of the first `number` say the first difference
        right = len(clear) - number - (total - before)
        for agree, turned in ((before + right, False), (len(clear) - before - right, True)):
            if agree > best:
                best, place, reverse = agree, number, turned
        if number < len(clear):
            before += clear[number][1]
    if best < _PURE * len(clear) or not 0 < place < len(clear):
        return None
    moment = (clear[place - 1][0] + clear[place][0]) / 2
    offsets = (second, first) if reverse else (first, second)
    rounded = (float(round(offsets[0])), float(round(offsets[1])))
    return Clock("changed", (float("-inf"), moment), rounded, best, len(seen))


def _says(sighting: Sighting, offset: float, near: float) -> bool:
    return any(abs(d - offset) <= near for d in sighting.differences)


def _drift(seen: Sequence[Sighting], near: float, tolerance: float) -> Clock | None:
    """Return a clock that runs too fast or too slow: a difference that grows from slice to slice."""
    size = len(seen) // _SLICES
    if size < _LEAST:
        return None
    slices = [seen[n * size : (n + 1) * size if n < _SLICES - 1 else None] for n in range(_SLICES)]
    peaks: list[tuple[float, float]] = []
    support = 0
    for part in slices:
        peak = _peak(part, near)
        agree = _support(part, peak, near) if peak is not None else 0
        if peak is None or not _enough(agree, len(part)):
            return None
        peaks.append((part[0].at, float(round(peak))))
        support += agree
    steps = [b - a for (_, a), (_, b) in pairwise(peaks)]
    whole = peaks[-1][1] - peaks[0][1]
    along = sum(step * whole >= 0 for step in steps)
    # a jump is no drift: no step may hold half of the way
    if abs(whole) < tolerance / 2 or along < _PURE * len(steps) or max(map(abs, steps)) > abs(whole) / 2:
        return None
    since = (float("-inf"), *(at for at, _ in peaks[1:]))
    return Clock("drift", since, tuple(offset for _, offset in peaks), support, len(seen))
