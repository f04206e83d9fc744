"""Calls and owners, as HubSpot writes them -> ours. Every property is text there; nothing is trusted."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, TypeGuard

from integrations.crm.reader import CrmCall, Employee
from integrations.crm.strict import UnreadableError, web_link
from integrations.phones import normalise
from supportctl.core.text import clean

PROPERTIES = (
    "hs_timestamp", "hs_call_direction", "hs_call_duration", "hs_call_from_number", "hs_call_to_number",
    "hs_call_recording_url", "hubspot_owner_id",
)  # fmt: skip
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_DIRECTIONS = {"INBOUND": "in", "OUTBOUND": "out"}
_LATEST_MS = 4_102_444_800_000  # 2100
_LATEST_YEAR = 2100
_LONGEST_ID = 20
_LONGEST_CALL_MS = 7 * 86400 * 1000
_MAX_TEXT = 2048


def read_call(row: Any, external_property: str, region: str | None) -> CrmCall:
    """Return a call, without its contact and its card.

    Raises:
        UnreadableError: a field that is needed is missing or of another type.
    """
    if not isinstance(row, dict):
        raise UnreadableError("result")
    number, values = row.get("id"), row.get("properties")
    if not is_id(number):
        raise UnreadableError("id")
    if not isinstance(values, dict):
        raise UnreadableError("properties")
    direction = _DIRECTIONS.get(_text(values, "hs_call_direction"), "")
    theirs, ours = _text(values, "hs_call_from_number"), _text(values, "hs_call_to_number")
    if direction == "out":
        theirs, ours = ours, theirs
    link = _text(values, "hs_call_recording_url")
    return CrmCall(
        record_id=number,
        started_at=moment(values.get("hs_timestamp"), "hs_timestamp"),
        phone=normalise(theirs, region),
        direction=direction,
        external_id=_text(values, external_property),
        duration_s=_duration(_text(values, "hs_call_duration")),
        line=normalise(ours, region),
        employee=_text(values, "hubspot_owner_id"),
        recording=bool(link),
        recording_url=web_link(link),
        created_at=moment(row.get("createdAt"), "createdAt"),
    )


def is_id(value: Any) -> TypeGuard[str]:
    """Return whether a value is an id, as HubSpot writes them: a number as text."""
    return isinstance(value, str) and value.isascii() and value.isdecimal() and len(value) <= _LONGEST_ID


def owner(row: Any) -> Employee:
    """Return an owner; HubSpot knows no inner numbers.

    Raises:
        UnreadableError: as above.
    """
    if not isinstance(row, dict) or not isinstance(row.get("id"), str):
        raise UnreadableError("id")
    name = f"{_text(row, 'firstName')} {_text(row, 'lastName')}".strip() or _text(row, "email")
    return Employee(clean(row["id"]), clean(name), active=row.get("archived") is not True)


def moment(value: Any, name: str) -> datetime:
    """Return a time, told as ISO 8601 with a zone or as milliseconds of Unix time.

    Raises:
        UnreadableError: it is neither.
    """
    text = str(value) if isinstance(value, int | str) and not isinstance(value, bool) else ""
    if text.isascii() and text.isdecimal() and 0 < int(text[:20]) <= _LATEST_MS:
        return EPOCH + timedelta(milliseconds=int(text))
    try:
        found = datetime.fromisoformat(text)
        known = found.tzinfo is not None and EPOCH.year < found.year < _LATEST_YEAR
        return found.astimezone(UTC) if known else _refuse(name)
    except (ValueError, OverflowError):
        raise UnreadableError(name) from None


def milliseconds(at: datetime) -> int:
    """Return a moment as milliseconds of Unix time, rounded up."""
    return -((EPOCH - at) // timedelta(milliseconds=1))


def _refuse(name: str) -> datetime:
    raise UnreadableError(name)


def _duration(text: str) -> int | None:
    if not text:
        return None
    if not text.isascii() or not text.isdecimal() or len(text) > 12 or int(text) > _LONGEST_CALL_MS:
        raise UnreadableError("hs_call_duration")
    return round(int(text) / 1000)


def _text(values: dict[str, Any], name: str) -> str:
    value = values.get(name)
    if value is None:
        return ""
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str) or len(value) > _MAX_TEXT:
        raise UnreadableError(name)
    return clean(value.strip(), _MAX_TEXT)
