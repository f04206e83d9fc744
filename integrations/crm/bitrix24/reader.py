"""Reads what a Bitrix24 portal has of the calls: the statistics, and when their activities were made."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from integrations.crm.bitrix24.client import BATCH_MAX, Client, Command
from integrations.crm.bitrix24.pages import PAGE, STATISTICS, Pages
from integrations.crm.bitrix24.rows import activity_id, crm_call, employee, moment, row_id
from integrations.crm.matching import TOLERANCE, FoundCalls
from integrations.crm.reader import CrmCall, Employee, Progress, no_progress
from integrations.crm.strict import UnreadableError, rejected
from integrations.http import ATTEMPTS
from supportctl.core.failure import Failure, ServiceError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from datetime import datetime, tzinfo

    import requests

    from integrations.checking import Surroundings
    from supportctl.core.accounts import Bitrix24
    from supportctl.core.call import Call, Rejected
    from supportctl.core.deadline import Deadline

ACTIVITIES = "crm.activity.list"
_EDGE = timedelta(seconds=60)  # the portal's filter may round; the edges are looked at here
_SIGNIFICANT = 10  # digits by which a number is looked for: with or without +7 or 8
_IDS = 40  # so many in one filter: with a full page of 50 some have come more than once
_MOST_USERS = 1000  # pages of user.get


class Bitrix24Reader:
    """`READERS["bitrix24"]`. `pages_per_request` bounds a batch; `created` asks when each call came in.

    When a call came in is not in the statistics; its activity in the CRM knows. That costs one more list for
    each page, in batches, too, and is left out where the key may not read the CRM.
    """

    def __init__(
        self,
        account: Bitrix24,
        surroundings: Surroundings,
        session: requests.Session | None = None,
        *,
        pages_per_request: int = BATCH_MAX,
        created: bool = True,
        attempts: int = ATTEMPTS,
    ) -> None:
        self._account = account
        self._surroundings = surroundings
        self._session = session
        self._pages_per_request = pages_per_request
        self._created = created
        self._attempts = attempts
        self._arrays = True  # whether a filter of EXTERNAL_CALL_ID takes an array (UNVERIFIED)
        self._opened: Client | None = None

    @property
    def client(self) -> Client:
        """The session with the portal; the secrets are looked up when it is first used."""
        if self._opened is None:
            self._opened = Client(self._account, self._surroundings, self._session, attempts=self._attempts)
        return self._opened

    def records(
        self,
        since: datetime,
        until: datetime,
        deadline: Deadline,
        progress: Callable[[Progress], None] = no_progress,
    ) -> Iterator[CrmCall | Rejected]:
        """Yield the calls that began in `since <= t < until`, by ascending id of the statistics.

        Raises:
            ServiceError: the portal refuses or cannot be reached.
        """
        zone = self.zone(deadline)
        wanted = {
            ">=CALL_START_DATE": _iso(since - _EDGE, zone),
            "<CALL_START_DATE": _iso(until + _EDGE, zone),
        }
        pages = Pages(self.client, wanted, deadline, self._pages_per_request)
        done = 0
        for rows in pages:
            created = self._created_at(rows, zone, deadline)
            for position, row in enumerate(rows, done + 1):
                try:
                    record = self._record(row, zone)
                except UnreadableError as error:
                    yield rejected(position, error)
                    continue
                if since <= record.started_at < until:
                    yield record._replace(created_at=created.get(activity_id(row) or 0))
            done += len(rows)
            progress(Progress(done, max(pages.total, done) if pages.total is not None else None))

    def employees(self, deadline: Deadline) -> Sequence[Employee]:
        """Return the users, dismissed ones included.

        Raises:
            ServiceError: the portal refuses or cannot be reached.
        """
        found: dict[str, Employee] = {}
        start = 0
        for _ in range(_MOST_USERS):
            params = {"SORT": "ID", "ORDER": "ASC", "start": start}
            answer = self.client.call("user.get", params, deadline)
            if not isinstance(answer.result, list):
                raise ServiceError(Failure.RETRY, "no-list", "user.get gave no list")
            known = len(found)
            found.update({user.id: user for each in answer.result if (user := employee(each))})
            if answer.next is None or answer.next <= start:
                return tuple(found.values())
            if len(found) == known:
                break
            start = answer.next
        raise ServiceError(Failure.DATA, "paging", "user.get does not end")

    def find(self, calls: Iterable[Call], deadline: Deadline) -> dict[str, list[CrmCall]]:
        """Return what the portal has of these calls, by `call_id`.

        By EXTERNAL_CALL_ID; calls that it does not have under their id, by phone, direction and time, among
        the rows without an id. "Not there" is believed only from a filter for this one id.

        Raises:
            ServiceError: the portal refuses or cannot be reached, or a row cannot be read.
        """
        found = FoundCalls(calls)
        zone = self.zone(deadline) if found.calls else None
        ids = list(dict.fromkeys(call.call_id for call in found.calls if call.call_id))
        if self._arrays:
            self._by_arrays(found, ids, zone, deadline)
        known = found.answer()
        alone = [call_id for call_id in ids if call_id not in known]
        before = len(known)
        commands = [_statistics({"EXTERNAL_CALL_ID": call_id}) for call_id in alone]
        self._offer(found, commands, zone, deadline)
        known = found.answer()
        if len(known) > before:  # the array had not found them
            self._arrays = False
        missing = [call for call in found.calls if call.call_id not in known and call.contact_phone]
        self._offer(found, [_by_phone(call, zone) for call in missing], zone, deadline)
        return found.answer()

    def _by_arrays(
        self, found: FoundCalls, ids: Sequence[str], zone: tzinfo | None, deadline: Deadline
    ) -> None:
        """Offer what filters with many ids find, as long as the portal understands them."""
        chunks = [ids[start : start + _IDS] for start in range(0, len(ids), _IDS)]
        commands = [_statistics({"EXTERNAL_CALL_ID": chunk}) for chunk in chunks]
        for chunk, rows in zip(chunks, self._lists(commands, deadline), strict=True):
            records = self._readable(rows, zone)
            if not {record.external_id for record in records} <= set(chunk):
                self._arrays = False  # it gave others, too: the filter was not understood
                return
            for record in records:
                found.offer(record)
            if len(records) >= PAGE:  # some came several times, and there may be more
                self._offer(
                    found, [_statistics({"EXTERNAL_CALL_ID": each}) for each in chunk], zone, deadline
                )

    def _offer(
        self, found: FoundCalls, commands: Sequence[Command], zone: tzinfo | None, deadline: Deadline
    ) -> None:
        for rows in self._lists(commands, deadline):
            for record in self._readable(rows, zone):
                found.offer(record)

    def _lists(self, commands: Sequence[Command], deadline: Deadline) -> Iterator[Any]:
        """Yield the result of each command; what a batch did not do is done alone."""
        for start in range(0, len(commands), BATCH_MAX):
            named = {f"q{number}": each for number, each in enumerate(commands[start : start + BATCH_MAX])}
            answers = self.client.batch(named, deadline).answers if len(named) > 1 else {}
            for name, command in named.items():
                answer = answers.get(name)
                if answer is None:
                    answer = self.client.call(command.method, command.params, deadline)
                yield answer.result

    def _created_at(
        self, rows: Sequence[Any], zone: tzinfo | None, deadline: Deadline
    ) -> dict[int, datetime]:
        """Return when the activities of rows were made, by their id."""
        ids = [number for row in rows if (number := activity_id(row))] if self._created else []
        if not ids:
            return {}
        chunks = [ids[start : start + PAGE] for start in range(0, len(ids), PAGE)]
        commands = [
            Command(ACTIVITIES, {"filter": {"ID": chunk}, "select": ["ID", "CREATED"], "start": -1})
            for chunk in chunks
        ]
        found: dict[int, datetime] = {}
        try:
            for activities in self._lists(commands, deadline):
                for activity in activities if isinstance(activities, list) else ():
                    number = row_id(activity)
                    if number is None:
                        continue
                    try:
                        found[number] = moment(activity, "CREATED", zone)
                    except UnreadableError:
                        continue
        except ServiceError as error:
            if error.failure not in {Failure.CONFIGURATION, Failure.DATA}:
                raise
            self._created = False  # this key may not read the CRM
        return found

    def _readable(self, rows: Any, zone: tzinfo | None) -> list[CrmCall]:
        if not isinstance(rows, list):
            raise ServiceError(Failure.RETRY, "no-list", f"{STATISTICS} gave no list")
        try:
            return [self._record(row, zone) for row in rows]
        except UnreadableError as error:  # it may be the very call that is asked for
            raise ServiceError(Failure.DATA, "record-unreadable", str(error)) from None

    def _record(self, row: Any, zone: tzinfo | None) -> CrmCall:
        return crm_call(row, self.client.portal, self._surroundings.region, zone)

    def zone(self, deadline: Deadline) -> tzinfo | None:
        """Return the portal's zone: filters are written in it, so that one that drops the offset is right.

        Raises:
            ServiceError: the portal refuses or cannot be reached.
        """
        if self.client.portal_time is None:
            self.client.call("profile", {}, deadline)
        at = self.client.portal_time
        return at.tzinfo if at else self._surroundings.timezone


def _iso(at: datetime, zone: tzinfo | None) -> str:
    return at.astimezone(zone or at.tzinfo).isoformat(timespec="seconds")


def _statistics(wanted: dict[str, Any]) -> Command:
    return Command(STATISTICS, {"FILTER": wanted, "SORT": "ID", "ORDER": "ASC"})


def _by_phone(call: Call, zone: tzinfo | None) -> Command:
    digits = "".join(character for character in call.contact_phone if character.isdigit())
    return _statistics(
        {
            ">=CALL_START_DATE": _iso(call.started_at - TOLERANCE - _EDGE, zone),
            "<=CALL_START_DATE": _iso(call.started_at + TOLERANCE + _EDGE, zone),
            "%PHONE_NUMBER": digits[-_SIGNIFICANT:],
        }
    )
