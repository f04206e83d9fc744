"""One line for Nagios and its kin: state, text, performance data (Monitoring Plugins guidelines)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from supportctl.core.finding import Status
from supportctl.report import wording

if TYPE_CHECKING:
    from supportctl.catalog import Catalog
    from supportctl.core.report import Report, ReportedFinding

STATES = {
    Status.OK: ("OK", 0),
    Status.WARNING: ("WARNING", 1),
    Status.FAULT: ("CRITICAL", 2),
    Status.UNKNOWN: ("UNKNOWN", 3),
    Status.SKIPPED: ("UNKNOWN", 3),
}
_SHOWN = 4
_MAX_TEXT = 900  # old daemons cut a line of output at 1024 bytes or less


def render_nagios(report: Report, catalog: Catalog) -> str:
    """Return `SUPPORTCTL STATE - text | performance data`, one line."""
    state, _code = STATES[report.verdict]
    problems = report.with_status(Status.FAULT, Status.UNKNOWN, Status.WARNING)
    said = [wording.verdict(report, catalog), *(_problem(finding, catalog) for finding in problems[:_SHOWN])]
    if len(problems) > _SHOWN:
        said.append(catalog.phrase("report.more", n=len(problems) - _SHOWN))
    text = _one_line(" ".join([said[0], "; ".join(said[1:])]).strip())
    return f"SUPPORTCTL {state} - {text} | {_performance(report)}\n"


def _problem(finding: ReportedFinding, catalog: Catalog) -> str:
    return f"{finding.code} [{wording.label(finding, catalog)}] {finding.title}"


def _one_line(text: str) -> str:
    """`|` begins the performance data and a line end begins long output: neither may come from a device."""
    flat = " ".join(text.split()).replace("|", "/")
    return flat if len(flat) <= _MAX_TEXT else flat[: _MAX_TEXT - 1] + "…"


def _performance(report: Report) -> str:
    count = report.counts.get
    figures = (
        f"faults={count('fault', 0)};;0;0",
        f"warnings={count('warning', 0)};0;;0",
        f"unknown={count('unknown', 0)};;;0",
        f"skipped={count('skipped', 0)};;;0",
        f"passed={count('ok', 0)};;;0",
        f"time={report.duration_s:.3f}s;;;0",
    )
    return " ".join(figures)
