"""What `playbook lint`, `show` and `schema` ask of the library."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from supportctl.core.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from playbooks.engine.library import Library
    from playbooks.engine.lint.table import Fault
    from supportctl.core.site import SiteConfig


class Linted(NamedTuple):
    """What is wrong, in how many playbooks, and how many places of which files were mended."""

    playbooks: int
    faults: tuple[Fault, ...]
    mended: dict[Path, int]


def library(config: SiteConfig | None, more: Sequence[Path] = ()) -> Library:
    """Return the shipped playbooks with those of the configured folders, and of `more`.

    Raises:
        UsageError: a folder is not there.
    """
    from playbooks.engine.library import Library

    own = config.playbooks.folders if config else ()
    return Library([*(Path(folder).expanduser() for folder in own), *more])


def library_with(config: SiteConfig | None, word: str) -> tuple[Library, str]:
    """Return the playbooks, and the name that `word` means: a name, or a file with what lies beside it.

    Raises:
        UsageError: the file is not there or broken, or a folder is not there.
    """
    from playbooks.engine.loader import load

    if not _is_file(word):
        return library(config), word
    path = Path(word).absolute()
    load(path)  # what is wrong with this very file is told first
    return library(config, [path.parent]), path.stem


def lint(config: SiteConfig | None, words: Sequence[str], *, fix: bool) -> Linted:
    """Return what is wrong with these playbooks (names, files or folders; none: all that there are).

    Raises:
        UsageError: there is no such playbook or file, or a file cannot be written.
    """
    from playbooks.engine.library import playbook_files

    known = library(config)
    paths: list[Path] = []
    for word in words:
        path = Path(word)
        if path.is_dir():
            paths += playbook_files(path)
        elif _is_file(word):
            if not path.is_file():
                raise UsageError("playbook.not-found", found=path)
            paths.append(path)
        else:
            paths.append(known.path(word))
    if not words:
        paths = [known.path(name) for name in known.names()]
    known_folders = {known.path(name).parent.resolve() for name in known.names()}
    more = list(dict.fromkeys(path.parent for path in paths if path.parent.resolve() not in known_folders))
    return _linted(library(config, more), paths, fix=fix)


def _linted(known: Library, paths: list[Path], *, fix: bool) -> Linted:
    from playbooks.engine.lint.run import lint as faults_of
    from playbooks.engine.lint.run import mend

    faults, mended = tuple(faults_of(known, paths)), {}
    if fix:
        for path in paths:
            edits = [fault.edit for fault in faults if fault.path == path and fault.edit]
            if edits and mend(path, edits):
                mended[path] = len(edits)
        faults = tuple(fault for fault in faults if not (fault.edit and fault.path in mended))
    return Linted(len(paths), faults, mended)


def _is_file(word: str) -> bool:
    return word.endswith((".yaml", ".yml")) or "/" in word or "\\" in word
