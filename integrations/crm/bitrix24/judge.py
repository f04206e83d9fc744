"""What an answer of Bitrix24 means: by its error code (in any case), then by status, last by its words.

Codes: documentation of the REST interface, "system errors" and the pages of the methods. A code of old
methods may be prose ("Access denied") or empty; HTTP 200 can carry an error.
"""

from __future__ import annotations

from datetime import UTC, datetime
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from integrations.http import Reply, Request, by_status, json_of
from supportctl.core.failure import Failure, ServiceError

if TYPE_CHECKING:
    from collections.abc import Mapping

FINISH = "telephony.externalcall.finish"
QUERY_LIMIT = "QUERY_LIMIT_EXCEEDED"
OPERATION_LIMIT = "OPERATION_TIME_LIMIT"
_SERVER = 500
_MOST_SECONDS = 10**11  # a Unix time beyond is no time

_CODES: Mapping[str, Failure] = MappingProxyType(
    {
        QUERY_LIMIT: Failure.RETRY,
        OPERATION_LIMIT: Failure.WAIT,
        "EXPIRED_TOKEN": Failure.SIGN_IN,
        "OVERLOAD_LIMIT": Failure.BLOCKED,
        "PORTAL_DELETED": Failure.BLOCKED,
        **dict.fromkeys(
            (
                "WRONG_AUTH_TYPE", "NO_AUTH_FOUND", "INVALID_CREDENTIALS", "INSUFFICIENT_SCOPE",
                "INVALID_SCOPE", "ACCESS_DENIED", "ACCESS DENIED", "ACCESS_ERROR", "USER_ACCESS_ERROR",
                "PAYMENT_REQUIRED",
                "INVALID_TOKEN", "ERROR_OAUTH", "APPLICATION_NOT_FOUND", "AUTHORIZATION_ERROR",
                "METHOD_CONFIRM_WAITING", "METHOD_CONFIRM_DENIED", "NOT_INSTALLED", "INVALID_REQUEST",
                "ALLOWED_ONLY_INTRANET_USER", "ERROR_METHOD_NOT_FOUND", "INVALID_CLIENT", "INVALID_GRANT",
                "WRONG_CLIENT",
            ),
            Failure.CONFIGURATION,
        ),
        **dict.fromkeys(
            (
                "INVALID_ARGUMENT", "INVALID_ARG_VALUE", "NOT_FOUND", "ERROR_BATCH_LENGTH_EXCEEDED",
                "ERROR_BATCH_METHOD_NOT_ALLOWED", "SERVER_NOT_AVAILABLE",
            ),
            Failure.DATA,
        ),
    }
)  # fmt: skip
# The server broke while it worked: a read may be repeated, what became of a write is not known.
_BROKE = frozenset({"INTERNAL_SERVER_ERROR", "ERROR_UNEXPECTED_ANSWER"})
_WORDLESS = frozenset({"", "ERROR_CORE", "ERROR"})  # the text says it all


def judge(request: Request, reply: Reply) -> ServiceError | None:
    """Return what failed, None for an answer with a result."""
    try:
        body = json_of(request, reply)
    except ServiceError as error:
        return _by_gateway(request, reply) or error
    if not isinstance(body, dict):
        return _by_gateway(request, reply) or _unlike(request, reply)
    if "error" in body:
        return error_of(request, body, reply.status)
    return by_status(request, reply) or (None if "result" in body else _unlike(request, reply))


def _by_gateway(request: Request, reply: Reply) -> ServiceError | None:
    """Return what a page with a bad status means: Bitrix24 itself answers with JSON.

    What stands in front of it may have lost patience while the portal worked on.
    """
    error = by_status(request, reply)
    if error is not None and reply.status >= _SERVER and not request.reads:
        error.failure = Failure.AMBIGUOUS
    return error


def error_of(request: Request, body: Mapping[str, Any], status: int | None = None) -> ServiceError:
    """Return the error of a body, or of one command of a batch."""
    code, text = _told(body)
    upper = code.upper()
    failure = _by_words(request, text) if upper in _WORDLESS else _CODES.get(upper)
    if upper in _BROKE:
        failure = request.lost
    if failure is None:
        named = by_status(request, Reply(status, {}, b"")) if status else None
        failure = named.failure if named else Failure.DATA
    return ServiceError(
        failure,
        code or "ERROR",
        text,
        status=status,
        retry_at=_reset_at(body) if upper == OPERATION_LIMIT else None,
        method=request.operation if upper == OPERATION_LIMIT else None,
    )


def _told(body: Mapping[str, Any]) -> tuple[str, str]:
    error = body.get("error")
    if isinstance(error, dict):  # as version 3 of the interface writes it
        return str(error.get("code") or ""), str(error.get("message") or "")
    return str(error or ""), str(body.get("error_description") or "")


def _by_words(request: Request, text: str) -> Failure:
    words = text.casefold()
    if "call is not found in the statistic" in words:
        return Failure.RETRY  # attachRecord: finish has not reached the statistics yet
    if "call is not found" in words and request.operation.casefold() == FINISH:
        return Failure.AMBIGUOUS  # mostly: it was finished by an earlier try whose answer got lost
    if "access denied" in words:
        return Failure.CONFIGURATION
    if "database error" in words:
        return request.lost
    return Failure.DATA


def _unlike(request: Request, reply: Reply) -> ServiceError:
    return ServiceError(request.lost, "no-result", "the answer has no result", status=reply.status)


def _reset_at(body: Mapping[str, Any]) -> datetime | None:
    time = body.get("time")
    return reset_time(time.get("operating_reset_at")) if isinstance(time, dict) else None


def reset_time(value: Any) -> datetime | None:
    """Return `operating_reset_at`: Unix time as a number or text, or ISO 8601; None for anything else."""
    text = str(value).strip() if isinstance(value, str | int | float) and not isinstance(value, bool) else ""
    try:
        seconds = float(text)
    except ValueError:
        pass
    else:
        return datetime.fromtimestamp(seconds, UTC) if 0 < seconds < _MOST_SECONDS else None
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found if found.tzinfo else None
