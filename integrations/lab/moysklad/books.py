"""What an account of MoySklad keeps: entities, documents, stock, and the audit of every change."""

from __future__ import annotations

import bisect
import uuid
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any, NamedTuple

from integrations.lab.moysklad.errors import RemapError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from supportctl.core.clock import Clock

MSK = timezone(timedelta(hours=3))  # every moment of the system is Moscow time
_NAMESPACE = uuid.UUID("6d2f3c1e-0000-4000-8000-000000000012")
DICTIONARIES = (
    "organization", "employee", "counterparty", "store", "retailstore", "product", "variant", "group",
)  # fmt: skip
# document -> what it does to the stock of its warehouse
DOCUMENTS = {
    "supply": 1, "enter": 1, "salesreturn": 1, "retailsalesreturn": 1, "demand": -1, "retaildemand": -1,
    "loss": -1, "purchasereturn": -1, "move": 0, "inventory": 0, "customerorder": 0, "purchaseorder": 0,
    "invoiceout": 0, "invoicein": 0, "paymentin": 0, "paymentout": 0, "cashin": 0, "cashout": 0,
}  # fmt: skip
TYPES = frozenset((*DICTIONARIES, *DOCUMENTS))
REQUIRED = {
    "retailstore": ("name", "organization", "store"),
    "store": ("name",),
    "product": ("name",),
    "counterparty": ("name",),
    "employee": ("lastName",),
    "supply": ("organization", "agent", "store"),
    "demand": ("organization", "agent", "store"),
    "move": ("organization", "sourceStore", "targetStore"),
    "retaildemand": ("organization", "store", "retailStore"),
}
_NUMBER = 5  # digits of a document's number


class Ref(NamedTuple):
    """A link to another entity; told as `{"meta": {...}}`."""

    type: str
    id: str


class Event(NamedTuple):
    """One change of one entity. `diff` is None for a creation."""

    type: str
    id: str
    name: str
    event_type: str
    diff: Mapping[str, Mapping[str, object]] | None


class Context(NamedTuple):
    """Changes that were made at once."""

    id: str
    at: datetime
    uid: str
    source: str
    events: tuple[Event, ...]

    def common(self, part: str) -> str | None:
        """Return the event type or entity type that all events share."""
        values = {getattr(event, part) for event in self.events}
        return values.pop() if len(values) == 1 else None


def told(moment: datetime) -> str:
    """Return a moment as answers have it."""
    local = moment.astimezone(MSK)
    return f"{local:%Y-%m-%d %H:%M:%S}.{local.microsecond // 1000:03d}"


class Books:
    """The state. Entities are plain values by type and id; `Any`: JSON with `Ref`s."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._number = 0
        self.entities: dict[str, dict[str, dict[str, Any]]] = {type_: {} for type_ in TYPES}
        self.bin: dict[str, dict[str, dict[str, Any]]] = {type_: {} for type_ in TYPES}
        self.by_sync_id: dict[tuple[str, str], str] = {}
        self.stock: dict[str, dict[str, float]] = {}  # warehouse -> good -> quantity
        self.contexts: dict[str, Context] = {}
        self._by_moment: list[tuple[datetime, str]] = []
        self._by_entity: dict[tuple[str, str], list[str]] = {}

    def new_id(self) -> str:
        """Return an id that is the same in every run."""
        self._number += 1
        return str(uuid.uuid5(_NAMESPACE, str(self._number)))

    def add(self, type_: str, fields: Mapping[str, Any], **more: Any) -> dict[str, Any]:
        """Store a new entity without audit and return it."""
        now = self._clock.now()
        entity: dict[str, Any] = {"id": self.new_id(), "shared": True, "updated": now}
        if type_ in DOCUMENTS:
            entity |= {"name": f"{self._number:0{_NUMBER}d}", "moment": now, "created": now}
            entity |= {"applicable": True, "sum": 0.0}
        else:
            entity |= {"name": "", "archived": False, "externalCode": entity["id"][:13]}
        if type_ == "store":
            entity["pathName"] = ""
        entity |= {**fields, **more}
        self.entities[type_][entity["id"]] = entity
        if entity.get("syncId"):
            self.by_sync_id[type_, entity["syncId"]] = entity["id"]
        self._move_goods(type_, entity, 1)
        return entity

    def find(self, type_: str, id_: str) -> dict[str, Any]:
        """Return an entity.

        Raises:
            RemapError: there is none (1021).
        """
        found = self.entities[type_].get(id_) or self.bin[type_].get(id_)
        if found is None:
            raise RemapError(1021, id_)
        return found

    def every(self, type_: str) -> Iterator[dict[str, Any]]:
        """Yield all entities of a type; those in the bin have `deleted`."""
        yield from self.entities[type_].values()
        yield from self.bin[type_].values()

    def change(self, type_: str, id_: str, fields: Mapping[str, Any], at: datetime | None = None) -> Event:
        """Change an entity and return what its audit says."""
        entity = self.find(type_, id_)
        diff = {
            name: {"oldValue": _plain(entity.get(name)), "newValue": _plain(value)}
            for name, value in fields.items()
            if entity.get(name) != value
        }
        self._move_goods(type_, entity, -1)
        entity |= fields
        entity["updated"] = at or self._clock.now()
        self._move_goods(type_, entity, 1)
        return Event(type_, id_, entity["name"], "update", diff)

    def remove(self, type_: str, id_: str, at: datetime | None = None, *, to_bin: bool = False) -> Event:
        """Delete an entity for ever, or put it into the bin; return what its audit says."""
        entity = self.find(type_, id_)
        self.entities[type_].pop(id_, None)
        if entity.get("syncId") and not to_bin:
            self.by_sync_id.pop((type_, entity["syncId"]), None)
        self._move_goods(type_, entity, -1)
        if to_bin:
            entity["deleted"] = at or self._clock.now()
            self.bin[type_][id_] = entity
            return Event(type_, id_, entity["name"], "puttorecyclebin", {})
        diff: dict[str, dict[str, object]] = {
            name: {"oldValue": _plain(entity[name])} for name in ("moment", "sum") if name in entity
        }
        return Event(type_, id_, entity["name"], "delete", diff)

    def record(self, events: tuple[Event, ...], uid: str, source: str, at: datetime | None = None) -> Context:
        """Write changes into the audit."""
        context = Context(self.new_id(), at or self._clock.now(), uid, source, events)
        self.contexts[context.id] = context
        bisect.insort(self._by_moment, (context.at, context.id))
        for event in events:
            self._by_entity.setdefault((event.type, event.id), []).append(context.id)
        return context

    def window(self, since: datetime | None, until: datetime | None) -> list[Context]:
        """Return the audit between two moments, both included, newest first."""
        low = bisect.bisect_left(self._by_moment, (since, "")) if since else 0
        high = bisect.bisect_right(self._by_moment, (until, "~")) if until else len(self._by_moment)
        return [self.contexts[id_] for _, id_ in reversed(self._by_moment[low:high])]

    def of_entity(self, type_: str, id_: str) -> list[tuple[Context, Event]]:
        """Return the audit of one entity, newest first."""
        contexts = [self.contexts[context] for context in self._by_entity.get((type_, id_), [])]
        return [
            (context, event)
            for context in sorted(contexts, key=lambda c: c.at, reverse=True)
            for event in context.events
            if (event.type, event.id) == (type_, id_)
        ]

    def set_stock(self, store: str, good: str, quantity: float) -> None:
        """Say how much of a good lies in a warehouse."""
        self.stock.setdefault(store, {})[good] = quantity

    def _move_goods(self, type_: str, document: Mapping[str, Any], sign: int) -> None:
        if type_ not in DOCUMENTS or not document.get("applicable"):
            return
        places = [(document.get("store"), DOCUMENTS[type_])]
        if type_ == "move":
            places = [(document.get("sourceStore"), -1), (document.get("targetStore"), 1)]
        for store, effect in places:
            if not isinstance(store, Ref) or not effect:
                continue
            goods = self.stock.setdefault(store.id, {})
            for position in document.get("positions") or ():
                good = position["assortment"].id
                goods[good] = goods.get(good, 0.0) + sign * effect * position["quantity"]


def _plain(value: object) -> object:
    """Return a value as a diff has it. Whether sums are in kopecks there, too, is UNVERIFIED."""
    if isinstance(value, datetime):
        return told(value)
    if isinstance(value, Ref):
        return value.id
    return value if isinstance(value, str | int | float | bool | None) else str(value)
