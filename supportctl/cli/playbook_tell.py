"""What happens at a hand-over: the packet, the tracker, the chats; shared by `run`, `resume` and `report`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from supportctl.core.errors import EXIT_FAILED, EXIT_OK, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from supportctl.cli.options import Settings

no_tell = click.option(
    "--no-tell", is_flag=True, help="At a hand-over write the packet, but tell no tracker and no chat."
)


def passed_over(chosen: Settings) -> Callable[[Path], None]:
    """Return what says that `last` is not the newest run, because that one cannot be read."""
    return lambda path: click.echo(chosen.catalog.phrase("run.passed-over", run=path.stem), err=True)


def handed_over(run: str, chosen: Settings, *, telling: bool, quiet: bool = False, must: bool = False) -> int:
    """Write the packet of a run that was handed over, tell people, and say where it is.

    `quiet` keeps standard output free; a dry run has no packet. Returns 1 if somebody could not be told.

    Raises:
        UsageError: `handover.not-handed-over`, with `must`.
    """
    from supportctl.app.playbook_handover import hand_over_run, lines

    over = passed_over(chosen)
    handed = hand_over_run(run, chosen.lang, chosen.config, telling=telling, passed_over=over)
    if handed is None and not must:
        return EXIT_OK
    if handed is None:
        raise UsageError("handover.not-handed-over", found=run)
    for line in lines(handed, chosen.catalog):
        click.echo(line, err=quiet)
    told = handed.told
    return EXIT_FAILED if told is not None and (told.failed or told.unclear) else EXIT_OK
