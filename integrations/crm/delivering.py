"""What every destination has in common: how a failure is told, and whom a call is given to."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from supportctl.core.delivery import Outcome
from supportctl.core.failure import Failure, ServiceError
from supportctl.core.text import clean

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from integrations.crm.reader import Employee
    from supportctl.core.clock import Clock
    from supportctl.core.deadline import Deadline
    from supportctl.core.delivery import Parcel

RECORDING = "recording"  # fact: the address of the recording that the destination has
NOTE = "note"  # fact: a finding code about something that was put right on the way
EMPLOYEE_UNKNOWN = "employee-unknown"
CONTACT_UNKNOWN = "contact-unknown"
HIDDEN_CALLER = "hidden-caller"
NO_CARD, USER_INACTIVE = "crm.no-card", "crm.user-inactive"
_ID = re.compile(r"[\w.:-]{1,80}", re.ASCII)
_BELIEVED_S = 600.0  # so long a list of employees is believed


def failed(
    parcel: Parcel, error: ServiceError, step: str | None = None, facts: Mapping[str, str] | None = None
) -> Outcome:
    """Return the outcome of a step that failed; without `step` and `facts` nothing has moved."""
    return Outcome(
        parcel.delivery_id,
        parcel.step if step is None else step,
        parcel.facts if facts is None else facts,
        failure=error.failure,
        code=error.code,
        text=error.text,
        retry_at=error.retry_at.timestamp() if error.retry_at else None,
        method=error.method,
        sent=error.sent,
    )


def unsent(parcel: Parcel, error: ServiceError) -> Outcome:
    """Return the outcome of a parcel whose turn did not come, since one before it failed."""
    outcome = failed(parcel, error)._replace(sent=False)
    return outcome._replace(failure=Failure.RETRY) if error.failure is Failure.AMBIGUOUS else outcome


def held(parcel: Parcel, code: str, text: str) -> Outcome:
    """Return the outcome of a parcel that waits for the customer's administrator; others may pass."""
    return Outcome(
        parcel.delivery_id, parcel.step, parcel.facts, failure=Failure.CONFIGURATION, code=code,
        text=clean(text), sent=False, alone=True,
    )  # fmt: skip


def refused(parcel: Parcel, code: str, text: str = "") -> Outcome:
    """Return the outcome of a parcel that this destination cannot take as it is."""
    return failed(parcel, ServiceError(Failure.DATA, code, text, sent=False))


def moved(parcel: Parcel, step: str, facts: Mapping[str, str], **more: str) -> Outcome:
    """Return the outcome of a parcel that is one step further; the next one may follow at once."""
    return Outcome(parcel.delivery_id, step, {**parcel.facts, **facts, **more})


def whole(parcel: Parcel, step: str, facts: Mapping[str, str], remote_id: str) -> Outcome:
    """Return the outcome of a parcel that the destination has whole."""
    kept = {**parcel.facts, **facts}
    number = clean(remote_id, 80)
    return Outcome(parcel.delivery_id, step, kept, done=True, remote_id=number, note=kept.get(NOTE, ""))


def id_of(row: Mapping[str, object], name: str = "id") -> str:
    """Return an id that a system has given, empty if that is none: letters, digits, `_`, `.`, `:` and `-`."""
    value = str(row.get(name) if isinstance(row.get(name), str | int) else "")
    return value if _ID.fullmatch(value) else ""


def concerns_all(error: ServiceError) -> bool:
    """Return whether the next request to the same system would fail as well."""
    return error.failure is not Failure.DATA


def aside(error: ServiceError) -> ServiceError:
    """Return what it means for a call that a question beside it failed: it is no word about the call."""
    if error.failure is not Failure.DATA:
        return error
    return ServiceError(Failure.RETRY, error.code, error.text, status=error.status, sent=False)


def one_by_one(
    parcels: Sequence[Parcel],
    deadline: Deadline,
    send: Callable[[Parcel, Deadline], Outcome],
) -> Iterator[Outcome]:
    """Yield the outcome of each parcel of a system that takes one call a request.

    `send` may raise ServiceError. After a failure that is not the parcel's own the rest is not tried.
    """
    stopped: ServiceError | None = None
    for parcel in parcels:
        if stopped is not None:
            yield unsent(parcel, stopped)
            continue
        try:
            yield send(parcel, deadline)
        except ServiceError as error:
            stopped = error if concerns_all(error) else None
            yield failed(parcel, error)


class Assigned(NamedTuple):
    """Who gets a call: an id of the CRM, empty for nobody in particular. `note` tells of a fallback."""

    id: str
    note: str = ""


class Staff:
    """Finds who gets a call: its employee, else the fallback of the configuration."""

    def __init__(
        self, clock: Clock, employees: Callable[[Deadline], Sequence[Employee]], fallback: int | str | None
    ) -> None:
        self._clock = clock
        self._list = employees
        self._fallback = fallback
        self._known: dict[str, str] = {}
        self._at: float | None = None

    def of(self, parcel: Parcel, deadline: Deadline, *, known: bool = True) -> Assigned | None:
        """Return who gets a call; None if its employee is none there, and there is no fallback.

        `known` False: the system has said that it does not know the employee.

        Raises:
            ServiceError: the employees could not be read.
        """
        wanted = parcel.call.employee
        if wanted and known:
            found = self._now(deadline).get(wanted)
            if found is not None:
                return Assigned(found)
        if self._fallback is not None:
            fallback = str(self._fallback)
            return Assigned(self._now(deadline).get(fallback, fallback), USER_INACTIVE if wanted else "")
        return None if wanted else Assigned("")

    def forget(self) -> None:
        """Read the employees again at the next question."""
        self._at = None

    def _now(self, deadline: Deadline) -> Mapping[str, str]:
        now = self._clock.monotonic()
        if self._at is None or now - self._at > _BELIEVED_S:
            active = [each for each in self._listed(deadline) if each.active]
            self._known = {each.id: each.id for each in active}
            self._known |= {each.extension: each.id for each in active if each.extension}
            self._at = now
        return self._known

    def _listed(self, deadline: Deadline) -> Sequence[Employee]:
        try:
            return self._list(deadline)
        except ServiceError as error:
            raise aside(error) from None
