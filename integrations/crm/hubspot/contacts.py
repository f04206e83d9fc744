"""Contacts by phone: searched for, remembered for a while, made where that is wanted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from integrations.crm.delivering import aside, id_of
from integrations.crm.hubspot.api import MAX_BATCH, results
from integrations.crm.hubspot.parse import is_id
from integrations.crm.hubspot.writing import contacts, written
from integrations.phones import normalise
from supportctl.core.failure import ServiceError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from integrations.checking import Surroundings
    from integrations.crm.hubspot.api import HubSpotApi
    from supportctl.core.deadline import Deadline

_SEARCH = "/crm/v3/objects/contacts/search"
_CREATE = "/crm/v3/objects/contacts/batch/create"
_PHONES = ("phone", "mobilephone")
_NATIONAL = 10  # digits of a question: HubSpot compares numbers without their country's code
_BELIEVED_S = 600.0
_MOST = 20_000


class Contacts:
    """The contacts of one account, by normalised phone."""

    def __init__(self, api: HubSpotApi, surroundings: Surroundings) -> None:
        self._api = api
        self._clock = surroundings.clock
        self._region = surroundings.region
        self._known: dict[str, tuple[str, float]] = {}  # phone -> id, empty for none; until when believed

    def of(self, phones: Iterable[str], deadline: Deadline) -> dict[str, str]:
        """Return the oldest contact with each phone, empty where there is none.

        Raises:
            ServiceError: HubSpot refuses or cannot be reached.
        """
        now = self._clock.monotonic()
        if len(self._known) > _MOST:
            self._known.clear()
        wanted = dict.fromkeys(phones)
        for phone in wanted:
            if phone not in self._known or self._known[phone][1] < now:
                self._known[phone] = (self._search(phone, deadline), now + _BELIEVED_S)
        return {phone: self._known[phone][0] for phone in wanted}

    def create(self, phones: Sequence[str], owner: str, deadline: Deadline) -> dict[str, str]:
        """Make a contact for each phone; return the ids of those that were made.

        Raises:
            ServiceError: it failed, or it cannot be told: then none of them is believed to be missing.
        """
        made: dict[str, str] = {}
        wanted = list(dict.fromkeys(phones))
        for phone in wanted:
            self.forget(phone)
        for at in range(0, len(wanted), MAX_BATCH):
            answer = self._api.write(_CREATE, contacts(wanted[at : at + MAX_BATCH], owner), deadline)
            for row in written(answer):
                for phone in _phones(row, self._region):
                    made[phone] = id_of(row)
        until = self._clock.monotonic() + _BELIEVED_S
        self._known.update({phone: (number, until) for phone, number in made.items()})
        return made

    def forget(self, phone: str) -> None:
        """Search for a phone again at the next question."""
        self._known.pop(phone, None)

    def _search(self, phone: str, deadline: Deadline) -> str:
        digits = phone.lstrip("+")[-_NATIONAL:]
        body = {"query": digits, "properties": list(_PHONES), "limit": 20}
        try:
            rows = results(self._api.post_to_read(_SEARCH, body, deadline))
        except ServiceError as error:
            raise aside(error) from None
        same = [int(id_of(row)) for row in rows if phone in _phones(row, self._region)]
        return str(min(same)) if same else ""


def _phones(row: Any, region: str | None) -> set[str]:
    """Return the phones of a contact; nothing of what is no contact."""
    values = row.get("properties") if isinstance(row, dict) else None
    if not isinstance(values, dict) or not is_id(row.get("id")):
        return set()
    return {normalise(str(values[name]), region) for name in _PHONES if values.get(name)}
