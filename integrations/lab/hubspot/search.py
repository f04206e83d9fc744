"""POST /crm/v3/objects/{type}/search: filters, sorting, pages, and the end at 10,000 results."""

from __future__ import annotations

import bisect
import json
from typing import TYPE_CHECKING, Any

from integrations.lab.hubspot.problems import RefusedError, invalid
from integrations.lab.hubspot.store import milliseconds

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from integrations.lab.hubspot.store import Store

MAX_LIMIT = 200
DEFAULT_LIMIT = 10
MAX_RESULTS = 10_000
MAX_GROUPS = 5
MAX_FILTERS_OF_GROUP = 6
MAX_FILTERS = 18
_TIMES = frozenset({"hs_timestamp", "hs_createdate", "hs_lastmodifieddate", "createdate"})
_NUMBERS = frozenset({"hs_call_duration", "hs_object_id"})
_EVER = (-(2**62), 2**62)


def search(store: Store, kind: str, body: dict[str, Any], unseen_after: int) -> dict[str, Any]:
    """Return one page of results; objects made after `unseen_after` (ms) are not in the index yet.

    Raises:
        RefusedError: the question is wrong, or pages past the 10,000th result.
    """
    groups = body.get("filterGroups") or []
    _check_groups(groups)
    limit, after = body.get("limit", DEFAULT_LIMIT), body.get("after") or 0
    if not isinstance(limit, int) or not 0 < limit <= MAX_LIMIT:
        raise invalid(f"limit must be between 1 and {MAX_LIMIT}")
    if not str(after).isdecimal():
        raise invalid("after is not a valid number")
    start = int(after)
    if start + limit > MAX_RESULTS:  # UNVERIFIED wording; that it is a 400 is documented
        raise invalid(f"Paging past the first {MAX_RESULTS} results is not supported")
    key = json.dumps([kind, groups, body.get("sorts"), body.get("query"), unseen_after])
    rows = store.kept(key, lambda: _matching(store, kind, body, unseen_after))
    found = rows[start : start + limit]
    answer: dict[str, Any] = {"total": len(rows), "results": found}
    if start + limit < len(rows):
        following = str(start + limit)
        answer["paging"] = {"next": {"after": following, "link": f"?after={following}"}}
    return answer


def _check_groups(groups: Any) -> None:
    if not isinstance(groups, list) or len(groups) > MAX_GROUPS:
        raise invalid(f"At most {MAX_GROUPS} filterGroups are allowed")
    filters = [group.get("filters") or [] for group in groups]
    if any(len(some) > MAX_FILTERS_OF_GROUP for some in filters) or sum(map(len, filters)) > MAX_FILTERS:
        raise invalid("Too many filters")


def _matching(store: Store, kind: str, body: dict[str, Any], unseen_after: int) -> list[dict[str, Any]]:
    groups = [group.get("filters") or [] for group in body.get("filterGroups") or []] or [[]]
    query = "".join(character for character in str(body.get("query") or "") if character.isalnum()).lower()
    found: dict[str, dict[str, Any]] = {}
    for filters in groups:
        tests = [_test(one) for one in filters]
        for stored in _candidates(store, kind, filters):
            if stored["_ms"] <= unseen_after and all(test(stored["properties"]) for test in tests):
                found[stored["id"]] = stored
    rows = [stored for stored in found.values() if not query or _mentions(stored, query)]
    return _sorted(rows, kind, body.get("sorts"), several=len(groups) > 1)


def _candidates(store: Store, kind: str, filters: list[dict[str, Any]]) -> Iterable[dict[str, Any]]:
    """Return the objects that may match; calls of a range of time are a slice."""
    if kind != "calls":
        return store.objects[kind].values()
    low, high = _EVER
    for one in filters:
        if one.get("propertyName") == "hs_timestamp":
            first, last = _range(one)
            low, high = max(low, first), min(high, last)
    start = bisect.bisect_left(store.by_time, (low, ""))
    end = bisect.bisect_left(store.by_time, (high + 1, ""))
    calls = store.objects["calls"]
    return [calls[number] for _, number in store.by_time[start:end]]


def _range(one: dict[str, Any]) -> tuple[int, int]:
    operator = one.get("operator")
    if operator not in {"EQ", "GT", "GTE", "LT", "LTE", "BETWEEN"}:
        return _EVER
    value = milliseconds(one.get("value"))
    high = milliseconds(one.get("highValue")) if operator == "BETWEEN" else value
    return {
        "EQ": (value, value),
        "GT": (value + 1, _EVER[1]),
        "GTE": (value, _EVER[1]),
        "LT": (_EVER[0], value - 1),
        "LTE": (_EVER[0], value),
        "BETWEEN": (value, high),
    }[str(operator)]


def _test(one: dict[str, Any]) -> Callable[[dict[str, str]], bool]:
    name, operator = one.get("propertyName"), one.get("operator")
    if not isinstance(name, str) or not isinstance(operator, str):
        raise invalid("A filter needs propertyName and operator")
    if name in _TIMES and operator in {"EQ", "GT", "GTE", "LT", "LTE", "BETWEEN"}:
        low, high = _range(one)
        return lambda values: bool(values.get(name)) and low <= milliseconds(values[name]) <= high
    value = _comparable(name, one.get("value"))
    wanted = {_comparable(name, item) for item in one.get("values") or []}
    tests: dict[str, Callable[[dict[str, str]], bool]] = {
        "EQ": lambda values: _comparable(name, values.get(name)) == value,
        "NEQ": lambda values: _comparable(name, values.get(name)) != value,
        "IN": lambda values: _comparable(name, values.get(name)) in wanted,
        "NOT_IN": lambda values: _comparable(name, values.get(name)) not in wanted,
        "HAS_PROPERTY": lambda values: bool(values.get(name)),
        "NOT_HAS_PROPERTY": lambda values: not values.get(name),
        "CONTAINS_TOKEN": lambda values: str(value).strip("*") in str(values.get(name, "")).lower(),
        "GT": lambda values: _number(values, name) > float(str(value)),
        "GTE": lambda values: _number(values, name) >= float(str(value)),
        "LT": lambda values: _number(values, name) < float(str(value)),
        "LTE": lambda values: _number(values, name) <= float(str(value)),
    }
    if operator not in tests:
        raise invalid(f"operator {operator} is not supported")
    return tests[operator]


def _comparable(name: str, value: Any) -> str:
    return str(value if value is not None else "").lower() if name not in _NUMBERS else str(value)


def _number(values: dict[str, str], name: str) -> float:
    try:
        return float(values.get(name) or "nan")
    except ValueError:
        return float("nan")


def _mentions(stored: dict[str, Any], query: str) -> bool:
    texts = ("".join(c for c in str(value) if c.isalnum()).lower() for value in stored["properties"].values())
    return any(query in text for text in texts)


def _sorted(rows: list[dict[str, Any]], kind: str, sorts: Any, *, several: bool) -> list[dict[str, Any]]:
    name, down = ("hs_createdate", False)
    if isinstance(sorts, list) and sorts:
        if len(sorts) > 1:
            raise invalid("Only one sort is allowed")
        first = sorts[0]
        if isinstance(first, dict):
            name, down = str(first.get("propertyName")), first.get("direction") == "DESCENDING"
        else:
            name, down = str(first).lstrip("-"), str(first).startswith("-")
    if kind == "calls" and name == "hs_timestamp" and not several:
        return rows[::-1] if down else rows  # candidates come in this order
    return sorted(rows, key=lambda stored: _sort_key(name, stored), reverse=down)


def _sort_key(name: str, stored: dict[str, Any]) -> tuple[float, str, int]:
    value = stored["properties"].get(name) or ""
    number = float(value) if name in _NUMBERS and value else 0.0
    if name in _TIMES and value:
        try:
            number = float(milliseconds(value))
        except RefusedError:
            number = 0.0
    return number, value if not number else "", int(stored["id"])
