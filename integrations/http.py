"""One way out: every request to a service of others goes through here.

A request that only reads may be repeated within itself; one that writes never is: what became of it is for
the caller to find out. Both end by the deadline, whatever the other side does, with a bounded body. Nothing
that is told of a failure holds more of an address than its host: paths and queries carry tokens.
"""

from __future__ import annotations

import logging
from datetime import timedelta
from http.cookiejar import DefaultCookiePolicy
from typing import TYPE_CHECKING, Self
from urllib.parse import urlsplit

import requests
import tenacity
import urllib3.exceptions
from requests.adapters import HTTPAdapter
from requests.utils import get_environ_proxies

from integrations.answers import (
    LONGEST_RETRY_AFTER_S,
    MAX_BODY,
    Reply,
    Request,
    by_status,
    json_of,
    retry_after,
)
from integrations.bodies import BrokenBodyError, TooBigError, read_beginning, read_body
from integrations.breakage import meaning_of
from integrations.wire import CONNECT_S, READ_S, Adapter, Exchange, exchanging, trusted_by_environment
from supportctl.core import log
from supportctl.core.failure import Failure, ServiceError
from supportctl.core.target import is_loopback
from supportctl.core.text import clean

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from integrations.pace import Pacer
    from supportctl.core.clock import Clock
    from supportctl.core.deadline import Deadline

__all__ = [
    "CONNECT_S", "LONGEST_RETRY_AFTER_S", "MAX_BODY", "READ_S", "Http", "Reply", "Request", "by_status",
    "json_of", "retry_after",
]  # fmt: skip
USER_AGENT = "supportctl"
ATTEMPTS = 3  # of a request that only reads
_FIRST_PAUSE_S = 0.5
_LONGEST_PAUSE_S = 10.0  # a limit that ends later is for the caller to wait for
# the library's own words hold whole addresses, tokens and all
logging.getLogger("urllib3").setLevel(logging.CRITICAL)


class Http:
    """A session with one system; safe for several threads.

    `judge` looks at each answer and returns what failed, or None: each system decides by its own error code
    first, by the status second, by the text last (see `by_status`). `pacer` keeps below its limit. `attempts`
    is how often a read is tried: once where the caller has a schedule of its own. A proxy
    is taken from the environment, a password from `.netrc` never is; cookies are not kept.
    """

    def __init__(
        self,
        clock: Clock,
        judge: Callable[[Request, Reply], ServiceError | None],
        *,
        pacer: Pacer | None = None,
        headers: Mapping[str, str] | None = None,
        session: requests.Session | None = None,
        attempts: int = ATTEMPTS,
    ) -> None:
        self.clock = clock
        self.pacer = pacer
        self._attempts = attempts
        self._judge = judge
        self._proxies: dict[tuple[str, str], Mapping[str, str]] = {}
        self._session = session or requests.Session()
        self._session.trust_env = False  # it would read .netrc
        self._session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        self._session.headers.update({"User-Agent": USER_AGENT, "Accept-Encoding": "gzip", **(headers or {})})
        if self._session.verify is True:
            self._session.verify = trusted_by_environment()
        for scheme in ("https://", "http://"):
            if type(self._session.adapters.get(scheme)) is HTTPAdapter:
                self._session.mount(scheme, Adapter())

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
            stop=tenacity.stop_after_attempt(self._attempts),
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
            until = self.clock.now() + timedelta(seconds=self.pacer.pause_for(request.weight))
            raise ServiceError(Failure.WAIT, "own-limit", retry_at=until, sent=False)
        started = self.clock.monotonic()
        try:
            reply = self._exchange(request, deadline)
            error = self._judge(request, reply)
        except ServiceError as failed:
            self._tell(request, None, started, failed)
            raise
        self._tell(request, reply, started, error)
        if error is None:
            return reply
        if self.pacer is not None and error.retry_at is not None and error.method is None:
            self.pacer.pause((error.retry_at - self.clock.now()).total_seconds())
        raise error

    def _exchange(self, request: Request, deadline: Deadline) -> Reply:
        exchange = Exchange(deadline, reads=request.reads)
        try:
            return self._converse(request, exchange)
        except ServiceError as failed:
            if not (request.reads and exchange.reused and failed.code == "connection"):
                raise
        # The connection had been kept alive and was dead: nothing is wrong with the other side.
        return self._converse(request, Exchange(deadline, reads=True))

    def _converse(self, request: Request, exchange: Exchange) -> Reply:
        left = exchange.deadline.remaining()
        if left <= 0:
            raise ServiceError(Failure.RETRY, "deadline", sent=False)
        self._sendable(request)
        try:
            with (
                exchanging(exchange),
                self._session.request(
                    request.method,
                    request.url,
                    params=request.params or None,
                    data=request.body,
                    headers=dict(request.headers),
                    timeout=(min(CONNECT_S, left), min(READ_S, left)),
                    allow_redirects=False,  # a redirect turns a POST into a GET, and may lead anywhere
                    proxies=dict(self._proxies_for(request.url)),
                    stream=True,
                ) as answer,
            ):
                read = read_beginning if request.beginning else read_body
                body = read(answer.raw, answer.headers.get("Content-Encoding", ""), request.max_body)
                headers = {name.lower(): value for name, value in answer.headers.items()}
                return Reply(answer.status_code, headers, body, self.clock.now())
        except TooBigError:
            raise ServiceError(request.lost, "too-big", f"more than {request.max_body} bytes") from None
        except BrokenBodyError as error:
            raise ServiceError(request.lost, "broken-answer", str(error)) from None
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError, UnicodeError) as error:
            raise meaning_of(error, request, exchange) from None

    def _sendable(self, request: Request) -> None:
        """Refuse what HTTP cannot carry: a token that was copied with a letter of another alphabet."""
        if not _host(request.url):
            raise ServiceError(Failure.CONFIGURATION, "bad-request", "no address", sent=False)
        for name, value in (*self._session.headers.items(), *request.headers.items()):
            text = value if isinstance(value, str) else value.decode("latin-1")
            if not text.isascii() or not text.isprintable():
                raise ServiceError(
                    Failure.CONFIGURATION,
                    "bad-request",
                    f"a character in {name} that cannot be sent",
                    sent=False,
                )

    def _proxies_for(self, url: str) -> Mapping[str, str]:
        """Return the proxies that the environment names; none for this computer."""
        where = (url.partition("://")[0], _host(url))
        if where not in self._proxies:
            self._proxies[where] = {} if is_loopback(where[1]) else get_environ_proxies("://".join(where))
        return self._proxies[where]

    def _tell(
        self, request: Request, reply: Reply | None, started: float, error: ServiceError | None
    ) -> None:
        log.event(
            "info" if error else "debug",
            "http.request",
            host=_host(request.url),
            operation=clean(request.operation, 120),
            status=reply.status if reply else None,
            bytes=len(reply.body) if reply else 0,
            ms=round((self.clock.monotonic() - started) * 1000),
            failure=error.failure if error else None,
            code=error.code if error else None,
        )


def _host(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""
