"""Reading and writing objects, one by one and in batches, and what they are associated with."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from integrations.lab.hubspot.problems import RefusedError, body_of, invalid
from integrations.lab.hubspot.store import ASSOCIATION_TYPES, OBJECT_TYPES, iso
from integrations.lab.portal import Said, document

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from integrations.lab.hubspot.store import Store
    from integrations.lab.portal import Asked

MAX_BATCH = 100
MAX_LINKS_BATCH = 1000
_ALWAYS = ("hs_createdate", "hs_lastmodifieddate", "hs_object_id")


def shown(stored: dict[str, Any], wanted: Iterable[str]) -> dict[str, Any]:
    """Return an object as it is answered, with the properties that were asked for."""
    values = stored["properties"]
    names = dict.fromkeys([*_ALWAYS, *(name for name in wanted if name in values)])
    return {
        "id": stored["id"],
        "properties": {name: values.get(name) for name in names},
        "createdAt": stored["createdAt"],
        "updatedAt": stored["updatedAt"],
        "archived": False,
    }


def wanted_of(asked: Asked, name: str) -> list[str]:
    """Return a parameter that may be repeated, or hold several with commas."""
    return [part for key, value in asked.query if key == name for part in value.split(",") if part]


def one(store: Store, kind: str, number: str, asked: Asked, now_ms: int) -> Said:
    """Answer GET, PATCH and DELETE of one object; `idProperty` names a unique property instead of the id.

    Raises:
        RefusedError: it is not there, or a value is wrong.
    """
    by = asked.param("idProperty")
    stored = store.with_unique(kind, by, number) if by else None
    if asked.method == "DELETE":
        store.archive(kind, stored["id"] if stored else number)
        return Said(204)
    stored = stored or store.get(kind, "" if by else number)
    if asked.method == "PATCH":
        store.update(kind, stored, _properties(asked.json()), now_ms)
        return document(shown(stored, stored["properties"]))
    answer = shown(stored, wanted_of(asked, "properties"))
    others = {other: store.linked(kind, stored["id"], other) for other in wanted_of(asked, "associations")}
    if any(others.values()):
        answer["associations"] = {
            other: {"results": [{"id": target, "type": f"{kind[:-1]}_to_{other[:-1]}"} for target in targets]}
            for other, targets in others.items()
            if targets
        }
    return document(answer)


def create(store: Store, kind: str, body: Any, now_ms: int) -> dict[str, Any]:
    """Make an object with its associations.

    Raises:
        RefusedError: a value is wrong.
    """
    links = body.get("associations") or [] if isinstance(body, dict) else []
    targets = [(_target_type(kind, link), str(link.get("to", {}).get("id"))) for link in links]
    for other, target in targets:
        store.get(other, target)
    stored = store.create(kind, _properties(body), now_ms)
    for other, target in targets:
        store.link(kind, stored["id"], other, target)
    return stored


def _target_type(kind: str, link: Any) -> str:
    for one_type in (link.get("types") or []) if isinstance(link, dict) else []:
        for (own, other), number in ASSOCIATION_TYPES.items():
            if own == kind and one_type.get("associationTypeId") == number:
                return other
    raise invalid("No association type with this id")


def _properties(body: Any) -> dict[str, Any]:
    found = body.get("properties") if isinstance(body, dict) else None
    if not isinstance(found, dict):
        raise invalid("properties is required")
    return found


def batch(store: Store, kind: str, action: str, body: Any, now_ms: int) -> Said:
    """Answer `batch/{read,create,update,upsert,archive}`: what fails stands in `errors` with status 207.

    Raises:
        RefusedError: the batch as a whole is wrong.
    """
    inputs = body.get("inputs") if isinstance(body, dict) else None
    if not isinstance(inputs, list) or not all(isinstance(item, dict) for item in inputs):
        raise invalid("inputs is required")
    if len(inputs) > MAX_BATCH:
        raise invalid(f"At most {MAX_BATCH} inputs are allowed")
    if action == "read":
        return _read(store, kind, body, inputs)
    if action == "archive":
        for item in inputs:
            store.archive(kind, str(item.get("id")))
        return Said(204)
    actions: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
        "create": lambda item: create(store, kind, item, now_ms),
        "update": lambda item: _update(store, kind, item, now_ms),
        "upsert": lambda item: _upsert(store, kind, item, now_ms),
    }
    results: list[dict[str, Any]] = []
    errors: list[dict[str, Any]] = []
    for item in inputs:
        try:
            stored = actions[action](item)
        except RefusedError as error:
            if action != "upsert":  # UNVERIFIED which batches are all or nothing
                for made in results if action == "create" else ():
                    store.archive(kind, made["id"])
                raise
            errors.append({**json.loads(error.said.body), "id": item.get("id")})
            continue
        answer = shown(stored, stored["properties"])
        results.append({**answer, "new": stored.pop("_new")} if action == "upsert" else answer)
    return _batch(results, errors, now_ms, 201 if action == "create" else 200)


def _read(store: Store, kind: str, body: dict[str, Any], inputs: list[dict[str, Any]]) -> Said:
    by = body.get("idProperty")
    names = body.get("properties") or []
    results, missing = [], []
    for item in inputs:
        number = str(item.get("id"))
        stored = store.with_unique(kind, by, number) if by else store.objects[kind].get(number)
        if stored is None:
            missing.append(number)
        else:
            results.append(shown(stored, [*names, *([by] if by else [])]))
    message = f"Could not get some {OBJECT_TYPES[kind]} objects, they may be deleted or not exist."
    errors = [body_of("OBJECT_NOT_FOUND", message, context={"ids": missing})] if missing else []
    return _batch(results, errors, 0, 200)


def _update(store: Store, kind: str, item: dict[str, Any], now_ms: int) -> dict[str, Any]:
    stored = store.get(kind, str(item.get("id")))
    store.update(kind, stored, _properties(item), now_ms)
    return stored


def _upsert(store: Store, kind: str, item: dict[str, Any], now_ms: int) -> dict[str, Any]:
    by, value = item.get("idProperty"), str(item.get("id"))
    if not isinstance(by, str):
        raise invalid("idProperty is required")
    stored = store.with_unique(kind, by, value)
    properties = {**_properties(item), by: value}
    if stored is None:
        stored = store.create(kind, properties, now_ms)
        stored["_new"] = True
    else:
        store.update(kind, stored, properties, now_ms)
        stored["_new"] = False
    return stored


def _batch(results: list[Any], errors: list[Any], now_ms: int, status: int) -> Said:
    body = {"status": "COMPLETE", "results": results, "startedAt": iso(now_ms), "completedAt": iso(now_ms)}
    if errors:
        return document({**body, "numErrors": len(errors), "errors": errors}, 207)
    return document(body, status)


def read_links(store: Store, kind: str, other: str, body: Any, version: str) -> Said:
    """Answer `associations/{from}/{to}/batch/read`; ids without any are told as errors with status 207.

    Raises:
        RefusedError: the batch as a whole is wrong.
    """
    inputs = body.get("inputs") if isinstance(body, dict) else None
    if not isinstance(inputs, list) or len(inputs) > MAX_LINKS_BATCH:
        raise invalid(f"inputs is required, at most {MAX_LINKS_BATCH}")
    type_id = ASSOCIATION_TYPES.get((kind, other), 0)
    results, errors = [], []
    for item in inputs:
        number = str(item.get("id"))
        targets = store.linked(kind, number, other)
        if not targets:
            message = f"No {other[:-1]} is associated with {kind[:-1]} {number}."
            errors.append(
                body_of(
                    "OBJECT_NOT_FOUND",
                    message,
                    subCategory="crm.associations.NO_ASSOCIATIONS_FOUND",
                    context={"fromObjectId": [number], "fromObjectType": [kind], "toObjectType": [other]},
                )
            )
            continue
        kinds = [{"category": "HUBSPOT_DEFINED", "typeId": type_id, "label": None}]
        results.append({
            "from": {"id": number},
            "to": [
                {"toObjectId": int(target), "associationTypes": kinds}
                if version == "v4"
                else {"id": target, "type": f"{kind[:-1]}_to_{other[:-1]}"}
                for target in targets
            ],
        })  # fmt: skip
    return _batch(results, errors, 0, 200)


def make_links(store: Store, kind: str, other: str, body: Any) -> Said:
    """Answer `associations/{from}/{to}/batch/associate/default`; a link that is there already is no failure.

    Raises:
        RefusedError: the batch as a whole is wrong.
    """
    inputs = body.get("inputs") if isinstance(body, dict) else None
    if not isinstance(inputs, list) or len(inputs) > MAX_LINKS_BATCH:
        raise invalid(f"inputs is required, at most {MAX_LINKS_BATCH}")
    type_id = ASSOCIATION_TYPES.get((kind, other), 0)
    results, errors = [], []
    for item in inputs:
        number, target = str(item.get("from", {}).get("id")), str(item.get("to", {}).get("id"))
        try:
            store.link(kind, number, other, target)
        except RefusedError as error:
            context = {"fromObjectId": [number], "toObjectId": [target]}
            errors.append({**json.loads(error.said.body), "context": context})
            continue
        spec = {"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": type_id}
        results.append({"from": {"id": number}, "to": {"id": target}, "associationSpec": spec})
    return _batch(results, errors, 0, 200)
