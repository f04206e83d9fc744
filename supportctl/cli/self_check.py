"""supportctl self-check."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from supportctl.cli.options import common_options, settings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from probes.runner import Job
    from supportctl.app.self_check import SelfCheck
    from supportctl.catalog import Catalog
    from supportctl.cli.options import Settings


@click.command("self-check")
@click.option(
    "--format", "format_", type=click.Choice(["text", "json"]), default="text", help="Form of the answer."
)
@common_options
@click.pass_context
def self_check(context: click.Context, format_: str) -> int:
    """Check this till without any option: plain answers, safe steps only, nothing is changed.

    Writes the full report as a page beside (supportctl-report.html) and says where.
    """
    from supportctl.app.self_check import self_check as run
    from supportctl.report import exit_code

    chosen = settings(context)
    progress = _Progress(chosen.catalog)
    try:
        result = run(chosen.lang, chosen.config, on_change=progress.changed)
    finally:
        progress.close()
    _tell(result, format_, chosen.catalog)
    _offer(result, chosen, format_)
    return exit_code(result.report)


def _tell(result: SelfCheck, format_: str, catalog: Catalog) -> None:
    from supportctl.cli.output import terminal_width
    from supportctl.report import render

    as_json = format_ == "json"
    form = "json" if as_json else "text"
    text = render(result.report, form, catalog=catalog, width=terminal_width(), audience="shop")
    click.echo(text, nl=not text.endswith("\n"))
    if result.page is None:
        click.echo(catalog.phrase("selfcheck.page-not-written"), err=True)
        return
    if not as_json:
        click.echo()
    click.echo(catalog.phrase("selfcheck.page", path=result.page), err=as_json)
    click.echo(catalog.phrase("selfcheck.page-send"), err=as_json)


def _offer(result: SelfCheck, chosen: Settings, format_: str) -> None:
    """Offer to pack what support needs; asked only where somebody sits and something is wrong."""
    catalog = chosen.catalog
    if format_ == "json":
        return
    asks = sys.stdin.isatty() and sys.stdout.isatty() and result.report.verdict != "ok"
    if not asks:
        click.echo(catalog.phrase("selfcheck.bundle"))
        return
    click.echo()
    if not _yes(catalog):
        return
    from supportctl.app.self_check import pack
    from supportctl.core.errors import SupportctlError

    try:
        made = pack(result, chosen.lang, chosen.config)
    except SupportctlError:
        click.echo(catalog.phrase("selfcheck.bundle-not-written"), err=True)
        return
    click.echo(catalog.phrase("selfcheck.bundle-made", path=made.path))


def _yes(catalog: Catalog) -> bool:
    """Ask once; everything but a clear yes is a no."""
    click.echo(f"{catalog.phrase('selfcheck.bundle-ask')} ", nl=False)
    answer = sys.stdin.readline().strip().casefold()
    return answer in {"y", "yes", "д", "да"}


class _Progress:
    """One line on standard error, in a customer's words; nothing at all where that is no terminal."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._on = sys.stderr.isatty()
        self._shown = ""
        if self._on:
            click.echo(catalog.phrase("selfcheck.started"), err=True)

    def changed(self, jobs: Sequence[Job]) -> None:
        """Say how far we are and what is being asked."""
        if not self._on:
            return
        done = sum(job.state == "done" for job in jobs)
        running = dict.fromkeys(self._area(job) for job in jobs if job.state == "running")
        line = self._catalog.phrase(
            "selfcheck.progress", done=done, total=len(jobs), areas=", ".join(running) or "…"
        )
        if line != self._shown:
            self._draw(line)

    def close(self) -> None:
        """Leave the line empty for what follows."""
        if self._shown:
            self._draw("")
            click.echo("\r", nl=False, err=True)

    def _draw(self, line: str) -> None:
        import shutil

        room = shutil.get_terminal_size().columns - 1
        shown = line if len(line) <= room else line[: room - 1] + "…"
        # blanks instead of an escape sequence: old Windows consoles show those
        click.echo("\r" + shown.ljust(min(len(self._shown), room)), nl=False, err=True)
        self._shown = shown

    def _area(self, job: Job) -> str:
        area = job.entry.id.partition(".")[0]
        try:
            return self._catalog.phrase(f"report.area-{area}")
        except KeyError:
            return self._catalog.phrase("report.area-check")
