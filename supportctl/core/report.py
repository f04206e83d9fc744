"""The report that others script against: `supportctl.report/1` of docs/contract.md.

The renderers know nothing but this. JSON Schema comes from these classes (`supportctl check --schema`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from supportctl.core.finding import Status  # noqa: TC001  pydantic resolves the annotations

SCHEMA = "supportctl.report/1"

Who = Literal[
    "cashier",
    "shop-manager",
    "first-line",
    "second-line",
    "administrator",
    "vendor-engineer",
    "developers",
    "bank",
    "provider",
]
Risk = Literal["none", "undoable", "cannot-undo"]


@dataclass(frozen=True, slots=True)
class EvidenceItem:
    """One question and its answer, in words; `at` is ISO 8601, `ms` how long the answer took."""

    asked: str
    sent: str | None
    got: str | None
    meaning: str
    at: str
    ms: float


@dataclass(frozen=True, slots=True)
class Remedy:
    """One thing to do: who does it, how long it takes, what it risks, and which question proves it helped."""

    text: str
    who: Who
    minutes: int
    risk: Risk
    action: str | None
    verify: str | None


@dataclass(frozen=True, slots=True)
class ReportedFinding:
    """A finding in the words of one language.

    `summary`, `how_we_know` and `reassurance` are the sentences for the cashier; `title` and `explanation`
    are for anybody.
    """

    code: str
    status: Status
    target: str
    name: str | None
    stops_sales: bool
    title: str
    summary: str
    how_we_know: str
    reassurance: str
    explanation: str
    because: str | None
    evidence: tuple[EvidenceItem, ...]
    remedies: tuple[Remedy, ...]
    ours: bool
    hand_over_to: str | None


@dataclass(frozen=True, slots=True)
class Report:
    """One run of many probes, told in one language (`lang`)."""

    schema: str
    tool_version: str
    lang: str
    site: str | None
    site_name: str | None
    started_at: str
    duration_s: float
    interrupted: bool
    verdict: Status
    counts: dict[str, int]
    findings: tuple[ReportedFinding, ...]
    ran_on: str | None = None  # the other machine, where it did not run on this one

    def with_status(self, *statuses: Status) -> tuple[ReportedFinding, ...]:
        """Return the findings with one of `statuses`, in the report's order (worst first)."""
        return tuple(finding for finding in self.findings if finding.status in statuses)
