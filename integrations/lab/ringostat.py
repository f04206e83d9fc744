"""Ringostat: the export of the call log, from its help article and the fields that public clients name.

GET /calls/list with the header Auth-key; at most 6500 calls an answer, without a word that there are more.
Not documented, and assumed: wrong keys get 401, times are those of the project, `to` is included, call_type
is `in`, `out`, `callback` or `internal`, rows come by time.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, ClassVar
from zoneinfo import ZoneInfo

from integrations.lab import sound
from integrations.lab.portal import Said, document
from integrations.lab.roles import TelephonyPortal
from supportctl.core.call import INTERNAL

if TYPE_CHECKING:
    from integrations.lab.portal import Asked
    from integrations.lab.roles import Recording
    from supportctl.core.call import Call
    from supportctl.core.clock import Clock

TOKEN, PROJECT = "lab-ringostat-key-000000000000", "1001"
CAP = 6500
TIME = "%Y-%m-%d %H:%M:%S"
FIELDS = (
    "calldate", "caller", "caller_number", "dst", "connected_with", "additional_number", "employee_number",
    "disposition", "call_type", "waittime", "billsec", "duration", "duration_ms", "uniqueid",
    "has_recording", "recording", "recording_wav", "call_card", "department", "pool_name", "scheme_name",
    "proper_flag", "repeated_flag", "category_mark", "category_number", "employee_mark", "call_counter",
    "utm_source", "utm_medium", "utm_campaign", "utm_content", "utm_term", "client_id", "remote_ip",
    "refferrer", "landing", "employee_fio",
)  # fmt: skip
_DEFAULT = ("calldate", "caller", "dst", "disposition", "billsec", "call_type")
_PARAMETERS = frozenset({"export_type", "from", "to", "fields", "merge", "order", "filters", *FIELDS})
_RECORDINGS = ("has_recording", "recording", "recording_wav")


class RingostatPortal(TelephonyPortal):
    """One project."""

    kind = "ringostat"
    own_faults: ClassVar = {
        "wrong-key": "401: no such Auth-key",
        "no-access": "403: the key may not read the log of calls",
        "too-many-requests": "429 with Retry-After",
        "ok-with-error": "HTTP 200 with an object that names an error instead of the calls",
        "recordings-late": "calls are listed without their recordings",
    }

    def __init__(self, clock: Clock, name: str = "", zone: str = "Europe/Moscow") -> None:
        super().__init__(clock, name)
        self.zone = ZoneInfo(zone)
        self._base = "https://app.ringostat.example"
        self._rows: dict[str, dict[str, Any]] = {}
        self._times: list[tuple[str, str]] = []  # (calldate, uniqueid)
        self._recordings: dict[str, Recording] = {}

    def plant(self, call: Call, recording: Recording = "none", employee_name: str = "") -> None:
        """Remember a call."""
        at = call.started_at.astimezone(self.zone).strftime(TIME)
        contact, line = call.contact_phone.removeprefix("+"), call.line.removeprefix("+")
        incoming = call.direction == "in"
        row: dict[str, Any] = {
            "calldate": at,
            "caller": contact if incoming else call.employee,
            "caller_number": contact if incoming else line,
            "dst": line if incoming else contact,
            "connected_with": call.employee if call.answered else "",
            "additional_number": call.employee,
            "employee_number": call.employee,
            "employee_fio": employee_name,
            "disposition": "ANSWERED" if call.answered else "NO ANSWER",
            "call_type": call.direction if INTERNAL not in call.tags else "internal",
            "waittime": call.wait_s or 0,
            "billsec": call.duration_s,
            "duration": call.duration_s + (call.wait_s or 0),
            "uniqueid": call.call_id,
            "has_recording": 1 if recording != "none" else 0,
        }
        with self._lock:
            self._rows[call.call_id] = row
            insort(self._times, (at, call.call_id))
            self._recordings[call.call_id] = recording

    def operation(self, asked: Asked) -> str:
        """Return what is read."""
        return "calls/list" if asked.path.rstrip("/") == "/calls/list" else "recording"

    def answer(self, asked: Asked, operation: str) -> Said:
        """Return the calls of a period as JSON or CSV, or a recording."""
        if operation == "recording":
            name, _, kind = asked.path.rpartition("/")[2].rpartition(".")
            return sound.said(self._recordings.get(name, "gone"), asked, wav=kind == "wav")
        if asked.method != "GET":
            return document({"error": "Method not allowed"}, 405)
        refused = self._refusal(asked, operation)
        return refused or self._list(asked, late=self._hits("recordings-late", operation))

    def state(self) -> dict[str, Any]:
        """Return the newest calls. `Any`: JSON."""
        return {"total": len(self._rows), "calls": [self._rows[key] for _, key in self._times[-1000:]]}

    def account(self, base_url: str) -> dict[str, Any]:
        """Return the configuration's entry; recordings are served at `base_url` from then on. `Any`: YAML."""
        self._base = base_url
        return {"kind": "ringostat", "url": base_url, "token": TOKEN, "project": PROJECT}

    def _refusal(self, asked: Asked, operation: str) -> Said | None:
        if self._hits("wrong-key", operation) or asked.headers.get("auth-key") != TOKEN:
            return document({"error": "Invalid Auth-key"}, 401)
        if self._hits("no-access", operation):
            return document({"error": "Access denied"}, 403)
        if self._hits("too-many-requests", operation):
            return document({"error": "Too many requests"}, 429, ("Retry-After", "60"))
        if self._hits("ok-with-error", operation):
            return document({"status": "error", "error": "Report is temporarily unavailable"})
        return None

    def _list(self, asked: Asked, *, late: bool) -> Said:
        query = dict(asked.query)
        if unknown := set(query) - _PARAMETERS:
            return document({"error": f"Unknown parameter {min(unknown)}"}, 400)
        try:
            until = _moment(query.get("to")) or self.clock.now().astimezone(self.zone).replace(tzinfo=None)
            since = _moment(query.get("from")) or until - timedelta(hours=24)
        except ValueError:
            return document({"error": "Invalid date"}, 400)
        fields = [name for name in query.get("fields", "").split(",") if name] or list(_DEFAULT)
        if any(name not in FIELDS for name in fields):
            return document({"error": "Unknown field"}, 400)
        first = bisect_left(self._times, (since.strftime(TIME), ""))
        end = bisect_right(self._times, (until.strftime(TIME), "\U0010ffff"))
        rows = [self._shown(key, fields, late=late) for _, key in self._times[first : min(end, first + CAP)]]
        if query.get("export_type", "json") == "csv":
            lines = [";".join(fields), *(";".join(str(row[name] or "") for name in fields) for row in rows)]
            return Said(200, "\n".join(lines).encode(), "text/csv; charset=utf-8")
        return document(rows)

    def _shown(self, key: str, fields: list[str], *, late: bool) -> dict[str, Any]:
        row = dict(self._rows[key])
        if row["has_recording"] and not late:
            row |= {"recording": f"{self._base}/recordings/{key}.mp3"}
            row |= {"recording_wav": f"{self._base}/recordings/{key}.wav"}
        elif late:
            row["has_recording"] = 0
        return {name: row.get(name) for name in fields}


def _moment(text: str | None) -> datetime | None:
    return datetime.strptime(text, TIME) if text else None  # noqa: DTZ007  Ringostat's own form has no zone
