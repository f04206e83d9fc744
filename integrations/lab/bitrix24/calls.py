"""`telephony.externalCall.*` and `telephony.externalLine.*`: how calls come into the portal."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

from integrations.lab.bitrix24 import params as p
from integrations.lab.bitrix24.errors import CALL_NOT_FOUND, NO_SUCH_USER, ApiError, core
from integrations.lab.bitrix24.query import moment
from integrations.lab.bitrix24.store import ENTITIES, Activity, OpenCall, StatRow, Store, User

if TYPE_CHECKING:
    from collections.abc import Mapping

    from supportctl.core.clock import Clock

OUTGOING, INCOMING, REDIRECTED, CALLBACK, INFOCALL = 1, 2, 3, 4, 5
SAME_CALL = timedelta(minutes=30)
_LETTERS = re.compile(r"[^\d+*#]")
_LINE_MAX = 50
_NO_ENTITY = "Could not find associated crm entity to create activity for this call"
Params = dict[str, Any]


class Caller(NamedTuple):
    """Who asks: the user, and the application, empty for a webhook."""

    user: User
    app_id: str = ""
    app_name: str = ""


class Calls:
    """Registers and finishes calls. `late_s` is how long a finished call takes into the statistics."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self.store = store
        self.late_s = 0.0
        self._clock = clock

    def register(self, caller: Caller, params: Params) -> Params:
        """`telephony.externalCall.register`."""
        store = self.store
        if not p.text(params, "USER_ID") and not p.text(params, "USER_PHONE_INNER"):
            raise core("USER_ID or USER_PHONE_INNER should be set")
        kind = p.number(params, "TYPE")
        if kind not in {OUTGOING, INCOMING, REDIRECTED, CALLBACK, INFOCALL}:
            raise core("Unknown TYPE")
        start = self._clock.now()
        if p.text(params, "CALL_START_DATE"):
            told = moment(p.text(params, "CALL_START_DATE"), store.zone)
            if told is None:
                raise core("CALL_START_DATE should be in the ISO-8601 format")
            start = told
        phone = _LETTERS.sub("", p.text(params, "PHONE_NUMBER"))
        if not any(character.isdigit() for character in phone):
            raise core("Unsupported phone number format")
        user = self._user(params)
        line, external_id = p.text(params, "LINE_NUMBER"), p.text(params, "EXTERNAL_CALL_ID")
        key = (caller.app_id, phone, kind, user.id)
        call = self._same(key, line, external_id)
        if call is None:
            if line and line not in store.lines:
                store.add_line(line[:_LINE_MAX])
            internal = store.user_by_inner(phone) is not None
            entity, created = (None, ()) if internal else self._entity(params, phone, kind, line)
            call = OpenCall(
                store.new_call_id(start), caller.app_id, user.id, phone, kind, start, line, external_id,
                entity, created, internal,
            )  # fmt: skip
            store.open[call.call_id] = call
            store.open_by_key.setdefault(key, []).append(call)
        if p.flag(params, "SHOW", default=True):
            store.effects.pop_ups.append(call.call_id)
        lead = next((number for name, number in call.created if name == "LEAD"), None)
        return {
            "CALL_ID": call.call_id,
            "CRM_CREATED_LEAD": lead,
            "CRM_CREATED_ENTITIES": [{"ENTITY_TYPE": name, "ENTITY_ID": i} for name, i in call.created],
            "CRM_ENTITY_TYPE": call.entity[0] if call.entity else None,
            "CRM_ENTITY_ID": call.entity[1] if call.entity else None,
        }

    def _same(self, key: tuple[str, str, int, int], line: str, external_id: str) -> OpenCall | None:
        """Return the open call that a registration is taken for: the test looks at its start, not at now."""
        since = self._clock.now() - SAME_CALL
        return next(
            (
                call
                for call in self.store.open_by_key.get(key, ())
                if call.start > since
                and (not line or call.line == line)
                and (not external_id or call.external_id == external_id)
            ),
            None,
        )

    def _user(self, params: Params) -> User:
        if p.text(params, "USER_ID"):
            user = self.store.user(p.number(params, "USER_ID"))
        else:
            user = self.store.user_by_inner(p.text(params, "USER_PHONE_INNER"))
        if user is None:
            raise NO_SUCH_USER
        return user

    def _entity(
        self, params: Params, phone: str, kind: int, line: str
    ) -> tuple[tuple[str, int] | None, tuple[tuple[str, int], ...]]:
        """Return the card of a call, and the cards that were made for it."""
        named = (p.text(params, "CRM_ENTITY_TYPE").upper(), p.number(params, "CRM_ENTITY_ID"))
        if named[0] in ENTITIES and named[1]:
            return (named if named in self.store.cards else None), ()
        found = self.store.cards_of(phone)
        if found:
            return found[0], ()
        stopped = kind == OUTGOING and self.store.lines.get(line, {}).get("CRM_AUTO_CREATE") == "N"
        if not p.flag(params, "CRM_CREATE", default=False) or stopped:
            return None, ()
        lead = self.store.add_card("LEAD", f"Call {phone}", phone)
        return lead, (lead,)

    def finish(self, caller: Caller, params: Params) -> Params:
        """`telephony.externalCall.finish`: hides the card, makes activity and row, forgets the open call."""
        if not isinstance(params.get("CALL_ID"), str):
            raise ApiError("INVALID_ARGUMENT", "CALL_ID must be a string")
        call = self.store.open.get(params["CALL_ID"])
        if call is None:
            raise CALL_NOT_FOUND
        user = self._user(params)
        duration = max(p.number(params, "DURATION"), 0)
        code = p.text(params, "STATUS_CODE") or ("200" if duration else "304")
        activity = self._activity(call, user, duration)
        row = StatRow(
            self.store.next_id("statistic"), call, user.id, duration, code,
            activity.id if activity else None, call.entity,
            failed_reason=p.text(params, "FAILED_REASON"),
            record_url=p.text(params, "RECORD_URL") or None,
            vote=p.number(params, "VOTE") or None,
            cost=p.text(params, "COST", "0.0000"),
            currency=p.text(params, "COST_CURRENCY"),
            app_name=caller.app_name or None,
        )  # fmt: skip
        self._forget(call)
        self._publish(row)
        if p.flag(params, "ADD_TO_CHAT", default=True):
            self.store.effects.chat_messages.append(call.call_id)
        return self._finished(row)

    def _activity(self, call: OpenCall, user: User, duration: int) -> Activity | None:
        if call.entity is None or call.internal:
            return None
        number = self.store.next_id("activity")
        direction = 2 if call.type in {OUTGOING, INFOCALL} else 1
        activity = Activity(
            number, call.entity, user.id, direction, call.start, self._clock.now(), duration,
            f"VI_{call.call_id}", call.phone,
        )  # fmt: skip
        self.store.activities.add(number, activity)
        return activity

    def _forget(self, call: OpenCall) -> None:
        del self.store.open[call.call_id]
        key = (call.app_id, call.phone, call.type, call.user_id)
        same = [each for each in self.store.open_by_key[key] if each is not call]
        if same:
            self.store.open_by_key[key] = same
        else:
            del self.store.open_by_key[key]

    def _publish(self, row: StatRow) -> None:
        if self.late_s > 0:
            self.store.late.append((self._clock.monotonic() + self.late_s, row))
        else:
            self.store.statistics.add(row.id, row)

    def _finished(self, row: StatRow) -> Params:
        call = row.call
        found: Params = {
            "ID": row.id,
            "CALL_ID": call.call_id,
            "EXTERNAL_CALL_ID": call.external_id or None,
            "PORTAL_USER_ID": row.user_id,
            "PHONE_NUMBER": call.phone.lstrip("+"),
            "PORTAL_NUMBER": call.line,
            "INCOMING": str(call.type),
            "CALL_DURATION": row.duration,
            "CALL_START_DATE": {},
            "CALL_STATUS": int(row.status_code == "200"),
            "CALL_FAILED_CODE": row.status_code,
            "CALL_FAILED_REASON": row.failed_reason,
            "CRM_ACTIVITY_ID": row.activity_id,
            "CRM_ENTITY_TYPE": row.entity[0] if row.entity else None,
            "CRM_ENTITY_ID": row.entity[1] if row.entity else None,
            "REST_APP_ID": call.app_id,
            "REST_APP_NAME": row.app_name,
        }
        if row.activity_id is None and not call.internal:
            found["ERRORS"] = {"ACTIVITY_CREATION": _NO_ENTITY}
        return found

    def show(self, _: Caller, params: Params) -> bool:
        """`telephony.externalCall.show`: the card pops up."""
        call_id = p.text(params, "CALL_ID")
        if call_id not in self.store.open:
            return False
        self.store.effects.pop_ups += [call_id] * max(len(p.values(params, "USER_ID")), 1)
        return True

    def hide(self, _: Caller, params: Params) -> bool:
        """`telephony.externalCall.hide`."""
        return p.text(params, "CALL_ID") in self.store.open

    def search(self, _: Caller, params: Params) -> list[Params]:
        """`telephony.externalCall.searchCrmEntities`."""
        phone = p.text(params, "PHONE_NUMBER")
        if not phone:
            raise core("PHONE_NUMBER is empty")
        first = next(iter(self.store.users.rows.values()))
        responsible = {"ID": str(first.id), "TIMEMAN_STATUS": "", "USER_PHONE_INNER": first.inner}
        return [
            {
                "CRM_ENTITY_TYPE": kind,
                "CRM_ENTITY_ID": number,
                "ASSIGNED_BY_ID": first.id,
                "NAME": self.store.cards[kind, number],
                "ASSIGNED_BY": {**responsible, "WORK_PHONE": "", "PERSONAL_PHONE": "", "PERSONAL_MOBILE": ""},
            }
            for kind, number in self.store.cards_of(phone)
        ]


def line_method(store: Store, method: str, params: Mapping[str, Any]) -> Any:
    """`telephony.externalLine.add|update|delete|get`."""
    if method == "get":
        return list(store.lines.values())
    number = p.text(params, "NUMBER")
    if not number:
        raise core("NUMBER should be set")
    if method == "add" and number in store.lines:
        raise core("Line already exists")
    if method != "add" and number not in store.lines:
        raise core("Line is not found")
    if method == "delete":
        return bool(store.lines.pop(number))
    old = store.lines.get(number, {"NAME": "", "CRM_AUTO_CREATE": "Y"})
    auto = "Y" if p.flag(params, "CRM_AUTO_CREATE", default=old["CRM_AUTO_CREATE"] == "Y") else "N"
    store.add_line(number, p.text(params, "NAME", old["NAME"]), auto)
    return {"ID": list(store.lines).index(number) + 1}
