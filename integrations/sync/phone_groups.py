"""Calls and records by phone, as chains of numbers: a list for each of a million phones costs too much."""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

END = -1


class Side(NamedTuple):
    """The phones and times of one side, by number, and the numbers that are to be grouped."""

    phones: Sequence[int]
    times: Sequence[float]
    numbers: Iterable[int]


class Groups:
    """The calls and records of every phone that has both."""

    def __init__(self, calls: Side, records: Side) -> None:
        wanted = list(records.numbers)
        few = len(wanted) * 4 < len(calls.phones)
        phones = {records.phones[record] for record in wanted} if few else None
        self._crooked: set[int] = set()  # phones whose chains are not in the order of time
        self._before_call = array("i", [END]) * len(calls.phones)
        self._calls = self._chain(calls, self._before_call, phones)
        self._before_record = array("i", [END]) * len(records.phones)
        self._records = self._chain(records._replace(numbers=wanted), self._before_record, self._calls)

    def _chain(
        self, side: Side, before: array[int], only: dict[int, int] | set[int] | None
    ) -> dict[int, int]:
        phones, times, numbers = side
        last: dict[int, int] = {}
        get = last.get
        for number in numbers:
            phone = phones[number]
            if only is None or phone in only:
                previous = get(phone)
                if previous is not None:
                    before[number] = previous
                    if times[previous] > times[number]:
                        self._crooked.add(phone)
                last[phone] = number
        return last

    def first(self) -> Iterator[tuple[int, int]]:
        """Yield the last call and the last record of each phone that has both."""
        calls = self._calls
        return ((calls[phone], record) for phone, record in self._records.items())

    def plain(self) -> Iterator[tuple[int, int]]:
        """Yield of `first` what belongs to chains in the order of time."""
        calls, crooked = self._calls, self._crooked
        return ((calls[phone], record) for phone, record in self._records.items() if phone not in crooked)

    def crooked(self) -> Iterator[tuple[int, int]]:
        """Yield of `first` the rest."""
        return ((self._calls[p], self._records[p]) for p in self._crooked if p in self._records)

    @property
    def chains(self) -> tuple[Sequence[int], Sequence[int]]:
        """The call and the record of the same phone that was given before; `END` before the first."""
        return self._before_call, self._before_record

    def members(self, call: int, record: int) -> tuple[list[int], list[int]]:
        """Return all calls and all records of the phone that `first` gave these of."""
        return _follow(call, self._before_call), _follow(record, self._before_record)


def _follow(number: int, before: array[int]) -> list[int]:
    found = []
    while number != END:
        found.append(number)
        number = before[number]
    found.reverse()  # as they were given
    return found
