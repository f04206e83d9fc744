"""What is known outside a playbook: codes, questions, probes, actions, and the symptoms of its neighbours."""

from __future__ import annotations

from fnmatch import fnmatchcase
from functools import cached_property
from typing import TYPE_CHECKING

from integrations.registry import CHECKS
from playbooks.actions import registry
from playbooks.engine.library import risk_of
from probes.registry import BUILT_IN
from supportctl.catalog import Catalog
from supportctl.core.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from playbooks.engine.library import Library
    from supportctl.core.report import Risk


class Known:
    """Read once for all playbooks of a run."""

    def __init__(self, library: Library) -> None:
        self._library = library
        self._catalog = Catalog("en")
        self._asked: dict[tuple[str, str], bool] = {}

    @cached_property
    def codes(self) -> frozenset[str]:
        """The codes of problems."""
        return frozenset(self._catalog.codes())

    @cached_property
    def good(self) -> frozenset[str]:
        """What `ok` may be asked about: questions, and codes that may be fine."""
        fine = (code for code in self.codes if "ok" in self._catalog.facts(code).statuses)
        return frozenset((*self._catalog.questions(), *fine))

    @cached_property
    def probes(self) -> frozenset[str]:
        """The ids of probes: a check may name them instead of codes."""
        return frozenset((*(entry.id for entry in BUILT_IN), *CHECKS))

    @cached_property
    def actions(self) -> tuple[str, ...]:
        """The names of all actions."""
        return registry.names()

    def matches_code(self, glob: str) -> bool:
        """Return whether a pattern matches the code of a problem."""
        return self._any(glob, "codes")

    def matches_good(self, glob: str) -> bool:
        """Return whether a pattern matches what may be answered well."""
        return self._any(glob, "good")

    def matches_question(self, glob: str) -> bool:
        """Return whether a check with this pattern may ask anything."""
        return any(self._any(glob, among) for among in ("codes", "good", "probes"))

    def nearest_code(self, code: str) -> str:
        """Return the codes and questions that look like one."""
        return self._catalog.nearest(code)

    def params(self, action: str) -> Mapping[str, bool] | None:
        """Return the parameters of an action, None if there is no such action."""
        try:
            return registry.action(action).params
        except UsageError:
            return None

    def risk(self, action: str) -> Risk:
        """Return what an action may cost. Raises: UsageError: `action.unknown`."""
        return risk_of(action)

    @cached_property
    def symptoms(self) -> Mapping[str, tuple[str, ...]]:
        """A symptom in plain letters -> the playbooks that have it."""
        found: dict[str, tuple[str, ...]] = {}
        for name in self._library.names():
            try:
                loaded = self._library.read(name).loaded
            except UsageError:
                continue
            if loaded is None:
                continue
            for text in {plain(text) for texts in loaded.playbook.symptoms.values() for text in texts}:
                found[text] = (*found.get(text, ()), name)
        return found

    def _any(self, glob: str, among: str) -> bool:
        key = among, glob
        if key not in self._asked:
            names: frozenset[str] = getattr(self, among)
            self._asked[key] = glob in names or any(fnmatchcase(name, glob) for name in names)
        return self._asked[key]


def plain(text: str) -> str:
    """Return a text to compare: its words in small letters."""
    return " ".join(text.casefold().replace("ё", "е").split())
