"""Looks into a bundle, ours or a foreign one: what is in it, is it whole, was a secret left."""

from __future__ import annotations

import json
from hashlib import sha256
from typing import TYPE_CHECKING, Any, NamedTuple

from supportctl.app.bundle_zip import MANIFEST, unpacked
from supportctl.core.errors import UsageError
from supportctl.core.redactor import KEEP, Policy, Redactor
from supportctl.core.text import clean

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from supportctl.app.bundle_zip import Packed

SCHEMAS = ("supportctl.bundle/1", "supportctl.run-bundle/1")
_SHOWN = 50
_TEXT = (".json", ".jsonl", ".txt", ".log", ".md", ".html")


class Inside(NamedTuple):
    """One file. `state`: `whole`, `changed`, `missing` or `extra`; `removed` counts tokens by kind."""

    name: str
    size: int
    state: str
    removed: Mapping[str, int]


class Shown(NamedTuple):
    """What a bundle holds; every text is safe to show. `problems` are those of its report, by title."""

    path: Path
    schema: str
    made_at: str
    tool_version: str
    files: tuple[Inside, ...]
    left: tuple[tuple[str, str], ...]
    verdict: str
    problems: tuple[str, ...]
    members: Mapping[str, bytes]

    @property
    def intact(self) -> bool:
        """Whether every file is as the manifest says."""
        return all(file.state == "whole" for file in self.files)


class Leak(NamedTuple):
    """A place where something looks like a secret; the value is never told."""

    name: str
    line: int
    kind: str


def show(path: Path) -> Shown:
    """Return what is in a bundle.

    Raises:
        UsageError: as `unpacked`; `bundle.no-bundle`.
    """
    return shown_of(path, unpacked(path))


def shown_of(path: Path, packed: Packed) -> Shown:
    """Return what is in a bundle that was read already. Raises: UsageError: `bundle.no-bundle`."""
    members = dict(packed.members)
    manifest = _object(members.pop(MANIFEST, b""))
    if manifest.get("schema") not in SCHEMAS:
        raise UsageError("bundle.no-bundle", found=path.name)
    named = {
        str(entry.get("name")): entry for entry in _list(manifest.get("files")) if isinstance(entry, dict)
    }
    files = [_inside(name, entry, members.get(name)) for name, entry in named.items()]
    files += [
        Inside(clean(name), len(data), "extra", {}) for name, data in members.items() if name not in named
    ]
    left = [
        (clean(entry.get("what")), clean(entry.get("why"), 400))
        for entry in _list(manifest.get("not_collected"))
        if isinstance(entry, dict)
    ]
    report = _object(members.get("report.json", b""))
    return Shown(
        path,
        str(manifest["schema"]),
        clean(manifest.get("made_at", "-")),
        clean(manifest.get("tool_version", "-")),
        tuple(files),
        tuple(left),
        clean(report.get("verdict", "-")),
        tuple(_problems(report))[:_SHOWN],
        members,
    )


def leaks(shown: Shown) -> tuple[Leak, ...]:
    """Return where something still looks like a secret or a card number, by today's patterns."""
    found = []
    for name, data in shown.members.items():
        if not name.endswith(_TEXT):
            continue
        text = data.decode("utf-8", "replace")
        redactor = Redactor(Policy(KEEP, KEEP))
        spans = redactor.suspects(text)
        found += [
            Leak(clean(name), text.count("\n", 0, span.start) + 1, span.kind) for span in spans[:_SHOWN]
        ]
    return tuple(found)


def _inside(name: str, entry: Mapping[str, Any], data: bytes | None) -> Inside:
    removed = entry.get("removed")
    counts = (
        {clean(k, 20): v for k, v in removed.items() if isinstance(v, int)}
        if isinstance(removed, dict)
        else {}
    )
    if data is None:
        return Inside(clean(name), 0, "missing", counts)
    whole = sha256(data).hexdigest() == entry.get("sha256") and len(data) == entry.get("size")
    return Inside(clean(name), len(data), "whole" if whole else "changed", counts)


def _problems(report: Mapping[str, Any]) -> list[str]:
    return [
        f"{clean(found.get('name') or found.get('target') or '', 80)}: {clean(found.get('title'))}"
        for found in _list(report.get("findings"))
        if isinstance(found, dict) and str(found.get("status")) in {"fault", "warning", "unknown"}
    ]


def _object(data: bytes) -> dict[str, Any]:
    try:
        value = json.loads(data)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []
