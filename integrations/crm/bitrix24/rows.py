"""A row of the statistics as a `CrmCall`: values are strings, nulls and now and then whole numbers."""

from __future__ import annotations

import re
from datetime import datetime
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from integrations.crm.reader import CrmCall, Employee
from integrations.crm.strict import UnreadableError, web_link
from integrations.phones import normalise
from supportctl.core.text import clean

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import tzinfo

# CALL_TYPE: 1 outgoing, 2 incoming, 3 incoming and redirected, 4 callback (either), 5 automatic outgoing
_DIRECTIONS = MappingProxyType({"1": "out", "2": "in", "3": "in", "5": "out"})
_WHOLE = re.compile(r"\d{1,18}", re.ASCII)
_YEARS = range(1990, 2200)
_TEXT_MAX = 500


def text(row: Mapping[str, Any], name: str) -> str:
    """Return a field as text, "" for null.

    Raises:
        UnreadableError: it is neither text nor a whole number.
    """
    value = row.get(name)
    if value is None:
        return ""
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise UnreadableError(name)
    return str(value).strip()[:_TEXT_MAX]


def whole(row: Mapping[str, Any], name: str) -> int | None:
    """Return a field as a whole number, None for null and "".

    Raises:
        UnreadableError: it is none.
    """
    written = text(row, name)
    if not written:
        return None
    if not _WHOLE.fullmatch(written):
        raise UnreadableError(name)
    return int(written)


def row_id(row: Any) -> int | None:
    """Return the id of a row, None if it has no sound one."""
    try:
        return whole(row, "ID") if isinstance(row, dict) else None
    except UnreadableError:
        return None


def moment(row: Mapping[str, Any], name: str, zone: tzinfo | None) -> datetime:
    """Return a moment; one without an offset is meant in `zone`.

    Raises:
        UnreadableError: it is none, or nobody knows its zone.
    """
    try:
        found = datetime.fromisoformat(text(row, name))
    except ValueError:
        raise UnreadableError(name) from None
    if found.tzinfo is None and zone is not None:
        found = found.replace(tzinfo=zone)
    if found.tzinfo is None or found.year not in _YEARS:
        raise UnreadableError(name)
    return found


def crm_call(row: Any, portal: str, region: str | None, zone: tzinfo | None) -> CrmCall:
    """Return what a row of the statistics says.

    Raises:
        UnreadableError: id or time is missing, or a field is of another type than documented.
    """
    if not isinstance(row, dict):
        raise UnreadableError("ID")
    number = whole(row, "ID")
    if number is None:
        raise UnreadableError("ID")
    kind, card = text(row, "CRM_ENTITY_TYPE").upper(), whole(row, "CRM_ENTITY_ID")
    url, file = text(row, "CALL_RECORD_URL"), whole(row, "RECORD_FILE_ID")
    contact = f"{clean(kind, 20)}:{card}" if kind and card else ""
    return CrmCall(
        record_id=str(number),
        started_at=moment(row, "CALL_START_DATE", zone),
        phone=normalise(text(row, "PHONE_NUMBER"), region),
        direction=_DIRECTIONS.get(text(row, "CALL_TYPE"), ""),
        external_id=clean(text(row, "EXTERNAL_CALL_ID")),
        duration_s=whole(row, "CALL_DURATION"),
        line=_line(text(row, "PORTAL_NUMBER"), region),
        employee=text(row, "PORTAL_USER_ID") if whole(row, "PORTAL_USER_ID") else "",
        contact=contact,
        recording=bool(url or file),  # what came in by attachRecord has a file and no address
        recording_url=web_link(url),
        link=_link(portal, contact),
    )


def activity_id(row: Any) -> int | None:
    """Return the activity of a row, None without one."""
    try:
        return whole(row, "CRM_ACTIVITY_ID") or None if isinstance(row, dict) else None
    except UnreadableError:
        return None


def employee(user: Any) -> Employee | None:
    """Return an employee of `user.get`; None for a record without an id. What else is odd is left empty."""
    number = row_id(user)
    if number is None:
        return None
    name = " ".join(part for part in (_loose(user, "NAME"), _loose(user, "LAST_NAME")) if part)
    return Employee(
        str(number),
        clean(name or _loose(user, "EMAIL") or str(number), 100),
        clean(_loose(user, "UF_PHONE_INNER"), 20),
        active=user.get("ACTIVE") in {True, "Y", "1", "true"} if _is_plain(user.get("ACTIVE", "")) else False,
    )


def _loose(row: Mapping[str, Any], name: str) -> str:
    try:
        return text(row, name)
    except UnreadableError:
        return ""


def _is_plain(value: Any) -> bool:
    return value is None or isinstance(value, str | int | bool)


def _line(written: str, region: str | None) -> str:
    """Return the company's number; the id of a connection ("reg1234") stays as it is."""
    digits = sum(character.isdigit() for character in written)
    return normalise(written, region) if digits and not re.search("[A-Za-z]", written) else clean(written, 60)


def _link(portal: str, contact: str) -> str | None:
    """Return the address of the card (paths of the cloud version, not in the documents: UNVERIFIED)."""
    kind, _, number = contact.partition(":")
    if kind not in {"LEAD", "DEAL", "CONTACT", "COMPANY"}:
        return None
    return f"{portal}/crm/{kind.lower()}/details/{number}/"
