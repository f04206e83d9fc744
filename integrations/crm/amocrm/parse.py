"""Notes, calls in the unsorted and users, as amoCRM writes them -> ours. Nothing here trusts a type."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime
from typing import Any

from integrations.crm.reader import CrmCall, Employee
from integrations.crm.strict import UnreadableError, web_link
from integrations.phones import normalise
from supportctl.core.text import clean

_DIRECTIONS = {"call_in": "in", "call_out": "out"}
_CARDS = {"contacts": "CONTACT", "companies": "COMPANY", "leads": "LEAD"}
_LARGEST = 10**18  # of ids and moments
_LATEST = 4_102_444_800  # 2100: what is greater are milliseconds or nonsense
_LONGEST_CALL_S = 7 * 86400
_MAX_TEXT = 512


def note_call(note: Any, kind: str, base: str, region: str | None) -> CrmCall:
    """Return the call of a note on a card of `kind` ("contacts"). `created_at` is when it was last changed.

    Raises:
        UnreadableError: a field that is needed is missing or of another type.
    """
    if not isinstance(note, dict):
        raise UnreadableError("note")
    facts = note.get("params")
    if not isinstance(facts, dict):
        raise UnreadableError("params")
    direction = note.get("note_type")
    if not isinstance(direction, str) or direction not in _DIRECTIONS:
        raise UnreadableError("note_type")
    card = whole(note, "entity_id")
    link = _text(facts, "link")
    return CrmCall(
        record_id=str(whole(note, "id")),
        started_at=moment(note, "created_at"),
        phone=normalise(_text(facts, "phone"), region),
        direction=_DIRECTIONS[direction],
        external_id=_text(facts, "uniq"),
        duration_s=_duration(facts),
        employee=_employee(note, facts),
        contact=f"{_CARDS[kind]}:{card}",
        recording=bool(link),
        recording_url=web_link(link),
        created_at=moment(note, "updated_at"),
        link=f"{base}/{kind}/detail/{card}",
    )


def unsorted_call(item: Any, base: str, region: str | None) -> tuple[CrmCall, frozenset[int]]:
    """Return a call that lies in the unsorted, and the ids of the leads that were made for it.

    Raises:
        UnreadableError: as above.
    """
    if not isinstance(item, dict):
        raise UnreadableError("unsorted")
    facts = item.get("metadata")
    if not isinstance(facts, dict):
        raise UnreadableError("metadata")
    uid = _text(item, "uid")
    if not uid or clean(uid) != uid:
        raise UnreadableError("uid")
    link = _text(facts, "link")
    inner = item.get("_embedded")
    leads = inner.get("leads") if isinstance(inner, dict) else None
    ids = frozenset(
        lead["id"]
        for lead in (leads if isinstance(leads, list) else [])
        if isinstance(lead, dict) and isinstance(lead.get("id"), int)
    )
    call = CrmCall(
        record_id=uid,
        started_at=moment(facts, "called_at"),
        phone=normalise(_text(facts, "from"), region),
        direction="in",
        external_id=_text(facts, "uniq"),
        duration_s=_duration(facts),
        line=normalise(_text(facts, "phone"), region),
        recording=bool(link),
        recording_url=web_link(link),
        created_at=moment(item, "created_at"),
        link=f"{base}/leads/pipeline/",
    )
    return call, ids


def user(found: Any, region: str | None) -> Employee:
    """Return a user; amoCRM keeps a phone of a user, which may be an inner number.

    Raises:
        UnreadableError: as above.
    """
    if not isinstance(found, dict):
        raise UnreadableError("user")
    rights = found.get("rights")
    active = rights.get("is_active", True) if isinstance(rights, dict) else True
    extension = normalise(_text(found, "phone_number"), region)
    return Employee(str(whole(found, "id")), clean(_text(found, "name")), extension, active is not False)


def token_claims(token: str) -> dict[str, Any]:
    """Return what a long-lived token says of itself, unverified; empty if it is no such token."""
    parts = token.split(".")
    if len(parts) != 3:
        return {}
    try:
        claims = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
    except (ValueError, RecursionError):
        return {}
    return claims if isinstance(claims, dict) else {}


def token_until(token: str) -> datetime | None:
    """Return when a token ends, None if it does not tell."""
    try:
        return moment(token_claims(token), "exp")
    except UnreadableError:
        return None


def moment(row: dict[str, Any], name: str) -> datetime:
    """Return a time that is told in seconds of Unix time.

    Raises:
        UnreadableError: it is none.
    """
    value = whole(row, name)
    if value > _LATEST:
        raise UnreadableError(name)
    return datetime.fromtimestamp(value, UTC)


def whole(row: dict[str, Any], name: str) -> int:
    """Return a number above zero.

    Raises:
        UnreadableError: it is none.
    """
    value = row.get(name)
    if isinstance(value, str) and value.isascii() and value.isdecimal() and len(value) < 20:
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 < value < _LARGEST:
        raise UnreadableError(name)
    return value


def _text(row: dict[str, Any], name: str) -> str:
    value = row.get(name)
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if value is None:
        return ""
    if not isinstance(value, str) or len(value) > 4 * _MAX_TEXT:
        raise UnreadableError(name)
    return value.strip()


def _duration(facts: dict[str, Any]) -> int | None:
    value = facts.get("duration")
    if isinstance(value, str) and value.isascii() and value.isdecimal() and len(value) < 10:
        value = int(value)
    if value is None or value == "":
        return None
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= _LONGEST_CALL_S:
        raise UnreadableError("duration")
    return value


def _employee(note: dict[str, Any], facts: dict[str, Any]) -> str:
    """Who answered: `call_responsible` if it is a user's id (it may be any text), else who is responsible."""
    for value in (facts.get("call_responsible"), note.get("responsible_user_id")):
        if isinstance(value, int) and not isinstance(value, bool) and value > 0:
            return str(value)
    return ""
