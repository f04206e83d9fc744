"""Filters, sorting and fields of the `get` methods, as the documentation describes them."""

from __future__ import annotations

import re
import tomllib
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any, NamedTuple

from integrations.lab.uis.rpc import RpcError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_DEPTH = 10
_NULLABLE = {"=", "!="}
OFFSET_MAX, LIMIT_MAX, LIMIT = 100_000, 10_000, 1000
Row = dict[str, Any]  # `Any`: JSON


class Table(NamedTuple):
    """What may be asked of a method's rows."""

    default: tuple[str, ...]
    known: frozenset[str]
    filter: frozenset[str]
    sort: frozenset[str]
    arrays: frozenset[str]


@cache
def tables() -> Mapping[str, Table]:
    """Return the fields of each method."""
    text = (files(__package__) / "fields.toml").read_text(encoding="utf-8")
    return {
        method: Table(
            tuple(entry["default"]),
            frozenset([*entry["default"], *entry["other"]]),
            frozenset(entry["filter"]),
            frozenset(entry["sort"]),
            frozenset(entry["arrays"]),
        )
        for method, entry in tomllib.loads(text).items()
    }


def fields(table: Table, params: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the fields that are asked for.

    Raises:
        RpcError: one does not exist.
    """
    wanted = params.get("fields")
    if wanted is None:
        return table.default
    if not isinstance(wanted, list):
        raise RpcError("data_type_error", "fields", wanted)
    for name in wanted:
        if name not in table.known:
            raise RpcError("unexpected_parameters", "fields", name)
    return tuple(wanted)


def shown(row: Row, wanted: tuple[str, ...], table: Table) -> Row:
    """Return a row with the fields that are asked for; what is empty is null, or an empty array."""
    return {name: row.get(name, [] if name in table.arrays else None) for name in wanted}


def page(params: Mapping[str, Any]) -> tuple[int, int]:
    """Return offset and limit.

    Raises:
        RpcError: they are out of their bounds.
    """
    found = []
    for name, default, most in (("offset", 0, OFFSET_MAX), ("limit", LIMIT, LIMIT_MAX)):
        value = params.get(name, default)
        if not isinstance(value, int) or isinstance(value, bool):
            raise RpcError("data_type_error", name, value)
        if not 0 <= value <= most:
            raise RpcError("invalid_parameter_value", name, value)
        found.append(value)
    return found[0], found[1]


def order(table: Table, params: Mapping[str, Any]) -> tuple[str, bool] | None:
    """Return the field to sort by and whether from the last; None where the request does not say.

    Raises:
        RpcError: it may not be sorted by that.
    """
    sort = params.get("sort")
    if not sort:
        return None
    if not isinstance(sort, list) or not isinstance(sort[0], dict):
        raise RpcError("data_type_error", "sort", sort)
    field, direction = sort[0].get("field"), sort[0].get("order", "asc")
    if field not in table.known:
        raise RpcError("unexpected_parameters", "sort", field)
    if field not in table.sort or len(sort) > 1:
        raise RpcError("sort_prohibited", "sort", field)
    if direction not in {"asc", "desc"}:
        raise RpcError("invalid_parameter_value", "sort.order", direction)
    return field, direction == "desc"


def condition(table: Table, params: Mapping[str, Any]) -> Callable[[Row], bool] | None:
    """Return the filter as a function; None without one.

    Raises:
        RpcError: it is malformed, or a field may not be filtered by.
    """
    wanted = params.get("filter")
    return _tree(table, wanted, 0) if wanted else None


def ids(params: Mapping[str, Any], field: str) -> list[Any] | None:
    """Return the values that a simple filter asks `field` for, None if the filter is another one."""
    wanted = params.get("filter")
    if not isinstance(wanted, dict) or wanted.get("field") != field:
        return None
    if wanted.get("operator") == "in" and isinstance(wanted.get("value"), list):
        return list(wanted["value"])
    return [wanted.get("value")] if wanted.get("operator") == "=" else None


def _tree(table: Table, wanted: object, depth: int) -> Callable[[Row], bool]:
    if not isinstance(wanted, dict) or depth > _DEPTH:
        raise RpcError("data_type_error", "filter")
    if "filters" not in wanted:
        return _simple(table, wanted)
    if not isinstance(wanted["filters"], list) or not wanted["filters"]:
        raise RpcError("data_type_error", "filter.filters")
    parts = [_tree(table, part, depth + 1) for part in wanted["filters"]]
    joint = wanted.get("condition")
    if joint == "and":
        return lambda row: all(part(row) for part in parts)
    if joint == "or":
        return lambda row: any(part(row) for part in parts)
    raise RpcError("invalid_parameter_value", "filter.condition", joint)


def _simple(table: Table, wanted: Mapping[str, Any]) -> Callable[[Row], bool]:
    field, operator, value = wanted.get("field"), wanted.get("operator"), wanted.get("value")
    if field is None or operator is None:
        raise RpcError("required_parameter_missed", "filter.field" if field is None else "filter.operator")
    if field not in table.known:
        raise RpcError("unexpected_parameters", "filter", field)
    if field not in table.filter:
        raise RpcError("filter_prohibited", "filter", field)
    compare = _comparison(operator, value)

    def holds(row: Row) -> bool:
        found = row.get(field)
        if found is None or value is None:
            return operator in _NULLABLE and compare(found)
        try:
            return compare(found)
        except TypeError:
            raise RpcError("data_type_error", field, value) from None

    return holds


def _comparison(operator: str, value: Any) -> Callable[[Any], bool]:  # noqa: PLR0911  one line an operator
    match operator:
        case "=":
            return lambda found: bool(found == value)
        case "!=":
            return lambda found: bool(found != value)
        case "<":
            return lambda found: bool(found < value)
        case ">":
            return lambda found: bool(found > value)
        case "<=":
            return lambda found: bool(found <= value)
        case ">=":
            return lambda found: bool(found >= value)
        case "in" if isinstance(value, list):
            return lambda found: found in value
        case "like" if isinstance(value, str):
            like = re.compile("%".join(map(re.escape, value.split("%"))).replace("%", ".*"), re.DOTALL)
            return lambda found: like.fullmatch(str(found)) is not None
        case "regexp" if isinstance(value, str):
            try:
                pattern = re.compile(value)
            except re.error:
                raise RpcError("invalid_parameter_value", "filter.value", value) from None
            return lambda found: pattern.search(str(found)) is not None
    raise RpcError("invalid_parameter_value", "filter.operator", operator)
