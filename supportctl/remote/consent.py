"""What the customer allows: asked on their own terminal, once, for one thing. No message answers it.

The gate of a shared session. Nothing that comes over the line reaches the answer: requests bring what is
wanted, the words of the question are made on this side, and only `Customer.asks` can say yes.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from supportctl.remote.capability import NEEDS_CONSENT, Capability, Grant, Grants

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from supportctl.core.clock import Clock
    from supportctl.core.deadline import Deadline
    from supportctl.remote.capability import Wanted
    from supportctl.remote.server import Call

GRANT_S = 900.0  # what was allowed and not used by then is allowed no more
QUESTION_S = 90.0  # so long a question waits; then the answer is no


class Question(NamedTuple):
    """What the customer is asked: all of it safe to show, each line made by this side.

    `source` says from whose signed playbook it comes, `steps` what will be changed, `undo` how it is undone.
    """

    wanted: Wanted
    title: str
    device: str
    source: str
    steps: tuple[str, ...]
    undo: str


class Customer(Protocol):
    """The person at this computer."""

    def asks(self, question: Question, deadline: Deadline, withdrawn: Callable[[], bool]) -> bool:
        """Return True only for a yes that was typed here; everything else is a no, time-out included."""

    def told(self, method: str, params: Mapping[str, Any], outcome: str) -> None:
        """Hear of a request: `begun`, `done`, `denied`, or the code of what went wrong."""


class ConsentGate:
    """Decides what a request of a shared session may do. Without a terminal nobody `can_ask`.

    `describe` turns a wish into a question; it raises SupportctlError where there is nothing to ask: a
    playbook that is not signed is refused before anybody sees its words. `listeners` hear of every request.
    """

    def __init__(
        self,
        customer: Customer,
        describe: Callable[[Wanted, Mapping[str, Any]], Question],
        clock: Clock,
        *,
        read_only: bool,
        can_ask: bool,
        listeners: Sequence[Callable[[str, Mapping[str, Any], str], None]] = (),
    ) -> None:
        self.grants = Grants()
        self._customer = customer
        self._describe = describe
        self._clock = clock
        self._can_ask = can_ask and not read_only
        self._listeners = listeners
        self._asking = threading.Lock()
        self._granting = threading.Lock()

    def allows(self, wanted: Wanted, call: Call) -> bool:
        """Return whether it may be done. Blocks while the customer is asked.

        Raises:
            SupportctlError: what `describe` says is wrong with it.
        """
        if wanted.capability not in NEEDS_CONSENT:
            return wanted.capability <= Capability.PROBE
        if not self._can_ask:
            return False
        if self._take(wanted):
            return True
        if not self._asking.acquire(blocking=False):
            return False  # one question at a time: nobody is to be worn down
        try:
            question = self._describe(wanted, call.params)
            deadline = call.deadline.within(QUESTION_S)
            yes = self._customer.asks(question, deadline, call.cancelled.is_set)
            if yes is not True or deadline.expired or call.cancelled.is_set():
                return False
            expires = self._clock.monotonic() + GRANT_S
            with self._granting:  # it is for this request: another one must not come in between
                self.grants.give(Grant(wanted.capability, wanted.target, wanted.digest, expires))
                return self.grants.take(wanted, self._clock.monotonic())
        finally:
            self._asking.release()

    def told(self, method: str, params: Mapping[str, Any], outcome: str) -> None:
        """Pass on what is asked and how it ended."""
        self._customer.told(method, params, outcome)
        for listener in self._listeners:
            listener(method, params, outcome)

    def _take(self, wanted: Wanted) -> bool:
        with self._granting:
            return self.grants.take(wanted, self._clock.monotonic())
