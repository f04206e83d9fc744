"""A lane as events: what was delivered, what is unclear, what people see to, when it broke and healed."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from resend.model import Breaker, State
from supportctl.core import log

if TYPE_CHECKING:
    from collections.abc import Sequence

    from resend.policy import BreakerView, Decision

_EVENTS = (
    (State.DELIVERED, "info", "resend.delivered"),
    (State.VERIFYING, "info", "resend.unclear"),
    (State.HELD, "warning", "resend.held"),
    (State.ESCALATED, "warning", "resend.escalated"),
)


class LaneEvents:
    """One event for each kind of end in a request, however many calls it had."""

    def __init__(self, destination: str) -> None:
        self._destination = destination
        self._is_broken = False

    def settled(self, decisions: Sequence[Decision], view: BreakerView) -> None:
        """Tell what is in the ledger now."""
        ends = Counter(decision.state for decision in decisions)
        for state, level, name in _EVENTS:
            if ends[state]:
                log.event(level, name, destination=self._destination, calls=ends[state])
        is_broken = view.breaker is Breaker.OPEN or (self._is_broken and view.breaker is Breaker.HALF_OPEN)
        if is_broken != self._is_broken:
            self._is_broken = is_broken
            level = "warning" if is_broken else "info"
            fields = {"breaker": view.breaker.value, "failures": view.failures, "why": view.why[:200]}
            log.event(level, "resend.breaker", destination=self._destination, **fields)
