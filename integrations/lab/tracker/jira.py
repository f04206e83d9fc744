"""A simulated Jira Cloud: texts are documents, searches go by label, an issue ends by a transition."""

from __future__ import annotations

import base64
import re
from typing import TYPE_CHECKING, Any, ClassVar

from integrations.lab.portal import Asked, Said, document
from integrations.lab.tracker.store import KEY, LabIssue, TrackerPortal

if TYPE_CHECKING:
    from collections.abc import Mapping

_PROJECT = "INT"
_USER = "oncall@shop.example"
_ISSUE = re.compile(rf"/rest/api/3/issue/{_PROJECT}-(\d{{1,9}})/(comment|transitions)")
_JQL = re.compile(rf'project = "{_PROJECT}" AND labels = "([\w-]{{1,100}})" ORDER BY created DESC')
_TRANSITIONS = (("11", "In Progress", "indeterminate"), ("31", "Done", "done"))


class JiraPortal(TrackerPortal):
    """One project."""

    kind = "jira"
    own_faults: ClassVar[Mapping[str, str]] = {
        **TrackerPortal.own_faults,
        "required-field": "400: a field that the project wants is missing",
        "no-way-to-close": "no transition to a status of the end",
    }

    def operation(self, asked: Asked) -> str:
        """Return the operation."""
        if asked.path == "/rest/api/3/issue":
            return "issue.create"
        if asked.path == "/rest/api/3/search/jql":
            return "search"
        match = _ISSUE.fullmatch(asked.path)
        if match is None:
            return "unknown"
        if match[2] == "comment":
            return "issue.comment"
        return "issue.transition" if asked.method == "POST" else "issue.transitions"

    def answer(self, asked: Asked, operation: str) -> Said:
        """Return the answer."""
        refusal = self.refusal(operation, _key_of(asked.headers.get("authorization", "")))
        if refusal is not None:
            return refusal
        body = asked.json()
        fields: dict[str, Any] = body if isinstance(body, dict) else {}
        if operation == "search":
            return self._search(str(fields.get("jql")))
        if operation == "issue.create":
            return self._create(fields.get("fields"))
        match = _ISSUE.fullmatch(asked.path)
        issue = self.issue(match[1]) if match else None
        if issue is None:
            return _errors(404, "Issue does not exist or you do not have permission to see it.")
        if operation == "issue.comment":
            self.note(issue, plain(fields.get("body")))
            return document({"id": str(len(issue.notes))}, 201)
        return self._move(issue, operation, fields)

    def _move(self, issue: LabIssue, operation: str, fields: Mapping[str, Any]) -> Said:
        known = _TRANSITIONS[:1] if self._hits("no-way-to-close", operation) else _TRANSITIONS
        if operation == "issue.transitions":
            return document({"transitions": [_transition(*each) for each in known]})
        chosen = fields.get("transition")
        wanted = chosen.get("id") if isinstance(chosen, dict) else None
        if wanted not in {number for number, _, _ in known}:
            return _errors(400, "It seems that you have tried to perform an illegal workflow operation.")
        if wanted == "31":
            self.close_issue(issue)
        return Said(204)

    def refuse(self, status: int) -> Said:
        """Return an error as Jira words it."""
        more = (("Retry-After", "5"),) if status == 429 else ()
        return _errors(status, "Client must be authenticated to access this resource.")._replace(headers=more)

    def _search(self, jql: str) -> Said:
        match = _JQL.fullmatch(jql)
        if match is None:
            return _errors(400, "Error in the JQL Query.")
        found = [_told(issue) for issue in self.newest_first() if match[1] in issue.labels]
        return document({"issues": found, "isLast": True})

    def _create(self, fields: object) -> Said:
        if not isinstance(fields, dict) or fields.get("project") != {"key": _PROJECT}:
            return _errors(400, project="valid project is required")
        if self._hits("required-field", "issue.create"):
            return _errors(400, customfield_10010="Severity is required.")
        if not isinstance(fields.get("description"), dict):
            return _errors(400, description="Operation value must be an Atlassian Document")
        labels = [str(each) for each in fields.get("labels") or ()]
        if any(" " in name for name in labels):
            return _errors(400, labels="The label contains spaces which is invalid.")
        issue = self.add(str(fields.get("summary")), plain(fields["description"]), labels)
        return document({"id": str(10000 + issue.number), "key": f"{_PROJECT}-{issue.number}"}, 201)

    def account(self, base_url: str) -> dict[str, Any]:
        """Return the entry of the configuration."""
        return {"kind": "jira", "url": base_url, "user": _USER, "token": KEY, "project": _PROJECT}


def plain(node: object) -> str:
    """Return the text of a document."""
    if not isinstance(node, dict):
        return ""
    if node.get("type") == "text":
        return str(node.get("text"))
    if node.get("type") == "hardBreak":
        return "\n"
    inner = [plain(each) for each in node.get("content") or ()]
    return ("\n\n" if node.get("type") == "doc" else "").join(inner)


def _key_of(authorization: str) -> str:
    scheme, _, value = authorization.partition(" ")
    if scheme != "Basic":
        return value
    try:
        user, _, token = base64.b64decode(value, validate=True).decode().partition(":")
    except ValueError:
        return ""
    return token if user == _USER else ""


def _errors(status: int, *messages: str, **fields: str) -> Said:
    return document({"errorMessages": list(messages), "errors": fields}, status)


def _transition(number: str, name: str, category: str) -> dict[str, Any]:
    return {"id": number, "name": name, "to": {"name": name, "statusCategory": {"key": category}}}


def _told(issue: LabIssue) -> dict[str, Any]:
    category = "new" if issue.is_open else "done"
    return {
        "id": str(10000 + issue.number),
        "key": f"{_PROJECT}-{issue.number}",
        "fields": {
            "summary": issue.title,
            "labels": issue.labels,
            "status": {"name": category, "statusCategory": {"key": category}},
        },
    }
