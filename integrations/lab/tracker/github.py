"""Simulated GitHub issues of one repository: lists by label, states, the limit's headers."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, ClassVar

from integrations.lab.portal import Asked, Said, document
from integrations.lab.tracker.store import KEY, PROJECT, LabIssue, TrackerPortal

if TYPE_CHECKING:
    from collections.abc import Mapping

_PATH = re.compile(r"/repos/([\w.-]{1,100}/[\w.-]{1,100})/issues(?:/(\d{1,9})(/comments)?)?")
_REPOSITORY = f"lab/{PROJECT}"
_WORDS = {401: "Bad credentials", 403: "Resource not accessible by personal access token", 404: "Not Found"}


class GitHubPortal(TrackerPortal):
    """One repository."""

    kind = "github"
    own_faults: ClassVar[Mapping[str, str]] = {
        **TrackerPortal.own_faults,
        "secondary-limit": "403: content was created too fast",
        "labels-dropped": "labels of whoever may not push are dropped without a word",
        "issues-off": "410: issues are switched off",
    }

    def operation(self, asked: Asked) -> str:
        """Return the operation."""
        match = _PATH.fullmatch(asked.path)
        if match is None:
            return "unknown"
        if match[3]:
            return "issues.comment"
        if match[2]:
            return "issues.update" if asked.method == "PATCH" else "issues.get"
        return "issues.create" if asked.method == "POST" else "issues.list"

    def answer(self, asked: Asked, operation: str) -> Said:
        """Return the answer."""
        refusal = self.refusal(operation, asked.headers.get("authorization", "").partition(" ")[2])
        if refusal is not None:
            return refusal
        match = _PATH.fullmatch(asked.path)
        if match is None or match[1] != _REPOSITORY:
            return self.refuse(404)
        if self._hits("issues-off", operation):
            return document({"message": "Issues are disabled for this repo"}, 410)
        return self._list(asked) if operation == "issues.list" else self._write(asked, match[2], operation)

    def _write(self, asked: Asked, number: str | None, operation: str) -> Said:
        body = asked.json()
        fields: dict[str, Any] = body if isinstance(body, dict) else {}
        if operation in {"issues.create", "issues.comment"} and self._hits("secondary-limit", operation):
            return document(
                {"message": "You have exceeded a secondary rate limit."}, 403, ("Retry-After", "60")
            )
        if operation == "issues.create":
            return self._create(fields)
        return self._one(number or "", operation, fields)

    def _one(self, number: str, operation: str, fields: Mapping[str, Any]) -> Said:
        issue = self.issue(number)
        if issue is None:
            return self.refuse(404)
        if operation == "issues.comment":
            self.note(issue, str(fields.get("body")))
            return document({"id": len(issue.notes)}, 201)
        if fields.get("state") == "closed":
            self.close_issue(issue)
        return document(_told(issue))

    def refuse(self, status: int) -> Said:
        """Return an error as GitHub words it."""
        if status == 429:
            return document({"message": "API rate limit exceeded"}, 403, ("X-RateLimit-Remaining", "0"),
                            ("X-RateLimit-Reset", str(int(self.clock.now().timestamp()) + 5)))  # fmt: skip
        return document({"message": _WORDS.get(status, "Error")}, status)

    def _list(self, asked: Asked) -> Said:
        label, state = asked.param("labels"), asked.param("state", "open")
        found = [
            issue
            for issue in self.newest_first()
            if (not label or label in issue.labels) and (state == "all" or (state == "open") == issue.is_open)
        ]
        return document([_told(issue) for issue in found[: int(asked.param("per_page", "30"))]])

    def _create(self, fields: Mapping[str, Any]) -> Said:
        if not fields.get("title"):
            return document({"message": "Validation Failed", "errors": [{"field": "title"}]}, 422)
        dropped = self._hits("labels-dropped", "issues.create")
        labels = [] if dropped else [str(each) for each in fields.get("labels") or ()]
        return document(_told(self.add(str(fields["title"]), str(fields.get("body") or ""), labels)), 201)

    def account(self, base_url: str) -> dict[str, Any]:
        """Return the entry of the configuration."""
        return {"kind": "github", "url": base_url, "token": KEY, "project": _REPOSITORY}


def _told(issue: LabIssue) -> dict[str, Any]:
    return {
        "number": issue.number,
        "title": issue.title,
        "body": issue.text,
        "state": "open" if issue.is_open else "closed",
        "labels": [{"name": name} for name in issue.labels],
        "html_url": f"https://github.com/{_REPOSITORY}/issues/{issue.number}",
        "created_at": issue.at,
        "closed_at": issue.closed_at,
    }
