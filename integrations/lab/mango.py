"""Mango Office, the API of the virtual exchange: requests signed over their exact bytes, reports to fetch.

From public restatements of the vendor's document (version of 2026-02) and public clients that agree: the
sign, 3102 and 3105, stats/request and stats/result (204 while it is not ready, to be asked every 5 s at most,
404 for an unknown key), CSV without a header in the order of `fields`, one row a leg, limits per exchange.
Assumed: the HTTP status of answers with a `result` other than 1000 is 200.
"""

from __future__ import annotations

import hashlib
import json
from bisect import bisect_left, bisect_right, insort
from datetime import timedelta
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

from integrations.lab import sound
from integrations.lab.portal import Said, document
from integrations.lab.roles import TelephonyPortal
from supportctl.core.call import INTERNAL

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from integrations.lab.portal import Asked
    from integrations.lab.roles import Recording
    from supportctl.core.call import Call
    from supportctl.core.clock import Clock

KEY, SALT = "labmangokey000000000000000000000", "labmangosalt00000000000000000000"
FIELDS = (
    "records", "start", "finish", "answer", "from_extension", "from_number", "to_extension", "to_number",
    "disconnect_reason", "line_number", "location", "entry_id", "create",
)  # fmt: skip
_DEFAULT = FIELDS[:11]
_PERIOD = timedelta(days=31)
_READY_AFTER, _POLL_EVERY, _KEY_LIVES = timedelta(seconds=7), timedelta(seconds=5), timedelta(hours=1)
_STATS_EVERY, _BLOCKED_FOR = timedelta(seconds=2), timedelta(minutes=2)
_PER_SECOND = 10
_OPERATIONS = frozenset({
    "stats/request", "stats/result", "config/users/request", "incominglines", "account/balance",
    "queries/recording/post",
})  # fmt: skip
# fault -> `result` of every answer
_RESULTS = {"wrong-sign": 3102, "wrong-key": 3105, "no-money": 2220, "ok-with-error": 4001, "busy": 5000}
Leg = dict[str, Any]  # `Any`: text and numbers of one row


class _Report(NamedTuple):
    ready_at: datetime
    text: str


class MangoPortal(TelephonyPortal):
    """One virtual exchange."""

    kind = "mango"
    own_faults: ClassVar = {
        "wrong-sign": "result 3102: the sign does not fit",
        "wrong-key": "result 3105: no such exchange",
        "blocked": "401 after wrong requests, for two minutes",
        "no-money": "result 22xx: the account may not be used",
        "too-many-requests": "429, Rate limit exceeded",
        "busy": "result 5000: a fault of the server",
        "ok-with-error": "HTTP 200 with a result that refuses",
        "never-ready": "204 for ever: the report does not get ready",
        "recordings-late": "calls are listed without their recordings",
        "line-not-routed": "a number without a scheme",
        "employee-without-extension": "an employee with numbers and no extension",
    }

    def __init__(self, clock: Clock, name: str = "") -> None:
        super().__init__(clock, name)
        self._legs: list[tuple[int, int, Leg]] = []  # (start, number, leg)
        self._users: dict[str, dict[str, Any]] = {}
        self._lines: dict[str, dict[str, Any]] = {}
        self._recordings: dict[str, Recording] = {}
        self._reports: dict[str, _Report] = {}
        self._files: dict[str, str] = {}  # one-time addresses
        self._polled_at: dict[str, datetime] = {}  # by a report's key
        self._stats_at: datetime | None = None
        self._within_second: tuple[int, int] = (0, 0)
        self._wrong_at: datetime | None = None

    def plant(self, call: Call, recording: Recording = "none", employee_name: str = "") -> None:
        """Remember a call: one leg, two where it was transferred."""
        with self._lock:
            self._plant(call, recording, employee_name)

    def _plant(self, call: Call, recording: Recording, employee_name: str) -> None:
        if call.employee:
            self._user(call.employee, employee_name)
        if call.line:
            self._line(call.line.removeprefix("+"))
        start = int(call.started_at.timestamp())
        answer = start + (call.wait_s or 0) if call.answered else 0
        finish = start + (call.wait_s or 0) + call.duration_s
        records = ""
        if recording != "none":
            records = f"MToxMDAwMDAwMTo{len(self._recordings)}:0"
            self._recordings[records] = recording
        contact, extension = call.contact_phone.removeprefix("+"), call.employee
        leg: Leg = {
            "records": f"[{records}]",
            "start": start,
            "finish": finish,
            "answer": answer,
            "disconnect_reason": 1110 if call.answered else 1111,
            "line_number": call.line.removeprefix("+"),
            "location": "abonent" if extension else "ivr",
            "entry_id": call.call_id,
            "create": start,
        }
        own = {"extension": extension, "number": f"sip:user{extension}@lab.mangosip.ru" if extension else ""}
        other = {"extension": contact if INTERNAL in call.tags else "", "number": contact}
        source, target = (other, own) if call.direction == "in" else (own, other)
        leg |= {f"from_{name}": value for name, value in source.items()}
        leg |= {f"to_{name}": value for name, value in target.items()}
        if "transferred" not in call.tags or not call.answered:
            self._add(leg)
            return
        turn = answer + call.duration_s // 2
        reception = self._user("100", "Ресепшн")["telephony"]["extension"]
        side = "to" if call.direction == "in" else "from"
        self._add(leg | {"finish": turn, "records": "[]", f"{side}_extension": reception})
        self._add(leg | {"start": turn, "answer": turn})

    def operation(self, asked: Asked) -> str:
        """Return the command."""
        path = asked.path.strip("/").removeprefix("vpbx/").strip("/")
        if path.startswith("queries/recording/link/"):
            return "queries/recording/link"
        return path if path in _OPERATIONS else path.partition("/")[0]

    def answer(self, asked: Asked, operation: str) -> Said:
        """Return the answer to a command, or a recording."""
        if asked.method == "GET":
            return self._media(asked, operation)
        form = dict(asked.form)
        refused = self._refusal(form, operation)
        if refused is not None:
            return refused
        wanted = json.loads(form["json"] or "{}")
        commands: dict[str, Callable[[dict[str, Any]], Said]] = {
            "stats/request": self._request,
            "stats/result": self._result,
            "config/users/request": self._list_users,
            "incominglines": self._list_lines,
            "account/balance": lambda _: document({"balance": 1234.56, "currency": "RUB"}),
            "queries/recording/post": self._recording,
        }
        return commands[operation](wanted) if operation in commands else document({"result": 3101}, 404)

    def state(self) -> dict[str, Any]:
        """Return what is stored. `Any`: JSON."""
        legs = [leg for _, _, leg in self._legs[-1000:]]
        return {"legs": legs, "users": list(self._users.values()), "lines": list(self._lines.values())}

    def account(self, base_url: str) -> dict[str, Any]:
        """Return the configuration's entry. `Any`: YAML."""
        return {"kind": "mango", "url": base_url, "key": KEY, "salt": SALT, "recording_links": True}

    def _refusal(self, form: dict[str, str], operation: str) -> Said | None:
        now = self.clock.now()
        blocked = self._wrong_at is not None and now - self._wrong_at < _BLOCKED_FOR
        if self._hits("blocked", operation):
            return Said(401, b"Unauthorized", "text/plain")
        if self._hits("too-many-requests", operation) or self._too_often(operation):
            return Said(429, b"Rate limit exceeded", "text/plain")
        for fault, result in _RESULTS.items():
            if self._hits(fault, operation):
                return document({"result": result, "message": fault})
        if form.get("vpbx_api_key") != KEY or form.get("sign") != _sign(form.get("json", "")):
            if blocked:
                return Said(401, b"Unauthorized", "text/plain")
            self._wrong_at = now
            return document({"result": 3105 if form.get("vpbx_api_key") != KEY else 3102})
        try:
            sound_json = isinstance(json.loads(form["json"] or "{}"), dict)
        except ValueError:
            sound_json = False
        return None if sound_json else document({"result": 3104})

    def _too_often(self, operation: str) -> bool:
        """Count the requests of a second, and the time since the last report was asked for."""
        now = self.clock.now()
        second, count = self._within_second
        self._within_second = (int(now.timestamp()), count + 1 if second == int(now.timestamp()) else 1)
        too_soon = False
        if operation == "stats/request":
            too_soon = self._stats_at is not None and now - self._stats_at < _STATS_EVERY
            self._stats_at = now
        return too_soon or self._within_second[1] > _PER_SECOND

    def _request(self, wanted: dict[str, Any]) -> Said:
        try:
            since, until = int(wanted["date_from"]), int(wanted["date_to"])
        except (KeyError, TypeError, ValueError):
            return document({"result": 3103})
        fields = [name.strip() for name in str(wanted.get("fields") or ",".join(_DEFAULT)).split(",")]
        if until - since > _PERIOD.total_seconds() or any(name not in FIELDS for name in fields):
            return document({"result": 3104})
        first = bisect_left(self._legs, (since, -1, {}))
        end = bisect_right(self._legs, until, key=lambda each: each[0])
        late = self._hits("recordings-late", "stats/request")
        lines = [self._line_of(leg, fields, late=late) for _, _, leg in self._legs[first:end]]
        key = hashlib.sha256(f"{len(self._reports)} {since}".encode()).hexdigest()[:24]
        self._reports[key] = _Report(self.clock.now() + _READY_AFTER, "\n".join(lines))
        return document({"key": key})

    def _result(self, wanted: dict[str, Any]) -> Said:
        key, now = str(wanted.get("key")), self.clock.now()
        report, before = self._reports.get(key), self._polled_at.get(key)
        self._polled_at[key] = now
        if before is not None and now - before < _POLL_EVERY:
            return Said(429, b"Rate limit exceeded", "text/plain")
        if report is None or now - report.ready_at > _KEY_LIVES:
            return Said(404, b"", "text/plain")
        if now < report.ready_at or self._hits("never-ready", "stats/result"):
            return Said(204, b"", "text/plain")
        return Said(200, report.text.encode(), "text/csv; charset=utf-8")

    def _list_users(self, wanted: dict[str, Any]) -> Said:
        users = [
            user for user in self._users.values()
            if wanted.get("extension") in {None, "", user["telephony"]["extension"]}
        ]  # fmt: skip
        if self._hits("employee-without-extension", "config/users/request") and users:
            first = users[0] | {"telephony": users[0]["telephony"] | {"extension": ""}}
            users = [first, *users[1:]]
        return document({"users": users})

    def _list_lines(self, _: dict[str, Any]) -> Said:
        lines = list(self._lines.values())
        if self._hits("line-not-routed", "incominglines") and lines:
            lines = [lines[0] | {"schema_id": None, "schema_name": None}, *lines[1:]]
        return document({"result": 1000, "lines": lines})

    def _recording(self, wanted: dict[str, Any]) -> Said:
        name = str(wanted.get("recording_id"))
        if name not in self._recordings:
            return document({"result": 3320}, 404)
        token = hashlib.sha256(f"file {name} {len(self._files)}".encode()).hexdigest()[:24]
        self._files[token] = name
        return Said(302, b"", headers=(("Location", f"/files/{token}"),))

    def _media(self, asked: Asked, operation: str) -> Said:
        parts = asked.path.strip("/").split("/")
        if operation == "files":  # good for one time
            return sound.said(self._recordings.get(self._files.pop(parts[-1], ""), "gone"), asked)
        if operation != "queries/recording/link" or len(parts) != 9:
            return Said(404, b"", "text/html")
        name, key, until, sign = parts[4], *parts[6:]
        right = hashlib.sha256(f"{KEY}{until}{name}{SALT}".encode()).hexdigest()
        if key != KEY or sign != right or not until.isdecimal() or int(until) < self.clock.now().timestamp():
            return Said(403, b"", "text/html")
        return sound.said(self._recordings.get(name, "gone"), asked)

    def _line_of(self, leg: Leg, fields: list[str], *, late: bool) -> str:
        return ";".join("[]" if late and name == "records" else str(leg[name]) for name in fields)

    def _add(self, leg: Leg) -> None:
        insort(self._legs, (leg["start"], len(self._legs), leg), key=lambda each: each[:2])

    def _user(self, extension: str, name: str = "") -> dict[str, Any]:
        number = {"number": f"sip:user{extension}@lab.mangosip.ru", "protocol": "sip", "status": "on"}
        return self._users.setdefault(
            extension,
            {
                "general": {"name": name or f"Сотрудник {extension}", "user_id": 10_000 + len(self._users)},
                "telephony": {"extension": extension, "numbers": [number]},
            },
        )

    def _line(self, number: str) -> None:
        self._lines.setdefault(
            number,
            {
                "line_id": 300_000 + len(self._lines),
                "number": number,
                "name": None,
                "comment": None,
                "region": "2",
                "schema_id": 10_000_008,
                "schema_name": "По умолчанию",
            },
        )


def _sign(text: str) -> str:
    return hashlib.sha256(f"{KEY}{text}{SALT}".encode()).hexdigest()
