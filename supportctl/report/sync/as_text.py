"""A comparison for the help desk, on one screen: counts, clocks, gaps by kind, what to do next."""

from __future__ import annotations

from typing import TYPE_CHECKING

from supportctl.core.finding import Status
from supportctl.report import wording
from supportctl.report.as_text import STYLES
from supportctl.report.layout import DEFAULT_WIDTH, MAX_WIDTH, MIN_WIDTH, columns, painted, wrap
from supportctl.report.presentable import safe
from supportctl.report.sync.model import verdict
from supportctl.report.sync.words import SyncWords, by_code, talk_time

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from integrations.sync.model import Gap
    from supportctl.catalog import Catalog
    from supportctl.core.report import ReportedFinding
    from supportctl.report.sync.model import SyncReport

DEFAULT_LIMIT = 3
_INDENT = "  "
_REJECTED_SHOWN = 5


def render_text(
    report: SyncReport,
    catalog: Catalog,
    *,
    limit: int = DEFAULT_LIMIT,
    command: str = "",
    color: bool = False,
    width: int | None = None,
) -> str:
    """Return the comparison as text; of each kind of gap the newest `limit` calls.

    `command` is the command line that made it, for the advice what to type next.
    """
    columns_ = max(MIN_WIDTH, min(width or DEFAULT_WIDTH, MAX_WIDTH))
    page = _Page(report, catalog, limit, command, color=color, width=columns_)
    return "\n".join(safe(line) for line in page.lines()) + "\n"


class _Page:
    def __init__(
        self, report: SyncReport, catalog: Catalog, limit: int, command: str, *, color: bool, width: int
    ) -> None:
        self._report = report
        self._catalog = catalog
        self._limit = limit
        self._command = command
        self._color = color
        self._width = width
        self._words = SyncWords(report, catalog)

    def lines(self) -> Iterator[str]:
        """Yield the lines of the page."""
        yield from self._head()
        for problem in self._report.problems:
            yield ""
            yield from self._problem(problem)
        for code, gaps in by_code(self._report.result.gaps).items():
            yield ""
            yield from self._group(code, gaps)
        if self._report.result.rejected:
            yield ""
            yield from self._rejected()
        yield from self._next()

    def _head(self) -> Iterator[str]:
        say, report, result = self._words.say, self._report, self._report.result
        for line in self._verdict():
            yield painted(line, STYLES[verdict(report, self._catalog)], color=self._color)
        title = self._words.say(
            "title",
            source=report.source.name,
            source_system=report.source.system,
            crm=report.crm.name,
            crm_system=report.crm.system,
            since=self._words.moment(result.window.since),
            until=self._words.moment(result.window.until),
            zone=report.zone_name or self._words.moment(result.window.since, "%z"),
        )
        for line in wrap(title, self._width):
            yield painted(line, "dim", color=self._color)
        sentences = []
        if report.complete and not result.calls:
            sentences.append(say("no-calls"))
        if self._words.rules():
            sentences.append(say("excluded", rules=self._words.rules()))
        if self._words.clock():
            sentences.append(self._words.clock())
        if result.unjudged:
            sentences.append(self._words.count("unjudged", result.unjudged))
        unknown = {name: number for name, number in result.unmapped.items() if name not in report.dismissed}
        if unknown:
            names = ", ".join(f"{name} ({number})" for name, number in unknown.items())
            sentences.append(say("unmapped", names=names))
        if report.complete and result.calls and not report.verified:
            sentences.append(say("not-verified"))
        for sentence in sentences:
            yield from wrap(sentence, self._width)

    def _verdict(self) -> list[str]:
        say, report, result = self._words.say, self._report, self._report.result
        sentences = []
        if report.interrupted:
            sentences.append(say("interrupted"))
        elif not report.complete and not result.calls:
            sentences.append(say("nothing-compared"))
        if result.calls:
            sentences.append(self._words.count("counts", result.calls, matched=result.matched))
        if result.gaps:
            sentences.append(self._words.count("attention", len(result.gaps)))
        elif report.complete and result.calls and not report.interrupted:
            sentences.append(say("all-well"))
        if not report.complete and result.calls:
            sentences.append(say("doubtful"))
        return wrap(" ".join(sentences) or say("no-calls"), self._width)

    def _problem(self, problem: ReportedFinding) -> Iterator[str]:
        catalog = self._catalog
        yield self._heading(problem.status, f"{problem.code}  {problem.name or problem.target}")
        yield from wrap(problem.title, self._width, _INDENT)
        for item in problem.evidence[-1:]:
            told = f"{item.asked} → {item.got or catalog.phrase('report.no-answer')}"
            yield from wrap(f"{told} ({item.meaning})" if item.meaning else told, self._width, _INDENT)
        for number, remedy in enumerate(problem.remedies, 1):
            who = wording.sentence(wording.who(remedy.who, catalog))
            yield from wrap(f"{who}: {remedy.text}", self._width, f"{_INDENT}{number}. ")

    def _group(self, code: str, gaps: Sequence[Gap]) -> Iterator[str]:
        status = Status(self._catalog.facts(code).statuses[0])
        yield self._heading(status, f"{self._words.state(code)}: {len(gaps)}", code)
        shown = gaps[: self._limit]
        rows = [self._row(gap) for gap in shown]
        wide = [max((columns(row[place]) for row in rows), default=0) for place in range(len(rows[0]) - 1)]
        for row in rows:
            cells = [text + " " * (wide[place] - columns(text)) for place, text in enumerate(row[:-1])]
            start = _INDENT + "  ".join(cell for cell in cells if cell) + "  "
            yield from (line.rstrip() for line in wrap(row[-1], max(self._width, columns(start) + 24), start))
        if len(gaps) > len(shown):
            yield _INDENT + self._words.say("more", n=len(gaps) - len(shown), limit=len(gaps))

    def _row(self, gap: Gap) -> tuple[str, ...]:
        words, call, crm = self._words, gap.call, gap.crm
        about = call or crm
        assert about is not None, "a gap is about a call, a record or both"
        return (
            words.short_moment(about.started_at),
            words.direction(call, crm),
            words.phone(call.contact_phone if call else crm.phone if crm else ""),
            talk_time(about.duration_s),
            call.call_id if call else crm.record_id if crm else "",
            words.employee(call, crm),
            words.wrong(gap),
        )

    def _rejected(self) -> Iterator[str]:
        lines = self._report.result.rejected
        yield self._heading(Status.WARNING, self._words.count("rejected", len(lines)))
        for line in lines[: max(self._limit, _REJECTED_SHOWN)]:
            reason = self._catalog.error(line.reason, line.args)
            told = self._words.say("rejected-line", line=line.line, reason=reason["message"])
            yield from wrap(f"{told} {reason['found']}".rstrip(), self._width, _INDENT)
        if len(lines) > max(self._limit, _REJECTED_SHOWN):
            more = len(lines) - max(self._limit, _REJECTED_SHOWN)
            yield _INDENT + self._words.say("more", n=more, limit=len(lines))

    def _next(self) -> Iterator[str]:
        report, say = self._report, self._words.say
        gaps = report.result.gaps
        if not gaps or not self._command:
            return
        rows = []
        if report.complete and any(gap.document()["resendable"] for gap in gaps):
            resend = f"{self._command} --format json --output gaps.json"
            rows += [(say("do-resend"), resend)]
            rows += [("", f"supportctl resend add --destination {report.crm.name} gaps.json")]
        rows.append((say("do-page"), f"{self._command} --format html --output calls.html"))
        about = next((gap.call for gap in gaps if gap.call), None)
        if about:
            trace = self._command.partition(" sync check")[0] + f" sync trace {about.call_id}"
            rows.append((say("do-trace"), trace))
        rows.append((say("do-explain"), f"supportctl explain {next(iter(by_code(gaps)))}"))
        yield ""
        wide = max(columns(label) for label, _ in rows)
        for label, words in rows:
            yield f"{label}{' ' * (wide - columns(label))}  {words}"

    def _heading(self, status: Status, text: str, code: str = "") -> str:
        label = self._catalog.phrase(f"report.status-{status.value}")
        line = (
            painted(label, STYLES[status], color=self._color)
            + "  "
            + painted(text, "bold", color=self._color)
        )
        return f"{line}  {painted(code, 'dim', color=self._color)}".rstrip() if code else line
