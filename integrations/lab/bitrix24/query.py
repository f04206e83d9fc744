"""Lists with filters: operators in front of a field's name, sorting, pages of 50; indexes keep them fast."""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from datetime import datetime, tzinfo
from typing import TYPE_CHECKING, Any, Generic, Literal, NamedTuple, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

PAGE = 50
_OPERATORS = ("!><", "><", "!=", ">=", "<=", "!%", "!", ">", "<", "?", "=", "%", "@")  # the longest first
_REMEMBERED = 16
Kind = Literal["int", "str", "date"]
Row = TypeVar("Row")


class Field(NamedTuple):
    """How a field of a row is read, and what kind of value it is."""

    get: Callable[[Any], Any]
    kind: Kind = "str"


class Condition(NamedTuple):
    """One condition of a filter; `value` is a tuple where an array was given."""

    field: str
    operator: str
    value: Any


class Page(NamedTuple):
    """One page; `total` is None where `start=-1` asked not to count."""

    rows: list[Any]
    total: int | None
    next: int | None


def split_operator(name: str) -> tuple[str, str]:
    """Return operator and field of a filter's key; none at all means equality."""
    for operator in _OPERATORS:
        if name.startswith(operator):
            field = name[len(operator) :]
            return ("=" if operator in {"=", "@"} else operator), field
    return "=", name


def moment(value: Any, zone: tzinfo) -> datetime | None:
    """Return a date of a filter; one without an offset is in the portal's zone. None: it is no date."""
    try:
        found = datetime.fromisoformat(str(value).strip())
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=zone)


class Table(Generic[Row]):
    """Rows by ascending id. `indexed` fields are looked up at once; `dated` is the one with a range index."""

    def __init__(
        self, fields: Mapping[str, Field], indexed: Iterable[str], dated: str | None, zone: tzinfo
    ) -> None:
        self.rows: dict[int, Row] = {}
        self._fields = fields
        self._zone = zone
        self._ids: list[int] = []
        self._equal: dict[str, dict[str, list[int]]] = {name: {} for name in indexed}
        self._dated = dated
        self._dates: list[tuple[datetime, int]] = []
        self._version = 0
        self._found: dict[Any, list[int]] = {}

    def __len__(self) -> int:
        """Return how many rows there are."""
        return len(self._ids)

    def add(self, number: int, row: Row) -> None:
        """Add a row under its id."""
        self._version += 1
        self.rows[number] = row
        if self._ids and number < self._ids[-1]:
            insort(self._ids, number)
        else:
            self._ids.append(number)
        for name, index in self._equal.items():
            index.setdefault(_plain(self._fields[name].get(row)), []).append(number)
        if self._dated:
            at = self._fields[self._dated].get(row)
            if not self._dates or (at, number) > self._dates[-1]:
                self._dates.append((at, number))
            else:
                insort(self._dates, (at, number))

    def changed(self) -> None:
        """Forget what was found: a field that is not indexed has another value now."""
        self._version += 1

    def move(self, name: str, number: int, old: object, new: object) -> None:
        """Index a row whose indexed field changes from `old` to `new`."""
        self._equal[name].get(_plain(old), [number]).remove(number)
        self._equal[name].setdefault(_plain(new), []).append(number)

    def by(self, name: str, value: object) -> list[int]:
        """Return the ids of the rows whose indexed field is `value`."""
        return self._equal[name].get(_plain(value), [])

    def conditions(self, wanted: Any) -> list[Condition]:
        """Return the conditions of a FILTER; fields that cannot be filtered by are left out."""
        if not isinstance(wanted, dict):
            return []
        found = []
        for key, value in wanted.items():
            operator, name = split_operator(str(key))
            if name in self._fields:
                found.append(Condition(name, operator, self._value(name, value)))
        return found

    def page(self, conditions: list[Condition], sort: str, *, descending: bool, start: int) -> Page:
        """Return a page: 50 rows from `start`; -1 means the first 50, not counted."""
        name = sort if sort in self._fields else "ID"
        bounds = [c for c in conditions if name == "ID" and _is_bound(c)]
        others = [c for c in conditions if c not in bounds]
        ids = self._matching(others, name)
        low, high = 0, len(ids)
        for _, operator, value in bounds:
            if operator in {">", ">="}:
                low = max(low, (bisect_right if operator == ">" else bisect_left)(ids, value))
            else:
                high = min(high, (bisect_left if operator == "<" else bisect_right)(ids, value))
        total = max(high - low, 0)
        offset = max(start, 0)
        if descending:
            chosen = ids[max(high - offset - PAGE, low) : max(high - offset, low)][::-1]
        else:
            chosen = ids[low + offset : min(low + offset + PAGE, high)]
        rows = [self.rows[number] for number in chosen]
        if start < 0:
            return Page(rows, None, None)
        following = offset + PAGE
        return Page(rows, total, following if following < total else None)

    def _value(self, name: str, value: Any) -> Any:
        if isinstance(value, dict):
            value = list(value.values())
        if isinstance(value, list):
            return tuple(self._value(name, each) for each in value)
        kind = self._fields[name].kind
        if kind == "date":
            return moment(value, self._zone)
        if kind == "int":
            text = str(value).strip()
            return int(text) if text.lstrip("-").isdecimal() else 0
        return _plain(value)

    def _matching(self, conditions: list[Condition], sort: str) -> list[int]:
        """Return the ids that match, in the order of `sort`; remembered until a row is added."""
        key = (self._version, tuple(conditions), sort)
        if key in self._found:
            return self._found[key]
        ids = self._candidates(conditions)
        if conditions:
            ids = [each for each in ids if all(self._holds(c, self.rows[each]) for c in conditions)]
        if sort == "ID":
            ids = sorted(ids) if ids is not self._ids else ids
        else:
            get = self._fields[sort].get
            ids = sorted(ids, key=lambda each: (_sortable(get(self.rows[each])), each))
        if len(self._found) >= _REMEMBERED:
            self._found.clear()
        self._found[key] = ids
        return ids

    def _candidates(self, conditions: list[Condition]) -> list[int]:
        for name, operator, value in conditions:
            if operator == "=" and name == "ID":
                wanted = value if isinstance(value, tuple) else (value,)
                return sorted({each for each in wanted if each in self.rows})
            if operator == "=" and name in self._equal:
                index = self._equal[name]
                wanted = value if isinstance(value, tuple) else (value,)
                return [number for each in dict.fromkeys(wanted) for number in index.get(each, ())]
        return self._in_range(conditions) if self._dated else self._ids

    def _in_range(self, conditions: list[Condition]) -> list[int]:
        low, high = 0, len(self._dates)
        for name, operator, value in conditions:
            if name != self._dated or not isinstance(value, datetime):
                continue
            if operator in {">=", ">"}:
                low = max(low, bisect_left(self._dates, (value, -1)))
            elif operator in {"<", "<="}:
                high = min(high, bisect_right(self._dates, (value, 1 << 62)))
        if low == 0 and high == len(self._dates):
            return self._ids
        return [number for _, number in self._dates[low:high]]

    def _holds(self, condition: Condition, row: Row) -> bool:
        name, operator, value = condition
        field = self._fields[name]
        mine = field.get(row)
        if field.kind == "str":
            mine = _plain(mine)
        if operator in {"=", "!", "!="}:
            same = mine in value if isinstance(value, tuple) else mine == value
            return same == (operator == "=")
        if operator in {"%", "!%", "?"}:
            return (str(value).casefold() in str(mine).casefold()) == (operator != "!%")
        if operator in {"><", "!><"}:
            pair = isinstance(value, tuple) and len(value) == 2 and None not in (*value, mine)
            return (pair and value[0] <= mine <= value[1]) == (operator == "><")
        if mine is None or value is None or isinstance(value, tuple):
            return False
        return _compare(operator, mine, value)


def _compare(operator: str, mine: Any, value: Any) -> bool:
    if operator == ">":
        return bool(mine > value)
    if operator == ">=":
        return bool(mine >= value)
    return bool(mine < value) if operator == "<" else bool(mine <= value)


def _is_bound(condition: Condition) -> bool:
    simple = condition.operator in {">", ">=", "<", "<="}
    return condition.field == "ID" and simple and isinstance(condition.value, int)


def _plain(value: Any) -> str:
    if value is None:
        return ""
    return ("Y" if value else "N") if isinstance(value, bool) else str(value)


def _sortable(value: Any) -> tuple[bool, Any]:
    return (value is not None, value if value is not None else 0)
