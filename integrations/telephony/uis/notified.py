"""What UIS told others of one call: the rows of its delivery log, for `sync trace`."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from integrations.telephony.uis import delivery
from integrations.telephony.uis.records import TIME
from supportctl.core.text import clean

if TYPE_CHECKING:
    from datetime import tzinfo

    from integrations.telephony.uis.client import UisClient
    from integrations.telephony.uis.records import Row
    from supportctl.core.accounts import Uis
    from supportctl.core.call import Call
    from supportctl.core.deadline import Deadline

Entry = tuple[datetime, str, bool, str]  # when, which notification, whether it was delivered, else why not
_AROUND = timedelta(hours=12)
_FIELDS = [
    "notification_name", "notification_error_type", "notification_error_message",
    "notification_send_date_time", "notification_start_date_time", "communication_id",
]  # fmt: skip


def notified(
    client: UisClient, account: Uis, call: Call, zone: tzinfo, deadline: Deadline
) -> list[Entry] | None:
    """Return the notifications of a call, oldest first; None where the account has no log of them.

    Raises:
        ServiceError: the key may not read it, or the system cannot be reached.
    """
    report = account.notifications_report
    if report is None:
        listed = client.ask("get.reports_list", deadline, fields=["id", "type", "name"], limit=1000)
        report = delivery.report_of(listed.rows)
    if report is None or not call.call_id.isdecimal():
        return None
    start = call.started_at.astimezone(zone).replace(tzinfo=None)
    communication = _communication(client, call, start, deadline)
    if communication is None:
        return []
    wanted = {"field": "communication_id", "operator": "=", "value": communication}
    answer = client.ask(
        "get.notifications",
        deadline,
        report_id=report,
        date_from=(start - timedelta(minutes=5)).strftime(TIME),
        date_till=(start + _AROUND).strftime(TIME),
        fields=_FIELDS,
        filter=wanted,
        limit=100,
    )
    rows = [row for row in answer.rows if isinstance(row, dict)]
    found = [entry for row in rows if (entry := _entry(row, zone)) is not None]
    return sorted(found, key=lambda entry: entry[0])


def _communication(client: UisClient, call: Call, start: datetime, deadline: Deadline) -> int | None:
    """Return the id under which the log knows a call: that of the communication, not of the session."""
    answer = client.ask(
        "get.calls_report",
        deadline,
        date_from=start.strftime(TIME),
        date_till=(start + timedelta(seconds=1)).strftime(TIME),
        fields=["id", "communication_id"],
        filter={"field": "id", "operator": "=", "value": int(call.call_id)},
        limit=1,
    )
    row = answer.rows[0] if answer.rows else None
    found = row.get("communication_id") if isinstance(row, dict) else None
    return found if isinstance(found, int) else None


def _entry(row: Row, zone: tzinfo) -> Entry | None:
    text = row.get("notification_send_date_time") or row.get("notification_start_date_time")
    try:
        at = datetime.strptime(str(text)[:19], TIME).replace(tzinfo=zone)
    except ValueError:
        return None
    failed = delivery.is_failed(row)
    name = clean(row.get("notification_name") or "HTTP", 60)
    return at, name, not failed, delivery.kind(row) if failed else ""
