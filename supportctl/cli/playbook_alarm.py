"""supportctl playbook alarm, affected; and what a run asks first while the alarm is on."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

import click

from supportctl.cli.errors import error_texts, in_one_line
from supportctl.cli.options import common_options, settings
from supportctl.core.errors import EXIT_OK, UsageError

if TYPE_CHECKING:
    from datetime import datetime

    from supportctl.app.playbook_alarm import Affected, Alarm
    from supportctl.catalog import Catalog
    from supportctl.cli.options import Settings

SCHEMA = "supportctl.affected/1"
_form = click.option(
    "--format", "format_", type=click.Choice(["text", "json"]), default="text", help="Form of the answer."
)

alarm_said = click.option(
    "--alarm", type=click.Choice(["yes", "no"]),
    help="During an alarm: whether this customer is hit by it (default: you are asked).",
)  # fmt: skip


@click.group()
@common_options
def alarm() -> None:
    """Mass failure: a banner and a ready answer for every run, until it is switched off."""


@alarm.command()
@click.option("--text-en", required=True, metavar="TEXT", help="What customers are told, in English.")
@click.option("--text-ru", required=True, metavar="TEXT", help="What customers are told, in Russian.")
@click.option(
    "--tags", default="", metavar="A,B", help="Only for playbooks with one of these tags (default: all)."
)
@click.option("--until", metavar="TIME", help="Off by itself: in 2h, at 18:30, or at 2026-11-22T18:30.")
@common_options
@click.pass_context
def on(context: click.Context, text_en: str, text_ru: str, tags: str, until: str | None) -> int:
    """Switch the alarm on; one that was on is replaced."""
    from supportctl.app.config_file import load_config
    from supportctl.app.playbook_alarm import turn_on

    chosen = settings(context)
    words = tuple(dict.fromkeys(word.strip().lower() for word in tags.split(",") if word.strip()))
    made = turn_on(load_config(chosen.config), text_en, text_ru, tags=words, until=until)
    click.echo("\n".join(banner(made, chosen.catalog)))
    return EXIT_OK


@alarm.command()
@common_options
@click.pass_context
def off(context: click.Context) -> int:
    """Switch the alarm off."""
    from supportctl.app.config_file import load_config
    from supportctl.app.playbook_alarm import turn_off

    chosen = settings(context)
    was_on = turn_off(load_config(chosen.config))
    click.echo(chosen.catalog.phrase("alarm.off" if was_on else "alarm.was-off"))
    return EXIT_OK


@alarm.command()
@_form
@common_options
@click.pass_context
def show(context: click.Context, format_: str) -> int:
    """Show the alarm that is on now."""
    from supportctl.app.config_file import load_config
    from supportctl.app.playbook_alarm import SCHEMA as ALARM
    from supportctl.app.playbook_alarm import current

    chosen = settings(context)
    found = current(load_config(chosen.config))
    if format_ == "json":
        told = found.model_dump(mode="json") if found else None
        click.echo(json.dumps({"schema": ALARM, "alarm": told}, ensure_ascii=False, indent=2))
    else:
        text = "\n".join(banner(found, chosen.catalog)) if found else chosen.catalog.phrase("alarm.none")
        click.echo(text)
    return EXIT_OK


@click.command()
@click.option("--since", metavar="TIME", help="24h, 7d, a day or a moment (default: 24h).")
@_form
@common_options
@click.pass_context
def affected(context: click.Context, since: str | None, format_: str) -> int:
    """Show who was affected by the mass failure: ticket, site, when, and what was answered."""
    from supportctl.app.playbook_alarm import affected as found_runs

    chosen = settings(context)
    found = list(found_runs(chosen.config, since))
    if format_ == "json":
        document = {"schema": SCHEMA, "affected": [_row(each) for each in found]}
        click.echo(json.dumps(document, ensure_ascii=False, indent=2))
    else:
        click.echo("\n".join(_lines(found, chosen.catalog)))
    return EXIT_OK


def under_alarm(
    chosen: Settings, name: str, set_: tuple[str, ...], *, said: str | None, scripted: bool
) -> tuple[str, tuple[str, ...]]:
    """Return what is to be run, and with which settings: what was asked for, or `mass-failure`.

    `said` is `--alarm`: yes or no instead of the question. A script that says neither is not hit. An alarm
    that cannot be read stops nobody: it is told.
    """
    from supportctl.app.config_file import load_config
    from supportctl.app.playbook_alarm import PLAYBOOK, concerns, current

    config, catalog = load_config(chosen.config), chosen.catalog
    try:
        known = current(config)
    except UsageError as error:
        texts = error_texts(catalog, error.key, error.args_by_name)
        click.echo(in_one_line(texts), err=True)
        return name, set_
    if known is None or not concerns(known, name, config):
        return name, set_
    click.echo("\n".join(banner(known, catalog)), err=True)
    if said is None and not scripted and sys.stdin.isatty():
        said = "yes" if _asked(catalog) else "no"
    if said != "yes":
        return name, set_
    return PLAYBOOK, (f"text={known.text(chosen.lang)}", f"instead-of={name}")


def banner(known: Alarm, catalog: Catalog) -> list[str]:
    """Return the lines of the banner."""
    tags = ", ".join(known.tags) or catalog.phrase("alarm.all-tags")
    lines = [
        catalog.phrase("alarm.banner", since=_at(known.since, catalog), by=known.by or "-", tags=tags),
        catalog.phrase("alarm.answer", text=known.text(catalog.lang)),
    ]
    if known.until is not None:
        lines.append(catalog.phrase("alarm.until", until=_at(known.until, catalog)))
    return lines


def _asked(catalog: Catalog) -> bool:
    from playbooks.engine.answers import yes_or_no

    while True:
        click.echo(catalog.phrase("alarm.question"), err=True)
        try:
            return yes_or_no(input("> "))
        except UsageError:
            continue
        except EOFError:
            return False


def _lines(found: list[Affected], catalog: Catalog) -> list[str]:
    if not found:
        return [catalog.phrase("alarm.nobody")]
    lines = []
    for each in found:
        head = each.header
        outcome = catalog.phrase(f"run.outcome-{each.outcome or 'broken'}")
        parts = [_at(head.started_at, catalog), head.ticket or "-", head.site or "-", outcome, head.run]
        lines.append("  ".join(parts))
        told = [f"{step}: {answer}" for step, answer in each.answers.items()]
        if each.asked:
            names = each.hit_names or "-"
            told.append(catalog.phrase("alarm.sites", hit=each.hit, asked=each.asked, names=names))
        lines += [f"    {line}" for line in told]
    return lines


def _row(each: Affected) -> dict[str, object]:
    head = each.header
    sites = {"asked": each.asked, "hit": each.hit, "names": each.hit_names} if each.asked else None
    return {
        "run": head.run,
        "ticket": head.ticket or None,
        "site": head.site or None,
        "at": head.started_at.isoformat(timespec="seconds"),
        "operator": head.operator or None,
        "instead_of": head.params.get("instead-of") or None,
        "outcome": each.outcome,
        "answers": dict(each.answers),
        "sites": sites,
    }


def _at(when: datetime, catalog: Catalog) -> str:
    return when.astimezone().strftime("%d.%m.%Y %H:%M" if catalog.lang == "ru" else "%Y-%m-%d %H:%M")
