"""The last gate before a report is shown: no secret and nothing that acts on a terminal or a page passes.

Probes clean what they read; this holds even where a plug-in forgot to.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

from supportctl.core.redaction import redact
from supportctl.core.text import clean

if TYPE_CHECKING:
    from collections.abc import Iterable

    from supportctl.core.report import EvidenceItem, Report, ReportedFinding

_LINE_LIMIT = 8000
_PAINTED = "\x1b"
T = TypeVar("T", str, "str | None")


def presentable(report: Report) -> Report:
    """Return the report with every text redacted, and control and invisible characters made visible."""
    return replace(
        report,
        site=safe(report.site),
        site_name=safe(report.site_name),
        ran_on=safe(report.ran_on),
        findings=tuple(_finding(finding) for finding in report.findings),
    )


def safe(text: T) -> T:
    """Return `text` redacted, each of its lines harmless; None stays None."""
    if not text:
        return text
    shown = redact(text)
    if shown.isprintable():
        return shown
    return "\n".join(clean(line, _LINE_LIMIT) for line in shown.split("\n"))


def text_of(lines: Iterable[str]) -> str:
    """Return lines as one text without secrets. What is others' in a painted line was cleaned before."""
    return "".join(f"{redact(line) if _PAINTED in line else safe(line)}\n" for line in lines)


def _finding(finding: ReportedFinding) -> ReportedFinding:
    return replace(
        finding,
        target=safe(finding.target),
        name=safe(finding.name),
        title=safe(finding.title),
        summary=safe(finding.summary),
        how_we_know=safe(finding.how_we_know),
        reassurance=safe(finding.reassurance),
        explanation=safe(finding.explanation),
        evidence=tuple(_evidence(item) for item in finding.evidence),
        remedies=tuple(replace(remedy, text=safe(remedy.text)) for remedy in finding.remedies),
    )


def _evidence(item: EvidenceItem) -> EvidenceItem:
    return replace(
        item, asked=safe(item.asked), sent=safe(item.sent), got=safe(item.got), meaning=safe(item.meaning)
    )
