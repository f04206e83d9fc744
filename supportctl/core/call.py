"""One telephone call, as every telephony source gives it (docs/contract.md, "Calls")."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

Direction = Literal["in", "out"]
INTERNAL = "internal"  # tag of a call between two employees
HIDDEN = ""  # contact_phone of a caller who withheld the number


class Call(NamedTuple):
    """One call. `call_id` is the telephony system's, unique with `source`; durations are in seconds.

    `contact_phone` is E.164, a short number, or empty for a hidden caller; `line` is the company's own number
    (E.164 or short), `employee` an extension or an id. `started_at` always has a zone.
    """

    call_id: str
    source: str
    direction: Direction
    started_at: datetime
    duration_s: int
    contact_phone: str
    answered: bool
    wait_s: int | None = None
    line: str = ""
    employee: str = ""
    recording_url: str | None = None
    tags: tuple[str, ...] = ()
    raw: Mapping[str, Any] | None = None  # `Any`: what the system itself wrote

    def document(self) -> dict[str, Any]:
        """Return the call as one line of JSON Lines has it. `Any`: JSON."""
        shown: dict[str, Any] = {
            "call_id": self.call_id,
            "source": self.source,
            "direction": self.direction,
            "started_at": self.started_at.isoformat(),
            "duration_s": self.duration_s,
            "wait_s": self.wait_s,
            "contact_phone": self.contact_phone,
            "line": self.line,
            "employee": self.employee,
            "answered": self.answered,
            "recording_url": self.recording_url,
            "tags": list(self.tags),
        }
        if self.raw is not None:
            shown["raw"] = dict(self.raw)
        return shown


class Rejected(NamedTuple):
    """A line or record that is no usable call. `reason` is a key of the errors' texts, with `args`."""

    line: int  # counted from 1; the position in the answer for what is not a file
    reason: str
    args: Mapping[str, str]
