"""What an exception of the libraries under `Http` means.

Their texts hold whole addresses, with the tokens in them, so the texts are made anew from the causes.
"""

from __future__ import annotations

import errno
import http.client
import socket  # noqa: TID251  for its error of name look-ups only
import ssl
from typing import TYPE_CHECKING

import requests
import urllib3.exceptions

from supportctl.core.failure import Failure, ServiceError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from integrations.answers import Request
    from integrations.wire import Exchange

_NO_ROUTE = frozenset({errno.ENETUNREACH, errno.EHOSTUNREACH, errno.ENETDOWN})
_NEVER_ASKED = (
    requests.exceptions.InvalidURL,
    requests.exceptions.InvalidSchema,
    requests.exceptions.MissingSchema,
    requests.exceptions.InvalidHeader,
    urllib3.exceptions.LocationValueError,
    UnicodeError,
)
_PROXY = (requests.exceptions.ProxyError, urllib3.exceptions.ProxyError)
_TIMEOUT = (TimeoutError, urllib3.exceptions.TimeoutError, requests.exceptions.Timeout)
_NO_NAME = (urllib3.exceptions.NameResolutionError, socket.gaierror)
_TLS = (ssl.SSLError, urllib3.exceptions.SSLError, requests.exceptions.SSLError)
_TLS_CUT = (ssl.SSLEOFError, ssl.SSLZeroReturnError, ssl.SSLSyscallError)
_OF_NETWORK = (
    ("dns", _NO_NAME),
    ("tls", _TLS),
    ("refused", (ConnectionRefusedError,)),
)
_BROKEN_ANSWER = (http.client.HTTPException, urllib3.exceptions.InvalidHeader)
_DEEPEST = 20


def meaning_of(error: Exception, request: Request, exchange: Exchange) -> ServiceError:
    """Return what failed: certainly nothing was sent, or it is not known what became of the request."""
    causes = tuple(_causes(error))
    text = _text(causes)
    if exchange.connecting:
        failure, code = _not_connected(causes)
        return ServiceError(failure, code, text, sent=False)
    if not exchange.reached and _any(causes, _NEVER_ASKED):
        code = "proxy" if "SOCKS" in str(error) else "bad-request"
        return ServiceError(Failure.CONFIGURATION, code, type(error).__name__, sent=False)
    if _waited(causes):
        return ServiceError(request.lost, "timeout", text)
    if any(isinstance(c, _BROKEN_ANSWER) and not isinstance(c, ConnectionError) for c in causes):
        return ServiceError(request.lost, "broken-answer", text)
    return ServiceError(request.lost, "connection", text)


def _not_connected(causes: tuple[BaseException, ...]) -> tuple[Failure, str]:
    if _any(causes, _PROXY):
        refused = any(status in str(c) for c in causes for status in (" 407 ", " 403 "))
        return Failure.CONFIGURATION if refused else Failure.RETRY, "proxy"
    if _any(causes, _TLS) and not _any(causes, _TLS_CUT):
        return Failure.CONFIGURATION, "tls"
    for code, kinds in _OF_NETWORK:
        if _any(causes, kinds):
            return Failure.RETRY, code
    if any(getattr(cause, "errno", None) in _NO_ROUTE for cause in causes):
        return Failure.RETRY, "no-route"
    return Failure.RETRY, "connect-timeout" if _waited(causes) else "connection"


def _waited(causes: tuple[BaseException, ...]) -> bool:
    no_wait = urllib3.exceptions.NewConnectionError  # counts as a time-out there, for history's sake
    return any(isinstance(cause, _TIMEOUT) and not isinstance(cause, no_wait) for cause in causes)


def _any(causes: tuple[BaseException, ...], kinds: tuple[type[BaseException], ...]) -> bool:
    return any(isinstance(cause, kinds) for cause in causes)


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Yield an exception and what it wraps, however it does so, the outermost first."""
    waiting: list[object] = [error]
    seen: set[int] = set()
    while waiting and len(seen) < _DEEPEST:
        found = waiting.pop(0)
        if not isinstance(found, BaseException) or id(found) in seen:
            continue
        seen.add(id(found))
        yield found
        waiting += [getattr(found, "reason", None), *found.args, found.__cause__, found.__context__]


def _text(causes: tuple[BaseException, ...]) -> str:
    """Return what the system itself says, in words that hold no address."""
    for cause in reversed(causes):
        if isinstance(cause, ssl.SSLCertVerificationError):
            return cause.verify_message
    for cause in reversed(causes):
        if isinstance(cause, ssl.SSLError):
            return (cause.reason or type(cause).__name__).lower().replace("_", " ")
    for cause in reversed(causes):
        if isinstance(cause, OSError) and not isinstance(cause, requests.RequestException) and cause.strerror:
            return cause.strerror
    return type(causes[-1]).__name__
