"""JUnit XML, for CI servers: a suite for each target, a case for each question."""

from __future__ import annotations

import re
from datetime import datetime
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

from supportctl.core.finding import Status
from supportctl.report import wording

if TYPE_CHECKING:
    from supportctl.catalog import Catalog
    from supportctl.core.report import Report, ReportedFinding

# Char of XML 1.0 (section 2.2): everything else may not stand in a document, not even escaped.
_ILLEGAL = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def render_junit(report: Report, catalog: Catalog) -> str:
    """Return the document: a fault is a failure, unknown an error; a warning passes and says so."""
    root = ET.Element("testsuites", name="supportctl", time=f"{report.duration_s:.3f}")
    _totals(root, report.findings)
    for target, findings in _by_target(report).items():
        suite = ET.SubElement(root, "testsuite", name=_legal(wording.label(findings[0], catalog)))
        _totals(suite, findings)
        suite.set("time", f"{sum(_seconds(finding) for finding in findings):.3f}")
        suite.set("timestamp", _timestamp(report.started_at))
        properties = ET.SubElement(suite, "properties")
        ET.SubElement(properties, "property", name="target", value=_legal(target))
        for finding in findings:
            _case(suite, finding, catalog)
    ET.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(root, encoding="unicode") + "\n"


def _by_target(report: Report) -> dict[str, list[ReportedFinding]]:
    suites: dict[str, list[ReportedFinding]] = {}
    for finding in report.findings:
        suites.setdefault(finding.target, []).append(finding)
    return suites


def _totals(element: ET.Element, findings: tuple[ReportedFinding, ...] | list[ReportedFinding]) -> None:
    statuses = [finding.status for finding in findings]
    element.set("tests", str(len(statuses)))
    element.set("failures", str(statuses.count(Status.FAULT)))
    element.set("errors", str(statuses.count(Status.UNKNOWN)))
    element.set("skipped", str(statuses.count(Status.SKIPPED)))


def _case(suite: ET.Element, finding: ReportedFinding, catalog: Catalog) -> None:
    case = ET.SubElement(
        suite,
        "testcase",
        classname=_legal(wording.label(finding, catalog)),
        name=_legal(finding.code),
        time=f"{_seconds(finding):.3f}",
    )
    title = _legal(finding.title)
    if finding.status is Status.FAULT:
        ET.SubElement(case, "failure", message=title, type=finding.code).text = _advice(finding, catalog)
    elif finding.status is Status.UNKNOWN:
        ET.SubElement(case, "error", message=title, type=finding.code).text = _advice(finding, catalog)
    elif finding.status is Status.SKIPPED:
        because = f" ({finding.because})" if finding.because else ""
        ET.SubElement(case, "skipped", message=_legal(finding.title + because))
    out = _evidence(finding)
    if finding.status is Status.WARNING:
        out = [f"{catalog.phrase('report.status-warning')}: {finding.title}", _advice(finding, catalog), *out]
    if out:
        ET.SubElement(case, "system-out").text = _legal("\n".join(out))


def _advice(finding: ReportedFinding, catalog: Catalog) -> str:
    lines = [finding.explanation]
    for number, remedy in enumerate(finding.remedies, 1):
        person, long = wording.who(remedy.who, catalog), wording.minutes(remedy, catalog)
        lines.append(f"{number}. {remedy.text} ({person}, {long})")
    return _legal("\n".join(line for line in lines if line))


def _evidence(finding: ReportedFinding) -> list[str]:
    return [
        f"{item.at} {item.asked} [{item.sent or ''}] -> [{item.got or ''}] {item.meaning} ({item.ms:.1f} ms)"
        for item in finding.evidence
    ]


def _seconds(finding: ReportedFinding) -> float:
    return sum(item.ms for item in finding.evidence) / 1000


def _timestamp(iso: str) -> str:
    """The schema of JUnit knows local time without an offset only."""
    try:
        return datetime.fromisoformat(iso).replace(tzinfo=None).isoformat(timespec="seconds")
    except ValueError:
        return iso


def _legal(text: str) -> str:
    return _ILLEGAL.sub("", text)
