"""Brings calls to amoCRM: onto the card of who has the phone; those of nobody known as the account says.

amoCRM has no idempotency keys, and blocks the address of who repeats itself: what was unclear is looked for
in the notes first, by `uniq`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from integrations.crm.amocrm import late
from integrations.crm.amocrm.api import CALLS, ItemsRefusedError
from integrations.crm.amocrm.outcomes import (
    added,
    called,
    contacted,
    denied,
    found,
    in_inbox,
    inbox_refusal,
    noted,
    plain,
)
from integrations.crm.amocrm.phones import contacts_with
from integrations.crm.amocrm.reader import AmoCrmReader
from integrations.crm.amocrm.writing import (
    ALONE,
    CALLED,
    CONTACT,
    CONTACTED,
    FALLBACK,
    INBOX,
    NOTE_ID,
    UNKNOWN,
    answered,
    call_item,
    contact_item,
    is_duplicate,
    is_not_found,
    is_of_employee,
    note_item,
    unsorted_item,
)
from integrations.crm.delivering import (
    CONTACT_UNKNOWN,
    EMPLOYEE_UNKNOWN,
    HIDDEN_CALLER,
    NOTE,
    RECORDING,
    USER_INACTIVE,
    Staff,
    concerns_all,
    failed,
    held,
    moved,
    refused,
    unsent,
    whole,
)
from supportctl.core.failure import Failure, ServiceError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import requests

    from integrations.checking import Surroundings
    from integrations.crm.amocrm.api import AmoApi
    from integrations.crm.amocrm.outcomes import Reading
    from supportctl.core.accounts import AmoCrm
    from supportctl.core.deadline import Deadline
    from supportctl.core.delivery import Found, Outcome, Parcel

BATCH = 50  # amoCRM takes 250 in one request, and advises 50
_MOST_REQUESTS = 60  # of one turn: some ten seconds at 7 a second
_COST = {CONTACT: 2, RECORDING: 5}  # requests for one parcel, where it is not one for all
_DONE = "done"
_UNSORTED, _CONTACTS, _NOTES = "leads/unsorted/sip", "contacts", "contacts/notes"
_KEYS = {CALLS: "calls", _UNSORTED: "unsorted", _CONTACTS: "contacts", _NOTES: "notes"}  # of `_embedded`
_LOST = ServiceError(Failure.AMBIGUOUS, "no-answer", "the answer says nothing of this call")
_Items = list[tuple["Parcel", dict[str, Any]]]


class AmoCrmDestination:
    """`DESTINATIONS["amocrm"]`. Not for several threads at once: a lane has one holder."""

    batch_size = BATCH

    def __init__(
        self, account: AmoCrm, surroundings: Surroundings, session: requests.Session | None = None
    ) -> None:
        self._account = account
        self._region = surroundings.region
        self._reader = AmoCrmReader(account, surroundings, session, created=False, attempts=1)
        self._staff = Staff(surroundings.clock, self._reader.employees, account.fallback_employee)
        self._stopped: ServiceError | None = None  # what ended this turn for those who come after

    @property
    def api(self) -> AmoApi:
        """The session with the account."""
        return self._reader.api

    def fits(self, parcels: Sequence[Parcel]) -> int:
        """Return how many go together: those that need requests of their own are few at a time."""
        cost = 0
        for number, parcel in enumerate(parcels):
            cost += _COST.get(self._turn(parcel), 0)
            if ALONE in parcel.facts or cost > _MOST_REQUESTS:
                return max(number, 1)
        return len(parcels)

    def advance(self, parcels: Sequence[Parcel], deadline: Deadline) -> list[Outcome]:
        """Return one outcome for each parcel: calls in one request, those that are further in others."""
        turns: dict[str, Callable[[list[Parcel], Deadline], list[Outcome]]] = {
            _DONE: lambda some, _: [whole(each, each.step, {}, each.facts.get("id", "")) for each in some],
            CALLED: self._calls,
            INBOX: self._inbox,
            CONTACT: self._contacts,
            NOTE_ID: self._notes,
            RECORDING: self._recordings,
        }
        self._stopped = None
        outcomes: list[Outcome] = []
        for turn, take in turns.items():
            mine = [parcel for parcel in parcels if self._turn(parcel) == turn]
            outcomes += self._taken(mine, take, deadline) if mine else []
        return outcomes

    def look_up(self, parcels: Sequence[Parcel], deadline: Deadline) -> Mapping[int, Found | Outcome | None]:
        """Return what amoCRM has: by `uniq`; of what was never sent, by phone and time, too."""
        try:
            records = self._reader.find([each.call for each in parcels], deadline)
        except ServiceError as error:
            return {each.delivery_id: failed(each, error) for each in parcels}
        return {each.delivery_id: found(each, records.get(each.call.call_id, [])) for each in parcels}

    def _turn(self, parcel: Parcel) -> str:
        """Return what comes next for a parcel."""
        if parcel.step in {CALLED, INBOX}:
            same = parcel.facts.get(RECORDING, "") == (parcel.call.recording_url or "")
            return _DONE if same or not parcel.call.recording_url else RECORDING
        if parcel.step == CONTACTED:
            return NOTE_ID
        if parcel.step == UNKNOWN and self._account.unknown_phone != "leave":
            return INBOX if self._to_inbox(parcel) else CONTACT
        return CALLED

    def _to_inbox(self, parcel: Parcel) -> bool:
        """Return whether a call of nobody known goes to the unsorted: by itself only one that came in."""
        wanted = self._account.unknown_phone
        return wanted == "inbox" or (wanted is None and parcel.call.direction == "in")

    def _taken(
        self,
        parcels: list[Parcel],
        take: Callable[[list[Parcel], Deadline], list[Outcome]],
        deadline: Deadline,
    ) -> list[Outcome]:
        if self._stopped is not None:
            return [unsent(parcel, self._stopped) for parcel in parcels]
        try:
            return take(parcels, deadline)
        except ServiceError as error:  # a question before the request: nothing was written
            self._stop(error)
            return [failed(parcel, error) for parcel in parcels]

    def _stop(self, error: ServiceError) -> None:
        self._stopped = error if concerns_all(error) else None

    def _calls(self, parcels: list[Parcel], deadline: Deadline) -> list[Outcome]:
        outcomes = [refused(each, HIDDEN_CALLER) for each in parcels if not each.call.contact_phone]
        items: _Items = []
        for parcel in parcels:
            if parcel.call.contact_phone:
                self._assign(parcel, call_item, items, outcomes, deadline)
        return outcomes + self._send(CALLS, items, self._called, deadline)

    def _called(self, parcel: Parcel, stored: Mapping[str, Any] | None, error: Mapping[str, Any]) -> Outcome:
        if stored is not None:
            return called(parcel, stored)
        if not is_not_found(error):
            return denied(parcel, error)
        if self._account.unknown_phone == "leave":
            return held(parcel, CONTACT_UNKNOWN, parcel.call.contact_phone)
        return moved(parcel, UNKNOWN, {})

    def _inbox(self, parcels: list[Parcel], deadline: Deadline) -> list[Outcome]:
        items = [(parcel, unsorted_item(parcel)) for parcel in parcels]
        return self._send(_UNSORTED, items, in_inbox, deadline)

    def _contacts(self, parcels: list[Parcel], deadline: Deadline) -> list[Outcome]:
        """Find the contacts of some phones; make those that are not there: the call comes next."""
        outcomes: list[Outcome] = []
        missing: dict[str, list[Parcel]] = {}
        known: dict[str, str] = {}
        for parcel in parcels:
            phone = parcel.call.contact_phone
            if phone not in known:
                known[phone] = contacts_with(self.api, phone, self._region, deadline)
            if known[phone]:
                outcomes.append(moved(parcel, CONTACTED, {CONTACT: known[phone]}))
            else:
                missing.setdefault(phone, []).append(parcel)
        items: _Items = []
        for phone, some in missing.items():
            who = self._staff.of(some[0], deadline, known=FALLBACK not in some[0].facts)
            items.append((some[0], contact_item(phone, who.id if who else "")))
        made = self._send(_CONTACTS, items, contacted, deadline)
        for outcome in made:  # several calls of one phone share what became of their contact
            first = next(parcel for parcel, _ in items if parcel.delivery_id == outcome.delivery_id)
            outcomes += [
                outcome._replace(delivery_id=each.delivery_id, facts={**each.facts, **added(outcome, first)})
                for each in missing[first.call.contact_phone]
            ]
        return outcomes

    def _notes(self, parcels: list[Parcel], deadline: Deadline) -> list[Outcome]:
        outcomes: list[Outcome] = []
        items: _Items = []
        for parcel in parcels:
            self._assign(parcel, note_item, items, outcomes, deadline)
        return outcomes + self._send(_NOTES, items, noted, deadline)

    def _recordings(self, parcels: list[Parcel], deadline: Deadline) -> list[Outcome]:
        outcomes: list[Outcome] = []
        for parcel in parcels:
            if self._stopped is not None:
                outcomes.append(unsent(parcel, self._stopped))
                continue
            try:
                outcomes.append(late.attach(self.api, parcel, deadline))
            except ServiceError as error:
                self._stop(error)
                outcomes.append(failed(parcel, error))
        return outcomes

    def _assign(
        self,
        parcel: Parcel,
        make: Callable[[Parcel, str], dict[str, Any]],
        items: _Items,
        outcomes: list[Outcome],
        deadline: Deadline,
    ) -> None:
        """Add the item of a parcel, or the outcome of one that nobody there can get."""
        who = self._staff.of(parcel, deadline, known=FALLBACK not in parcel.facts)
        if who is None:
            outcomes.append(held(parcel, EMPLOYEE_UNKNOWN, parcel.call.employee))
            return
        if who.note:
            parcel = parcel._replace(facts={**parcel.facts, NOTE: who.note})
        items.append((parcel, make(parcel, who.id)))

    def _send(self, path: str, items: _Items, read: Reading, deadline: Deadline) -> list[Outcome]:
        """Make one request; return what became of each of its items."""
        if not items:
            return []
        try:
            answer = self.api.write("POST", path, [item for _, item in items], deadline)
        except ServiceError as error:
            self._stop(error)
            return [self._refusal(parcel, item, error, len(items)) for parcel, item in items]
        try:
            told = answered(answer, _KEYS[path])
        except ServiceError:  # something else has answered
            return [failed(parcel, _LOST) for parcel, _ in items]
        outcomes = []
        for parcel, item in items:
            stored, wrong = told.stored.get(item["request_id"]), told.errors.get(item["request_id"])
            if stored is None and wrong is None:
                outcomes.append(failed(parcel, _LOST))
            else:
                outcomes.append(read(plain(parcel), stored, wrong or {}))
        return outcomes

    def _refusal(self, parcel: Parcel, item: Mapping[str, Any], error: ServiceError, count: int) -> Outcome:
        """Return what a refused request means for one of its items.

        Whether the others were stored is not documented: they are asked about, and go alone after that if
        nobody has said which one was wrong.
        """
        if error.failure is not Failure.DATA:
            return failed(parcel, error)
        named = error.items if isinstance(error, ItemsRefusedError) else {}
        wrong = named.get(str(item["request_id"]))
        if wrong is None and count > 1:
            facts = parcel.facts if named else {**parcel.facts, ALONE: "1"}
            doubt = ServiceError(Failure.AMBIGUOUS, error.code, error.text, status=error.status)
            return failed(parcel, doubt, facts=facts)
        if wrong and is_of_employee(wrong):
            self._staff.forget()
            if FALLBACK in parcel.facts or self._account.fallback_employee is None:
                return held(parcel, EMPLOYEE_UNKNOWN, parcel.call.employee)
            return moved(parcel, parcel.step, {FALLBACK: "1", NOTE: USER_INACTIVE})
        if parcel.step == UNKNOWN and self._to_inbox(parcel):
            return inbox_refusal(parcel, error, is_identical=bool(wrong and is_duplicate(wrong)))
        return failed(parcel, error)._replace(alone=bool(wrong))
