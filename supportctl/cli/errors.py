"""Errors for people and for scripts: what was expected, what was found, what to do."""

from __future__ import annotations

import errno
import json
import os
import re
import sys
import traceback
from itertools import pairwise
from typing import TYPE_CHECKING

import click

from supportctl.catalog import Catalog
from supportctl.cli.output import echo_wrapped
from supportctl.core.errors import SupportctlError, UsageError
from supportctl.core.log import debugging
from supportctl.core.nearest import nearest as words_near
from supportctl.core.redaction import redact

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

SCHEMA = "supportctl.error/1"
# What a system says of a file or a port, in its own language: the catalogue says it in ours.
_SYSTEM = {
    errno.ENOENT: "error.no-such-file",
    errno.EACCES: "error.permission",
    errno.EPERM: "error.permission",
    errno.EISDIR: "error.is-folder",
    errno.ENOTDIR: "error.no-folder",
    errno.EEXIST: "error.exists",
    errno.ENOSPC: "error.disk-full",
    errno.EROFS: "error.read-only",
    errno.ENAMETOOLONG: "error.name-too-long",
    errno.EBUSY: "error.busy",
    errno.EADDRINUSE: "error.port-in-use",
    errno.EADDRNOTAVAIL: "error.no-such-address",
    errno.ECONNREFUSED: "error.refused",
    errno.ETIMEDOUT: "error.timed-out",
    errno.EHOSTUNREACH: "error.no-route",
    errno.ENETUNREACH: "error.no-network",
}
# click has only sentences: the value stands at the beginning of one, the words too many at its end
_VALUE = re.compile(r"(.+?) is not (?:one of|a valid|in the range|'|True)")
_EXTRA = re.compile(r"Got unexpected extra arguments? \((.*)\)")


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
            echo_wrapped(f"  {catalog.phrase(f'error.{part}')} {texts[part]}", 4, err=True)
    return error.exit_code


def error_texts(catalog: Catalog, key: str, args: Mapping[str, object]) -> dict[str, str]:
    """Return message, expected, found and hint, safe to show; an argument `where` is added to `found`."""
    if "reason" in args:
        args = {**args, "reason": _reason(catalog, str(args["reason"]))}
    texts = {part: redact(text) for part, text in catalog.error(key, args).items()}
    where = redact(str(args.get("where", "")))
    if where and where not in texts["found"]:
        texts["found"] = f"{texts['found']} ({where})"
    return texts


def in_one_line(texts: Mapping[str, str]) -> str:
    """Return message and found of `error_texts` as one sentence."""
    return f"{texts['message'].rstrip('.')}: {texts['found']}" if texts["found"] else texts["message"]


def _reason(catalog: Catalog, reason: str) -> str:
    """Return the words of the catalogue for a system's own ones, anything else as it is."""
    for number, key in _SYSTEM.items():
        if reason == os.strerror(number):
            return catalog.phrase(key)
    return reason


def from_click(error: click.ClickException) -> SupportctlError:
    """Return click's own complaint about the command line as one of ours."""
    context = getattr(error, "ctx", None)
    command = context.command_path if context else "supportctl"
    if isinstance(error, click.BadOptionUsage):  # comes without a context
        return _bad_use(error, command)
    if context is None:
        return UsageError("usage.wrong", found=error.format_message(), command=command)
    if isinstance(error, click.BadParameter) and error.param is not None:
        return _bad_parameter(error, error.param.get_error_hint(context), command)
    return _unknown(error, context)


def _unknown(error: click.ClickException, context: click.Context) -> UsageError:
    command = context.command_path
    known = context.command.list_commands(context) if isinstance(context.command, click.Group) else []
    if isinstance(error, click.NoSuchOption):
        options = [name for parameter in context.command.get_params(context) for name in parameter.opts]
        nearest = words_near(error.option_name, options)
        return UsageError("usage.no-such-option", found=error.option_name, nearest=nearest, command=command)
    if isinstance(error, click.NoSuchCommand):
        nearest = words_near(error.command_name, known)
        return UsageError("usage.no-such-command", found=error.command_name, nearest=nearest, command=command)
    if known:
        return UsageError("usage.no-command", expected=", ".join(known), command=command)
    extra = _EXTRA.fullmatch(error.format_message())
    if extra:
        return UsageError("usage.too-many", found=extra[1], command=command)
    return UsageError("usage.wrong", found=error.format_message(), command=command)


def _bad_parameter(error: click.BadParameter, name: str, command: str) -> UsageError:
    name = name.replace("'", "")
    if isinstance(error, click.MissingParameter):
        return UsageError("usage.missing", expected=name, command=command)
    value = _VALUE.match(error.message)
    found = value[1].strip("'\"") if value else error.message
    return UsageError("usage.bad-value", found=found, option=_with_values(error, name), command=command)


def _with_values(error: click.BadParameter, name: str) -> str:
    """Return the parameter with the values that it takes, where its kind tells them."""
    kind = error.param.type if error.param else None
    if isinstance(kind, click.Choice):
        return f"{name}: {', '.join(str(choice) for choice in kind.choices)}"
    if isinstance(kind, click.IntRange | click.FloatRange):
        return f"{name}: {kind.min:g} … {kind.max:g}"
    return name


def _bad_use(error: click.BadOptionUsage, command: str) -> UsageError:
    if "does not take a value" in error.message:
        return UsageError("usage.unwanted-value", option=error.option_name, command=command)
    return UsageError("usage.missing", expected=f"{error.option_name} …", command=command)


def from_bug(error: Exception) -> SupportctlError:
    """Return a failure of supportctl itself; the traceback is shown only at `--log-level debug`."""
    if debugging():
        traceback.print_exception(error, file=sys.stderr)
    return SupportctlError("internal.bug", found=f"{type(error).__name__}: {error}")


def _wants_json(words: Sequence[str]) -> bool:
    return "--format=json" in words or any(pair == ("--format", "json") for pair in pairwise(words))
