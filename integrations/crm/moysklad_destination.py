"""Brings calls to MoySklad over its Phone API, one a request.

It cannot list or find calls, but it changes one by the telephony's id, and fills only what is empty: that
asks whether it is there. A recording's address is added to those that are there, so it is sent once: that it
is about to be sent is in the ledger before.
"""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from integrations.answers import Request, json_of
from integrations.crm.delivering import (
    EMPLOYEE_UNKNOWN,
    HIDDEN_CALLER,
    NOTE,
    RECORDING,
    Staff,
    failed,
    held,
    id_of,
    moved,
    one_by_one,
    refused,
    whole,
)
from integrations.crm.moysklad import ROOT, MoySkladReader
from integrations.shop.moysklad.api import ROOT as JSON_ROOT
from integrations.shop.moysklad.facts import MSK
from supportctl.core.delivery import Found, Outcome
from supportctl.core.failure import Failure, ServiceError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    import requests

    from integrations.checking import Surroundings
    from integrations.crm.reader import Employee
    from supportctl.core.accounts import MoySklad
    from supportctl.core.call import Call
    from supportctl.core.deadline import Deadline
    from supportctl.core.delivery import Parcel

CALLED, ATTACHING = "called", "attaching"  # steps: it has the call; its recording's address is being sent
ID = "id"
UNCLEAR = "recording-unclear"
_TOGETHER = 10  # intents that one commit of the ledger writes down
_NOT_FOUND = 404
_NO_OBJECT = frozenset({"1021", "1000"})  # UNVERIFIED for the Phone API


class MoySkladDestination:
    """`DESTINATIONS["moysklad"]`. Not for several threads at once: a lane has one holder."""

    batch_size = _TOGETHER

    def __init__(
        self, account: MoySklad, surroundings: Surroundings, session: requests.Session | None = None
    ) -> None:
        self._reader = MoySkladReader(account, surroundings, session, attempts=1)
        self._staff = Staff(surroundings.clock, self._employees, account.fallback_employee)
        self._extensions: dict[str, str] = {}  # employee -> extension

    def fits(self, parcels: Sequence[Parcel]) -> int:
        """Return how many are taken at once: all, one request each."""
        return len(parcels)

    def advance(self, parcels: Sequence[Parcel], deadline: Deadline) -> list[Outcome]:
        """Return one outcome for each parcel."""
        return [_for_all(each) for each in one_by_one(parcels, deadline, self._deliver)]

    def look_up(self, parcels: Sequence[Parcel], deadline: Deadline) -> Mapping[int, Found | Outcome | None]:
        """Return what MoySklad has, by the telephony's id."""
        found: dict[int, Found | Outcome | None] = {}
        for parcel in parcels:
            try:
                answer = self._ask(parcel, {}, deadline)
                found[parcel.delivery_id] = _found(parcel, answer) if answer is not None else None
            except ServiceError as error:
                found[parcel.delivery_id] = _for_all(failed(parcel, error))
        return found

    def _deliver(self, parcel: Parcel, deadline: Deadline) -> Outcome:
        if not parcel.call.contact_phone:
            return refused(parcel, HIDDEN_CALLER)
        return self._record(parcel, deadline) if parcel.step else self._bring(parcel, deadline)

    def _record(self, parcel: Parcel, deadline: Deadline) -> Outcome:
        """Send the recording of a call that MoySklad has, after that has been written down."""
        recording = parcel.call.recording_url or ""
        number = parcel.facts.get(ID, "")
        if not recording or parcel.facts.get(RECORDING) == recording:
            return whole(parcel, CALLED, {}, number)
        if parcel.step != ATTACHING:
            return moved(parcel, ATTACHING, {})
        self._put(parcel, {"recordUrl": [recording]}, deadline, reads=False)
        return whole(parcel, CALLED, {RECORDING: recording}, number)

    def _bring(self, parcel: Parcel, deadline: Deadline) -> Outcome:
        who = self._staff.of(parcel, deadline)
        if who is None:
            return held(parcel, EMPLOYEE_UNKNOWN, parcel.call.employee)
        if who.note:
            parcel = parcel._replace(facts={**parcel.facts, NOTE: who.note})
        fields = {**_times(parcel.call), **self._employee(who.id)}
        answer = self._ask(parcel, fields, deadline)
        if answer is None:
            return self._create(parcel, fields, deadline)
        there = _found(parcel, answer)
        if isinstance(there, Outcome):
            return there
        if there.whole:
            return whole(parcel, CALLED, there.facts, there.remote_id)
        return moved(parcel, ATTACHING, there.facts)

    def _create(self, parcel: Parcel, fields: Mapping[str, Any], deadline: Deadline) -> Outcome:
        call = parcel.call
        body = {
            "externalId": call.call_id,
            "number": call.contact_phone,
            "isIncoming": call.direction == "in",
            **fields,
            **({"recordUrl": [call.recording_url]} if call.recording_url else {}),
        }
        answer = self._send("POST", "call", "phone.call.create", body, deadline, reads=False)
        number = id_of(answer)
        return whole(parcel, CALLED, {ID: number, RECORDING: call.recording_url or ""}, number)

    def _ask(self, parcel: Parcel, fields: Mapping[str, Any], deadline: Deadline) -> Mapping[str, Any] | None:
        """Return the call as MoySklad has it, None if it has none; what is empty there is filled."""
        try:
            return self._put(parcel, {"number": parcel.call.contact_phone, **fields}, deadline, reads=True)
        except ServiceError as error:
            if error.status == _NOT_FOUND or error.code in _NO_OBJECT:
                return None
            raise

    def _put(
        self, parcel: Parcel, body: Mapping[str, Any], deadline: Deadline, *, reads: bool
    ) -> Mapping[str, Any]:
        path = f"call/extid/{quote(parcel.call.call_id, safe='')}"
        return self._send("PUT", path, "phone.call.update", body, deadline, reads=reads)

    def _send(
        self,
        method: str,
        path: str,
        operation: str,
        body: Mapping[str, Any],
        deadline: Deadline,
        *,
        reads: bool,
    ) -> Mapping[str, Any]:
        phone = self._reader.phone
        request = Request(
            method,
            f"{phone.base}{ROOT}/{path}",
            operation,
            reads=reads,
            headers={"Content-Type": "application/json"},
            body=json.dumps(body).encode(),
        )
        answer = json_of(request, phone.http.send(request, deadline))
        if not isinstance(answer, dict) or not id_of(answer):  # it is no call: something else has answered
            raise ServiceError(request.lost, "no-call", "the answer has no id")
        return answer

    def _employees(self, deadline: Deadline) -> Sequence[Employee]:
        found = self._reader.employees(deadline)
        self._extensions = {each.id: each.extension for each in found if each.extension}
        return found

    def _employee(self, number: str) -> dict[str, Any]:
        """Return the fields that name an employee: the extension, by which the Phone API knows them."""
        if not number:
            return {}
        if number in self._extensions:
            return {"extension": self._extensions[number]}
        href = f"{self._reader.phone.base}{JSON_ROOT}/entity/employee/{quote(number, safe='')}"
        return {"employee": {"meta": {"href": href, "type": "employee", "mediaType": "application/json"}}}


def _found(parcel: Parcel, answer: Mapping[str, Any]) -> Found | Outcome:
    """Return what MoySklad has of a call, by its own answer."""
    recording = parcel.call.recording_url or ""
    number = id_of(answer)
    facts = {name: value for name, value in parcel.facts.items() if name != RECORDING} | {ID: number}
    links = answer.get("recordUrl")
    if not recording or (isinstance(links, list) and recording in links):
        return Found(CALLED, {**facts, RECORDING: recording}, whole=True, remote_id=number)
    if isinstance(links, list):
        return Found(CALLED, facts, whole=False, remote_id=number)
    if parcel.step != ATTACHING and parcel.attempts > 1:  # our own POST, which had the recording in it
        return Found(CALLED, {**facts, RECORDING: recording}, whole=True, remote_id=number)
    unclear = ServiceError(Failure.AMBIGUOUS, UNCLEAR, "the answer does not tell the recordings", sent=False)
    return failed(parcel, unclear)


def _times(call: Call) -> dict[str, Any]:
    ended = call.started_at + timedelta(seconds=(call.wait_s or 0) + call.duration_s)
    return {
        "startTime": _moment(call.started_at),
        "endTime": _moment(ended),
        "duration": call.duration_s * 1000,
    }


def _moment(at: datetime) -> str:
    """Return a moment as the Phone API wants it. UNVERIFIED that it is Moscow time, as in the JSON API."""
    local = at.astimezone(MSK)
    return f"{local:%Y-%m-%d %H:%M:%S}.{local.microsecond // 1000:03d}"


def _for_all(outcome: Outcome) -> Outcome:
    """Return an outcome whose limit is that of all requests: the Phone API has no other."""
    return outcome._replace(method=None)
