"""The issues of a simulated tracker, and what its portals have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

from integrations.lab.portal import Portal, Said

if TYPE_CHECKING:
    from collections.abc import Mapping

    from supportctl.core.clock import Clock

PROJECT = "integrations"
KEY = "lab-tracker-key-0123456789abcdef"


class Note(NamedTuple):
    """A comment."""

    at: str
    text: str


class LabIssue:
    """One issue; `status` is its number in the tracker's own list."""

    def __init__(self, number: int, at: str, title: str, text: str) -> None:
        self.number = number
        self.at = at
        self.title = title
        self.text = text
        self.labels: list[str] = []
        self.status = 1
        self.closed_at: str | None = None
        self.notes: list[Note] = []

    @property
    def is_open(self) -> bool:
        """Whether work goes on."""
        return self.closed_at is None


class TrackerPortal(Portal):
    """A tracker with one project. Its issues are numbered from 1."""

    own_faults: ClassVar[Mapping[str, str]] = {
        "key-revoked": "401: the key is no more",
        "forbidden": "403: this user may not",
        "throttled": "429 with Retry-After",
        "slow-index": "new issues are not found for the next requests",
    }

    def __init__(self, clock: Clock, name: str = "") -> None:
        super().__init__(clock, name)
        self.issues: list[LabIssue] = []

    def now(self) -> str:
        """Return the time as trackers write it."""
        return self.clock.now().isoformat(timespec="seconds")

    def add(self, title: str, text: str, labels: list[str] | None = None) -> LabIssue:
        """Make an issue."""
        issue = LabIssue(len(self.issues) + 1, self.now(), title, text)
        issue.labels = labels or []
        self.issues.append(issue)
        return issue

    def issue(self, number: str) -> LabIssue | None:
        """Return an issue by its number."""
        place = int(number) - 1 if number.isdecimal() and len(number) < 9 else -1
        return self.issues[place] if 0 <= place < len(self.issues) else None

    def newest_first(self) -> list[LabIssue]:
        """Return what a search sees."""
        known = self.issues[:-1] if self._hits("slow-index", "search") else self.issues
        return known[::-1]

    def note(self, issue: LabIssue, text: str) -> None:
        """Add a comment."""
        issue.notes.append(Note(self.now(), text))

    def close_issue(self, issue: LabIssue) -> None:
        """End it."""
        issue.closed_at = issue.closed_at or self.now()

    def refusal(self, operation: str, key: str) -> Said | None:
        """Return what the faults and a wrong key are answered with; `key` is what the request carries."""
        if key != KEY or self._hits("key-revoked", operation):
            return self.refuse(401)
        if self._hits("forbidden", operation):
            return self.refuse(403)
        if self._hits("throttled", operation):
            return self.refuse(429)
        return None

    def refuse(self, status: int) -> Said:
        """Return an answer without words; each tracker has its own."""
        more = (("Retry-After", "5"),) if status == 429 else ()
        return Said(status, b"", headers=more)

    def state(self) -> dict[str, Any]:
        """Return the issues."""
        return {
            "issues": [
                {
                    "number": issue.number,
                    "open": issue.is_open,
                    "title": issue.title,
                    "text": issue.text,
                    "labels": issue.labels,
                    "comments": [note.text for note in issue.notes],
                }
                for issue in self.issues
            ]
        }
