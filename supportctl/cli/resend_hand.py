"""supportctl resend now, hold, cancel, pause, resume: what the person on call does by hand."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from supportctl.cli.options import common_options, settings
from supportctl.cli.resend import format_option, resend
from supportctl.cli.resend_look import filter_options, wanted_of
from supportctl.core.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, TypeVar

    from resend.ledger.hand import Verb
    from supportctl.app.resend_desk import Desk
    from supportctl.app.resend_hand import Plan
    from supportctl.cli.options import Settings

    F = TypeVar("F", bound=Callable[..., Any])

HAND = "supportctl.by-hand/1"
_NOTHING = 4


def _hand_options(command: F) -> F:
    for option in (
        format_option,
        click.option("--yes", is_flag=True, help="Do not ask; needed for several where nobody can be asked."),
        click.option("--why", metavar="TEXT", help="The reason, for the delivery's timeline."),
        click.option("--dry-run", is_flag=True, help="Say what would be changed, and change nothing."),
    ):
        command = option(command)
    return click.argument("ids", metavar="[ID|CALL_ID]...", nargs=-1)(filter_options(command))


@resend.command()
@_hand_options
@common_options
@click.pass_context
def now(context: click.Context, /, **_: object) -> int:
    """Try deliveries now, also those that are held, cancelled or escalated.

    What may have arrived is asked about first; what was delivered is never sent again. Exit codes: 0 done,
    4 nothing was changed.
    """
    return _change(context, "now")


@resend.command()
@_hand_options
@common_options
@click.pass_context
def hold(context: click.Context, /, **_: object) -> int:
    """Hold waiting deliveries until `resend now`. Needs --why."""
    return _change(context, "hold")


@resend.command()
@_hand_options
@common_options
@click.pass_context
def cancel(context: click.Context, /, **_: object) -> int:
    """Cancel deliveries: they are not sent. Needs --why; `resend now` undoes it."""
    return _change(context, "cancel")


@resend.command()
@click.argument("destination", metavar="DESTINATION")
@click.option("--why", metavar="TEXT", required=True, help="The reason, shown in `resend status`.")
@format_option
@common_options
@click.pass_context
def pause(context: click.Context, destination: str, why: str, format_: str) -> int:
    """Send nothing to a destination until `resend resume`; its calls are kept."""
    from supportctl.app.resend_desk import open_desk
    from supportctl.app.resend_hand import needs_why, pause_lane

    chosen = settings(context)
    with open_desk(chosen.config) as desk:
        pause_lane(desk, destination, needs_why("hold", why))
        _tell_lane(desk, "paused", destination, format_, chosen)
    return 0


@resend.command()
@click.argument("destination", metavar="DESTINATION")
@format_option
@common_options
@click.pass_context
def resume(context: click.Context, destination: str, format_: str) -> int:
    """Let a paused destination go on."""
    from supportctl.app.resend_desk import open_desk
    from supportctl.app.resend_hand import resume_lane

    chosen = settings(context)
    with open_desk(chosen.config) as desk:
        resume_lane(desk, destination)
        _tell_lane(desk, "resumed", destination, format_, chosen)
    return 0


def _tell_lane(desk: Desk, done: str, destination: str, format_: str, chosen: Settings) -> None:
    if format_ == "json":
        from supportctl.app.resend_look import status
        from supportctl.report.resend import as_json

        click.echo(as_json.as_text(as_json.lanes(status(desk, destination))), nl=False)
        return
    phrase = "resend.paused" if done == "paused" else "resend.resumed"
    click.echo(chosen.catalog.phrase(phrase, destination=destination))


def _change(context: click.Context, verb: Verb) -> int:
    from supportctl.app.resend_desk import open_desk
    from supportctl.app.resend_hand import carry_out, needs_why, plan

    chosen, given = settings(context), context.params
    ids, dry_run = given["ids"], given["dry_run"]
    with open_desk(chosen.config) as desk:
        planned = plan(desk, verb, wanted_of(context, ids))
        why = "" if dry_run else needs_why(verb, given["why"])
        is_text, total = given["format_"] == "text", planned.preview.total
        if is_text and (not ids or dry_run or not total):
            _tell_preview(desk, planned, chosen)
        due = planned.due_already  # nothing to change in them, but their lanes may be let try
        wanted = bool(total or due) and not dry_run
        if wanted and not ids and not given["yes"]:
            wanted = _asked(chosen)
        changed = carry_out(desk, planned, why) if wanted else 0
    _tell_done(planned, changed, why, chosen, is_text=is_text, dry_run=dry_run)
    return 0 if changed or dry_run or (wanted and due) else _NOTHING


def _asked(chosen: Settings) -> bool:
    """Ask the person; the answer is no unless they say yes.

    Raises:
        UsageError: `resend.yes-needed`: there is nobody to ask.
    """
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise UsageError("resend.yes-needed")
    return click.confirm(chosen.catalog.phrase("resend.ask"), default=False, err=True)


def _tell_preview(desk: Desk, planned: Plan, chosen: Settings) -> None:
    from supportctl.app.resend_look import ledger_of
    from supportctl.report.resend.verbs_as_text import render_preview

    words = (planned.verb, planned.preview, ledger_of(desk), chosen.catalog)
    click.echo(render_preview(*words), nl=False)


def _tell_done(
    planned: Plan, changed: int, why: str, chosen: Settings, *, is_text: bool, dry_run: bool
) -> None:
    if is_text:
        from supportctl.report.resend.verbs_as_text import render_done

        click.echo(render_done(planned.verb, changed, chosen.catalog, dry_run=dry_run), nl=False)
        return
    from supportctl.app.who import who_acts
    from supportctl.report.resend import as_json

    preview = planned.preview
    document = {
        "schema": HAND,
        "verb": planned.verb,
        "dry_run": dry_run,
        "would_change": preview.total,
        "changed": changed,
        "who": who_acts(),
        "why": why or None,
        "chosen": as_json.by_lane_and_state(preview.changed),
        "left_alone": as_json.by_lane_and_state(preview.left),
    }
    click.echo(as_json.as_text(document), nl=False)
