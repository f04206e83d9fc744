"""One virtual exchange of Mango Office: signed questions, its result codes, its limits.

A form of three fields: the exchange's key, `json`, and the sign over exactly the bytes of `json`. HTTP 200
says nothing: `result` does. Wrong signs are punished (401 for two minutes): none is tried twice.
"""

from __future__ import annotations

import hashlib
import json
import tomllib
from datetime import timedelta
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode, urlsplit

from integrations.http import Http, Request, by_status
from integrations.pace import Pacer
from supportctl.core.failure import Failure, ServiceError
from supportctl.core.secrets import is_reference
from supportctl.core.text import clean

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    import requests

    from integrations.checking import Surroundings
    from integrations.http import Reply
    from supportctl.core.accounts import Mango
    from supportctl.core.deadline import Deadline

SYSTEM = "Mango Office"
PUBLIC = "https://app.mango-office.ru"
REQUEST, RESULT = "vpbx/stats/request", "vpbx/stats/result"
USERS, LINES = "vpbx/config/users/request", "vpbx/incominglines"
DONE = 1000
_PER_SECOND, _STATS_WEIGHT = 10.0, 20.0  # a report every two seconds
_POLL_S = 5.0  # "not more often than every five seconds"
_REPORT_S = 600.0  # a report that takes longer will not come
_LINKS_FOR = timedelta(days=30)
_NOT_READY, _NO_DATA = 204, 404


class MangoClient:
    """Asks one exchange."""

    def __init__(
        self, account: Mango, surroundings: Surroundings, session: requests.Session | None = None
    ) -> None:
        self._account = account
        self._clock = surroundings.clock
        self._resolve = surroundings.resolve
        pacer = Pacer(_PER_SECOND, self._clock)
        self._http = Http(self._clock, _judge, pacer=pacer, session=session)

    @property
    def address(self) -> str:
        """The base address, without a slash at its end."""
        url = self._account.url or PUBLIC
        return (self._resolve(url) if is_reference(url) else url).rstrip("/").removesuffix("/vpbx")

    @property
    def host(self) -> str:
        """The host that is asked."""
        return urlsplit(self.address).hostname or self.address

    def ask(self, command: str, wanted: dict[str, Any], deadline: Deadline) -> dict[str, Any]:
        """Return what a command answers. `Any`: JSON.

        Raises:
            ServiceError: what failed.
        """
        found = _object(self._send(command, wanted, deadline).body)
        if found is None:
            raise ServiceError(Failure.DATA, "no-result", command)
        return found

    def report(self, since: datetime, until: datetime, fields: Sequence[str], deadline: Deadline) -> str:
        """Return a report of the legs that began in a period (a month at most), as the CSV that it is.

        Raises:
            ServiceError: what failed; `not-ready` when it takes too long.
        """
        wanted = {
            "date_from": str(int(since.timestamp())),
            "date_to": str(int(until.timestamp())),
            "fields": ",".join(fields),  # always: clients disagree about the default
        }
        key = self.ask(REQUEST, wanted, deadline).get("key")
        if not isinstance(key, str) or not key or not key.isascii():  # it is sent back
            raise ServiceError(Failure.DATA, "no-result", "no key of a report")
        patience = deadline.within(_REPORT_S)
        while True:
            if patience.remaining() <= _POLL_S:
                raise ServiceError(Failure.RETRY, "not-ready", "the report is not ready", status=_NOT_READY)
            self._clock.sleep(_POLL_S)
            reply = self._send(RESULT, {"key": key}, deadline)
            if reply.status != _NOT_READY:
                return reply.body.decode("utf-8", "replace").removeprefix("\ufeff")

    def recording(self, recording_id: str) -> str:
        """Return the address of a recording: in the account, or a signed link where these are allowed."""
        name = quote(recording_id, safe="=:")
        if not self._account.recording_links:
            return f"{self.address}/vpbx/queries/recording/issa/{name}/play"
        key, salt = self._resolve(self._account.key), self._resolve(self._account.salt)
        until = int((self._clock.now() + _LINKS_FOR).timestamp())
        signed = hashlib.sha256(f"{key}{until}{recording_id}{salt}".encode()).hexdigest()
        return f"{self.address}/vpbx/queries/recording/link/{name}/play/{key}/{until}/{signed}"

    def _send(self, command: str, wanted: dict[str, Any], deadline: Deadline) -> Reply:
        key, salt = self._resolve(self._account.key), self._resolve(self._account.salt)
        text = json.dumps(wanted, separators=(",", ":"), ensure_ascii=False)
        form = {"vpbx_api_key": key, "sign": sign(key, text, salt), "json": text}
        request = Request(
            "POST",
            f"{self.address}/{command}",
            command,
            reads=True,
            headers={"Content-Type": "application/x-www-form-urlencoded"},
            body=urlencode(form).encode(),
            weight=_STATS_WEIGHT if command == REQUEST else 1.0,
        )
        return self._http.send(request, deadline)


def sign(key: str, text: str, salt: str) -> str:
    """Return the sign of a request: hex SHA-256 of the key, the JSON as it is sent, and the salt."""
    return hashlib.sha256(f"{key}{text}{salt}".encode()).hexdigest()


def _judge(request: Request, reply: Reply) -> ServiceError | None:
    """Return what failed: `result` first, the status second; a page is no report, whatever its status."""
    found = _object(reply.body)
    result = found.get("result") if found is not None else None
    if found is not None and isinstance(result, int) and not isinstance(result, bool) and result != DONE:
        known = _failures()
        failure = known["codes"].get(str(result)) or known["firsts"].get(str(result)[:1], Failure.DATA)
        text = clean(found.get("message") or "")
        return ServiceError(Failure(failure), str(result), text, status=reply.status)
    if request.operation == RESULT and reply.status == _NO_DATA:
        return ServiceError(Failure.DATA, "report-lost", "unknown key of a report", status=reply.status)
    error = by_status(request, reply)
    if error is not None:
        return error
    if request.operation == RESULT:
        is_page = reply.body.lstrip()[:1] == b"<"
        return ServiceError(Failure.RETRY, "not-json", "a page", status=reply.status) if is_page else None
    if found is None:
        text = reply.body[:200].decode("utf-8", "replace")
        return ServiceError(Failure.RETRY, "not-json", text, status=reply.status)
    return None


def _object(body: bytes) -> dict[str, Any] | None:
    if body.lstrip()[:1] != b"{":
        return None
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


@cache
def _failures() -> dict[str, dict[str, str]]:
    return tomllib.loads((files(__package__) / "failures.toml").read_text(encoding="utf-8"))
