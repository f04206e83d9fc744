"""The page for the manager: every call and where it ended, in one file that works without a network.

All calls are JSON in the page; its script makes rows of the few that are looked at. Everything in them is
text for the script, too (`textContent`), and the content security policy allows this one script alone.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from supportctl.core.finding import Status
from supportctl.report import wording
from supportctl.report.markup import Html, element
from supportctl.report.page_head import page_head
from supportctl.report.presentable import safe
from supportctl.report.sync.call_table import CallTable, tone
from supportctl.report.sync.model import verdict
from supportctl.report.sync.rows import rows_of
from supportctl.report.sync.words import ARRIVED, EXCLUDED, SyncWords, by_code

if TYPE_CHECKING:
    from supportctl.catalog import Catalog
    from supportctl.core.report import ReportedFinding
    from supportctl.report.sync.model import SyncReport

_BANNER = {
    Status.OK: ("ok", "✓"),
    Status.WARNING: ("warning", "!"),
    Status.FAULT: ("fault", "✕"),
    Status.UNKNOWN: ("unknown", "?"),
}


def render_html(report: SyncReport, catalog: Catalog) -> str:
    """Return the page. It shows every call if `report.settled` has them, else the gaps alone."""
    page = _Page(report, catalog)
    return f"<!DOCTYPE html>\n{element('html', page.head(), page.body(), lang=catalog.lang)}\n"


@cache
def _file(name: str) -> str:
    return (Path(__file__).parent / name).read_text(encoding="utf-8")


@cache
def _style() -> str:
    colours = (Path(__file__).parents[1] / "report.css").read_text(encoding="utf-8")
    return colours.partition("* { box-sizing")[0] + _file("page.css")


class _Page:
    def __init__(self, report: SyncReport, catalog: Catalog) -> None:
        self._report = report
        self._catalog = catalog
        self._words = SyncWords(report, catalog)
        self._rows = rows_of(report, catalog)
        self._gaps = by_code(report.result.gaps)
        self._table = CallTable(self._rows, self._gaps, self._words, catalog)
        self._wrong = sum(row.is_wrong for row in self._rows)
        self._lost = sum(row.is_wrong and row.in_telephony for row in self._rows)

    def head(self) -> Html:
        generator = f"supportctl {self._report.tool_version}"
        return page_head(self._title(), _style(), generator=generator, script=_file("page.js"))

    def body(self) -> Html:
        if not self._rows and not self._report.complete:  # zeros would look like an answer
            return element(
                "body", element("header", self._banner()), element("main", self._problems()), self._footer()
            )
        return element(
            "body",
            element("header", self._banner(), self._tiles()),
            element("main", self._problems(), self._what(), self._table.section()),
            self._footer(),
            Html(f'<script type="application/json" id="data">{_embedded(self._table.data())}</script>'),
            Html(f"<script>{_file('page.js')}</script>"),
        )

    def _title(self) -> str:
        window = self._report.result.window
        since, until = self._words.moment(window.since), self._words.moment(window.until)
        return self._say("page-title", since=since, until=until)

    def _banner(self) -> Html:
        kind, mark = _BANNER.get(verdict(self._report, self._catalog), _BANNER[Status.UNKNOWN])
        site = ", ".join(dict.fromkeys(part for part in (self._report.site_name, self._report.site) if part))
        lines = [element("p", line) for line in self._lead() if line]
        return element(
            "div",
            element("p", " · ".join(part for part in (safe(site), self._title()) if part), class_="site"),
            element(
                "div",
                element("span", mark, class_="mark", aria_hidden="true"),
                element("div", element("h1", self._headline()), *lines),
                class_="verdict",
            ),
            class_=f"banner {kind}",
        )

    def _headline(self) -> str:
        report, result = self._report, self._report.result
        if report.interrupted or (not report.complete and not result.calls):
            return self._say("page-unknown")
        if self._wrong:
            return self._words.count("page-attention", self._wrong)
        return self._say("page-well", n=result.calls) if result.calls else self._say("no-calls").rstrip(".")

    def _lead(self) -> list[str]:
        report, words = self._report, self._words
        if not report.complete and not report.result.calls:
            return [self._say("nothing-compared")]
        phantoms = len(self._gaps.get("sync.phantom-call", ()))
        excluded = sum(report.result.excluded.values())
        first = (
            [self._say("page-lead", arrived=self._arrived(), calls=report.result.calls)]
            if report.result.calls
            else []
        )
        if phantoms:
            first.append(words.count("page-phantoms", phantoms))
        if excluded:
            first.append(self._say("page-lead-excluded", n=excluded, rules=words.rules()))
        return [" ".join(first), words.clock(), "" if report.complete else self._say("doubtful")]

    def _arrived(self) -> int:
        excluded = sum(self._report.result.excluded.values())
        return max(self._report.result.calls - self._lost - excluded - self._report.result.unjudged, 0)

    def _tiles(self) -> Html:
        tiles = [
            ("", self._report.result.calls, "page-calls", ""),
            ("ok", self._arrived(), "page-arrived", ARRIVED),
            ("fault", self._wrong, "page-to-look-at", "wrong"),
            ("quiet", sum(self._report.result.excluded.values()), "page-left-out", EXCLUDED),
        ]
        return element(
            "div",
            *(
                element(
                    "button",
                    element("b", _number(number)),
                    element("span", self._say(label)),
                    type="button",
                    class_=f"tile {tone}".strip(),
                    data_state=state,
                )
                for tone, number, label, state in tiles
            ),
            class_="tiles",
        )

    def _problems(self) -> Html:
        problems = self._report.problems
        if not problems:
            return Html("")
        return element(
            "section",
            element("h2", self._say("page-problems")),
            *(self._problem(problem) for problem in problems),
        )

    def _problem(self, problem: ReportedFinding) -> Html:
        steps = [
            element(
                "li",
                safe(remedy.text),
                element(
                    "span",
                    self._say("page-problem-who", who=wording.who(remedy.who, self._catalog)),
                    class_="meta",
                ),
            )
            for remedy in problem.remedies
        ]
        return element(
            "article",
            element("h3", safe(wording.sentence(problem.summary))),
            element("p", safe(problem.explanation)),
            element("ol", *steps) if steps else None,
            class_=f"card {problem.status.value}",
        )

    def _what(self) -> Html:
        if not self._gaps:
            return Html("")
        items = [
            element(
                "li",
                element(
                    "button",
                    element("b", _number(len(gaps))),
                    element(
                        "span", element("strong", self._words.state(code)), Html(" "), self._words.means(code)
                    ),
                    type="button",
                    data_state=code,
                    class_=tone(code, self._catalog),
                ),
            )
            for code, gaps in self._gaps.items()
        ]
        return element(
            "section", element("h2", self._say("page-what")), element("ul", *items, class_="kinds")
        )

    def _footer(self) -> Html:
        report, window = self._report, self._report.result.window
        made = self._say(
            "page-made",
            at=self._words.moment(report.started_at),
            version=report.tool_version,
            since=self._words.moment(window.since),
            until=self._words.moment(window.until),
            zone=report.zone_name or self._words.moment(window.since, "%z"),
        )
        names = f"{report.source.name} ({report.source.system})", f"{report.crm.name} ({report.crm.system})"
        support = self._say("page-first-line", source=names[0], crm=names[1])
        return element("footer", element("p", made), element("p", support))

    def _say(self, key: str, **args: object) -> str:
        return self._words.say(key, **args)


def _number(number: int) -> str:
    return f"{number:,}".replace(",", "\u202f")  # a narrow space: both languages read it


def _embedded(data: object) -> str:
    """Return JSON that cannot end the element that it stands in."""
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")
