"""Lists of the JSON API: `filter`, `order`, `limit`, `offset`, `expand`, and entities as JSON."""

from __future__ import annotations

import re
from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from integrations.lab.moysklad.books import MSK, Books, Ref, told
from integrations.lab.moysklad.errors import RemapError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from integrations.lab.portal import Asked

ROOT = "/api/remap/1.2"
MAX_LIMIT = 1000
AUDIT_LIMIT = 100
EXPAND_LIMIT = 100
_CONDITION = re.compile(r"([A-Za-z]+)(!=|>=|<=|=~|~=|~|=|>|<)(.*)", re.DOTALL)
_SPLIT = re.compile(r"(?<!\\);")
_DAY_TIMES = ("%Y-%m-%d %H:%M:%S.%f", "%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M")
_TIMES = frozenset({"moment", "updated", "created", "deleted"})
_COMMON = frozenset({"id", "name", "updated", "externalCode", "owner", "group", "shared", "isDeleted"})
# What the tables of the documentation let be filtered; retailstore has no `archived` and move no warehouses.
_FIELDS: Mapping[str, frozenset[str]] = {
    "store": _COMMON | {"archived", "parent", "pathName", "code", "address"},
    "retailstore": _COMMON | {"active", "store", "organization", "address"},
    "employee": _COMMON | {"archived", "uid", "email", "phone", "lastName", "firstName"},
    "product": _COMMON | {"archived", "code", "article"},
    "variant": _COMMON | {"archived", "code"},
    "counterparty": _COMMON | {"archived", "phone", "email", "code"},
    "move": _COMMON | {"moment", "created", "deleted", "sum", "applicable", "syncId"},
    "assortment": frozenset({"id", "name", "archived", "code", "externalCode", "updated", "type"}),
    "audit": frozenset({"moment", "eventType", "entityType", "source", "uid", "employee"}),
}
_DOCUMENT = _COMMON | {
    "moment", "created", "deleted", "sum", "applicable", "syncId", "store", "agent", "organization",
    "retailStore", "state",
}  # fmt: skip
_OPERATORS: Mapping[str, Callable[[Any, Any], bool]] = {
    ">=": lambda a, b: a >= b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    "<": lambda a, b: a < b,
    "~": lambda a, b: str(b).casefold() in str(a).casefold(),
    "~=": lambda a, b: str(a).casefold().startswith(str(b).casefold()),
    "=~": lambda a, b: str(a).casefold().endswith(str(b).casefold()),
}
Conditions = dict[tuple[str, str], list[str]]


def conditions(asked: Asked, type_: str) -> Conditions:
    """Return the conditions of `filter`: (field, operator) -> values.

    Raises:
        RemapError: 1034 for what the type cannot be filtered by.
    """
    found: Conditions = {}
    for name, text in asked.query:
        if name != "filter":
            continue
        for part in filter(None, _SPLIT.split(text)):
            match = _CONDITION.fullmatch(part)
            if match is None or match[1] not in _FIELDS.get(type_, _DOCUMENT):
                raise RemapError(1034, part)
            if match[1] in _TIMES:
                moment(match[3])
            found.setdefault((match[1], match[2]), []).append(match[3].replace("\\;", ";"))
    return found


def moment(text: str) -> datetime:
    """Return a moment of a filter.

    Raises:
        RemapError: 1035, it is none.
    """
    for pattern in _DAY_TIMES:
        try:
            return datetime.strptime(text, pattern).replace(tzinfo=MSK)
        except ValueError:
            continue
    raise RemapError(1035, text)


def fits(entity: Mapping[str, Any], wanted: Conditions) -> bool:
    """Return whether an entity fulfils every condition; several `=` of one field are joined by "or"."""
    for (field, operator), texts in wanted.items():
        if field == "isDeleted":
            value: Any = "deleted" in entity
        else:
            value = entity.get(field)
        if operator in {"=", "!="}:
            hit = any(_same(value, text) for text in texts)
            if hit != (operator == "="):
                return False
        elif value is None or not _OPERATORS[operator](value, _of_kind(value, field, texts[0])):
            return False
    return True


def _same(value: object, text: str) -> bool:
    if isinstance(value, Ref):
        return text.rpartition("/")[2] == value.id
    if isinstance(value, bool):
        return text == str(value).lower()
    if isinstance(value, datetime):
        return value == moment(text)
    return text == ("" if value is None else str(value))


def _of_kind(value: object, field: str, text: str) -> Any:
    if field in _TIMES:
        return moment(text)
    if isinstance(value, int | float):
        try:
            return float(text)
        except ValueError:
            raise RemapError(1034, field) from None
    return text


def page(asked: Asked, highest: int = MAX_LIMIT, default: int | None = None) -> tuple[int, int]:
    """Return `limit` and `offset`.

    Raises:
        RemapError: 1040. That a limit above the highest is refused and not cut is UNVERIFIED.
    """
    try:
        limit = int(asked.param("limit", str(default or highest)))
        offset = int(asked.param("offset", "0"))
    except ValueError:
        raise RemapError(1040, "limit") from None
    if not 1 <= limit <= highest or offset < 0:
        raise RemapError(1040, "limit")
    return limit, offset


def ordered(entities: list[dict[str, Any]], asked: Asked) -> list[dict[str, Any]]:
    """Return entities in the order of `order`."""
    for condition in reversed([part for part in asked.param("order").split(";") if part]):
        name, _, direction = condition.partition(",")
        entities.sort(key=lambda e: (e.get(name) is not None, e.get(name)), reverse=direction == "desc")
    return entities


def meta(base: str, type_: str, id_: str) -> dict[str, Any]:
    """Return the `meta` of an entity."""
    return {
        "href": f"{base}{ROOT}/entity/{type_}/{id_}",
        "metadataHref": f"{base}{ROOT}/entity/{type_}/metadata",
        "type": type_,
        "mediaType": "application/json",
        "uuidHref": f"https://online.moysklad.ru/app/#{type_}/edit?id={id_}",
    }


class Page(NamedTuple):
    """Where a page lies in its list."""

    size: int
    limit: int
    offset: int


def collection(base: str, asked: Asked, type_: str, rows: Iterable[Any], where: Page) -> dict[str, Any]:
    """Return a page of a list as JSON."""
    size, limit, offset = where
    href = f"{base}{asked.path}"
    about: dict[str, Any] = {"href": href, "type": type_, "mediaType": "application/json"}
    about |= {"size": size, "limit": limit, "offset": offset}
    if offset + limit < size:
        about["nextHref"] = f"{href}?limit={limit}&offset={offset + limit}"
    if offset:
        about["previousHref"] = f"{href}?limit={limit}&offset={max(offset - limit, 0)}"
    me = {"meta": meta(base, "employee", "me") | {"href": f"{base}{ROOT}/context/employee"}}
    return {"context": {"employee": me}, "meta": about, "rows": list(rows)}


def shown(books: Books, base: str, type_: str, entity: Mapping[str, Any], expand: str = "") -> dict[str, Any]:
    """Return an entity as JSON; links named in `expand` become whole entities, one level deep."""
    wanted = set(expand.split(",")) if expand else set()
    document: dict[str, Any] = {"meta": meta(base, type_, entity["id"])}
    for name, value in entity.items():
        if name == "positions":
            about = {"href": f"{base}{ROOT}/entity/{type_}/{entity['id']}/positions"}
            about |= {"type": f"{type_}position", "mediaType": "application/json"}
            document[name] = {"meta": about | {"size": len(value), "limit": MAX_LIMIT, "offset": 0}}
        elif isinstance(value, Ref):
            link = {"meta": meta(base, value.type, value.id)}
            whole = books.entities.get(value.type, {}).get(value.id) if name in wanted else None
            document[name] = shown(books, base, value.type, whole) if whole else link
        elif isinstance(value, datetime):
            document[name] = told(value)
        elif not name.startswith("_"):
            document[name] = value
    return document
