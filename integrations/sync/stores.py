"""Both sides in compact columns: what the match needs stays in memory, the rest is spilled.

Times are microseconds since 1970 as floats, exact until the year 2255 and quick to sort. A phone is an exact
number. An id is kept as its 64-bit hash (keyed anew in each process): an equal hash is only believed where
phone or time agree, too.
"""

from __future__ import annotations

import math
from array import array
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from integrations.crm.reader import CrmCall
from integrations.sync.spill import ROWS, Spill
from supportctl.core.call import Call, Rejected

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import tzinfo

    from integrations.sync.rules import Rules

SECOND = 1_000_000.0
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_DIGITS = 18  # with a leading 1 and the mark of a plus they fit into 63 bits
_MOST = 2**31 - 1

# flags of a call
ANSWERED, RECORDED, OUT, E164 = 1, 2, 4, 8
# flags of a record; the direction is 0 where the CRM does not tell
HAS_CONTACT, RECORDING_TOLD, RECORDING_THERE, DIRECTION_IN, DIRECTION_OUT = 1, 2, 4, 8, 16


class PhoneKeys:
    """Phones as numbers: equal numbers, equal phones. What is not digits is numbered as it comes."""

    def __init__(self) -> None:
        self._others: dict[str, int] = {}

    def take(self, phones: Sequence[str]) -> list[int]:
        """Return the numbers of many phones."""
        letters = "".join(phones)
        if letters.isascii() and letters.replace("+", "0").isdecimal() and max(map(len, phones)) <= _DIGITS:
            try:
                return [int("1" + p[1:]) * 2 + 1 if p[:1] == "+" else int("1" + p) * 2 for p in phones]
            except ValueError:  # a plus in the middle
                pass
        return [self.number(phone) for phone in phones]

    def number(self, phone: str) -> int:
        """Return the number of one phone."""
        plus = phone.startswith("+")
        digits = phone[1:] if plus else phone
        if len(digits) <= _DIGITS and digits.isdecimal() and digits.isascii():
            return int("1" + digits) * 2 + plus
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

    def take(self, times: Sequence[datetime]) -> list[int]:
        get = self._numbers.get
        return [number if (number := get(t.tzinfo)) is not None else self._new(t) for t in times]  # type: ignore[arg-type]  # None is never a key

    def _new(self, time: datetime) -> int:
        if time.tzinfo is None:
            raise ValueError("a time without a zone")
        self._numbers[time.tzinfo] = len(self._zones)
        self._zones.append(time.tzinfo)
        return len(self._zones) - 1

    def time(self, micros: float, zone: int) -> datetime:
        return instant(micros).astimezone(self._zones[zone])


def instant(micros: float) -> datetime:
    """Return a stored time."""
    return EPOCH + timedelta(microseconds=int(micros))


def micros(time: datetime) -> float:
    """Return a time as it is stored."""
    return float((time - EPOCH) // timedelta(microseconds=1))


def _stamps(times: Iterable[datetime]) -> list[float]:
    # the float of `timestamp` is good to a quarter of a microsecond
    return [(time.timestamp() * SECOND + 0.5) // 1 for time in times]


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
        self._waiting: list[Call] = []

    def __len__(self) -> int:
        return len(self.start)

    def close(self) -> None:
        """Forget the calls."""
        self._spill.close()

    def take(self, items: Iterable[Call | Rejected]) -> None:
        """Add calls; can be repeated."""
        waiting = self._waiting
        for item in items:
            if isinstance(item, Rejected):
                self.rejected.append(item)
                continue
            waiting.append(item)
            if len(waiting) == ROWS:
                self._flush()

    def done(self) -> None:
        """Store what still waits, so that it can be read."""
        if self._waiting:
            self._flush()

    def _flush(self) -> None:
        batch = self._waiting
        (ids, sources, ways, times, talks, phones, answers, waits, lines, people, links, tags, raws) = zip(
            *batch, strict=True
        )
        zones = self._zones.take(times)
        starts = _stamps(times)
        self.start.extend(starts)
        self.phone.extend(self._phones.take(phones))
        self.id.extend(map(hash, ids))
        self.talk.extend(_bounded(talks))
        self.end.extend([s + ((w or 0) + t) * SECOND for s, w, t in zip(starts, waits, talks, strict=True)])
        self.employee.extend(self.employees.take(people))
        self.flags.extend(
            [
                (ANSWERED if answered else 0)
                | (RECORDED if link is not None else 0)
                | (OUT if way == "out" else 0)
                | (E164 if phone.startswith("+") else 0)
                for answered, link, way, phone in zip(answers, links, ways, phones, strict=True)
            ]
        )
        self.rule.extend(self._rules.of_calls(batch))
        raw = (
            [dict(value) if value is not None else None for value in raws]
            if any(map(_is_given, raws))
            else None
        )
        columns = (
            ids,
            sources,
            ways,
            starts,
            zones,
            talks,
            phones,
            answers,
            waits,
            lines,
            people,
            links,
            tags,
        )
        self._spill.append((*columns, raw) if raw else columns)
        batch.clear()

    def call(self, number: int) -> Call:
        """Return a call as it was given."""
        row = self._spill.row(number)
        raw = row[13] if len(row) > 13 else None
        at = self._zones.time(row[3], row[4])
        return Call._make((*row[:3], at, *row[5:12], tuple(row[12]), raw))

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
        self._waiting: list[CrmCall] = []

    def __len__(self) -> int:
        return len(self.start)

    def close(self) -> None:
        """Forget the records."""
        self._spill.close()

    def take(self, items: Iterable[CrmCall | Rejected]) -> None:
        """Add records; can be repeated."""
        waiting = self._waiting
        for item in items:
            if isinstance(item, Rejected):
                self.rejected.append(item)
                continue
            waiting.append(item)
            if len(waiting) == ROWS:
                self._flush()

    def done(self) -> None:
        """Store what still waits, so that it can be read."""
        if self._waiting:
            self._flush()

    def _flush(self) -> None:
        batch = self._waiting
        (ids, times, phones, ways, others, talks, lines, people, contacts, told, links, created, cards) = zip(
            *batch, strict=True
        )
        zones, starts = self._zones.take(times), _stamps(times)
        made, made_zones = self._created(created)
        self.start.extend(starts)
        self.phone.extend(self._phones.take(phones))
        self.id.extend(map(hash, others))  # the hash of an empty text is 0
        self.created.extend(made)
        self.talk.extend([-1 if talk is None else max(0, min(talk, _MOST)) for talk in talks])
        self.employee.extend(self.employees.take(people))
        self.flags.extend(
            [
                (HAS_CONTACT if contact else 0)
                | (0 if recording is None else RECORDING_TOLD | RECORDING_THERE * recording)
                | (DIRECTION_IN if way == "in" else DIRECTION_OUT if way == "out" else 0)
                for contact, recording, way in zip(contacts, told, ways, strict=True)
            ]
        )
        columns = (ids, starts, zones, phones, ways, others, talks, lines, people, contacts, told, links)
        self._spill.append((*columns, made, made_zones, cards))
        batch.clear()

    def _created(self, created: Sequence[datetime | None]) -> tuple[list[float], list[int | None]]:
        told = [time for time in created if time is not None]
        stamps, zones = _stamps(told), self._zones.take(told)
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
        made, zone = row[12], row[13]
        created = None if zone is None else self._zones.time(made, zone)
        at = self._zones.time(row[1], row[2])
        return CrmCall._make((row[0], at, *row[3:12], created, row[14]))

    def record_id(self, number: int) -> str:
        """Return the CRM's id of a record."""
        return str(self._spill.row(number)[0])
