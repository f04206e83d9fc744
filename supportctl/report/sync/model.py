"""What the renderers of a comparison know: the result, whose systems they are, and who works there."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from integrations.sync.findings import clock_finding
from supportctl.core.errors import EXIT_FAULT, EXIT_OK, EXIT_UNKNOWN, EXIT_WARNING
from supportctl.core.finding import Status, worst
from supportctl.report.systems import SYSTEMS

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime, tzinfo

    from integrations.sync.model import Settled, SyncResult
    from supportctl.catalog import Catalog
    from supportctl.core.finding import Finding
    from supportctl.core.report import ReportedFinding

SCHEMA = "supportctl.gaps/1"


class Side(NamedTuple):
    """One account: its name in the configuration, and the name of the vendor's system."""

    name: str
    kind: str

    @property
    def system(self) -> str:
        """The system as people call it."""
        return SYSTEMS.get(self.kind, self.kind)


class SyncReport(NamedTuple):
    """One comparison, as it is told.

    `complete` is False if one side could not be read whole, or hides calls from us: then nothing that is
    missing is claimed to be. `problems` are what the connection checks say of it. `extensions` and `users`
    are names of employees, by the inner number and by the CRM's id; `dismissed` are inner numbers.
    `settled` is empty unless every call is
    shown.
    """

    source: Side
    crm: Side
    result: SyncResult
    started_at: datetime
    duration_s: float
    tool_version: str
    zone: tzinfo | None = None
    zone_name: str = ""
    site: str | None = None
    site_name: str | None = None
    complete: bool = True
    interrupted: bool = False
    verified: bool = False
    problems: tuple[ReportedFinding, ...] = ()
    found: tuple[Finding, ...] = ()  # the problems before they were put into words
    extensions: Mapping[str, str] = {}
    dismissed: frozenset[str] = frozenset()
    users: Mapping[str, str] = {}
    settled: tuple[Settled, ...] = ()


def verdict(report: SyncReport, catalog: Catalog) -> Status:
    """Return the worst of the gaps, of the connections' problems and of what could not be read."""
    statuses = [problem.status for problem in report.problems]
    statuses += [Status(catalog.facts(code).statuses[0]) for code in report.result.counts()]
    clocks = clock_finding(report.result.clock, report.crm.name)
    if clocks is not None:
        statuses.append(clocks.status)
    if not report.complete or report.interrupted:
        statuses.append(Status.UNKNOWN)
    if report.result.rejected:
        statuses.append(Status.WARNING)
    return worst(statuses or [Status.OK])


def exit_code(report: SyncReport, catalog: Catalog) -> int:
    """Return 0 for no gap, 3 for a fault, 4 for warnings only, 5 for what could not be told."""
    return {
        Status.FAULT: EXIT_FAULT,
        Status.WARNING: EXIT_WARNING,
        Status.OK: EXIT_OK,
    }.get(verdict(report, catalog), EXIT_UNKNOWN)
