"""The embedded worker at work, and what it has come to."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from resend.ledger.views import lane_views
from resend.model import State
from resend.worker import Worked, Worker
from supportctl.core.errors import EXIT_FAILED, EXIT_FAULT, EXIT_OK, EXIT_WARNING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from contextlib import AbstractContextManager

    from supportctl.app.resend_desk import Desk

    Beside = Callable[[Desk], AbstractContextManager[object]]

_PENDING = (State.WAITING, State.SENDING, State.VERIFYING)


class Ran(NamedTuple):
    """What became of the ledger during a run; `waiting` and `held` are what is left."""

    worked: Worked
    delivered: int
    escalated: int
    held: int
    waiting: int
    seconds: float

    @property
    def exit_code(self) -> int:
        """1 something of ours crashed, 3 some were escalated, 4 something waits, 0 all is delivered."""
        if self.worked.crashed:
            return EXIT_FAILED
        if self.escalated:
            return EXIT_FAULT
        return EXIT_WARNING if self.waiting or self.held else EXIT_OK


def run_worker(desk: Desk, threads: int, *, once: bool, until_empty: bool, beside: Beside) -> Ran:
    """Deliver until Ctrl-C, or `once` what is due, or `until_empty`; `beside` shows how far it is."""
    started, before = desk.clock.monotonic(), counts(desk)
    worker = Worker(desk.store, desk.lane, threads)
    with worker.stopped_by_signals(), beside(desk):
        worked = worker.run(once=once, until_empty=until_empty)
    after = counts(desk)
    return Ran(
        worked,
        max(after[State.DELIVERED] - before[State.DELIVERED], worked.delivered),
        max(after[State.ESCALATED] - before[State.ESCALATED], 0),
        after[State.HELD],
        sum(after[state] for state in _PENDING),
        desk.clock.monotonic() - started,
    )


def counts(desk: Desk) -> Mapping[State, int]:
    """Return how many deliveries of all lanes are in each state."""
    views = lane_views(desk.store)
    return {state: sum(view.counts.get(state, 0) for view in views) for state in State}
