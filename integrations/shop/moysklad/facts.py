"""What MoySklad tells of a shop, read strictly."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any, NamedTuple

from integrations.shop.fields import flag, mapping, not_understood, number, objects, text

if TYPE_CHECKING:
    from collections.abc import Mapping

MSK = timezone(timedelta(hours=3))  # every moment of the system is Moscow time
Stock = dict[str, dict[str, float]]  # warehouse -> good -> how much lies there
# Documents of goods and money. Orders and invoices are left out: their states change for weeks.
DOCUMENTS = frozenset({
    "retaildemand", "retailsalesreturn", "retaildrawercashin", "retaildrawercashout", "demand", "salesreturn",
    "supply", "purchasereturn", "move", "loss", "enter", "inventory", "cashin", "cashout", "paymentin",
    "paymentout", "prepayment", "prepaymentreturn", "commissionreportin", "commissionreportout",
})  # fmt: skip
REMOVALS = frozenset({"delete", "puttorecyclebin"})
EDITS = frozenset({"update", "restorefromrecyclebin"}) | REMOVALS
# Who works by hand: the browser, the till, and what is chosen there for many documents at once.
PEOPLE = frozenset({"app", "retail", "posapi", "copy", "combine", "bulkcreate", "bulkoperation"})
_NO_CHANGE = frozenset({"printed", "published"})  # a document that was only printed was not edited
_ALL = "ALL"


class Store(NamedTuple):
    """A warehouse. `path` are the names of the groups above it."""

    id: str
    name: str
    parent_id: str = ""
    path: str = ""
    archived: bool = False


class Point(NamedTuple):
    """A point of sale and its warehouse. `controls_stock`: it refuses to sell what is not there."""

    id: str
    name: str
    store_id: str
    active: bool = True
    controls_stock: bool = False


class Rights(NamedTuple):
    """Who is asking, and what of it they may see; None where the system does not tell."""

    who: str
    stores: bool | None = None
    points: bool | None = None
    stock: bool | None = None
    audit: bool | None = None
    documents: bool | None = None


class Person(NamedTuple):
    """An employee by the login that the audit shows."""

    id: str
    name: str
    active: bool = True


class Context(NamedTuple):
    """Changes that were made at once. `event` and `type` are empty where its events differ."""

    id: str
    at: datetime
    uid: str
    source: str
    event: str
    type: str
    objects: int
    by_support: bool


class Edit(NamedTuple):
    """One change of one document. Sums are as the audit writes them; `document_at` is its own time."""

    type: str
    id: str
    name: str
    event: str
    uid: str
    source: str
    at: datetime
    by_support: bool = False
    document_at: datetime | None = None
    sum_before: float | None = None
    sum_after: float | None = None

    @property
    def by_hand(self) -> bool:
        """Whether a person made it, and not an import, an integration or the vendor's support."""
        return self.source in PEOPLE and not self.by_support

    @property
    def removed(self) -> bool:
        """Whether the document was deleted or put into the bin."""
        return self.event in REMOVALS


def moment(value: object) -> datetime:
    """Return a moment of an answer.

    Raises:
        ServiceError: it is none.
    """
    try:
        return datetime.fromisoformat(str(value)[:23]).replace(tzinfo=MSK)
    except ValueError:
        raise not_understood("moment", value) from None


def linked(row: Mapping[str, Any], name: str, default: str | None = None) -> str:
    """Return the id of the entity that a field links to."""
    value = row.get(name)
    if value is None and default is not None:
        return default
    return id_of(mapping(mapping(value, name).get("meta"), name))


def id_of(meta: Mapping[str, Any]) -> str:
    """Return the id at the end of a link."""
    return text(meta, "href").partition("?")[0].rstrip("/").rpartition("/")[2]


def store_of(row: Mapping[str, Any]) -> Store:
    """Return a row of `entity/store`."""
    return Store(
        text(row, "id"),
        text(row, "name"),
        linked(row, "parent", ""),
        text(row, "pathName", ""),
        flag(row, "archived", default=False),
    )


def point_of(row: Mapping[str, Any]) -> Point:
    """Return a row of `entity/retailstore`."""
    active = flag(row, "active", default=True) and not flag(row, "archived", default=False)
    return Point(
        text(row, "id"),
        text(row, "name"),
        linked(row, "store"),
        active,
        flag(row, "controlShippingStock", default=False),
    )


def stock_of(answer: object) -> Stock:
    """Return `report/stock/bystore/current`; lines without a warehouse are reserves of orders."""
    found: Stock = {}
    for row in objects(answer, "report/stock/bystore/current"):
        if row.get("storeId") is None:
            continue
        found.setdefault(text(row, "storeId"), {})[text(row, "assortmentId")] = number(row, "stock", 0.0)
    return found


def rights_of(answer: object) -> Rights:
    """Return `context/employee`. The keys are told in two ways by the documentation; both are read."""
    row = mapping(answer, "context/employee")
    who = text(row, "uid", "") or text(row, "name", "") or text(row, "id")
    told = row.get("permissions")
    if told is None:
        return Rights(who)
    permissions = mapping(told, "permissions")
    if _view(permissions, "admin"):
        return Rights(who, *[True] * 5)
    return Rights(
        who,
        stores=_view(permissions, "store", "warehouse"),
        points=_view(permissions, "retailstore", "retailStore"),
        stock=_view(permissions, "stock"),
        audit=_view(permissions, "audit_dashboard"),
        documents=_view(permissions, "retaildemand", "retailDemand"),
    )


def _view(permissions: Mapping[str, Any], *names: str) -> bool:
    for name in names:
        scope = permissions.get(name)
        if isinstance(scope, dict):
            lower = {str(key).lower(): value for key, value in scope.items()}
            return lower.get("view") == _ALL
    return False


def context_of(row: Mapping[str, Any]) -> Context:
    """Return a row of `audit`."""
    return Context(
        text(row, "id"),
        moment(row.get("moment")),
        text(row, "uid", ""),
        text(row, "source", ""),
        text(row, "eventType", ""),
        text(row, "entityType", ""),
        int(number(row, "objectCount", 1)),
        flag(row, "supportAccess", default=False),
    )


def edit_of(row: Mapping[str, Any]) -> Edit | None:
    """Return an event of the audit, None for one that is no edit of a document."""
    event, type_ = text(row, "eventType", ""), text(row, "entityType", "")
    if event not in EDITS or type_ not in DOCUMENTS:
        return None
    told = row.get("diff")
    diff = mapping(told, "diff") if told is not None else {}
    if event == "update" and diff and set(diff) <= _NO_CHANGE:
        return None
    entity = row.get("entity")
    old = _value(diff, "moment", "oldValue")
    return Edit(
        type_,
        linked(row, "entity") if entity is not None else "",
        text(row, "name", ""),
        event,
        text(row, "uid", ""),
        text(row, "source", ""),
        moment(row.get("moment")),
        flag(row, "supportAccess", default=False),
        moment(old) if isinstance(old, str) else None,
        _figure(_value(diff, "sum", "oldValue")),
        _figure(_value(diff, "sum", "newValue")),
    )


def _value(diff: Mapping[str, Any], name: str, part: str) -> object:
    change = diff.get(name)
    return change.get(part) if isinstance(change, dict) else None


def _figure(value: object) -> float | None:
    plain = isinstance(value, int | float) and not isinstance(value, bool)
    return number({"sum": value}, "sum") if plain else None
