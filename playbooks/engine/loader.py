"""Loads a playbook, strictly: each problem with its file, line and column; nothing is run of a bad one."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from pydantic import ValidationError

from playbooks.engine import graph as graphs
from playbooks.engine.model import SCHEMA, STEP_KINDS, Playbook
from playbooks.engine.places import steps
from playbooks.engine.pointing import condition_problems, step_problems
from supportctl import __version__
from supportctl.core.errors import UsageError
from supportctl.reading.problems import Problem, Told, from_pydantic, in_order
from supportctl.reading.text_file import read_text
from supportctl.reading.yaml_tree import Node, read_tree

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from playbooks.engine.graph import Graph
    from supportctl.core.report import Risk

MAX_BYTES = 256 * 1024
_MAX_DEPTH = 24  # levels of YAML: a branch inside a branch inside a branch
_SCHEMA_NAME = SCHEMA.partition("/")[0]
_VERSION = re.compile(r"\d{1,4}(?:\.\d{1,4}){0,2}")

# pydantic's name of a problem, or the key of a validator of supportctl.core.fields -> the key of our texts
_KEYS = {
    "missing": "playbook.missing-key",
    "union_tag_not_found": "playbook.unknown-step",
    "literal_error": "playbook.not-one-of",
    "int_parsing": "playbook.not-a-number",
    "int_type": "playbook.not-a-number",
    "int_from_float": "playbook.not-a-number",
    "float_parsing": "playbook.not-a-number",
    "float_type": "playbook.not-a-number",
    "greater_than": "playbook.out-of-range",
    "greater_than_equal": "playbook.out-of-range",
    "less_than_equal": "playbook.out-of-range",
    "bool_parsing": "playbook.not-a-switch",
    "bool_type": "playbook.not-a-switch",
    "tuple_type": "playbook.not-a-list",
    "list_type": "playbook.not-a-list",
    "too_short": "playbook.empty-list",
    "dict_type": "playbook.not-a-section",
    "model_type": "playbook.not-a-section",
    "model_attributes_type": "playbook.not-a-section",
    "string_type": "playbook.not-a-text",
    "string_too_long": "playbook.long-name",
    "string_pattern_mismatch": "playbook.bad-id",
    "config.bad-duration": "playbook.bad-duration",
    "config.bad-name": "playbook.bad-name",
}
TOLD = Told(Playbook, _KEYS, "playbook.bad-value", "playbook.unknown-key")

# what the reader of files and of YAML says of a configuration, said of a playbook
OF_FILES = {
    "config.not-found": "playbook.not-found",
    "config.directory": "playbook.directory",
    "config.not-a-file": "playbook.not-a-file",
    "config.unreadable": "playbook.unreadable",
    "config.too-big": "playbook.too-big",
    "config.not-utf8": "playbook.not-utf8",
    "config.utf16": "playbook.utf16",
    "config.zeros": "playbook.zeros",
    "config.control-character": "playbook.control-character",
    "config.two-documents": "playbook.two-documents",
    "config.alias": "playbook.alias",
    "config.tag": "playbook.tag",
    "config.too-deep": "playbook.too-deep",
    "config.too-many-values": "playbook.too-many-values",
    "config.bad-key": "playbook.bad-key",
    "config.duplicate-key": "playbook.duplicate-key",
    "config.tab": "playbook.tab",
    "config.unfinished": "playbook.unfinished",
    "config.syntax": "playbook.syntax",
}


class Loaded(NamedTuple):
    """A playbook without a mistake, its places, the hash of its bytes, and the file it came from."""

    playbook: Playbook
    tree: Node
    sha256: str
    path: Path
    text: str

    def where(self, path: tuple[int | str, ...]) -> str:
        """Return where a part of it stands, as editors understand it."""
        place = self.tree.place_of(path)
        return f"{self.path}:{place.line}:{place.column}"


class Reading(NamedTuple):
    """What a file says: all its problems; `loaded` is None if there is one."""

    path: Path
    problems: tuple[Problem, ...]
    loaded: Loaded | None

    def error(self) -> UsageError:
        """Return the first problem as an error."""
        return as_error(self.path, self.problems[0])


def load(source: Path | str, name: str = "") -> Loaded:
    """Return the playbook of a file, or of a text that is called `name` in messages.

    Raises:
        UsageError: a `playbook.*` key; `where` is the file, the line and the column of the first problem.
    """
    reading = read(source, name)
    if reading.loaded is None:
        raise reading.error()
    return reading.loaded


def read(source: Path | str, name: str = "") -> Reading:
    """Return what a file (or a text called `name`) says, with all its problems.

    Raises:
        UsageError: the file cannot be read, or is no text.
    """
    path = source if isinstance(source, Path) else Path(name or "playbook.yaml")
    try:
        text = _text_of(source, path)
        tree = read_tree(text, _MAX_DEPTH)
    except UsageError as error:
        args = dict(error.args_by_name)
        if "line" in args:
            place = int(args["line"]), int(args["column"])
            return Reading(path, (Problem(OF_FILES.get(error.key, error.key), *place, args),), None)
        raise UsageError(OF_FILES.get(error.key, error.key), **args) from None
    if tree is None:
        return Reading(path, (Problem("playbook.empty", 1, 1, {}),), None)
    named = path.stem if isinstance(source, Path) else ""
    playbook, problems = _understood(text, tree, named)
    if playbook is None or problems:
        return Reading(path, problems, None)
    digest = hashlib.sha256(text.encode()).hexdigest()
    return Reading(path, (), Loaded(playbook, tree, digest, path, text))


def graph_of(loaded: Loaded, find: Callable[[str], Playbook], risk: Callable[[str], Risk]) -> Graph:
    """Return the graph of a playbook with what it includes.

    Raises:
        UsageError: an included playbook is not there, is broken or includes this one; an action is unknown.
    """
    try:
        return graphs.build(loaded.playbook, find, risk)
    except UsageError as error:
        if "where" in error.args_by_name:
            raise
        place = loaded.where(_guilty(loaded, error))
        raise UsageError(error.key, **{**error.args_by_name, "where": place}) from None


def as_error(path: Path, problem: Problem) -> UsageError:
    """Return a problem of a file as an error."""
    where = f"{path}:{problem.line}:{problem.column}"
    return UsageError(problem.key, **{**problem.details(), "where": where})


def _text_of(source: Path | str, path: Path) -> str:
    if isinstance(source, Path):
        return read_text(source, MAX_BYTES)
    data = source[: MAX_BYTES + 1].encode("utf-8", "replace")
    size = max(len(source), len(data))
    if size > MAX_BYTES:
        raise UsageError("config.too-big", found=path, size=size, limit=MAX_BYTES)
    if "\0" in source:
        raise UsageError("config.zeros", where=path)
    return data.decode()


def _understood(text: str, tree: Node, named: str) -> tuple[Playbook | None, tuple[Problem, ...]]:
    newer = [*_newer(tree)]
    if newer:  # its other parts may be newer, too: what else is wrong with them nobody can tell
        return None, tuple(newer)
    empty = [*_without_value(tree)]
    if empty:
        return None, in_order(empty)
    try:
        playbook = Playbook.model_validate(tree.plain())
    except ValidationError as error:
        found = (_with_step(problem) for problem in from_pydantic(error, tree, TOLD))
        return None, in_order(found)
    problems = [*step_problems(playbook, tree), *condition_problems(playbook, tree, text.split("\n"))]
    if named and playbook.name != named:
        args = {"found": playbook.name, "expected": named}
        problems.append(Problem("playbook.other-name", *tree.place_of(("name",)), args))
    return playbook, in_order(problems)


def _newer(tree: Node) -> Iterator[Problem]:
    schema, requires = (tree.mapping.get(key) for key in ("schema", "requires"))
    if schema is not None and schema.text != SCHEMA:
        name, _, number = (schema.text or "").partition("/")
        newer = name == _SCHEMA_NAME and number.isdecimal() and int(number[:9]) > 1
        key = "playbook.newer-schema" if newer else "playbook.other-schema"
        yield Problem(key, *schema.place, {"found": schema.text or "-", "expected": SCHEMA})
    elif requires is not None and _VERSION.fullmatch(requires.text or "") and _above(requires.text or ""):
        args = {"found": requires.text, "version": __version__}
        yield Problem("playbook.newer-tool", *requires.place, args)


def _without_value(tree: Node) -> Iterator[Problem]:
    """Yield keys with nothing after them: mostly the rest of a text with a comma, `{en: No, it is not}`."""
    waiting = [tree]
    while waiting:
        node = waiting.pop()
        for key, inner in node.mapping.items():
            if inner.kind == "text" and inner.text is None:
                yield Problem("playbook.no-value", *node.keys[key], {"found": key})
        waiting += [*node.mapping.values(), *node.items]


def _above(version: str) -> bool:
    return _numbers(version) > _numbers(__version__)


def _numbers(version: str) -> tuple[int, ...]:
    """Return a version to compare: 0.10 is above 0.9, and 1 is 1.0.0."""
    numbers = [int(number) for number in re.findall(r"\d+", version)[:3]]
    return (*numbers, 0, 0, 0)[:3]


def _with_step(problem: Problem) -> Problem:
    """Say more about a step: which kinds there are, or that it has two."""
    if problem.key == "playbook.unknown-step":
        return problem._replace(args={**problem.args, "known": ", ".join(STEP_KINDS)})
    found, path = (str(problem.args.get(name, "")) for name in ("found", "path"))
    if problem.key == "playbook.unknown-key" and found in STEP_KINDS and path.startswith("steps."):
        return problem._replace(key="playbook.two-kinds")
    return problem


def _guilty(loaded: Loaded, error: UsageError) -> tuple[int | str, ...]:
    """Return the path of what the graph complains about: the nearest include or action that it names."""
    words = set(re.split(r"[\s>,]+", " ".join(error.args_by_name.values())))
    for path, step in steps(loaded.playbook):
        if getattr(step, "include", None) in words:
            return (*path, "include")
        if getattr(getattr(step, "act", None), "action", None) in words:
            return (*path, "act", "action")
    return ("steps",)
