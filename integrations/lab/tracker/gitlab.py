"""Simulated GitLab issues of one project, API v4."""

from __future__ import annotations

import re
from typing import Any

from integrations.lab.portal import Asked, Said, document
from integrations.lab.tracker.store import KEY, PROJECT, LabIssue, TrackerPortal

_PROJECT = f"lab/{PROJECT}"
_PATH = re.compile(rf"/api/v4/projects/{_PROJECT}/issues(?:/(\d{{1,9}})(/notes)?)?")
_WORDS = {401: "401 Unauthorized", 403: "403 Forbidden", 404: "404 Project Not Found"}


class GitLabPortal(TrackerPortal):
    """One project."""

    kind = "gitlab"

    def operation(self, asked: Asked) -> str:
        """Return the operation."""
        match = _PATH.fullmatch(asked.path)
        if match is None:
            return "unknown"
        if match[2]:
            return "notes.create"
        if match[1]:
            return "issues.edit" if asked.method == "PUT" else "issues.get"
        return "issues.create" if asked.method == "POST" else "issues.list"

    def answer(self, asked: Asked, operation: str) -> Said:
        """Return the answer."""
        refusal = self.refusal(operation, asked.headers.get("private-token", ""))
        if refusal is not None:
            return refusal
        match = _PATH.fullmatch(asked.path)
        if match is None:
            return self.refuse(404)
        return self._list(asked) if operation == "issues.list" else self._write(asked, match[1], operation)

    def _write(self, asked: Asked, number: str | None, operation: str) -> Said:
        body = asked.json()
        fields: dict[str, Any] = body if isinstance(body, dict) else {}
        if operation == "issues.create":
            if not fields.get("title"):
                return document({"error": "title is missing"}, 400)
            labels = [name for name in str(fields.get("labels") or "").split(",") if name]
            made = self.add(str(fields["title"]), str(fields.get("description") or ""), labels)
            return document(_told(made), 201)
        issue = self.issue(number or "")
        if issue is None:
            return document({"message": "404 Issue Not Found"}, 404)
        if operation == "notes.create":
            self.note(issue, str(fields.get("body")))
            return document({"id": len(issue.notes)}, 201)
        if fields.get("state_event") == "close":
            self.close_issue(issue)
        return document(_told(issue))

    def refuse(self, status: int) -> Said:
        """Return an error as GitLab words it."""
        if status == 429:
            return Said(429, b"Retry later\n", "text/plain", (("Retry-After", "5"),))
        return document({"message": _WORDS.get(status, "Error")}, status)

    def _list(self, asked: Asked) -> Said:
        label, state = asked.param("labels"), asked.param("state", "all")
        found = [
            issue
            for issue in self.newest_first()
            if (not label or label in issue.labels)
            and (state == "all" or (state == "opened") == issue.is_open)
        ]
        return document([_told(issue) for issue in found[: int(asked.param("per_page", "20"))]])

    def account(self, base_url: str) -> dict[str, Any]:
        """Return the entry of the configuration."""
        return {"kind": "gitlab", "url": base_url, "token": KEY, "project": _PROJECT}


def _told(issue: LabIssue) -> dict[str, Any]:
    return {
        "id": 1000 + issue.number,
        "iid": issue.number,
        "title": issue.title,
        "description": issue.text,
        "state": "opened" if issue.is_open else "closed",
        "labels": issue.labels,
        "web_url": f"https://gitlab.com/{_PROJECT}/-/issues/{issue.number}",
        "created_at": issue.at,
        "closed_at": issue.closed_at,
    }
