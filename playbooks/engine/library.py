"""The playbooks there are: those that come with supportctl, and those of folders that the user names.

A file `NAME.yaml` holds the playbook NAME; `NAME.test.yaml` beside it is its test. Nothing is read before it
is asked for: a run of one playbook pays for that one and for what it includes.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from playbooks.actions.registry import action
from playbooks.engine.loader import graph_of, read
from playbooks.engine.places import steps
from supportctl.core.errors import UsageError
from supportctl.core.nearest import nearest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from playbooks.engine.graph import Graph
    from playbooks.engine.loader import Loaded, Reading
    from playbooks.engine.model import Playbook
    from supportctl.core.report import Risk

SHIPPED = Path(__file__).parent.parent / "library"
# bringing calls sends them to another system: nothing takes them back from there
_RESEND_RISKS: Mapping[str, Risk] = {
    "resend.recover": "cannot-undo",
    "resend.now": "cannot-undo",
    "resend.hold": "undoable",
}


class Replaced(NamedTuple):
    """A name that exists twice: the file that is taken, and the one that is not."""

    name: str
    taken: Path
    left: Path


class Library:
    """Playbooks by name. `folders` come after the shipped library: a later one wins."""

    def __init__(self, folders: Sequence[Path] = (), shipped: Path | None = SHIPPED) -> None:
        self.shipped = shipped
        self._files: dict[str, Path] = {}
        self._readings: dict[str, Reading] = {}
        self._replaced: list[Replaced] = []
        for folder in (*((shipped,) if shipped else ()), *folders):
            for path in playbook_files(folder):
                if path.stem in self._files:
                    self._replaced.append(Replaced(path.stem, path, self._files[path.stem]))
                self._files[path.stem] = path

    def names(self) -> tuple[str, ...]:
        """Return the names, sorted; those of broken files included."""
        return tuple(sorted(self._files))

    def replaced(self) -> tuple[Replaced, ...]:
        """Return the names that exist twice."""
        return tuple(self._replaced)

    def path(self, name: str) -> Path:
        """Return the file of a playbook.

        Raises:
            UsageError: `playbook.unknown`; the nearest names are told.
        """
        if name not in self._files:
            raise UsageError("playbook.unknown", found=name, nearest=nearest(name, self._files))
        return self._files[name]

    def read(self, name: str) -> Reading:
        """Return what the file of a playbook says, with all its problems.

        Raises:
            UsageError: there is none of this name, or its file cannot be read.
        """
        if name not in self._readings:
            self._readings[name] = read(self.path(name))
        return self._readings[name]

    def load(self, name: str) -> Loaded:
        """Return a playbook.

        Raises:
            UsageError: there is none of this name, or it is broken; file, line and column are told.
        """
        reading = self.read(name)
        if reading.loaded is None:
            raise reading.error()
        return reading.loaded

    def find(self, name: str) -> Playbook:
        """Return a playbook that is included. Raises as `load`."""
        return self.load(name).playbook

    def graph(self, name: str, risk: Callable[[str], Risk] | None = None) -> Graph:
        """Return the graph of a playbook with its includes; `risk` is that of an action.

        Raises:
            UsageError: it, or one that it includes, is not there or broken, or an action is not known.
        """
        return graph_of(self.load(name), self.find, risk or risk_of)

    def digest(self, name: str) -> str:
        """Return the hash of a playbook and all that it includes: a run can only go on with the same.

        Raises:
            UsageError: as `load`.
        """
        found = sorted(f"{part.playbook.name} {part.sha256}" for part in self._parts(name, {}).values())
        return hashlib.sha256("\n".join(found).encode()).hexdigest()

    def texts(self, name: str) -> dict[str, str]:
        """Return the files of a playbook and of all that it includes, by name. Raises as `load`."""
        return {part.playbook.name: part.text for part in self._parts(name, {}).values()}

    def broken(self) -> dict[Path, UsageError]:
        """Return the files that cannot be used, each with its first mistake. Reads all of them."""
        found: dict[Path, UsageError] = {}
        for name, path in sorted(self._files.items()):
            try:
                self.load(name)
            except UsageError as error:
                found[path] = error
        return found

    def _parts(self, name: str, seen: dict[str, Loaded]) -> dict[str, Loaded]:
        if name not in seen:
            seen[name] = self.load(name)
            for included in includes_of(seen[name].playbook):
                self._parts(included, seen)
        return seen


def playbook_files(folder: Path) -> Iterator[Path]:
    """Yield the playbooks of a folder, sorted: `NAME.yaml`, no second dot (`NAME.test.yaml` is its test).

    Raises:
        UsageError: `playbook.no-such-folder`.
    """
    if not folder.is_dir():
        raise UsageError("playbook.no-such-folder", found=folder)
    yield from sorted(path for path in folder.glob("*.yaml") if "." not in path.stem)


def includes_of(playbook: Playbook) -> Iterator[str]:
    """Yield the names of the playbooks that this one includes."""
    for _, step in steps(playbook):
        included = getattr(step, "include", None)
        if included:
            yield included


def risk_of(name: str) -> Risk:
    """Return what an action may cost. Raises: UsageError: `action.unknown`."""
    return _RESEND_RISKS[name] if name in _RESEND_RISKS else action(name).risk
