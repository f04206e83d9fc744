"""The simulated account: signing in, limits, routes, faults, and the lab's day.

Written from the documentation of the CRM API. What could not be verified is marked in
docs/connectors/hubspot.md.
"""

from __future__ import annotations

import re
from collections import deque
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar

from integrations.lab.hubspot import objects
from integrations.lab.hubspot.problems import (
    RefusedError,
    invalid,
    limited,
    missing_scopes,
    not_found,
    problem,
)
from integrations.lab.hubspot.search import search
from integrations.lab.hubspot.store import OBJECT_TYPES, Store, iso
from integrations.lab.portal import Said, document
from integrations.lab.roles import CrmPortal

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from integrations.crm.reader import Employee
    from integrations.lab.portal import Asked
    from supportctl.core.call import Call
    from supportctl.core.clock import Clock

PORTAL_ID = 24001122
PROPERTY = "external_call_id"
SEARCHES_A_SECOND = 5  # of one account
REQUESTS_IN_TEN_SECONDS = 100  # of one private app, on the plans with the least
DAILY = 250_000
SCOPES = (
    "crm.objects.contacts.read", "crm.objects.contacts.write", "crm.objects.owners.read",
    "crm.schemas.contacts.read", "oauth",
)  # fmt: skip
_LAG_MS = 30_000
_DATED = re.compile(r"^/crm/objects/\d{4}-\d{2}/")
_ID = re.compile(r"/[\w.-]*\d[\w.-]*(?=/|$)")
_OWNERS_LIMIT = 500

_REFUSALS: Mapping[str, Said] = MappingProxyType(
    {
        "expired-token": problem(
            401,
            "EXPIRED_AUTHENTICATION",
            "The OAuth token used to make this call expired 5 minute(s) ago.",
            context={"expire time": ["2026-01-01T00:00:00Z"]},
        ),
        "invalid-token": problem(401, "INVALID_AUTHENTICATION", "Authentication credentials not found."),
        "missing-scopes": missing_scopes("crm.objects.contacts.read"),
        "rate-limited": limited("TEN_SECONDLY_ROLLING", "You have reached your ten_secondly_rolling limit."),
        "daily-limit": limited("DAILY", "You have reached your daily limit."),
        "rate-limited-500": limited("SECONDLY", "You have reached your secondly limit.", status=500),
        "locked": problem(423, "LOCKED", "The record is locked."),
        "migrating": problem(
            477, "MIGRATION_IN_PROGRESS", "The account is being moved.", ("Retry-After", "3600")
        ),
        "internal-error": problem(500, "INTERNAL_ERROR", "internal error"),
        "ok-with-error": problem(200, "VALIDATION_ERROR", "Invalid input"),
        "validation-error": problem(400, "VALIDATION_ERROR", "Property values were not valid"),
    }
)


class HubSpotPortal(CrmPortal):
    """One account with a private app's token, and a unique property of calls for the telephony's id."""

    kind = "hubspot"
    own_faults: ClassVar[Mapping[str, str]] = {
        "expired-token": "401 EXPIRED_AUTHENTICATION",
        "invalid-token": "401 INVALID_AUTHENTICATION",
        "missing-scopes": "403 MISSING_SCOPES",
        "rate-limited": "429 RATE_LIMITS, policy TEN_SECONDLY_ROLLING",
        "daily-limit": "429 RATE_LIMITS, policy DAILY",
        "rate-limited-500": "500 with category RATE_LIMITS",
        "locked": "423: the record is locked",
        "migrating": "477: the account is being moved, with Retry-After",
        "internal-error": "500 INTERNAL_ERROR",
        "ok-with-error": "status 200 with an error as its body",
        "validation-error": "400 VALIDATION_ERROR",
        "property-missing": "the property for the telephony's id does not exist",
        "property-not-unique": "the property for the telephony's id exists and is not unique",
        "quota-low": "2 % of the day's requests are left",
        "few-scopes": "the token has no scopes for owners and for writing",
        "search-lag": "what is younger than 30 s is not found by search",
    }

    def __init__(self, clock: Clock, name: str = "") -> None:
        super().__init__(clock, name)
        self.store = Store()
        self.token = "pat-eu1-lab-0000-0000"  # noqa: S105  it opens nothing but this
        self.store.define(PROPERTY, unique=True)
        self._searched_at: deque[float] = deque()
        self._asked_at: deque[float] = deque()
        self._asked_today = 0
        self.refused = 0  # requests over a limit

    # what the lab's day puts in

    def plant_employee(self, employee: Employee) -> None:
        """Add an owner; HubSpot has no inner numbers."""
        first, _, last = employee.name.partition(" ")
        self.store.owners[employee.id] = {
            "id": employee.id,
            "email": f"owner{employee.id}@acme.example",
            "firstName": first,
            "lastName": last,
            "userId": int(employee.id) if employee.active and employee.id.isdecimal() else None,
            "userIdIncludingInactive": int(employee.id) if employee.id.isdecimal() else None,
            "type": "PERSON",
            "createdAt": "2024-01-10T08:00:00.000Z",
            "updatedAt": "2024-01-10T08:00:00.000Z",
            "archived": not employee.active,
        }
        self.store.version += 1

    def plant_contact(self, phone: str, name: str) -> str:
        """Add a contact."""
        first, _, last = name.partition(" ")
        values = {"firstname": first, "lastname": last, "phone": phone}
        return f"CONTACT:{self.store.create('contacts', values, self._now_ms(), checked=False)['id']}"

    def plant_company(self, phone: str, name: str) -> str:
        """Add a company."""
        values = {"name": name, "phone": phone}
        return f"COMPANY:{self.store.create('companies', values, self._now_ms(), checked=False)['id']}"

    def plant_call(
        self,
        call: Call,
        *,
        employee: str,
        contact: str = "",
        recording: bool = False,
        external_id: bool = True,
        started_at: datetime | None = None,
        created_at: datetime | None = None,
    ) -> str:
        """Add a call."""
        inbound = call.direction == "in"
        began = started_at or call.started_at
        entered = round(created_at.timestamp() * 1000) if created_at is not None else None
        values = {
            "hs_timestamp": iso(round(began.timestamp() * 1000)),
            "hs_call_title": f"Call {call.call_id}",
            "hs_call_direction": "INBOUND" if inbound else "OUTBOUND",
            "hs_call_duration": str(call.duration_s * 1000),
            "hs_call_from_number": call.contact_phone if inbound else call.line,
            "hs_call_to_number": call.line if inbound else call.contact_phone,
            "hs_call_status": "COMPLETED" if call.answered else "NO_ANSWER",
            "hubspot_owner_id": employee,
        }
        if recording:
            values["hs_call_recording_url"] = (
                call.recording_url or f"https://records.example/{call.call_id}.mp3"
            )
        if external_id:
            values[PROPERTY] = call.call_id
        at = entered or round(began.timestamp() * 1000) + call.duration_s * 1000
        number = str(self.store.create("calls", values, at, checked=False)["id"])
        if contact:
            kind, _, target = contact.partition(":")
            other = {"CONTACT": "contacts", "COMPANY": "companies", "DEAL": "deals"}[kind]
            self.store.link("calls", number, other, target)
        return number

    # what every portal has

    def operation(self, asked: Asked) -> str:
        """Return the method and the path, with ids left out: "POST objects/calls/batch/upsert"."""
        path = _DATED.sub("/crm/v3/objects/", asked.path)
        path = re.sub(r"^/crm/v[34]/", "", path).strip("/")
        return f"{asked.method} {_ID.sub('/ID', path)}"

    def answer(self, asked: Asked, operation: str) -> Said:
        """Return the answer."""
        searching = operation.endswith("/search")
        refusal = self._refusal(asked, operation, searching=searching)
        if refusal is not None:
            return refusal
        try:
            said = self._route(asked._replace(path=_DATED.sub("/crm/v3/objects/", asked.path)))
        except RefusedError as error:
            said = error.said
        return said if searching else said._replace(headers=(*said.headers, *self._rate_headers()))

    def state(self) -> dict[str, Any]:
        """Return what is stored."""
        calls = list(self.store.objects["calls"].values())[-20:]
        return {
            "counts": {kind: len(found) for kind, found in self.store.objects.items()},
            "owners": len(self.store.owners),
            "last_calls": [objects.shown(call, call["properties"]) for call in calls],
        }

    def account(self, base_url: str) -> dict[str, Any]:
        """Return the entry of the configuration."""
        return {"kind": "hubspot", "url": base_url, "token": self.token, "external_id_property": PROPERTY}

    # inside

    def _now_ms(self) -> int:
        return round(self.clock.now().timestamp() * 1000)

    def _refusal(self, asked: Asked, operation: str, *, searching: bool) -> Said | None:
        for fault, said in _REFUSALS.items():
            if self._hits(fault, operation):
                return said
        token_info = operation.endswith("access-token-info")
        if not token_info and asked.headers.get("authorization") != f"Bearer {self.token}":
            return _REFUSALS["invalid-token"]
        if searching and _over(self._searched_at, self.clock.monotonic(), SEARCHES_A_SECOND, 1.0):
            self.refused += 1
            return limited("SECONDLY", "You have reached your secondly limit.")
        self._asked_today += 1
        if _over(self._asked_at, self.clock.monotonic(), REQUESTS_IN_TEN_SECONDS, 10.0):
            self.refused += 1
            return _REFUSALS["rate-limited"]
        return None

    def _rate_headers(self) -> tuple[tuple[str, str], ...]:
        left = DAILY // 50 if "quota-low" in self.active else DAILY - self._asked_today
        return (
            ("X-HubSpot-RateLimit-Daily", str(DAILY)),
            ("X-HubSpot-RateLimit-Daily-Remaining", str(left)),
            ("X-HubSpot-RateLimit-Interval-Milliseconds", "10000"),
            ("X-HubSpot-RateLimit-Max", str(REQUESTS_IN_TEN_SECONDS)),
            ("X-HubSpot-RateLimit-Remaining", str(REQUESTS_IN_TEN_SECONDS - len(self._asked_at))),
        )

    def _scopes(self) -> list[str]:
        if "few-scopes" in self.active:
            return ["crm.objects.contacts.read", "oauth"]
        return list(SCOPES)

    def _route(self, asked: Asked) -> Said:
        parts = asked.path.strip("/").split("/")
        if asked.path == "/account-info/v3/details":
            return document({
                "portalId": PORTAL_ID, "accountType": "STANDARD", "timeZone": "Europe/Moscow",
                "companyCurrency": "EUR", "additionalCurrencies": [], "utcOffset": "+03:00",
                "utcOffsetMilliseconds": 10800000, "uiDomain": "app-eu1.hubspot.com",
                "dataHostingLocation": "eu1",
            })  # fmt: skip
        if asked.path == "/oauth/v2/private-apps/get/access-token-info":
            return self._token_info(asked.json())
        if parts[:2] == ["crm", "v3"] and len(parts) > 2:
            if parts[2] == "owners":
                return self._owners(asked, parts[3:])
            if parts[2] == "properties" and parts[3:4] == ["calls"]:
                return self._properties(asked, parts[4:])
            if parts[2] == "objects" and len(parts) > 3 and parts[3] in OBJECT_TYPES:
                return self._objects(asked, parts[3], parts[4:])
        return self._links(asked, parts)

    def _token_info(self, body: Any) -> Said:
        if not isinstance(body, dict) or body.get("tokenKey") != self.token:
            return _REFUSALS["invalid-token"]
        return document({"userId": 9001, "hubId": PORTAL_ID, "appId": 77, "scopes": self._scopes()})

    def _owners(self, asked: Asked, rest: list[str]) -> Said:
        if "few-scopes" in self.active:
            return missing_scopes("crm.objects.owners.read")
        if rest:
            if rest[0] not in self.store.owners:
                raise not_found()
            return document(self.store.owners[rest[0]])
        archived = asked.param("archived", "false").lower() == "true"
        rows = [owner for owner in self.store.owners.values() if owner["archived"] is archived]
        wanted, after = asked.param("limit", "100"), asked.param("after", "0")
        limit = int(wanted) if wanted.isdecimal() else 100
        if not 0 < limit <= _OWNERS_LIMIT:
            raise invalid(f"limit must be between 1 and {_OWNERS_LIMIT}")
        start = int(after) if after.isdecimal() else 0
        body: dict[str, Any] = {"results": rows[start : start + limit]}
        if start + limit < len(rows):
            body["paging"] = {"next": {"after": str(start + limit), "link": "?"}}
        return document(body)

    def _properties(self, asked: Asked, rest: list[str]) -> Said:
        defined = dict(self.store.properties)
        if "property-missing" in self.active:
            defined.pop(PROPERTY, None)
        if "property-not-unique" in self.active and PROPERTY in defined:
            defined[PROPERTY] = {**defined[PROPERTY], "hasUniqueValue": False}
        if asked.method == "POST":
            body = asked.json() or {}
            made = self.store.define(
                str(body.get("name")), unique=bool(body.get("hasUniqueValue")), label=str(body.get("label"))
            )
            return document(made, 201)
        if not rest:
            return document({"results": list(defined.values())})
        if rest[0] not in defined:
            raise not_found(f"No property {rest[0]}")
        return document(defined[rest[0]])

    def _objects(self, asked: Asked, kind: str, rest: list[str]) -> Said:
        now = self._now_ms()
        if rest == ["search"]:
            return self._search(asked, kind, now)
        if rest[:1] == ["batch"] and asked.method == "POST" and len(rest) == 2:
            return objects.batch(self.store, kind, rest[1], asked.json(), now)
        if not rest and asked.method == "POST":
            stored = objects.create(self.store, kind, asked.json(), now)
            return document(objects.shown(stored, stored["properties"]), 201)
        if len(rest) == 1:
            return objects.one(self.store, kind, rest[0], asked, now)
        raise not_found()

    def _search(self, asked: Asked, kind: str, now: int) -> Said:
        body = asked.json()
        if not isinstance(body, dict):
            raise invalid("Invalid input JSON")
        unseen = now - _LAG_MS if "search-lag" in self.active else 2**62
        answer = search(self.store, kind, body, unseen)
        names = body.get("properties") or []
        return document({**answer, "results": [objects.shown(row, names) for row in answer["results"]]})

    def _links(self, asked: Asked, parts: list[str]) -> Said:
        match parts:
            case ["crm", ("v3" | "v4") as version, "associations", kind, other, "batch", "read"]:
                if kind in OBJECT_TYPES and other in OBJECT_TYPES and asked.method == "POST":
                    return objects.read_links(self.store, kind, other, asked.json(), version)
            case ["crm", "v4", "associations", kind, other, "batch", "associate", "default"]:
                if kind in OBJECT_TYPES and other in OBJECT_TYPES and asked.method == "POST":
                    return objects.make_links(self.store, kind, other, asked.json())
            case ["crm", "v4", "objects", kind, number, "associations", "default", other, target]:
                if kind in OBJECT_TYPES and other in OBJECT_TYPES and asked.method == "PUT":
                    self.store.link(kind, number, other, target)
                    return document({"status": "COMPLETE", "results": []})
        raise not_found()


def _over(times: deque[float], now: float, most: int, within_s: float) -> bool:
    while times and now - times[0] >= within_s:
        times.popleft()
    if len(times) >= most:
        return True
    times.append(now)
    return False
