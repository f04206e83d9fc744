"""The error bodies of the API v4: application/problem+json, and the older form with `error_code`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from integrations.lab.portal import Said, document

if TYPE_CHECKING:
    from collections.abc import Mapping

PROBLEM = "application/problem+json; charset=utf-8"
_TITLES = {
    400: "Bad Request",
    401: "Unauthorized",
    402: "Payment Required",
    403: "Forbidden",
    404: "Not Found",
    429: "Too Many Requests",
}
_BLOCK_PAGE = b"<html><head><title>403 Forbidden</title></head><body><h1>403 Forbidden</h1></body></html>"
NO_CONTENT = Said(204, b"", "application/json")


def problem(
    status: int, detail: str, http_status: int | None = None, more: Mapping[str, Any] | None = None
) -> Said:
    """Return a problem; with `http_status` the transport says another status than the body."""
    body = {
        **(more or {}),
        "title": _TITLES[status],
        "type": f"https://httpstatus.es/{status}",
        "status": status,
        "detail": detail,
    }
    return document(body, http_status or status)._replace(kind=PROBLEM)


def validation(items: list[tuple[str, str, str, str]]) -> Said:
    """Return a refusal of a request for some of its items: (request_id, code, path, detail)."""
    listed: dict[str, list[dict[str, str]]] = {}
    for request_id, code, path, detail in items:
        listed.setdefault(request_id, []).append({"code": code, "path": path, "detail": detail})
    errors = [{"request_id": request_id, "errors": found} for request_id, found in listed.items()]
    return problem(400, "Request validation failed", more={"validation-errors": errors})


def older(code: int, status: int, text: str) -> Said:
    """Return an error with a number of the documented table (101, 110 to 113)."""
    return document({"response": {"error": text, "error_code": code}}, status)


def block_page() -> Said:
    """Return the answer to an address that was blocked. UNVERIFIED whether it is a page."""
    return Said(403, _BLOCK_PAGE, "text/html")
