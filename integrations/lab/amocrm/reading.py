"""What may be read: the account, users, cards, notes, events and the unsorted."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from integrations.lab.amocrm.problems import NO_CONTENT, problem
from integrations.lab.amocrm.query import between, filtered, numbers, order, page
from integrations.lab.amocrm.store import ACCOUNT_ID, ADMINISTRATOR, ENTITY_TYPES, digits
from integrations.lab.portal import document

if TYPE_CHECKING:
    from collections.abc import Iterable

    from integrations.lab.amocrm.store import Entity, Store
    from integrations.lab.portal import Asked, Said

EVENTS_LIMIT = 100
_ENTITIES_OF_EVENTS = 10  # so many ids may stand in filter[entity_id]
_FEWEST_DIGITS = 7  # of a question that is looked up as a phone
_NUMBER = re.compile(r"\d+")


def read(store: Store, asked: Asked, only: int | None) -> Said:
    """Return the answer to a GET; `only`: the user who may see nothing but their own cards."""
    head, _, rest = asked.path.removeprefix("/api/v4/").strip("/").partition("/")
    if head == "account":
        return _account(asked)
    if head == "users":
        return problem(403, "Only an administrator may do this") if only else _users(store, asked, rest)
    if head == "events":
        return _events(store, asked, only)
    if head == "leads" and rest == "unsorted":
        return _unsorted(store, asked)
    if head in ENTITY_TYPES:
        return (
            _notes(store, asked, head, only) if rest.endswith("notes") else _cards(store, asked, head, only)
        )
    return problem(404, "Not Found")  # calls among them: they can only be written


def _account(asked: Asked) -> Said:
    body: dict[str, Any] = {
        "id": ACCOUNT_ID,
        "name": "Acme",
        "subdomain": "acme",
        "created_at": 1700000000,
        "current_user_id": ADMINISTRATOR,
        "country": "RU",
        "currency": "RUB",
        "is_unsorted_on": True,
    }
    if "datetime_settings" in asked.param("with"):
        body["_embedded"] = {"datetime_settings": {"timezone": "Europe/Moscow", "timezone_offset": "+03:00"}}
    return document(body)


def _users(store: Store, asked: Asked, rest: str) -> Said:
    if rest:
        user = store.users.get(int(rest)) if rest.isdecimal() else None
        return document(_user(asked, user)) if user else problem(404, "User not found")
    return page(asked, "users", [_user(asked, user) for user in store.users.values()])


def _user(asked: Asked, user: dict[str, Any]) -> dict[str, Any]:
    wanted = asked.param("with").split(",")
    return {name: value for name, value in user.items() if name != "phone_number" or name in wanted}


def _cards(store: Store, asked: Asked, kind: str, only: int | None) -> Said:
    rest = asked.path.rstrip("/").rpartition("/")[2]
    if rest != kind:
        card = store.entities.get(int(rest)) if rest.isdecimal() else None
        return document(_card(store, asked, card)) if card and card.kind == kind else NO_CONTENT
    ids, query = numbers(asked, "id"), asked.param("query")
    found: Iterable[Entity]
    if ids:
        found = [store.entities[card] for card in sorted(ids) if card in store.entities]
    elif len(digits(query)) >= _FEWEST_DIGITS:
        found = store.with_phone(query)
    else:
        found = [card for card in store.entities.values() if query.lower() in card.name.lower()]
    shown = [card for card in found if card.kind == kind and only in {None, card.responsible}]
    return page(asked, kind, [_card(store, asked, card) for card in shown])


def _card(store: Store, asked: Asked, card: Entity) -> dict[str, Any]:
    phones = [{"value": phone, "enum_code": "WORK"} for phone in card.phones]
    body: dict[str, Any] = {
        "id": card.id,
        "name": card.name,
        "responsible_user_id": card.responsible,
        "created_at": card.created_at,
        "updated_at": card.created_at,
        "custom_fields_values": [{"field_code": "PHONE", "values": phones}] if phones else None,
        "_embedded": {},
    }
    if "leads" in asked.param("with"):
        body["_embedded"]["leads"] = [{"id": lead.id} for lead in store.leads_of(card.id)]
    return body


def _notes(store: Store, asked: Asked, kind: str, only: int | None) -> Said:
    chosen = _NUMBER.search(asked.path.partition(kind)[2])
    of = {int(chosen[0])} if chosen else numbers(asked, "entity_id")
    types, ids = set(filtered(asked, "note_type")), numbers(asked, "id")
    first, last = between(asked, "updated_at")
    name, down = order(asked, ("id", "updated_at"), ("id", "asc"))

    def rows() -> list[dict[str, Any]]:
        found = [
            note
            for note in (store.notes_of(of) if of else store.notes[kind])
            if (not types or note["note_type"] in types)
            and (not ids or note["id"] in ids)
            and first <= note["updated_at"] <= last
            and only in {None, note["responsible_user_id"]}
            and store.entities[note["entity_id"]].kind == kind
        ]
        return sorted(found, key=lambda note: (note[name], note["id"]), reverse=down)

    key = (kind, tuple(sorted(of)), tuple(sorted(types)), tuple(sorted(ids)), first, last, name, down, only)
    return page(asked, "notes", store.listed(key, rows))


def _events(store: Store, asked: Asked, only: int | None) -> Said:
    of, types = numbers(asked, "entity_id"), set(filtered(asked, "type"))
    entities = set(filtered(asked, "entity"))
    if of and len(entities) != 1:
        return problem(400, "filter[entity_id] needs exactly one filter[entity]")
    if len(of) > _ENTITIES_OF_EVENTS:
        return problem(400, f"At most {_ENTITIES_OF_EVENTS} ids in filter[entity_id]")
    first, last = between(asked, "created_at")

    def rows() -> list[dict[str, Any]]:
        found = [
            event
            for event in (store.events_of(of) if of else store.events)
            if (not types or event["type"] in types)
            and (not entities or event["entity_type"] in entities)
            and first <= event["created_at"] <= last
            and only in {None, event["created_by"]}
        ]
        return sorted(found, key=lambda event: (event["created_at"], event["id"]), reverse=True)

    key = ("events", tuple(sorted(of)), tuple(sorted(types)), tuple(sorted(entities)), first, last, only)
    return page(asked, "events", store.listed(key, rows), EVENTS_LIMIT)


def _unsorted(store: Store, asked: Asked) -> Said:
    categories = set(filtered(asked, "category"))
    _, down = order(asked, ("created_at", "updated_at"), ("created_at", "desc"))
    rows = [item for item in store.unsorted if not categories or item["category"] in categories]
    return page(asked, "unsorted", sorted(rows, key=lambda item: item["created_at"], reverse=down))
