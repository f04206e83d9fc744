"""supportctl config check, show, schema."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

from supportctl.cli.options import common_options, settings

if TYPE_CHECKING:
    from supportctl.app.config_file import Configuration
    from supportctl.catalog import Catalog

_format_option = click.option(
    "--format", "format_", type=click.Choice(["text", "json"]), default="text", help="Form of the answer."
)


@click.group()
@common_options
def config() -> None:
    """Check and show the configuration, print its schema."""


@config.command()
@_format_option
@common_options
@click.pass_context
def check(context: click.Context, format_: str) -> int:
    """Look for mistakes in the configuration, all of them at once.

    Exit codes: 0 none, 4 warnings only (such as a secret that is written in the file), 2 mistakes.
    """
    from supportctl.app.config_file import find_config, read_config, user_config
    from supportctl.core.errors import UsageError

    chosen = settings(context)
    path = find_config(chosen.config)
    if path is None:
        raise UsageError("config.no-file", user=user_config())
    found = read_config(path)
    if format_ == "json":
        click.echo(json.dumps(_document(found, chosen.catalog), ensure_ascii=False, indent=2))
    else:
        _tell(found, chosen.catalog)
    return _exit_code(found)


def _exit_code(found: Configuration) -> int:
    from supportctl.core.errors import EXIT_OK, EXIT_USAGE, EXIT_WARNING

    if found.config is None:
        return EXIT_USAGE
    return EXIT_WARNING if found.problems else EXIT_OK


def _document(found: Configuration, catalog: Catalog) -> dict[str, object]:
    """Mistakes make it an error document, which every script knows; it lists the further ones, too."""
    from supportctl.cli.errors import SCHEMA, error_texts

    problems = []
    for problem in found.problems:
        where = found.where(problem.line, problem.column)
        details: dict[str, object] = {**problem.details(), "where": where}
        status = "error" if problem.is_error else "warning"
        place: dict[str, object] = {"file": str(found.path), "line": problem.line, "column": problem.column}
        texts: dict[str, object] = {**error_texts(catalog, problem.key, details)}
        problems.append({"code": problem.key, "status": status, **place, **texts})
    if found.config is not None:
        verdict = "warning" if problems else "ok"
        return {
            "schema": "supportctl.config-check/1",
            "file": str(found.path),
            "verdict": verdict,
            "targets": len(found.config.targets),
            "problems": problems,
        }
    worst = next(problem for problem in problems if problem["status"] == "error")
    first = {part: worst[part] for part in ("code", "message", "expected", "found", "hint")}
    return {"schema": SCHEMA, "error": first, "problems": problems}


def _tell(found: Configuration, catalog: Catalog) -> None:
    from supportctl.cli.errors import error_texts

    for problem in found.problems:
        details = problem.details()
        texts = error_texts(catalog, problem.key, details)
        colour = "red" if problem.is_error else "yellow"
        click.secho(f"{found.where(problem.line, problem.column)}: {texts['message']}", fg=colour)
        for part in ("expected", "found", "hint"):
            if texts[part]:
                click.echo(f"  {catalog.phrase(f'error.{part}')} {texts[part]}")
    if found.config is None:
        mistakes = sum(problem.is_error for problem in found.problems)
        click.echo(catalog.phrase("config.bad", count=mistakes, path=found.path))
    elif found.problems:
        click.echo(catalog.phrase("config.warned", count=len(found.problems), path=found.path))
    else:
        click.echo(catalog.phrase("config.good", path=found.path, targets=len(found.config.targets)))


@config.command()
@_format_option
@common_options
@click.pass_context
def show(context: click.Context, format_: str) -> None:
    """Show every setting and where it came from. Secrets are not shown, references to them are."""
    from supportctl.app.config_file import find_config, first_error, read_config

    chosen = settings(context)
    path = find_config(chosen.config)
    found = read_config(path) if path else None
    if found and found.config is None:
        raise first_error(found)
    from supportctl.app.config_view import view

    document, rows = view(found)
    if format_ == "json":
        origins = {row.path: row.origin for row in rows}
        whole = {
            "schema": "supportctl.config/1",
            "file": str(path) if path else None,
            "config": document,
            "origins": origins,
        }
        click.echo(json.dumps(whole, ensure_ascii=False, indent=2))
        return
    default = chosen.catalog.phrase("config.default")
    for row in rows:
        click.echo(f"{row.path} = {row.value}  # {row.origin or default}")


@config.command()
@click.option("--format", "format_", type=click.Choice(["json"]), default="json", help="Form of the schema.")
@common_options
def schema(format_: str) -> None:  # noqa: ARG001  one form only, accepted as every command accepts it
    """Print the JSON Schema of supportctl.yaml: editors complete and check the file with it."""
    from supportctl.app.config_view import schema_document

    click.echo(json.dumps(schema_document(), ensure_ascii=False, indent=2))
