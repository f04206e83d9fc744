"""supportctl playbook lint, schema."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

from supportctl.cli.options import common_options, settings

if TYPE_CHECKING:
    from playbooks.engine.lint.table import Fault
    from supportctl.app.playbook_lint import Linted
    from supportctl.catalog import Catalog

SCHEMA = "supportctl.lint/1"
_VERDICTS = {0: "ok", 4: "warning", 2: "fault"}


@click.command()
@click.argument("names", nargs=-1, metavar="[NAME|FILE]...")
@click.option("--fix", is_flag=True, help="Mend what is safe to mend; comments and all else stay.")
@click.option(
    "--format", "format_", type=click.Choice(["text", "json"]), default="text", help="Form of the answer."
)
@common_options
@click.pass_context
def lint(context: click.Context, names: tuple[str, ...], fix: bool, format_: str) -> int:  # noqa: FBT001  click
    """Look for mistakes in playbooks: all that there are, or those that are named.

    Exit codes: 0 none, 4 warnings only, 2 errors.
    """
    from supportctl.app.config_file import load_config
    from supportctl.app.playbook_lint import lint as linted

    chosen = settings(context)
    found = linted(load_config(chosen.config), names, fix=fix)
    code = _exit_code(found)
    if format_ == "json":
        document = _document(found, chosen.catalog, _VERDICTS[code])
        click.echo(json.dumps(document, ensure_ascii=False, indent=2))
    else:
        _tell(found, chosen.catalog)
    return code


def _exit_code(found: Linted) -> int:
    from supportctl.core.errors import EXIT_OK, EXIT_USAGE, EXIT_WARNING

    if any(fault.is_error for fault in found.faults):
        return EXIT_USAGE
    return EXIT_WARNING if found.faults else EXIT_OK


def _texts(fault: Fault, catalog: Catalog) -> dict[str, str]:
    from supportctl.cli.errors import error_texts
    from supportctl.core.text import clean

    if fault.key.startswith("lint."):
        shown = {name: clean(value, 300) for name, value in fault.args.items()}
        return {"message": catalog.phrase(fault.key, **shown), "expected": "", "found": "", "hint": ""}
    args = {name: value for name, value in fault.args.items() if name != "where"}
    return error_texts(catalog, fault.key, args)


def _document(found: Linted, catalog: Catalog, verdict: str) -> dict[str, object]:
    faults = [
        {
            "rule": fault.rule,
            "severity": "error" if fault.is_error else "warning",
            "file": str(fault.path),
            "line": fault.line,
            "column": fault.column,
            "fixable": fault.edit is not None,
            **_texts(fault, catalog),
        }
        for fault in found.faults
    ]
    mended = [{"file": str(path), "count": count} for path, count in found.mended.items()]
    return {
        "schema": SCHEMA,
        "verdict": verdict,
        "playbooks": found.playbooks,
        "faults": faults,
        "mended": mended,
    }


def _tell(found: Linted, catalog: Catalog) -> None:
    for path, count in found.mended.items():
        click.echo(catalog.phrase("lint.mended", path=path, count=count))
    for fault in found.faults:
        texts = _texts(fault, catalog)
        colour = "red" if fault.is_error else "yellow"
        rule = click.style(fault.rule, fg=colour)
        click.echo(f"{fault.path}:{fault.line}:{fault.column}: {rule} {texts['message']}")
        for part in ("expected", "found", "hint"):
            if texts[part]:
                click.echo(f"  {catalog.phrase(f'error.{part}')} {texts[part]}")
    errors = sum(fault.is_error for fault in found.faults)
    if not found.faults:
        click.echo(catalog.phrase("lint.good", count=found.playbooks))
        return
    files = len({fault.path for fault in found.faults})
    warnings = len(found.faults) - errors
    click.echo(
        catalog.phrase("lint.bad", errors=errors, warnings=warnings, files=files, count=found.playbooks)
    )
    fixable = sum(fault.edit is not None for fault in found.faults)
    if fixable:
        click.echo(catalog.phrase("lint.fixable", count=fixable))


@click.command()
@click.option("--format", "format_", type=click.Choice(["json"]), default="json", help="Form of the schema.")
@common_options
def schema(format_: str) -> None:  # noqa: ARG001  one form only, accepted as every command accepts it
    """Print the JSON Schema of playbooks: editors complete and check the files with it."""
    from playbooks.engine.schema import document

    click.echo(json.dumps(document(), ensure_ascii=False, indent=2))
