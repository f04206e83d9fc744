"""supportctl sync check, sync trace."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from supportctl.cli.options import Seconds, common_options, settings

if TYPE_CHECKING:
    from supportctl.catalog import Catalog
    from supportctl.report.sync.model import SyncReport

FORMATS = ("text", "json", "html")
_DEFAULT_LIMIT = 3


class _Duration(click.ParamType):  # type: ignore[type-arg]  # generic for the type checker only
    """So many seconds, minutes or hours: 30s, 2m."""

    name = "D"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Return the seconds. Raises: click.BadParameter."""
        if isinstance(value, float):
            return value
        from pydantic import TypeAdapter, ValidationError

        from supportctl.core.fields import Duration

        try:
            seconds: float = TypeAdapter(Duration).validate_python(value)
        except ValidationError:
            self.fail(f"{value} (30s, 2m)", param, ctx)
        if not 0 < seconds <= 3600:
            self.fail(f"{value} (1s … 1h)", param, ctx)
        return seconds


@click.group()
@common_options
def sync() -> None:
    """Say where each call went: telephony and CRM, call by call."""


@sync.command()
@click.option("--source", metavar="NAME", help="Account of `telephony:`; not needed if there is only one.")
@click.option("--crm", metavar="NAME", help="Account of `crm:`; not needed if there is only one.")
@click.option("--since", metavar="T", help="So long ago (24h, 7d), a day, or a moment (default: 24h).")
@click.option("--until", metavar="T", help="As --since; a day is meant with all its hours (default: now).")
@click.option("--tolerance", type=_Duration(), metavar="D",
              help="How far the times of one call may lie apart (default: as configured, 60s).")  # fmt: skip
@click.option("--verify-recordings", is_flag=True, help="Open the beginning of each recording.")
@click.option("--deadline", type=Seconds(1, 86400), default=3600.0, metavar="SECONDS",
              help="The whole run ends by then (default: 3600).")  # fmt: skip
@click.option("--limit", type=click.IntRange(1, 100_000), default=_DEFAULT_LIMIT, metavar="N",
              help="Show so many calls of each kind as text (default: 3).")  # fmt: skip
@click.option("--format", "format_", type=click.Choice(FORMATS), default="text",
              help="Form of the answer; html is the page for the manager.")  # fmt: skip
@click.option(
    "--output", type=click.Path(path_type=Path, dir_okay=False), help="Write the answer to this file."
)
@click.option("--schema", is_flag=True, help="Print the JSON Schema of the answer and end.")
@common_options
@click.pass_context
def check(
    context: click.Context,
    source: str | None,
    crm: str | None,
    since: str | None,
    until: str | None,
    tolerance: float | None,
    deadline: float,
    limit: int,
    format_: str,
    output: Path | None,
    *,
    verify_recordings: bool,
    schema: bool,
) -> int:
    """Compare the calls of a telephony system with those of a CRM, and name each gap.

    Exit codes: 0 every call is where it belongs, 3 calls or recordings are missing, or an account is refused,
    4 smaller gaps only, 5 it could not be told.
    """
    if schema:
        from supportctl.report.sync.as_json import schema_text

        click.echo(schema_text())
        return 0
    from supportctl.app.sync import SyncRequest, run_sync
    from supportctl.cli.sync_progress import progress
    from supportctl.report.sync.model import exit_code

    chosen = settings(context)
    request = SyncRequest(
        chosen.lang,
        source,
        crm,
        since,
        until,
        tolerance,
        verify_recordings,
        every_call=format_ == "html",
        deadline_s=deadline,
        config=chosen.config,
    )
    with progress(chosen.catalog) as bars, run_sync(request, on_progress=bars) as report:
        bars.stop()
        _tell(report, format_, output, limit, chosen.catalog, _typed(context, since, until))
        return exit_code(report, chosen.catalog)


@sync.command()
@click.argument("what", metavar="CALL_ID|PHONE")
@click.option("--source", metavar="NAME", help="Account of `telephony:`; not needed if there is only one.")
@click.option("--crm", metavar="NAME", help="Account of `crm:`; not needed if there is only one.")
@click.option("--since", metavar="T", help="So long ago (24h, 7d), a day, or a moment (default: 7d).")
@click.option("--until", metavar="T", help="As --since; a day is meant with all its hours (default: now).")
@click.option(
    "--format", "format_", type=click.Choice(["text", "json"]), default="text", help="Form of the answer."
)
@common_options
@click.pass_context
def trace(
    context: click.Context,
    what: str,
    source: str | None,
    crm: str | None,
    since: str | None,
    until: str | None,
    format_: str,
) -> int:
    """Show one call's way: telephony, its notifications, ledger, CRM, with times.

    A phone shows all of its calls in that time. Exit codes: 0 it is in the CRM, 3 it is not, 5 no such call.
    """
    from supportctl.app.resend_trace import ledger_history
    from supportctl.app.sync import SyncRequest
    from supportctl.app.sync_trace import run_trace
    from supportctl.cli.sync_progress import progress
    from supportctl.report.sync.trace import exit_code, render_json, render_text

    chosen = settings(context)
    request = SyncRequest(chosen.lang, source, crm, since or "7d", until, config=chosen.config)
    with (
        ledger_history(chosen.config, crm, chosen.catalog) as ledger,
        progress(chosen.catalog) as on_progress,
    ):
        found = run_trace(what, request, ledger=ledger, on_progress=on_progress)
    render = render_json if format_ == "json" else render_text
    click.echo(render(found, chosen.catalog), nl=False)
    return exit_code(found)


def _tell(
    report: SyncReport, format_: str, output: Path | None, limit: int, catalog: Catalog, command: str
) -> None:
    from supportctl.cli.output import terminal_colour, terminal_width, write_file

    text = ""
    if format_ == "json":
        from supportctl.report.sync.as_json import render_json

        text = render_json(report, catalog)
    elif format_ == "html":
        from supportctl.report.sync.as_html import render_html

        text = render_html(report, catalog)
    else:
        from supportctl.report.sync.as_text import render_text

        color = terminal_colour() and output is None
        width = terminal_width() if output is None else None
        text = render_text(report, catalog, limit=limit, command=command, color=color, width=width)
    if output is None:
        click.echo(text, nl=False)
        return
    write_file(output, text)
    click.echo(catalog.phrase("sync.written", path=output), err=True)


def _typed(context: click.Context, since: str | None, until: str | None) -> str:
    """Return the command to type again, with another form."""
    import shlex

    words = ["supportctl"]
    config = settings(context).config
    words += ["--config", str(config)] if config else []
    words += ["sync", "check"]
    for option, value in (
        ("--source", context.params["source"]),
        ("--crm", context.params["crm"]),
        ("--since", since),
        ("--until", until),
    ):
        words += [option, value] if value else []
    return shlex.join(words)
