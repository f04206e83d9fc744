"""The error bodies of HubSpot: status, message, correlationId, category."""

from __future__ import annotations

from typing import Any

from integrations.lab.portal import Said, document

_CORRELATION = "3f1d1f0e-0000-4000-8000-00000000c0de"


class RefusedError(Exception):
    """A request, or one input of a batch, is refused with this answer."""

    def __init__(self, said: Said) -> None:
        self.said = said
        super().__init__(said.status)


def problem(status: int, category: str, message: str, *headers: tuple[str, str], **more: Any) -> Said:
    """Return an error."""
    return document(body_of(category, message, **more), status, *headers)


def body_of(category: str, message: str, **more: Any) -> dict[str, Any]:
    """Return the body of an error, as it also stands in `errors` of a batch."""
    said = {"status": "error", "message": message, "correlationId": _CORRELATION, "category": category}
    return {**said, **more}


def invalid(message: str, code: str = "", **context: Any) -> RefusedError:
    """Return the refusal of a value."""
    details = [{"message": message, "code": code, "context": context}] if code else []
    return RefusedError(problem(400, "VALIDATION_ERROR", message, **({"errors": details} if details else {})))


def not_found(message: str = "resource not found") -> RefusedError:
    """Return the refusal of an unknown id."""
    return RefusedError(problem(404, "OBJECT_NOT_FOUND", message))


def limited(policy: str, message: str, *headers: tuple[str, str], status: int = 429) -> Said:
    """Return the refusal of a request over a limit."""
    return problem(status, "RATE_LIMITS", message, *headers, errorType="RATE_LIMIT", policyName=policy)


def missing_scopes(*scopes: str) -> Said:
    """Return the refusal of a request that the token's scopes do not cover."""
    return problem(
        403,
        "MISSING_SCOPES",
        "This app hasn't been granted all required scopes to make this call.",
        errors=[
            {
                "message": "One or more of the following scopes are required.",
                "context": {"requiredGranularScopes": list(scopes)},
            }
        ],
    )
