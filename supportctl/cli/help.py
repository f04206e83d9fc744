"""`--help` in another language: English stands in the code, other languages in `catalog/LANGUAGE/help.toml`.

Read only when help is asked for: no other run pays for it.
"""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import click

import supportctl.catalog
from supportctl.cli.main import LazyGroup

ROOT = "supportctl"


def help_texts(lang: str) -> dict[str, Any]:
    """Return the tables of a language: `headings`, `common` (options that many commands have), and `command`.

    `command` has a table for each command path ("lab fault"): `help`, `line` (in the list of commands), and
    `options` by the option's long name. `Any` stands for this nesting.
    """
    with (Path(supportctl.catalog.__file__).parent / lang / "help.toml").open("rb") as file:
        return tomllib.load(file)


def translate(command: click.Command, lang: str) -> None:
    """Give `command` and all below it the help texts of `lang`; the same words may be given twice."""
    texts = help_texts(lang)
    _translate(command, ROOT, texts, _context_class(texts["headings"]))


def option_name(option: click.Option) -> str:
    """Return the name that a help text is found by: the longest one without its dashes."""
    return max(option.opts, key=len).lstrip("-")


def _translate(
    command: click.Command, path: str, texts: dict[str, Any], context: type[click.Context]
) -> None:
    own = texts["command"].get(path, {})
    command.context_class = context
    command.help = own.get("help", command.help)
    command.short_help = own.get("line", command.short_help)
    with click.Context(command, help_option_names=["-h", "--help"]) as made:
        for parameter in command.get_params(made):
            if isinstance(parameter, click.Option):
                name = option_name(parameter)
                parameter.help = own.get("options", {}).get(name) or texts["common"].get(name, parameter.help)

    def below(name: str) -> str:
        return name if path == ROOT else f"{path} {name}"

    if isinstance(command, LazyGroup):
        command.lines = {name: own["line"] for name, own in texts["command"].items() if "line" in own}
        command.on_load = lambda name, loaded: _translate(loaded, below(name), texts, context)
    elif isinstance(command, click.Group):
        for name, inner in command.commands.items():
            _translate(inner, below(name), texts, context)


def _context_class(headings: dict[str, str]) -> type[click.Context]:
    class Formatter(click.HelpFormatter):
        """Writes the headings in the language; click has them from gettext files that we do not ship."""

        def write_usage(self, prog: str, args: str = "", prefix: str | None = None) -> None:
            super().write_usage(prog, args, prefix or f"{headings['usage']} ")

        def write_heading(self, heading: str) -> None:
            super().write_heading(headings.get(heading.lower(), heading))

    class Context(click.Context):
        formatter_class = Formatter

    return Context
