"""Errors for people and for scripts: what was expected, what was found, what to do."""

from __future__ import annotations

import json
import sys
import traceback
from itertools import pairwise
from typing import TYPE_CHECKING

import click

from supportctl.catalog import Catalog
from supportctl.core.errors import SupportctlError, UsageError
from supportctl.core.log import debugging
from supportctl.core.redaction import redact

if TYPE_CHECKING:
    from collections.abc import Sequence

SCHEMA = "supportctl.error/1"


def tell_error(error: SupportctlError, words: Sequence[str], lang: str) -> int:
    """Write the error and return the exit code.

    With `--format json` it is the one document on standard output, else text on standard error.
    """
    if debugging():
        traceback.print_exception(error)
    catalog = Catalog(lang)
    texts = {part: redact(text) for part, text in catalog.error(error.key, error.args_by_name).items()}
    if _wants_json(words):
        document = {"schema": SCHEMA, "error": {"code": error.key, **texts}}
        click.echo(json.dumps(document, ensure_ascii=False, indent=2))
        return error.exit_code
    click.secho(texts["message"], fg="red", err=True)
    for part in ("expected", "found", "hint"):
        if texts[part]:
            click.echo(f"  {catalog.phrase(f'error.{part}')} {texts[part]}", err=True)
    return error.exit_code


def from_click(error: click.ClickException) -> SupportctlError:
    """Return click's own complaint about the command line as one of ours."""
    names = ", ".join(getattr(error, "possibilities", None) or ())
    context = getattr(error, "ctx", None)
    command = context.command_path if context else "supportctl"
    if isinstance(error, click.NoSuchOption):
        return UsageError(
            "usage.no-such-option", found=error.option_name, nearest=names or "-", command=command
        )
    if isinstance(error, click.MissingParameter):
        name = error.param.get_error_hint(context) if error.param and context else "-"
        return UsageError("usage.missing", expected=name, command=command)
    if isinstance(error, click.BadParameter):
        hint = error.param.get_error_hint(context) if error.param and context else "-"
        return UsageError("usage.bad-value", found=error.message, option=hint, command=command)
    return UsageError("usage.wrong", found=error.format_message(), command=command)


def from_bug(error: Exception) -> SupportctlError:
    """Return a failure of supportctl itself; the traceback is shown only at `--log-level debug`."""
    if debugging():
        traceback.print_exception(error, file=sys.stderr)
    return SupportctlError("internal.bug", found=f"{type(error).__name__}: {error}")


def _wants_json(words: Sequence[str]) -> bool:
    return "--format=json" in words or any(pair == ("--format", "json") for pair in pairwise(words))
