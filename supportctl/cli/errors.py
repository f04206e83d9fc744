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
from supportctl.core.nearest import nearest as words_near
from supportctl.core.redaction import redact

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

SCHEMA = "supportctl.error/1"


def tell_error(error: SupportctlError, words: Sequence[str], lang: str) -> int:
    """Write the error and return the exit code.

    With `--format json` it is the one document on standard output, else text on standard error.
    """
    if debugging():
        traceback.print_exception(error)
    catalog = Catalog(lang)
    texts = error_texts(catalog, error.key, error.args_by_name)
    if _wants_json(words):
        document = {"schema": SCHEMA, "error": {"code": error.key, **texts}}
        click.echo(json.dumps(document, ensure_ascii=False, indent=2))
        return error.exit_code
    click.secho(texts["message"], fg="red", err=True)
    for part in ("expected", "found", "hint"):
        if texts[part]:
            click.echo(f"  {catalog.phrase(f'error.{part}')} {texts[part]}", err=True)
    return error.exit_code


def error_texts(catalog: Catalog, key: str, args: Mapping[str, object]) -> dict[str, str]:
    """Return message, expected, found and hint, safe to show; an argument `where` is added to `found`."""
    texts = {part: redact(text) for part, text in catalog.error(key, args).items()}
    where = redact(str(args.get("where", "")))
    if where and where not in texts["found"]:
        texts["found"] = f"{texts['found']} ({where})"
    return texts


def from_click(error: click.ClickException) -> SupportctlError:
    """Return click's own complaint about the command line as one of ours."""
    context = getattr(error, "ctx", None)
    command = context.command_path if context else "supportctl"
    if context is None:
        return UsageError("usage.wrong", found=error.format_message(), command=command)
    known = context.command.list_commands(context) if isinstance(context.command, click.Group) else []
    if isinstance(error, click.NoSuchOption):
        options = [name for parameter in context.command.get_params(context) for name in parameter.opts]
        nearest = words_near(error.option_name, options)
        return UsageError("usage.no-such-option", found=error.option_name, nearest=nearest, command=command)
    if isinstance(error, click.NoSuchCommand):
        nearest = words_near(error.command_name, known)
        return UsageError("usage.no-such-command", found=error.command_name, nearest=nearest, command=command)
    if isinstance(error, click.BadParameter) and error.param is not None:
        return _bad_parameter(error, error.param.get_error_hint(context), command)
    if known:
        return UsageError("usage.no-command", expected=", ".join(known), command=command)
    return UsageError("usage.wrong", found=error.format_message(), command=command)


def _bad_parameter(error: click.BadParameter, name: str, command: str) -> UsageError:
    if isinstance(error, click.MissingParameter):
        return UsageError("usage.missing", expected=name, command=command)
    return UsageError("usage.bad-value", found=error.message, option=name, command=command)


def from_bug(error: Exception) -> SupportctlError:
    """Return a failure of supportctl itself; the traceback is shown only at `--log-level debug`."""
    if debugging():
        traceback.print_exception(error, file=sys.stderr)
    return SupportctlError("internal.bug", found=f"{type(error).__name__}: {error}")


def _wants_json(words: Sequence[str]) -> bool:
    return "--format=json" in words or any(pair == ("--format", "json") for pair in pairwise(words))
