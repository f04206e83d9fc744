"""supportctl bundle create, show, redaction-report."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from supportctl.cli.options import Seconds, common_options, settings

if TYPE_CHECKING:
    from supportctl.app.bundle import Made
    from supportctl.app.bundle_show import Leak, Shown
    from supportctl.catalog import Catalog
    from supportctl.cli.options import Settings

_format_option = click.option(
    "--format", "format_", type=click.Choice(["text", "json"]), default="text", help="Form of the answer."
)
_file = click.argument("file", type=click.Path(path_type=Path))


@click.group()
@common_options
def bundle() -> None:
    """Pack what support needs to see, without secrets; look into such a packet."""


@bundle.command()
@click.option(
    "--output", type=click.Path(path_type=Path), help="Where to write it (default: a new file here)."
)
@click.option(
    "--report", type=click.Path(path_type=Path), help="Pack this report (JSON) instead of a new check."
)
@click.option(
    "--token-map",
    type=click.Path(path_type=Path),
    help="Write here what each token stands for. Keep this file.",
)
@click.option("--deadline", type=Seconds(1, 600), default=40.0, help="Seconds for all of it (default: 40).")
@click.option("--on", "on", metavar="REMOTE",
              help="Make it on another machine and bring it here: ssh://USER@HOST or code:…")  # fmt: skip
@click.option("--ticket", default="", metavar="T", help="With --on: the ticket that this is about.")
@_format_option
@common_options
@click.pass_context
def create(
    context: click.Context,
    output: Path | None,
    report: Path | None,
    token_map: Path | None,
    deadline: float,
    on: str | None,
    ticket: str,
    format_: str,
) -> None:
    """Make a bundle: findings, configuration, state of devices, runs, logs. Secrets are taken out.

    It is always made; what could not be collected is named in it with the reason. Nothing is sent anywhere.
    With --on it is made beside the devices of the other machine, where supportctl has to be installed, its
    secrets are taken out there, and the file comes here.
    """
    from supportctl.app.bundle import create as make
    from supportctl.app.bundle_collect import Asked

    chosen = settings(context)
    if on is not None:
        made = _made_on(on, chosen, output, {"--report": report, "--token-map": token_map}, deadline, ticket)
    else:
        made = make(Asked(chosen.lang, chosen.config, report, deadline), output, token_map)
    if format_ == "json":
        click.echo(json.dumps(_made_document(made), ensure_ascii=False, indent=2))
    else:
        click.echo("\n".join(_made(made, chosen.catalog, "bundle.made" if on is None else "bundle.made-on")))


def _made_on(
    on: str,
    chosen: Settings,
    output: Path | None,
    not_there: dict[str, Path | None],
    deadline: float,
    ticket: str,
) -> Made:
    from supportctl.app.remote_bundle import bundle_on
    from supportctl.cli.remote_terminal import remote_session
    from supportctl.core.errors import UsageError
    from supportctl.core.text import clean

    for option, given in not_there.items():
        if given is not None:
            raise UsageError("remote.not-with-on", found=option)
    with remote_session(on, chosen.catalog, chosen.config, ticket=clean(ticket, 80)) as remote:
        return bundle_on(remote, chosen.lang, output, deadline)


@bundle.command()
@_file
@_format_option
@common_options
@click.pass_context
def show(context: click.Context, file: Path, format_: str) -> int:
    """Say what is in a bundle. A foreign one is safe to look at: nothing is unpacked.

    Exit codes: 0 every file is as it was packed, 3 one was changed, 2 this is no bundle, or a dangerous one.
    """
    from supportctl.app.bundle_show import show as look
    from supportctl.core.errors import EXIT_FAULT, EXIT_OK

    catalog = settings(context).catalog
    shown = look(file)
    if format_ == "json":
        click.echo(json.dumps(_shown_document(shown), ensure_ascii=False, indent=2))
    else:
        click.echo("\n".join(_shown(shown, catalog)))
    return EXIT_OK if shown.intact else EXIT_FAULT


@bundle.command("redaction-report")
@_file
@_format_option
@common_options
@click.pass_context
def redaction_report(context: click.Context, file: Path, format_: str) -> int:
    """Say what was taken out of each file, and look once more whether anything was left.

    Values are never shown. Exit codes: 0 nothing was left, 4 something still looks like a secret.
    """
    from supportctl.app.bundle_show import leaks
    from supportctl.app.bundle_show import show as look
    from supportctl.core.errors import EXIT_OK, EXIT_WARNING

    catalog = settings(context).catalog
    shown = look(file)
    left = leaks(shown)
    if format_ == "json":
        document = {
            "schema": "supportctl.redaction-report/1",
            "file": str(shown.path),
            "files": [{"name": each.name, "removed": dict(each.removed)} for each in shown.files],
            "suspicious": [each._asdict() for each in left],
        }
        click.echo(json.dumps(document, ensure_ascii=False, indent=2))
    else:
        click.echo("\n".join(_report(shown, left, catalog)))
    return EXIT_WARNING if left else EXIT_OK


def _made(made: Made, catalog: Catalog, words: str) -> list[str]:
    size = max(round(made.size / 1024), 1)
    lines = [catalog.phrase(words, path=made.path, files=len(made.files), kilobytes=size)]
    lines.append(catalog.phrase("bundle.removed", removed=_counts(made.removed, catalog)))
    lines += _left(list(made.left), catalog)
    if made.token_map:
        lines.append(catalog.phrase("bundle.map", path=made.token_map))
    return lines


def _left(left: list[tuple[str, str]], catalog: Catalog) -> list[str]:
    return [catalog.phrase("bundle.left"), *(f"  {what}: {why}" for what, why in left)] if left else []


def _counts(counts: dict[str, int] | object, catalog: Catalog) -> str:
    pairs = counts.items() if isinstance(counts, dict) else ()
    told = [f"{_kind(kind, catalog)} {count}" for kind, count in pairs]
    return ", ".join(told) or catalog.phrase("bundle.nothing")


def _kind(kind: str, catalog: Catalog) -> str:
    known = kind in {"secret", "card", "phone", "name", "mark"}
    return catalog.phrase(f"bundle.kind-{kind}") if known else kind


def _shown(shown: Shown, catalog: Catalog) -> list[str]:
    lines = [catalog.phrase("bundle.about", path=shown.path, at=shown.made_at, version=shown.tool_version)]
    for file in shown.files:
        state = "" if file.state == "whole" else f"  {catalog.phrase(f'bundle.state-{file.state}')}"
        lines.append(f"  {file.name}  {file.size}{state}")
    lines += _left(list(shown.left), catalog)
    if shown.problems:
        lines += [catalog.phrase("bundle.problems"), *(f"  {each}" for each in shown.problems)]
    return lines


def _report(shown: Shown, left: tuple[Leak, ...], catalog: Catalog) -> list[str]:
    lines = [f"{file.name}: {_counts(dict(file.removed), catalog)}" for file in shown.files]
    lines += [
        catalog.phrase("bundle.leak", name=each.name, line=each.line, kind=_kind(each.kind, catalog))
        for each in left
    ]
    return [*lines, catalog.phrase("bundle.leaks" if left else "bundle.no-leaks", count=len(left))]


def _made_document(made: Made) -> dict[str, object]:
    return {
        "schema": "supportctl.bundle-made/1",
        "file": str(made.path),
        "size": made.size,
        "files": [dict(each) for each in made.files],
        "not_collected": [each._asdict() for each in made.left],
        "removed": dict(made.removed),
        "token_map": str(made.token_map) if made.token_map else None,
    }


def _shown_document(shown: Shown) -> dict[str, object]:
    return {
        "schema": "supportctl.bundle-view/1",
        "file": str(shown.path),
        "bundle": shown.schema,
        "made_at": shown.made_at,
        "tool_version": shown.tool_version,
        "intact": shown.intact,
        "files": [{"name": each.name, "size": each.size, "state": each.state} for each in shown.files],
        "not_collected": [{"what": what, "why": why} for what, why in shown.left],
        "verdict": shown.verdict,
        "problems": list(shown.problems),
    }
