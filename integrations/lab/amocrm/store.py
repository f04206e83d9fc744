"""What the simulated account has stored, with the indexes that keep 100,000 calls fast."""

from __future__ import annotations

from collections import defaultdict
from itertools import count
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

ACCOUNT_ID = 30011223
ADMINISTRATOR = 504001  # the user whom the token belongs to
ENTITY_TYPES = {"contacts": "contact", "companies": "company", "leads": "lead"}
CALL_NOTES = ("call_in", "call_out")
EVENT_OF_NOTE = {"call_in": "incoming_call", "call_out": "outgoing_call"}
_SIGNIFICANT = 10  # digits of a number that are compared. UNVERIFIED how amoCRM itself compares them


class Entity(NamedTuple):
    """A contact, a company or a lead; `kind` is its name in paths ("contacts")."""

    kind: str
    id: int
    name: str
    responsible: int
    created_at: int
    phones: tuple[str, ...] = ()
    links: tuple[int, ...] = ()  # of a lead: the ids of its contacts and companies
    active: bool = True  # of a lead: its stage is not a final one


def digits(text: object) -> str:
    """Return the digits of a phone that are compared."""
    return "".join(character for character in str(text) if character.isdecimal())[-_SIGNIFICANT:]


class Store:
    """Users, entities, notes, events and the unsorted. `version` grows with every change."""

    def __init__(self) -> None:
        self.version = 0
        self.users: dict[int, dict[str, Any]] = {}
        self.entities: dict[int, Entity] = {}
        self.notes: dict[str, list[dict[str, Any]]] = {kind: [] for kind in ENTITY_TYPES}
        self.events: list[dict[str, Any]] = []
        self.unsorted: list[dict[str, Any]] = []
        self.ids = count(4001)
        self._by_phone: defaultdict[str, list[int]] = defaultdict(list)
        self._leads_of: defaultdict[int, list[int]] = defaultdict(list)
        self._notes_of: defaultdict[int, list[dict[str, Any]]] = defaultdict(list)
        self._events_of: defaultdict[int, list[dict[str, Any]]] = defaultdict(list)
        self._sip_keys: set[tuple[str, ...]] = set()
        self._lists: dict[object, tuple[int, list[dict[str, Any]]]] = {}

    def add_user(self, user_id: int, name: str, phone: str, *, active: bool, admin: bool = False) -> None:
        """Add a user with the rights to see everything."""
        everything = dict.fromkeys(("view", "edit", "add", "delete", "export"), "A")
        self.users[user_id] = {
            "id": user_id,
            "name": name,
            "email": f"user{user_id}@acme.example",
            "lang": "ru",
            "rights": {
                "leads": everything,
                "contacts": everything,
                "companies": everything,
                "tasks": {"edit": "A", "delete": "A"},
                "mail_access": False,
                "catalog_access": True,
                "is_admin": admin,
                "is_free": False,
                "is_active": active,
                "group_id": None,
                "role_id": None,
            },
            "phone_number": phone or None,
        }
        self.version += 1

    def add_entity(self, entity: Entity) -> int:
        """Add an entity; return its id."""
        self.entities[entity.id] = entity
        for phone in entity.phones:
            self._by_phone[digits(phone)].append(entity.id)
        if entity.kind == "leads":
            for linked in entity.links:
                self._leads_of[linked].append(entity.id)
        self.version += 1
        return entity.id

    def with_phone(self, phone: object) -> list[Entity]:
        """Return the contacts and companies that have this phone."""
        wanted = digits(phone)
        return [self.entities[found] for found in self._by_phone.get(wanted, ())] if wanted else []

    def leads_of(self, entity_id: int) -> list[Entity]:
        """Return the leads of a contact or company."""
        return [self.entities[found] for found in self._leads_of.get(entity_id, ())]

    def card_of(self, phone: object) -> Entity | None:
        """Return the card that a call goes to: the one active lead, else the contact or company itself."""
        found = self.with_phone(phone)
        if not found:
            return None
        active = [lead for lead in self.leads_of(found[0].id) if lead.active]
        return active[0] if len(active) == 1 else found[0]

    def add_note(self, entity: Entity, note: dict[str, Any], entered_at: int) -> dict[str, Any]:
        """Add a note and the event that tells of it."""
        author = note.get("created_by") or ADMINISTRATOR
        stored = {
            "id": next(self.ids),
            "entity_id": entity.id,
            "created_by": author,
            "updated_by": note.get("updated_by") or author,
            # UNVERIFIED: a call keeps the time that it was sent with, its change is the server's time
            "created_at": note.get("created_at") or entered_at,
            "updated_at": entered_at,
            "responsible_user_id": note.get("responsible_user_id") or author,
            "group_id": 0,
            "note_type": note["note_type"],
            "params": note.get("params") or {},
            "account_id": ACCOUNT_ID,
        }
        self.notes[entity.kind].append(stored)
        self._notes_of[entity.id].append(stored)
        if stored["note_type"] in EVENT_OF_NOTE:
            self._tell(entity, stored, entered_at)
        self.version += 1
        return stored

    def _tell(self, entity: Entity, note: dict[str, Any], entered_at: int) -> None:
        event = {
            "id": f"01k{len(self.events):023d}",
            "type": EVENT_OF_NOTE[note["note_type"]],
            "entity_id": entity.id,
            "entity_type": ENTITY_TYPES[entity.kind],
            "created_by": note["created_by"],
            "created_at": entered_at,
            "value_after": [{"note": {"id": note["id"]}}],
            "value_before": [],
            "account_id": ACCOUNT_ID,
        }
        self.events.append(event)
        self._events_of[entity.id].append(event)

    def add_unsorted(self, item: dict[str, Any]) -> bool:
        """Add a call to the unsorted; False if an identical one is there."""
        facts = item["metadata"]
        key = (
            str(item["source_uid"]), str(facts.get("uniq")), str(facts.get("from")), str(facts.get("phone")),
            str(facts.get("called_at")), str(facts.get("duration")),
        )  # fmt: skip
        if key in self._sip_keys:
            return False
        self._sip_keys.add(key)
        self.unsorted.append(item)
        self.version += 1
        return True

    def notes_of(self, ids: Iterable[int]) -> Iterator[dict[str, Any]]:
        """Yield the notes of some entities."""
        for entity_id in ids:
            yield from self._notes_of.get(entity_id, ())

    def events_of(self, ids: Iterable[int]) -> Iterator[dict[str, Any]]:
        """Yield the events of some entities."""
        for entity_id in ids:
            yield from self._events_of.get(entity_id, ())

    def listed(self, key: object, make: Callable[[], Iterable[dict[str, Any]]]) -> list[dict[str, Any]]:
        """Return the rows of a question as a list that is kept while nothing changes: pages are slices."""
        kept = self._lists.get(key)
        if kept is None or kept[0] != self.version:
            if len(self._lists) > 16:
                self._lists.clear()
            kept = self._lists[key] = (self.version, list(make()))
        return kept[1]
