"""A simulated Redmine, as 5.0 answers: unknown filters are ignored, disallowed changes without a word."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, ClassVar

from integrations.lab.portal import Asked, Said, document
from integrations.lab.tracker.store import KEY, PROJECT, LabIssue, TrackerPortal

if TYPE_CHECKING:
    from collections.abc import Mapping

_STATUSES = (
    (1, "New", False), (2, "In Progress", False), (3, "Resolved", False), (4, "Feedback", False),
    (5, "Closed", True), (6, "Rejected", True),
)  # fmt: skip
_CLOSING = frozenset(number for number, _, closed in _STATUSES if closed)
_ISSUE = re.compile(r"/issues/(\d{1,9})\.json")
_CREATE = re.compile(r"(?:/projects/([\w-]{1,100}))?/issues\.json")
_LONGEST_SUBJECT = 255


class RedminePortal(TrackerPortal):
    """A Redmine with one project."""

    kind = "redmine"
    own_faults: ClassVar[Mapping[str, str]] = {
        **TrackerPortal.own_faults,
        "no-way-to-close": "the workflow allows this user no status that closes; 204 all the same",
        "required-field": "422: a field that the project wants is missing",
    }

    def operation(self, asked: Asked) -> str:
        """Return the operation."""
        if _ISSUE.fullmatch(asked.path):
            return {"GET": "issue.show", "PUT": "issue.update"}.get(asked.method, "unknown")
        if _CREATE.fullmatch(asked.path):
            return "issue.create" if asked.method == "POST" else "issue.list"
        return "status.list" if asked.path == "/issue_statuses.json" else "unknown"

    def answer(self, asked: Asked, operation: str) -> Said:
        """Return the answer."""
        key = asked.headers.get("x-redmine-api-key", "") or asked.param("key")
        refusal = self.refusal(operation, key)
        if refusal is not None:
            return refusal
        if operation == "issue.create":
            return self._create(asked)
        if operation == "issue.list":
            return self._list(asked)
        if operation == "status.list":
            statuses = [
                {"id": number, "name": name, "is_closed": closed} for number, name, closed in _STATUSES
            ]
            return document({"issue_statuses": statuses})
        match = _ISSUE.fullmatch(asked.path)
        issue = self.issue(match[1]) if match else None
        if issue is None:
            return Said(404)
        return (
            self._update(issue, asked) if operation == "issue.update" else document({"issue": _told(issue)})
        )

    def _create(self, asked: Asked) -> Said:
        match, fields = _CREATE.fullmatch(asked.path), _fields(asked)
        project = (match[1] if match else None) or fields.get("project_id")
        if project != PROJECT:
            return Said(404)
        subject = str(fields.get("subject") or "")
        errors = [] if subject.strip() else ["Subject cannot be blank"]
        errors += ["Subject is too long (maximum is 255 characters)"] * (len(subject) > _LONGEST_SUBJECT)
        if self._hits("required-field", "issue.create"):
            errors.append("Severity cannot be blank")
        if errors:
            return document({"errors": errors}, 422)
        return document({"issue": _told(self.add(subject, str(fields.get("description") or "")))}, 201)

    def _list(self, asked: Asked) -> Said:
        project = asked.param("project_id")
        if project and project != PROJECT:
            return Said(404)
        found = [issue for issue in self.newest_first() if _wanted(issue, asked)]
        offset, limit = _number(asked.param("offset"), 0), min(_number(asked.param("limit"), 25), 100)
        rows = [_told(issue) for issue in found[offset : offset + limit]]
        return document({"issues": rows, "total_count": len(found), "offset": offset, "limit": limit})

    def _update(self, issue: LabIssue, asked: Asked) -> Said:
        fields = _fields(asked)
        if fields.get("notes"):
            self.note(issue, str(fields["notes"]))
        status = fields.get("status_id")
        known = any(status == number for number, _, _ in _STATUSES)
        if known and not (status in _CLOSING and self._hits("no-way-to-close", "issue.update")):
            issue.status = int(str(status))
            if status in _CLOSING:
                self.close_issue(issue)
            else:
                issue.closed_at = None
        return Said(204)

    def account(self, base_url: str) -> dict[str, Any]:
        """Return the entry of the configuration."""
        return {"kind": "redmine", "url": base_url, "key": KEY, "project": PROJECT}


def _wanted(issue: LabIssue, asked: Asked) -> bool:
    """Return whether an issue passes the filters that Redmine knows; of others it takes no notice."""
    status = asked.param("status_id", "open")
    if status in {"open", "o"} and not issue.is_open:
        return False
    if status in {"closed", "c"} and issue.is_open:
        return False
    subject = asked.param("subject")
    if subject.startswith("~"):
        return subject[1:].lower() in issue.title.lower()
    return not subject or subject == issue.title


def _fields(asked: Asked) -> dict[str, Any]:
    body = asked.json()
    found = body.get("issue") if isinstance(body, dict) else None
    return found if isinstance(found, dict) else {}


def _number(text: str, default: int) -> int:
    return int(text) if text.isdecimal() and len(text) < 9 else default


def _told(issue: LabIssue) -> dict[str, Any]:
    number, name, closed = next(each for each in _STATUSES if each[0] == issue.status)
    return {
        "id": issue.number,
        "project": {"id": 1, "name": "Integrations"},
        "tracker": {"id": 1, "name": "Bug"},
        "status": {"id": number, "name": name, "is_closed": closed},
        "priority": {"id": 2, "name": "Normal"},
        "author": {"id": 1, "name": "supportctl"},
        "subject": issue.title,
        "description": issue.text,
        "created_on": issue.at,
        "closed_on": issue.closed_at,
    }
