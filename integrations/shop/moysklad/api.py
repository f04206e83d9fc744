"""The JSON API 1.2: one request, one list; the limits of 2026 and the documented error codes."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal

from integrations.http import ATTEMPTS, Http, Request, by_status
from integrations.pace import Pacer
from integrations.shop.fields import json_of, mapping, not_understood, number, objects
from supportctl.core.failure import Failure, ServiceError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import requests

    from integrations.http import Reply
    from supportctl.core.clock import Clock
    from supportctl.core.deadline import Deadline

PUBLIC = "https://api.moysklad.ru"
ROOT = "/api/remap/1.2"
PAGE = 1000
AUDIT_PAGE = 100
MAX_PAGES = 1000  # of one list; a server that says "next page" for ever must end
UNITS, PERIOD_S = 45, 3.0
_MARGIN = 0.98  # a request that is late on the wire comes closer to the next one
_HEAVY = 5
_HEAVY_PATHS = frozenset({"report/stock/all", "report/stock/bystore"})
_DEFAULT_WAIT_S = 3.0
_BUSY_WAIT_S = 1.0
_MAX_WAIT_S = 3600.0
TokenOf = Literal["user", "solution", "draft"]
_USER_WEIGHTS = (
    (datetime(2026, 12, 1, tzinfo=UTC), 4),
    (datetime(2026, 9, 1, tzinfo=UTC), 3),
    (datetime(2026, 5, 12, tzinfo=UTC), 2),
)
# the system's code -> what may be done; what is not here is judged by the HTTP status
_FAILURES = {
    1016: Failure.CONFIGURATION,  # no right to see it
    1043: Failure.CONFIGURATION,  # the tariff has no CRM
    1048: Failure.SIGN_IN,  # too many tries to sign in
    1049: Failure.WAIT,
    1056: Failure.SIGN_IN,
    1061: Failure.BLOCKED,  # no access to the API, or it was switched off
    1065: Failure.RETRY,  # changed by somebody else at the same moment
    1070: Failure.CONFIGURATION,  # the tariff does not allow it
    1073: Failure.WAIT,
    1074: Failure.RETRY,
    1083: Failure.RETRY,
    1088: Failure.RETRY,
    1095: Failure.RETRY,
    1998: Failure.CONFIGURATION,  # the address of before December 2023
    55008: Failure.CONFIGURATION,  # the solution is not installed (Phone API)
}


def weight_of(token_of: TokenOf, now: datetime) -> int:
    """Return how many units an ordinary request weighs (restrictions of 2026)."""
    if token_of == "user":  # noqa: S105  whose token it is, not a token
        return next((weight for since, weight in _USER_WEIGHTS if now >= since), 1)
    return 4 if token_of == "draft" else 1  # noqa: S105  as above


def steady_rate(weight: int) -> float:
    """Return units a second so that whole requests fit into each period."""
    return UNITS // weight * weight / PERIOD_S * _MARGIN


def sign_in_header(token: str | None, login: str | None = None, password: str | None = None) -> str:
    """Return the value of `Authorization`."""
    if token:
        return f"Bearer {token}"
    return f"Basic {base64.b64encode(f'{login}:{password}'.encode()).decode()}"


class MoySkladApi:
    """A session with the JSON API of one account. It only reads."""

    def __init__(
        self,
        clock: Clock,
        authorization: str,
        *,
        url: str | None = None,
        token_of: TokenOf = "user",  # noqa: S107  whose token it is, not a token
        session: requests.Session | None = None,
        attempts: int = ATTEMPTS,
    ) -> None:
        self.base = (url or PUBLIC).rstrip("/")
        self.weight = weight_of(token_of, clock.now())
        self.pacer = Pacer(steady_rate(self.weight), clock)
        headers = {"Authorization": authorization, "Accept-Encoding": "gzip"}  # without gzip it refuses
        headers["Accept"] = "application/json;charset=utf-8"
        self.http = Http(
            clock, self._judge, pacer=self.pacer, headers=headers, session=session, attempts=attempts
        )

    def get(self, path: str, deadline: Deadline, params: Mapping[str, Any] | None = None) -> Any:
        """Return the JSON of one answer. `path` is below the root, without a slash before it.

        Raises:
            ServiceError: the system refuses or cannot be reached.
        """
        weight = _HEAVY if path in _HEAVY_PATHS else self.weight
        url = f"{self.base}{ROOT}/{path}"
        request = Request("GET", url, path, reads=True, params=params or {}, weight=weight)
        return json_of(self.http.send(request, deadline), path)

    def rows(
        self, path: str, deadline: Deadline, params: Mapping[str, Any] | None = None, page: int = PAGE
    ) -> Iterator[Mapping[str, Any]]:
        """Yield the rows of a list, page by page. Links to next pages are not followed: they are remote text.

        Raises:
            ServiceError: as `get`; a list without an end is one, too.
        """
        offset = 0
        for _ in range(MAX_PAGES):
            found = self.get(path, deadline, {**(params or {}), "limit": page, "offset": offset})
            document = mapping(found, path)
            rows = objects(document.get("rows"), path)
            yield from rows
            offset += page
            if not rows or offset >= number(mapping(document.get("meta"), path), "size"):
                return
        raise not_understood(path, f"more than {MAX_PAGES} pages")

    def href(self, type_: str, id_: str) -> str:
        """Return the link to an entity, as filters want it."""
        return f"{self.base}{ROOT}/entity/{type_}/{id_}"

    def _judge(self, request: Request, reply: Reply) -> ServiceError | None:
        error = judge(request, reply, self.http.clock.now())
        if error is not None and error.failure is Failure.WAIT and error.retry_at is not None:
            self.pacer.pause((error.retry_at - self.http.clock.now()).total_seconds())
        elif error is None:
            self._heed(reply)
        return error

    def _heed(self, reply: Reply) -> None:
        """Others may use the same user: when the system says that the basket is empty, wait as it says."""
        remaining = _header(reply, "x-ratelimit-remaining")
        reset_ms = _header(reply, "x-lognex-reset")  # zero while no limit is in force
        if remaining is not None and remaining < 1 and reset_ms:
            self.pacer.pause(min(reset_ms / 1000, _MAX_WAIT_S))
        allowed = _header(reply, "x-ratelimit-limit")
        if (
            allowed and allowed >= 1
        ):  # it may tell less than the table; more is not believed (UNVERIFIED unit)
            least = allowed * self.weight / PERIOD_S * _MARGIN
            self.pacer.per_second = min(self.pacer.per_second, least)


def judge(request: Request, reply: Reply, now: datetime) -> ServiceError | None:
    """Return what failed: by the system's code, then by the status. An answer may be an error with 200."""
    code, words = error_of(reply)
    if code is None and 200 <= reply.status < 300:
        return None
    plain = by_status(request, reply)
    if code is None:
        if reply.status == 415:
            return ServiceError(Failure.DATA, "http-415", "compression refused", status=415)
        return plain if reply.status != 429 else _wait(request, reply, now, "http-429")
    if code in {1049, 1073}:
        return _wait(request, reply, now, str(code), words)
    failure = _FAILURES.get(code) or (plain.failure if plain else Failure.DATA)
    return ServiceError(failure, str(code), words, status=reply.status)


def error_of(reply: Reply) -> tuple[int | None, str]:
    """Return the code and words of the first error in an answer; None where it has none."""
    try:
        found = reply.json()
    except (ValueError, RecursionError):
        return None, ""
    errors = found.get("errors") if isinstance(found, dict) else None
    first = errors[0] if isinstance(errors, list) and errors else None
    if not isinstance(first, dict):
        return None, ""
    code, words = first.get("code"), first.get("error")
    known = code if isinstance(code, int) and not isinstance(code, bool) else 0
    return known, words if isinstance(words, str) else ""


def _wait(request: Request, reply: Reply, now: datetime, code: str, words: str = "") -> ServiceError:
    told = _header(reply, "x-lognex-retry-after") or _header(reply, "x-lognex-reset")
    seconds = told / 1000 if told else _BUSY_WAIT_S if code == "1073" else _DEFAULT_WAIT_S
    until = now + timedelta(seconds=min(seconds, _MAX_WAIT_S))
    return ServiceError(
        Failure.WAIT, code, words, status=reply.status, retry_at=until, method=request.operation
    )


def _header(reply: Reply, name: str) -> float | None:
    try:
        value = float(reply.headers.get(name, ""))
    except ValueError:
        return None
    return value if 0 <= value < 10**9 else None
