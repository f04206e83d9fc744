"""supportctl check."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import click

from supportctl.cli.options import Seconds, common_options, settings

if TYPE_CHECKING:
    from supportctl.app.check import CheckRequest
    from supportctl.catalog import Catalog
    from supportctl.core.report import Report

FORMATS = ("text", "json", "html", "junit", "nagios", "slip")


@click.command()
@click.argument("targets", nargs=-1, metavar="[TARGET]...")
@click.option(
    "--only", multiple=True, metavar="GLOB", help="Ask only what matches: a probe, code, question or target."
)
@click.option("--skip", multiple=True, metavar="GLOB", help="Leave out what matches.")
@click.option("--deadline", type=Seconds(0.5, 3600), default=30.0, metavar="SECONDS",
              help="The whole run ends by then (default: 30).")  # fmt: skip
@click.option("--format", "format_", type=click.Choice(FORMATS), default="text", help="Form of the report.")
@click.option(
    "--output", type=click.Path(path_type=Path, dir_okay=False), help="Write the report to this file."
)
@click.option("--watch", type=Seconds(1, 86400), metavar="SECONDS",
              help="Repeat, and report changes only; Ctrl-C ends.")  # fmt: skip
@click.option("--on", "on", metavar="REMOTE",
              help="Run it beside the device, on another machine: ssh://USER@HOST or code:…")  # fmt: skip
@click.option("--ticket", default="", metavar="T", help="With --on: the ticket that this is about.")
@click.option("--schema", is_flag=True, help="Print the JSON Schema of the report and end.")
@common_options
@click.pass_context
def check(
    context: click.Context,
    targets: tuple[str, ...],
    only: tuple[str, ...],
    skip: tuple[str, ...],
    deadline: float,
    format_: str,
    output: Path | None,
    watch: float | None,
    on: str | None,
    ticket: str,
    *,
    schema: bool,
) -> int:
    """Diagnose each TARGET (a URL or a name from the configuration).

    Without TARGET: this computer, its network, and every target of the configuration.
    """
    if schema:
        from supportctl.report.schema import report_schema_text

        click.echo(report_schema_text())
        return 0
    from supportctl.app.check import CheckRequest

    chosen = settings(context)
    request = CheckRequest(chosen.lang, targets, only, skip, deadline, chosen.config)
    if on is not None:
        remote = _On(on, ticket)
        return exit_code(_checked_on(remote, request, watch, format_, output, chosen.catalog), format_)
    if watch is not None:
        from supportctl.cli.watch import watch_check

        return watch_check(request, watch, format_, chosen.catalog)
    report = checked(request, chosen.catalog)
    tell(report, format_, output, chosen.catalog)
    return exit_code(report, format_)


def checked(request: CheckRequest, catalog: Catalog) -> Report:
    """Return the report of a check, with progress on a terminal."""
    import sys

    from supportctl.app.check import run_check

    if not sys.stderr.isatty():
        return run_check(request)
    from supportctl.cli.progress import progress

    with progress(catalog) as on_change:
        return run_check(request, on_change=on_change)


class _On(NamedTuple):
    """Which machine, and what the session is about."""

    place: str
    ticket: str


def _checked_on(
    on: _On, request: CheckRequest, watch: float | None, format_: str, output: Path | None, catalog: Catalog
) -> Report:
    """Tell the report of a check on another machine, and return it."""
    from supportctl.app.remote import check_on
    from supportctl.cli.progress import remote_progress
    from supportctl.cli.remote_terminal import remote_session
    from supportctl.core.errors import UsageError
    from supportctl.core.text import clean

    if watch is not None:
        raise UsageError("remote.not-with-on", found="--watch")
    about = clean(on.ticket, 80)
    with (
        remote_session(on.place, catalog, request.config, ticket=about) as remote,
        remote_progress(catalog) as on_progress,
    ):
        report = check_on(remote, request, on_progress)
    tell(report, format_, output, catalog)
    return report


def tell(report: Report, format_: str, output: Path | None, catalog: Catalog) -> None:
    """Write the report to standard output, or whole to a file."""
    from supportctl.cli.output import terminal_colour, terminal_width, write_file
    from supportctl.report import render

    if output is None:
        text = render(report, format_, catalog=catalog, color=terminal_colour(), width=terminal_width())
        click.echo(text, nl=not text.endswith("\n"))
        return
    write_file(output, render(report, format_, catalog=catalog, color=False, width=None))
    click.echo(catalog.phrase("check.written", path=output), err=True)


def exit_code(report: Report, format_: str) -> int:
    """Return the exit code of a report in one of the formats."""
    from supportctl.report import exit_code as code
    from supportctl.report import nagios_exit

    return nagios_exit(report) if format_ == "nagios" else code(report)
