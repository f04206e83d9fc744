"""A refusal of the portal -> the finding that says who must act: the portal's own codes first."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from integrations.crm.asking import FAILURE_CODES
from integrations.crm.bitrix24.client import OPERATING_LIMIT_S, SYSTEM, Client
from integrations.crm.bitrix24.judge import OPERATION_LIMIT, QUERY_LIMIT

if TYPE_CHECKING:
    from collections.abc import Mapping

    from integrations.crm.asking import Asked, Asking
    from supportctl.core.finding import Finding

# The portal does not know the key, or not any more.
_KEY_CODES = frozenset({
    "INVALID_CREDENTIALS", "NO_AUTH_FOUND", "USER_ACCESS_ERROR", "INVALID_TOKEN", "AUTHORIZATION_ERROR",
    "APPLICATION_NOT_FOUND", "ERROR_OAUTH", "NOT_INSTALLED", "ALLOWED_ONLY_INTRANET_USER",
})  # fmt: skip
_FAULTS: Mapping[str, str] = MappingProxyType(
    {
        "EXPIRED_TOKEN": "crm.token-expired",
        "OVERLOAD_LIMIT": "crm.blocked",
        "PORTAL_DELETED": "crm.account-closed",
        "PAYMENT_REQUIRED": "crm.payment-required",
        "INTERNAL_SERVER_ERROR": "crm.internal-error",
        "ERROR_UNEXPECTED_ANSWER": "crm.internal-error",
        "ERROR_METHOD_NOT_FOUND": "crm.method-missing",
        "WRONG_AUTH_TYPE": "crm.app-context-needed",
    }
)
REFUSAL_CODES = FAILURE_CODES | frozenset(_FAULTS.values()) | {
    "crm.webhook-invalid", "crm.plan-too-low", "crm.operating-limit",
}  # fmt: skip


def refusal(asked: Asked, asking: Asking, client: Client) -> Finding:
    """Return the finding of a question that was refused."""
    error, seen, context = asked.error, asked.evidence, asking.context
    assert error is not None
    code = error.code.upper()
    if code in {QUERY_LIMIT, OPERATION_LIMIT}:
        return _limit(asked, asking, client)
    named = _FAULTS.get(code)
    if code in _KEY_CODES:
        named = "crm.webhook-invalid" if client.is_webhook else "crm.auth-failed"
    elif code == "ACCESS_DENIED" and seen.asked == "profile":  # who may not even ask who they are
        named = "crm.plan-too-low"
    if named is None:
        return asking.failed(asked)
    method = seen.asked
    return context.fault(
        named, seen, system=SYSTEM, host=asking.host, code=error.code, method=method, methods=method
    )


def _limit(asked: Asked, asking: Asking, client: Client) -> Finding:
    error, seen, context = asked.error, asked.evidence, asking.context
    assert error is not None
    if error.code.upper() == QUERY_LIMIT:
        return context.warning("crm.rate-limited", seen, system=SYSTEM, code=error.code)
    method = error.method or seen.asked
    used = round(client.operating.get(method, OPERATING_LIMIT_S), 1)
    return context.warning("crm.operating-limit", seen, system=SYSTEM, method=method, used=used)
