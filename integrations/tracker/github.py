"""GitHub issues, REST API of version 2022-11-28."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from integrations.answers import by_status, retry_after
from integrations.tracker.asking import Asking, created, label, mark, rows, titled, web_link
from supportctl.core.delivery import Issue
from supportctl.core.failure import Failure, ServiceError

if TYPE_CHECKING:
    from collections.abc import Callable

    import requests

    from integrations.answers import Reply, Request
    from integrations.checking import Surroundings
    from supportctl.core.accounts import GitHub
    from supportctl.core.clock import Clock

_ADDRESS = "https://api.github.com"
_RATE = 1.0  # more than one write a second is "too fast" (secondary limit)
_PAGE = 100


class GitHubTracker:
    """`TRACKERS["github"]`. The fingerprint stands in the title and is a label.

    Whoever may not push has labels dropped without a word, so the newest issues are looked through, too.
    """

    def __init__(
        self, account: GitHub, surroundings: Surroundings, session: requests.Session | None = None
    ) -> None:
        headers = {
            "Authorization": f"Bearer {surroundings.resolve(account.token)}",
            "X-GitHub-Api-Version": "2022-11-28",
        }
        base = surroundings.resolve(account.url) if account.url else _ADDRESS
        self._ask = Asking(
            base, surroundings.clock, headers, _RATE, judge=judge(surroundings.clock), session=session
        )
        self._issues = f"/repos/{account.project.strip('/')}/issues"

    def find(self, fingerprint: str) -> Issue | None:
        """Return the newest issue that carries exactly this fingerprint; an open one before any other."""
        newest = {"state": "all", "sort": "created", "direction": "desc", "per_page": _PAGE}
        for more in ({"labels": label(fingerprint)}, {}):
            answer = self._ask.get(self._issues, "issues.list", {**newest, **more})
            ours = [row for row in rows(answer) if _carries(row, fingerprint)]
            ours.sort(key=lambda row: row.get("state") != "open")  # stable: newest first
            if ours:
                return _issue(ours[0])
        return None

    def create(self, fingerprint: str, title: str, text: str) -> Issue:
        """Create an issue."""
        body = {"title": titled(title, fingerprint), "body": text, "labels": [label(fingerprint)]}
        answer = self._ask.post(self._issues, "issues.create", body)
        created(answer, "number")
        return _issue(answer)

    def comment(self, issue: Issue, text: str) -> None:
        """Add a comment."""
        self._ask.post(f"{self._issues}/{issue.number}/comments", "issues.comment", {"body": text})

    def close(self, issue: Issue, text: str) -> None:
        """Write a last comment and close."""
        self.comment(issue, text)
        body = {"state": "closed", "state_reason": "completed"}
        self._ask.send("PATCH", f"{self._issues}/{issue.number}", "issues.close", body=body)


def judge(clock: Clock) -> Callable[[Request, Reply], ServiceError | None]:
    """Return what decides: 403 is a limit where headers or words say so."""

    def decide(request: Request, reply: Reply) -> ServiceError | None:
        error = by_status(request, reply)
        if error is None or reply.status not in {403, 429}:
            return error
        until = retry_after(reply, clock) or _reset(reply)
        limited = until or "rate limit" in error.text.lower() or reply.status == 429
        failure = Failure.WAIT if limited else error.failure
        return ServiceError(failure, error.code, error.text, status=reply.status, retry_at=until)

    return decide


def _reset(reply: Reply) -> datetime | None:
    at = reply.headers.get("x-ratelimit-reset", "")
    if reply.headers.get("x-ratelimit-remaining") != "0" or not at.isdecimal() or len(at) > 11:
        return None
    return datetime.fromtimestamp(int(at), UTC)


def _carries(row: dict[str, Any], fingerprint: str) -> bool:
    if "pull_request" in row:
        return False
    labels = row.get("labels")
    names = (
        [each.get("name") for each in labels if isinstance(each, dict)] if isinstance(labels, list) else []
    )
    return label(fingerprint) in names or mark(fingerprint) in str(row.get("title"))


def _issue(row: dict[str, Any]) -> Issue:
    number = str(row.get("number"))
    return Issue(number, web_link(row.get("html_url"), ""), row.get("state") == "open")
