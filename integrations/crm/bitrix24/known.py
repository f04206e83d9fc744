"""Whether a portal has a call already: brought by us, or by another way."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from integrations.crm.bitrix24.client import Command
from integrations.crm.bitrix24.pages import STATISTICS
from integrations.crm.bitrix24.rows import crm_call
from integrations.crm.strict import UnreadableError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime, tzinfo

    from integrations.crm.reader import CrmCall
    from supportctl.core.call import Call

_BELIEVED_S = 600  # so long "not there" is believed
# What came without our id is the same call only if both agree so well: people call again within a minute.
_START = timedelta(seconds=30)
_DURATION_S = 2
_EDGE = timedelta(seconds=60)  # the portal's filter may round
_SIGNIFICANT = 10  # digits by which a number is looked for: with or without +7 or 8


def asked_now(fact: str | None, now: datetime) -> bool:
    """Return whether the portal was asked a moment ago."""
    return fact is not None and abs(now.timestamp() - float(fact)) <= _BELIEVED_S


def look_for_id(call: Call) -> Command:
    """Return the question for a call by the id that we gave it."""
    return _statistics({"EXTERNAL_CALL_ID": call.call_id})


def look_for(call: Call, zone: tzinfo | None) -> Command:
    """Return the question for a call by phone and time, whoever brought it."""
    digits = "".join(character for character in call.contact_phone if character.isdigit())
    if not digits:
        return look_for_id(call)
    since, until = (
        (call.started_at + way * (_START + _EDGE)).astimezone(zone or call.started_at.tzinfo)
        for way in (-1, 1)
    )
    return _statistics(
        {
            ">=CALL_START_DATE": since.isoformat(timespec="seconds"),
            "<=CALL_START_DATE": until.isoformat(timespec="seconds"),
            "%PHONE_NUMBER": digits[-_SIGNIFICANT:],
        }
    )


def same_call(
    call: Call, rows: Sequence[Any], region: str | None, taken: Mapping[str, str]
) -> Mapping[str, Any] | None:
    """Return the row that is this call; one that cannot be read is none.

    `taken` holds what was recognised before: record -> call. One record is one call.
    """
    readable = []
    for row in rows:
        try:
            readable.append((crm_call(row, "", region, None), row))
        except UnreadableError:
            continue
    for record, row in readable:
        if record.external_id == call.call_id:
            return dict(row)
    for record, row in readable:
        free = taken.get(record.record_id, call.call_id) == call.call_id
        if free and not record.external_id and _agree(call, record):
            return dict(row)
    return None


def _agree(call: Call, record: CrmCall) -> bool:
    return (
        record.phone == call.contact_phone
        and record.direction in {"", call.direction}
        and abs(record.started_at - call.started_at) <= _START
        and record.duration_s is not None
        and abs(record.duration_s - call.duration_s) <= _DURATION_S
    )


def _statistics(wanted: Mapping[str, Any]) -> Command:
    return Command(STATISTICS, {"FILTER": wanted, "SORT": "ID", "ORDER": "ASC"})
