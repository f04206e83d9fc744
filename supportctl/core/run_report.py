"""The report of one run of a playbook, `supportctl.run-report/1`, and its packet, `supportctl.handover/1`.

The renderers know nothing but this. JSON Schema comes from these classes (docs/contract.md). Times within a
run are seconds since it began.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from supportctl.core.report import ReportedFinding, Risk  # noqa: TC001  pydantic resolves them

SCHEMA = "supportctl.run-report/1"
HANDOVER_SCHEMA = "supportctl.handover/1"

RunOutcome = Literal["running", "solved", "handed-over", "out-of-scope", "gave-up"]
Open = Literal[
    "no-time", "refused", "skipped", "unclear", "stopped", "unfinished", "not-reached"
]  # why a hypothesis is still open


@dataclass(frozen=True, slots=True)
class Played:
    """The playbook as it was when it ran; `digest` is the SHA-256 of its file and of what it includes."""

    name: str
    title: str
    version: int
    digest: str


@dataclass(frozen=True, slots=True)
class Cause:
    """A hypothesis by its name in the playbook, in words."""

    id: str
    text: str


@dataclass(frozen=True, slots=True)
class OpenCause:
    """A hypothesis that nobody has ruled out. `why_text` is `why` in words."""

    id: str
    text: str
    why: Open
    why_text: str


@dataclass(frozen=True, slots=True)
class Changed:
    """A problem that came or went with a step."""

    code: str
    title: str
    came: bool


@dataclass(frozen=True, slots=True)
class StepTaken:
    """One step: `text` is what was said or done, `result` the planner's word, `result_text` in words."""

    id: str
    kind: str
    text: str
    at_s: float
    result: str
    result_text: str
    changed: tuple[Changed, ...]


@dataclass(frozen=True, slots=True)
class ActionTaken:
    """Something that was changed, or was to be. `undone` is None where nothing had to be brought back."""

    step: str
    action: str
    text: str
    risk: Risk
    params: dict[str, str]
    at_s: float
    result: str
    result_text: str
    undone: bool | None
    changed: tuple[Changed, ...]


@dataclass(frozen=True, slots=True)
class QuestionAsked:
    """A question and its answer as it was given; `answer_text` has the words of the choice (None: none)."""

    step: str
    kind: str
    question: str
    why: str
    of: str
    at_s: float
    answer: str | float | None
    answer_text: str | None


@dataclass(frozen=True, slots=True)
class ReplyShown:
    """A ready answer, with its facts filled in."""

    step: str
    channel: str
    text: str
    at_s: float


@dataclass(frozen=True, slots=True)
class RunFinding:
    """A finding as it was seen last. `gone_s` is when it was not found any more, None: it is still there."""

    finding: ReportedFinding
    first_s: float
    last_s: float
    gone_s: float | None


@dataclass(frozen=True, slots=True)
class NotChecked:
    """What nobody looked at, and why."""

    what: str
    why: str


@dataclass(frozen=True, slots=True)
class NextStep:
    """Who goes on, with which command, and what the customer is told meanwhile."""

    who: str
    text: str
    command: str | None
    say: str


@dataclass(frozen=True, slots=True)
class RunReport:
    """One run of a playbook, told in one language (`lang`)."""

    schema: str
    tool_version: str
    lang: str
    run: str
    playbook: Played
    ticket: str | None
    site: str | None
    site_name: str | None
    operator: str | None
    dry_run: bool
    started_at: str
    duration_s: float
    budget_s: float
    outcome: RunOutcome
    why: str | None
    to: str | None
    reason: str
    cause: Cause | None
    ruled_out: tuple[Cause, ...]
    remaining: tuple[OpenCause, ...]
    steps: tuple[StepTaken, ...]
    actions: tuple[ActionTaken, ...]
    questions: tuple[QuestionAsked, ...]
    replies: tuple[ReplyShown, ...]
    findings: tuple[RunFinding, ...]
    not_checked: tuple[NotChecked, ...]
    next_step: NextStep

    def problems(self) -> tuple[RunFinding, ...]:
        """Return what is wrong still, worst first."""
        return tuple(
            each
            for each in self.findings
            if each.gone_s is None and each.finding.status.value in {"fault", "warning", "unknown"}
        )

    def went(self) -> tuple[RunFinding, ...]:
        """Return the problems that went during the run."""
        return tuple(each for each in self.findings if each.gone_s is not None)

    def stops_sales(self) -> bool:
        """Return whether a problem that is there still stops sales."""
        return any(each.finding.stops_sales for each in self.problems())


@dataclass(frozen=True, slots=True)
class PacketFile:
    """A file of the bundle."""

    name: str
    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class NotCollected:
    """What the bundle does not hold, and why."""

    what: str
    why: str


@dataclass(frozen=True, slots=True)
class Handover:
    """What the next line gets: the report of the run, what lies beside it, what was left out."""

    schema: str
    run: str
    made_at: str
    to: str | None
    stops_sales: bool
    resume: str | None
    report: RunReport
    files: tuple[PacketFile, ...]
    not_collected: tuple[NotCollected, ...]
