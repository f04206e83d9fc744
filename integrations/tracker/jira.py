"""Jira Cloud, REST API v3: texts are documents (ADF), the search has pages by token, no number of hits."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

from integrations.answers import by_status
from integrations.tracker.asking import Asking, created, label, mark, rows, titled
from supportctl.core.delivery import Issue
from supportctl.core.failure import Failure, ServiceError

if TYPE_CHECKING:
    import requests

    from integrations.answers import Reply, Request
    from integrations.checking import Surroundings
    from supportctl.core.accounts import Jira

_RATE = 2.0
_PAGE = 50
_DONE = "done"  # key of the category of statuses in which work has ended


class JiraTracker:
    """`TRACKERS["jira"]`. The fingerprint is a label, and stands in the summary.

    The search is behind what was just written: who was in doubt waits before it asks.
    """

    def __init__(
        self, account: Jira, surroundings: Surroundings, session: requests.Session | None = None
    ) -> None:
        token = surroundings.resolve(account.token)
        basic = base64.b64encode(f"{account.user}:{token}".encode()).decode()
        headers = {"Authorization": f"Basic {basic}" if account.user else f"Bearer {token}"}
        base = surroundings.resolve(account.url)
        self._ask = Asking(base, surroundings.clock, headers, _RATE, judge=judge, session=session)
        self._project, self._kind = account.project, account.issue_type

    def find(self, fingerprint: str) -> Issue | None:
        """Return the newest issue that carries exactly this fingerprint; an open one before any other."""
        project = self._project.replace('"', "")
        body = {
            "jql": f'project = "{project}" AND labels = "{label(fingerprint)}" ORDER BY created DESC',
            "fields": ["summary", "labels", "status"],
            "maxResults": _PAGE,
        }
        answer = self._ask.post("/rest/api/3/search/jql", "search", body, reads=True)
        ours = [row for row in rows(answer, "issues") if _carries(row, fingerprint)]
        ours.sort(key=_is_done)
        return self._issue(str(ours[0].get("key")), is_open=not _is_done(ours[0])) if ours else None

    def create(self, fingerprint: str, title: str, text: str) -> Issue:
        """Create an issue."""
        fields = {
            "project": {"key": self._project},
            "issuetype": {"name": self._kind},
            "summary": titled(title, fingerprint),
            "description": adf(text),
            "labels": [label(fingerprint)],
        }
        answer = self._ask.post("/rest/api/3/issue", "issue.create", {"fields": fields})
        (key,) = created(answer, "key")
        return self._issue(key, is_open=True)

    def comment(self, issue: Issue, text: str) -> None:
        """Add a comment."""
        path = f"/rest/api/3/issue/{issue.number}/comment"
        self._ask.post(path, "issue.comment", {"body": adf(text)})

    def close(self, issue: Issue, text: str) -> None:
        """Write a last comment and take the first transition that ends in a status of the category "done".

        Raises:
            ServiceError: `no-transition`: this user has none.
        """
        self.comment(issue, text)
        path = f"/rest/api/3/issue/{issue.number}/transitions"
        for row in rows(self._ask.get(path, "issue.transitions"), "transitions"):
            if _category(row.get("to")) == _DONE:
                self._ask.post(path, "issue.transition", {"transition": {"id": str(row.get("id"))}})
                return
        raise ServiceError(Failure.CONFIGURATION, "no-transition", "no transition to a status of the end")

    def _issue(self, key: str, *, is_open: bool) -> Issue:
        return Issue(key, f"{self._ask.base}/browse/{key}", is_open)


def adf(text: str) -> dict[str, Any]:
    """Return plain text as a document: a paragraph for each block of lines."""
    blocks = [block for block in text.split("\n\n") if block.strip()]
    return {"type": "doc", "version": 1, "content": [_paragraph(block) for block in blocks]}


def _paragraph(block: str) -> dict[str, Any]:
    content: list[dict[str, Any]] = []
    for line in block.strip("\n").split("\n"):
        if content:
            content.append({"type": "hardBreak"})
        if line:
            content.append({"type": "text", "text": line})
    return {"type": "paragraph", "content": content}


def judge(request: Request, reply: Reply) -> ServiceError | None:
    """Return what failed; 400 of a new issue names fields that the project wants, which a person mends."""
    error = by_status(request, reply)
    if error is None or reply.status != 400:
        return error
    try:
        document = reply.json()
    except ValueError:
        return error
    said = document if isinstance(document, dict) else {}
    fields, messages = said.get("errors"), said.get("errorMessages")
    words = [str(message) for message in messages] if isinstance(messages, list) else []
    words += [f"{name}: {why}" for name, why in fields.items()] if isinstance(fields, dict) else []
    return ServiceError(Failure.CONFIGURATION, error.code, "; ".join(words) or error.text, status=400)


def _carries(row: dict[str, Any], fingerprint: str) -> bool:
    fields = row.get("fields")
    if not isinstance(fields, dict):
        return False
    labels = fields.get("labels")
    named = isinstance(labels, list) and label(fingerprint) in labels
    return named or mark(fingerprint) in str(fields.get("summary"))


def _is_done(row: dict[str, Any]) -> bool:
    fields = row.get("fields")
    return isinstance(fields, dict) and _category(fields.get("status")) == _DONE


def _category(status: object) -> str:
    category = status.get("statusCategory") if isinstance(status, dict) else None
    return str(category.get("key")) if isinstance(category, dict) else ""
