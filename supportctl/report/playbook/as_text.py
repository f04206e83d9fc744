"""A run on one screen of a terminal: how it ended first, then what was found, changed, answered, is left."""

from __future__ import annotations

from typing import TYPE_CHECKING

from supportctl.report.layout import DEFAULT_WIDTH, MAX_WIDTH, MIN_WIDTH, painted, wrap
from supportctl.report.playbook.words import RunWords, one_line

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from supportctl.catalog import Catalog
    from supportctl.core.run_report import RunReport

_STYLES = {
    "solved": "green bold",
    "handed-over": "yellow bold",
    "out-of-scope": "yellow bold",
    "gave-up": "magenta bold",
    "running": "magenta bold",
}
_STEPS, _OTHERS = 8, 6


def render_text(report: RunReport, catalog: Catalog, *, color: bool = False, width: int | None = None) -> str:
    """Return the run as text of at most `width` columns (default 100); colours only with `color`."""
    page = _Page(report, catalog, color=color, width=max(MIN_WIDTH, min(width or DEFAULT_WIDTH, MAX_WIDTH)))
    return "\n".join(page.lines()) + "\n"


class _Page:
    def __init__(self, report: RunReport, catalog: Catalog, *, color: bool, width: int) -> None:
        self._report = report
        self._words = RunWords(report, catalog)
        self._color = color
        self._width = width

    def lines(self) -> Iterator[str]:
        report, words = self._report, self._words
        verdict = f"{words.verdict()} {words.sales()}"
        yield from self._painted(verdict, _STYLES[report.outcome])
        yield from wrap(words.cause(), self._width)
        yield from wrap(words.say("why", why=one_line(report.reason)), self._width)
        about = (words.site(), words.playbook(), words.moment(), report.run, report.ticket)
        yield from self._painted(" - ".join(part for part in about if part), "dim")
        yield from self._block("findings", list(self._found()), _OTHERS)
        yield from self._block("changes", [words.change(each) for each in report.actions], _OTHERS)
        yield from self._block("answers", list(self._answers()), _OTHERS)
        yield from self._block(
            "steps", [words.step(each) for each in report.steps if each.kind != "ask"], _STEPS
        )
        open_still = [
            words.say("open", cause=each.text.rstrip("."), why=each.why_text) for each in words.open_causes()
        ]
        yield from self._block("open", open_still, _OTHERS)
        yield from self._block("ruled-out", [each.text for each in report.ruled_out], _OTHERS)
        missing = [f"{each.what} ({each.why})" for each in report.not_checked]
        yield from self._block("not-checked", missing, _OTHERS)
        yield from self._next()

    def _found(self) -> Iterator[str]:
        for each in self._report.problems():
            finding = each.finding
            yield f"{one_line(finding.title)} {finding.name or finding.target}, {finding.code}"
        for each in self._report.went():
            yield self._words.say(
                "gone", title=one_line(each.finding.title).rstrip("."), code=each.finding.code
            )

    def _answers(self) -> Iterator[str]:
        for each in self._report.questions:
            answer = each.answer_text if each.answer_text is not None else self._words.say("no-answer")
            yield self._words.say("answer", question=one_line(each.question), answer=one_line(answer))

    def _next(self) -> Iterator[str]:
        following = self._report.next_step
        yield ""
        if self._report.outcome != "solved":
            yield from self._painted(self._words.say("head-next"), "bold")
            yield from wrap(one_line(following.text), self._width, "  ")
            if following.command:
                yield f"  {following.command}"
        yield from wrap(self._words.say("say", say=one_line(following.say)), self._width)

    def _block(self, heading: str, lines: Sequence[str], limit: int) -> Iterator[str]:
        if not lines:
            return
        yield ""
        yield from self._painted(self._words.say(f"head-{heading}"), "bold")
        for line in lines[-limit:] if heading == "steps" else lines[:limit]:
            yield from wrap(one_line(line), self._width, "  ")
        if len(lines) > limit:
            yield f"  {self._words.catalog.phrase('report.more', n=len(lines) - limit)}"

    def _painted(self, text: str, style: str) -> Iterator[str]:
        for line in wrap(text, self._width):
            yield painted(line, style, color=self._color)
