"""supportctl playbook run, resume, runs, report."""

from __future__ import annotations

import sys
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from supportctl.cli.options import common_options, settings
from supportctl.cli.playbook_alarm import alarm_said, under_alarm
from supportctl.cli.playbook_tell import handed_over, no_tell, passed_over
from supportctl.core.errors import EXIT_HANDED_OVER, EXIT_OK, EXIT_UNKNOWN, UsageError
from supportctl.core.text import clean

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from playbooks.engine.executor import Since
    from playbooks.engine.graph import Graph
    from playbooks.engine.ports import Person
    from playbooks.engine.records import Header
    from supportctl.app.playbook import Played
    from supportctl.app.remote import Remote
    from supportctl.cli.options import Settings
    from supportctl.cli.playbook_words import Words

    PersonOf = Callable[[Graph, Header, Since], Person]

FORMATS = ("text", "json", "html")
_RUNS_SHOWN = 20
_answers = click.option(
    "--answers", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE",
    help="Take the answers from a list in this file (YAML or JSON) instead of the terminal.",
)  # fmt: skip
_read_only = click.option(
    "--yes-read-only", is_flag=True,
    help="Only checks, questions and instructions: every change is answered with no.",
)  # fmt: skip
_format = click.option(
    "--format", "format_", type=click.Choice(FORMATS), default="text",
    help="Form of the report at the end (default: text, a few lines).",
)  # fmt: skip
_output = click.option(
    "--output", type=click.Path(path_type=Path, dir_okay=False), help="Write the report to this file."
)


@click.command()
@click.argument("name", metavar="NAME")
@click.option("--set", "set_", multiple=True, metavar="K=V", help="A role's target, or a parameter's value.")
@_answers
@click.option("--dry-run", is_flag=True, help="Say what would be changed, and change nothing.")
@click.option("--ticket", default="", metavar="T", help="The ticket that this is about.")
@_read_only
@no_tell
@alarm_said
@click.option("--on", "on", metavar="REMOTE",
              help="Run it on another machine, beside the devices: ssh://USER@HOST or code:…")  # fmt: skip
@click.option("--grant", default="", metavar="CODE", help="With --on: the code of a grant made there.")
@_format
@_output
@common_options
@click.pass_context
def run(
    context: click.Context,
    name: str,
    set_: tuple[str, ...],
    answers: Path | None,
    ticket: str,
    alarm: str | None,
    on: str | None,
    grant: str,
    format_: str,
    output: Path | None,
    *,
    dry_run: bool,
    yes_read_only: bool,
    no_tell: bool,
) -> int:
    """Run the playbook NAME (or the file NAME.yaml) with the customer on the line.

    Exit codes: 0 solved, or not ours and told so; 6 handed over; 5 put aside, or the customer left.
    """
    chosen = settings(context)
    name, set_ = under_alarm(chosen, name, set_, said=alarm, scripted=answers is not None)
    if answers is None and not sys.stdin.isatty():
        from supportctl.app.config_file import load_config
        from supportctl.app.playbook import open_playbook

        open_playbook(name, load_config(chosen.config))  # a wrong name is told first: it helps more
        raise UsageError("run.no-person")
    with ExitStack() as opened:
        # first the session: a new machine's key is asked about in plain lines
        remote = opened.enter_context(_remote(on, chosen, clean(ticket, 80))) if on is not None else None
        quiet = _is_quiet(format_, output)
        person = opened.enter_context(_person(chosen, answers, quiet=quiet, read_only=yes_read_only))
        from supportctl.app.playbook import RunRequest, start_run

        request = RunRequest(name, chosen.lang, set_, clean(ticket, 80), dry_run, chosen.config)
        if remote is None:
            told = chosen.catalog.phrase("run.searching")
            played = start_run(request, person, searching=lambda: click.echo(told, err=True))
        else:
            from supportctl.app.playbook_copy import Line
            from supportctl.app.playbook_on import run_on

            line = Line(remote.audited or remote.session.client, remote.session.back)
            played = run_on(line, request, person, grant=grant)
    return _ended(played, chosen, format_, output, telling=not no_tell)


@click.command()
@click.argument("run", metavar="RUN")
@click.option("--extra", metavar="TIME", help="So much longer: 10m (default: the playbook's time again).")
@_answers
@_read_only
@no_tell
@_format
@_output
@common_options
@click.pass_context
def resume(
    context: click.Context,
    run: str,
    extra: str | None,
    answers: Path | None,
    format_: str,
    output: Path | None,
    *,
    yes_read_only: bool,
    no_tell: bool,
) -> int:
    """Go on with RUN: an id of `playbook runs`, its beginning, or `last`.

    What the run stands on is looked at again first; nothing is asked twice. Exit codes as of `playbook run`.
    """
    chosen = settings(context)
    seconds = _seconds(extra) if extra else None
    if answers is None and not sys.stdin.isatty():
        from supportctl.app.playbook import read_run

        read_run(run, chosen.config)
        raise UsageError("run.no-person")
    with _person(chosen, answers, quiet=_is_quiet(format_, output), read_only=yes_read_only) as person:
        from supportctl.app.playbook import resume_run

        def cut() -> None:
            click.echo(chosen.catalog.phrase("run.cut-line"), err=True)

        told = passed_over(chosen)
        played = resume_run(
            run, person, extra_s=seconds, on_cut=cut, passed_over=told, config_path=chosen.config
        )
    return _ended(played, chosen, format_, output, telling=not no_tell)


@click.command()
@click.option("--limit", type=click.IntRange(1, 1000), default=_RUNS_SHOWN, metavar="N",
              help="So many, the newest first (default: 20).")  # fmt: skip
@click.option(
    "--format", "format_", type=click.Choice(["text", "json"]), default="text", help="Form of the answer."
)
@common_options
@click.pass_context
def runs(context: click.Context, limit: int, format_: str) -> int:
    """Show the runs of this computer, the newest first."""
    from supportctl.app.config_file import load_config
    from supportctl.app.playbook_library import runs_folder
    from supportctl.app.playbook_runs import listed
    from supportctl.cli.playbook_lists import runs_document, runs_text

    chosen = settings(context)
    found = listed(runs_folder(load_config(chosen.config)), limit)
    tell = runs_document if format_ == "json" else runs_text
    click.echo(tell(found, chosen.catalog))
    return EXIT_OK


@click.command()
@click.argument("run", metavar="RUN")
@click.option("--format", "format_", type=click.Choice((*FORMATS, "markdown")), default="text",
              help="Form of the report.")  # fmt: skip
@_output
@click.option("--tell", is_flag=True, help="Write the packet again and tell who has not heard of it.")
@common_options
@click.pass_context
def report(context: click.Context, run: str, format_: str, output: Path | None, *, tell: bool) -> int:
    """Show what was learned and done in RUN, ended or not."""
    chosen = settings(context)
    if tell:
        return handed_over(run, chosen, telling=True, must=True)
    _report(run, chosen, format_, output)
    return EXIT_OK


@contextmanager
def _remote(on: str, chosen: Settings, ticket: str) -> Iterator[Remote]:
    """Give an open session, recorded while it is open."""
    from supportctl.cli.recorded import recorded
    from supportctl.cli.remote_terminal import remote_session
    from supportctl.core.clock import SystemClock

    with remote_session(on, chosen.catalog, chosen.config, ticket=ticket) as remote:
        log = remote.audited.path if remote.audited else None
        assert log is not None
        with recorded(log, ticket, chosen.catalog, SystemClock(), err=True):
            yield remote


def _is_quiet(format_: str, output: Path | None) -> bool:
    return format_ != "text" and output is None


@contextmanager
def _person(chosen: Settings, answers: Path | None, *, quiet: bool, read_only: bool) -> Iterator[PersonOf]:
    """Give what makes the person of a run: a screen, plain lines, or a file of answers."""
    if answers is not None:
        from supportctl.cli.playbook_answers import scripted

        yield scripted(answers, _words(chosen), quiet=quiet, read_only=read_only)
        return
    from supportctl.cli.playbook_terminal import at_terminal

    with at_terminal(_words(chosen), read_only=read_only) as person:
        yield person


def _words(chosen: Settings) -> Callable[[Graph, Header], Words]:
    """Return what makes the words of a run; targets are called as the configuration does."""
    from supportctl.cli.playbook_words import Words

    def names() -> dict[str, str]:
        from supportctl.app.config_file import load_config

        config = load_config(chosen.config)
        return {target.url: target.name or "" for target in config.parsed_targets()} if config else {}

    return lambda graph, header: Words(graph, chosen.catalog, names, dry_run=header.dry_run)


def _ended(played: Played, chosen: Settings, format_: str, output: Path | None, *, telling: bool) -> int:
    from playbooks.engine.state import Outcome

    if format_ != "text" or output is not None:
        _report(played.run, chosen, format_, output)
    finish = played.result.state.finish
    if played.result.paused or finish is None:
        if not _is_quiet(format_, output):
            click.echo(chosen.catalog.phrase("run.end-paused", run=played.run))
        return EXIT_UNKNOWN
    if finish.outcome is Outcome.HANDED_OVER:
        handed_over(played.run, chosen, telling=telling, quiet=_is_quiet(format_, output))
    codes = {Outcome.HANDED_OVER: EXIT_HANDED_OVER, Outcome.GAVE_UP: EXIT_UNKNOWN}
    return codes.get(finish.outcome, EXIT_OK)


def _report(word: str, chosen: Settings, format_: str, output: Path | None) -> None:
    from supportctl.app.playbook import read_run
    from supportctl.app.playbook_report import report_of
    from supportctl.cli.output import terminal_colour, terminal_width, write_file
    from supportctl.report.playbook import render

    opened, record = read_run(word, chosen.config, passed_over=passed_over(chosen))
    told = report_of(record, opened.graph, chosen.catalog)
    if output is not None:
        write_file(output, render(told, format_, catalog=chosen.catalog))
        click.echo(chosen.catalog.phrase("check.written", path=output), err=True)
        return
    text = render(told, format_, catalog=chosen.catalog, color=terminal_colour(), width=terminal_width())
    click.echo(text, nl=not text.endswith("\n"))


def _seconds(text: str) -> float:
    from pydantic import TypeAdapter, ValidationError

    from supportctl.core.fields import Duration

    try:
        return float(TypeAdapter(Duration).validate_python(text))
    except ValidationError:
        raise UsageError("usage.bad-value", option="--extra", found=text, command="playbook resume") from None
