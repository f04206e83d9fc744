"""The errors of the interface in their documented forms."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping


class ApiError(Exception):
    """What a method refuses: `{"error": code, "error_description": text}` with an HTTP status."""

    def __init__(self, code: str, text: str, status: int = 400) -> None:
        self.code = code
        self.text = text
        self.status = status
        super().__init__(f"{code}: {text}")

    def document(self) -> dict[str, Any]:
        """Return the error's body."""
        return {"error": self.code, "error_description": self.text}


def core(text: str) -> ApiError:
    """Return what telephony methods answer to wrong input: the code says nothing, the text all."""
    return ApiError("ERROR_CORE", text)


# Faults that meet every request: name -> the answer. The statuses are those of the documentation.
WHOLE_PORTAL = {
    "query-limit": ApiError("QUERY_LIMIT_EXCEEDED", "Too many requests", 503),
    "expired-token": ApiError("expired_token", "The access token provided has expired.", 401),
    "access-denied": ApiError("ACCESS_DENIED", "REST is available only on commercial plans.", 403),
    "overload-blocked": ApiError("OVERLOAD_LIMIT", "REST API is blocked due to overload.", 503),
    "portal-deleted": ApiError("PORTAL_DELETED", "Portal was deleted.", 500),
    "invalid-credentials": ApiError("INVALID_CREDENTIALS", "Invalid request credentials", 403),
    "internal-error": ApiError("INTERNAL_SERVER_ERROR", "Internal server error", 500),
    "ok-with-error": ApiError("ERROR_UNEXPECTED_ANSWER", "Server returned an unexpected response.", 200),
    "payment-required": ApiError("PAYMENT_REQUIRED", "Payment required", 401),
}

NO_AUTH_FOUND = ApiError("NO_AUTH_FOUND", "Wrong authorization data", 401)
WRONG_AUTH_TYPE = ApiError(
    "WRONG_AUTH_TYPE",
    "Current authorization type is denied for this method Application context required",
    403,
)
APPLICATION_CONTEXT = ApiError("ACCESS_DENIED", "Access denied! Application context required", 403)
INSUFFICIENT_SCOPE = ApiError(
    "insufficient_scope", "The request requires higher privileges than provided by the access token", 403
)
METHOD_NOT_FOUND = ApiError("ERROR_METHOD_NOT_FOUND", "Method not found!", 404)
STATISTIC_DENIED = ApiError(
    "ACCESS_DENIED", "Access denied! You don't have permission to view statistics", 403
)
OPERATION_TIME_LIMIT = ApiError("OPERATION_TIME_LIMIT", "Method is blocked due to operation time limit.", 429)
BATCH_TOO_LONG = ApiError("ERROR_BATCH_LENGTH_EXCEEDED", "Max batch length exceeded")
NOT_IN_BATCH = ApiError("ERROR_BATCH_METHOD_NOT_ALLOWED", "Method is not allowed for batch usage")
BATCH_PIECE = ApiError("INTERNAL_SERVER_ERROR", "Internal server error", 500)
NO_SUCH_USER = core("User is not found or is not active")
# The second finish of a call has an empty code, and no bracket at its end, as seen on a real portal.
CALL_NOT_FOUND = ApiError("", "Call is not found (call should be registered prior to finishing")

# What the control page says of each fault.
OWN_FAULTS: Mapping[str, str] = MappingProxyType(
    {
        "query-limit": "503 QUERY_LIMIT_EXCEEDED: too many requests of all applications together",
        "operation-limit": "429 OPERATION_TIME_LIMIT: a method has worked too long",
        "expired-token": "401 expired_token",
        "missing-scope": "403 insufficient_scope: the key has no scope telephony",
        "access-denied": "403 ACCESS_DENIED to everything: a free plan has no REST",
        "overload-blocked": "503 OVERLOAD_LIMIT: switched off by the support, by hand",
        "portal-deleted": "500 PORTAL_DELETED",
        "wrong-auth-type": "403 WRONG_AUTH_TYPE: webhooks may not register calls here",
        "invalid-credentials": "403 INVALID_CREDENTIALS: the webhook was deleted",
        "no-method": "404 ERROR_METHOD_NOT_FOUND: there is no telephony",
        "internal-error": "500 INTERNAL_SERVER_ERROR",
        "ok-with-error": "200 with ERROR_UNEXPECTED_ANSWER in the body",
        "broken-batch": "every second command of a batch fails",
        "payment-required": "401 PAYMENT_REQUIRED",
        "restricted-rights": "the key's owner is no administrator and sees own calls only, silently",
        "no-statistics-right": "403 ACCESS_DENIED to the statistics only",
        "gateway": "503 with a page, after the work was done: the gateway in front lost patience",
        "statistics-late": "finished calls come into the statistics some time later",
        "array-filter-ignored": "an array in a filter of EXTERNAL_CALL_ID is as good as no filter",
    }
)
