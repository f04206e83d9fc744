"""The steps that bring one call to Bitrix24, as commands of a batch: register, finish, attach the recording.

Quiet: SHOW=0 and ADD_TO_CHAT=0, or staff would get a pop-up and a chat message for every call of yesterday.
EXTERNAL_CALL_ID is always given: it is what a look-up finds, and what keeps two calls apart.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from integrations.crm.bitrix24.client import Command
from supportctl.core.delivery import Outcome
from supportctl.core.failure import Failure, ServiceError
from supportctl.core.text import clean

if TYPE_CHECKING:
    from collections.abc import Mapping

    from integrations.crm.bitrix24.client import Batch
    from supportctl.core.delivery import Parcel

REGISTER = "telephony.externalCall.register"
FINISH = "telephony.externalCall.finish"
ATTACH = "telephony.externalCall.attachRecord"
REGISTERED, FINISHED, RECORDED = "registered", "finished", "recorded"
ASKED = "asked"  # fact: when the portal said that it has nothing of the call
GONE = "gone"  # fact: the portal does not know the registered call any more
FALLBACK = "fallback"  # fact: the call goes to the configured fallback, its employee is none there
_OUTGOING, _INCOMING = 1, 2
_ANSWERED, _MISSED = "200", "304"
_LIMIT = "QUERY_LIMIT_EXCEEDED"
_NOT_FOUND = "call is not found (call should be registered"
_NO_USER = ("user is not found or is not active", "user_id or user_phone_inner should be set")


class Plan(NamedTuple):
    """What is still to be done for a parcel: names of commands in a batch, empty where a step is done."""

    register: str
    finish: str
    attach: str

    @property
    def size(self) -> int:
        """How many commands it is."""
        return sum(map(bool, self))


def plan(parcel: Parcel, number: int) -> Plan:
    """Return the commands that a parcel needs; `number` makes their names its own."""
    recording = parcel.call.recording_url or ""
    known = parcel.step if "call_id" in parcel.facts else ""
    attach = bool(recording) and parcel.facts.get("recording") != recording
    return Plan(
        f"r{number}" if not known else "",
        f"f{number}" if known in {"", REGISTERED} else "",
        f"a{number}" if attach else "",
    )


def commands(parcel: Parcel, wanted: Plan, user: str, *, create_contact: bool) -> dict[str, Command]:
    """Return the commands of a plan; a later one names the result of an earlier one."""
    call = parcel.call
    call_id = f"$result[{wanted.register}][CALL_ID]" if wanted.register else parcel.facts["call_id"]
    found: dict[str, Command] = {}
    if wanted.register:
        found[wanted.register] = Command(
            REGISTER,
            {
                "USER_ID": user,
                "PHONE_NUMBER": call.contact_phone,
                "TYPE": _OUTGOING if call.direction == "out" else _INCOMING,
                "CALL_START_DATE": call.started_at.isoformat(timespec="seconds"),
                "CRM_CREATE": int(create_contact),
                "SHOW": 0,
                "ADD_TO_CHAT": 0,
                **({"LINE_NUMBER": call.line} if call.line else {}),
                "EXTERNAL_CALL_ID": call.call_id,
            },
        )
    if wanted.finish:
        found[wanted.finish] = Command(
            FINISH,
            {
                "CALL_ID": call_id,
                "USER_ID": user,
                "DURATION": call.duration_s,
                "STATUS_CODE": _ANSWERED if call.answered else _MISSED,
                "ADD_TO_CHAT": 0,
            },
        )
    if wanted.attach:
        found[wanted.attach] = Command(ATTACH, {"CALL_ID": call_id, "RECORD_URL": call.recording_url})
    return found


def outcome(parcel: Parcel, wanted: Plan, batch: Batch) -> Outcome:
    """Return how far a parcel is after a batch: each step is believed only by its own answer."""
    step, facts = parcel.step, dict(parcel.facts)
    for name, reached in (
        (wanted.register, REGISTERED),
        (wanted.finish, FINISHED),
        (wanted.attach, RECORDED),
    ):
        if not name:
            continue
        answer, error = batch.answers.get(name), batch.errors.get(name)
        if answer is None:
            lost = ServiceError(Failure.AMBIGUOUS, "no-answer", "the batch has no answer for this command")
            return failed(parcel, error or lost, step, facts, at=reached)
        result = answer.result if isinstance(answer.result, dict) else {}
        if reached != RECORDED and not result.get("CALL_ID"):
            odd = ServiceError(Failure.AMBIGUOUS, "no-result", "the answer has no CALL_ID")
            return failed(parcel, odd, step, facts, at=reached)
        step = reached
        _keep(facts, reached, result, parcel)
    return Outcome(
        parcel.delivery_id, step, facts, done=True, remote_id=facts.get("id", ""), note=facts.get("note", "")
    )


def _keep(facts: dict[str, str], reached: str, result: Mapping[str, object], parcel: Parcel) -> None:
    """Note what later steps, look-ups and people need."""
    if reached == RECORDED:
        facts["recording"] = parcel.call.recording_url or ""
        return
    facts["call_id"] = clean(result["CALL_ID"])
    if reached == FINISHED:
        facts["id"] = clean(result.get("ID") or "")
        if not result.get("CRM_ACTIVITY_ID"):  # nobody there has this number: a call without a card
            facts["note"] = "sync.no-contact"


def failed(
    parcel: Parcel,
    error: ServiceError,
    step: str | None = None,
    facts: Mapping[str, str] | None = None,
    *,
    at: str = "",
) -> Outcome:
    """Return the outcome of a step that failed; what an earlier one reached is kept.

    `at` names the step whose own command was answered with the error; empty: the whole request was.
    """
    step = parcel.step if step is None else step
    facts = parcel.facts if facts is None else facts
    words = error.text.casefold()
    failure, alone = error.failure, bool(at) and error.failure is Failure.DATA
    if at in {REGISTERED, FINISHED} and words.startswith(_NO_USER):
        if FALLBACK not in facts:  # dismissed, or unknown there: the next try goes to the fallback
            return Outcome(parcel.delivery_id, step, {**facts, FALLBACK: "1"}, note="crm.user-inactive")
        failure, alone = Failure.CONFIGURATION, True
    elif at == FINISHED and words.startswith(_NOT_FOUND):
        facts = {**facts, GONE: "1"}  # finished by an earlier try, most likely: the statistics will tell
    elif at == RECORDED and failure is Failure.DATA and "http error" in words:
        failure, alone = Failure.RETRY, True  # the recording is not there yet: our side, not the portal's
    elif error.code.upper() == _LIMIT:
        failure = Failure.WAIT
    return Outcome(
        parcel.delivery_id,
        step,
        facts,
        failure=failure,
        code=error.code,
        text=error.text,
        retry_at=error.retry_at.timestamp() if error.retry_at else None,
        method=error.method,
        sent=error.sent,
        alone=alone,
    )
