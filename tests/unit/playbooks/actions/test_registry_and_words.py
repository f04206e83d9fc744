"""Every action is what it says it is, has its words in both languages, and stands in docs/actions.md."""

from __future__ import annotations

import importlib.metadata
import re
from pathlib import Path
from typing import get_args

import pytest

from playbooks.actions import registry
from playbooks.actions.registry import BUILT_IN, MOMENTS, action, names, phrase_key
from supportctl.catalog import Catalog
from supportctl.catalog.templates import fields
from supportctl.core.errors import UsageError
from supportctl.core.language import LANGUAGES
from supportctl.core.report import Risk

ROOT = Path(__file__).parents[4]
# what each action's plan offers to the sentences
WORDS = {
    "service.restart": {"service", "was"},
    "service.start": {"service", "was"},
    "queue.clear": {"queue", "jobs", "users"},
    "queue.resume": {"queue", "jobs"},
    "port.free": {"port", "holder"},
    "clock.set": {"offset", "server"},
    "settings.set": {"file", "setting", "was", "value"},
    "target.set": {"target", "was", "url"},
    "connection.reopen": {"target"},
    "printer.test-slip": {"target"},
    "drawer.open": {"target"},
    "dns.flush": {"cache"},
    "network.renew": {"interface"},
}
UNDO_WORDS = {
    "en": {"undoable": "If it does not help", "cannot-undo": "not undone|cannot be undone"},
    "ru": {"undoable": "Если не поможет", "cannot-undo": "нельзя|не отменяется"},
}


@pytest.mark.parametrize("name", BUILT_IN)
def test_an_action_is_whole(name):
    found = action(name)
    assert found.name == name
    assert found.risk in get_args(Risk)
    assert 0 < found.seconds <= 60


@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize("name", BUILT_IN)
def test_an_action_has_its_words(name, lang):
    catalog = Catalog(lang)
    given = {word: f"<{word}>" for word in WORDS[name]}
    for moment in MOMENTS:
        said = catalog.phrase(phrase_key(name, moment), **given)
        assert "{" not in said
        assert said
    consent = catalog.phrase(phrase_key(name, "consent"), **given)
    assert consent.startswith(("May I", "Можно"))
    pattern = UNDO_WORDS[lang].get(action(name).risk)
    assert pattern is None or re.search(pattern, consent), consent


def test_the_words_have_no_action_that_is_gone(tables):
    known = {phrase_key(name, moment) for name in BUILT_IN for moment in MOMENTS}
    said = {key for key in tables if key.endswith(tuple(f"-{moment}" for moment in MOMENTS))}
    assert {key for key in said if not key.startswith("action.resend-")} == known


@pytest.fixture
def tables():
    import tomllib

    path = ROOT / "supportctl/catalog/en/phrases/action.toml"
    return {f"action.{key}": text for key, text in tomllib.loads(path.read_text(encoding="utf-8")).items()}


def test_what_went_wrong_uses_words_that_are_there(tables):
    source = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "playbooks/actions").glob("*.py"))
    codes = set(re.findall(r'"(action\.failed-[a-z-]+)"', source))
    assert codes == {key for key in tables if key.startswith("action.failed-")}
    known = set().union(*WORDS.values()) | {"program", "said", "problem"}
    assert all(fields(text) <= known for key, text in tables.items() if key in codes)


def test_a_mistyped_name_is_told_with_the_nearest():
    with pytest.raises(UsageError) as caught:
        action("service.restrat")
    assert caught.value.key == "action.unknown"
    assert caught.value.args_by_name["nearest"].startswith("service.restart")


@pytest.mark.parametrize(
    ("params", "error"),
    [
        ({"servise": "x"}, "unknown-parameter"),
        ({}, "missing-parameter"),
        ({"service": ""}, "missing-parameter"),
        ({"service": "x\0"}, "bad-parameter"),
    ],
)
def test_wrong_parameters(recorded, params, error):
    with pytest.raises(UsageError, match=error):
        recorded.plan("service.start", **params)


def test_a_plug_in_adds_an_action(monkeypatch):
    point = importlib.metadata.EntryPoint(
        "acme.wake", "playbooks.actions.network:FlushNames", registry.ENTRY_POINT_GROUP
    )
    monkeypatch.setattr(importlib.metadata, "entry_points", lambda group: [point])
    assert action("acme.wake").name == "dns.flush"
    assert names()[-1] == "acme.wake"


def test_the_page_has_every_action_with_its_risk():
    text = (ROOT / "docs/actions.md").read_text(encoding="utf-8")
    rows = dict(re.findall(r"^\| `([a-z.-]+)`[^|]*\|[^|]*\| ([a-z -]+) \|", text, re.MULTILINE))
    words = {"none": "none", "undoable": "undoable", "cannot-undo": "cannot be undone"}
    assert rows == {name: words[action(name).risk] for name in BUILT_IN}
