"""Reads the catalogue: facts of a code from `codes/AREA.toml`, words from `LANGUAGE/KIND/AREA.toml`.

Kinds: `problems` (the codes), `passed` (one line for a question that was answered well), `evidence` (what an
answer means), `phrases` (words of the renderers and commands), `errors` (of supportctl itself). A key is
`area.name` everywhere. A file is read when a key of its area is first asked for: a healthy printer costs one
small file.
"""

from __future__ import annotations

import tomllib
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from supportctl.core.errors import UsageError
from supportctl.core.nearest import close_to

if TYPE_CHECKING:
    from collections.abc import Mapping

    from supportctl.core.report import Risk, Who

_FOLDERS = [Path(__file__).parent]


class RemedyFacts(NamedTuple):
    """What a remedy is, apart from its words."""

    who: Who
    minutes: int
    risk: Risk
    action: str | None
    verify: str | None


class CodeFacts(NamedTuple):
    """What is true of a code in every language. `statuses`: the first is its default."""

    code: str
    statuses: tuple[str, ...]
    stops_sales: bool
    ours: bool
    hand_over_to: str | None
    remedies: tuple[RemedyFacts, ...]


class Words(NamedTuple):
    """The texts of a code in one language, as templates with `{argument}` in them.

    `summary`, `know` and `safe` are for the cashier: what is wrong, how we know, and what is not lost.
    """

    title: str
    summary: str
    know: str
    safe: str
    explanation: str
    detected: str
    remedies: tuple[str, ...]


class _Blank(dict[str, object]):
    """Arguments of a template; one that a probe did not give is shown as `?` rather than a crash."""

    def __missing__(self, key: str) -> str:
        return "?"


@cache
def _read(folder: str, name: str) -> dict[str, Any]:
    entries: dict[str, Any] = {}
    for root in _FOLDERS:
        path = root / folder / f"{name}.toml"
        if path.is_file():
            with path.open("rb") as file:
                entries |= tomllib.load(file)
    return entries


def _names(folder: str) -> tuple[str, ...]:
    return tuple(sorted({path.stem for root in _FOLDERS for path in (root / folder).glob("*.toml")}))


def add_texts(folder: str | Path) -> None:
    """Read a plug-in's texts too: a folder that is laid out as this one."""
    if Path(folder) not in _FOLDERS:
        _FOLDERS.append(Path(folder))
        _read.cache_clear()


def areas() -> tuple[str, ...]:
    """Return the areas that have codes, sorted."""
    return _names("codes")


def _words_of(code: str) -> set[str]:
    return set(code.replace(".", "-").split("-"))


def fill(template: str, args: Mapping[str, object]) -> str:
    """Return a template of the catalogue with its arguments filled in."""
    return template.format_map(_Blank(args))


class Catalog:
    """The catalogue in one language."""

    def __init__(self, lang: str) -> None:
        self.lang = lang

    def codes(self) -> tuple[str, ...]:
        """Return every problem code, sorted by area."""
        return tuple(f"{area}.{name}" for area in areas() for name in _read("codes", area))

    def nearest(self, code: str) -> str:
        """Return up to three codes and questions that look like `code` or share a word with it."""
        known = list(dict.fromkeys((*self.codes(), *self.questions())))
        close = close_to(code, known, 0.4)
        words = {word for word in _words_of(code) if len(word) > 2}
        return (
            ", ".join(close or [name for name in known if words & _words_of(name)][:3]) or "supportctl codes"
        )

    def has_problem(self, code: str) -> bool:
        """Return whether `code` names a problem that has texts."""
        area, _, name = code.partition(".")
        return name in _read("codes", area) and name in _read(f"{self.lang}/problems", area)

    def facts(self, code: str) -> CodeFacts:
        """Return what is true of `code` in every language.

        Raises:
            UsageError: there is no such code; the nearest ones are named.
        """
        area, _, name = code.partition(".")
        entry = _read("codes", area).get(name) if area in areas() else None
        if entry is None:
            raise UsageError("explain.unknown-code", found=code, nearest=self.nearest(code))
        remedies = tuple(
            RemedyFacts(r["who"], r["minutes"], r.get("risk", "none"), r.get("action"), r.get("verify"))
            for r in entry.get("remedies", ())
        )
        return CodeFacts(
            code,
            tuple(entry["statuses"]),
            entry.get("stops_sales", False),
            entry.get("ours", True),
            entry.get("hand_over_to"),
            remedies,
        )

    def words(self, code: str) -> Words:
        """Return the texts of a problem code; the code must be known (`facts` says so kindly)."""
        entry = self._entry("problems", code)
        return Words(
            entry["title"],
            entry["summary"],
            entry["know"],
            entry.get("safe", ""),
            entry["explanation"],
            entry["detected"],
            tuple(entry.get("remedies", ())),
        )

    def passed(self, code: str, args: Mapping[str, object]) -> str:
        """Return the line for a question that was answered well ("printer.paper")."""
        return fill(self.question(code), args)

    def question(self, code: str) -> str:
        """Return the line for a question as it is written, with `{argument}` in it."""
        return cast("str", self._entry("passed", code))

    def questions(self) -> tuple[str, ...]:
        """Return every question, sorted by area."""
        folder = f"{self.lang}/passed"
        return tuple(f"{area}.{name}" for area in _names(folder) for name in _read(folder, area))

    def has_passed(self, code: str) -> bool:
        """Return whether `code` names a question (then `passed` has its line) and not a problem."""
        area, _, name = code.partition(".")
        return name in _read(f"{self.lang}/passed", area)

    def meaning(self, key: str, args: Mapping[str, object]) -> str:
        """Return what an answer means, in words; a key without a text (a plug-in's) is returned as it is."""
        area, _, name = key.partition(".")
        return fill(_read(f"{self.lang}/evidence", area).get(name, key), args)

    def phrase(self, key: str, /, **args: object) -> str:
        """Return a text of the renderers and commands."""
        return fill(cast("str", self._entry("phrases", key)), args)

    def error(self, key: str, args: Mapping[str, object]) -> dict[str, str]:
        """Return message, expected, found and hint of an error of supportctl itself."""
        entry = self._entry("errors", key)
        return {part: fill(entry.get(part, ""), args) for part in ("message", "expected", "found", "hint")}

    def _entry(self, kind: str, key: str) -> Any:  # noqa: ANN401  a text or a table of texts
        area, _, name = key.partition(".")
        return _read(f"{self.lang}/{kind}", area)[name]
