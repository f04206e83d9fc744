"""What changed between two reports of the same check. Pure: two reports in, changes out."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, NamedTuple

from supportctl.core.finding import Status
from supportctl.report import wording
from supportctl.report.as_json import finding_document
from supportctl.report.as_text import STYLES
from supportctl.report.layout import painted
from supportctl.report.outline import PROBLEMS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from supportctl.catalog import Catalog
    from supportctl.core.report import Report, ReportedFinding

SCHEMA = "supportctl.changes/1"
_LABEL = 10


class Gone(NamedTuple):
    """A problem that is not reported any more. `mended`: its target was asked and answered well.

    Otherwise it can only not be seen now, say because the network went away.
    """

    finding: ReportedFinding
    mended: bool


class Changed(NamedTuple):
    """The same problem of the same target, in other words or with another status."""

    before: ReportedFinding
    after: ReportedFinding


class Changes(NamedTuple):
    """What differs, and the two verdicts. False when nothing differs."""

    current: Report
    verdict_before: Status
    appeared: tuple[ReportedFinding, ...]
    disappeared: tuple[Gone, ...]
    changed: tuple[Changed, ...]

    def __bool__(self) -> bool:
        return bool(self.appeared or self.disappeared or self.changed)


def changes(previous: Report, current: Report) -> Changes:
    """Return the problems that came, went or changed; passes and skips are not news."""
    before, after = _by_key(previous), _by_key(current)
    appeared: list[ReportedFinding] = []
    disappeared: list[Gone] = []
    changed: list[Changed] = []
    for key in dict.fromkeys((*after, *before)):
        came, went = _unequal(after.get(key, []), before.get(key, []))
        paired = min(len(came), len(went))
        changed += [Changed(old, new) for old, new in zip(went[:paired], came[:paired], strict=True)]
        appeared += came[paired:]
        disappeared += [Gone(finding, _mended(finding, current)) for finding in went[paired:]]
    return Changes(current, previous.verdict, tuple(appeared), tuple(disappeared), tuple(changed))


def changes_text(found: Changes, catalog: Catalog, *, color: bool = False) -> str:
    """Return a line a change, with the time, then the verdict if that changed, too."""
    at = wording.time_of_day(found.current.started_at)
    lines = [_line(at, "appeared", new, catalog, color=color) for new in found.appeared]
    for before, after in found.changed:
        was = catalog.phrase(
            "report.change-was",
            status=catalog.phrase(f"report.status-{before.status.value}"),
            title=before.title,
        )
        lines.append(f"{_line(at, 'changed', after, catalog, color=color)} ({was})")
    for finding, mended in found.disappeared:
        word = "mended" if mended else "lost"
        why = "" if mended else f" ({catalog.phrase('report.change-lost-why')})"
        lines.append(_line(at, word, finding, catalog, color=color) + why)
    if found.verdict_before is not found.current.verdict:
        said = catalog.phrase("report.change-verdict", verdict=wording.verdict(found.current, catalog))
        lines.append(f"{at} {painted(said, STYLES[found.current.verdict], color=color)}")
    return "\n".join(lines) + "\n"


def changes_json(found: Changes) -> str:
    """Return one document on one line: `supportctl.changes/1`."""
    document = {
        "schema": SCHEMA,
        "at": found.current.started_at,
        "verdict_before": found.verdict_before,
        "verdict": found.current.verdict,
        "counts": found.current.counts,
        "appeared": [finding_document(finding) for finding in found.appeared],
        "disappeared": [{**_named(gone.finding), "mended": gone.mended} for gone in found.disappeared],
        "changed": [
            {**finding_document(after), "status_before": before.status, "title_before": before.title}
            for before, after in found.changed
        ],
    }
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")) + "\n"


def _named(finding: ReportedFinding) -> dict[str, str | None]:
    return {
        "code": finding.code,
        "target": finding.target,
        "name": finding.name,
        "status_before": finding.status,
        "title": finding.title,
    }


def _line(at: str, word: str, finding: ReportedFinding, catalog: Catalog, *, color: bool) -> str:
    status = Status.OK if word == "mended" else Status.UNKNOWN if word == "lost" else finding.status
    label = catalog.phrase(f"report.change-{word}").ljust(_LABEL)
    if word in {"appeared", "changed"}:
        label += f" {catalog.phrase(f'report.status-{status.value}')}"
    where = wording.label(finding, catalog)
    return f"{at} {painted(label, STYLES[status], color=color)} {finding.code} [{where}] {finding.title}"


def _by_key(report: Report) -> dict[tuple[str, str], list[ReportedFinding]]:
    found: dict[tuple[str, str], list[ReportedFinding]] = {}
    for finding in report.with_status(*PROBLEMS):
        found.setdefault((finding.target, finding.code), []).append(finding)
    return found


def _unequal(
    after: Iterable[ReportedFinding], before: Iterable[ReportedFinding]
) -> tuple[list[ReportedFinding], list[ReportedFinding]]:
    """Drop what is said in both reports: one code can be said of several disks or services of one target."""
    went = list(before)
    came = []
    for finding in after:
        same = next((old for old in went if _said(old) == _said(finding)), None)
        if same is None:
            came.append(finding)
        else:
            went.remove(same)
    return came, went


def _said(finding: ReportedFinding) -> tuple[object, ...]:
    return finding.status, finding.title, finding.stops_sales


def _mended(finding: ReportedFinding, current: Report) -> bool:
    """Mended: a question that proves it was answered well, or the target answered without a gap."""
    now = [other for other in current.findings if other.target == finding.target]
    passed = {other.code for other in now if other.status is Status.OK}
    if passed & {remedy.verify for remedy in finding.remedies}:
        return True
    gaps = any(
        other.status in {Status.SKIPPED, Status.UNKNOWN} or other.code.startswith("link.")
        for other in now
        if other.status is not Status.OK
    )
    return bool(passed) and not gaps
