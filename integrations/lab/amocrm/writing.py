"""What may be written: calls, notes, contacts, and calls of nobody known into the unsorted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from integrations.lab.amocrm.problems import problem, validation
from integrations.lab.amocrm.store import ACCOUNT_ID, ADMINISTRATOR, CALL_NOTES, ENTITY_TYPES, Entity
from integrations.lab.portal import document

if TYPE_CHECKING:
    from integrations.lab.amocrm.store import Store
    from integrations.lab.portal import Said

MAX_ITEMS = 250
_NOTE_OF_DIRECTION = {"inbound": "call_in", "outbound": "call_out"}
_CALL_PARAMS = (
    "uniq",
    "duration",
    "source",
    "link",
    "phone",
    "call_result",
    "call_status",
    "call_responsible",
)
_ENTITY_NOT_FOUND = 263
_STATUSES = range(1, 9)


def items_of(body: Any) -> list[dict[str, Any]] | Said:
    """Return the items of a body: an array of objects, each with its `request_id`."""
    if not isinstance(body, list) or not body or not all(isinstance(item, dict) for item in body):
        return problem(400, "Request body must be a non-empty array of objects")
    if len(body) > MAX_ITEMS:
        return problem(400, f"Too many items, the limit is {MAX_ITEMS}")
    return [{"request_id": str(number), **item} for number, item in enumerate(body)]


def add_calls(store: Store, items: list[dict[str, Any]], now: int, next_call: int) -> Said:
    """POST /api/v4/calls: each call goes to the card that its phone leads to, or is not stored at all."""
    wrong = [error for item in items for error in _wrong_call(item)]
    if wrong:
        return validation(wrong)
    calls, errors = [], []
    for number, item in enumerate(items):
        request_id = str(item["request_id"])
        card = store.card_of(item["phone"])
        if card is None:
            errors.append({
                "title": "Entity not found",
                "status": _ENTITY_NOT_FOUND,
                "detail": "Entity with this phone number was not found",
                "request_id": request_id,
            })  # fmt: skip
            continue
        params = {name: item[name] for name in _CALL_PARAMS if item.get(name) is not None}
        note = {**item, "note_type": _NOTE_OF_DIRECTION[item["direction"]], "params": params}
        store.add_note(card, note, now)  # `uniq` is kept, not enforced: nothing says that it is
        calls.append({
            "id": next_call + number,
            "entity_id": card.id,
            "entity_type": ENTITY_TYPES[card.kind],
            "request_id": request_id,
        })  # fmt: skip
    body = {"_total_items": len(calls), "errors": errors, "_embedded": {"calls": calls}}
    return document(body, 200 if calls else 400)  # UNVERIFIED: the status when some are refused


def _wrong_call(item: dict[str, Any]) -> list[tuple[str, str, str, str]]:
    wrong = []
    for name, kind in (("direction", str), ("duration", int), ("source", str), ("phone", str)):
        value = item.get(name)
        if value is None:
            wrong.append(("FieldMissing", name, "This field is missing."))
        elif not isinstance(value, kind) or isinstance(value, bool):
            wrong.append(("InvalidType", name, f"This value should be of type {kind.__name__}."))
    if isinstance(item.get("direction"), str) and item["direction"] not in _NOTE_OF_DIRECTION:
        wrong.append(("NotSupportedChoice", "direction", "The value you selected is not a valid choice."))
    if item.get("call_status") is not None and item["call_status"] not in _STATUSES:
        wrong.append(("NotSupportedChoice", "call_status", "The value you selected is not a valid choice."))
    return [(str(item["request_id"]), code, path, detail) for code, path, detail in wrong]


def add_notes(store: Store, kind: str, entity_id: int | None, items: list[dict[str, Any]], now: int) -> Said:
    """POST /api/v4/{kind}/notes or /{kind}/{id}/notes: on a chosen card."""
    cards: list[Entity] = []
    wrong = []
    for item in items:
        card = store.entities.get(entity_id if entity_id is not None else item.get("entity_id", 0))
        if card is None or card.kind != kind:
            wrong.append((str(item["request_id"]), "NotSupportedChoice", "entity_id", "Entity not found."))
        elif item.get("note_type") in CALL_NOTES and not isinstance(item.get("params"), dict):
            wrong.append((str(item["request_id"]), "FieldMissing", "params", "This field is missing."))
        elif not isinstance(item.get("note_type"), str):
            wrong.append((str(item["request_id"]), "FieldMissing", "note_type", "This field is missing."))
        else:
            cards.append(card)
    if wrong:
        return validation(wrong)
    notes = []
    for card, item in zip(cards, items, strict=True):
        stored = store.add_note(card, item, now)
        notes.append({"id": stored["id"], "entity_id": card.id, "request_id": str(item["request_id"])})
    return document({"_embedded": {"notes": notes}})


def change_note(store: Store, entity_id: int, note_id: int, body: dict[str, Any], now: int) -> Said:
    """PATCH /api/v4/{kind}/{entity}/notes/{id}: what is given of `params` replaces what is there."""
    note = next((each for each in store.notes_of([entity_id]) if each["id"] == note_id), None)
    if note is None:
        return problem(404, "Note not found")
    params = body.get("params")
    if isinstance(params, dict):
        note["params"] = {**note["params"], **params}
    note["updated_at"] = now
    store.version += 1
    return document({"id": note_id, "entity_id": entity_id, "updated_at": now})


def add_contacts(store: Store, kind: str, items: list[dict[str, Any]], now: int) -> Said:
    """POST /api/v4/contacts or /companies."""
    made = []
    for item in items:
        entity = Entity(
            kind,
            next(store.ids),
            str(item.get("name") or item.get("first_name") or ""),
            int(item.get("responsible_user_id") or ADMINISTRATOR),
            now,
            tuple(_phones(item)),
        )
        store.add_entity(entity)
        made.append({"id": entity.id, "request_id": str(item["request_id"])})
    return document({"_embedded": {kind: made}})


def _phones(item: dict[str, Any]) -> list[str]:
    fields = item.get("custom_fields_values")
    return [
        str(value.get("value"))
        for field in (fields if isinstance(fields, list) else [])
        if isinstance(field, dict) and field.get("field_code") == "PHONE"
        for value in field.get("values") or []
        if isinstance(value, dict)
    ]


def add_unsorted(store: Store, items: list[dict[str, Any]], now: int) -> Said:
    """POST /api/v4/leads/unsorted/sip: an identical one is refused."""
    wrong = [
        (str(item["request_id"]), "FieldMissing", name, "This field is missing.")
        for item in items
        for name in ("source_uid", "source_name", "metadata")
        if not item.get(name)
    ]
    if wrong:
        return validation(wrong)
    made = []
    for item in items:
        lead = next(store.ids)
        uid = f"{lead:032x}"
        stored = {
            "uid": uid,
            "source_uid": item["source_uid"],
            "source_name": item["source_name"],
            "category": "sip",
            "pipeline_id": item.get("pipeline_id") or 3166001,
            "created_at": item.get("created_at") or now,
            "metadata": dict(item["metadata"]),
            "account_id": ACCOUNT_ID,
            "_embedded": {"leads": [{"id": lead}], "contacts": [], "companies": []},
        }
        if not store.add_unsorted(stored):
            detail = "An identical entity is in the unsorted already."
            return validation([(str(item["request_id"]), "Duplicate", "metadata", detail)])
        _add_lead(store, lead, stored, now)
        made.append({
            "uid": uid, "account_id": ACCOUNT_ID, "request_id": str(item["request_id"]),
            "_embedded": {"leads": [{"id": lead}]},
        })  # fmt: skip
    return document({"_total_items": len(made), "_embedded": {"unsorted": made}})


def _add_lead(store: Store, lead: int, item: dict[str, Any], now: int) -> None:
    """Make the lead of an unsorted call, with the call's note if it was wanted."""
    facts = item["metadata"]
    store.add_entity(Entity("leads", lead, str(facts.get("from") or ""), ADMINISTRATOR, now))
    if not facts.get("is_call_event_needed"):
        return
    note = {
        "note_type": "call_in",
        "created_at": facts.get("called_at"),
        "params": {
            "uniq": facts.get("uniq"),
            "duration": facts.get("duration"),
            "source": facts.get("service_code"),
            "link": facts.get("link"),
            "phone": facts.get("from"),
        },
    }
    store.add_note(store.entities[lead], note, now)
