"""`supportctl check --watch`: the same check again and again; only changes are told."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from supportctl.app.check import CheckRequest
    from supportctl.catalog import Catalog
    from supportctl.core.report import Report


def watch_check(request: CheckRequest, seconds: float, format_: str, catalog: Catalog) -> int:
    """Check until Ctrl-C; return the exit code of the last report.

    The first report is told whole; then one line (or one JSON document) per change.
    """
    from supportctl.app.check import run_check
    from supportctl.core.clock import SystemClock
    from supportctl.report import exit_code

    clock = SystemClock()
    previous: Report | None = None
    if format_ == "text":
        click.echo(catalog.phrase("check.watching", seconds=f"{seconds:g}"), err=True)
    try:
        while True:
            started = clock.monotonic()
            report = run_check(request, clock=clock)
            if report.interrupted:
                break
            before, previous = previous, report
            _tell(before, report, format_, catalog)
            clock.sleep(max(0.0, seconds - (clock.monotonic() - started)))
    except KeyboardInterrupt:
        pass
    return exit_code(previous) if previous is not None else 0


def _tell(previous: Report | None, report: Report, format_: str, catalog: Catalog) -> None:
    from supportctl.cli.output import terminal_colour, terminal_width
    from supportctl.report import render, render_changes

    if previous is None:
        form = "json-line" if format_ == "json" else format_  # a stream: one document a line
        text = render(report, form, catalog=catalog, color=terminal_colour(), width=terminal_width())
    else:
        text = render_changes(previous, report, format_, catalog=catalog, color=terminal_colour())
    if text:
        click.echo(text, nl=not text.endswith("\n"))
