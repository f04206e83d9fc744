"""A destination whose requests can be followed: what was asked, how long it took, what came of it."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from supportctl.core import log
from supportctl.core.delivery import Found, Outcome

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from resend.ports import Destination
    from supportctl.core.clock import Clock
    from supportctl.core.deadline import Deadline
    from supportctl.core.delivery import Parcel

    # Destination, kind of request (try, lookup), seconds, and how many calls came to what.
    Observer = Callable[[str, str, float, Mapping[str, int]], None]


class Observed:
    """The destination `inner`; whoever observes is told of each request, after it."""

    def __init__(self, name: str, inner: Destination, clock: Clock, observer: Observer | None = None) -> None:
        self._name = name
        self._inner = inner
        self._clock = clock
        self._observer = observer

    @property
    def batch_size(self) -> int:
        """How many parcels one request takes at most."""
        return self._inner.batch_size

    def fits(self, parcels: Sequence[Parcel]) -> int:
        """Return how many of these one request can bring forward."""
        return self._inner.fits(parcels)

    def advance(self, parcels: Sequence[Parcel], deadline: Deadline) -> Sequence[Outcome]:
        """Do the next step of each parcel."""
        started = self._clock.monotonic()
        words: Iterable[str] = ("crashed",)
        try:
            outcomes = self._inner.advance(parcels, deadline)
            words = [_of_outcome(each) for each in outcomes]
            return outcomes
        finally:
            self._tell("try", self._clock.monotonic() - started, Counter(words))

    def look_up(self, parcels: Sequence[Parcel], deadline: Deadline) -> Mapping[int, Found | Outcome | None]:
        """Return what the destination has."""
        started = self._clock.monotonic()
        words: Iterable[str] = ("crashed",)
        try:
            found = self._inner.look_up(parcels, deadline)
            words = [_of_answer(each) for each in found.values()]
            return found
        finally:
            self._tell("lookup", self._clock.monotonic() - started, Counter(words))

    def taken_over(self) -> None:
        """Tell a destination that wants to know: somebody else had its lane meanwhile."""
        tell = getattr(self._inner, "taken_over", None)
        if tell is not None:
            tell()

    def _tell(self, kind: str, seconds: float, outcomes: Counter[str]) -> None:
        said = ",".join(f"{word}={number}" for word, number in sorted(outcomes.items()))
        took = f"{seconds:.3f}"
        log.event("debug", "resend.request", destination=self._name, kind=kind, seconds=took, outcomes=said)
        if self._observer is not None:
            self._observer(self._name, kind, seconds, outcomes)


def _of_outcome(outcome: Outcome) -> str:
    if outcome.failure is not None:
        return outcome.failure.value
    return "delivered" if outcome.done else "step"


def _of_answer(answer: Found | Outcome | None) -> str:
    if answer is None:
        return "absent"
    if isinstance(answer, Found):
        return "found" if answer.whole else "in-part"
    return answer.failure.value if answer.failure else "unknown"
