"""`--help` in Russian: every command and option has its text, and no text is left over."""

from __future__ import annotations

import os
import re
import subprocess
import sys

import click
import pytest

from supportctl.cli.help import ROOT, help_texts, option_name
from supportctl.cli.main import COMMANDS as ROOT_COMMANDS
from supportctl.cli.main import cli

TEXTS = help_texts("ru")
COMMON = TEXTS["common"]


def commands(command, path=ROOT):
    """Return (path, command) for `command` and all below it, as the tables name them."""
    yield path, command
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            inner = command.get_command(context, name)
            yield from commands(inner, name if path == ROOT else f"{path} {name}")


def options(command):
    """Return the options of `command` that its help shows, --help included."""
    parameters = command.get_params(click.Context(command, help_option_names=["-h", "--help"]))
    return [item for item in parameters if isinstance(item, click.Option) and not item.hidden]


COMMANDS = dict(commands(cli))


@pytest.mark.parametrize("path", sorted(COMMANDS))
def test_every_command_and_option_has_its_russian_text(path):
    command, own = COMMANDS[path], TEXTS["command"].get(path, {})
    assert own.get("help"), f"[command.{path!r}] help"
    assert path not in ROOT_COMMANDS or own.get("line"), f"[command.{path!r}] line"
    translated = {**COMMON, **own.get("options", {})}
    assert {option_name(option) for option in options(command)} <= translated.keys()


@pytest.mark.parametrize("path", sorted(COMMANDS))
def test_every_command_and_option_has_its_english_text(path):
    assert COMMANDS[path].help
    assert not [option.opts for option in options(COMMANDS[path]) if not option.help]


def test_no_russian_text_is_left_over():
    assert not TEXTS["command"].keys() - COMMANDS.keys()
    used = set()
    for path, command in COMMANDS.items():
        names = {option_name(option) for option in options(command)}
        own = TEXTS["command"][path].get("options", {}).keys()
        assert own <= names, path
        used |= names - own
    assert used == COMMON.keys()


@pytest.mark.parametrize("path", sorted(COMMANDS))
def test_help_in_russian_has_no_english_left(path):
    words = [] if path == ROOT else path.split()
    shown = subprocess.run(
        [sys.executable, "-m", "supportctl", *words, "--help", "--lang", "ru"],
        capture_output=True,
        encoding="utf-8",
        check=True,
        env={**os.environ, "COLUMNS": "200", "PYTHONUTF8": "1"},
    ).stdout
    assert shown.startswith("Как вызвать: supportctl")
    for heading in ("Usage:", "Options:", "Commands:", "Show this", "default:"):
        assert heading not in shown
    for line in shown.partition("Параметры:")[2].splitlines():
        told = re.split(r"  +", line.strip(), maxsplit=1)
        if len(told) == 2:
            assert re.search("[а-яё]", told[1]), line


def test_the_language_of_the_locale_is_the_language_of_help():
    shown = subprocess.run(
        [sys.executable, "-m", "supportctl"],
        capture_output=True,
        encoding="utf-8",
        check=False,
        env={**os.environ, "LC_ALL": "ru_RU.UTF-8", "PYTHONUTF8": "1"},
    )
    assert shown.returncode == 2
    assert shown.stderr.startswith("Как вызвать: supportctl")
