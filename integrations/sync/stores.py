"""Both sides in compact columns: what the match needs stays in memory, the rest is spilled.

Times are microseconds since 1970 as floats, exact until the year 2255 and quick to sort. A phone is an exact
number. An id is kept as its 64-bit hash (keyed anew in each process): an equal hash is only believed where
phone or time agree, too.
"""

from __future__ import annotations

import math
from array import array
from datetime import UTC, datetime, timedelta, timezone
from itertools import islice
from typing import TYPE_CHECKING, Any, TypeVar, cast

from integrations.crm.reader import CrmCall
from integrations.sync.spill import ROWS, Spill
from supportctl.core.call import Call, Rejected

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from datetime import tzinfo

    from integrations.sync.rules import Rules

SECOND = 1_000_000.0
_DAY = 86_400 * SECOND
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_DIGITS = 18  # with one more in front they fit into 63 bits
_PLUS, _NO_PLUS = "1", "2"  # the first digit of a phone's number
_MOST = 2**31 - 1

_Item = TypeVar("_Item")

# flags of a call
ANSWERED, RECORDED, OUT = 1, 2, 4
# flags of a record; the direction is 0 where the CRM does not tell
HAS_CONTACT, RECORDING_TOLD, RECORDING_THERE, DIRECTION_IN, DIRECTION_OUT = 1, 2, 4, 8, 16
_TOLD = {None: 0, False: RECORDING_TOLD, True: RECORDING_TOLD | RECORDING_THERE}
_WAYS = {"in": DIRECTION_IN, "out": DIRECTION_OUT}
# instead of the number of a partner
FREE, UNSURE, REPEATED = -1, -2, -3


class PhoneKeys:
    """Phones as numbers: equal numbers, equal phones. What is not digits is numbered as it comes.

    The first digit says whether the phone has a plus or not, so that no zero is lost.
    """

    def __init__(self) -> None:
        self._others: dict[str, int] = {}

    def take(self, phones: Sequence[str]) -> list[int]:
        """Return the numbers of many phones, made in one go where all are digits."""
        text = ("," + ",".join(phones)).replace(",", f",{_NO_PLUS}").replace(f",{_NO_PLUS}+", f",{_PLUS}")[1:]
        sound = text.isascii() and text.replace(",", "").isdecimal() and text.count(",") == len(phones) - 1
        if sound and max(map(len, phones)) <= _DIGITS:
            return list(map(int, text.split(",")))
        return [self._number(phone) for phone in phones]

    def _number(self, phone: str) -> int:
        plus = phone.startswith("+")
        digits = phone[1:] if plus else phone
        if len(phone) <= _DIGITS and digits.isascii() and (digits.isdecimal() or not digits):
            return int((_PLUS if plus else _NO_PLUS) + digits)
        return -1 - self._others.setdefault(phone, len(self._others))


class _Names:
    """Texts that repeat, as small numbers."""

    def __init__(self) -> None:
        self.numbers: dict[str, int] = {}

    def take(self, texts: Iterable[str]) -> list[int]:
        numbers = self.numbers
        return [numbers.setdefault(text, len(numbers)) for text in texts]


class _Zones:
    """Time zones as small numbers; a time comes back in the zone in which it was given."""

    def __init__(self) -> None:
        self._numbers: dict[tzinfo, int] = {}
        self._zones: list[tzinfo] = []
        self._fixed: list[int | None] = []  # what to take from local seconds since year 0

    def take(self, times: Sequence[datetime]) -> list[int]:
        get = self._numbers.get
        return [number if (number := get(t.tzinfo)) is not None else self._new(t) for t in times]  # type: ignore[arg-type]  # None is never a key

    def _new(self, time: datetime) -> int:
        zone, offset = time.tzinfo, time.utcoffset()
        if zone is None or offset is None:
            raise ValueError("a time without a zone")
        self._numbers[zone] = len(self._zones)
        self._zones.append(zone)
        whole = isinstance(zone, timezone) and offset and not offset.microseconds
        self._fixed.append(EPOCH.toordinal() * 86_400 + int(offset.total_seconds()) if whole else None)
        return len(self._zones) - 1

    def stamps(self, times: Sequence[datetime], zones: Sequence[int]) -> list[float]:
        """Return the times as they are stored, from the numbers of their zones."""
        fixed = self._fixed[zones[0]] if zones and zones.count(zones[0]) == len(zones) else None
        if fixed is None:
            return [
                (since := time - EPOCH).days * _DAY + since.seconds * SECOND + since.microseconds
                for time in times
            ]
        # the same, but twice as quick where the zone is not UTC
        return [
            (t.toordinal() * 86_400 + t.hour * 3600 + t.minute * 60 + t.second - fixed) * SECOND
            + t.microsecond
            for t in times
        ]

    def time(self, micros: float, zone: int) -> datetime:
        return instant(micros).astimezone(self._zones[zone])


def _batches(items: Iterable[_Item | Rejected], rejected: list[Rejected]) -> Iterator[list[_Item]]:
    """Yield what is no `Rejected`, some at a time, so that each column is worked on in one go."""
    stream = iter(items)
    while batch := list(islice(stream, ROWS)):
        if Rejected in set(map(type, batch)):
            rejected.extend(item for item in batch if isinstance(item, Rejected))
            batch = [item for item in batch if not isinstance(item, Rejected)]
        if batch:
            yield cast("list[_Item]", batch)


def instant(micros: float) -> datetime:
    """Return a stored time."""
    return EPOCH + timedelta(microseconds=int(micros))


def micros(time: datetime) -> float:
    """Return a time as it is stored."""
    return float((time - EPOCH) // timedelta(microseconds=1))


def _is_given(value: object) -> bool:
    return value is not None


def _bounded(values: Sequence[int]) -> Sequence[int]:
    if min(values) >= 0 and max(values) <= _MOST:
        return values
    return [max(0, min(value, _MOST)) for value in values]


class CallStore:
    """The calls of the telephony. `rule` is the number of the rule that leaves a call out."""

    def __init__(self, rules: Rules, phones: PhoneKeys) -> None:
        self.start, self.phone, self.id = array("d"), array("q"), array("q")
        self.end, self.talk, self.employee = array("d"), array("i"), array("i")
        self.flags, self.rule = array("B"), array("h")
        self.employees = _Names()
        self.rejected: list[Rejected] = []
        self._rules, self._phones = rules, phones
        self._zones, self._spill = _Zones(), Spill()

    def __len__(self) -> int:
        return len(self.start)

    def close(self) -> None:
        """Forget the calls."""
        self._spill.close()

    def take(self, items: Iterable[Call | Rejected]) -> None:
        """Add calls; can be repeated."""
        for batch in _batches(items, self.rejected):
            self._take(batch)

    def _take(self, batch: Sequence[Call]) -> None:
        (ids, sources, ways, times, talks, phones, answers, waits, lines, people, links, tags, raws) = zip(
            *batch, strict=True
        )
        zones = self._zones.take(times)
        starts = self._zones.stamps(times, zones)
        self.start.fromlist(starts)
        self.phone.fromlist(self._phones.take(phones))
        self.id.fromlist(list(map(hash, ids)))
        self.talk.extend(_bounded(talks))
        self.end.fromlist([s + ((w or 0) + t) * SECOND for s, w, t in zip(starts, waits, talks, strict=True)])
        self.employee.fromlist(self.employees.take(people))
        self.flags.fromlist(
            [
                (answered is True) | (link is not None) << 1 | (way == "out") << 2  # the flags' values
                for answered, link, way in zip(answers, links, ways, strict=True)
            ]
        )
        self.rule.fromlist(self._rules.of_calls(batch))
        columns = (ids, sources, ways, zones, talks, phones, answers, waits, lines, people, links, tags)
        if any(map(_is_given, raws)):
            self._spill.append((*columns, [None if raw is None else dict(raw) for raw in raws]))
        else:
            self._spill.append(columns)

    def call(self, number: int) -> Call:
        """Return a call as it was given."""
        row = self._spill.row(number)
        raw = row[12] if len(row) > 12 else None
        at = self._zones.time(self.start[number], row[3])
        return Call._make((*row[:3], at, *row[4:11], tuple(row[11]), raw))

    def has_full_number(self, number: int) -> bool:
        """Return whether the other side's phone is a full number, by which a contact can be found."""
        return self.phone[number] > 0 and str(self.phone[number]).startswith(_PLUS)

    def call_id(self, number: int) -> str:
        """Return the telephony's id of a call."""
        return str(self._spill.row(number)[0])


class RecordStore:
    """What the CRM has."""

    def __init__(self, phones: PhoneKeys) -> None:
        self.start, self.phone, self.id = array("d"), array("q"), array("q")
        self.created, self.talk, self.employee = array("d"), array("i"), array("i")
        self.flags = array("B")
        self.employees = _Names()
        self.rejected: list[Rejected] = []
        self._phones = phones
        self._zones, self._spill = _Zones(), Spill()

    def __len__(self) -> int:
        return len(self.start)

    def close(self) -> None:
        """Forget the records."""
        self._spill.close()

    def take(self, items: Iterable[CrmCall | Rejected]) -> None:
        """Add records; can be repeated."""
        for batch in _batches(items, self.rejected):
            self._take(batch)

    def _take(self, batch: Sequence[CrmCall]) -> None:
        (ids, times, phones, ways, others, talks, lines, people, contacts, told, links, created, cards) = zip(
            *batch, strict=True
        )
        zones = self._zones.take(times)
        starts = self._zones.stamps(times, zones)
        made, made_zones = self._created(created)
        self.start.fromlist(starts)
        self.phone.fromlist(self._phones.take(phones))
        self.id.fromlist(list(map(hash, others)))  # the hash of an empty text is 0
        self.created.fromlist(made)
        self.talk.extend(_bounded(talks) if None not in talks else [-1 if t is None else t for t in talks])
        self.employee.fromlist(self.employees.take(people))
        self.flags.fromlist(
            [
                (contact != "") | _TOLD[recording] | _WAYS.get(way, 0)
                for contact, recording, way in zip(contacts, told, ways, strict=True)
            ]
        )
        columns = (ids, zones, phones, ways, others, talks, lines, people, contacts, told, links)
        self._spill.append((*columns, made_zones, cards))

    def _created(self, created: Sequence[datetime | None]) -> tuple[list[float], list[int | None]]:
        told = [time for time in created if time is not None]
        zones = self._zones.take(told)
        stamps = self._zones.stamps(told, zones)
        if len(told) == len(created):
            return stamps, [*zones]
        known = iter(zip(stamps, zones, strict=True))
        both: list[tuple[float, int | None]] = [
            (math.nan, None) if time is None else next(known) for time in created
        ]
        return [stamp for stamp, _ in both], [zone for _, zone in both]

    def record(self, number: int) -> CrmCall:
        """Return a record as it was given."""
        row: list[Any] = self._spill.row(number)
        zone, card = row[11], row[12]
        created = None if zone is None else self._zones.time(self.created[number], zone)
        at = self._zones.time(self.start[number], row[1])
        return CrmCall._make((row[0], at, *row[2:11], created, card))

    def record_id(self, number: int) -> str:
        """Return the CRM's id of a record."""
        return str(self._spill.row(number)[0])
