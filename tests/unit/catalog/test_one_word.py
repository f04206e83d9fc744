"""One word for one thing in Russian: what CONTRIBUTING.md says, where a word alone tells the thing."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
RUSSIAN = ROOT / "supportctl/catalog/ru"
FILES = sorted([*RUSSIAN.rglob("*.toml"), *(ROOT / "playbooks/library").glob("*.yaml")])
POINT = re.compile(r"(?i)(?:список|списк[а-я]+|задето) точ[ек]+[а-я]*|\bточ(?:ек|ки) (?:в|задет)")
OURS = re.compile(
    r"(?:`(?:expect|playbooks\.|host\.|network\.|fallback_employee|signing|escalation)[^`]*` (?:в|из) настро"
    r"|настро(?:йках|йки|йкам|ек) supportctl|ссыла[а-я]+ настройки)"
)


def lines(path):
    return path.read_text(encoding="utf-8").splitlines()


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_a_site_is_a_shop_and_our_file_is_the_configuration(path):
    wrong = [line for line in lines(path) if POINT.search(line) or OURS.search(line)]
    assert not wrong


@pytest.mark.parametrize("name", ["phrases/bundle.toml", "errors/bundle.toml"])
def test_a_bundle_is_no_packet(name):
    assert not [line for line in lines(RUSSIAN / name) if re.search("(?i)пакет", line)]


def test_a_verdict_and_its_absence_have_the_same_word():
    verdicts = [line for line in lines(RUSSIAN / "phrases/report.toml") if line.startswith("verdict-")]
    assert not [line for line in verdicts if re.search("(?i)проблем", line)]
