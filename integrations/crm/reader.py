"""What a CRM has of a call, and what reads it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from integrations.telephony.source import Progress, no_progress

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from datetime import datetime

    from integrations.checking import Surroundings
    from supportctl.core.call import Call, Rejected
    from supportctl.core.deadline import Deadline

__all__ = ["CrmCall", "CrmReader", "Employee", "Progress", "no_progress"]


class CrmCall(NamedTuple):
    """One call as the CRM has it.

    `external_id` is the telephony system's id, if the CRM was given one. `phone` is E.164 where that could be
    made of it. `direction` is `in`, `out` or empty. `recording` is None where the CRM does not tell.
    `created_at` is when the CRM got it, None where it does not tell. `link` opens the card for a person.
    """

    record_id: str
    started_at: datetime
    phone: str
    direction: str = ""
    external_id: str = ""
    duration_s: int | None = None
    line: str = ""
    employee: str = ""  # the CRM's id of the user
    contact: str = ""  # "CONTACT:4021"; empty: the call hangs in the air
    recording: bool | None = None
    recording_url: str | None = None
    created_at: datetime | None = None
    link: str | None = None

    def document(self) -> dict[str, Any]:
        """Return the record as the JSON of `sync check` shows it. `Any`: JSON."""
        shown: dict[str, Any] = self._asdict()
        shown["started_at"] = self.started_at.isoformat()
        shown["created_at"] = self.created_at.isoformat() if self.created_at else None
        return shown


class Employee(NamedTuple):
    """A user of the CRM; `extension` is the inner number by which the telephony knows them, if any."""

    id: str
    name: str
    extension: str = ""
    active: bool = True


class CrmReader(Protocol):
    """Reads what one CRM account has of the calls. Made from the account's model and its `Surroundings`."""

    def __init__(self, account: Any, surroundings: Surroundings) -> None:
        """Take the account; `Any`: each kind has its own model. Nothing is asked yet."""

    def records(
        self,
        since: datetime,
        until: datetime,
        deadline: Deadline,
        progress: Callable[[Progress], None] = no_progress,
    ) -> Iterator[CrmCall | Rejected]:
        """Yield the calls that began in `since <= t < until`.

        Raises:
            ServiceError: the system refuses or cannot be reached.
        """

    def employees(self, deadline: Deadline) -> Sequence[Employee]:
        """Return the users, dismissed ones included; empty where the system cannot tell.

        Raises:
            ServiceError: as above.
        """

    def find(self, calls: Iterable[Call], deadline: Deadline) -> dict[str, list[CrmCall]]:
        """Return what the CRM has of these calls, by `call_id`; a call that it has not is left out.

        By external id where the CRM keeps one; else by phone and time.

        Raises:
            ServiceError: as above.
        """
