"""A report in reading order: problems with what follows from them, what passed, what was not checked."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlsplit

from supportctl.core.finding import Status

if TYPE_CHECKING:
    from supportctl.core.report import Report, ReportedFinding

PROBLEMS = (Status.FAULT, Status.UNKNOWN, Status.WARNING)


class Problem(NamedTuple):
    """A finding that somebody acts on, and the skipped ones that wait for it."""

    finding: ReportedFinding
    follows: tuple[ReportedFinding, ...]


class Outline(NamedTuple):
    """The parts of a report. `not_checked` are all skipped findings, also those listed below a problem."""

    problems: tuple[Problem, ...]
    passed: tuple[ReportedFinding, ...]
    not_checked: tuple[ReportedFinding, ...]


def outline(report: Report) -> Outline:
    """Return the parts of `report`; every skipped finding stands below at most one cause: the nearest one."""
    problems = report.with_status(*PROBLEMS)
    skipped = report.with_status(Status.SKIPPED)
    follows: dict[int, list[ReportedFinding]] = {}
    for finding in skipped:
        causes = [place for place, problem in enumerate(problems) if problem.code == finding.because]
        if causes:
            nearest = min(causes, key=lambda place: _distance(problems[place], finding))
            follows.setdefault(nearest, []).append(finding)
    return Outline(
        tuple(Problem(problem, tuple(follows.get(place, ()))) for place, problem in enumerate(problems)),
        report.with_status(Status.OK),
        skipped,
    )


def _distance(cause: ReportedFinding, finding: ReportedFinding) -> int:
    if cause.target == finding.target:
        return 0
    return 1 if _host(cause.target) == _host(finding.target) else 2


def _host(target: str) -> str | None:
    try:
        return urlsplit(target).hostname
    except ValueError:
        return None
