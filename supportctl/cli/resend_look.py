"""supportctl resend status, list, show: what the person on call looks at."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from supportctl.cli.options import Seconds, common_options, settings
from supportctl.cli.resend import format_option, resend

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, TypeVar

    from supportctl.app.resend_counter import Counter
    from supportctl.app.resend_look import Wanted
    from supportctl.catalog import Catalog

    F = TypeVar("F", bound=Callable[..., Any])

STATES = ("waiting", "sending", "verifying", "held", "delivered", "cancelled", "escalated")


def filter_options(command: F) -> F:
    """Add the options that say which deliveries are meant."""
    for option in (
        click.option("--error", metavar="CODE", help="Those whose last error's code begins so."),
        click.option("--until", metavar="T", help="As --since; a day is meant with all its hours."),
        click.option(
            "--since", metavar="T", help="Calls that began since then: 24h, 7d, a day, or a moment."
        ),
        click.option("--source", metavar="NAME", help="Calls of this telephony account."),
        click.option("--state", "states", type=click.Choice(STATES), multiple=True,
                     help="Deliveries in this state; may be given several times."),
        click.option("--destination", metavar="NAME", help="Deliveries to this account of `crm:`."),
    ):  # fmt: skip
        command = option(command)
    return command


def wanted_of(context: click.Context, ids: tuple[str, ...] = ()) -> Wanted:
    """Return which deliveries the options of `filter_options` mean."""
    from supportctl.app.resend_look import Wanted

    names = ("destination", "states", "source", "since", "until", "error")
    return Wanted(ids, *(context.params[name] for name in names))


@resend.command()
@click.option("--destination", metavar="NAME", help="Only this account of `crm:`.")
@click.option(
    "--watch", type=Seconds(0.2, 3600), metavar="SECONDS", help="Show it again and again until Ctrl-C."
)
@format_option
@common_options
@click.pass_context
def status(context: click.Context, destination: str | None, watch: float | None, format_: str) -> int:
    """Show the lanes: what waits, since when, how fast it drains, and what stands in the way."""
    from supportctl.app.resend_counter import open_counter

    chosen = settings(context)
    with open_counter(chosen.config) as desk:
        if watch is None:
            click.echo(_status(desk, destination, format_, chosen.catalog), nl=False)
        else:
            _watch(desk, destination, format_, chosen.catalog, watch)
    return 0


def _status(
    desk: Counter, destination: str | None, format_: str, catalog: Catalog, *, one_line: bool = False
) -> str:
    from supportctl.app import resend_look

    found = resend_look.status(desk, destination)
    if format_ == "json":
        from supportctl.report.resend import as_json

        return as_json.as_text(as_json.lanes(found), one_line=one_line)
    from supportctl.cli.output import terminal_colour, terminal_width
    from supportctl.report.resend.as_text import render_status

    return render_status(found, catalog, color=terminal_colour(), width=terminal_width())


def _watch(desk: Counter, destination: str | None, format_: str, catalog: Catalog, seconds: float) -> None:
    from supportctl.cli.output import terminal_width

    on_terminal = format_ == "text" and terminal_width() is not None
    try:
        while True:
            text = _status(desk, destination, format_, catalog, one_line=True)
            if on_terminal:
                click.clear()
                text += f"\n{catalog.phrase('resend.watching', seconds=f'{seconds:g}')}\n"
            elif format_ == "text":
                text += "\n"
            click.echo(text, nl=False)
            desk.clock.sleep(seconds)
    except KeyboardInterrupt:
        return


@resend.command("list")
@filter_options
@click.option("--limit", type=click.IntRange(1, 100_000), default=50, metavar="N",
              help="Show so many, the newest first (default: 50).")  # fmt: skip
@format_option
@common_options
@click.pass_context
def list_(context: click.Context, /, limit: int, format_: str, **_: object) -> int:
    """List deliveries."""
    from supportctl.app.resend_counter import open_counter
    from supportctl.app.resend_look import deliveries, ledger_of

    chosen = settings(context)
    with open_counter(chosen.config) as desk:
        total, found = deliveries(desk, wanted_of(context), limit)
        ledger = ledger_of(desk)
    if format_ == "json":
        from supportctl.report.resend import as_json

        click.echo(as_json.as_text(as_json.deliveries(found, total, ledger)), nl=False)
        return 0
    from supportctl.cli.output import terminal_colour
    from supportctl.report.resend.as_text import render_list

    click.echo(render_list(found, total, ledger, chosen.catalog, color=terminal_colour()), nl=False)
    return 0


@resend.command()
@click.argument("delivery", metavar="ID|CALL_ID")
@format_option
@common_options
@click.pass_context
def show(context: click.Context, delivery: str, format_: str) -> int:
    """Show one delivery: why it is where it is, what was tried when, what comes next, and who acts."""
    from supportctl.app.resend_counter import open_counter
    from supportctl.app.resend_look import ledger_of, stories

    chosen = settings(context)
    with open_counter(chosen.config) as desk:
        found, ledger = stories(desk, delivery), ledger_of(desk)
    if format_ == "json":
        from supportctl.report.resend import as_json
        from supportctl.report.resend.words import ResendWords

        words = ResendWords(ledger, chosen.catalog)
        reasons = [words.now(story) for story in found]
        click.echo(as_json.as_text(as_json.stories(found, ledger, reasons)), nl=False)
        return 0
    from supportctl.cli.output import terminal_colour, terminal_width
    from supportctl.report.resend.as_text import render_stories

    color, width = terminal_colour(), terminal_width()
    click.echo(render_stories(found, ledger, chosen.catalog, color=color, width=width), nl=False)
    return 0
