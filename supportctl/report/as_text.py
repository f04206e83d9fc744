"""The report for support: the verdict first, a block for each problem, what was not checked last."""

from __future__ import annotations

from typing import TYPE_CHECKING

from supportctl.core.finding import Status
from supportctl.report import wording
from supportctl.report.layout import DEFAULT_WIDTH, MAX_WIDTH, MIN_WIDTH, columns, painted, wrap
from supportctl.report.outline import Outline, Problem, outline

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from supportctl.catalog import Catalog
    from supportctl.core.report import EvidenceItem, Remedy, Report, ReportedFinding

STYLES = {
    Status.FAULT: "red bold",
    Status.UNKNOWN: "magenta bold",
    Status.WARNING: "yellow bold",
    Status.OK: "green bold",
    Status.SKIPPED: "dim",
}
_LABELS = ("target", "asked", "follows", "do", "hand-over", "explain")
_EVIDENCE_SHOWN, _FOLLOWS_SHOWN, _NOT_CHECKED_SHOWN = 8, 6, 6
_GAP = "  "


def render_text(report: Report, catalog: Catalog, *, color: bool = False, width: int | None = None) -> str:
    """Return the report as text of at most `width` columns (default 100); colours only with `color`."""
    page = _Page(catalog, color=color, width=max(MIN_WIDTH, min(width or DEFAULT_WIDTH, MAX_WIDTH)))
    parts = outline(report)
    lines = [*page.header(report)]
    for problem in parts.problems:
        lines += ["", *page.problem(problem)]
    lines += ["", *page.footer(report, parts)]
    return "\n".join(lines) + "\n"


class _Page:
    """The words, the width and the colours of one rendering."""

    def __init__(self, catalog: Catalog, *, color: bool, width: int) -> None:
        self._catalog = catalog
        self._color = color
        self._width = width
        self._indent = _GAP + " " * max(columns(self._say(f"label-{name}")) for name in _LABELS) + _GAP

    def header(self, report: Report) -> Iterator[str]:
        said = f"{wording.verdict(report, self._catalog)} {wording.clock(report, self._catalog)}"
        for line in wrap(said, self._width):
            yield self._paint(line, STYLES[report.verdict])
        place = ", ".join(part for part in (report.site, report.site_name, report.ran_on) if part)
        about = " - ".join(part for part in (place, wording.moment(report.started_at, self._catalog)) if part)
        for line in wrap(about, self._width):
            yield self._paint(line, "dim")

    def problem(self, problem: Problem) -> Iterator[str]:
        finding = problem.finding
        yield from self._heading(finding)
        yield from wrap(finding.title, self._width, _GAP)
        if wording.label(finding, self._catalog) != finding.target and not wording.is_computer(finding):
            yield from self._row("target", finding.target)
        for line in self._cut([self._evidence(item) for item in finding.evidence], _EVIDENCE_SHOWN):
            yield from self._row("asked", line)
        follows = dict.fromkeys(self._waiting(child) for child in problem.follows)
        for line in self._cut(list(follows), _FOLLOWS_SHOWN):
            yield from self._row("follows", line)
        for number, remedy in enumerate(finding.remedies, 1):
            yield from self._remedy(number, remedy)
        yield from self._row("hand-over", self._hand_over(finding))
        yield from self._row("explain", f"supportctl explain {finding.code}")

    def footer(self, report: Report, parts: Outline) -> Iterator[str]:
        catalog = self._catalog
        said = wording.counted(catalog, "report.passed", len(parts.passed))
        style = STYLES[Status.OK] if parts.passed else "dim"
        yield self._paint(said if parts.passed else self._say("passed-none"), style)
        unanswered = len(report.with_status(Status.UNKNOWN))
        last = [wording.counted(catalog, "report.not-answered", unanswered)] if unanswered else []
        if report.interrupted:
            last.append(self._say("not-checked-interrupted"))
        items = self._not_checked(parts.not_checked)
        if items:
            shown = "; ".join(self._cut(items, _NOT_CHECKED_SHOWN))
            last.append(self._say("not-checked", items=shown))
        yield from wrap(" ".join(last) or self._say("not-checked-none"), self._width)

    def _heading(self, finding: ReportedFinding) -> Iterator[str]:
        word = self._say(f"status-{finding.status.value}")
        parts = [finding.code, wording.label(finding, self._catalog)]
        if finding.stops_sales:
            parts.append(self._say("stops-sales"))
        below = ""
        if columns(_GAP.join([word, *parts])) > self._width:
            below = parts.pop(1)
        yield self._paint(word, STYLES[finding.status]) + _GAP + self._paint(_GAP.join(parts), "bold")
        if below:
            yield from wrap(below, self._width, _GAP)

    def _evidence(self, item: EvidenceItem) -> str:
        sent = f" ({item.sent})" if item.sent and item.sent != item.asked else ""
        got = self._say("no-answer") if item.got is None else item.got or '""'
        meaning = f": {item.meaning}" if item.meaning else ""
        took = self._say("ms", ms=f"{item.ms:.0f}")
        if item.got is None and item.meaning:
            return f"{item.asked}{sent} -> {item.meaning}, {took}"
        return f"{item.asked}{sent} -> {got}{meaning}, {took}"

    def _remedy(self, number: int, remedy: Remedy) -> Iterator[str]:
        label = self._say("label-do") if number == 1 else ""
        start = self._label(label) + f"{number}. "
        yield from wrap(remedy.text, self._width, start, " " * columns(start))
        about = self._say(
            "remedy-verify" if remedy.verify else "remedy",
            who=wording.who(remedy.who, self._catalog),
            minutes=wording.minutes(remedy, self._catalog),
            risk=wording.risk(remedy, self._catalog),
            verify=remedy.verify,
        )
        for line in wrap(about, self._width, " " * columns(start)):
            yield self._paint(line, "dim")

    def _hand_over(self, finding: ReportedFinding) -> str:
        if finding.hand_over_to is None:
            return ""
        if finding.ours:
            return self._say("hand-over", who=wording.who(finding.hand_over_to, self._catalog))
        return self._say("not-ours", who=wording.who(finding.hand_over_to, self._catalog, "you"))

    def _waiting(self, finding: ReportedFinding) -> str:
        return f"{finding.title} [{wording.label(finding, self._catalog)}]"

    def _not_checked(self, skipped: Sequence[ReportedFinding]) -> list[str]:
        groups: dict[tuple[str, str | None], list[ReportedFinding]] = {}
        for finding in skipped:
            groups.setdefault((wording.label(finding, self._catalog), finding.because), []).append(finding)
        items = []
        for (name, because), findings in groups.items():
            if because is None:
                items += [self._waiting(finding) for finding in findings]
            else:
                questions = wording.counted(self._catalog, "report.questions", len(findings))
                items.append(self._say("because", name=name, questions=questions, code=because))
        return items

    def _cut(self, lines: Sequence[str], limit: int) -> list[str]:
        if len(lines) <= limit:
            return list(lines)
        return [*lines[: limit - 1], self._say("more", n=len(lines) - limit + 1)]

    def _row(self, label: str, text: str) -> Iterator[str]:
        if text:
            yield from wrap(text, self._width, self._label(self._say(f"label-{label}")), self._indent)

    def _label(self, label: str) -> str:
        return _GAP + label + " " * (columns(self._indent) - columns(_GAP + label))

    def _paint(self, text: str, style: str) -> str:
        return painted(text, style, color=self._color)

    def _say(self, key: str, **args: object) -> str:
        return self._catalog.phrase(f"report.{key}", **args)
