"""Our own words are no secrets: what the redaction would change in them, people would read as `***`."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import click
import pytest
import yaml

from supportctl.cli.main import cli
from supportctl.core.redaction import redact
from supportctl.core.scrubbing import scrubbed_text

ROOT = Path(__file__).parents[2]
CATALOG, LIBRARY = ROOT / "supportctl/catalog", ROOT / "playbooks/library"
LANGUAGES = {"en", "ru"}
ARGUMENT = re.compile(r"\{[^{}]*\}")


def texts(value, where):
    """Yield every text of a document with its place; conditions of playbooks are for the planner."""
    if isinstance(value, str):
        yield where, value
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield from texts(inner, f"{where}.{number}")
    elif isinstance(value, dict):
        for name, inner in value.items():
            if name != "when":
                yield from texts(inner, f"{where}.{name}")


def same(pairs):
    """Return the texts that do not stay as they are, as templates and filled in."""
    changed = {}
    for where, text in pairs:
        for each in (text, ARGUMENT.sub("7", text), ARGUMENT.sub("?", text)):
            if redact(each) != each or scrubbed_text(each, prose=False) != each:
                changed[where] = redact(each)
    return changed


FILES = sorted(path for lang in LANGUAGES for path in (CATALOG / lang).rglob("*.toml"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(CATALOG)))
def test_every_text_of_the_catalogue_stays(path):
    found = list(texts(tomllib.loads(path.read_text(encoding="utf-8")), path.stem))
    assert found
    assert not same(found)


PLAYBOOKS = sorted(path for path in LIBRARY.glob("*.yaml") if ".test." not in path.name)


@pytest.mark.parametrize("path", [*PLAYBOOKS, LIBRARY / "words.toml"], ids=lambda path: path.name)
def test_every_text_of_a_playbook_stays(path):
    text = path.read_text(encoding="utf-8")
    found = list(texts(tomllib.loads(text) if path.suffix == ".toml" else yaml.safe_load(text), path.stem))
    assert found
    assert not same(found)


def helps(command, context):
    yield context.command_path, command.get_help(context)
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            inner = command.get_command(context, name)
            yield from helps(inner, click.Context(inner, info_name=name, parent=context))


def test_every_help_stays():
    found = dict(helps(cli, click.Context(cli, info_name="supportctl")))
    assert len(found) > 20
    assert {where: redact(text) for where, text in found.items() if redact(text) != text} == {}


def test_advice_that_names_a_default_password_is_what_prose_would_hide():
    """So that the tests above can fail: such texts are there."""
    advice = [
        text
        for path in FILES
        for _, text in texts(tomllib.loads(path.read_text(encoding="utf-8")), path.stem)
        if redact(text, prose=True) != text
    ]
    assert advice
