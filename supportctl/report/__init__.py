"""Renderers of one Report; the module of a format is imported when that format is asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from supportctl.core.errors import EXIT_FAULT, EXIT_OK, EXIT_UNKNOWN, EXIT_WARNING
from supportctl.core.finding import Status

if TYPE_CHECKING:
    from supportctl.catalog import Catalog
    from supportctl.core.report import Report

FORMATS = ("text", "slip", "html", "json", "json-line", "junit", "nagios")
Audience = Literal["engineer", "shop"]

_EXIT_CODES = {
    Status.OK: EXIT_OK,
    Status.WARNING: EXIT_WARNING,
    Status.FAULT: EXIT_FAULT,
    Status.UNKNOWN: EXIT_UNKNOWN,
    Status.SKIPPED: EXIT_UNKNOWN,
}


def render(
    report: Report,
    form: str,
    *,
    catalog: Catalog,
    color: bool = False,
    width: int | None = None,
    audience: Audience = "engineer",
) -> str:
    """Return `report` in one of FORMATS, ending with a line end; secrets and control characters are gone.

    `color` and `width` (columns) are for text; a slip is folded only for receipt paper (up to 48 columns).
    `audience` "shop" gives the text for a customer: the slip, then what is fine and what was not checked.

    Raises:
        ValueError: there is no such format.
    """
    from supportctl.report.presentable import presentable

    shown = presentable(report)
    if form == "text" and audience == "engineer":
        from supportctl.report.as_text import render_text

        return render_text(shown, catalog, color=color, width=width)
    if form in {"text", "slip"}:
        from supportctl.report.slip import render_shop_text, render_slip

        return (render_slip if form == "slip" else render_shop_text)(shown, catalog, width=width)
    if form == "html":
        from supportctl.report.as_html import render_html

        return render_html(shown, catalog)
    return _for_machines(shown, form, catalog)


def _for_machines(report: Report, form: str, catalog: Catalog) -> str:
    if form == "json":
        from supportctl.report.as_json import render_json

        return render_json(report, catalog)
    if form == "json-line":
        from supportctl.report.as_json import render_json_line

        return render_json_line(report, catalog)
    if form == "junit":
        from supportctl.report.as_junit import render_junit

        return render_junit(report, catalog)
    if form == "nagios":
        from supportctl.report.as_nagios import render_nagios

        return render_nagios(report, catalog)
    raise ValueError(form)


def render_changes(
    previous: Report, current: Report, form: str, *, catalog: Catalog, color: bool = False
) -> str:
    """Return what has changed between two reports, "" if nothing: JSON on one line, else text."""
    from supportctl.report.presentable import presentable
    from supportctl.report.watch import changes, changes_json, changes_text

    found = changes(presentable(previous), presentable(current))
    if not found:
        return ""
    if form in {"json", "json-line"}:
        return changes_json(found)
    return changes_text(found, catalog, color=color)


def exit_code(report: Report) -> int:
    """Return the exit code of a report: 0 ok, 3 fault, 4 only warnings, 5 could not tell."""
    return _EXIT_CODES[report.verdict]


def nagios_exit(report: Report) -> int:
    """Return the exit code of the plug-in convention: 0 ok, 1 warning, 2 critical, 3 unknown."""
    from supportctl.report.as_nagios import STATES

    return STATES[report.verdict][1]
