"""A run as one self-contained page, in the looks of the report of a check; it asks for nothing."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from supportctl.core.finding import worst
from supportctl.core.report import Report
from supportctl.report.html_cards import Cards
from supportctl.report.markup import Html, element, joined
from supportctl.report.outline import outline
from supportctl.report.page_head import page_head
from supportctl.report.playbook.words import RunWords

if TYPE_CHECKING:
    from collections.abc import Sequence

    from supportctl.catalog import Catalog
    from supportctl.core.run_report import ActionTaken, RunReport, StepTaken

_LOOKS = {
    "solved": ("ok", "✓"),
    "handed-over": ("warning", "→"),
    "out-of-scope": ("warning", "→"),
    "gave-up": ("unknown", "?"),
    "running": ("unknown", "…"),
}
_SHOWN = 6  # of a list; the rest is folded, so that what follows is seen


def render_html(report: RunReport, catalog: Catalog) -> str:
    """Return the page in the report's language."""
    page = _Page(report, catalog)
    whole = element("html", page.head(), page.body(), lang=report.lang)
    return f"<!DOCTYPE html>\n{whole}\n"


@cache
def _style() -> str:
    here = Path(__file__).parent
    return (here.parent / "report.css").read_text(encoding="utf-8") + (here / "run.css").read_text("utf-8")


class _Page:
    def __init__(self, report: RunReport, catalog: Catalog) -> None:
        self._report = report
        self._catalog = catalog
        self._words = RunWords(report, catalog)

    def head(self) -> Html:
        title = self._words.say("title", playbook=self._report.playbook.title, verdict=self._words.verdict())
        return page_head(title, _style())

    def body(self) -> Html:
        report = self._report
        main = element(
            "main",
            self._next(),
            self._problems(),
            self._list("gone", [(each.finding.title, each.finding.code) for each in report.went()]),
            self._section("changes", [self._change(each) for each in report.actions]),
            self._answers(),
            self._list("open", [(each.text, each.why_text) for each in self._words.open_causes()]),
            self._list("ruled-out", [(each.text, "") for each in report.ruled_out]),
            self._steps(),
            self._list("not-checked", [(each.what, each.why) for each in report.not_checked]),
            self._list("replies", [(each.text, each.channel) for each in report.replies]),
        )
        return element("body", element("header", self._banner(), class_="top"), main, self._footer())

    def _banner(self) -> Html:
        words, report = self._words, self._report
        kind, mark = _LOOKS[report.outcome]
        if report.stops_sales():
            kind = "fault"
        about = [part for part in (words.site(), report.playbook.title, report.ticket) if part]
        return element(
            "div",
            element("p", " · ".join([*about, words.moment()]), class_="site"),
            element(
                "div",
                element("span", mark, class_="mark", aria_hidden="true"),
                element(
                    "div",
                    element("h1", words.verdict().rstrip(".")),
                    element("p", f"{words.cause().rstrip('.')}. {words.sales()}"),
                    element("p", report.reason),
                ),
                class_="verdict",
            ),
            class_=f"banner {kind}",
        )

    def _next(self) -> Html:
        following, say = self._report.next_step, self._words.say
        if self._report.outcome == "solved":
            return Html("")
        return element(
            "section",
            element("h2", say("head-next")),
            element(
                "article",
                element("p", following.text, class_="do"),
                element("p", element("code", following.command), class_="command")
                if following.command
                else None,
                element("p", say("say-label"), class_="meta"),
                element("blockquote", following.say),
                class_="card next",
            ),
        )

    def _section(self, key: str, items: Sequence[Html], more: Sequence[Html] = ()) -> Html:
        if not items:
            return Html("")
        rest = element(
            "details",
            element("summary", self._catalog.phrase("report.more", n=len(more))),
            element("ol", *more, class_="plain"),
        )
        return element(
            "section",
            element("h2", self._words.say(f"head-{key}")),
            element("ol", *items, class_="plain"),
            rest if more else None,
            class_="box",
        )

    def _change(self, action: ActionTaken) -> Html:
        given = ", ".join(f"{name}={value}" for name, value in action.params.items())
        tone = "bad" if action.undone is False else ""
        return element(
            "li",
            element("span", self._words.change(action), class_=f"do {tone}".strip()),
            element("span", element("code", action.action), f" {given}" if given else None, class_="meta"),
            *(element("span", f"→ {self._words.changed(each)}", class_="meta") for each in action.changed),
        )

    def _answers(self) -> Html:
        rows = [
            joined(
                element("dt", each.question),
                element(
                    "dd", each.answer_text if each.answer_text is not None else self._words.say("no-answer")
                ),
            )
            for each in self._report.questions
        ]
        if not rows:
            return Html("")
        heading = element("h2", self._words.say("head-answers"))
        return element("section", heading, element("dl", *rows), class_="box")

    def _list(self, key: str, items: Sequence[tuple[str, str]]) -> Html:
        rows = [
            element("li", element("span", text), element("span", meta, class_="meta") if meta else None)
            for text, meta in items
        ]
        return self._section(key, rows[:_SHOWN], rows[_SHOWN:])

    def _problems(self) -> Html:
        found = tuple(each.finding for each in self._report.findings if each.gone_s is None)
        if not self._report.problems():
            return Html("")
        report = self._report
        told = Report(
            "supportctl.report/1", report.tool_version, report.lang, report.site, report.site_name,
            report.started_at, report.duration_s, report.outcome == "running", worst(f.status for f in found),
            {}, found,
        )  # fmt: skip
        cards = Cards(told, self._catalog)
        return element(
            "section",
            element("h2", self._words.say("head-findings")),
            *(cards.card(number, each) for number, each in enumerate(outline(told).problems, 1)),
        )

    def _steps(self) -> Html:
        rows = [self._step(each) for each in self._report.steps]
        if not rows:
            return Html("")
        heading = element("h2", self._words.say("head-steps"))
        count = element("span", str(len(rows)), class_="count")
        return element(
            "section",
            element(
                "details",
                element("summary", heading, count),
                element("ol", *rows, class_="plain times"),
                class_="fold",
            ),
        )

    def _step(self, step: StepTaken) -> Html:
        return element(
            "li",
            element("time", self._words.clock(step.at_s)),
            element(
                "span",
                step.text,
                element("span", f"{step.result_text} · {step.id}", class_="meta"),
                *(element("span", f"→ {self._words.changed(each)}", class_="meta") for each in step.changed),
            ),
        )

    def _footer(self) -> Html:
        say, report = self._words.say, self._report
        facts = f"{say('run')} {report.run} · {self._words.playbook()}"
        made_by = self._catalog.phrase(
            "report.page-made-by", version=report.tool_version, schema=report.schema
        )
        offline = self._catalog.phrase("report.page-offline")
        return element("footer", element("p", facts), element("p", offline), element("p", made_by))
