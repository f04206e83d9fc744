"""docs/security.md: what it promises, a test tries to break; each test that it names exists."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/security.md").read_text(encoding="utf-8")
NAMED = sorted(set(re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", PAGE)))
ROWS = [line for line in PAGE.splitlines() if line.startswith("| ") and "---" not in line]


@cache
def names_in(file):
    tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}


@pytest.mark.parametrize(("file", "name"), NAMED, ids="::".join)
def test_every_test_that_it_names_exists(file, name):
    assert name.startswith("test_")
    assert name in names_in(file)


def test_every_attack_has_its_test():
    attacks = False
    found = 0
    for row in ROWS:
        if row.startswith("| attack |"):
            attacks = True
        elif row.startswith("| asset |"):
            attacks = False
        elif attacks:
            found += 1
            assert re.search(r"`tests/[\w/]+\.py::test_\w+`", row), row
    assert found > 50


def test_every_file_of_attacks_is_on_the_page():
    files = {f"tests/security/{path.name}" for path in (ROOT / "tests/security").glob("test_*.py")}
    assert not files - {file for file, _ in NAMED}
