"""Requests to one amoCRM account: signing, pace, pages, and what an answer means.

Sources: the documentation of API v4, the official PHP client; docs/connectors/amocrm.md says which is which.
"""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

from integrations.answers import Request, by_status, retry_after
from integrations.http import ATTEMPTS, Http
from integrations.pace import Pacer
from supportctl.core.failure import Failure, ServiceError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from datetime import datetime

    import requests

    from integrations.answers import Reply
    from integrations.checking import Surroundings
    from supportctl.core.accounts import AmoCrm
    from supportctl.core.clock import Clock
    from supportctl.core.deadline import Deadline

SYSTEM = "amoCRM"
PER_SECOND = 6.9  # of 7 allowed
MAX_LIMIT = 250
EVENTS_LIMIT = 100
MAX_PAGES = 10_000
BLOCKED = "ip-blocked"
NO_SUCH_ACCOUNT, USER_OFF, IP_NOT_ALLOWED = "101", "112", "113"
_PAUSE = timedelta(seconds=1)  # amoCRM counts by the second; whether it sends Retry-After is UNVERIFIED
_BY_CODE = {
    NO_SUCH_ACCOUNT: Failure.CONFIGURATION,
    "110": Failure.SIGN_IN,
    "111": Failure.SIGN_IN,
    USER_OFF: Failure.CONFIGURATION,
    IP_NOT_ALLOWED: Failure.CONFIGURATION,
}
CALLS = "calls"
Params = tuple[tuple[str, str], ...]


class Wrong(NamedTuple):
    """What amoCRM says is wrong with one item of a request."""

    code: str
    path: str
    detail: str


class ItemsRefusedError(ServiceError):
    """A request that was refused for some of its items: `items` tells by `request_id` what is wrong."""

    def __init__(self, code: str, text: str, status: int, items: Mapping[str, Sequence[Wrong]]) -> None:
        super().__init__(Failure.DATA, code, text, status=status)
        self.items = items


class AmoApi:
    """The API v4 of one account."""

    def __init__(
        self,
        account: AmoCrm,
        surroundings: Surroundings,
        session: requests.Session | None = None,
        *,
        attempts: int = ATTEMPTS,
    ) -> None:
        self.base = surroundings.resolve(account.url).rstrip("/")
        self.token = surroundings.resolve(account.token)
        rate = min(account.rate or PER_SECOND, PER_SECOND)
        headers = {"Authorization": f"Bearer {self.token}", "Accept": "application/json"}
        pacer = Pacer(rate, surroundings.clock)
        self.http = Http(
            surroundings.clock,
            judge(surroundings.clock),
            pacer=pacer,
            headers=headers,
            session=session,
            attempts=attempts,
        )

    def get(self, path: str, deadline: Deadline, params: Params = ()) -> dict[str, Any]:
        """Return the answer to a GET; an empty one for 204: nothing was found.

        Raises:
            ServiceError: it failed, or is no object.
        """
        request = Request(
            "GET", f"{self.base}/api/v4/{path}", path.partition("?")[0], reads=True, params=params
        )
        return _object(self.http.send(request, deadline))

    def write(self, method: str, path: str, body: object, deadline: Deadline) -> dict[str, Any]:
        """Return the answer to a request that changes something; it is sent once.

        Raises:
            ServiceError: it failed, or it cannot be told; ItemsRefusedError tells of which items.
        """
        request = Request(
            method,
            f"{self.base}/api/v4/{path}",
            path,
            reads=False,
            headers={"Content-Type": "application/json"},
            body=json.dumps(body).encode(),
        )
        return _object(self.http.send(request, deadline))

    def pages(
        self, path: str, key: str, deadline: Deadline, params: Params = (), limit: int = MAX_LIMIT
    ) -> Iterator[list[Any]]:
        """Yield the pages of a list.

        Raises:
            ServiceError: a page failed, or the list does not end.
        """
        awaited = False
        for number in range(1, MAX_PAGES + 1):
            paged = (*params, ("limit", str(limit)), ("page", str(number)))
            answer = self.get(path, deadline, paged)
            rows = embedded(answer, key)
            if not rows and awaited:  # or calls would silently look lost
                raise ServiceError(Failure.RETRY, "page-missing", f"{path}: page {number} was announced")
            if not rows:
                return
            yield rows
            links = answer.get("_links")
            awaited = isinstance(links, dict) and bool(links.get("next"))
            if not awaited:
                return
        raise ServiceError(Failure.DATA, "endless-pages", f"{path}: over {MAX_PAGES} pages")


def embedded(answer: Mapping[str, Any], key: str) -> list[Any]:
    """Return `_embedded[key]`, empty if it is not there.

    Raises:
        ServiceError: it is something else than a list.
    """
    inner = answer.get("_embedded")
    rows = inner.get(key, []) if isinstance(inner, dict) else []
    if not isinstance(rows, list):
        raise ServiceError(Failure.DATA, "not-a-list", key)
    return rows


def judge(clock: Clock) -> Callable[[Request, Reply], ServiceError | None]:
    """Return what decides whether an answer is a failure: the number or title in the body first."""

    def decide(request: Request, reply: Reply) -> ServiceError | None:
        if reply.status == 204 or (not reply.body and 200 <= reply.status < 300):
            return None
        body = _body(reply)
        if body is None:
            return _no_json(request, reply, clock)
        number = _number(body)
        if number in _BY_CODE:
            return ServiceError(_BY_CODE[number], number, _text(body), status=reply.status)
        if request.operation == CALLS and isinstance(body.get("errors"), list):
            return None  # each call has its own word in it, whatever the status
        stated = body.get("status")
        told = isinstance(stated, int) and isinstance(body.get("title"), str)
        if told or not 200 <= reply.status < 300:
            status = int(stated) if told and isinstance(stated, int) else reply.status
            return _by_problem(request, reply._replace(status=status), body, clock)
        return None

    return decide


def _by_problem(request: Request, reply: Reply, body: dict[str, Any], clock: Clock) -> ServiceError:
    code = str(body.get("title") or f"http-{reply.status}")
    error = by_status(request, reply)
    failure = error.failure if error else Failure.DATA
    if reply.status == 402:
        failure = Failure.BLOCKED  # nothing works until somebody pays
    items = _wrong_items(body)
    if items and failure is Failure.DATA:
        return ItemsRefusedError(code, _text(body), reply.status, items)
    retry_at = _end_of_limit(reply, clock) if failure is Failure.WAIT else None
    return ServiceError(failure, code, _text(body), status=reply.status, retry_at=retry_at)


def _wrong_items(body: dict[str, Any]) -> dict[str, list[Wrong]]:
    """Return what is wrong, by `request_id`."""
    listed = body.get("validation-errors")
    found: dict[str, list[Wrong]] = {}
    for item in listed if isinstance(listed, list) else []:
        errors = item.get("errors") if isinstance(item, dict) else None
        for error in errors if isinstance(errors, list) else []:
            if isinstance(error, dict):
                words = (str(error.get(name) or "") for name in Wrong._fields)
                found.setdefault(str(item.get("request_id")), []).append(Wrong(*words))
    return found


def _no_json(request: Request, reply: Reply, clock: Clock) -> ServiceError:
    """A page instead of an answer. UNVERIFIED: that the block of an address shows itself so."""
    if reply.status == 403:
        return ServiceError(Failure.BLOCKED, BLOCKED, status=403)
    if reply.status == 429:
        return ServiceError(Failure.WAIT, "http-429", status=429, retry_at=_end_of_limit(reply, clock))
    return by_status(request, reply) or ServiceError(request.lost, "not-json", status=reply.status)


def _end_of_limit(reply: Reply, clock: Clock) -> datetime:
    return retry_after(reply, clock) or clock.now() + _PAUSE


def _body(reply: Reply) -> dict[str, Any] | None:
    try:
        body = reply.json()
    except ValueError:
        return None
    return body if isinstance(body, dict) else None


def _object(reply: Reply) -> dict[str, Any]:
    return (_body(reply) or {}) if reply.status != 204 else {}


def _number(body: dict[str, Any]) -> str:
    """Return the number of an error in its older form."""
    inner = body.get("response")
    found = inner.get("error_code") if isinstance(inner, dict) else body.get("error_code")
    return str(found) if isinstance(found, int | str) else ""


def _text(body: dict[str, Any]) -> str:
    inner = body.get("response")
    found = body.get("detail") or body.get("hint") or (inner.get("error") if isinstance(inner, dict) else "")
    refused = body.get("validation-errors")
    return f"{found} {refused}" if refused else str(found or "")
