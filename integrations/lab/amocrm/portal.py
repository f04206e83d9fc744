"""The simulated account: signing in, limits, routes, faults, and the lab's day.

Written from the documentation of API v4. What could not be verified is marked in docs/connectors/amocrm.md.
"""

from __future__ import annotations

import base64
import json
import re
from collections import deque
from itertools import count
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar

from integrations.lab.amocrm import reading, writing
from integrations.lab.amocrm.problems import NO_CONTENT, block_page, older, problem, validation
from integrations.lab.amocrm.store import ACCOUNT_ID, ADMINISTRATOR, ENTITY_TYPES, Entity, Store
from integrations.lab.portal import Said
from integrations.lab.roles import CrmPortal

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from integrations.crm.reader import Employee
    from integrations.lab.portal import Asked
    from supportctl.core.call import Call
    from supportctl.core.clock import Clock

PER_SECOND = 7  # requests of one integration
_STRIKES = 25  # refusals within a minute after which an address is blocked. UNVERIFIED number
_STRIKES_S = 60.0
_BLOCKED_S = 300.0  # UNVERIFIED
_DAY_S = 86400
_NUMBER = re.compile(r"\d+")
_ONE_NOTE = re.compile(r"(?P<kind>[a-z]+)/(?P<entity>\d{1,15})/notes/(?P<note>\d{1,15})", re.ASCII)

_REFUSALS: Mapping[str, Said] = MappingProxyType(
    {
        "ip-blocked": block_page(),
        "rate-limited": problem(429, "Too many requests"),
        "wrong-account": older(101, 401, "Account not found"),
        "ip-not-allowed": older(113, 403, "Access to this account is denied from your IP address"),
        "user-off": older(112, 401, "User is switched off in the account"),
        "expired-token": problem(401, "Unauthorized"),
        "unpaid": problem(402, "The account is not paid"),
        "forbidden": problem(403, "You do not have rights for this action"),
        "ok-with-error": problem(400, "Internal problem", http_status=200),
        "validation-error": validation([("0", "NotSupportedChoice", "phone", "The value is not a choice.")]),
    }
)


class AmoCrmPortal(CrmPortal):
    """One account. `token_days` is how long its long-lived token is good for."""

    kind = "amocrm"
    own_faults: ClassVar[Mapping[str, str]] = {
        "expired-token": "401 problem: the token has expired or was revoked",
        "user-off": "401 with error_code 112: the user was switched off in the account",
        "wrong-account": "401 with error_code 101: there is no such account",
        "unpaid": "402 problem: the account is not paid",
        "forbidden": "403 problem: no right for this",
        "ip-not-allowed": "403 with error_code 113: the account admits listed addresses only",
        "ip-blocked": "403 page: the address was blocked after too many requests",
        "rate-limited": "429 problem: more than 7 requests a second",
        "validation-error": "400 problem with validation-errors",
        "ok-with-error": "status 200 with a problem as its body",
        "limited-rights": "the token's user is no administrator and sees own cards only",
        "empty-page": "204 although there is more",
        "call-notes-fixed": "a change of a call's note is answered with 200 and changes nothing",
        "call-notes-refused": "a change of a call's note is refused",
    }

    def __init__(self, clock: Clock, name: str = "", *, token_days: int = 365) -> None:
        super().__init__(clock, name)
        self.store = Store()
        self.store.add_user(ADMINISTRATOR, "Administrator", "", active=True, admin=True)
        self.token = self._make_token(token_days)
        self._calls = count(701)
        self._asked_at: deque[float] = deque()
        self._strikes: deque[float] = deque()
        self._blocked_until = 0.0
        self.refused = 0  # requests over the limit

    # what the lab's day puts in

    def plant_employee(self, employee: Employee) -> None:
        """Add a user; its inner number stands where amoCRM keeps a phone."""
        self.store.add_user(int(employee.id), employee.name, employee.extension, active=employee.active)

    def plant_contact(self, phone: str, name: str) -> str:
        """Add a contact."""
        contact = Entity("contacts", next(self.store.ids), name, ADMINISTRATOR, self._now(), (phone,))
        return f"CONTACT:{self.store.add_entity(contact)}"

    def plant_company(self, phone: str, name: str) -> str:
        """Add a company."""
        company = Entity("companies", next(self.store.ids), name, ADMINISTRATOR, self._now(), (phone,))
        return f"COMPANY:{self.store.add_entity(company)}"

    def plant_lead(self, contact: str, name: str = "Lead", *, active: bool = True) -> str:
        """Add a lead of a contact or company."""
        linked = int(contact.partition(":")[2])
        lead = Entity(
            "leads", next(self.store.ids), name, ADMINISTRATOR, self._now(), links=(linked,), active=active
        )
        return f"LEAD:{self.store.add_entity(lead)}"

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
        """Add a call; without a contact it lies in the unsorted, where amoCRM keeps calls of nobody known."""
        began = int((started_at or call.started_at).timestamp())
        entered = int(created_at.timestamp()) if created_at is not None else began + call.duration_s
        link = (call.recording_url or f"https://records.example/{call.call_id}.mp3") if recording else ""
        uniq = call.call_id if external_id else ""
        if not contact:
            return self._plant_unsorted(call, uniq, link, began, entered)
        note = {
            "note_type": "call_in" if call.direction == "in" else "call_out",
            "responsible_user_id": int(employee) if employee.isdecimal() else None,
            "created_at": began,
            "params": {
                "uniq": uniq,
                "duration": call.duration_s,
                "source": call.source,
                "link": link,
                "phone": call.contact_phone,
                "call_status": 4 if call.answered else 6,
            },
        }
        card = self.store.entities[int(contact.partition(":")[2])]
        return str(self.store.add_note(card, note, entered)["id"])

    def _plant_unsorted(self, call: Call, uniq: str, link: str, began: int, entered: int) -> str:
        lead = next(self.store.ids)
        uid = f"{lead:032x}"
        self.store.add_entity(Entity("leads", lead, call.contact_phone, ADMINISTRATOR, entered))
        item = {
            "uid": uid,
            "source_uid": call.source,
            "source_name": call.source,
            "category": "sip",
            "pipeline_id": 3166001,
            "created_at": entered,
            "metadata": {
                "uniq": uniq,
                "from": call.contact_phone,
                "phone": call.line,
                "called_at": began,
                "duration": call.duration_s,
                "link": link,
                "service_code": call.source,
                "is_call_event_needed": False,
            },
            "account_id": ACCOUNT_ID,
            "_embedded": {"leads": [{"id": lead}], "contacts": [], "companies": []},
        }
        self.store.add_unsorted(item)
        return uid

    # what every portal has

    def operation(self, asked: Asked) -> str:
        """Return the method and the path, with ids left out: "GET contacts/ID/notes"."""
        path = asked.path.removeprefix("/api/v4/").strip("/")
        return f"{asked.method} {_NUMBER.sub('ID', path)}"

    def answer(self, asked: Asked, operation: str) -> Said:
        """Return the answer."""
        refusal = self._refusal(asked, operation)
        if refusal is not None:
            return refusal
        if not asked.path.startswith("/api/v4/"):
            return problem(404, "Not Found")
        if asked.method in {"POST", "PATCH"}:
            put = self._write if asked.method == "POST" else self._change
            return put(asked, operation)
        if asked.method != "GET":
            return problem(404, "Not Found")
        if operation.endswith("notes") and self._hits("empty-page", operation):
            return NO_CONTENT
        return reading.read(self.store, asked, ADMINISTRATOR if "limited-rights" in self.active else None)

    def state(self) -> dict[str, Any]:
        """Return what is stored."""
        return {
            "users": len(self.store.users),
            "cards": len(self.store.entities),
            "notes": {kind: len(notes) for kind, notes in self.store.notes.items()},
            "last_notes": {kind: notes[-20:] for kind, notes in self.store.notes.items()},
            "unsorted": self.store.unsorted[-20:],
            "events": len(self.store.events),
        }

    def account(self, base_url: str) -> dict[str, Any]:
        """Return the entry of the configuration."""
        return {"kind": "amocrm", "url": base_url, "token": self.token}

    # inside

    def _now(self) -> int:
        return int(self.clock.now().timestamp())

    def _make_token(self, days: int) -> str:
        issued = self._now()
        claims = {
            "aud": "5f1c0000-0000-4000-8000-00000000a111",
            "iat": issued,
            "nbf": issued,
            "exp": issued + days * _DAY_S,
            "sub": str(ADMINISTRATOR),
            "account_id": ACCOUNT_ID,
            "scopes": ["crm", "notifications"],
        }
        parts = [{"typ": "JWT", "alg": "RS256"}, claims]
        texts = [base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts]
        return ".".join([*texts, "c2lnbmF0dXJl"])

    def _expired(self) -> bool:
        claims = json.loads(base64.urlsafe_b64decode(self.token.split(".")[1] + "=="))
        return bool(self._now() >= claims["exp"])

    def _refusal(self, asked: Asked, operation: str) -> Said | None:
        if self.clock.monotonic() < self._blocked_until:
            return block_page()
        if self._too_many():
            self.refused += 1
            return problem(429, "Too many requests")
        for fault, said in _REFUSALS.items():
            if self._hits(fault, operation):
                return said
        if asked.headers.get("authorization") != f"Bearer {self.token}" or self._expired():
            return problem(401, "Unauthorized")
        return None

    def _too_many(self) -> bool:
        """Count a request; refuse the eighth of a second, and block the address of whoever goes on."""
        now = self.clock.monotonic()
        while self._asked_at and now - self._asked_at[0] >= 1:
            self._asked_at.popleft()
        if len(self._asked_at) < PER_SECOND:
            self._asked_at.append(now)
            return False
        while self._strikes and now - self._strikes[0] > _STRIKES_S:
            self._strikes.popleft()
        self._strikes.append(now)
        if len(self._strikes) >= _STRIKES:
            self._blocked_until = now + _BLOCKED_S
        return True

    def _write(self, asked: Asked, operation: str) -> Said:
        items = writing.items_of(asked.json())
        if isinstance(items, Said):
            return items
        if operation == "POST calls":
            return writing.add_calls(self.store, items, self._now(), next(self._calls))
        if operation == "POST leads/unsorted/sip":
            return writing.add_unsorted(self.store, items, self._now())
        kind, _, rest = asked.path.removeprefix("/api/v4/").strip("/").partition("/")
        if kind in {"contacts", "companies"} and not rest:
            return writing.add_contacts(self.store, kind, items, self._now())
        if kind in ENTITY_TYPES and rest.endswith("notes"):
            chosen = _NUMBER.match(rest)
            entity_id = int(chosen[0]) if chosen else None
            return writing.add_notes(self.store, kind, entity_id, items, self._now())
        return problem(404, "Not Found")

    def _change(self, asked: Asked, operation: str) -> Said:
        """PATCH /api/v4/{kind}/{entity}/notes/{id}. UNVERIFIED: that notes of calls can be changed."""
        found = _ONE_NOTE.fullmatch(asked.path.removeprefix("/api/v4/").strip("/"))
        body = asked.json()
        if found is None or found["kind"] not in ENTITY_TYPES or not isinstance(body, dict):
            return problem(404, "Not Found")
        if self._hits("call-notes-refused", operation):
            return validation([("0", "NotSupportedChoice", "note_type", "This note cannot be changed.")])
        fixed = self._hits("call-notes-fixed", operation)
        return writing.change_note(
            self.store, int(found["entity"]), int(found["note"]), {} if fixed else body, self._now()
        )
