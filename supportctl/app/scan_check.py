"""scan-check: one scan or many, from a text, a file or a serial scanner, told as a report."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple

from probes.context import ProbeContext
from probes.links import LinkError, open_link
from probes.scanning.diagnosis import MAX_CHARACTERS, Diagnosis, diagnose
from probes.scanning.findings import findings as told
from supportctl import __version__
from supportctl.catalog import Catalog
from supportctl.catalog.compose import compose
from supportctl.core.clock import SystemClock
from supportctl.core.deadline import Deadline
from supportctl.core.errors import UsageError
from supportctl.core.finding import Status, worst
from supportctl.core.target import Target

if TYPE_CHECKING:
    from pathlib import Path

    from supportctl.core.clock import Clock
    from supportctl.core.finding import Finding
    from supportctl.core.report import Report

MAX_FILE = 4 * 1024 * 1024
MAX_LINES = 20_000
_LINES = re.compile(r"\r\n|\r|\n")  # str.splitlines would break codes at GS, too
_BLANK = " \t\x00\ufeff\x02\x03"


class Scanned(NamedTuple):
    """One scan: what it said, its diagnosis unless nothing readable came, and its `line` in a batch."""

    findings: tuple[Finding, ...]
    diagnosis: Diagnosis | None
    line: int | None = None

    @property
    def verdict(self) -> Status:
        """The worst status of its findings."""
        return worst(finding.status for finding in self.findings)


class ScanCheck(NamedTuple):
    """The report over all scans, and the scans."""

    report: Report
    scans: tuple[Scanned, ...]


def check_text(text: str, lang: str, *, source: str = "argument", clock: Clock | None = None) -> ScanCheck:
    """Return what one scan says. `source` names in the report where it came from.

    Raises:
        UsageError: there is no scan in `text`, several, or more than any symbol holds.
    """
    if len(text) > MAX_CHARACTERS:
        raise UsageError("scan.too-long", found=len(text), limit=MAX_CHARACTERS)
    clock = clock or SystemClock()
    started = clock.monotonic()
    diagnosis = diagnose(text)
    if diagnosis.is_empty:
        raise UsageError("scan.empty", found=text)
    if _is_several(text):
        raise UsageError("scan.several", found=text)
    context = _context(Target("scanner", "scan", source), clock)
    scan = Scanned(tuple(told(context, diagnosis, started=started)), diagnosis)
    return _checked([scan], lang, clock, started)


def check_lines(text: str, lang: str, *, clock: Clock | None = None) -> ScanCheck:
    """Return what each line of `text` says; empty lines are passed over.

    Raises:
        UsageError: there is no line with a scan, or there are too many.
    """
    clock = clock or SystemClock()
    started = clock.monotonic()
    rows = [(number, line) for number, line in enumerate(_LINES.split(text), 1) if line.strip(_BLANK)]
    if not rows:
        raise UsageError("scan.empty-batch")
    if len(rows) > MAX_LINES:
        raise UsageError("scan.too-many", found=len(rows), limit=MAX_LINES)
    return _checked([_line(number, line, clock) for number, line in rows], lang, clock, started)


def check_scanner(target: Target, lang: str, *, deadline_s: float, clock: Clock | None = None) -> ScanCheck:
    """Return what the next scan of a serial scanner says: it is waited for until the deadline."""
    from probes.devices.scanner import listen
    from probes.devices.scanner import told as told_by_scanner

    clock = clock or SystemClock()
    started = clock.monotonic()
    context = ProbeContext(target, Deadline.after(deadline_s, clock), clock, open_link)
    found: list[Finding]
    diagnosis = None
    try:
        with context.open_link() as link:
            heard = listen(context, link, deadline_s)
        if heard.data:
            found, diagnosis = told_by_scanner(context, heard)
        else:
            seconds = round(clock.monotonic() - heard.started)
            seen = context.evidence("listen", "scanner.no-scan-came", started=heard.started, seconds=seconds)
            found = [context.unknown("scanner.no-scan", seen, seconds=seconds)]
    except LinkError as error:
        found = [context.link_failed(error)]
    return _checked([Scanned(tuple(found), diagnosis)], lang, clock, started)


def scanner_target(word: str, config: Path | None) -> Target:
    """Return the scanner that `word` names: a URL, or a name of the configuration.

    Raises:
        UsageError: it is neither, or another device.
    """
    from supportctl.app.config_file import load_config
    from supportctl.app.targets import resolve_target

    target = resolve_target(word, None if config is None and "://" in word else load_config(config))
    if target.protocol not in {None, "scanner"} or target.wire not in {"serial", "rfc2217", "tcp"}:
        raise UsageError("scan.not-a-scanner", found=target.url)
    return target.speaking("scanner")


def read_batch(path: Path) -> bytes:
    """Return a file's content.

    Raises:
        UsageError: it cannot be read, or is too big.
    """
    try:
        with path.open("rb") as file:
            return file.read(MAX_FILE + 1)
    except OSError as error:
        raise UsageError("scan.cannot-read", found=path, reason=error.strerror or error) from error


def decoded(data: bytes) -> str:
    """Return the text of bytes from a file or from standard input, whatever program wrote them.

    Raises:
        UsageError: there are too many.
    """
    if len(data) > MAX_FILE:
        raise UsageError("scan.file-too-big", limit=MAX_FILE // 1024 // 1024)
    if data[:2] in {b"\xff\xfe", b"\xfe\xff"}:
        return data.decode("utf-16", "replace")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("cp1251", "replace")  # the usual one of a Russian Windows


def scan_document(diagnosis: Diagnosis) -> dict[str, Any]:
    """Return the key `scan` of the document (docs/contract.md)."""
    return {
        "raw": diagnosis.raw,
        "symbology": diagnosis.symbology,
        "kind": diagnosis.kind,
        "corrected": diagnosis.corrected,
        "elements": diagnosis.elements(),
    }


def document(checked: ScanCheck, *, batch: bool) -> dict[str, Any]:
    """Return the report as JSON values with `scan`, or `scans` for a batch."""
    from supportctl.report.as_json import document as report_document
    from supportctl.report.presentable import presentable

    fields = report_document(presentable(checked.report))
    if not batch:
        only = checked.scans[0].diagnosis
        return {**fields, "scan": scan_document(only) if only else None}
    return {**fields, "scans": [_row(scan) for scan in checked.scans]}


def _row(scan: Scanned) -> dict[str, Any]:
    codes = [finding.code for finding in scan.findings if finding.status is not Status.OK]
    told_ = scan_document(scan.diagnosis) if scan.diagnosis else None
    return {"line": scan.line, "verdict": scan.verdict.value, "codes": codes, "scan": told_}


def _line(number: int, line: str, clock: Clock) -> Scanned:
    context = _context(Target("scanner", "scan", "line", path=f"/{number}"), clock)
    started = clock.monotonic()
    if len(line) > MAX_CHARACTERS:
        seen = context.evidence(
            "scan", "scanner.line-too-long", started=started, got=line, limit=MAX_CHARACTERS
        )
        return Scanned((context.unknown("scanner.not-understood", seen),), None, number)
    diagnosis = diagnose(line)
    found = told(context, diagnosis, started=started)
    kept = tuple(f for f in found if f.status is not Status.OK or f.code == "scanner.code")
    return Scanned(kept, diagnosis, number)


def _is_several(text: str) -> bool:
    """Return whether several scans stand in `text`, rather than one of several lines (a business card)."""
    lines = [line for line in _LINES.split(text) if line.strip(_BLANK)]
    if len(lines) < 2:
        return False
    known = {
        "marking",
        "tobacco-pack",
        "gs1",
        "sscc",
        "ean-13",
        "ean-13-in-store",
        "ean-8",
        "upc-a",
        "itf-14",
    }
    return diagnose(lines[0]).kind in known


def _context(target: Target, clock: Clock) -> ProbeContext:
    return ProbeContext(target, Deadline.after(60, clock), clock, open_link)


def _checked(scans: list[Scanned], lang: str, clock: Clock, started: float) -> ScanCheck:
    report = compose(
        [finding for scan in scans for finding in scan.findings],
        Catalog(lang),
        tool_version=__version__,
        started_at=clock.now(),
        duration_s=clock.monotonic() - started,
    )
    return ScanCheck(report, tuple(scans))
