"""One account of the Data API: questions, its errors, and its points.

Every request costs one point of the day and of the minute, for all programs of the account together. We never
run into the minute's limit, and leave a share of the day's points alone (`keep_points`).
"""

from __future__ import annotations

import json
import tomllib
from datetime import timedelta
from functools import cache
from importlib.resources import files
from itertools import count
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlsplit

from integrations.http import Http, Request, by_status
from integrations.pace import Pacer
from supportctl.core.failure import Failure, ServiceError
from supportctl.core.secrets import is_reference

if TYPE_CHECKING:
    import requests

    from integrations.checking import Surroundings
    from integrations.http import Reply
    from supportctl.core.accounts import Uis
    from supportctl.core.deadline import Deadline

PUBLIC = "https://dataapi.uiscom.ru"
VERSION = "/v2.0"
KEPT = "points-kept"  # our own code: the share of others begins here
_UNPACED = 1000.0  # requests a second: only the account's own hints slow us down
_RESET_SLACK_S = 1.0  # resets are told in whole seconds
_MINUTE_S = 60.0
_WAITS = 2  # how often a minute is waited for that others have used up
_HEADERS = {"Content-Type": "application/json; charset=UTF-8", "Accept": "application/json"}


class Limits(NamedTuple):
    """Points that are left, and the seconds until there are new ones."""

    day_limit: int
    day_remaining: int
    day_reset_s: int
    minute_limit: int
    minute_remaining: int
    minute_reset_s: int


class Answer(NamedTuple):
    """Rows of a `get` method; `total` is how many there are in all, None if the system does not tell."""

    rows: list[Any]  # `Any`: JSON of others, not yet looked at
    total: int | None


class UisClient:
    """Asks one account. `limits` are those of the last answer; None while nobody has told.

    `guards`: it stops before the share of the day's points that is left to other programs, and waits for
    the minute's limit; a connection check does neither.
    """

    def __init__(
        self,
        account: Uis,
        surroundings: Surroundings,
        session: requests.Session | None = None,
        *,
        guards: bool = True,
    ) -> None:
        self.limits: Limits | None = None
        self._account = account
        self._surroundings = surroundings
        self._clock = surroundings.clock
        self._guards = guards
        self._pacer = Pacer(_UNPACED, self._clock, burst=_UNPACED)
        self._http = Http(self._clock, self._judge, pacer=self._pacer, headers=_HEADERS, session=session)
        self._document: Any = None  # of the answer that was judged last
        self._numbers = count(1)

    @property
    def address(self) -> str:
        """The base address, without a slash at its end."""
        url = self._account.url or PUBLIC
        url = self._surroundings.resolve(url) if is_reference(url) else url
        return url.rstrip("/").removesuffix(VERSION)

    @property
    def host(self) -> str:
        """The host that is asked."""
        return urlsplit(self.address).hostname or self.address

    @property
    def media(self) -> str:
        """Where recordings are, without a slash at its end."""
        if self._account.recordings:
            return self._account.recordings.rstrip("/")
        parts = urlsplit(self.address)
        first, _, domain = (parts.hostname or "").partition(".")
        public = first.startswith("dataapi") and domain
        return f"https://app.{domain}" if public else f"{parts.scheme}://{parts.netloc}"

    def ask(self, method: str, deadline: Deadline, **params: object) -> Answer:
        """Return what a `get` method answers.

        Raises:
            ServiceError: what failed; `points-kept` before the share of others is touched.
        """
        for left in reversed(range(_WAITS + 1)):
            self._keep(method)
            try:
                return self._ask(method, deadline, params)
            except ServiceError as error:
                if not (left and self._may_wait(error, deadline)):
                    raise
        raise AssertionError("the last try returns or raises")

    def _ask(self, method: str, deadline: Deadline, params: dict[str, object]) -> Answer:
        token = self._surroundings.resolve(self._account.token)
        body = {
            "jsonrpc": "2.0",
            "id": f"{self._surroundings.name}-{next(self._numbers)}",
            "method": method,
            "params": {"access_token": token, **params},
        }
        data = json.dumps(body, ensure_ascii=False).encode()
        self._http.send(Request("POST", self.address + VERSION, method, reads=True, body=data), deadline)
        answered, self._document = self._document, None
        return _rows(answered)

    def _judge(self, request: Request, reply: Reply) -> ServiceError | None:
        try:
            document = json.loads(reply.body)
        except (ValueError, RecursionError):
            return by_status(request, reply) or _not_json(reply)
        self._document = document
        if not isinstance(document, dict):
            return by_status(request, reply) or _not_json(reply)
        error = document.get("error")
        self._notice(document)
        if error is not None:
            return self._failure(error, reply.status)
        return by_status(request, reply)

    def _failure(self, error: object, status: int) -> ServiceError:
        if not isinstance(error, dict):
            return ServiceError(Failure.DATA, "error", str(error), status=status)
        details = _object(error.get("data"))
        number, mnemonic = str(error.get("code")), str(details.get("mnemonic") or "")
        known = _failures()
        failure = known["mnemonics"].get(mnemonic) or known["codes"].get(number) or Failure.DATA
        params = _object(details.get("params"))
        retry_at = None
        if failure == Failure.WAIT:
            retry_at = self._clock.now() + timedelta(seconds=self._reset_s(params.get("limit_type")))
        text = str(error.get("message") or "")
        return ServiceError(Failure(failure), mnemonic or number, text, status=status, retry_at=retry_at)

    def _reset_s(self, limit_type: object) -> float:
        """Return the seconds until a limit ends, by what the error's own meta parameters say."""
        if self.limits is None:
            return _MINUTE_S
        day = limit_type == "day" or self.limits.day_remaining <= 0
        seconds = self.limits.day_reset_s if day else self.limits.minute_reset_s
        return max(seconds, 0) + _RESET_SLACK_S

    def _notice(self, document: dict[str, Any]) -> None:
        """Remember the points that an answer tells, and pause when those of the minute are used up."""
        self.limits = _limits(document) or self.limits
        if self._guards and self.limits is not None and self.limits.minute_remaining <= 0:
            self._pacer.pause(self.limits.minute_reset_s + _RESET_SLACK_S)

    def _keep(self, method: str) -> None:
        known = self.limits
        if not self._guards or known is None or known.day_limit <= 0:
            return
        if known.day_remaining - 1 < self._account.keep_points * known.day_limit:
            text = f"{known.day_remaining} of {known.day_limit} points of the day are left"
            at = self._clock.now() + timedelta(seconds=known.day_reset_s)
            raise ServiceError(Failure.WAIT, KEPT, text, retry_at=at, method=method, sent=False)

    def _may_wait(self, error: ServiceError, deadline: Deadline) -> bool:
        """Wait for a minute that other programs have used up; False if there is no sense in it."""
        if not self._guards or error.failure is not Failure.WAIT or error.retry_at is None or not error.sent:
            return False
        pause = (error.retry_at - self._clock.now()).total_seconds()
        if pause > min(_MINUTE_S + 2 * _RESET_SLACK_S, deadline.remaining()):
            return False
        self._clock.sleep(max(pause, 0.0))
        return True


@cache
def _failures() -> dict[str, dict[str, str]]:
    text = (files(__package__) / "failures.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


def _not_json(reply: Reply) -> ServiceError:
    text = reply.body[:200].decode("utf-8", "replace")
    return ServiceError(Failure.RETRY, "not-json", text, status=reply.status)


def _rows(document: object) -> Answer:
    result = document.get("result") if isinstance(document, dict) else None
    rows = result.get("data") if isinstance(result, dict) else None
    if not isinstance(result, dict) or not isinstance(rows, list):
        raise ServiceError(Failure.DATA, "no-result", str(document)[:200])
    total = _meta(result).get("total_items")
    return Answer(rows, total if isinstance(total, int) and not isinstance(total, bool) else None)


def _object(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _meta(holder: dict[str, Any]) -> dict[str, Any]:
    """Return the meta parameters, in either spelling of the documentation."""
    return _object(holder.get("metadata") or holder.get("meta_data"))


def _limits(document: dict[str, Any]) -> Limits | None:
    """Return the points that an answer or an error tells; None if it tells none."""
    holder = document.get("result") or document.get("error")
    if isinstance(holder, dict) and isinstance(holder.get("data"), dict):  # an error's
        holder = holder["data"]
    told = _meta(holder).get("limits") if isinstance(holder, dict) else None
    if not isinstance(told, dict):
        return None
    names = ("day_limit", "day_remaining", "day_reset", "minute_limit", "minute_remaining", "minute_reset")
    values = [told.get(name) for name in names]
    if not all(isinstance(value, int | float) and abs(value) < 10**9 for value in values):
        return None
    return Limits(*(int(value) for value in values if value is not None))
