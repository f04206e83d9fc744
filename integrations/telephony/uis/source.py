"""Reads the calls of an account of UIS, with the employees and the legs that say who is responsible."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from integrations.telephony.source import Progress, no_progress
from integrations.telephony.uis.client import UisClient
from integrations.telephony.uis.records import TIME, Setting, parse, session_id, start_of, talkers
from integrations.telephony.uis.window import Window
from supportctl.core.failure import Failure, ServiceError
from supportctl.core.text import clean

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from datetime import tzinfo

    import requests

    from integrations.checking import Surroundings
    from integrations.telephony.uis.client import Answer
    from integrations.telephony.uis.notified import Entry
    from integrations.telephony.uis.records import Row
    from supportctl.core.accounts import Uis
    from supportctl.core.call import Call, Rejected
    from supportctl.core.deadline import Deadline

SPAN = timedelta(days=88)  # three months at most, and the shortest three have 89 days
_LEGS_AT_ONCE = 1000
_LEGS_LATER = timedelta(days=1)  # the legs of a session may begin long after it
_EMPLOYEE_PAGES_MAX = 20


class UisSource:
    """The calls of one account."""

    def __init__(
        self, account: Uis, surroundings: Surroundings, session: requests.Session | None = None
    ) -> None:
        self._account = account
        self._surroundings = surroundings
        self._client = UisClient(account, surroundings, session)
        self._legs_readable = True

    def calls(
        self,
        since: datetime,
        until: datetime,
        deadline: Deadline,
        progress: Callable[[Progress], None] = no_progress,
    ) -> Iterator[Call | Rejected]:
        """Yield the calls that began in `since <= t < until`, oldest first.

        Raises:
            ServiceError: the system refuses or cannot be reached, or the points of others would be used.
        """
        setting = self._setting(deadline)
        begin, end = _local(since, setting.zone), _local(until, setting.zone)
        done = 0
        while begin < end:
            stop = min(begin + SPAN, end)
            window, before = Window(self._client, begin, stop, deadline), done
            for rows in window.pages():
                legs = self._legs(rows, deadline)
                for row in rows:
                    done += 1
                    yield parse(row, done, legs.get(session_id(row) or -1, ()), setting)
                known = window.total is not None and stop == end
                progress(Progress(done, before + (window.total or 0) if known else None))
            begin = stop

    def notifications(self, call: Call, deadline: Deadline) -> list[Entry] | None:
        """Return what was told to others of a call; None where there is no log of it.

        Raises:
            ServiceError: as above.
        """
        from integrations.telephony.uis.notified import notified

        zone = account_zone(self._client.ask("get.account", deadline))
        return notified(self._client, self._account, call, zone, deadline)

    def _setting(self, deadline: Deadline) -> Setting:
        return Setting(
            self._surroundings.name,
            account_zone(self._client.ask("get.account", deadline)),
            self._surroundings.region,
            self._client.media,
            self._account.recordings is not None,
            self._extensions(deadline),
        )

    def _extensions(self, deadline: Deadline) -> dict[int, str]:
        """Return the extensions of the employees; none where the key may not read them."""
        try:
            return extensions(employees(self._client, deadline))
        except ServiceError as error:
            if error.failure is not Failure.CONFIGURATION:
                raise
            return {}

    def _legs(self, rows: Sequence[object], deadline: Deadline) -> dict[int, list[Row]]:
        """Return the legs of the calls in which several people talked: who is responsible stands there."""
        several = [row for row in rows if len(talkers(row)) > 1]
        found: dict[int, list[Row]] = {}
        for first in range(0, len(several) if self._legs_readable else 0, _LEGS_AT_ONCE):
            part = several[first : first + _LEGS_AT_ONCE]
            times = [start for start in map(start_of, part) if start is not None]
            if not times:
                continue
            try:
                answer = self._ask_legs([session_id(row) for row in part], min(times), max(times), deadline)
            except ServiceError as error:
                if error.failure is not Failure.CONFIGURATION:
                    raise
                self._legs_readable = False
                break
            for leg in answer.rows:
                if isinstance(leg, dict) and isinstance(leg.get("call_session_id"), int):
                    found.setdefault(leg["call_session_id"], []).append(leg)
        return found

    def _ask_legs(
        self, sessions: list[int | None], first: datetime, last: datetime, deadline: Deadline
    ) -> Answer:
        known = [session for session in sessions if session is not None]
        wanted = {"field": "call_session_id", "operator": "in", "value": known}
        fields = ["call_session_id", "start_time", "is_operator", "is_coach", "is_talked", "employee_id"]
        return self._client.ask(
            "get.call_legs_report",
            deadline,
            date_from=first.strftime(TIME),
            date_till=(last + _LEGS_LATER).strftime(TIME),
            filter=wanted,
            fields=fields,
            limit=10_000,
        )


def account_zone(answer: Answer) -> tzinfo:
    """Return the time zone in which an account's times are meant.

    Raises:
        ServiceError: it does not tell one that we know.
    """
    row = answer.rows[0] if answer.rows else None
    name = row.get("timezone") if isinstance(row, dict) else None
    try:
        return ZoneInfo(str(name or ""))
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ServiceError(Failure.DATA, "unknown-timezone", str(name)) from None


def employees(client: UisClient, deadline: Deadline) -> list[Row]:
    """Return all employees.

    Raises:
        ServiceError: as ever.
    """
    found: list[Row] = []
    for _ in range(_EMPLOYEE_PAGES_MAX):
        answer = client.ask(
            "get.employees", deadline, fields=["id", "full_name", "extension"], limit=1000, offset=len(found)
        )
        found += [row for row in answer.rows if isinstance(row, dict)]
        if not answer.rows or len(answer.rows) < 1000:
            break
    return found


def extensions(rows: Sequence[Row]) -> dict[int, str]:
    """Return the extensions of employees by their ids, of those who have one."""
    found = {}
    for row in rows:
        inner = row.get("extension")
        number = inner.get("extension_phone_number") if isinstance(inner, dict) else None
        if isinstance(row.get("id"), int) and isinstance(number, str | int) and str(number).strip():
            found[row["id"]] = clean(str(number).strip())
    return found


def _local(moment: datetime, zone: tzinfo) -> datetime:
    """Return a moment in the account's own time, without a zone, as the Data API writes it."""
    return moment.astimezone(zone).replace(tzinfo=None)
