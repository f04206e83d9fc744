"""Requests to one HubSpot account: signing, two rates, pages, and what an answer means.

Sources: developers.hubspot.com; docs/connectors/hubspot.md says what was verified against what.
"""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import requests

from integrations.answers import Request, by_status, retry_after
from integrations.crm.hubspot.parse import is_id
from integrations.http import ATTEMPTS, Http
from integrations.pace import Pacer
from supportctl.core.failure import Failure, ServiceError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from datetime import datetime

    from integrations.answers import Reply
    from integrations.checking import Surroundings
    from supportctl.core.accounts import HubSpot
    from supportctl.core.clock import Clock
    from supportctl.core.deadline import Deadline

SYSTEM = "HubSpot"
PUBLIC = "https://api.hubapi.com"
SEARCHES_A_SECOND = 4.9  # of 5 that an account may make
PER_SECOND = 9.8  # of 100 in ten seconds that a private app may make on the plans with the least
MAX_SEARCH = 200
MAX_RESULTS = 10_000
MAX_BATCH = 100
MAX_OWNERS = 500
EXPIRED, MISSING_SCOPES = "EXPIRED_AUTHENTICATION", "MISSING_SCOPES"
_MAX_PAGES = 1000
_LOCKED, _MIGRATING = 423, 477
_LOCKED_S = 2
_BY_CATEGORY = {
    "INVALID_AUTHENTICATION": Failure.SIGN_IN,
    EXPIRED: Failure.SIGN_IN,
    MISSING_SCOPES: Failure.CONFIGURATION,
    "RATE_LIMITS": Failure.WAIT,
    "VALIDATION_ERROR": Failure.DATA,
    "OBJECT_NOT_FOUND": Failure.DATA,
    "CONFLICT": Failure.DATA,
}
# How long a limit lasts, where Retry-After does not tell; a day's ends at midnight of the account's zone.
_LASTS = {"SECONDLY": 1, "TEN_SECONDLY_ROLLING": 10, "DAILY": 3600}


class _SearchPacer(Pacer):
    """Searches have a rate of their own, and count in the rate of all requests, too."""

    def __init__(self, per_second: float, everything: Pacer, clock: Clock) -> None:
        super().__init__(per_second, clock)
        self._everything = everything

    def wait(self, deadline: Deadline, weight: float = 1.0) -> bool:
        # Until both have room, then a place in both: one that waits after it took its place in the other
        # comes closer to the next, and earns a refusal.
        pause = max(self.pause_for(weight), self._everything.pause_for(weight))
        if pause > deadline.remaining():
            return False
        if pause > 0:
            self._clock.sleep(pause)
        return super().wait(deadline, weight) and self._everything.wait(deadline, weight)


class HubSpotApi:
    """The CRM API of one account."""

    def __init__(
        self,
        account: HubSpot,
        surroundings: Surroundings,
        session: requests.Session | None = None,
        *,
        attempts: int = ATTEMPTS,
    ) -> None:
        self.base = surroundings.resolve(account.url or PUBLIC).rstrip("/")
        self.token = surroundings.resolve(account.token)
        clock = surroundings.clock
        headers = {"Authorization": f"Bearer {self.token}", "Accept": "application/json"}
        session = session or requests.Session()
        pacer = Pacer(min(account.rate or PER_SECOND, PER_SECOND), clock)
        slower = _SearchPacer(min(account.rate or SEARCHES_A_SECOND, SEARCHES_A_SECOND), pacer, clock)
        self.http, self._searching = (
            Http(clock, judge(clock), pacer=each, headers=headers, session=session, attempts=attempts)
            for each in (pacer, slower)
        )

    def get(self, path: str, deadline: Deadline, params: tuple[tuple[str, str], ...] = ()) -> dict[str, Any]:
        """Return the answer to a GET.

        Raises:
            ServiceError: it failed, or is no object.
        """
        return _object(self.reply(path, deadline, params))

    def reply(self, path: str, deadline: Deadline, params: tuple[tuple[str, str], ...] = ()) -> Reply:
        """Return the whole answer to a GET, with its headers.

        Raises:
            ServiceError: it failed.
        """
        request = Request("GET", f"{self.base}{path}", path, reads=True, params=params)
        return self.http.send(request, deadline)

    def post_to_read(self, path: str, body: object, deadline: Deadline) -> dict[str, Any]:
        """Return the answer to a POST that changes nothing there: searches, `batch/read`.

        Raises:
            ServiceError: it failed, or is no object.
        """
        http = self._searching if path.endswith("/search") else self.http
        return _object(http.send(self._post(path, body, reads=True), deadline))

    def write(self, path: str, body: object, deadline: Deadline) -> dict[str, Any]:
        """Return the answer to a POST that changes something there; it is sent once.

        Raises:
            ServiceError: it failed, or it cannot be told.
        """
        return _object(self.http.send(self._post(path, body, reads=False), deadline))

    def _post(self, path: str, body: object, *, reads: bool) -> Request:
        return Request(
            "POST",
            f"{self.base}{path}",
            path,
            reads=reads,
            headers={"Content-Type": "application/json"},
            body=json.dumps(body).encode(),
        )

    def pages(
        self, path: str, deadline: Deadline, params: tuple[tuple[str, str], ...]
    ) -> Iterator[list[Any]]:
        """Yield the pages of a list that is asked for with GET.

        Raises:
            ServiceError: a page failed, or the list does not end.
        """
        after = ""
        for _ in range(_MAX_PAGES):
            answer = self.get(path, deadline, (*params, *((("after", after),) if after else ())))
            yield results(answer)
            following = next_mark(answer)
            if not following or following == after:
                return
            after = following
        raise ServiceError(Failure.DATA, "endless-pages", path)

    def linked(self, calls: Sequence[str], other: str, deadline: Deadline) -> dict[str, str]:
        """Return for calls the first object of another type ("contacts") that each is associated with.

        Raises:
            ServiceError: it failed.
        """
        path = f"/crm/v4/associations/calls/{other}/batch/read"
        answer = self.post_to_read(path, {"inputs": [{"id": call} for call in calls]}, deadline)
        found: dict[str, str] = {}
        for row in results(answer):
            try:
                call, card = str(row["from"]["id"]), str(row["to"][0]["toObjectId"])
            except (KeyError, IndexError, TypeError, ValueError):
                continue  # none, or not understood: the call hangs in the air
            if is_id(card):
                found[call] = card
        return found


def results(answer: dict[str, Any]) -> list[Any]:
    """Return the results of a list, a search or a batch.

    Raises:
        ServiceError: there are none: something else has answered.
    """
    rows = answer.get("results")
    if not isinstance(rows, list):
        raise ServiceError(Failure.DATA, "no-results", ", ".join(map(str, answer))[:100])
    return rows


def next_mark(answer: dict[str, Any]) -> str:
    """Return the mark of the next page, empty on the last one."""
    paging = answer.get("paging")
    following = paging.get("next") if isinstance(paging, dict) else None
    return str(following.get("after") or "") if isinstance(following, dict) else ""


def judge(clock: Clock) -> Callable[[Request, Reply], ServiceError | None]:
    """Return what decides whether an answer is a failure: the category first, the status second."""

    def decide(request: Request, reply: Reply) -> ServiceError | None:
        body = _body(reply)
        stated = body.get("status") == "error" if body is not None else False
        if 200 <= reply.status < 300 and not stated:
            return None if body is not None or reply.status == 204 else _not_json(request, reply)
        category = str((body or {}).get("category") or "")
        failure = _BY_CATEGORY.get(category)
        if failure is None and reply.status in {_LOCKED, _MIGRATING}:
            failure = Failure.WAIT
        if failure is None:
            error = by_status(request, reply)
            failure = error.failure if error else Failure.DATA
        retry_at = _end_of_limit(reply, body, clock) if failure is Failure.WAIT else None
        code = category or f"http-{reply.status}"
        return ServiceError(failure, code, _text(body), status=reply.status, retry_at=retry_at)

    return decide


def _not_json(request: Request, reply: Reply) -> ServiceError:
    return ServiceError(request.lost, "not-json", status=reply.status)


def _end_of_limit(reply: Reply, body: dict[str, Any] | None, clock: Clock) -> datetime:
    policy = str((body or {}).get("policyName") or "")
    usual = timedelta(seconds=_LOCKED_S if reply.status == _LOCKED else _LASTS.get(policy, 1))
    return retry_after(reply, clock) or clock.now() + usual


def _body(reply: Reply) -> dict[str, Any] | None:
    try:
        body = reply.json()
    except ValueError:
        return None
    return body if isinstance(body, dict) else None


def _object(reply: Reply) -> dict[str, Any]:
    return _body(reply) or {}


def _text(body: dict[str, Any] | None) -> str:
    """Return the message, or the scopes that are missing: they are what a person needs to know."""
    if body is None:
        return ""
    scopes: list[str] = []
    errors = body.get("errors")
    for error in errors if isinstance(errors, list) else []:
        context = error.get("context") if isinstance(error, dict) else None
        for name in ("requiredGranularScopes", "requiredScopes", "missingScopes"):
            named = context.get(name) if isinstance(context, dict) else None
            scopes += map(str, named) if isinstance(named, list) else []
    return ", ".join(dict.fromkeys(scopes)) or str(body.get("message") or "")
