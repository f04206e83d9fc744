"""One cause, one finding: consequences of a broken host or network are marked as such, across targets."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from supportctl.core.finding import Finding, Status

if TYPE_CHECKING:
    from collections.abc import Iterable

# These say something about the host, not about one port of it.
_HOST_LEVEL = {"link.no-route", "link.dns", "link.timeout"}
# And these about this computer, whichever target showed it.
_COMPUTER_LEVEL = {"host.clock-drift"}


def one_cause_one_finding(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Return the findings; of those with the same broken host only the first stays, the rest are skipped."""
    first: dict[tuple[str, str], Finding] = {}
    kept: list[Finding] = []
    for finding in findings:
        key = (urlsplit(finding.target).hostname or "", finding.code)
        if finding.code in _COMPUTER_LEVEL and finding.status is not Status.OK:
            key = ("this computer", finding.code)
        if finding.code in _HOST_LEVEL | _COMPUTER_LEVEL and finding.status is not Status.SKIPPED and key[0]:
            if key in first:
                kept.append(finding._replace(status=Status.SKIPPED, because=finding.code))
                continue
            first[key] = finding
        kept.append(finding)
    return tuple(kept)
