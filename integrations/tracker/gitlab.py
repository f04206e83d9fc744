"""GitLab issues, REST API v4."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from integrations.tracker.asking import Asking, created, label, mark, rows, titled, web_link
from supportctl.core.delivery import Issue

if TYPE_CHECKING:
    import requests

    from integrations.checking import Surroundings
    from supportctl.core.accounts import GitLab

_ADDRESS = "https://gitlab.com"
_RATE = 2.0
_PAGE = 100


class GitLabTracker:
    """`TRACKERS["gitlab"]`. The fingerprint stands in the title and is a label, which GitLab makes itself."""

    def __init__(
        self, account: GitLab, surroundings: Surroundings, session: requests.Session | None = None
    ) -> None:
        headers = {"PRIVATE-TOKEN": surroundings.resolve(account.token)}
        base = surroundings.resolve(account.url) if account.url else _ADDRESS
        self._ask = Asking(base, surroundings.clock, headers, _RATE, session=session)
        self._issues = f"/api/v4/projects/{quote(account.project.strip('/'), safe='')}/issues"

    def find(self, fingerprint: str) -> Issue | None:
        """Return the newest issue that carries exactly this fingerprint; an open one before any other."""
        params = {
            "labels": label(fingerprint),
            "state": "all",
            "order_by": "created_at",
            "sort": "desc",
            "per_page": _PAGE,
        }
        answer = self._ask.get(self._issues, "issues.list", params)
        ours = [row for row in rows(answer) if _carries(row, fingerprint)]
        ours.sort(key=lambda row: row.get("state") != "opened")
        return _issue(ours[0]) if ours else None

    def create(self, fingerprint: str, title: str, text: str) -> Issue:
        """Create an issue."""
        body = {"title": titled(title, fingerprint), "description": text, "labels": label(fingerprint)}
        answer = self._ask.post(self._issues, "issues.create", body)
        created(answer, "iid")
        return _issue(answer)

    def comment(self, issue: Issue, text: str) -> None:
        """Add a note."""
        self._ask.post(f"{self._issues}/{issue.number}/notes", "notes.create", {"body": text})

    def close(self, issue: Issue, text: str) -> None:
        """Write a last note and close."""
        self.comment(issue, text)
        body = {"state_event": "close"}
        self._ask.send("PUT", f"{self._issues}/{issue.number}", "issues.close", body=body)


def _carries(row: dict[str, Any], fingerprint: str) -> bool:
    labels = row.get("labels")
    named = isinstance(labels, list) and label(fingerprint) in labels
    return named or mark(fingerprint) in str(row.get("title"))


def _issue(row: dict[str, Any]) -> Issue:
    return Issue(str(row.get("iid")), web_link(row.get("web_url"), ""), row.get("state") == "opened")
