"""Reads what one amoCRM account has of the calls."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from integrations.crm.amocrm.api import EVENTS_LIMIT, AmoApi
from integrations.crm.amocrm.parse import moment, note_call, unsorted_call, user, whole
from integrations.crm.matching import FoundCalls
from integrations.crm.reader import CrmCall, Employee, Progress, no_progress
from integrations.crm.strict import UnreadableError, rejected
from integrations.http import ATTEMPTS
from supportctl.core.call import Rejected
from supportctl.core.failure import Failure, ServiceError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from datetime import datetime

    import requests

    from integrations.checking import Surroundings
    from supportctl.core.accounts import AmoCrm
    from supportctl.core.call import Call
    from supportctl.core.deadline import Deadline

KINDS = ("contacts", "companies", "leads")
_CALL_NOTES = (("filter[note_type][0]", "call_in"), ("filter[note_type][1]", "call_out"))
_MARGIN = timedelta(hours=1)  # the sender's clock may be ahead of amoCRM's
_SOON = timedelta(minutes=5)  # a note that is not older when it was last changed was entered then
_ENTITIES_A_QUESTION = 10  # of filter[entity_id] of events
_PHONES_ONE_BY_ONE = 20  # more calls are looked up by reading their time
_NEAR = timedelta(hours=1)
_MAX_KNOWN = 50_000


class AmoCrmReader:
    """Calls are notes `call_in` and `call_out` on contacts, companies and leads; calls of nobody known lie in
    the unsorted. Notes can be filtered by the time of their last change only, so a window is read from its
    beginning until now. With `created` False nobody asks when a call was entered, which saves requests.
    """  # noqa: D205  the first sentence needs two lines

    def __init__(
        self,
        account: AmoCrm,
        surroundings: Surroundings,
        session: requests.Session | None = None,
        *,
        created: bool = True,
        attempts: int = ATTEMPTS,
    ) -> None:
        self.api = AmoApi(account, surroundings, session, attempts=attempts)
        self._created = created
        self._region = surroundings.region

    def records(
        self,
        since: datetime,
        until: datetime,
        deadline: Deadline,
        progress: Callable[[Progress], None] = no_progress,
    ) -> Iterator[CrmCall | Rejected]:
        """Yield the calls that began in `since <= t < until`.

        Raises:
            ServiceError: amoCRM refuses or cannot be reached.
        """
        done = 0
        for record in self._read(since, deadline):
            done += 1
            if isinstance(record, Rejected) or since <= record.started_at < until:
                yield record
            if done % 250 == 0:
                progress(Progress(done))
        progress(Progress(done))

    def employees(self, deadline: Deadline) -> Sequence[Employee]:
        """Return the users; none if the token's owner is no administrator: only one may list them.

        Raises:
            ServiceError: as above.
        """
        found: list[Employee] = []
        try:
            for page in self.api.pages("users", "users", deadline, (("with", "phone_number"),)):
                for row in page:
                    try:
                        found.append(user(row, self._region))
                    except UnreadableError:
                        continue
        except ServiceError as error:
            if error.failure is not Failure.CONFIGURATION or error.status != 403:
                raise
        return found

    def find(self, calls: Iterable[Call], deadline: Deadline) -> dict[str, list[CrmCall]]:
        """Return what amoCRM has of these calls: by `uniq`, else by phone and time.

        Raises:
            ServiceError: as above.
        """
        found = FoundCalls(calls)
        if not found.calls:
            return {}
        phones = {call.contact_phone for call in found.calls}
        if "" in phones or len(phones) > _PHONES_ONE_BY_ONE:
            # a call that was sent without its time stands at the time when it was entered: read until now
            records = self._read(found.earliest - _NEAR, deadline)
        else:
            records = self._of_phones(sorted(phones), found.earliest, deadline)
        for record in records:
            if isinstance(record, CrmCall):
                found.offer(record)
        return found.answer()

    def _read(self, since: datetime, deadline: Deadline) -> Iterator[CrmCall | Rejected]:
        """Yield the calls that were entered since a moment, and older ones that were changed since."""
        leads: set[int] = set()
        yield from self._unsorted(since, deadline, leads)
        changed = int((since - _MARGIN).timestamp())
        params = (*_CALL_NOTES, ("filter[updated_at][from]", str(changed)), ("order[id]", "asc"))
        for kind in KINDS:
            yield from self._notes(kind, params, deadline, leads)

    def _unsorted(self, since: datetime, deadline: Deadline, leads: set[int]) -> Iterator[CrmCall | Rejected]:
        params = (("filter[category][0]", "sip"), ("order[created_at]", "desc"))
        position = 0
        for page in self.api.pages("leads/unsorted", "unsorted", deadline, params):
            for item in page:
                position += 1
                try:
                    call, of = unsorted_call(item, self.api.base, self._region)
                except UnreadableError as error:
                    yield rejected(position, error)
                    continue
                if call.created_at is not None and call.created_at < since - _MARGIN:
                    return
                if len(leads) < _MAX_KNOWN:
                    leads |= of
                yield call

    def _notes(
        self,
        kind: str,
        params: tuple[tuple[str, str], ...],
        deadline: Deadline,
        leads: set[int],
    ) -> Iterator[CrmCall | Rejected]:
        position, last = 0, 0
        for page in self.api.pages(f"{kind}/notes", "notes", deadline, params):
            calls: list[CrmCall] = []
            for note in page:
                position += 1
                try:
                    number = whole(note if isinstance(note, dict) else {}, "id")
                    if number <= last:  # a change moved notes to a later page
                        continue
                    last = number
                    call = note_call(note, kind, self.api.base, self._region)
                except UnreadableError as error:
                    yield rejected(position, error)
                    continue
                if kind != "leads" or int(call.contact.partition(":")[2]) not in leads:
                    calls.append(call)  # else it is the note of a call in the unsorted
            yield from self._with_entry(kind, calls, deadline)

    def _with_entry(self, kind: str, calls: list[CrmCall], deadline: Deadline) -> Iterator[CrmCall]:
        """Yield calls with the time of their entry: events tell it of those that were changed later."""
        if not self._created:
            yield from calls
            return
        unclear = [call for call in calls if not _entered_at_once(call)]
        entered = self._entries(kind, unclear, deadline) if unclear else {}
        for call in calls:
            if _entered_at_once(call):
                yield call
            else:
                yield call._replace(created_at=entered.get(call.record_id))

    def _entries(self, kind: str, calls: list[CrmCall], deadline: Deadline) -> dict[str, datetime]:
        entered: dict[str, datetime] = {}
        cards = sorted({call.contact.partition(":")[2] for call in calls})
        singular = {"contacts": "contact", "companies": "company", "leads": "lead"}[kind]
        types = (("filter[type][0]", "incoming_call"), ("filter[type][1]", "outgoing_call"))
        since = int((min(call.started_at for call in calls) - _MARGIN).timestamp())
        for at in range(0, len(cards), _ENTITIES_A_QUESTION):
            some = cards[at : at + _ENTITIES_A_QUESTION]
            params = (
                *types,
                ("filter[entity][0]", singular),
                *((f"filter[entity_id][{number}]", card) for number, card in enumerate(some)),
                ("filter[created_at][from]", str(since)),
            )
            try:
                for page in self.api.pages("events", "events", deadline, params, EVENTS_LIMIT):
                    entered.update(_entry(event) for event in page if _is_entry(event))
            except ServiceError as error:
                if error.failure is not Failure.CONFIGURATION:
                    raise
                return {}  # no right to events: nobody can say when these were entered
        return entered

    def _of_phones(
        self, phones: list[str], earliest: datetime, deadline: Deadline
    ) -> Iterator[CrmCall | Rejected]:
        """Yield the calls on the cards of some phones, and those in the unsorted."""
        leads: set[int] = set()
        yield from self._unsorted(earliest - _NEAR, deadline, leads)
        for phone in phones:
            cards: dict[str, set[str]] = {kind: set() for kind in KINDS}
            for kind in ("contacts", "companies"):
                query = (("query", phone.lstrip("+")), ("with", "leads"))
                for page in self.api.pages(kind, kind, deadline, query):
                    for card in page:
                        _remember(card, kind, cards)
            for kind, ids in cards.items():
                ordered = sorted(ids)
                for at in range(0, len(ordered), _ENTITIES_A_QUESTION):
                    some = ordered[at : at + _ENTITIES_A_QUESTION]
                    chosen = tuple((f"filter[entity_id][{number}]", card) for number, card in enumerate(some))
                    params = (*_CALL_NOTES, *chosen, ("order[id]", "asc"))
                    yield from self._notes(kind, params, deadline, leads)


def _remember(card: Any, kind: str, cards: dict[str, set[str]]) -> None:
    """Note a card and its leads."""
    if not isinstance(card, dict) or not isinstance(card.get("id"), int):
        return
    cards[kind].add(str(card["id"]))
    inner = card.get("_embedded")
    leads = inner.get("leads") if isinstance(inner, dict) else None
    cards["leads"] |= {
        str(lead["id"])
        for lead in (leads if isinstance(leads, list) else [])
        if isinstance(lead, dict) and isinstance(lead.get("id"), int)
    }


def _entered_at_once(call: CrmCall) -> bool:
    """Return whether the last change is so near to the call's end that it was its entry."""
    ended = call.started_at + timedelta(seconds=call.duration_s or 0)
    return call.created_at is not None and call.created_at - ended <= _SOON


def _is_entry(event: Any) -> bool:
    try:
        _entry(event)
    except (UnreadableError, KeyError, IndexError, TypeError, AttributeError):
        return False
    return True


def _entry(event: Any) -> tuple[str, datetime]:
    """Return the id of an event's note and its time. UNVERIFIED: that it is the time of entry."""
    return str(whole(event["value_after"][0]["note"], "id")), moment(event, "created_at")
