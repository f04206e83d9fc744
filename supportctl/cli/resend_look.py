"""supportctl resend status, list, show: what the person on call looks at."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple

import click

from supportctl.cli.options import Seconds, common_options, settings
from supportctl.cli.resend import format_option, resend
from supportctl.core.errors import EXIT_FAULT, EXIT_OK

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path
    from typing import Any, TypeVar

    from supportctl.app.resend_look import Wanted
    from supportctl.catalog import Catalog
    from supportctl.core.clock import Clock
    from supportctl.report.resend.model import Status

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
@click.option("--check", is_flag=True, help="Count again, and say where the ledger disagrees with itself.")
@click.option(
    "--watch", type=Seconds(0.2, 3600), metavar="SECONDS", help="Show it again and again until Ctrl-C."
)
@format_option
@common_options
@click.pass_context
def status(
    context: click.Context, destination: str | None, watch: float | None, format_: str, *, check: bool
) -> int:
    """Show the lanes: what waits, since when, how fast it drains, and what stands in the way.

    Exit codes: 0 whatever it shows; with --check 3 if the ledger disagrees with itself.
    """
    chosen = settings(context)
    with _look(chosen.config, destination, check=check) as look:
        if watch is not None:
            return _watch(look, format_, chosen.catalog, watch)
        found = look.status()
        click.echo(_shown(found, format_, chosen.catalog), nl=False)
    return EXIT_FAULT if found.disagreements else EXIT_OK


class _Look(NamedTuple):
    clock: Clock
    status: Callable[[], Status]


@contextmanager
def _look(config: Path | None, destination: str | None, *, check: bool) -> Iterator[_Look]:
    """Give what looks at the lanes; a check is for those who have time for it."""
    from supportctl.app import resend_look

    if check:
        from supportctl.app.resend_desk import open_desk

        with open_desk(config) as desk:
            yield _Look(desk.clock, lambda: resend_look.checked_status(desk, destination))
        return
    from supportctl.app.resend_counter import open_counter

    with open_counter(config) as counter:
        yield _Look(counter.clock, lambda: resend_look.status(counter, destination))


def _shown(found: Status, format_: str, catalog: Catalog, *, one_line: bool = False) -> str:
    if format_ == "json":
        from supportctl.report.resend import as_json

        return as_json.as_text(as_json.lanes(found), one_line=one_line)
    from supportctl.cli.output import terminal_colour, terminal_width
    from supportctl.report.resend.as_text import render_status

    return render_status(found, catalog, color=terminal_colour(), width=terminal_width())


def _watch(look: _Look, format_: str, catalog: Catalog, seconds: float) -> int:
    from supportctl.cli.output import terminal_width

    on_terminal = format_ == "text" and terminal_width() is not None
    agrees = True
    try:
        while True:
            found = look.status()
            agrees = not found.disagreements
            text = _shown(found, format_, catalog, one_line=True)
            if on_terminal:
                click.clear()
                text += f"\n{catalog.phrase('resend.watching', seconds=f'{seconds:g}')}\n"
            elif format_ == "text":
                text += "\n"
            click.echo(text, nl=False)
            look.clock.sleep(seconds)
    except KeyboardInterrupt:
        return EXIT_OK if agrees else EXIT_FAULT


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
