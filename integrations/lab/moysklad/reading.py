"""What a client may read: entities and documents in pages, stock, audit, who is asking."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from integrations.lab.moysklad.books import DOCUMENTS, TYPES, Ref, told
from integrations.lab.moysklad.errors import RemapError
from integrations.lab.moysklad.lists import (
    AUDIT_LIMIT,
    EXPAND_LIMIT,
    ROOT,
    Page,
    collection,
    conditions,
    fits,
    meta,
    moment,
    ordered,
    page,
    shown,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from integrations.lab.moysklad.books import Books, Context, Event
    from integrations.lab.moysklad.lists import Conditions
    from integrations.lab.portal import Asked

_STOCK_TYPES = frozenset({"stock", "freeStock", "quantity", "reserve", "inTransit"})
_AUDIT_DEFAULT = 25
_JSON_API = ("remap-1.0", "remap-1.1", "remap-1.2")
_HIDES_ARCHIVED = frozenset({"store", "employee", "product", "variant", "counterparty", "retailstore"})


class Reading:
    """One request that reads. `narrow`: the user has rights on what is shared with all, and on no audit."""

    def __init__(self, books: Books, asked: Asked, base: str, *, narrow: bool = False) -> None:
        self._books = books
        self._asked = asked
        self._base = base
        self._narrow = narrow

    def answer(self, operation: str, parts: list[str]) -> Any:
        """Return the JSON of the answer.

        Raises:
            RemapError: it is refused.
        """
        if operation == "report.stock.bystore.current":
            return self._stock_now()
        if operation == "report.stock.bystore":
            return self._stock_by_store()
        if operation in {"audit", "audit.events"} or operation.endswith(".audit"):
            if self._narrow:
                raise RemapError(1016)
            return self._audit(operation, parts)
        if operation == "audit.metadata.filters":
            return {"source": ["jsonapi", "import"], "entitytype": sorted(TYPES), "eventtype": ["update"]}
        if parts[0] == "entity":
            return self._entity(operation, parts)
        raise RemapError(1002, self._asked.path)

    def _entity(self, operation: str, parts: list[str]) -> dict[str, Any]:
        if operation == "entity.assortment":
            return self._assortment()
        if parts[1] not in TYPES or len(parts) not in {2, 3}:
            raise RemapError(1005, parts[1])
        if len(parts) == 2:
            return self._list(parts[1])
        return self._shown(parts[1], self._books.find(parts[1], parts[2]))

    def me(self, employee: str) -> dict[str, Any]:
        """Return who is asking and what they may see."""
        user = self._books.find("employee", employee)
        rights = dict.fromkeys(("store", "retailstore", "employee", "assortment", *DOCUMENTS), "ALL")
        if self._narrow:
            rights = dict.fromkeys(rights, "OWN_GROUP")
        shown_rights: dict[str, Any] = {name: {"view": scope} for name, scope in rights.items()}
        for name in ("stock", "dashboard") if self._narrow else ("stock", "audit_dashboard", "admin"):
            shown_rights[name] = {"view": "ALL"}
        return self._shown("employee", user) | {"permissions": shown_rights, "cashiers": []}

    def _shown(self, type_: str, entity: Mapping[str, Any], expand: str = "") -> dict[str, Any]:
        return shown(self._books, self._base, type_, entity, expand)

    def _sees(self, entity: Mapping[str, Any]) -> bool:
        return not self._narrow or bool(entity.get("shared"))

    def _list(self, type_: str) -> dict[str, Any]:
        wanted = conditions(self._asked, type_)
        if type_ in _HIDES_ARCHIVED and ("archived", "=") not in wanted:
            wanted[("archived", "=")] = ["false"]
        if type_ in DOCUMENTS and ("isDeleted", "=") not in wanted:
            wanted[("isDeleted", "=")] = ["false"]
        found = [e for e in self._candidates(type_, wanted) if self._sees(e) and fits(e, wanted)]
        return self._page(type_, ordered(found, self._asked))

    def _candidates(self, type_: str, wanted: Conditions) -> list[dict[str, Any]]:
        """Return what a filter by id names without looking at all the rest."""
        ids = wanted.get(("id", "="))
        if ids is None:
            return list(self._books.every(type_))
        places = (self._books.entities[type_], self._books.bin[type_])
        return [place[id_] for id_ in dict.fromkeys(ids) for place in places if id_ in place]

    def _page(self, type_: str, found: list[dict[str, Any]]) -> dict[str, Any]:
        limit, offset = page(self._asked)
        expand = self._asked.param("expand") if limit <= EXPAND_LIMIT else ""
        rows = [self._shown(type_, entity, expand) for entity in found[offset : offset + limit]]
        return collection(self._base, self._asked, type_, rows, Page(len(found), limit, offset))

    def _assortment(self) -> dict[str, Any]:
        wanted = conditions(self._asked, "assortment")
        if ("archived", "=") not in wanted:
            wanted[("archived", "=")] = ["false"]
        limit, offset = page(self._asked)
        found = [
            (type_, entity)
            for type_ in ("product", "variant")
            for entity in self._candidates(type_, wanted)
            if fits(entity, wanted)
        ]
        rows = [self._shown(type_, entity) for type_, entity in found[offset : offset + limit]]
        return collection(self._base, self._asked, "assortment", rows, Page(len(found), limit, offset))

    def _stock_now(self) -> list[dict[str, Any]]:
        kind = self._asked.param("stockType", "stock")
        if kind not in _STOCK_TYPES:
            raise RemapError(1040, "stockType")
        zero = self._asked.param("include") == "zeroLines"
        stores, goods = self._chosen("storeId"), self._chosen("assortmentId")
        return [
            {"assortmentId": good, "storeId": store, kind: quantity}
            for store, lines in self._books.stock.items()
            if (not stores or store in stores) and self._sees(self._books.find("store", store))
            for good, quantity in lines.items()
            if (quantity or zero) and (not goods or good in goods)
        ]

    def _chosen(self, name: str) -> set[str]:
        texts = [text for key, text in self._asked.query if key == "filter"]
        parts = [part for text in texts for part in text.split(";")]
        return {i for part in parts if part.startswith(f"{name}=") for i in part.partition("=")[2].split(",")}

    def _stock_by_store(self) -> dict[str, Any]:
        limit, offset = page(self._asked)
        goods = list(dict.fromkeys(good for lines in self._books.stock.values() for good in lines))
        stores = [s for s in self._books.entities["store"].values() if self._sees(s) and not s["archived"]]
        rows = []
        for good in goods[offset : offset + limit]:
            type_ = "product" if good in self._books.entities["product"] else "variant"
            lines = [
                {
                    "meta": meta(self._base, "store", store["id"]),
                    "name": store["name"],
                    "stock": self._books.stock.get(store["id"], {}).get(good, 0.0),
                    "reserve": 0.0,
                    "inTransit": 0.0,
                }
                for store in stores
            ]
            rows.append({"meta": meta(self._base, type_, good), "stockByStore": lines})
        return collection(self._base, self._asked, "stockbystore", rows, Page(len(goods), limit, offset))

    def _audit(self, operation: str, parts: list[str]) -> dict[str, Any]:
        limit, offset = page(self._asked, AUDIT_LIMIT, _AUDIT_DEFAULT)
        if operation == "audit":
            contexts = self._contexts()
            rows = [self._context(context) for context in contexts[offset : offset + limit]]
            return collection(self._base, self._asked, "audit", rows, Page(len(contexts), limit, offset))
        if operation == "audit.events":
            context = self._books.contexts.get(parts[1])
            if context is None:
                raise RemapError(1021, parts[1])
            events = [(context, event) for event in context.events]
        else:
            events = self._books.of_entity(parts[1], parts[2])
        rows = [self._event(context, event) for context, event in events[offset : offset + limit]]
        return collection(self._base, self._asked, "auditevent", rows, Page(len(events), limit, offset))

    def _contexts(self) -> list[Context]:
        wanted = conditions(self._asked, "audit")
        since, until = (wanted.pop(("moment", sign), [None])[0] for sign in (">=", "<="))
        window = self._books.window(moment(since) if since else None, moment(until) if until else None)
        return [context for context in window if fits(_fields(context), _widened(wanted))]

    def _context(self, context: Context) -> dict[str, Any]:
        href = f"{self._base}{ROOT}/audit/{context.id}"
        about = {"type": "audit", "mediaType": "application/json"}
        shown_context: dict[str, Any] = {
            "meta": {"href": href, **about},
            "id": context.id,
            "uid": context.uid,
            "source": context.source,
            "moment": told(context.at)[:19],
            "objectCount": len(context.events),
            "events": {
                "meta": {
                    "href": f"{href}/events",
                    "type": "auditevent",
                    "mediaType": "application/json",
                    "size": len(context.events),
                    "limit": _AUDIT_DEFAULT,
                    "offset": 0,
                }
            },
        }
        for name, part in (("eventType", "event_type"), ("entityType", "type")):
            if (value := context.common(part)) is not None:  # absent where the events differ
                shown_context[name] = value
        return shown_context

    def _event(self, context: Context, event: Event) -> dict[str, Any]:
        href = f"{self._base}{ROOT}/audit/{context.id}"
        shown_event: dict[str, Any] = {
            "source": context.source,
            "eventType": event.event_type,
            "entityType": event.type,
            "uid": context.uid,
            "moment": told(context.at)[:19],
            "name": event.name,
            "audit": {"meta": {"href": href, "type": "audit", "mediaType": "application/json"}},
            "entity": {"meta": meta(self._base, event.type, event.id)},
        }
        if event.diff is not None:
            shown_event["diff"] = dict(event.diff)
        return shown_event


def _fields(context: Context) -> dict[str, Any]:
    return {
        "eventType": context.common("event_type"),
        "entityType": context.common("type"),
        "source": context.source,
        "uid": context.uid,
        "employee": Ref("employee", context.uid),
    }


def _widened(wanted: Conditions) -> Conditions:
    """`source=jsonapi` stands for all versions of it."""
    sources = wanted.get(("source", "="))
    if sources and "jsonapi" in sources:
        wanted[("source", "=")] = [*sources, *_JSON_API]
    return wanted
