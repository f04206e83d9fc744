"""The words of resend: a delivery and its states, what one try of it brought, what a lane is doing."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

    from supportctl.core.call import Call
    from supportctl.core.failure import Failure


class State(StrEnum):
    """Where a delivery is. The ledger is the truth about it."""

    WAITING = "waiting"  # tried again at `next_attempt_at`
    SENDING = "sending"  # the intent is written; whether anything left is known only to its worker
    VERIFYING = "verifying"  # the answer was unclear: the destination is asked at `next_attempt_at`
    HELD = "held"  # a person has to do something first, at the customer's or here
    DELIVERED = "delivered"  # the destination has shown that it has it
    CANCELLED = "cancelled"  # a person decided so
    ESCALATED = "escalated"  # it will not be tried again by itself: people have been told


OPEN = frozenset({State.WAITING, State.SENDING, State.VERIFYING, State.HELD})
ENDED = frozenset({State.DELIVERED, State.CANCELLED, State.ESCALATED})


class Acts(StrEnum):
    """Who has to act, where anybody has."""

    NOBODY = "nobody"
    CUSTOMER = "customer"  # the customer's administrator: token, right, employee
    FIRST_LINE = "first-line"
    SECOND_LINE = "second-line"
    DEVELOPERS = "developers"
    OTHER_COMPANY = "other-company"


class Breaker(StrEnum):
    """Whether a lane may send."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half-open"  # one request at a time, until one succeeds


class Delivery(NamedTuple):
    """One delivery as the ledger has it. Times are seconds since the epoch (UTC).

    `facts` are what the steps so far have brought (the CRM's id of the call); `step` is the last one that is
    known to be done. `revision` grows when the call's payload changes.
    """

    id: int
    destination: str
    source: str
    call_id: str
    call: Call
    revision: int
    state: State
    step: str
    facts: Mapping[str, str]
    attempts: int
    enqueued_at: float
    next_attempt_at: float
    deadline_at: float
    failure: Failure | None = None
    error_code: str = ""
    error_text: str = ""
    who_acts: Acts = Acts.NOBODY
    remote_id: str = ""
    fingerprint: str = ""


class LaneState(NamedTuple):
    """A lane as the ledger has it. `token` is the fencing token of its present or last holder."""

    destination: str
    token: int
    holder: str
    lease_until: float
    breaker: Breaker
    failures: int  # requests that failed one after another
    open_until: float
    broken_since: float = 0.0  # when the first of them failed, 0 while all is well
    broken_why: str = ""
    paused_by: str = ""
    paused_why: str = ""


class Lease(NamedTuple):
    """The right to write outcomes of one lane, until somebody else claims it.

    `seconds` is how long it lasts after each change; longer than a request, or a living worker would lose it.
    """

    destination: str
    token: int
    holder: str
    seconds: float = 120.0


class LeaseLostError(Exception):
    """Somebody else holds the lane now: nothing of what was to be written has been written."""
