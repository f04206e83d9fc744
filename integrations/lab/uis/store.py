"""What the simulated account has recorded: sessions, legs, employees, numbers, the log of notifications."""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from integrations.lab.uis.timeline import Timeline
from supportctl.core.call import INTERNAL

if TYPE_CHECKING:
    from datetime import datetime, tzinfo

    from integrations.lab.roles import Recording
    from integrations.lab.uis.selection import Row
    from supportctl.core.call import Call

TIME = "%Y-%m-%d %H:%M:%S"
RECEPTION = "100"  # who takes a call before it is transferred
MEDIA = "https://media.uiscom.ru"
TRANSFERRED, VOICE_MAIL = "transferred", "voice-mail"
HOOK = "https://crm.example/hooks/uis"
_FIRST_EMPLOYEE, _FIRST_NUMBER = 2001, 5001
_NOTICE_DELAY = timedelta(seconds=2)


class Store:
    """Rows as the Data API shows them, with the indexes that its methods need."""

    def __init__(self, zone: tzinfo) -> None:
        self.zone = zone
        self.calls = Timeline("start_time")
        self.legs = Timeline("start_time")
        self.notifications = Timeline("notification_start_date_time")
        self.legs_of: dict[int, list[Row]] = defaultdict(list)
        self.employees: dict[str, Row] = {}  # by extension
        self.numbers: dict[str, Row] = {}
        self.recordings: dict[tuple[str, str], Recording] = {}
        self._ids: set[int] = set()

    def plant(self, call: Call, recording: Recording, employee_name: str) -> Row:
        """Remember a call as the exchange would have recorded it; return its session."""
        session = self._session_id(call)
        start = call.started_at.astimezone(self.zone)
        wait, talk = timedelta(seconds=call.wait_s or 0), timedelta(seconds=call.duration_s)
        row: Row = {
            "id": session,
            "start_time": start.strftime(TIME),
            "finish_time": (start + wait + talk).strftime(TIME),
            "finish_reason": "operator_disconnects" if call.answered else "caller_disconnects",
            "direction": call.direction,
            "source": "va",
            "is_lost": call.direction == "in" and not call.answered,
            "contact_phone_number": _bare(call.contact_phone),
            "virtual_phone_number": self._number(call.line),
            "communication_id": session + 1,
            "communication_type": "call",
            "wait_duration": call.wait_s if call.answered else None,
            "total_wait_duration": call.wait_s,
            "talk_duration": call.duration_s,
            "clean_talk_duration": call.duration_s,
            "total_duration": (call.wait_s or 0) + call.duration_s,
            "is_transfer": TRANSFERRED in call.tags,
            "tags": [_tag(name) for name in call.tags if name not in {INTERNAL, TRANSFERRED, VOICE_MAIL}],
            "ext_id": None if str(session) == call.call_id else call.call_id,
        }
        row["employees"] = self._legs(row, call, employee_name, (start, start + wait, start + wait + talk))
        self._recordings(row, call, recording)
        self.calls.add(row)
        self._notice(row, start + wait + talk)
        return row

    def employee(self, extension: str, name: str = "") -> Row:
        """Return the employee with this extension, made when it is new."""
        if extension not in self.employees:
            self.employees[extension] = {
                "id": _FIRST_EMPLOYEE + len(self.employees),
                "full_name": name or f"Сотрудник {extension}",
                "status": "available",
                "calls_available": True,
                "call_recording": "all",
                "phone_numbers": [],
                "extension": {
                    "extension_phone_number": extension,
                    "extension_voice_mail_enabled": False,
                    "extension_queue_enabled": False,
                },
            }
        return self.employees[extension]

    def number(self, phone: str, *, status: str = "active", routed: bool = True) -> Row:
        """Add a virtual number, or change it."""
        known = self.numbers.get(phone, {"id": _FIRST_NUMBER + len(self.numbers)})
        rule = {
            "scenario_id": 1,
            "scenario_name": "Основной",
            "call_processing_rule_id": 1,
            "is_active": True,
        }
        self.numbers[phone] = known | {
            "virtual_phone_number": phone,
            "status": status,
            "category": "usual",
            "type": "va",
            "scenarios": [rule] if routed else [],
        }
        return self.numbers[phone]

    def _session_id(self, call: Call) -> int:
        wanted = int(call.call_id) if call.call_id.isdecimal() else max(self._ids, default=900_000_000) + 37
        self._ids.add(wanted)
        return wanted

    def _number(self, line: str) -> str | None:
        phone = _bare(line)
        if phone is not None and phone not in self.numbers:
            self.number(phone)
        return phone

    def _legs(
        self, row: Row, call: Call, name: str, moments: tuple[datetime, datetime, datetime]
    ) -> list[dict[str, Any]]:
        """Add the session's legs; return `employees` of the session."""
        self._leg(row, moments, row["contact_phone_number"], talked=call.answered)
        people = [self.employee(call.employee, name)] if call.employee else []
        if INTERNAL in call.tags and call.contact_phone:
            people.append(self.employee(call.contact_phone))
        if TRANSFERRED in call.tags and call.employee != RECEPTION:
            people.insert(0, self.employee(RECEPTION, "Ресепшн"))
        start, answered, end = moments
        step = (end - answered) / max(len(people), 1)
        for number, person in enumerate(people):
            own = (start + number * step, answered + number * step, answered + (number + 1) * step)
            self._leg(row, own, person["extension"]["extension_phone_number"], person, talked=call.answered)
        return [
            {
                "employee_id": person["id"],
                "employee_full_name": person["full_name"],
                "is_answered": call.answered,
                "is_talked": call.answered,
            }
            for person in people
        ]

    def _leg(
        self,
        row: Row,
        moments: tuple[datetime, datetime, datetime],
        called: str | None,
        person: Row | None = None,
        *,
        talked: bool,
    ) -> None:
        start, answered, end = moments
        legs = self.legs_of[row["id"]]
        leg: Row = {
            "id": row["id"] * 10 + len(legs),
            "call_session_id": row["id"],
            "start_time": start.strftime(TIME),
            "connect_time": answered.strftime(TIME) if talked else None,
            "duration": int((end - answered).total_seconds()),
            "total_duration": int((end - start).total_seconds()),
            "finish_reason": row["finish_reason"],
            "virtual_phone_number": row["virtual_phone_number"],
            "calling_phone_number": row["contact_phone_number"],
            "called_phone_number": called,
            "direction": row["direction"] if person is None else "out",
            "is_transfered": len(legs) > 1,
            "is_operator": person is not None,
            "employee_id": person["id"] if person else None,
            "employee_full_name": person["full_name"] if person else None,
            "employee_phone_number": called if person else None,
            "is_coach": False,
            "is_failed": not talked,
            "is_talked": talked,
            "contact_phone_number": row["contact_phone_number"],
        }
        legs.append(leg)
        self.legs.add(leg)

    def _recordings(self, row: Row, call: Call, recording: Recording) -> None:
        if recording == "none":
            return
        name = hashlib.sha256(f"uis {row['id']}".encode()).hexdigest()[:32]
        self.recordings[str(row["communication_id"]), name] = recording
        if VOICE_MAIL in call.tags:
            row["voice_mail_records"] = [name]
            return
        row["call_records"] = row["wav_call_records"] = [name]
        row["full_record_file_link"] = f"{MEDIA}/{row['communication_id']}/{name}"

    def _notice(self, row: Row, finished: datetime) -> None:
        self.notifications.add({
            "notification_id": row["id"] + 5,
            "notification_name": "Завершение звонка",
            "notification_delay": 2,
            "notification_message": json.dumps({"call_session_id": row["id"]}),
            "notification_send_to": HOOK,
            "event_type": {"value": "Завершение звонка", "value_id": "finished_call"},
            "communication_id": row["communication_id"],
            "communication_type": {"value": "Звонки", "value_id": "call"},
            "notification_status": {"value": "Отправлено", "value_id": "sent"},
            "notification_channel": {"value": "HTTP", "value_id": "http_request"},
            "notification_start_date_time": finished.strftime(TIME),
            "notification_send_date_time": (finished + _NOTICE_DELAY).strftime(TIME),
        })  # fmt: skip


def _bare(phone: str) -> str | None:
    """Return a number as the Data API writes it: digits alone, null for none."""
    return phone.removeprefix("+") or None


def _tag(name: str) -> dict[str, Any]:
    return {"tag_id": sum(name.encode()), "tag_name": name, "tag_type": "manual"}
