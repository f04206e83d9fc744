"""supportctl playbook show."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

from supportctl.cli.options import common_options, settings

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from supportctl.catalog import Catalog


@click.command()
@click.argument("name")
@click.option(
    "--format", "format_", type=click.Choice(["text", "json"]), default="text", help="Form of the answer."
)
@common_options
@click.pass_context
def show(context: click.Context, name: str, format_: str) -> None:
    """Show the playbook NAME (or a file): what it is for, its steps with seconds, its actions with risks."""
    from supportctl.app.config_file import load_config
    from supportctl.app.playbook_lint import library_with
    from supportctl.app.playbook_show import outline

    chosen = settings(context)
    known, name = library_with(load_config(chosen.config), name)
    document = outline(known, name, chosen.lang)
    if format_ == "json":
        click.echo(json.dumps(document, ensure_ascii=False, indent=2))
        return
    from supportctl.core.text import clean

    for line in _lines(document, chosen.catalog):
        click.echo(clean(line, 400).rstrip() if line.strip() else "")


def _lines(document: Mapping[str, Any], catalog: Catalog) -> Iterator[str]:
    seconds, facts = document["seconds"], ("version", "owner", "file")
    yield f"{document['name']}: {document['title']}"
    yield catalog.phrase("playbook.show-head", **{name: document[name] for name in facts})
    yield ""
    yield str(document["about"])
    yield catalog.phrase("playbook.show-time", **seconds)
    for part in ("symptoms", "roles", "parameters", "causes"):
        values = document[part]
        if values:
            yield ""
            yield catalog.phrase(f"playbook.show-{part}")
            named = values.items() if isinstance(values, dict) else (("", value) for value in values)
            yield from (f"  {key}: {value}" if key else f"  {value}" for key, value in named)
    if document["actions"]:
        yield ""
        yield catalog.phrase("playbook.show-actions")
        for action in document["actions"]:
            risk = catalog.phrase(f"report.risk-{action['risk']}")
            yield f"  {action['action']}: {risk}"
    yield ""
    yield catalog.phrase("playbook.show-steps")
    yield from _steps(document["steps"], catalog, "  ")


def _steps(steps: Sequence[Mapping[str, Any]], catalog: Catalog, indent: str) -> Iterator[str]:
    for step in steps:
        time = f" ~{step['seconds']} s" if step["seconds"] else ""
        when = f" [{step['when']}]" if step["when"] else ""
        says = f": {step['says']}" if step["says"] else ""
        yield f"{indent}{step['id']} ({step['kind']}{time}){when}{says}"
        if step["verified"]:
            yield f"{indent}  {catalog.phrase('playbook.show-verified')}"
        for arm in step.get("arms", ()):
            cause = f" {{{arm['cause']}}}" if arm["cause"] else ""
            goto = f" -> {arm['goto']}" if arm["goto"] else ""
            yield f"{indent}  ? {arm['when'] or catalog.phrase('playbook.show-always')}{cause}{goto}"
            yield from _steps(arm["steps"], catalog, f"{indent}    ")
        if step.get("otherwise"):
            yield f"{indent}  ? {catalog.phrase('playbook.show-otherwise')}"
            yield from _steps(step["otherwise"], catalog, f"{indent}    ")
