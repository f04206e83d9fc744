"""Renderers of the report of a run of a playbook, and of the packet for the next line."""

from __future__ import annotations

from typing import TYPE_CHECKING

from supportctl.report.playbook.presentable import presentable

if TYPE_CHECKING:
    from supportctl.catalog import Catalog
    from supportctl.core.run_report import RunReport

FORMATS = ("text", "html", "json", "markdown")


def render(
    report: RunReport, form: str, *, catalog: Catalog, color: bool = False, width: int | None = None
) -> str:
    """Return `report` in one of FORMATS, ending with a line end; secrets and whole phone numbers are gone.

    Raises:
        ValueError: there is no such format.
    """
    shown = presentable(report)
    if form == "text":
        from supportctl.report.playbook.as_text import render_text

        return render_text(shown, catalog, color=color, width=width)
    if form == "html":
        from supportctl.report.playbook.as_html import render_html

        return render_html(shown, catalog)
    if form == "markdown":
        from supportctl.report.playbook.as_markdown import render_markdown

        return render_markdown(shown, catalog)
    if form == "json":
        from supportctl.report.playbook.as_json import render_json

        return render_json(shown)
    raise ValueError(form)
