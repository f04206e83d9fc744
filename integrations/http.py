"""One way out: every request to a service of others goes through here.

A request that only reads may be repeated within itself; one that writes never is: what became of it is for
the caller to find out. Both end by the deadline, whatever the other side does, with a bounded body.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple, Self
from urllib.parse import urlsplit

import requests
import tenacity

from supportctl.core import log
from supportctl.core.failure import Failure, ServiceError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from integrations.pace import Pacer
    from supportctl.core.clock import Clock
    from supportctl.core.deadline import Deadline

CONNECT_S = 5.0
READ_S = 30.0
MAX_BODY = 64 * 1024 * 1024
USER_AGENT = "supportctl"
_ATTEMPTS = 3
_FIRST_PAUSE_S = 0.5
_LONGEST_PAUSE_S = 10.0  # a limit that ends later is for the caller to wait for
_CHUNK = 64 * 1024
_BY_STATUS = {
    401: Failure.SIGN_IN,
    402: Failure.CONFIGURATION,
    403: Failure.CONFIGURATION,
    429: Failure.WAIT,
    503: Failure.RETRY,
}


class Request(NamedTuple):
    """One request. `operation` names it in logs and in limits of one method.

    `reads`: it changes nothing there, so that it may be repeated, whatever its HTTP method.
    `weight` is what it costs of the rate limit.
    """

    method: str
    url: str
    operation: str
    reads: bool
    headers: Mapping[str, str] = {}
    params: Mapping[str, Any] | tuple[tuple[str, Any], ...] = ()
    body: bytes | None = None
    weight: float = 1.0
    max_body: int = MAX_BODY


class Reply(NamedTuple):
    """One answer, whole. Header names are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        """Return the body as JSON.

        Raises:
            ValueError: it is none.
        """
        return json.loads(self.body)


class Http:
    """A session with one system.

    `judge` looks at each answer and returns what failed, or None: each system decides by its own error code
    first, by the status second, by the text last (see `by_status`). `pacer` keeps below its limit.
    """

    def __init__(
        self,
        clock: Clock,
        judge: Callable[[Request, Reply], ServiceError | None],
        *,
        pacer: Pacer | None = None,
        headers: Mapping[str, str] | None = None,
        session: requests.Session | None = None,
    ) -> None:
        self.clock = clock
        self.pacer = pacer
        self._judge = judge
        self._session = session or requests.Session()
        self._session.headers.update({"User-Agent": USER_AGENT, **(headers or {})})

    def close(self) -> None:
        """Close the connections."""
        self._session.close()

    def __enter__(self) -> Self:
        """Return the session."""
        return self

    def __exit__(self, *exc: object) -> None:
        """Close the connections."""
        self.close()

    def send(self, request: Request, deadline: Deadline) -> Reply:
        """Return the answer to a request.

        Raises:
            ServiceError: what failed, and what may be done now.
        """
        if not request.reads:
            return self._once(request, deadline)
        retrying = tenacity.Retrying(
            retry=tenacity.retry_if_exception(lambda error: self._may_repeat(error, deadline)),
            stop=tenacity.stop_after_attempt(_ATTEMPTS),
            wait=self._pause,
            sleep=self.clock.sleep,
            reraise=True,
        )
        return retrying(self._once, request, deadline)

    def _may_repeat(self, error: BaseException, deadline: Deadline) -> bool:
        if not isinstance(error, ServiceError) or error.failure not in {Failure.RETRY, Failure.WAIT}:
            return False
        return self._pause_for(error, 1) < min(_LONGEST_PAUSE_S, deadline.remaining())

    def _pause(self, state: tenacity.RetryCallState) -> float:
        error = state.outcome.exception() if state.outcome else None
        return self._pause_for(error, state.attempt_number)

    def _pause_for(self, error: BaseException | None, attempt: int) -> float:
        pause: float = _FIRST_PAUSE_S * 2 ** (attempt - 1)
        if isinstance(error, ServiceError) and error.retry_at is not None:
            return max((error.retry_at - self.clock.now()).total_seconds(), 0.0)
        return pause

    def _once(self, request: Request, deadline: Deadline) -> Reply:
        if self.pacer is not None and not self.pacer.wait(deadline, request.weight):
            raise ServiceError(Failure.WAIT, "own-limit", method=request.operation, sent=False)
        started = self.clock.monotonic()
        try:
            reply = self._exchange(request, deadline)
            error = self._judge(request, reply)
        except ServiceError as failed:
            self._tell(request, None, started, failed)
            raise
        self._tell(request, reply, started, error)
        if error is not None:
            raise error
        return reply

    def _exchange(self, request: Request, deadline: Deadline) -> Reply:
        left = deadline.remaining()
        if left <= 0:
            raise ServiceError(Failure.RETRY, "deadline", sent=False)
        lost = Failure.RETRY if request.reads else Failure.AMBIGUOUS
        try:
            with self._session.request(
                request.method,
                request.url,
                params=request.params or None,
                data=request.body,
                headers=dict(request.headers),
                timeout=(min(CONNECT_S, left), min(READ_S, left)),
                allow_redirects=False,  # a redirect turns a POST into a GET, and may lead anywhere
                stream=True,
            ) as answer:
                body = self._body(answer, request, deadline)
                return Reply(answer.status_code, {k.lower(): v for k, v in answer.headers.items()}, body)
        except requests.exceptions.SSLError as error:
            raise ServiceError(Failure.CONFIGURATION, "tls", str(error), sent=False) from None
        except requests.exceptions.ConnectTimeout as error:
            raise ServiceError(Failure.RETRY, "connect-timeout", str(error), sent=False) from None
        except requests.exceptions.ConnectionError as error:
            sent = not _never_connected(error)
            failure = lost if sent else Failure.RETRY
            raise ServiceError(failure, "connection", str(error), sent=sent) from None
        except requests.exceptions.Timeout as error:
            raise ServiceError(lost, "timeout", str(error)) from None
        except requests.exceptions.RequestException as error:
            raise ServiceError(lost, "broken-answer", str(error)) from None

    def _body(self, answer: requests.Response, request: Request, deadline: Deadline) -> bytes:
        lost = Failure.RETRY if request.reads else Failure.AMBIGUOUS
        body = bytearray()
        for piece in answer.iter_content(_CHUNK):
            body += piece
            if len(body) > request.max_body:
                raise ServiceError(lost, "too-big", str(request.max_body))
            if deadline.expired:
                raise ServiceError(lost, "timeout", "the body did not end in time")
        return bytes(body)

    def _tell(
        self, request: Request, reply: Reply | None, started: float, error: ServiceError | None
    ) -> None:
        log.event(
            "warning" if error else "debug",
            "http.request",
            host=urlsplit(request.url).hostname,
            operation=request.operation,
            status=reply.status if reply else None,
            bytes=len(reply.body) if reply else 0,
            ms=round((self.clock.monotonic() - started) * 1000),
            failure=error.failure if error else None,
            code=error.code if error else None,
        )


def by_status(request: Request, reply: Reply) -> ServiceError | None:
    """Return what an HTTP status alone says: the last resort of every `judge`."""
    status = reply.status
    if 200 <= status < 300:
        return None
    if 300 <= status < 400:
        where = reply.headers.get("location", "")
        return ServiceError(Failure.CONFIGURATION, "redirect", where, status=status)
    failure = _BY_STATUS.get(status, Failure.DATA if status < 500 else None)
    if failure is None:  # the server broke while it worked on it
        failure = Failure.RETRY if request.reads else Failure.AMBIGUOUS
    return ServiceError(failure, f"http-{status}", status=status)


def _never_connected(error: requests.exceptions.ConnectionError) -> bool:
    """Return whether it is certain that no byte of the request has left."""
    reason = getattr(error.args[0], "reason", error.args[0]) if error.args else None
    return type(reason).__name__ in {"NewConnectionError", "NameResolutionError", "ConnectTimeoutError"}
