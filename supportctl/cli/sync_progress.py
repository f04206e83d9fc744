"""How far a comparison is: one bar a side, on a terminal only. Silent when piped."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from integrations.telephony.source import Progress
    from supportctl.catalog import Catalog

_TEXTS = {"source": "sync.reading-calls", "crm": "sync.reading-records", "recordings": "sync.verifying"}


class SyncProgress:
    """Bars on standard error, inside `with`. They are gone before the answer is written."""

    def __init__(self, catalog: Catalog) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
        from rich.progress import Progress as Bars

        self._catalog = catalog
        self._tasks = {}  # type: ignore[var-annotated]  # rich's ids, imported when they are needed
        self._bars = Bars(
            TextColumn("{task.description}", markup=False),
            BarColumn(24),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            console=Console(stderr=True),
            transient=True,
        )

    def __call__(self, what: str, name: str, done: Progress) -> None:
        """Draw how far "source", "crm" or "recordings" of an account is."""
        if what not in self._tasks:
            text = self._catalog.phrase(_TEXTS[what], name=name)
            self._tasks[what] = self._bars.add_task(text, total=None)
        self._bars.update(self._tasks[what], completed=done.done, total=done.total)

    def stop(self) -> None:
        """Remove the bars; may be called twice."""
        self._bars.stop()

    def __enter__(self) -> Self:
        """Draw."""
        self._bars.start()
        return self

    def __exit__(self, *exc: object) -> None:
        """Remove the bars."""
        self.stop()


class NoProgress:
    """Tells nobody."""

    def __call__(self, what: str, name: str, done: Progress) -> None:
        """Do nothing."""

    def stop(self) -> None:
        """Do nothing."""

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(self, *exc: object) -> None:
        """Do nothing."""


def progress(catalog: Catalog) -> SyncProgress | NoProgress:
    """Return what draws how far a comparison is; nothing unless standard error is a terminal."""
    return SyncProgress(catalog) if sys.stderr.isatty() else NoProgress()
