"""What a rule is, what it finds, and what it may look at."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

from playbooks.engine import places
from supportctl.core.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from playbooks.engine.graph import Graph
    from playbooks.engine.library import Library
    from playbooks.engine.lint.known import Known
    from playbooks.engine.loader import Loaded
    from playbooks.engine.model import Playbook
    from playbooks.engine.places import Path as TreePath
    from supportctl.reading.yaml_tree import Place


class Edit(NamedTuple):
    """A safe change of one line: the columns from `start` to before `end` (from 1) become `text`."""

    line: int
    start: int
    end: int
    text: str


class Found(NamedTuple):
    """What a rule finds at a path of the file (or at a `place`), and how it can be mended safely."""

    at: TreePath
    args: Mapping[str, object] = {}
    edit: Edit | None = None
    place: Place | None = None


class Rule(NamedTuple):
    """A rule. Its words are in the catalogue: `lint.ID-title`, and `lint.ID` for what it tells."""

    id: str
    is_error: bool
    find: Callable[[Subject], Iterator[Found]]
    fixable: bool = False

    @property
    def severity(self) -> str:
        """`error` or `warning`."""
        return "error" if self.is_error else "warning"


class Fault(NamedTuple):
    """A rule that is broken, with its place. `key` and `args` are those of its texts."""

    rule: str
    is_error: bool
    path: Path
    line: int
    column: int
    key: str
    args: Mapping[str, object]
    edit: Edit | None = None


class Subject:
    """One playbook as the rules see it, with all that is known around it."""

    def __init__(self, loaded: Loaded, library: Library, known: Known) -> None:
        self.loaded = loaded
        self.library = library
        self.known = known
        self.graph_error: UsageError | None = None

    @property
    def playbook(self) -> Playbook:
        """The playbook."""
        return self.loaded.playbook

    @cached_property
    def graph(self) -> Graph | None:
        """The playbook with its includes; None if one of them is missing or broken."""
        from playbooks.engine.loader import graph_of  # noqa: PLC0415  the loader is not needed by a rule

        try:
            return graph_of(self.loaded, self.library.find, lambda _name: "none")
        except UsageError as error:
            self.graph_error = error
            return None

    @cached_property
    def steps(self) -> tuple[places.PlacedStep, ...]:
        """All steps with their places."""
        return tuple(places.steps(self.playbook))

    @cached_property
    def paths(self) -> Mapping[str, TreePath]:
        """Id of a step -> its path."""
        return {step.id: path for path, step in self.steps}

    @cached_property
    def conditions(self) -> tuple[places.PlacedCondition, ...]:
        """All conditions with their places."""
        return tuple(places.conditions(self.playbook))

    @cached_property
    def checks(self) -> tuple[places.PlacedCheck, ...]:
        """All checks with their places."""
        return tuple(places.checks(self.playbook))

    @cached_property
    def texts(self) -> tuple[places.PlacedText, ...]:
        """All texts with their places."""
        return tuple(places.texts(self.playbook))
