"""supportctl resend: bring calls that were lost, and see to it that they arrive."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from supportctl.cli.options import common_options, settings

if TYPE_CHECKING:
    from datetime import tzinfo

    from supportctl.app.resend_add import Enqueued
    from supportctl.app.resend_recover import Found
    from supportctl.app.resend_run import Ran
    from supportctl.catalog import Catalog
    from supportctl.cli.options import Settings

_REJECTED_SHOWN = 20
_THREADS = 16
format_option = click.option(
    "--format", "format_", type=click.Choice(["text", "json"]), default="text", help="Form of the answer."
)

metrics_option = click.option(
    "--metrics-port", type=click.IntRange(0, 65535), metavar="PORT",
    help="Answer Prometheus on this port of 127.0.0.1; needs the extra `metrics`.",
)  # fmt: skip


@click.group()
@common_options
def resend() -> None:
    """Bring lost calls to the CRM: each within a day, once, or a person knows why not."""


@resend.command()
@click.argument("file", metavar="FILE")
@click.option("--destination", required=True, metavar="NAME", help="Account of `crm:` that gets the calls.")
@click.option("--source", metavar="NAME",
              help="Whose calls these are, where the file does not say (default: the only one).")  # fmt: skip
@click.option("--any-age", is_flag=True, help="Take calls that are older than the horizon, too.")
@click.option("--dry-run", is_flag=True, help="Say what would be accepted, and change nothing.")
@format_option
@common_options
@click.pass_context
def add(
    context: click.Context,
    file: str,
    destination: str,
    source: str | None,
    format_: str,
    *,
    any_age: bool,
    dry_run: bool,
) -> int:
    """Take the calls of FILE (- is standard input): JSON Lines, CSV, or the JSON of `sync check`.

    Each call once; what is known already is left alone. Exit codes: 0 all were accepted or known, 4 some were
    rejected, 3 none was usable.
    """
    from supportctl.app.resend_add import Offer, add_file
    from supportctl.app.resend_desk import open_desk

    chosen = settings(context)
    with open_desk(chosen.config) as desk:
        done = add_file(desk, Offer(destination, any_age=any_age, dry_run=dry_run), file, source)
    _tell_enqueued(done, format_, chosen.catalog, from_file=True)
    return done.exit_code


@resend.command()
@click.option("--until-empty", is_flag=True, help="End when nothing more can be brought.")
@click.option("--once", is_flag=True, help="End when nothing is due now.")
@click.option("--threads", type=click.IntRange(1, 256), default=_THREADS, metavar="N",
              help="So many destinations at a time (default: 16).")  # fmt: skip
@metrics_option
@format_option
@common_options
@click.pass_context
def run(
    context: click.Context,
    threads: int,
    metrics_port: int | None,
    format_: str,
    *,
    until_empty: bool,
    once: bool,
) -> int:
    """Deliver what waits, until Ctrl-C; several of these may work on one ledger.

    Ctrl-C ends after the requests that are under way. Exit codes: 0 all is delivered, 3 some were escalated,
    4 something still waits, 1 something of supportctl crashed.
    """
    from supportctl.app.escalation import Watch
    from supportctl.app.resend_desk import open_desk
    from supportctl.app.resend_metrics import metrics_served
    from supportctl.app.resend_run import run_worker
    from supportctl.cli.resend_live import live_view

    chosen = settings(context)
    beside = live_view(chosen.catalog)
    with (
        open_desk(chosen.config) as desk,
        metrics_served(desk, metrics_port),
        Watch(desk, chosen.lang),
    ):
        ran = run_worker(desk, threads, once=once, until_empty=until_empty, beside=beside)
        _tell_ran(ran, format_, chosen, desk_is_empty=not (ran.waiting or ran.held))
    return ran.exit_code


@resend.command()
@click.option("--destination", required=True, metavar="NAME", help="Account of `crm:` that lost calls.")
@click.option("--since", required=True, metavar="T", help="So long ago (24h, 7d), a day, or a moment.")
@click.option("--until", metavar="T", help="As --since; a day is meant with all its hours (default: now).")
@click.option("--source", metavar="NAME", help="Account of `telephony:`; not needed if there is only one.")
@click.option("--dry-run", is_flag=True, help="Say what would be queued, and change nothing.")
@format_option
@common_options
@click.pass_context
def recover(
    context: click.Context,
    destination: str,
    since: str,
    until: str | None,
    source: str | None,
    format_: str,
    *,
    dry_run: bool,
) -> int:
    """Find by comparison what was lost in a window, and queue it.

    Calls of any age are taken. Exit codes as of `resend add`; 5 if it could not be told what is missing.
    """
    from supportctl.app.resend_desk import open_desk
    from supportctl.app.resend_recover import Lost
    from supportctl.app.resend_recover import recover as recover_lost
    from supportctl.app.sync import SyncRequest
    from supportctl.cli.sync_progress import progress

    chosen = settings(context)
    lost = Lost(destination, since, until, source)
    request = SyncRequest(chosen.lang, config=chosen.config)

    def told(found: Found) -> None:
        bars.stop()
        if format_ == "text":
            _tell_found(found, destination, desk.zone, chosen.catalog)

    with open_desk(chosen.config) as desk, progress(chosen.catalog) as bars:
        done = recover_lost(desk, lost, request, dry_run=dry_run, on_progress=bars, on_found=told)
    if format_ == "json":
        from supportctl.cli.resend_answers import recovered_document

        click.echo(recovered_document(done, chosen.catalog), nl=False)
    elif done.found.gaps:
        _tell_enqueued(done.enqueued, "text", chosen.catalog, from_file=False)
    return done.exit_code


def _tell_enqueued(done: Enqueued, format_: str, catalog: Catalog, *, from_file: bool) -> None:
    from supportctl.cli.resend_answers import enqueued_document, enqueued_lines

    if format_ == "json":
        click.echo(enqueued_document(done, catalog), nl=False)
        return
    for line in enqueued_lines(done, catalog, _REJECTED_SHOWN, from_file=from_file):
        click.echo(line)


def _tell_found(found: Found, destination: str, zone: tzinfo, catalog: Catalog) -> None:
    from supportctl.cli.resend_answers import found_lines

    for line in found_lines(found, destination, zone, catalog):
        click.echo(line)


def _tell_ran(ran: Ran, format_: str, chosen: Settings, *, desk_is_empty: bool) -> None:
    from supportctl.cli.resend_answers import ran_document, ran_lines

    if format_ == "json":
        click.echo(ran_document(ran), nl=False)
        return
    for line in ran_lines(ran, chosen.catalog, is_empty=desk_is_empty):
        click.echo(line)


# the other verbs are in modules of their own; this registers them
from supportctl.cli import resend_hand as _hand, resend_look as _look, resend_worker as _worker  # noqa: E402, F401, I001  they need the group above
