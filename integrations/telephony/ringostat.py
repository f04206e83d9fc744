"""Ringostat: the call log, by GET calls/list.

An answer holds at most 6500 calls and does not say that there are more: a full one is asked again in two
halves. UNVERIFIED: the zone of its times (taken: the site's), the values of `call_type` and `disposition`,
which field holds the extension, what refusals look like.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlsplit

from integrations.http import Http, Reply, Request, by_status, json_of
from integrations.pace import Pacer
from integrations.phones import normalise
from integrations.telephony.source import Progress, no_progress
from supportctl.core.call import INTERNAL, Call, Direction, Rejected
from supportctl.core.failure import Failure, ServiceError
from supportctl.core.secrets import is_reference
from supportctl.core.text import clean

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import tzinfo

    import requests

    from integrations.checking import Surroundings
    from supportctl.core.accounts import Ringostat
    from supportctl.core.deadline import Deadline

SYSTEM = "Ringostat"
PUBLIC = "https://api.ringostat.net"
METHOD = "calls/list"
CAP = 6500  # calls an answer
TIME = "%Y-%m-%d %H:%M:%S"
FIELDS = (
    "calldate", "caller", "caller_number", "dst", "connected_with", "additional_number", "employee_number",
    "disposition", "call_type", "waittime", "billsec", "uniqueid", "has_recording", "recording",
)  # fmt: skip
CALLBACK = "callback"
_FIRST_SPAN, _SECOND = timedelta(days=1), timedelta(seconds=1)
_PER_SECOND = 2.0  # no limit is documented: we stay modest
_LONGEST_S = 7 * 86400
_LONGEST_URL = 2000
_DIRECTIONS: dict[str, Direction] = {"in": "in", "out": "out", CALLBACK: "in", INTERNAL: "out"}
Row = dict[str, Any]  # `Any`: JSON of others


class RingostatClient:
    """Asks one project."""

    def __init__(
        self, account: Ringostat, surroundings: Surroundings, session: requests.Session | None = None
    ) -> None:
        self._account = account
        self._resolve = surroundings.resolve
        pacer = Pacer(_PER_SECOND, surroundings.clock)
        self._http = Http(surroundings.clock, _judge, pacer=pacer, session=session)

    @property
    def address(self) -> str:
        """The base address, without a slash at its end."""
        url = self._account.url or PUBLIC
        return (self._resolve(url) if is_reference(url) else url).rstrip("/")

    @property
    def host(self) -> str:
        """The host that is asked."""
        return urlsplit(self.address).hostname or self.address

    def rows(self, since: datetime, until: datetime, deadline: Deadline) -> list[Any]:
        """Return the calls of a period in the project's own time, at most `CAP`. `Any`: JSON of others.

        Raises:
            ServiceError: what failed.
        """
        headers = {"Auth-key": self._resolve(self._account.token), "Accept": "application/json"}
        if self._account.project:
            headers["Project-Id"] = self._account.project
        params = {
            "export_type": "json",
            "from": since.strftime(TIME),
            "to": (until + (_SECOND if until.microsecond else timedelta(0))).strftime(TIME),
            "fields": ",".join(FIELDS),
            "merge": "0",
        }
        request = Request(
            "GET", f"{self.address}/{METHOD}", METHOD, reads=True, headers=headers, params=params
        )
        found = json_of(request, self._http.send(request, deadline))
        if not isinstance(found, list):
            raise ServiceError(Failure.DATA, "no-result", clean(found))
        return found


class RingostatSource:
    """The calls of one project."""

    def __init__(
        self, account: Ringostat, surroundings: Surroundings, session: requests.Session | None = None
    ) -> None:
        self._surroundings = surroundings
        self._client = RingostatClient(account, surroundings, session)
        self._zone = zone_of(surroundings)

    def calls(
        self,
        since: datetime,
        until: datetime,
        deadline: Deadline,
        progress: Callable[[Progress], None] = no_progress,
    ) -> Iterator[Call | Rejected]:
        """Yield the calls that began in `since <= t < until`, oldest first.

        Raises:
            ServiceError: it refuses or cannot be reached; one second has more calls than an answer holds.
        """
        begin, end = _local(since, self._zone), _local(until, self._zone)
        done, span = 0, _FIRST_SPAN
        setting = Setting(self._surroundings.name, self._zone, self._surroundings.region)
        while begin < end:
            stop = min(begin + span, end)
            rows = self._client.rows(begin.replace(microsecond=0), stop, deadline)
            if len(rows) >= CAP:  # there may be more: the same in two halves
                span = _half(stop - begin)
                continue
            seen: set[str] = set()
            for row in sorted(rows, key=_place):
                start = _start(row)
                key = _key(row)
                if key in seen or (start is not None and not begin <= start < stop):
                    continue  # `to` may be included: then the next part has it
                seen.add(key)
                done += 1
                yield parse(row, done, setting)
            progress(Progress(done))
            begin, span = stop, min(2 * span, _FIRST_SPAN)


class Setting(NamedTuple):
    """What a row's values mean in this project."""

    source: str
    zone: tzinfo
    region: str | None


class BadFieldError(Exception):
    """A field that is not as documented."""


def parse(row: object, position: int, setting: Setting) -> Call | Rejected:
    """Return the call that a row is."""
    if not isinstance(row, dict):
        return Rejected(position, "record.not-a-record", {"system": SYSTEM, "found": clean(row)})
    try:
        return _call(row, setting)
    except BadFieldError as error:
        field = str(error)
        args = {"system": SYSTEM, "field": field, "found": clean(f"{field}: {row.get(field)!r}")}
        return Rejected(position, "record.bad-field", args)


def newest(rows: list[Any]) -> datetime | None:
    """Return when the newest call began, in the project's own time; None without one."""
    return max((start for start in map(_start, rows) if start is not None), default=None)


def zone_of(surroundings: Surroundings) -> tzinfo:
    """Return the zone in which times are meant: the site's, else this computer's."""
    zone = surroundings.timezone or surroundings.clock.now().tzinfo
    assert zone is not None
    return zone


def talked(rows: list[Any], before: datetime) -> list[tuple[str, bool]]:
    """Return the calls with talk that ended before a moment, and whether they have a recording."""
    found = []
    for row in rows:
        start = _start(row)
        try:
            talk = _seconds(row, "billsec") or 0 if start else 0
        except BadFieldError:
            continue
        if start is not None and talk and start + timedelta(seconds=talk) < before:
            found.append((clean(_key(row)), recording_of(row) is not None))
    return found


def recording_of(row: Row) -> str | None:
    """Return the address of a row's recording, None without one."""
    link = row.get("recording")
    if not isinstance(link, str) or not link.isprintable() or len(link) > _LONGEST_URL:
        return None
    return link if link.startswith(("https://", "http://127.0.0.1:")) else None  # plain http: the lab only


def _judge(request: Request, reply: Reply) -> ServiceError | None:
    """Return what failed: an object that names an error is none of calls, whatever its status."""
    error = by_status(request, reply)
    try:
        found = json_of(request, reply)
    except ServiceError as strange:
        return error or strange
    if isinstance(found, dict):
        said = next((str(found[name]) for name in ("error", "message", "status") if found.get(name)), "")
        if error is None:
            return ServiceError(Failure.DATA, "error", said or clean(found), status=reply.status)
        return ServiceError(error.failure, error.code, said, status=reply.status, retry_at=error.retry_at)
    return error


def _call(row: Row, setting: Setting) -> Call:
    start, kind, call_id = _start(row), _text(row, "call_type").lower(), _text(row, "uniqueid")
    if not call_id:
        raise BadFieldError("uniqueid")
    if start is None:
        raise BadFieldError("calldate")
    if kind not in _DIRECTIONS:
        raise BadFieldError("call_type")
    direction, talk = _DIRECTIONS[kind], _seconds(row, "billsec") or 0
    incoming = direction == "in"
    contact = _text(row, "caller") if incoming else _text(row, "dst")
    line = _text(row, "dst") if incoming else _text(row, "caller_number")
    names = ("additional_number", "employee_number", "connected_with")
    return Call(
        call_id,
        setting.source,
        direction,
        start.replace(tzinfo=setting.zone),
        talk,
        normalise(contact, setting.region),
        answered=talk > 0,
        wait_s=_seconds(row, "waittime"),
        line=normalise(line, setting.region),
        employee=next((found for found in (_text(row, name) for name in names) if found), ""),
        recording_url=recording_of(row),
        tags=(kind,) if kind in {CALLBACK, INTERNAL} else (),
    )


def _start(row: object) -> datetime | None:
    value = row.get("calldate") if isinstance(row, dict) else None
    if not isinstance(value, str) or len(value) != 19:
        return None
    try:
        return datetime.fromisoformat(value).replace(tzinfo=None)
    except ValueError:
        return None


def _key(row: object) -> str:
    """Return what tells a row from others: its id, else all of it."""
    value = row.get("uniqueid") if isinstance(row, dict) else None
    return value if isinstance(value, str) and value else repr(row)


def _place(row: object) -> tuple[str, str]:
    start = _start(row)
    return (start.strftime(TIME) if start else "", _key(row))


def _half(span: timedelta) -> timedelta:
    """Return half of a period in whole seconds.

    Raises:
        ServiceError: it cannot be halved.
    """
    if span <= _SECOND:
        raise ServiceError(Failure.DATA, "too-many-in-a-second", f"{CAP} calls or more")
    return max(timedelta(seconds=span // _SECOND // 2), _SECOND)


def _local(moment: datetime, zone: tzinfo) -> datetime:
    return moment.astimezone(zone).replace(tzinfo=None)


def _text(row: Row, field: str) -> str:
    value = row.get(field)
    if value is None:
        return ""
    if isinstance(value, str):
        return clean(value.strip())
    if isinstance(value, int) and not isinstance(value, bool):
        return clean(value)
    raise BadFieldError(field)


def _seconds(row: Row, field: str) -> int | None:
    value = row.get(field)
    if value is None or value == "":
        return None
    if isinstance(value, str) and value.isascii() and value.isdecimal() and len(value) < 8:
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= _LONGEST_S:
        raise BadFieldError(field)
    return int(value)
