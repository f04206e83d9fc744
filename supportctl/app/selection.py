"""`--only` and `--skip`: globs over probe ids, target names, URLs, questions and finding codes."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from probes.registry import ProbeEntry
    from probes.runner import Job
    from supportctl.catalog import Catalog
    from supportctl.core.finding import Finding
    from supportctl.core.target import Target

# A wire that failed or a probe that broke answers every question of its target: it is never filtered away.
_ALWAYS_TOLD = ("link.", "check.")


class Selection:
    """Which probes run, and which of their answers are told."""

    def __init__(self, only: Sequence[str], skip: Sequence[str], catalog: Catalog) -> None:
        self._only = tuple(only)
        self._skip = tuple(skip)
        self._catalog = catalog

    def wants(self, entry: ProbeEntry, target: Target) -> bool:
        """Return whether a probe has to run for `target`."""
        subjects = _subjects(entry, target)
        if _any(self._skip, subjects):
            return False
        if not self._only or _any(self._only, subjects):
            return True
        return any(_any(self._only, self._names(code)) for code in entry.load().codes)

    def findings(self, found: Iterable[Finding], jobs: Sequence[Job]) -> list[Finding]:
        """Return the findings to tell: those asked for by their code, question, probe or target."""
        whole = {
            (job.target.url, code)
            for job in jobs
            if _any(self._only, _subjects(job.entry, job.target))
            for code in job.entry.load().codes
        }
        kept = []
        for finding in found:
            names = self._names(finding.code)
            told = finding.code.startswith(_ALWAYS_TOLD) or (finding.target, finding.code) in whole
            if (not self._only or told or _any(self._only, names)) and not _any(self._skip, names):
                kept.append(finding)
        return kept

    def _names(self, code: str) -> tuple[str, ...]:
        """The code, and the questions that would prove it gone: `printer.paper` finds `printer.paper-out`."""
        if self._catalog.has_passed(code):
            return (code,)
        facts = self._catalog.facts(code)
        return (code, *(remedy.verify for remedy in facts.remedies if remedy.verify))


def _subjects(entry: ProbeEntry, target: Target) -> tuple[str, ...]:
    return (entry.id, target.url, *((target.name,) if target.name else ()))


def _any(globs: Iterable[str], names: Iterable[str]) -> bool:
    words = tuple(names)
    return any(fnmatchcase(word, glob) for glob in globs for word in words)
