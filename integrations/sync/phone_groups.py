"""Calls and records by phone, as chains of numbers: a list for each of a million phones costs too much."""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

END = -1


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
        self._before_call = array("i", [END]) * len(call_phones)
        self._calls = self._chain(call_phones, calls, self._before_call, phones)
        self._before_record = array("i", [END]) * len(record_phones)
        self._records = self._chain(record_phones, wanted, self._before_record, self._calls)

    @staticmethod
    def _chain(
        phones: Sequence[int],
        numbers: Iterable[int],
        before: array[int],
        only: dict[int, int] | set[int] | None,
    ) -> dict[int, int]:
        last: dict[int, int] = {}
        get = last.get
        for number in numbers:
            phone = phones[number]
            if only is None or phone in only:
                before[number] = get(phone, END)
                last[phone] = number
        return last

    def first(self) -> Iterator[tuple[int, int]]:
        """Yield the last call and the last record of each phone that has both."""
        calls = self._calls
        return ((calls[phone], record) for phone, record in self._records.items())

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
