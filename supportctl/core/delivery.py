"""What resend and the systems that it delivers to say to each other: parcels, outcomes, what was found."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

    from supportctl.core.call import Call
    from supportctl.core.failure import Failure


class Parcel(NamedTuple):
    """One delivery as a destination needs it.

    `attempts` counts this try. With a `revision` above 0 the call has changed since it was first accepted.
    """

    delivery_id: int
    call: Call
    step: str
    facts: Mapping[str, str]
    attempts: int
    revision: int = 0


class Found(NamedTuple):
    """What the destination has of a call: up to which step it is done there, and what is known of it.

    `whole`: nothing is left to do for the call in the form that was asked about; where a system cannot tell
    an old form from a new one, a call with a `revision` above 0 is not whole.
    """

    step: str
    facts: Mapping[str, str]
    whole: bool
    remote_id: str = ""


class Outcome(NamedTuple):
    """What one step of one delivery brought.

    `done`: the destination has it whole. Else `step` and `facts` say how far it is now; without a `failure`
    the next step may follow at once. `code` and `text` are the system's words, made safe to show.
    `sent` is False if it is certain that nothing was done. `alone`: the failure is this delivery's own and
    others may pass. `note` is a finding code about something that was put right on the way (a dismissed
    employee).
    """

    delivery_id: int
    step: str
    facts: Mapping[str, str]
    done: bool = False
    remote_id: str = ""
    failure: Failure | None = None
    code: str = ""
    text: str = ""
    retry_at: float | None = None
    method: str | None = None
    sent: bool = True
    alone: bool = False
    note: str = ""


class Issue(NamedTuple):
    """An entry of a tracker. `number` is its name there, `link` opens it."""

    number: str
    link: str
    is_open: bool
