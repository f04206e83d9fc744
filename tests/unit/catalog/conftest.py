"""What the code says: every call that names a key of the catalogue, read from the source, not run."""

from __future__ import annotations

import ast
import re
import tomllib
from collections import defaultdict
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest

from probes.devices.fiscal import errors

ROOT = Path(__file__).parents[3]
CATALOG = ROOT / "supportctl/catalog"
ROOMS = ("supportctl", "probes", "integrations", "resend", "playbooks")
STATUSES = ("ok", "warning", "fault", "unknown", "skipped")
_KEY = re.compile(r"[a-z][a-z0-9]*\.[a-z0-9]+(?:-[a-z0-9]+)*")


class Said(NamedTuple):
    """One call with a key of `kind`; `args` are their names, None if the call hands on `**args`."""

    kind: str
    key: str
    status: str | None
    args: frozenset[str] | None
    where: str


class Source(NamedTuple):
    """What the scan found: calls, strings that look like a key, patterns of keys that are put together."""

    said: tuple[Said, ...]
    strings: dict[str, str]
    patterns: tuple[re.Pattern[str], ...]

    def uses(self, key: str) -> bool:
        """Return whether a string of the code is `key`, or can become it."""
        return key in self.strings or any(pattern.fullmatch(key) for pattern in self.patterns)


@pytest.fixture(scope="session")
def source() -> Source:
    """Return what the code of all rooms says."""
    return _scan()


@cache
def _scan() -> Source:
    said: list[Said] = []
    strings: dict[str, str] = {}
    patterns: set[str] = set()
    for room in ROOMS:
        for path in sorted((ROOT / room).rglob("*.py")):
            name = str(path.relative_to(ROOT))
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if (
                    isinstance(node, ast.Constant)
                    and isinstance(node.value, str)
                    and _KEY.fullmatch(node.value)
                ):
                    strings.setdefault(node.value, f"{name}:{node.lineno}")
                elif isinstance(node, ast.JoinedStr):
                    patterns.add(_pattern(node))
                elif isinstance(node, ast.Call):
                    said += _said(node, f"{name}:{node.lineno}")
    for path in sorted((ROOT / "probes").rglob("*.toml")):
        for text in _strings(tomllib.loads(path.read_text(encoding="utf-8"))):
            if _KEY.fullmatch(text):
                strings.setdefault(text, str(path.relative_to(ROOT)))
    for table in errors.tables():
        for row in (errors.look_up(table, number) for number in errors.numbers(table)):
            for key in (row.meaning, row.first_step) if row else ():
                strings.setdefault(str(key), f"probes/devices/fiscal/errors/{table}.toml")
    # a pattern that begins with a value says nothing about the area
    return Source(
        tuple(said), strings, tuple(re.compile(p) for p in sorted(patterns) if re.match(r"[a-z]+\\\.", p))
    )


def _pattern(node: ast.JoinedStr) -> str:
    return "".join(
        re.escape(str(v.value)) if isinstance(v, ast.Constant) else "[a-z0-9-]+" for v in node.values
    )


def _strings(value: object) -> list[str]:
    if isinstance(value, dict):
        return [text for inner in value.values() for text in _strings(inner)]
    if isinstance(value, list):
        return [text for inner in value for text in _strings(inner)]
    return [value] if isinstance(value, str) else []


def _said(call: ast.Call, where: str) -> list[Said]:
    name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
    words: dict[str, ast.expr] = {word.arg: word.value for word in call.keywords if word.arg}
    args = None if any(word.arg is None for word in call.keywords) else frozenset(words)
    first = call.args[0] if call.args else None
    if name in STATUSES and isinstance(call.func, ast.Attribute):
        return [Said("problems", key, name, args, where) for key in _keys(first)]
    if name == "LinkError":
        status = words["status"].attr.lower() if isinstance(words.get("status"), ast.Attribute) else "fault"
        return [Said("problems", key, status, args, where) for key in _keys(first)]
    if name in {"UsageError", "SupportctlError"}:
        return [Said("errors", key, None, args, where) for key in _keys(first)]
    if name == "phrase":
        return [Said("phrases", key, None, args, where) for key in _keys(first)]
    meaning = words.get("meaning")
    if name == "evidence" and meaning is None:
        # context.evidence(asked, meaning), evidence(clock, asked, meaning), talk.evidence(answer, meaning)
        meaning = next((arg for arg in call.args[1:3] if any(map(_KEY.fullmatch, _keys(arg)))), None)
    plain = args if name == "evidence" else None
    return [Said("evidence", key, None, plain, where) for key in _keys(meaning) if key]


def _keys(node: ast.expr | None) -> list[str]:
    if isinstance(node, ast.IfExp):
        return [*_keys(node.body), *_keys(node.orelse)]
    return [node.value] if isinstance(node, ast.Constant) and isinstance(node.value, str) else []


@pytest.fixture(scope="session")
def tables() -> dict[str, dict[str, object]]:
    """Return the files of the catalogue as tables: "en/problems" -> key -> entry; "codes" -> key -> facts."""
    found: dict[str, dict[str, object]] = defaultdict(dict)
    for path in sorted(CATALOG.rglob("*.toml")):
        folder = str(path.parent.relative_to(CATALOG))
        if folder == "codes" or "/" in folder:
            entries = tomllib.loads(path.read_text(encoding="utf-8"))
            found[folder].update({f"{path.stem}.{name}": entry for name, entry in entries.items()})
    return found
