"""What the simulated account has stored: objects with properties, and indexes for 100,000 calls."""

from __future__ import annotations

import bisect
from collections import defaultdict
from datetime import UTC, datetime
from itertools import count
from typing import TYPE_CHECKING, Any

from integrations.lab.hubspot.problems import invalid, not_found

if TYPE_CHECKING:
    from collections.abc import Iterable

# Types with their paths' names; calls are what this account is about.
OBJECT_TYPES = {"calls": "CALL", "contacts": "CONTACT", "companies": "COMPANY", "deals": "DEAL"}
ASSOCIATION_TYPES = {("calls", "contacts"): 194, ("calls", "companies"): 182, ("calls", "deals"): 206}
_CALL_PROPERTIES = (
    "hs_timestamp", "hs_call_title", "hs_call_body", "hs_call_direction", "hs_call_disposition",
    "hs_call_duration", "hs_call_from_number", "hs_call_to_number", "hs_call_recording_url", "hs_call_status",
    "hs_call_source", "hs_call_callee_object_id", "hs_call_callee_object_type_id", "hs_call_external_id",
    "hs_activity_type", "hs_attachment_ids", "hubspot_owner_id", "hs_createdate", "hs_lastmodifieddate",
    "hs_object_id",
)  # fmt: skip
_CARD_PROPERTIES = (
    "firstname", "lastname", "email", "phone", "mobilephone", "name", "hubspot_owner_id", "createdate",
    "hs_object_id", "dealname",
)  # fmt: skip
_READ_ONLY = frozenset({"hs_createdate", "hs_lastmodifieddate", "hs_object_id", "createdate"})
_DIRECTIONS = frozenset({"INBOUND", "OUTBOUND"})
_STATUSES = frozenset({
    "BUSY", "CALLING_CRM_USER", "CANCELED", "COMPLETED", "CONNECTING", "FAILED", "IN_PROGRESS", "NO_ANSWER",
    "QUEUED", "RINGING",
})  # fmt: skip


def milliseconds(text: Any) -> int:
    """Return a time as milliseconds of Unix time; it is told so, or as ISO 8601.

    Raises:
        RefusedError: it is neither.
    """
    if isinstance(text, int) and not isinstance(text, bool):
        return text
    value = str(text)
    if value.lstrip("-").isdecimal():
        return int(value)
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        raise invalid(f"{value} was not a valid long.", "INVALID_LONG", propertyName="hs_timestamp") from None
    return round((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1000)


def iso(ms: int) -> str:
    """Return a time as HubSpot writes it."""
    return f"{datetime.fromtimestamp(ms / 1000, UTC):%Y-%m-%dT%H:%M:%S}.{ms % 1000:03d}Z"


class Store:
    """Objects of every type, owners, definitions of the properties of calls."""

    def __init__(self) -> None:
        self.version = 0
        self.ids = count(5001)
        self.objects: dict[str, dict[str, dict[str, Any]]] = {kind: {} for kind in OBJECT_TYPES}
        self.owners: dict[str, dict[str, Any]] = {}
        self.properties = {name: _definition(name) for name in _CALL_PROPERTIES}
        self.by_time: list[tuple[int, str]] = []  # of calls that are not archived
        self.links: defaultdict[tuple[str, str], dict[str, dict[str, None]]] = defaultdict(dict)
        self._unique: defaultdict[str, dict[str, str]] = defaultdict(dict)
        self._kept: dict[str, tuple[int, list[dict[str, Any]]]] = {}

    def define(self, name: str, *, unique: bool, label: str = "") -> dict[str, Any]:
        """Add a property of calls."""
        self.properties[name] = _definition(name, unique=unique, own=True, label=label)
        return self.properties[name]

    def known(self, kind: str) -> Iterable[str]:
        """Return the names of the properties of a type."""
        return self.properties if kind == "calls" else _CARD_PROPERTIES

    def with_unique(self, kind: str, name: str, value: str) -> dict[str, Any] | None:
        """Return the object that has this value of a unique property.

        Raises:
            RefusedError: the property is not unique.
        """
        definition = self.properties.get(name) if kind == "calls" else None
        if definition is None or not definition["hasUniqueValue"]:
            raise invalid(f"Property {name} is not a unique property of {OBJECT_TYPES[kind]}")
        found = self._unique[name].get(value)
        return self.objects[kind][found] if found else None

    def create(
        self, kind: str, properties: dict[str, Any], now_ms: int, *, checked: bool = True
    ) -> dict[str, Any]:
        """Add an object; `checked` False: as planted, whatever the interface would say to it.

        Raises:
            RefusedError: a value is wrong, unknown or taken.
        """
        values = self._checked(kind, properties, None) if checked else _texts(properties)
        if kind == "calls" and "hs_timestamp" not in values:
            raise invalid(
                "Property hs_timestamp is required", "MISSING_REQUIRED", propertyName="hs_timestamp"
            )
        number = str(next(self.ids))
        stamp = iso(now_ms)
        made = {"hs_createdate": stamp, "hs_lastmodifieddate": stamp, "hs_object_id": number}
        stored = {
            "id": number,
            "properties": {**values, **made},
            "createdAt": stamp,
            "updatedAt": stamp,
            "archived": False,
            "_ms": now_ms,
        }
        self.objects[kind][number] = stored
        self._index(kind, stored)
        return stored

    def update(self, kind: str, stored: dict[str, Any], properties: dict[str, Any], now_ms: int) -> None:
        """Change an object.

        Raises:
            RefusedError: as above.
        """
        values = self._checked(kind, properties, stored["id"])
        self._unindex(kind, stored)
        stored["properties"].update(values)
        stored["updatedAt"] = stored["properties"]["hs_lastmodifieddate"] = iso(now_ms)
        self._index(kind, stored)

    def archive(self, kind: str, number: str) -> None:
        """Put an object into the recycling bin; one that is not there is no failure."""
        stored = self.objects[kind].pop(number, None)
        if stored is not None:
            self._unindex(kind, stored)
            self.version += 1

    def get(self, kind: str, number: str) -> dict[str, Any]:
        """Return an object.

        Raises:
            RefusedError: it is not there.
        """
        if number not in self.objects[kind]:
            raise not_found()
        return self.objects[kind][number]

    def link(self, kind: str, number: str, other: str, target: str) -> None:
        """Associate two objects, both ways.

        Raises:
            RefusedError: one is not there.
        """
        self.get(kind, number)
        self.get(other, target)
        self.links[kind, other].setdefault(number, {})[target] = None
        self.links[other, kind].setdefault(target, {})[number] = None

    def linked(self, kind: str, number: str, other: str) -> list[str]:
        """Return the ids of what an object is associated with."""
        return list(self.links[kind, other].get(number, ()))

    def kept(self, key: str, make: Any) -> list[dict[str, Any]]:
        """Return the rows of a question, kept while nothing changes: pages are slices."""
        found = self._kept.get(key)
        if found is None or found[0] != self.version:
            if len(self._kept) > 8:
                self._kept.clear()
            found = self._kept[key] = (self.version, make())
        return found[1]

    def _checked(self, kind: str, properties: dict[str, Any], own: str | None) -> dict[str, str]:
        values = _texts(properties)
        for name, value in values.items():
            if name not in self.known(kind):
                raise invalid(f'Property "{name}" does not exist', "PROPERTY_DOESNT_EXIST", propertyName=name)
            if name in _READ_ONLY:
                raise invalid(f'"{name}" is a read only property', "READ_ONLY_VALUE", propertyName=name)
            if kind == "calls":
                _check_call_value(name, value)
                self._check_unique(name, value, own)
        if "hs_timestamp" in values and kind == "calls":
            values["hs_timestamp"] = iso(milliseconds(values["hs_timestamp"]))
        return values

    def _check_unique(self, name: str, value: str, own: str | None) -> None:
        if not self.properties[name]["hasUniqueValue"] or not value:
            return
        if self._unique[name].get(value, own) != own:
            raise invalid(
                f"{value} is already used for {name}", "CONFLICTING_UNIQUE_VALUE", propertyName=name
            )

    def _index(self, kind: str, stored: dict[str, Any]) -> None:
        self.version += 1
        if kind != "calls":
            return
        values = stored["properties"]
        bisect.insort(self.by_time, (milliseconds(values["hs_timestamp"]), stored["id"]))
        for name, value in values.items():
            if value and self.properties.get(name, {}).get("hasUniqueValue"):
                self._unique[name][value] = stored["id"]

    def _unindex(self, kind: str, stored: dict[str, Any]) -> None:
        if kind != "calls":
            return
        values = stored["properties"]
        place = (milliseconds(values["hs_timestamp"]), stored["id"])
        del self.by_time[bisect.bisect_left(self.by_time, place)]
        for name, value in values.items():
            if self._unique[name].get(value) == stored["id"]:
                del self._unique[name][value]


def _definition(name: str, *, unique: bool = False, own: bool = False, label: str = "") -> dict[str, Any]:
    times = {"hs_timestamp", "hs_createdate", "hs_lastmodifieddate"}
    kind = "datetime" if name in times else "number" if name == "hs_call_duration" else "string"
    return {
        "name": name,
        "label": label or name,
        "type": kind,
        "fieldType": "text",
        "description": "",
        "groupName": "callinformation" if own else "call",
        "options": [],
        "displayOrder": -1,
        "hasUniqueValue": unique,
        "hidden": False,
        "formField": False,
        "hubspotDefined": not own,
        "archived": False,
        "calculated": False,
        "externalOptions": False,
    }


def _texts(properties: dict[str, Any]) -> dict[str, str]:
    return {name: "" if value is None else str(value) for name, value in properties.items()}


def _check_call_value(name: str, value: str) -> None:
    if name == "hs_call_direction" and value and value not in _DIRECTIONS:
        raise invalid(f"{value} was not one of the allowed options", "INVALID_OPTION", propertyName=name)
    if name == "hs_call_status" and value and value not in _STATUSES:
        raise invalid(f"{value} was not one of the allowed options", "INVALID_OPTION", propertyName=name)
    if name == "hs_call_duration" and value and not value.isdecimal():
        raise invalid(f"{value} was not a valid number.", "INVALID_NUMBER", propertyName=name)
    if name == "hs_call_recording_url" and value and not value.startswith("https://"):
        raise invalid("Recording URLs must be https", "INVALID_URL", propertyName=name)
