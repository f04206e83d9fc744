"""Brings calls to HubSpot: 100 in one upsert by the telephony's id, then onto their contacts' cards.

An upsert by a unique property may be repeated: it makes no second call. So may an association.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from integrations.crm.delivering import (
    CONTACT_UNKNOWN,
    EMPLOYEE_UNKNOWN,
    NOTE,
    RECORDING,
    Staff,
    failed,
    held,
    id_of,
    moved,
    unsent,
    whole,
)
from integrations.crm.delivering import NO_CARD as NO_CARD_FOUND
from integrations.crm.hubspot.api import MAX_BATCH, results
from integrations.crm.hubspot.contacts import Contacts
from integrations.crm.hubspot.parse import is_id
from integrations.crm.hubspot.reader import HubSpotReader
from integrations.crm.hubspot.writing import (
    ALONE,
    CALLED,
    CARD,
    ID,
    LINKED,
    NO_CARD,
    answers,
    associations,
    facts_of,
    of_batch,
    upsert,
    written,
)
from supportctl.core.delivery import Found, Outcome
from supportctl.core.failure import Failure, ServiceError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import requests

    from integrations.checking import Surroundings
    from integrations.crm.hubspot.api import HubSpotApi
    from supportctl.core.accounts import HubSpot
    from supportctl.core.deadline import Deadline
    from supportctl.core.delivery import Parcel

_UPSERT = "/crm/v3/objects/calls/batch/upsert"
_READ = "/crm/v3/objects/calls/batch/read"
_ASSOCIATE = "/crm/v4/associations/calls/contacts/batch/associate/default"
_LOST = ServiceError(Failure.AMBIGUOUS, "no-answer", "the batch has no answer for this call")


class HubSpotDestination:
    """`DESTINATIONS["hubspot"]`. Not for several threads at once: a lane has one holder."""

    batch_size = MAX_BATCH

    def __init__(
        self, account: HubSpot, surroundings: Surroundings, session: requests.Session | None = None
    ) -> None:
        self._account = account
        self._reader = HubSpotReader(account, surroundings, session, attempts=1)
        self._staff = Staff(surroundings.clock, self._reader.employees, account.fallback_employee)
        self._contacts = Contacts(self.api, surroundings)

    @property
    def api(self) -> HubSpotApi:
        """The session with the account."""
        return self._reader.api

    def fits(self, parcels: Sequence[Parcel]) -> int:
        """Return how many go together: what was refused in company goes alone, to find the one at fault."""
        for number, parcel in enumerate(parcels):
            if ALONE in parcel.facts:
                return max(number, 1)
        return len(parcels)

    def advance(self, parcels: Sequence[Parcel], deadline: Deadline) -> list[Outcome]:
        """Return one outcome for each parcel, after one upsert, one association or both."""
        outcomes = [_nothing_left(each) for each in parcels if _is_whole(each)]
        new = [each for each in parcels if not _is_there(each)]
        loose = [each for each in parcels if _is_there(each) and not _is_whole(each)]
        try:
            outcomes += self._upsert(new, deadline)
        except ServiceError as error:
            return outcomes + [failed(each, error) for each in new] + [unsent(each, error) for each in loose]
        try:
            return outcomes + self._link(loose, deadline)
        except ServiceError as error:
            if error.failure is Failure.DATA and len(loose) > 1:
                return outcomes + _apart(loose)
            return outcomes + [failed(each, error) for each in loose]

    def look_up(self, parcels: Sequence[Parcel], deadline: Deadline) -> Mapping[int, Found | Outcome | None]:
        """Return what HubSpot has: by our id; of what was never sent, by phone and time, too."""
        try:
            found = self._by_id(parcels, deadline)
            unsent_ones = [each for each in parcels if found[each.delivery_id] is None and each.attempts <= 1]
            calls = [each.call for each in unsent_ones]
            others = self._reader.find(calls, deadline) if calls else {}
        except ServiceError as error:
            return {each.delivery_id: failed(each, of_batch(error)) for each in parcels}
        for parcel in unsent_ones:
            records = others.get(parcel.call.call_id)
            if records:  # it came in by another way; nothing of it is ours to complete
                number = records[0].record_id
                found[parcel.delivery_id] = Found(LINKED, {ID: number}, whole=True, remote_id=number)
        return found

    def _by_id(self, parcels: Sequence[Parcel], deadline: Deadline) -> dict[int, Found | Outcome | None]:
        name = self._reader.external_property
        body = {
            "idProperty": name,
            "inputs": [{"id": number} for number in dict.fromkeys(each.call.call_id for each in parcels)],
            "properties": [name, "hs_call_recording_url", "hs_call_body"],
        }
        rows = {
            str(values.get(name)): (_id_of(row), values)
            for row in results(self.api.post_to_read(_READ, body, deadline))
            if isinstance(row, dict) and id_of(row) and isinstance(values := row.get("properties"), dict)
        }
        return {each.delivery_id: _found(each, rows.get(each.call.call_id)) for each in parcels}

    def _upsert(self, parcels: Sequence[Parcel], deadline: Deadline) -> list[Outcome]:
        outcomes: list[Outcome] = []
        sent: list[tuple[Parcel, str]] = []
        for parcel in parcels:
            who = self._staff.of(parcel, deadline)
            if who is None:
                outcomes.append(held(parcel, EMPLOYEE_UNKNOWN, parcel.call.employee))
            else:
                facts = {**parcel.facts, **({NOTE: who.note} if who.note else {})}
                sent.append((parcel._replace(facts=facts), who.id))
        if not sent:
            return outcomes
        try:
            answer = self.api.write(_UPSERT, upsert(sent, self._reader.external_property), deadline)
            told = answers(answer, self._reader.external_property)
        except ServiceError as refused:
            error = of_batch(refused)
            if error.failure is Failure.DATA and len(sent) > 1:
                return outcomes + _apart([parcel for parcel, _ in sent])
            return outcomes + [failed(parcel, error) for parcel, _ in sent]
        for parcel, _ in sent:
            number = told.ids.get(parcel.call.call_id)
            if number is None:
                outcomes.append(failed(parcel, told.errors.get(parcel.call.call_id, _LOST)))
            else:
                outcomes.append(_next(parcel, CALLED, facts_of(parcel, number)))
        return outcomes

    def _link(self, parcels: Sequence[Parcel], deadline: Deadline) -> list[Outcome]:
        """Put calls onto the cards of their contacts; make the contacts first, if that is wanted."""
        if not parcels:
            return []
        cards = self._contacts.of([each.call.contact_phone for each in parcels], deadline)
        missing = [each for each in parcels if not cards[each.call.contact_phone]]
        if missing and self._account.unknown_phone == "create":
            who = self._account.fallback_employee
            made = self._contacts.create(
                [each.call.contact_phone for each in missing], "" if who is None else str(who), deadline
            )
            cards |= made
            missing = [each for each in missing if not made.get(each.call.contact_phone)]
        outcomes = [self._without_card(each) for each in missing]
        linked = [each for each in parcels if cards[each.call.contact_phone]]
        if not linked:
            return outcomes
        pairs = [(each.facts[ID], cards[each.call.contact_phone]) for each in linked]
        answer = self.api.write(_ASSOCIATE, associations(pairs), deadline)
        written(answer)
        errors = _refused_links(answer)
        for parcel, (call, contact) in zip(linked, pairs, strict=True):
            if call in errors:  # the contact is gone by now: it is looked for again
                self._contacts.forget(parcel.call.contact_phone)
                outcomes.append(failed(parcel, errors[call]))
            else:
                outcomes.append(whole(parcel, LINKED, {CARD: contact}, call))
        return outcomes

    def _without_card(self, parcel: Parcel) -> Outcome:
        if self._account.unknown_phone == "create":
            error = ServiceError(Failure.AMBIGUOUS, CONTACT_UNKNOWN, "no contact was made")
            return failed(parcel, error)
        facts = {CARD: NO_CARD, NOTE: parcel.facts.get(NOTE) or NO_CARD_FOUND}
        return whole(parcel, LINKED, facts, parcel.facts[ID])


def _apart(parcels: Sequence[Parcel]) -> list[Outcome]:
    """Return the outcomes of a batch that was refused for one call in it: nobody says for which."""
    return [moved(parcel, parcel.step, {ALONE: "1"}) for parcel in parcels]


def _is_there(parcel: Parcel) -> bool:
    """Return whether HubSpot has this revision of the call."""
    return ID in parcel.facts and parcel.facts.get(RECORDING) == (parcel.call.recording_url or "")


def _is_whole(parcel: Parcel) -> bool:
    return _is_there(parcel) and (CARD in parcel.facts or not parcel.call.contact_phone)


def _nothing_left(parcel: Parcel) -> Outcome:
    return whole(parcel, LINKED, {}, parcel.facts[ID])


def _next(parcel: Parcel, step: str, facts: Mapping[str, str]) -> Outcome:
    """Return how far a call is: one of a hidden caller, or that has its card already, is whole."""
    kept = {name: value for name, value in parcel.facts.items() if name != ALONE}
    after = parcel._replace(step=step, facts={**kept, **facts})
    return _nothing_left(after) if _is_whole(after) else moved(after, step, {})


def _id_of(row: Mapping[str, Any]) -> str:
    number = row.get("id")
    if not is_id(number):
        raise ServiceError(Failure.RETRY, "no-id", _READ)  # it is there, and cannot be named
    return number


def _found(parcel: Parcel, row: tuple[str, Mapping[str, Any]] | None) -> Found | None:
    if row is None:
        return Found("", {ALONE: "1"}, whole=False) if ALONE in parcel.facts else None
    number, values = row
    recording = parcel.call.recording_url or ""
    there = recording in (values.get("hs_call_recording_url") or "", values.get("hs_call_body") or "")
    facts = {**parcel.facts, ID: number}
    facts.pop(RECORDING, None)
    if there:
        facts[RECORDING] = recording
    seen = parcel._replace(facts=facts)
    return Found(CALLED, facts, _is_whole(seen), number)


def _refused_links(answer: Mapping[str, Any]) -> dict[str, ServiceError]:
    """Return the calls that could not be put onto a card."""
    errors = answer.get("errors")
    found: dict[str, ServiceError] = {}
    for error in errors if isinstance(errors, list) else []:
        context = error.get("context") if isinstance(error, dict) else None
        calls = context.get("fromObjectId") if isinstance(context, dict) else None
        for call in calls if isinstance(calls, list) else []:
            found[str(call)] = ServiceError(
                Failure.RETRY, str(error.get("category") or "association"), str(error.get("message") or "")
            )
    return found
