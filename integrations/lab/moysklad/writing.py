"""What a client may change: create (alone, in a list, by syncId), update, delete; each with its audit."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any, NamedTuple

from integrations.lab.moysklad.books import REQUIRED, TYPES, Event, Ref
from integrations.lab.moysklad.errors import RemapError
from integrations.lab.moysklad.lists import moment, shown
from integrations.lab.portal import Said, document

if TYPE_CHECKING:
    from collections.abc import Mapping

    from integrations.lab.moysklad.books import Books
    from integrations.lab.portal import Asked

SOURCE = "remap-1.2"
_MAX_LIST = 1000
_READ_ONLY = frozenset({"id", "accountId", "created", "updated", "deleted", "meta"})
_MOMENTS = frozenset({"moment", "deliveryPlannedMoment"})


class Caller(NamedTuple):
    """Who writes, and the address by which the portal is reached."""

    base: str
    uid: str


def write(books: Books, asked: Asked, operation: str, parts: list[str], caller: Caller) -> Said:
    """Return the answer to a POST, PUT or DELETE below `/entity`; `parts` are those of the path.

    Raises:
        RemapError: it is refused.
    """
    base, uid = caller
    verb, type_ = operation.rpartition(".")[2], parts[1]
    if verb == "delete":
        id_ = books.by_sync_id.get((type_, parts[3]), "") if parts[2] == "syncid" else parts[2]
        books.record((books.remove(type_, id_, to_bin=False),), uid, SOURCE)
        return Said(200)
    body = asked.json()
    if verb == "update":
        if not isinstance(body, dict):
            raise RemapError(2001)
        if "syncId" in body and body["syncId"] != books.find(type_, parts[2]).get("syncId"):
            raise RemapError(1047, "syncId")
        event = books.change(type_, parts[2], _stored(body, base))
        books.record((event,), uid, SOURCE)
        return document(shown(books, base, type_, books.find(type_, parts[2])))
    if isinstance(body, list):
        if len(body) > _MAX_LIST:
            raise RemapError(2007)
        return document([_created(books, type_, item, caller) for item in body])
    if not isinstance(body, dict):
        raise RemapError(2001)
    return document(_created(books, type_, body, caller))


def _created(books: Books, type_: str, body: Any, caller: Caller) -> dict[str, Any]:
    if not isinstance(body, dict):
        raise RemapError(2001)
    base, uid = caller
    sync_id = body.get("syncId")
    if sync_id is not None:
        try:
            uuid.UUID(str(sync_id))
        except ValueError:
            raise RemapError(1052, "syncId") from None
        known = books.by_sync_id.get((type_, str(sync_id)))
        if known is not None:  # the same request once more: what it made the first time
            return shown(books, base, type_, books.find(type_, known))
    for name in REQUIRED.get(type_, ()):
        if not body.get(name):
            raise RemapError(3000, name)
    entity = books.add(type_, _stored(body, base))
    books.record((Event(type_, entity["id"], entity["name"], "create", None),), uid, SOURCE)
    return shown(books, base, type_, entity)


def _stored(body: Mapping[str, Any], base: str) -> dict[str, Any]:
    """Return the fields as they are kept: links as links, moments as moments."""
    found: dict[str, Any] = {}
    for name, value in body.items():
        if name in _READ_ONLY:
            continue
        if name == "positions":
            found[name] = [_position(item, base) for item in value if isinstance(item, dict)]
        elif isinstance(value, dict) and "meta" in value:
            found[name] = link(value, base)
        elif name in _MOMENTS:
            found[name] = moment(str(value))
        else:
            found[name] = value
    return found


def _position(item: Mapping[str, Any], base: str) -> dict[str, Any]:
    quantity = item.get("quantity", 1)
    if not isinstance(quantity, int | float) or not isinstance(item.get("assortment"), dict):
        raise RemapError(3000, "assortment")
    return {"assortment": link(item["assortment"], base), "quantity": quantity, "price": item.get("price", 0)}


def link(value: Mapping[str, Any], base: str) -> Ref:
    """Return the entity that a `{"meta": {"href", "type"}}` names.

    Raises:
        RemapError: 1059 for another server, 3000 without an address.
    """
    about = value.get("meta")
    href = about.get("href") if isinstance(about, dict) else None
    if not isinstance(href, str) or not isinstance(about, dict):
        raise RemapError(3000, "href")
    if not href.startswith(f"{base}/"):
        raise RemapError(1059, href)
    type_ = str(about.get("type") or href.split("/")[-2])
    if type_ not in TYPES:
        raise RemapError(1005, type_)
    return Ref(type_, href.rpartition("/")[2])
