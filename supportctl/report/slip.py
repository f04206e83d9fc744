"""What a cashier reads: five lines about the first thing to do. No codes, no ports, no bytes, no blame."""

from __future__ import annotations

from typing import TYPE_CHECKING

from supportctl.core.finding import Status
from supportctl.report import wording
from supportctl.report.layout import MAX_WIDTH, wrap
from supportctl.report.outline import Outline, outline
from supportctl.report.places import Places

if TYPE_CHECKING:
    from supportctl.catalog import Catalog
    from supportctl.core.report import Remedy, Report, ReportedFinding

MAX_LINES = 5
RECEIPT_WIDTH = 48  # characters on a line of an 80 mm receipt in font A; 58 mm paper has 32
SHOP_PEOPLE = ("cashier", "shop-manager")
_ALSO_SHOWN = 3


def render_slip(report: Report, catalog: Catalog, *, width: int | None = None) -> str:
    """Return at most five lines for the first thing to do.

    Up to RECEIPT_WIDTH the lines are folded for paper; wider media fold lines themselves.
    """
    return _joined(first_lines(report, catalog), width)


def render_shop_text(report: Report, catalog: Catalog, *, width: int | None = None) -> str:
    """Return the slip, then what else needs attention, what is fine and what was not checked."""
    parts = outline(report)
    lines = first_lines(report, catalog)
    places = Places(report, catalog)
    more = _also(parts, places, catalog) + _rest(parts, places, catalog)
    return _joined([*lines, "", *more] if more else lines, width, narrower_than=MAX_WIDTH + 1)


def first_lines(report: Report, catalog: Catalog) -> list[str]:
    """Return the slip's lines, at most MAX_LINES."""
    parts = outline(report)
    if parts.problems:
        finding = parts.problems[0].finding
        return _problem(finding, Places(report, catalog).of(finding), catalog)
    place = catalog.phrase("report.place-till")
    if not parts.passed:
        return [
            catalog.phrase("report.slip-nothing", place=place),
            catalog.phrase("report.slip-nothing-meaning"),
            catalog.phrase("report.slip-nothing-do"),
        ]
    took = wording.seconds(catalog, report.duration_s)
    return [
        catalog.phrase("report.slip-well", place=place),
        catalog.phrase("report.slip-fine", areas=wording.areas(parts.passed, catalog)),
        catalog.phrase("report.slip-clock", seconds=took),
        catalog.phrase("report.slip-still"),
    ]


def summary(finding: ReportedFinding, catalog: Catalog) -> str:
    """Return what is wrong; a plug-in's code without texts is no word for a cashier."""
    if finding.summary == finding.code:
        return catalog.phrase("report.slip-wordless")
    return finding.summary


def first_step(finding: ReportedFinding) -> Remedy | None:
    """Return the first remedy that somebody in the shop can do, else the first one, else None."""
    own = [remedy for remedy in finding.remedies if remedy.who in SHOP_PEOPLE]
    return next(iter(own or finding.remedies), None)


def how_we_know(finding: ReportedFinding, catalog: Catalog) -> str:
    """Return the sentence that says how we know, with the time of the last answer if there was one."""
    at = wording.time_of_day(finding.evidence[-1].at) if finding.evidence else ""
    key = "report.slip-know" if at else "report.slip-know-untimed"
    return catalog.phrase(key, time=at, know=finding.how_we_know)


def sales(finding: ReportedFinding, catalog: Catalog) -> str:
    """Return the sentence that says whether sales can go on."""
    if finding.stops_sales:
        return catalog.phrase("report.slip-stopped")
    key = "slip-unsure" if finding.status is Status.UNKNOWN else "slip-go-on"
    return catalog.phrase(f"report.{key}")


def helper(finding: ReportedFinding) -> str:
    """Return whom to call when the first step does not help."""
    step = first_step(finding)
    if step is not None and step.who not in SHOP_PEOPLE:
        return step.who
    return finding.hand_over_to or "first-line"


def _problem(finding: ReportedFinding, place: str, catalog: Catalog) -> list[str]:
    step, called = first_step(finding), wording.who(helper(finding), catalog, "call")
    own = step is not None and step.who in SHOP_PEOPLE
    lines = [catalog.phrase("report.slip-first", place=place, summary=summary(finding, catalog))]
    if finding.how_we_know:
        lines.append(how_we_know(finding, catalog))
    todo = step.text if step and own else catalog.phrase("report.slip-call", call=called)
    lines.append(catalog.phrase("report.slip-do", remedy=wording.continued(todo)))
    state = f"{sales(finding, catalog)} {finding.reassurance}".strip()
    if step is not None:
        person = wording.who(step.who, catalog, "you")
        who = catalog.phrase("report.slip-who", who=person, minutes=wording.minutes(step, catalog))
        state = f"{who} {state}"
    lines.append(state)
    again = catalog.phrase("report.slip-again" if own else "report.slip-again-later")
    helped = catalog.phrase("report.slip-not-helped", call=called)
    lines.append(f"{again} {helped}" if own else again)
    return [" ".join(line.split()) for line in lines]


def _also(parts: Outline, places: Places, catalog: Catalog) -> list[str]:
    others = [problem.finding for problem in parts.problems[1:]]
    if not others:
        return []
    lines = [wording.counted(catalog, "report.slip-also", len(others))]
    shown = list(dict.fromkeys(f"- {places.of(finding)}: {summary(finding, catalog)}" for finding in others))
    lines += [" ".join(line.split()) for line in shown[:_ALSO_SHOWN]]
    if len(shown) > _ALSO_SHOWN:
        lines.append("- " + catalog.phrase("report.more", n=len(shown) - _ALSO_SHOWN))
    return lines


def _rest(parts: Outline, places: Places, catalog: Catalog) -> list[str]:
    broken = {wording.area(problem.finding, catalog) for problem in parts.problems}
    fine = [finding for finding in parts.passed if wording.area(finding, catalog) not in broken]
    lines = []
    if fine and parts.problems:
        lines.append(catalog.phrase("report.slip-fine", areas=wording.areas(fine, catalog)))
    first = parts.problems[0].finding if parts.problems else None
    # what waits for a problem of its own device needs no word of its own: it is the same device
    skipped = [f for f in parts.not_checked if f.target not in {p.finding.target for p in parts.problems}]
    if skipped:
        waits = first is not None and all(finding.because == first.code for finding in skipped)
        names = ", ".join(dict.fromkeys(_subject(finding, places, catalog) for finding in skipped))
        key = "report.slip-not-checked" if waits else "report.slip-not-checked-other"
        lines.append(catalog.phrase(key, areas=names))
    return lines


def _subject(finding: ReportedFinding, places: Places, catalog: Catalog) -> str:
    """What was not asked; `check.not-asked` says nothing about its area, the target's name stands for it."""
    if finding.code.startswith("check."):
        return wording.continued(places.of(finding))
    return wording.area(finding, catalog)


def _joined(lines: list[str], width: int | None, narrower_than: int = RECEIPT_WIDTH + 1) -> str:
    if width is not None and width < narrower_than:
        lines = [part for line in lines for part in wrap(line, width)]
    return "\n".join(lines) + "\n"
