"""Asks a Bitrix24 portal: one method, or up to 50 in a batch, within its limits.

The portal counts requests in a leaky bucket (2 a second, 50 at once, of all programs on this address
together), and the time that each method works for one key. Both are kept; a batch is one request.
"""

from __future__ import annotations

import json
import re
from datetime import timedelta
from typing import TYPE_CHECKING, Any, NamedTuple, Self
from urllib.parse import quote_plus, urlsplit

from integrations.crm.bitrix24.judge import OPERATION_LIMIT, QUERY_LIMIT, error_of, judge, reset_time
from integrations.crm.bitrix24.php import encoded
from integrations.http import ATTEMPTS, Http, Reply, Request
from integrations.pace import Pacer
from supportctl.core.failure import Failure, ServiceError
from supportctl.core.redaction import remember
from supportctl.core.secrets import is_reference

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    import requests

    from integrations.checking import Surroundings
    from supportctl.core.accounts import Bitrix24
    from supportctl.core.deadline import Deadline

SYSTEM = "Bitrix24"
BATCH_MAX = 50
PER_SECOND, BURST = 2.0, 50.0
# A request is counted when it arrives: what is on its way and clocks that differ a little need some room.
_ROOM = 2.0
OPERATING_LIMIT_S = 480.0  # the documentation's example; the cloud's own number is not published: UNVERIFIED
_OPERATING_STOP_S = 360.0  # below the 420 s of an own installation, too
_UNKNOWN_RESET = timedelta(seconds=60)
_AFTER_LIMIT_S = 2.0
_MOST_SECONDS = 10**9
_LIMITS_MET = 2  # then it is told
_WEBHOOK = re.compile(
    r"(?P<portal>https?://[^/]+(?:/[^/]+)*?)/rest/(?P<user>\d+)/(?P<code>[^/]+)(?:/[\w.]*)?"
)


class Answer(NamedTuple):
    """One method's answer. `total` and `next` are None where it gives none; `seconds` is what it took there.

    `portal_time` is the portal's own clock with its zone, None if it does not tell. `Any`: JSON.
    """

    result: Any
    total: int | None = None
    next: int | None = None
    seconds: float = 0.0
    portal_time: datetime | None = None


class Command(NamedTuple):
    """One method of a batch, with parameters in which `$result[name][FIELD]` may stand."""

    method: str
    params: Mapping[str, Any] = {}


class Batch(NamedTuple):
    """The answers of a batch: each command is in one of both, or in none if `halt` stopped before it."""

    answers: Mapping[str, Answer]
    errors: Mapping[str, ServiceError]
    seconds: float


class Client:
    """A session with one portal. The secrets are looked up here, and again when a token has expired."""

    def __init__(
        self,
        account: Bitrix24,
        surroundings: Surroundings,
        session: requests.Session | None = None,
        *,
        attempts: int = ATTEMPTS,
    ) -> None:
        self.clock = surroundings.clock
        self.operating: dict[str, float] = {}  # method -> seconds used in the last ten minutes
        self.portal_time: datetime | None = None
        self._account = account
        self._resolve = surroundings.resolve
        self._not_before: dict[str, datetime] = {}
        self._resets: dict[str, datetime] = {}  # when the oldest minute of a method drops out
        self._token = ""
        self._sign_in()
        rate = account.rate or PER_SECOND
        self.pacer = Pacer(rate, self.clock, (BURST - _ROOM) * min(1.0, rate / PER_SECOND))
        self._http = Http(self.clock, self._judge, pacer=self.pacer, session=session, attempts=attempts)

    def _sign_in(self) -> None:
        url = self._account.url
        address = self._resolve(url) if is_reference(url) else url
        match = _WEBHOOK.fullmatch(address)
        if match is not None and self._account.token is None:
            remember(match["code"])
            self.portal, self.webhook_user = match["portal"], match["user"]
            self._base = f"{self.portal}/rest/{match['user']}/{match['code']}"
            return
        self.portal, self.webhook_user = address.split("/rest/")[0].rstrip("/"), ""
        self._base = f"{self.portal}/rest"
        self._token = self._resolve(self._account.token) if self._account.token else ""
        if self._token:
            remember(self._token)

    @property
    def host(self) -> str:
        """The portal's name."""
        return urlsplit(self.portal).netloc

    @property
    def is_webhook(self) -> bool:
        """Whether the key is an incoming webhook."""
        return bool(self.webhook_user)

    @property
    def has_key(self) -> bool:
        """Whether there is anything to sign in with: an address that is no webhook needs a token."""
        return self.is_webhook or bool(self._token)

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def __enter__(self) -> Self:
        """Return the client."""
        return self

    def __exit__(self, *exc: object) -> None:
        """Close the connections."""
        self.close()

    def call(
        self, method: str, params: Mapping[str, Any], deadline: Deadline, *, reads: bool = True
    ) -> Answer:
        """Return the answer of one method.

        Raises:
            ServiceError: what failed; a method's own limit carries its name and when it ends.
        """
        body = self._patiently(method, params, deadline, reads=reads)
        answer = self._answer(method, body)
        self.portal_time = answer.portal_time or self.portal_time
        return answer

    def _patiently(
        self, method: str, params: Mapping[str, Any], deadline: Deadline, *, reads: bool
    ) -> dict[str, Any]:
        """Send a request; a read that meets the limit of its method is sent again when that ends."""
        for _ in range(_LIMITS_MET):
            self._wait_for((method,), deadline)
            try:
                return self._post(method, params, deadline, reads=reads)
            except ServiceError as error:
                if not reads or error.code.upper() != OPERATION_LIMIT:
                    raise
        self._wait_for((method,), deadline)
        return self._post(method, params, deadline, reads=reads)

    def batch(
        self, commands: Mapping[str, Command], deadline: Deadline, *, reads: bool = True, halt: bool = False
    ) -> Batch:
        """Return what up to 50 commands answer: they run in their order, in one request.

        Raises:
            ServiceError: the batch as a whole failed; one that writes may have been done in part.
        """
        assert 0 < len(commands) <= BATCH_MAX
        self._wait_for({command.method for command in commands.values()}, deadline)
        # names that are no numbers: PHP writes an array 0, 1, 2 as a list
        written = {f"c{number}": command for number, command in enumerate(commands.values())}
        names = dict(zip(commands, written, strict=True))
        cmd = {key: _written(command, names) for key, command in written.items()}
        body = self._post("batch", {"halt": int(halt), "cmd": cmd}, deadline, reads=reads)
        return self._answers(commands, names, body, reads=reads)

    def _answers(
        self,
        commands: Mapping[str, Command],
        names: Mapping[str, str],
        body: Mapping[str, Any],
        *,
        reads: bool,
    ) -> Batch:
        whole = _table(body.get("result"))
        results, failed, totals, following, times = (
            _table(whole.get(part))
            for part in ("result", "result_error", "result_total", "result_next", "result_time")
        )
        answers: dict[str, Answer] = {}
        errors: dict[str, ServiceError] = {}
        for name, command in commands.items():
            key = names[name]
            if key in failed:
                request = Request("POST", "", command.method, reads)
                told = failed[key] if isinstance(failed[key], dict) else {"error": str(failed[key])}
                errors[name] = self._noticed(error_of(request, told))
            elif key in results:
                one = {"result": results[key], "total": totals.get(key), "next": following.get(key)}
                answers[name] = self._answer(command.method, {**one, "time": times.get(key)})
        return Batch(answers, errors, self._answer("batch", body).seconds)

    def _post(
        self, method: str, params: Mapping[str, Any], deadline: Deadline, *, reads: bool
    ) -> dict[str, Any]:
        try:
            reply = self._http.send(self._request(method, params, reads=reads), deadline)
        except ServiceError as error:
            if error.failure is not Failure.SIGN_IN or not self._token or not self._renewed():
                raise
            # An expired token did nothing: with a new one even a write may be sent again.
            reply = self._http.send(self._request(method, params, reads=reads), deadline)
        return dict(reply.json())

    def _renewed(self) -> bool:
        """Look the token up again; return whether something has replaced it meanwhile."""
        old = self._token
        self._sign_in()
        return self._token != old

    def _request(self, method: str, params: Mapping[str, Any], *, reads: bool) -> Request:
        body = {**params, "auth": self._token} if self._token else dict(params)
        return Request(
            "POST",
            f"{self._base}/{method}.json",
            method,
            reads,
            {"Content-Type": "application/json", "Accept": "application/json"},
            body=json.dumps(body, ensure_ascii=False).encode(),
        )

    def _judge(self, request: Request, reply: Reply) -> ServiceError | None:
        error = judge(request, reply)
        return self._noticed(error) if error else None

    def _noticed(self, error: ServiceError) -> ServiceError:
        """Keep what an error says of limits."""
        code = error.code.upper()
        if code == QUERY_LIMIT:  # others on this address have filled the bucket
            error.retry_at = self.clock.now() + timedelta(seconds=_AFTER_LIMIT_S)
            self.pacer.pause(_AFTER_LIMIT_S)
        elif code == OPERATION_LIMIT and error.method:
            known = self._resets.get(error.method.lower())
            after = self.clock.now() + _UNKNOWN_RESET
            error.retry_at = error.retry_at or (max(known, after) if known else after)
            self._not_before[error.method.lower()] = error.retry_at
        return error

    def _answer(self, method: str, body: Mapping[str, Any]) -> Answer:
        time = _table(body.get("time"))
        operating = _number(time.get("operating"))
        if operating is not None and method != "batch":
            self.operating[method] = operating
            until = reset_time(time.get("operating_reset_at")) or self.clock.now() + _UNKNOWN_RESET
            self._resets[method.lower()] = until
            if operating >= _OPERATING_STOP_S:
                self._not_before[method.lower()] = until
        return Answer(
            body.get("result"),
            _whole(body.get("total")),
            _whole(body.get("next")),
            _number(time.get("duration")) or 0.0,
            reset_time(time.get("date_start")),
        )

    def _wait_for(self, methods: Iterable[str], deadline: Deadline) -> None:
        """Wait until the methods may work again.

        Raises:
            ServiceError: that is after the deadline.
        """
        for method in methods:
            until = self._not_before.get(method.lower())
            if until is None:
                continue
            pause = (until - self.clock.now()).total_seconds()
            if pause >= deadline.remaining():
                raise ServiceError(
                    Failure.WAIT, OPERATION_LIMIT, "own count", retry_at=until, method=method, sent=False
                )
            if pause > 0:
                self.clock.sleep(pause)
            del self._not_before[method.lower()]


def _written(command: Command, names: Mapping[str, str]) -> str:
    """Return a command as a batch wants it, its references in the names that are sent."""
    text = f"{command.method}?{encoded(command.params)}"
    for name, key in names.items():
        text = text.replace(quote_plus(f"$result[{name}]"), quote_plus(f"$result[{key}]"))
    return text


def _table(value: Any) -> dict[str, Any]:
    """Return an object of JSON; PHP writes one that is empty as a list."""
    return value if isinstance(value, dict) else {}


def _number(value: Any) -> float | None:
    """Return seconds; None for what cannot be any."""
    sound = isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < _MOST_SECONDS
    return float(value) if sound else None


def _whole(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None
