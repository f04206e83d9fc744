"""What is wrong with a call that has its record: recording, employee, contact, time of arrival."""

from __future__ import annotations

from collections import Counter
from statistics import median
from typing import TYPE_CHECKING

from integrations.sync.stores import (
    ANSWERED,
    HAS_CONTACT,
    OUT,
    RECORDED,
    RECORDING_THERE,
    RECORDING_TOLD,
    SECOND,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from integrations.crm.reader import Employee
    from integrations.sync.stores import CallStore, RecordStore
    from supportctl.core.sync_settings import SyncSettings

_UNKNOWN, _NOT_SEEN = -1, -2  # no user is known; the user has no record at all
_GAP_COST = 1e15  # a pairing that needs one gap less is better, whatever the times say
_TALK_COST = 1e10  # for each second by which the lengths differ: more than any difference of times
_TALK_MOST_S = 9999


class Judge:
    """Looks at pairs of call and record. Made when both stores are full."""

    def __init__(
        self, calls: CallStore, records: RecordStore, settings: SyncSettings, employees: Iterable[Employee]
    ) -> None:
        self._calls, self._records = calls, records
        self._least_talk = settings.min_recording_s
        self._late = settings.late_after * SECOND
        self.users = crm_users(settings.employees, employees)
        self.names = list(calls.employees.numbers)
        theirs = records.employees.numbers
        self._expected = [
            _UNKNOWN if name not in self.users else theirs.get(self.users[name], _NOT_SEEN)
            for name in self.names
        ]
        self._nobody = theirs.get("", _UNKNOWN)  # the CRM does not tell the employee
        self.untold_recordings = 0
        self.created_ahead = True

    def gaps(
        self, pairs: Iterable[tuple[int, int]], at_crm: Sequence[float]
    ) -> Iterator[tuple[str, int, int]]:
        """Yield code, call and record of every gap of pairs; `at_crm` is each call's time by the CRM's clock.

        The questions of `wrong_employee` and `late_by` once more, in place: this is asked a million times.
        """
        calls, records = self._calls, self._records
        flags_of, theirs_of, start, end = calls.flags, records.flags, calls.start, calls.end
        talk, caller, owner, created = calls.talk, calls.employee, records.employee, records.created
        expected_of, nobody, least, latest = self._expected, self._nobody, self._least_talk, self._late
        moved = self.created_ahead
        with_recording, spoken = RECORDED | ANSWERED, ANSWERED | OUT
        for number, record in pairs:
            flags, theirs = flags_of[number], theirs_of[record]
            if (
                flags & with_recording == with_recording
                and not theirs & RECORDING_THERE
                and talk[number] >= least
            ):
                if theirs & RECORDING_TOLD:
                    yield "sync.recording-missing", number, record
                else:
                    self.untold_recordings += 1
            expected = expected_of[caller[number]]
            if (
                expected != owner[record]
                and expected != _UNKNOWN
                and owner[record] != nobody
                and flags & spoken
            ):
                yield "sync.wrong-employee", number, record
            if not theirs & HAS_CONTACT and calls.has_full_number(number):
                yield "sync.no-contact", number, record
            late = created[record] - end[number]
            if moved:
                late -= at_crm[number] - start[number]
            if late > latest:  # never where the CRM does not tell: then it is not a number
                yield "sync.delivered-late", number, record

    def wrong_employee(self, number: int, record: int) -> bool:
        """Return whether the record is with somebody else than the one who spoke."""
        if not self._calls.flags[number] & (ANSWERED | OUT):
            return False  # nobody spoke: whose it is, the CRM decides
        expected, found = self._expected[self._calls.employee[number]], self._records.employee[record]
        return expected != _UNKNOWN and found not in {expected, self._nobody}

    def late_by(self, number: int, record: int, ahead: float) -> float:
        """Return how long after its end a call got into the CRM, in microseconds; `nan` if nobody knows."""
        return self._records.created[record] - ahead * self.created_ahead - self._calls.end[number]

    def read_arrivals(self, pairs: Sequence[tuple[int, int, float]]) -> None:
        """Learn from pairs (call, record, `ahead`) whether the CRM's clock differs or only what it was told.

        A zone that was mistaken when calls were written leaves the moment of their arrival right. Of both
        readings that one is true with which calls arrive soon.
        """
        plain = [(self.late_by(number, record, 0.0), ahead) for number, record, ahead in pairs]
        told = [(late, ahead) for late, ahead in plain if late == late]  # noqa: PLR0124  not a number: not told
        if told:
            as_it_is = median(abs(late) for late, _ in told)
            shifted = median(abs(late - ahead) for late, ahead in told)
            self.created_ahead = shifted <= as_it_is

    def count_unmapped(self, numbers: Iterable[int]) -> dict[str, int]:
        """Return how many of these calls were answered by whom the CRM does not know, by extension or id."""
        employee, flags = self._calls.employee, self._calls.flags
        counted = Counter(employee[number] for number in numbers if flags[number] & ANSWERED)
        unknown = {self.names[who]: n for who, n in counted.items() if self._expected[who] == _UNKNOWN}
        unknown.pop("", None)
        return unknown

    def cost(self, number: int, record: int) -> float:
        """Return how little a pairing fits, besides its times; only compared."""
        flags, theirs = self._calls.flags[number], self._records.flags[record]
        wrong = int(self.wrong_employee(number, record)) + int(not theirs & HAS_CONTACT)
        wrong += int(bool(flags & RECORDED) and not theirs & RECORDING_THERE)
        talk = self._records.talk[record]
        apart = 0 if talk < 0 else min(abs(talk - self._calls.talk[number]), _TALK_MOST_S)
        return wrong * _GAP_COST + apart * _TALK_COST


def crm_users(said: Mapping[str, int | str], employees: Iterable[Employee]) -> dict[str, str]:
    """Return the CRM's user by the telephony's extension or id.

    What the configuration says goes first. An extension that two active users have says nothing; neither does
    that of a user who has left, whose calls somebody else must get.
    """
    users: dict[str, str] = {}
    twice: set[str] = set()
    for employee in employees:
        if not (employee.extension and employee.active):
            continue
        if users.setdefault(employee.extension, employee.id) != employee.id:
            twice.add(employee.extension)
    known = {extension: user for extension, user in users.items() if extension not in twice}
    return {**known, **{str(extension): str(user) for extension, user in said.items()}}
