"""Requests and answers as values, and what every system's answers have in common."""

from __future__ import annotations

import json
import re
from datetime import UTC, timedelta
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn
from urllib.parse import urlsplit

from supportctl.core.failure import Failure, ServiceError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from supportctl.core.clock import Clock

MAX_BODY = 64 * 1024 * 1024
LONGEST_RETRY_AFTER_S = 3600.0  # a limit that lasts longer is simply met again
_BY_STATUS = {
    401: Failure.SIGN_IN,
    402: Failure.CONFIGURATION,
    403: Failure.CONFIGURATION,
    407: Failure.CONFIGURATION,
    408: Failure.RETRY,  # it waited for the request, and did not get all of it
    425: Failure.RETRY,
    429: Failure.WAIT,
}
_SECONDS = re.compile(r"\s*(-?\d{1,12})(?:\.\d*)?\s*", re.ASCII)
_TAGS = re.compile(r"(?is)<(script|style)\b.{0,20000}?</\1>|<[^<>]{0,2000}>")
_WORDS = 1000  # characters of a body that are looked at for what it says


class Request(NamedTuple):
    """One request. `operation` names it in logs and in limits of one method.

    `reads`: it changes nothing there, so that it may be repeated, whatever its HTTP method.
    `weight` is what it costs of the rate limit. `max_body` bounds the answer, unpacked; with `beginning` what
    is longer is cut there, else it is an error.
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
    beginning: bool = False

    @property
    def lost(self) -> Failure:
        """What it means if no sound answer came back."""
        return Failure.RETRY if self.reads else Failure.AMBIGUOUS


class Reply(NamedTuple):
    """One answer, whole. Header names are in lower case; `at` is when it came, by our clock."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    at: datetime | None = None

    def json(self) -> Any:
        """Return the body as JSON; `json_of` says what follows if it is none.

        Raises:
            ValueError: it is none.
        """
        try:
            return json.loads(self.body, parse_constant=_no_constant)
        except RecursionError:
            raise ValueError("nested too deeply") from None


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")


def json_of(request: Request, reply: Reply) -> Any:
    """Return the body as JSON. `Any`: JSON.

    Raises:
        ServiceError: `not-json`, to be repeated for a read; a write may have been done.
    """
    try:
        return reply.json()
    except ValueError:
        raise ServiceError(request.lost, "not-json", words(reply), status=reply.status) from None


def by_status(request: Request, reply: Reply) -> ServiceError | None:
    """Return what an HTTP status alone says: the last resort of every `judge`.

    503 leaves a write in doubt, unless it says when to come back: a gateway that loses patience with the
    system behind it gives it after the work was done.
    """
    status = reply.status
    if 200 <= status < 300:
        return None
    if 300 <= status < 400:
        text = f"to {origin(reply.headers.get('location', ''))}"
        return ServiceError(Failure.CONFIGURATION, "redirect", text, status=status)
    failure = _BY_STATUS.get(status, Failure.DATA if 400 <= status < 500 else request.lost)
    until = _until(reply, reply.at) if status in {429, 503} and reply.at else None
    if until is not None:
        failure = Failure.WAIT
    return ServiceError(failure, f"http-{status}", words(reply), status=status, retry_at=until)


def retry_after(reply: Reply, clock: Clock) -> datetime | None:
    """Return when the answer's `Retry-After` ends, None if it says nothing that can be understood.

    Seconds or a date, which is meant by the server's own clock (`Date`). What has passed is now; what is
    further than `LONGEST_RETRY_AFTER_S` is cut to that.
    """
    return _until(reply, reply.at or clock.now())


def _until(reply: Reply, now: datetime) -> datetime | None:
    written = reply.headers.get("retry-after", "")
    if match := _SECONDS.fullmatch(written):
        seconds = float(match[1])
    else:
        until = _date(written)
        if until is None:
            return None
        seconds = (until - (_date(reply.headers.get("date", "")) or now)).total_seconds()
    return now + timedelta(seconds=min(max(seconds, 0.0), LONGEST_RETRY_AFTER_S))


def _date(text: str) -> datetime | None:
    try:
        parsed = parsedate_to_datetime(text[:64])
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)


def words(reply: Reply) -> str:
    """Return the beginning of what a body says to people, without markup."""
    text = reply.body[: 4 * _WORDS].decode("utf-8", "replace")
    return " ".join(_TAGS.sub(" ", text).split())[:_WORDS]


def origin(url: str) -> str:
    """Return scheme, host and port of an address: path and query may hold a secret."""
    try:
        parts = urlsplit(url)
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        return "an address that cannot be read"
    if not parts.hostname:
        return "another page of the same host" if url else "nowhere"
    return f"{parts.scheme or 'https'}://{parts.hostname}{port}"
