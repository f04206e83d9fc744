"""Applies the rules, and mends what can be mended safely: single places of the text, never the whole file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from playbooks.actions.replacing import ChangedError, replace
from playbooks.engine.lint.known import Known
from playbooks.engine.lint.rules import RULES, UNUSABLE
from playbooks.engine.lint.table import Fault, Subject
from playbooks.engine.loader import read
from supportctl.core.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from playbooks.engine.library import Library
    from playbooks.engine.lint.table import Edit, Found, Rule
    from playbooks.engine.loader import Loaded, Reading


def lint(library: Library, paths: Iterable[Path]) -> Iterator[Fault]:
    """Yield what is wrong with the playbooks in these files, file by file, in the order of their lines.

    `library` is where their includes are found, and what their symptoms are compared with.
    """
    known = Known(library)
    for path in paths:
        yield from sorted(
            _of_file(path, library, known), key=lambda fault: (fault.line, fault.column, fault.rule)
        )


def _of_file(path: Path, library: Library, known: Known) -> Iterator[Fault]:
    try:
        reading = _reading(path, library)
    except UsageError as error:
        yield Fault(UNUSABLE, True, path, 1, 1, error.key, error.args_by_name)  # noqa: FBT003  its own order
        return
    for problem in reading.problems:
        args = problem.details()
        yield Fault(UNUSABLE, True, path, problem.line, problem.column, problem.key, args)  # noqa: FBT003
    if reading.loaded is not None:
        subject = Subject(reading.loaded, library, known)
        for rule in RULES:
            for found in rule.find(subject):
                yield _fault(rule, found, reading.loaded)


def _reading(path: Path, library: Library) -> Reading:
    of_library = path.stem in library.names() and library.path(path.stem) == path
    return library.read(path.stem) if of_library else read(path)


def _fault(rule: Rule, found: Found, loaded: Loaded) -> Fault:
    place = found.place or loaded.tree.place_of(found.at)
    key = f"lint.{rule.id.lower()}"
    return Fault(rule.id, rule.is_error, loaded.path, *place, key, found.args, found.edit)


def mend(path: Path, edits: Sequence[Edit]) -> bool:
    """Make the edits in a file, if it then says the same as before; return whether it was written.

    Raises:
        UsageError: `playbook.unwritable`.
    """
    was = path.read_bytes()
    old = was.decode("utf-8")  # line ends stay as they are
    new = mended(old, edits)
    if new == old or _meaning(new) != _meaning(old):
        return False
    try:
        replace(path, was, new.encode())
    except (OSError, ChangedError) as error:
        reason = getattr(error, "strerror", None) or type(error).__name__
        raise UsageError("playbook.unwritable", found=path, reason=reason) from None
    return True


def _meaning(text: str) -> object:
    """Return what a text says: blanks and tags left aside, None if it is no playbook."""
    loaded = read(text).loaded
    return _plain(loaded.playbook.model_dump(exclude={"tags"})) if loaded else None


def _plain(value: object) -> object:
    if isinstance(value, dict):
        return {key: _plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    return " ".join(value.split()) if isinstance(value, str) else value


def mended(text: str, edits: Sequence[Edit]) -> str:
    """Return the text with the edits made, the last first so that the places of the others stay."""
    lines = text.split("\n")
    for edit in sorted(set(edits), reverse=True):
        line = lines[edit.line - 1]
        lines[edit.line - 1] = line[: edit.start - 1] + edit.text + line[edit.end - 1 :]
    return "\n".join(lines)
