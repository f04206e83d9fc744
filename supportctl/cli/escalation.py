"""supportctl escalation list, show, flush."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from supportctl.cli.options import common_options, settings

if TYPE_CHECKING:
    from collections.abc import Mapping

format_option = click.option(
    "--format", "format_", type=click.Choice(["text", "json"]), default="text", help="Form of the answer."
)


@click.group()
@common_options
def escalation() -> None:
    """Problems that people have to mend: one for each cause, however many calls it hits."""


@escalation.command("list")
@click.option("--all", "every", is_flag=True, help="Those that are closed, too.")
@format_option
@common_options
@click.pass_context
def list_(context: click.Context, format_: str, *, every: bool) -> int:
    """Show the problems: how many calls, which accounts, since when, who acts."""
    from supportctl.app.escalation import listed, words_of
    from supportctl.app.resend_desk import open_desk

    chosen = settings(context)
    with open_desk(chosen.config) as desk:
        cases, words = listed(desk, every=every), words_of(desk, chosen.lang)
    if format_ == "json":
        from supportctl.report.escalation.as_json import escalations

        _document(escalations(cases, words))
    else:
        from supportctl.cli.output import terminal_colour, terminal_width
        from supportctl.report.escalation.as_text import render_list

        color, width = terminal_colour(), terminal_width()
        click.echo(render_list(cases, words, every=every, color=color, width=width), nl=False)
    return 0


@escalation.command()
@click.argument("fingerprint", metavar="FINGERPRINT")
@format_option
@common_options
@click.pass_context
def show(context: click.Context, fingerprint: str, format_: str) -> int:
    """Show one problem: what happens, examples, what was tried, what to do and who does it.

    The beginning of a FINGERPRINT is enough; the mark of an issue's title, [fp:…], will do, too.
    """
    from supportctl.app.escalation import one, words_of
    from supportctl.app.resend_desk import open_desk

    chosen = settings(context)
    with open_desk(chosen.config) as desk:
        case, words = one(desk, fingerprint), words_of(desk, chosen.lang)
    if format_ == "json":
        from supportctl.report.escalation.as_json import escalations

        _document(escalations([case], words))
    else:
        from supportctl.cli.output import terminal_colour, terminal_width
        from supportctl.report.escalation.as_text import render_one

        click.echo(render_one(case, words, color=terminal_colour(), width=terminal_width()), nl=False)
    return 0


@escalation.command()
@click.option("--dry-run", is_flag=True, help="Say what would be told, and tell nobody.")
@format_option
@common_options
@click.pass_context
def flush(context: click.Context, format_: str, *, dry_run: bool) -> int:
    """Tell trackers and chats of all that is new, now; a running worker does so every minute.

    Exit codes: 0 all is told, 1 a tracker or a chat could not be told.
    """
    from supportctl.app.escalation import flush as flush_now
    from supportctl.app.escalation import words_of
    from supportctl.app.resend_desk import open_desk
    from supportctl.core.errors import EXIT_FAILED, EXIT_OK

    chosen = settings(context)
    with open_desk(chosen.config) as desk:
        done, words = flush_now(desk, chosen.lang, dry_run=dry_run), words_of(desk, chosen.lang)
        no_tracker = desk.config.escalation.tracker is None and not desk.config.escalation.routes
    if format_ == "json":
        from supportctl.report.escalation.as_json import flushed

        _document(flushed(done.told, done.cases, words, dry_run=dry_run))
    else:
        from supportctl.report.escalation.as_text import render_flushed

        for line in render_flushed(done.told, done.cases, words, dry_run=dry_run):
            click.echo(line)
        if no_tracker:
            click.echo(words.say("no-tracker"), err=True)
    return EXIT_FAILED if done.told.failed else EXIT_OK


def _document(document: Mapping[str, object]) -> None:
    import json

    click.echo(json.dumps(document, ensure_ascii=False, indent=2))
