"""One self-contained page: the verdict, what to do first for the people in the shop, the rest folded.

No script, no request: the content security policy of the page forbids both, so that a text from a device
could do nothing even if it became markup.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from supportctl.core.finding import Status
from supportctl.report import wording
from supportctl.report.html_cards import Cards
from supportctl.report.markup import Html, element, joined
from supportctl.report.outline import Outline, outline
from supportctl.report.page_head import page_head

if TYPE_CHECKING:
    from supportctl.catalog import Catalog
    from supportctl.core.report import Report, ReportedFinding

_BANNER = {
    Status.OK: "ok",
    Status.WARNING: "warning",
    Status.FAULT: "fault",
    Status.UNKNOWN: "unknown",
    Status.SKIPPED: "unknown",
}
_MARKS = {"ok": "✓", "warning": "!", "fault": "✕", "unknown": "?"}


def render_html(report: Report, catalog: Catalog) -> str:
    """Return the page in the report's language."""
    parts = outline(report)
    body = element(
        "body",
        element("header", _banner(report, catalog), class_="top"),
        element(
            "main",
            _now(report, parts, catalog),
            _passed(parts, catalog),
            _not_checked(parts, catalog),
        ),
        _footer(report, catalog),
    )
    page = element("html", _head(report, catalog), body, lang=report.lang)
    return f"<!DOCTYPE html>\n{page}\n"


@cache
def _style() -> str:
    return (Path(__file__).parent / "report.css").read_text(encoding="utf-8")


def _head(report: Report, catalog: Catalog) -> Html:
    generator = f"supportctl {report.tool_version}"
    return page_head(_title(report, catalog), _style(), generator=generator)


def _title(report: Report, catalog: Catalog) -> str:
    site = report.site_name or report.site
    if site:
        return catalog.phrase("report.page-title", site=site)
    return catalog.phrase("report.page-title-untitled")


def _banner(report: Report, catalog: Catalog) -> Html:
    kind = _BANNER[report.verdict]
    first, _, rest = wording.verdict(report, catalog).partition(". ")
    places = (report.site_name, report.site, report.ran_on)
    site = ", ".join(dict.fromkeys(part for part in places if part))
    started = element("time", wording.moment(report.started_at, catalog), datetime=report.started_at)
    passed = wording.counted(catalog, "report.passed", report.counts.get("ok", 0))
    return element(
        "div",
        element(
            "p", site or catalog.phrase("report.page-title-untitled"), Html(" · "), started, class_="site"
        ),
        element(
            "div",
            element("span", _MARKS[kind], class_="mark", aria_hidden="true"),
            element(
                "div",
                element("h1", first.rstrip(".")),
                element("p", " ".join(part for part in (rest, passed) if part)),
            ),
            class_="verdict",
        ),
        element("p", wording.clock(report, catalog), class_="clock"),
        class_=f"banner {kind}",
    )


def _now(report: Report, parts: Outline, catalog: Catalog) -> Html:
    if not parts.problems:
        text = (
            catalog.phrase("report.page-well") if parts.passed else catalog.phrase("report.slip-nothing-do")
        )
        return element("section", element("p", text, class_="quiet"))
    cards = Cards(report, catalog)
    return element(
        "section",
        element("h2", catalog.phrase("report.page-now")),
        *(cards.card(number, problem) for number, problem in enumerate(parts.problems, 1)),
    )


def _passed(parts: Outline, catalog: Catalog) -> Html:
    if not parts.passed:
        return Html("")
    groups: dict[str, list[ReportedFinding]] = {}
    for finding in parts.passed:
        groups.setdefault(wording.label(finding, catalog), []).append(finding)
    heading = element("h2", catalog.phrase("report.page-passed"))
    count = element("span", str(len(parts.passed)), class_="count")
    lists = [
        joined(
            element("h3", wording.sentence(name) if wording.is_computer(findings[0]) else name),
            element("ul", *(element("li", finding.title) for finding in findings), class_="passed"),
        )
        for name, findings in groups.items()
    ]
    return element("section", element("details", element("summary", heading, count), *lists, class_="fold"))


def _not_checked(parts: Outline, catalog: Catalog) -> Html:
    if not parts.not_checked:
        return Html("")
    rows = []
    for finding in parts.not_checked:
        why = catalog.phrase("report.page-not-checked-why", code=finding.because) if finding.because else ""
        rows.append(
            element(
                "li",
                element("span", finding.title),
                element(
                    "span", " · ".join(p for p in (wording.label(finding, catalog), why) if p), class_="meta"
                ),
            )
        )
    heading = element("h2", catalog.phrase("report.page-not-checked"))
    return element(
        "section",
        element(
            "details",
            element("summary", heading, element("span", str(len(rows)), class_="count")),
            element("ul", *rows, class_="skipped"),
            class_="fold",
        ),
    )


def _footer(report: Report, catalog: Catalog) -> Html:
    made_by = catalog.phrase("report.page-made-by", version=report.tool_version, schema=report.schema)
    interrupted = catalog.phrase("report.not-checked-interrupted") if report.interrupted else None
    return element(
        "footer",
        element("p", interrupted) if interrupted else None,
        element("p", catalog.phrase("report.page-offline")),
        element("p", made_by),
    )
