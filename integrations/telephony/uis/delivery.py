"""The delivery log of notifications: which webhooks never reached the CRM.

What a failed delivery looks like is not documented: an error type or an error text counts as one, an unknown
status alone does not. UNVERIFIED: the type of the report, and whether anything is sent again.
"""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlsplit

from integrations.telephony.uis.records import TIME
from supportctl.core.text import clean

if TYPE_CHECKING:
    from collections.abc import Sequence

    from integrations.telephony.uis.records import Row

BACK = timedelta(hours=24)
HTTP = "http_request"
_NEWEST = 3  # so many of the newest fail: it does not work now
_SHARE = 0.1
_KINDS = 3
_FIELDS = [
    "notification_id", "notification_name", "notification_send_to", "notification_status",
    "notification_channel", "notification_error_type", "notification_error_message",
    "notification_send_date_time", "notification_start_date_time",
]  # fmt: skip


class Log(NamedTuple):
    """What the log says of the notifications by HTTP. `kinds` are the errors with their counts."""

    total: int
    failed: int
    since: str
    last: str
    kinds: str
    recipient: str
    is_failing: bool  # it does not work now, or too often


def report_of(rows: Sequence[object]) -> int | None:
    """Return the id of the report of sent notifications, None if it is not in the list."""
    for row in rows:
        if isinstance(row, dict) and isinstance(row.get("id"), int):
            words = f"{row.get('type')} {row.get('name')}".lower()
            if "notification" in words or "уведомлен" in words:
                return int(row["id"])
    return None


def params(report: int, now: datetime) -> dict[str, Any]:
    """Return what `get.notifications` is asked, in the account's own time. `Any`: JSON."""
    return {
        "report_id": report,
        "date_from": (now - BACK).strftime(TIME),
        "date_till": (now + timedelta(minutes=5)).strftime(TIME),
        "fields": _FIELDS,
        "limit": 10_000,
    }


def summary(rows: Sequence[object]) -> Log:
    """Return what the rows of the log say, in whatever order they come."""
    sent = [
        row for row in rows if isinstance(row, dict) and _id(row.get("notification_channel")) in {HTTP, ""}
    ]
    sent.sort(key=_moment)
    failed = [row for row in sent if is_failed(row)]
    kinds = Counter(kind(row) for row in failed)
    times = [_moment(row) for row in failed]
    newest = sent[-_NEWEST:]
    return Log(
        len(sent),
        len(failed),
        times[0] if times else "",
        times[-1] if times else "",
        "; ".join(f"{kind} ({count})" for kind, count in kinds.most_common(_KINDS)),
        _host(failed[-1].get("notification_send_to")) if failed else "",
        bool(failed) and (all(map(is_failed, newest)) or len(failed) >= _SHARE * len(sent)),
    )


def is_failed(row: Row) -> bool:
    """Return whether a row of the log tells of a notification that did not arrive."""
    return bool(_id(row.get("notification_error_type")) or row.get("notification_error_message"))


def kind(row: Row) -> str:
    """Return what went wrong with a notification."""
    error = row.get("notification_error_type")
    name = error.get("value") if isinstance(error, dict) else error
    return clean(" ".join(str(part) for part in (name, row.get("notification_error_message")) if part), 80)


def _id(value: object) -> str:
    """Return the `value_id` of a value with a name; a bare one as it is, "" for none."""
    found = value.get("value_id") or value.get("value") if isinstance(value, dict) else value
    return str(found) if found else ""


def _moment(row: Row) -> str:
    found = row.get("notification_send_date_time") or row.get("notification_start_date_time") or ""
    return clean(found, 19)


def _host(address: object) -> str:
    """Return where a notification went, without the path: webhooks carry their secret there."""
    try:
        return clean(urlsplit(str(address)).hostname or "?")
    except ValueError:
        return "?"
