"""What a portal keeps: users, CRM cards, open calls, statistics, activities, lines, recordings."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from integrations.lab.bitrix24.query import Field, Table

if TYPE_CHECKING:
    from datetime import datetime, tzinfo

_NOT_DIGIT = re.compile(r"\D")
_SIGNIFICANT = 10  # digits by which two spellings of a number are the same one
ENTITIES = {"LEAD": 1, "DEAL": 2, "CONTACT": 3, "COMPANY": 4}


@dataclass(slots=True)
class User:
    """An employee of the portal. `statistics`: whose calls they may see: all, own, none."""

    id: int
    name: str
    inner: str = ""
    active: bool = True
    admin: bool = False
    statistics: str = "all"


@dataclass(slots=True)
class OpenCall:
    """A call that was registered and not finished."""

    call_id: str
    app_id: str
    user_id: int
    phone: str
    type: int
    start: datetime
    line: str
    external_id: str
    entity: tuple[str, int] | None
    created: tuple[tuple[str, int], ...] = ()
    internal: bool = False


@dataclass(slots=True)
class StatRow:
    """A finished call in the statistics."""

    id: int
    call: OpenCall
    user_id: int
    duration: int
    status_code: str
    activity_id: int | None
    entity: tuple[str, int] | None
    category: str = "external"
    failed_reason: str = ""
    record_url: str | None = None
    record_file_id: int | None = None
    vote: int | None = None
    cost: str = "0.0000"
    currency: str = ""
    app_name: str | None = None


@dataclass(slots=True)
class Activity:
    """The activity of a call in a card of the CRM."""

    id: int
    owner: tuple[str, int]
    responsible: int
    direction: int
    start: datetime
    created: datetime
    duration: int
    origin: str
    phone: str
    files: tuple[int, ...] = ()


class Recording(NamedTuple):
    """A file: its name, and what it held; `note` is an address that nobody fetched."""

    name: str
    size: int
    sha256: str
    note: str = ""


@dataclass(slots=True)
class Effects:
    """What people noticed: cards that popped up, chat messages, entities made without being asked."""

    pop_ups: list[str] = field(default_factory=list)
    chat_messages: list[str] = field(default_factory=list)


def significant(phone: str) -> str:
    """Return the digits by which the CRM finds a card."""
    return _NOT_DIGIT.sub("", phone)[-_SIGNIFICANT:]


STATISTIC_FIELDS = {
    "ID": Field(lambda r: r.id, "int"),
    "CALL_ID": Field(lambda r: r.call.call_id),
    "EXTERNAL_CALL_ID": Field(lambda r: r.call.external_id),
    "CALL_CATEGORY": Field(lambda r: r.category),
    "PORTAL_USER_ID": Field(lambda r: r.user_id, "int"),
    "PORTAL_NUMBER": Field(lambda r: r.call.line),
    "PHONE_NUMBER": Field(lambda r: r.call.phone),
    "CALL_TYPE": Field(lambda r: r.call.type, "int"),
    "CALL_DURATION": Field(lambda r: r.duration, "int"),
    "CALL_START_DATE": Field(lambda r: r.call.start, "date"),
    "CALL_RECORD_URL": Field(lambda r: r.record_url),
    "CALL_VOTE": Field(lambda r: r.vote, "int"),
    "CALL_FAILED_CODE": Field(lambda r: r.status_code),
    "CALL_FAILED_REASON": Field(lambda r: r.failed_reason),
    "CRM_ENTITY_TYPE": Field(lambda r: r.entity[0] if r.entity else None),
    "CRM_ENTITY_ID": Field(lambda r: r.entity[1] if r.entity else None, "int"),
    "CRM_ACTIVITY_ID": Field(lambda r: r.activity_id, "int"),
    "REST_APP_ID": Field(lambda r: r.call.app_id),
}
ACTIVITY_FIELDS = {
    "ID": Field(lambda a: a.id, "int"),
    "OWNER_TYPE_ID": Field(lambda a: ENTITIES[a.owner[0]], "int"),
    "OWNER_ID": Field(lambda a: a.owner[1], "int"),
    "TYPE_ID": Field(lambda _: 2, "int"),
    "PROVIDER_ID": Field(lambda _: "VOXIMPLANT_CALL"),
    "RESPONSIBLE_ID": Field(lambda a: a.responsible, "int"),
    "START_TIME": Field(lambda a: a.start, "date"),
    "CREATED": Field(lambda a: a.created, "date"),
    "DIRECTION": Field(lambda a: a.direction, "int"),
    "ORIGIN_ID": Field(lambda a: a.origin),
}
USER_FIELDS = {
    "ID": Field(lambda u: u.id, "int"),
    "ACTIVE": Field(lambda u: u.active),
    "NAME": Field(lambda u: u.name),
    "UF_PHONE_INNER": Field(lambda u: u.inner),
}


class Store:
    """Everything that a portal keeps. `zone` is the portal's own."""

    def __init__(self, zone: tzinfo) -> None:
        self.zone = zone
        self.users: Table[User] = Table(USER_FIELDS, ("UF_PHONE_INNER",), None, zone)
        self.statistics: Table[StatRow] = Table(
            STATISTIC_FIELDS, ("CALL_ID", "EXTERNAL_CALL_ID", "PHONE_NUMBER"), "CALL_START_DATE", zone
        )
        self.activities: Table[Activity] = Table(ACTIVITY_FIELDS, ("ORIGIN_ID",), "START_TIME", zone)
        self.cards: dict[tuple[str, int], str] = {}  # -> the card's name
        self.phones: dict[str, list[tuple[str, int]]] = {}
        self.lines: dict[str, dict[str, str]] = {}
        self.open: dict[str, OpenCall] = {}
        self.open_by_key: dict[tuple[str, str, int, int], list[OpenCall]] = {}
        self.late: list[tuple[float, StatRow]] = []  # finished, not yet in the statistics
        self.files: dict[int, Recording] = {}
        self.effects = Effects()
        self._last: dict[str, int] = {}

    def next_id(self, kind: str) -> int:
        """Return the next id of a kind of thing."""
        self._last[kind] = self._last.get(kind, 0) + 1
        return self._last[kind]

    def new_call_id(self, start: datetime) -> str:
        """Return an id as the portal makes them."""
        number = self.next_id("call")
        digest = hashlib.sha256(str(number).encode()).hexdigest()[:32]
        return f"externalCall.{digest}.{int(start.timestamp())}"

    def add_card(self, kind: str, name: str, phone: str) -> tuple[str, int]:
        """Add a lead, a contact or a company."""
        card = (kind, self.next_id(kind))
        self.cards[card] = name
        if phone:
            self.phones.setdefault(significant(phone), []).append(card)
        return card

    def cards_of(self, phone: str) -> list[tuple[str, int]]:
        """Return the cards with a number, in the order lead, contact, company."""
        order = {"LEAD": 0, "CONTACT": 1, "COMPANY": 2}
        found = self.phones.get(significant(phone), []) if significant(phone) else []
        return sorted(found, key=lambda card: (order.get(card[0], 9), card[1]))

    def user(self, number: int) -> User | None:
        """Return an employee who works here; None for one who was dismissed or never was."""
        found = self.users.rows.get(number)
        return found if found and found.active else None

    def user_by_inner(self, inner: str) -> User | None:
        """Return the working employee with an inner number."""
        found = (self.users.rows[number] for number in self.users.by("UF_PHONE_INNER", inner))
        return next((user for user in found if user.active), None) if inner else None

    def add_line(self, number: str, name: str = "", auto_create: str = "Y") -> None:
        """Add an external line."""
        self.lines[number] = {"NUMBER": number, "NAME": name, "CRM_AUTO_CREATE": auto_create}

    def add_file(self, name: str, content: bytes, note: str = "") -> int:
        """Keep what identifies a recording, and return its id."""
        number = self.next_id("file")
        self.files[number] = Recording(name, len(content), hashlib.sha256(content).hexdigest(), note)
        return number

    def stat_row(self, call_id: str) -> StatRow | None:
        """Return the row of a finished call that the statistics show."""
        found = self.statistics.by("CALL_ID", call_id)
        return self.statistics.rows[found[0]] if found else None

    def settle(self, now: float) -> None:
        """Put the rows into the statistics whose time has come."""
        while self.late and self.late[0][0] <= now:
            _, row = self.late.pop(0)
            self.statistics.add(row.id, row)

    def iso(self, at: datetime) -> str:
        """Return a moment as the portal writes it, in its own zone."""
        return at.astimezone(self.zone).isoformat(timespec="seconds")

    def statistic_document(self, row: StatRow) -> dict[str, Any]:
        """Return a row as `voximplant.statistic.get` does: strings, nulls, and a whole number."""
        call = row.call
        return {
            "ID": str(row.id),
            "PORTAL_USER_ID": str(row.user_id),
            "PORTAL_NUMBER": call.line,
            "PHONE_NUMBER": call.phone,
            "CALL_ID": call.call_id,
            "EXTERNAL_CALL_ID": call.external_id or None,
            "CALL_CATEGORY": row.category,
            "CALL_DURATION": str(row.duration),
            "CALL_START_DATE": self.iso(call.start),
            "CALL_RECORD_URL": row.record_url,
            "CALL_VOTE": str(row.vote) if row.vote else None,
            "COST": row.cost,
            "COST_CURRENCY": row.currency or None,
            "CALL_FAILED_CODE": row.status_code,
            "CALL_FAILED_REASON": row.failed_reason,
            "CRM_ENTITY_TYPE": row.entity[0] if row.entity else None,
            "CRM_ENTITY_ID": str(row.entity[1]) if row.entity else None,
            "CRM_ACTIVITY_ID": str(row.activity_id) if row.activity_id else None,
            "REST_APP_ID": call.app_id or None,
            "REST_APP_NAME": row.app_name,
            "TRANSCRIPT_ID": None,
            "TRANSCRIPT_PENDING": "N",
            "SESSION_ID": None,
            "REDIAL_ATTEMPT": None,
            "COMMENT": None,
            "RECORD_DURATION": None,
            "RECORD_FILE_ID": row.record_file_id,
            "CALL_TYPE": str(call.type),
        }
