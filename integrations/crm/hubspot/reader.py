"""Reads what one HubSpot account has of the calls."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from integrations.crm.hubspot.api import (
    MAX_BATCH,
    MAX_OWNERS,
    MAX_RESULTS,
    MAX_SEARCH,
    HubSpotApi,
    next_mark,
    results,
)
from integrations.crm.hubspot.parse import PROPERTIES, is_id, milliseconds, owner, read_call
from integrations.crm.matching import TOLERANCE, FoundCalls
from integrations.crm.reader import CrmCall, Employee, Progress, no_progress
from integrations.crm.strict import UnreadableError, rejected
from integrations.http import ATTEMPTS
from supportctl.core.call import Rejected
from supportctl.core.failure import Failure, ServiceError
from supportctl.core.text import clean

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from datetime import datetime

    import requests

    from integrations.checking import Surroundings
    from supportctl.core.accounts import HubSpot
    from supportctl.core.call import Call
    from supportctl.core.deadline import Deadline

# What a call may be associated with: name in paths, ours, number of the type in links.
_CARDS = (("contacts", "CONTACT", "0-1"), ("companies", "COMPANY", "0-2"), ("deals", "DEAL", "0-3"))
_CALLS = "0-48"
_DOMAIN = re.compile(r"[a-z0-9.-]{1,100}", re.ASCII)
_GROUPS = 5  # of filters in one search
_SEARCH = "/crm/v3/objects/calls/search"
_BY_TIME = [{"propertyName": "hs_timestamp", "direction": "ASCENDING"}]


class HubSpotReader:
    """Calls are found by search, by their time.

    A search ends after 10,000 results, so the next one begins where it ended. What calls are associated with
    is asked for page by page: a search does not tell it.
    """

    def __init__(
        self,
        account: HubSpot,
        surroundings: Surroundings,
        session: requests.Session | None = None,
        *,
        attempts: int = ATTEMPTS,
    ) -> None:
        self.api = HubSpotApi(account, surroundings, session, attempts=attempts)
        self.external_property = account.external_id_property
        self._region = surroundings.region
        self._pages: str | None = None  # address of the account's pages; None: not asked yet
        self._hidden: set[str] = set()  # types that the token may not see

    def records(
        self,
        since: datetime,
        until: datetime,
        deadline: Deadline,
        progress: Callable[[Progress], None] = no_progress,
    ) -> Iterator[CrmCall | Rejected]:
        """Yield the calls that began in `since <= t < until`, oldest first.

        Raises:
            ServiceError: HubSpot refuses or cannot be reached.
        """
        start, end = milliseconds(since), milliseconds(until)
        before: set[str] = set()
        done, total = 0, 0
        while start < end:
            last, more = start, False
            known: set[str] = set()  # at most 10,000, and as many of the search before
            for answer in self._segment([_between(start, end - 1)], deadline):
                rows = [row for row in results(answer) if _id(row) not in known and _id(row) not in before]
                known.update(map(_id, rows))
                total = max(total, done + len(rows), _total(answer))
                for record in self._whole(rows, done, deadline):
                    if isinstance(record, CrmCall):
                        last = max(last, milliseconds(record.started_at))
                    if isinstance(record, Rejected) or since <= record.started_at < until:
                        yield record
                done += len(rows)
                more = bool(next_mark(answer))
                progress(Progress(done, total))
            if not more:
                return
            if last == start:  # so many calls of one millisecond, or a server that repeats itself
                raise ServiceError(Failure.DATA, "endless-pages", f"the search does not get past {start}")
            start, before = last, known

    def employees(self, deadline: Deadline) -> Sequence[Employee]:
        """Return the owners, the ones who left included.

        Raises:
            ServiceError: as above.
        """
        found: list[Employee] = []
        for archived in ("false", "true"):
            params = (("limit", str(MAX_OWNERS)), ("archived", archived))
            for page in self.api.pages("/crm/v3/owners", deadline, params):
                for row in page:
                    try:
                        found.append(owner(row))
                    except UnreadableError:
                        continue
        return found

    def find(self, calls: Iterable[Call], deadline: Deadline) -> dict[str, list[CrmCall]]:
        """Return what HubSpot has of these calls: by the telephony's id, else by phone and time.

        Raises:
            ServiceError: as above.
        """
        found = FoundCalls(calls)
        self._by_property(found, deadline)
        there = found.answer()
        rest = [call for call in found.calls if call.call_id not in there and call.contact_phone]
        for at in range(0, len(rest), _GROUPS):
            groups = [
                _between(milliseconds(call.started_at - TOLERANCE), milliseconds(call.started_at + TOLERANCE))
                for call in rest[at : at + _GROUPS]
            ]
            for answer in self._segment(groups, deadline):
                self._offer(results(answer), found, deadline)
        return found.answer()

    def _by_property(self, found: FoundCalls, deadline: Deadline) -> None:
        """Ask for calls by the telephony's id; the index of searches is late, this is not."""
        ids = list(dict.fromkeys(call.call_id for call in found.calls if call.call_id))
        for at in range(0, len(ids), MAX_BATCH):
            body = {
                "idProperty": self.external_property,
                "inputs": [{"id": number} for number in ids[at : at + MAX_BATCH]],
                "properties": [*PROPERTIES, self.external_property],
            }
            try:
                answer = self.api.post_to_read("/crm/v3/objects/calls/batch/read", body, deadline)
            except ServiceError as error:
                if error.failure is Failure.DATA and error.status == 400:
                    return  # there is no such property, or its values are not unique
                raise
            self._offer(results(answer), found, deadline)

    def _offer(self, rows: list[Any], found: FoundCalls, deadline: Deadline) -> None:
        for at in range(0, len(rows), MAX_SEARCH):
            for record in self._whole(rows[at : at + MAX_SEARCH], at, deadline):
                if isinstance(record, CrmCall):
                    found.offer(record)

    def _segment(self, groups: list[dict[str, Any]], deadline: Deadline) -> Iterator[dict[str, Any]]:
        """Yield the answers of one search, page by page, as far as a search goes."""
        after = 0
        while after + MAX_SEARCH <= MAX_RESULTS:
            body = {
                "filterGroups": groups,
                "sorts": _BY_TIME,
                "properties": [*PROPERTIES, self.external_property],
                "limit": MAX_SEARCH,
                **({"after": str(after)} if after else {}),
            }
            answer = self.api.post_to_read(_SEARCH, body, deadline)
            mark = next_mark(answer)
            yield answer
            if not mark:
                return
            if not mark.isdecimal() or int(mark) <= after:
                raise ServiceError(Failure.DATA, "endless-pages", f"after {after} comes {mark}")
            after = int(mark)

    def _whole(self, rows: list[Any], done: int, deadline: Deadline) -> Iterator[CrmCall | Rejected]:
        """Yield the calls of one page with their contacts."""
        calls: list[CrmCall] = []
        for position, row in enumerate(rows, done + 1):
            try:
                calls.append(read_call(row, self.external_property, self._region))
            except UnreadableError as error:
                yield rejected(position, error)
        cards = self._cards([call.record_id for call in calls], deadline)
        for call in calls:
            card, kind = cards.get(call.record_id, ("", _CALLS))
            number = card.partition(":")[2] or call.record_id
            yield call._replace(contact=card, link=self._link(kind, number, deadline))

    def _cards(self, calls: list[str], deadline: Deadline) -> dict[str, tuple[str, str]]:
        """Return what calls are associated with: a contact, else a company, else a deal."""
        found: dict[str, tuple[str, str]] = {}
        for name, ours, number in _CARDS:
            left = [call for call in calls if call not in found]
            if not left or name in self._hidden:
                continue
            try:
                linked = self.api.linked(left, name, deadline)
            except ServiceError as error:
                if error.failure is not Failure.CONFIGURATION or name == "contacts":
                    raise
                self._hidden.add(name)
                continue
            found.update({call: (f"{ours}:{card}", number) for call, card in linked.items()})
        return found

    def _link(self, kind: str, number: str, deadline: Deadline) -> str | None:
        """Return the address of a card for a person, None where HubSpot does not tell who the account is."""
        if self._pages is None:
            try:
                details = self.api.get("/account-info/v3/details", deadline)
            except ServiceError:
                details = {}
            domain, portal = details.get("uiDomain"), details.get("portalId")
            known = isinstance(domain, str) and _DOMAIN.fullmatch(domain) and is_id(clean(portal))
            self._pages = f"https://{domain}/contacts/{portal}/record" if known else ""
        return f"{self._pages}/{kind}/{number}" if self._pages else None


def _between(first: int, last: int) -> dict[str, Any]:
    """Return the filters of a range of time, both ends included."""
    limits = (("GTE", first), ("LTE", last))
    return {
        "filters": [
            {"propertyName": "hs_timestamp", "operator": operator, "value": str(value)}
            for operator, value in limits
        ]
    }


def _id(row: Any) -> str:
    return str(row.get("id")) if isinstance(row, dict) else ""


def _total(answer: dict[str, Any]) -> int:
    total = answer.get("total")
    return total if isinstance(total, int) else 0
