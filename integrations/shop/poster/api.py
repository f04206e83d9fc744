"""The web API of Poster: every method is a GET; what failed stands in the body, whatever the status."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from integrations.http import Http, Request, by_status
from integrations.pace import Pacer
from integrations.shop.fields import json_of, mapping, not_understood
from supportctl.core.failure import Failure, ServiceError

if TYPE_CHECKING:
    import requests

    from integrations.http import Reply
    from supportctl.core.clock import Clock
    from supportctl.core.deadline import Deadline

PUBLIC = "https://joinposter.com"
RATE = 5.0  # a second; the system's own number is not published (UNVERIFIED)
_FAILURES = {
    10: Failure.SIGN_IN,
    11: Failure.SIGN_IN,
    12: Failure.SIGN_IN,
    20: Failure.CONFIGURATION,
    54: Failure.CONFIGURATION,
    700: Failure.WAIT,
}
_SUCCESS = 0


class PosterApi:
    """A session with one account. It only reads."""

    def __init__(
        self, clock: Clock, token: str, *, url: str | None = None, session: requests.Session | None = None
    ) -> None:
        self.base = (url or PUBLIC).rstrip("/")
        self._token = token
        pacer = Pacer(RATE, clock, burst=RATE)
        self.http = Http(clock, judge, pacer=pacer, session=session)

    def get(self, method: str, deadline: Deadline, **params: str) -> Any:
        """Return what is in the envelope.

        Raises:
            ServiceError: the system refuses, cannot be reached, or is not understood.
        """
        query = {"token": self._token, **params}
        request = Request("GET", f"{self.base}/api/{method}", method, reads=True, params=query)
        try:
            document = mapping(json_of(self.http.send(request, deadline), method), method)
        except ServiceError as error:
            raise self._without_token(error) from None
        if "response" not in document:
            raise not_understood(method, sorted(document))
        return document["response"]

    def _without_token(self, error: ServiceError) -> ServiceError:
        """The token is a part of the address, and errors of the wire tell the address."""
        error.text = error.text.replace(self._token, "***").replace(self._token.replace(":", "%3A"), "***")
        return error


def judge(request: Request, reply: Reply) -> ServiceError | None:
    """Return what failed: by the code in the body, then by the status."""
    code, message = error_of(reply)
    if code is not None:
        failure = _FAILURES.get(code, Failure.DATA)
        return ServiceError(failure, str(code), message, status=reply.status)
    return by_status(request, reply)


def error_of(reply: Reply) -> tuple[int | None, str]:
    """Return code and message of the error in an answer; None where it has none.

    Documented is {"error": {"code", "message"}}; {"error": CODE, "message"} is read, too (UNVERIFIED).
    """
    try:
        found = reply.json()
    except (ValueError, RecursionError):
        return None, ""
    if not isinstance(found, dict) or found.get("error") is None:
        return None, ""
    error = found["error"]
    source = error if isinstance(error, dict) else {"code": error, "message": found.get("message")}
    code, message = source.get("code"), source.get("message")
    try:
        number = int(code) if isinstance(code, int | str) else -1
    except ValueError:
        number = -1
    if number == _SUCCESS:
        return None, ""
    return number, message if isinstance(message, str) else ""
