"""scan-check for people: what the scan is, what it should have been, what is wrong and what to do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from probes.scanning.reading import PROVEN
from supportctl.core.finding import Status
from supportctl.core.text import clean
from supportctl.report import wording
from supportctl.report.as_text import STYLES
from supportctl.report.layout import DEFAULT_WIDTH, columns, painted, wrap
from supportctl.report.presentable import presentable

if TYPE_CHECKING:
    from probes.scanning.diagnosis import Diagnosis
    from supportctl.app.scan_check import ScanCheck, Scanned
    from supportctl.catalog import Catalog
    from supportctl.core.report import Report, ReportedFinding

_GAP = "  "
_SHOWN = 300  # characters of a code
_BATCH_SHOWN = 60
_PROBLEMS = (Status.FAULT, Status.UNKNOWN, Status.WARNING)
_LABELS = ("scanned", "is", "symbol", "should-be")


def scan_lines(
    checked: ScanCheck, catalog: Catalog, *, width: int | None = None, color: bool = False
) -> list[str]:
    """Return one scan in words: the verdict, the code, then each problem with what to do about it."""
    report, scan = presentable(checked.report), checked.scans[0]
    room = width or DEFAULT_WIDTH
    problems = report.with_status(*_PROBLEMS)
    lines = []
    for line in _verdict(report, problems, scan, catalog):
        lines += [painted(part, STYLES[report.verdict], color=color) for part in wrap(line, room)]
    if scan.diagnosis is not None:
        lines += ["", *_code(scan.diagnosis, catalog, room)]
    for finding in problems:
        heading = wrap(finding.title, room) if len(problems) > 1 else []
        lines += ["", *heading, *_problem(finding, catalog, room)]
    return lines


def batch_lines(
    checked: ScanCheck, catalog: Catalog, *, width: int | None = None, color: bool = False
) -> list[str]:
    """Return a line for each scan with a problem, the code as it should have been below, and the sum."""
    room = width or DEFAULT_WIDTH
    lines: list[str] = []
    for scan in checked.scans:
        if scan.verdict is not Status.OK:
            codes = ", ".join(f.code for f in scan.findings if f.status is not Status.OK)
            word = catalog.phrase(f"report.status-{scan.verdict.value}")
            told = catalog.phrase("scan.batch-line", line=scan.line, codes=codes)
            lines.append(f"{painted(word, STYLES[scan.verdict], color=color)}{_GAP}{told}")
            lines += _batch_code(scan, catalog, room)
    bad = sum(scan.verdict is not Status.OK for scan in checked.scans)
    count = wording.counted(catalog, "scan.batch-count", len(checked.scans))
    rest = catalog.phrase("scan.batch-well") if not bad else wording.counted(catalog, "scan.batch-bad", bad)
    return [*lines, *([""] if lines else []), f"{count} {rest}"]


def shown(code: str, limit: int = _SHOWN) -> str:
    """Return a code with its separators written out and nothing in it that is invisible."""
    return clean(code.replace("\x1d", "<GS>"), limit)


def _verdict(
    report: Report, problems: tuple[ReportedFinding, ...], scan: Scanned, catalog: Catalog
) -> list[str]:
    if problems:
        return [f"{finding.title}." for finding in problems]
    if scan.diagnosis is None:
        return [finding.title for finding in report.findings]
    proven = scan.diagnosis.reading.sure == PROVEN
    key = "scan.fine" if proven else "scan.nothing-wrong"
    return [catalog.phrase(key, kind=_kind(scan.diagnosis, catalog))]


def _kind(diagnosis: Diagnosis, catalog: Catalog) -> str:
    kind = catalog.meaning(f"scanner.kind-{diagnosis.kind}", {})
    group = diagnosis.reading.group
    return f"{kind}: {catalog.meaning(group, {})}" if group else kind


def _code(diagnosis: Diagnosis, catalog: Catalog, room: int) -> list[str]:
    """Return the rows about the code itself."""
    known = diagnosis.corrected
    rows = [("scanned", shown(diagnosis.raw)), ("is", _kind(diagnosis, catalog))]
    if diagnosis.aim is not None:
        rows.append(("symbol", f"{diagnosis.aim.id}, {diagnosis.aim.name}"))
    if diagnosis.problems:
        rows.append(("should-be", shown(known) if known is not None else catalog.phrase("scan.cannot-know")))
    named = [(catalog.phrase(f"scan.{label}"), text) for label, text in rows]
    named += [(f"({ai})", shown(value)) for ai, value in diagnosis.elements().items()]
    margin = max(columns(catalog.phrase(f"scan.{label}")) for label in _LABELS)
    lines = []
    for label, text in named:
        lines += wrap(text, room, _GAP + label + " " * (margin - columns(label)) + _GAP)
    return lines


def _problem(finding: ReportedFinding, catalog: Catalog, room: int) -> list[str]:
    lines: list[str] = []
    for item in finding.evidence:
        if item.meaning:
            lines += wrap(catalog.phrase("scan.seen", meaning=item.meaning), room, _GAP)
    lines += wrap(finding.reassurance, room, _GAP) if finding.reassurance else []
    for number, remedy in enumerate(finding.remedies, 1):
        who, minutes = wording.who(remedy.who, catalog), wording.minutes(remedy, catalog)
        text = catalog.phrase("scan.step", text=remedy.text, who=who, minutes=minutes)
        lines += wrap(text, room, f"{_GAP}{number}. ")
    return [*lines, *wrap(catalog.phrase("scan.explain", code=finding.code), room, _GAP)]


def _batch_code(scan: Scanned, catalog: Catalog, room: int) -> list[str]:
    if scan.diagnosis is None:
        return []
    raw, known = scan.diagnosis.raw, scan.diagnosis.corrected
    told = shown(known, _BATCH_SHOWN) if known is not None else catalog.phrase("scan.cannot-know")
    text = catalog.phrase("scan.batch-code", raw=shown(raw, _BATCH_SHOWN), corrected=told)
    return wrap(text, room, _GAP)
