"""Calls and records by phone, as chains of numbers: a list for each of a million phones costs too much."""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

_END = -1


class Groups:
    """The calls and records of every phone that has both."""

    def __init__(
        self,
        call_phones: Sequence[int],
        calls: Iterable[int],
        record_phones: Sequence[int],
        records: Iterable[int],
    ) -> None:
        wanted = list(records)
        phones = {record_phones[record] for record in wanted} if len(wanted) * 4 < len(call_phones) else None
        self._next_call = array("i", [_END]) * len(call_phones)
        self._calls = self._chain(call_phones, calls, self._next_call, phones)
        self._next_record = array("i", [_END]) * len(record_phones)
        self._records = self._chain(record_phones, wanted, self._next_record, self._calls)

    @staticmethod
    def _chain(
        phones: Sequence[int],
        numbers: Iterable[int],
        following: array[int],
        only: dict[int, int] | set[int] | None,
    ) -> dict[int, int]:
        last: dict[int, int] = {}
        get = last.get
        for number in numbers:
            phone = phones[number]
            if only is None or phone in only:
                following[number] = get(phone, _END)
                last[phone] = number
        return last

    def first(self) -> Iterator[tuple[int, int]]:
        """Yield one call and one record of each phone that has both."""
        calls = self._calls
        return ((calls[phone], record) for phone, record in self._records.items())

    def is_single(self, call: int, record: int) -> bool:
        """Return whether these are the phone's only ones."""
        return self._next_call[call] == _END and self._next_record[record] == _END

    def members(self, call: int, record: int) -> tuple[list[int], list[int]]:
        """Return all calls and all records of the phone that `first` gave these of."""
        return _follow(call, self._next_call), _follow(record, self._next_record)


def _follow(number: int, following: array[int]) -> list[int]:
    found = []
    while number != _END:
        found.append(number)
        number = following[number]
    found.reverse()  # as they were given
    return found
