"""What the clients of all trackers have in common: requests, their deadline, the mark of a fingerprint."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from integrations.answers import Request, by_status, json_of
from integrations.http import Http
from integrations.pace import Pacer
from supportctl.core.deadline import Deadline
from supportctl.core.failure import Failure, ServiceError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import requests

    from integrations.answers import Reply
    from supportctl.core.clock import Clock

REQUEST_S = 30.0
MAX_ANSWER = 8 * 1024 * 1024
LONGEST_TITLE = 255  # Redmine, Jira and GitLab take no more


def mark(fingerprint: str) -> str:
    """Return what stands in a title: [fp:ab12cd34ef56]."""
    return f"[fp:{fingerprint}]"


def label(fingerprint: str) -> str:
    """Return the label of an issue."""
    return f"fp-{fingerprint}"


def titled(title: str, fingerprint: str) -> str:
    """Return a title that carries the fingerprint, and is not too long."""
    ending = f" {mark(fingerprint)}"
    return f"{title[: LONGEST_TITLE - len(ending)].rstrip()}{ending}"


class Asking:
    """Asks one tracker, `per_second`; each request ends by its own deadline, and no write is repeated."""

    def __init__(
        self,
        base: str,
        clock: Clock,
        headers: Mapping[str, str],
        per_second: float,
        *,
        judge: Callable[[Request, Reply], ServiceError | None] = by_status,
        session: requests.Session | None = None,
    ) -> None:
        self.base = base.rstrip("/")
        self._clock = clock
        pacer = Pacer(per_second, clock)
        self._http = Http(clock, judge, pacer=pacer, headers=headers, session=session)

    def get(self, path: str, operation: str, params: Mapping[str, Any] | None = None) -> Any:
        """Return what is at a path. `Any`: JSON.

        Raises:
            ServiceError: it failed.
        """
        return self.send("GET", path, operation, params=params or {}, reads=True)

    def post(self, path: str, operation: str, body: object, *, reads: bool = False) -> Any:
        """Return the answer to a document. `Any`: JSON."""
        return self.send("POST", path, operation, body=body, reads=reads)

    def send(
        self,
        method: str,
        path: str,
        operation: str,
        *,
        params: Mapping[str, Any] | tuple[tuple[str, Any], ...] = (),
        body: object = None,
        reads: bool = False,
    ) -> Any:
        """Return the answer of one request, None if it is empty. `Any`: JSON."""
        headers = {"Accept": "application/json"}
        if body is not None:
            headers["Content-Type"] = "application/json"
        request = Request(
            method,
            path if path.startswith(("https://", "http://")) else f"{self.base}{path}",
            operation,
            reads=reads,
            headers=headers,
            params=params,
            body=None if body is None else json.dumps(body, ensure_ascii=False).encode(),
            max_body=MAX_ANSWER,
        )
        reply = self._http.send(request, Deadline.after(REQUEST_S, self._clock))
        return json_of(request, reply) if reply.body.strip() else None


def rows(document: Any, name: str = "") -> list[dict[str, Any]]:
    """Return the objects of a list, or of the list `name` of an object. `Any`: JSON.

    Raises:
        ServiceError: there is no such list.
    """
    found = document.get(name) if name and isinstance(document, dict) else document
    if not isinstance(found, list):
        raise ServiceError(Failure.RETRY, "not-understood", "a list was expected")
    return [row for row in found if isinstance(row, dict)]


def created(document: Any, *names: str) -> tuple[str, ...]:
    """Return fields of what was created. `Any`: JSON.

    Raises:
        ServiceError: one is missing: it may have been created.
    """
    fields = tuple(document.get(name) for name in names) if isinstance(document, dict) else (None,)
    if any(not isinstance(field, str | int) or isinstance(field, bool) for field in fields):
        raise ServiceError(Failure.AMBIGUOUS, "not-understood", "the answer names no issue")
    return tuple(str(field) for field in fields)


def web_link(value: object, fallback: str) -> str:
    """Return an address that a tracker says, if it is one."""
    text = value if isinstance(value, str) else ""
    return (
        text
        if text.startswith(("https://", "http://")) and len(text) < 500 and text.isprintable()
        else fallback
    )
