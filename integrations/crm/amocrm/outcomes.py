"""What an answer of amoCRM, or what it has, means for one call. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from integrations.crm.amocrm.writing import (
    ALONE,
    CALLED,
    CARD,
    CONTACT,
    CONTACTED,
    INBOX,
    LEAD,
    NOTE_ID,
    REFUSED,
    UNSORTED,
    card_of,
    lead_of,
)
from integrations.crm.delivering import RECORDING, failed, id_of, moved, refused, whole
from supportctl.core.delivery import Found
from supportctl.core.failure import Failure, ServiceError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from integrations.crm.reader import CrmCall
    from supportctl.core.delivery import Outcome, Parcel

    # of an item that was stored, or of one with an error of its own
    Reading = Callable[[Parcel, Mapping[str, Any] | None, Mapping[str, Any]], Outcome]

_CARDS = {"CONTACT": "contacts", "COMPANY": "companies", "LEAD": "leads"}
_MARKS = frozenset({ALONE, REFUSED})


def called(parcel: Parcel, stored: Mapping[str, Any]) -> Outcome:
    """Return the outcome of a call that went to the card of its phone."""
    card, number = card_of(stored), id_of(stored)
    facts = {"id": number, RECORDING: parcel.call.recording_url or ""}
    return whole(parcel, CALLED, {**facts, **({CARD: card} if card else {})}, number)


def denied(parcel: Parcel, error: Mapping[str, Any]) -> Outcome:
    """Return the outcome of a call that was refused by a word of its own."""
    return refused(parcel, str(error.get("title") or "refused"), str(error.get("detail") or ""))


def in_inbox(parcel: Parcel, stored: Mapping[str, Any] | None, error: Mapping[str, Any]) -> Outcome:
    """Return the outcome of a call that was put into the unsorted."""
    if stored is None:
        return denied(parcel, error)
    number, lead = id_of(stored, "uid"), lead_of(stored)
    facts = {UNSORTED: number, "id": number, RECORDING: parcel.call.recording_url or ""}
    return whole(parcel, INBOX, {**facts, **({LEAD: lead} if lead else {})}, number)


def inbox_refusal(parcel: Parcel, error: ServiceError, *, is_identical: bool) -> Outcome:
    """An identical call in the unsorted is this one; a refusal that is not understood is asked about once."""
    if is_identical:
        return whole(plain(parcel), INBOX, {RECORDING: parcel.call.recording_url or ""}, "")
    if REFUSED in parcel.facts:
        return failed(parcel, error)
    doubt = ServiceError(Failure.AMBIGUOUS, error.code, error.text, status=error.status)
    return failed(parcel, doubt, facts={**parcel.facts, REFUSED: "1"})


def contacted(parcel: Parcel, stored: Mapping[str, Any] | None, error: Mapping[str, Any]) -> Outcome:
    """Return the outcome of a call whose contact was made."""
    number = id_of(stored or {})
    if not number.isdecimal():
        return denied(parcel, error)
    return moved(parcel, CONTACTED, {CONTACT: number})


def noted(parcel: Parcel, stored: Mapping[str, Any] | None, error: Mapping[str, Any]) -> Outcome:
    """Return the outcome of a call that was put on the card of its contact."""
    if stored is None:
        return denied(parcel, error)
    number = id_of(stored)
    card = f"contacts:{parcel.facts[CONTACT]}"
    facts = {NOTE_ID: number, "id": number, CARD: card, RECORDING: parcel.call.recording_url or ""}
    return whole(parcel, CALLED, facts, number)


def added(outcome: Outcome, parcel: Parcel) -> dict[str, str]:
    """Return the facts that an outcome has added to its parcel's."""
    return {name: value for name, value in outcome.facts.items() if parcel.facts.get(name) != value}


def plain(parcel: Parcel) -> Parcel:
    """Return a parcel without the marks of earlier refusals."""
    return parcel._replace(facts={name: value for name, value in parcel.facts.items() if name not in _MARKS})


def found(parcel: Parcel, records: Sequence[CrmCall]) -> Found | None:
    """Return what amoCRM has of a call, None if that is nothing and nothing was begun."""
    own = [each for each in records if each.external_id == parcel.call.call_id]
    if not own and records and parcel.attempts <= 1:  # it came in by another way
        number = records[0].record_id
        return Found(CALLED, {"id": number}, whole=True, remote_id=number)
    if not own:  # how far it is stays known: its contact may be there
        return Found(parcel.step, parcel.facts, whole=False) if parcel.step or parcel.facts else None
    record = next((each for each in own if each.contact), own[0])
    kind, _, number = record.contact.partition(":")
    recording = parcel.call.recording_url or ""
    facts = {name: value for name, value in plain(parcel).facts.items() if name != RECORDING}
    facts["id"] = record.record_id
    if number:
        facts |= {CARD: f"{_CARDS[kind]}:{number}", NOTE_ID: record.record_id}
    else:
        facts[UNSORTED] = record.record_id
    if record.recording_url == recording or (record.recording and parcel.revision == 0):
        facts[RECORDING] = recording
    is_whole = not recording or facts.get(RECORDING) == recording
    return Found(CALLED if number else INBOX, facts, is_whole, record.record_id)
