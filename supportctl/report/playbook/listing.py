"""Playbooks as a list, for a terminal and as `supportctl.playbooks/1`."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from supportctl.core.text import clean
from supportctl.report.layout import DEFAULT_WIDTH, MIN_WIDTH, columns, painted, wrap

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from supportctl.catalog import Catalog

SCHEMA = "supportctl.playbooks/1"
_WIDEST_NAME = 26


class Listed(NamedTuple):
    """One playbook. `score` is None where no symptom was told; then nothing is said about why."""

    file: str
    name: str
    title: str
    tags: tuple[str, ...]
    version: int
    owner: str
    score: float | None = None
    symptom: str = ""
    words: tuple[str, ...] = ()


class Unusable(NamedTuple):
    """A file that is no playbook, or a folder that is not there: the error's key and its texts."""

    file: str
    code: str
    texts: Mapping[str, str]


def document(playbooks: Sequence[Listed], unusable: Sequence[Unusable]) -> dict[str, object]:
    """Return the JSON document. A file that cannot be used has a `problem`; what is not known is null."""
    rows: list[dict[str, object]] = [
        {
            "name": one.name,
            "title": one.title,
            "tags": list(one.tags),
            "version": one.version,
            "owner": one.owner,
            "score": one.score,
            "why": None if one.score is None else {"symptom": one.symptom or None, "words": list(one.words)},
            "file": one.file,
            "problem": None,
        }
        for one in playbooks
    ]
    unknown = dict.fromkeys(("name", "title", "version", "owner", "score", "why"))
    rows += [
        {**unknown, "tags": [], "file": one.file, "problem": {"code": one.code, **one.texts}}
        for one in unusable
    ]
    return {"schema": SCHEMA, "playbooks": rows}


def render(
    playbooks: Sequence[Listed],
    unusable: Sequence[Unusable],
    catalog: Catalog,
    *,
    color: bool = False,
    width: int | None = None,
) -> str:
    """Return the playbooks, a line for each and one that says why; files that cannot be used stand below."""
    wide = max(width or DEFAULT_WIDTH, MIN_WIDTH)
    lines = [] if playbooks else [catalog.phrase("playbook.none-fits")]
    longest = min(max((columns(one.name) for one in playbooks), default=0), _WIDEST_NAME)
    for one in playbooks:
        name = clean(one.name)
        gap = " " * max(longest - columns(name), 0)
        first, *others = wrap(clean(one.title), wide, f"{name}{gap}  ", " " * (longest + 2))
        lines += [painted(name, "bold", color=color) + first[len(name) :], *others]
        why = "; ".join(_why(one, catalog))
        if why:
            lines += [painted(line, "dim", color=color) for line in wrap(why, wide, " " * (longest + 2))]
    for bad in unusable:
        lines += ["", *wrap(catalog.phrase("playbook.unusable", file=clean(bad.file)), wide)]
        lines += wrap(bad.texts["message"], wide, "  ")
        lines += [
            line
            for part in ("expected", "found", "hint")
            if bad.texts[part]
            for line in wrap(f"{catalog.phrase(f'error.{part}')} {bad.texts[part]}", wide, "  ")
        ]
    return "\n".join(lines) + "\n"


def _why(one: Listed, catalog: Catalog) -> Iterator[str]:
    if one.symptom:
        yield catalog.phrase("playbook.why-symptom", symptom=clean(one.symptom))
    if one.words:
        yield catalog.phrase("playbook.why-words", words=clean(", ".join(one.words)))
