"""Where a problem is, in the words of somebody who stands in the shop."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from supportctl.report import wording

if TYPE_CHECKING:
    from supportctl.catalog import Catalog
    from supportctl.core.report import Report, ReportedFinding

# These say what is wrong with any device: the device has to be named.
_SAYS_NO_DEVICE = ("link.", "check.")
# A name from the configuration is shown unless it is an address: a cashier cannot do anything with one.
_ADDRESS = re.compile(
    r"://|/dev/|\bcom\d+\b|\btty|\d+\.\d+\.\d+\.\d+|:\d+|\\x|[0-9a-f]{8,}|0x", re.IGNORECASE
)
_MAX_NAME = 40


class Places:
    """Names places in one report: a device is told apart only where the shop has several of its kind."""

    def __init__(self, report: Report, catalog: Catalog) -> None:
        self._catalog = catalog
        self._targets: dict[str, set[str]] = {}
        for finding in report.findings:
            self._targets.setdefault(self._kind(finding), set()).add(finding.target)

    def of(self, finding: ReportedFinding) -> str:
        """Return "Till", "Network", "Receipt printer", or with the name: "Receipt printer (bar)"."""
        if wording.is_computer(finding):
            network = finding.code.startswith("net.")
            return self._catalog.phrase("report.place-network" if network else "report.place-computer")
        kind = self._kind(finding)
        named = finding.code.startswith(_SAYS_NO_DEVICE)
        place = kind if named and kind else self._catalog.phrase("report.place-till")
        several = len(self._targets[kind]) > 1
        name = _readable(finding.name)
        return f"{place} ({name})" if name and (several or (named and not kind)) else place

    def _kind(self, finding: ReportedFinding) -> str:
        """Return what the target is by its protocol, "" if that says nothing."""
        protocol = finding.target.partition("://")[0].partition("+")[0]
        try:
            return self._catalog.phrase(f"report.kind-{protocol}")
        except KeyError:
            return ""


def _readable(name: str | None) -> str:
    if not name or len(name) > _MAX_NAME or _ADDRESS.search(name):
        return ""
    return name.replace("-", " ").replace("_", " ")
