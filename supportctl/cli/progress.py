"""Progress on a terminal: what is done, what is still being waited for. Silent when piped."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from probes.runner import Job
    from supportctl.catalog import Catalog

_SHOWN = 3
_PATIENCE = 4  # calls (about 0.1 s each) before anything is drawn: a quick check draws nothing


@contextmanager
def progress(catalog: Catalog) -> Iterator[Callable[[Sequence[Job]], None] | None]:
    """Give a callback for the runner; on standard error, only if that is a terminal."""
    if not sys.stderr.isatty():
        yield None
        return
    display = _Display(catalog)
    try:
        yield display.changed
    finally:
        display.close()


@contextmanager
def remote_progress(catalog: Catalog) -> Iterator[Callable[[int, int, list[str]], None] | None]:
    """Give a callback for a check on another machine: done, all, names; on a terminal only."""
    if not sys.stderr.isatty():
        yield None
        return
    display = _Display(catalog)
    try:
        yield display.told
    finally:
        display.close()


class _Display:
    """A bar with the names of what has not answered yet. rich is imported once it is needed."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._calls = 0
        self._bar: tuple[object, object] | None = None

    def changed(self, jobs: Sequence[Job]) -> None:
        self._calls += 1
        if self._calls < _PATIENCE:
            return
        done = sum(job.state == "done" for job in jobs)
        waiting = [job.target.name or job.target.url for job in jobs if job.state == "running"]
        self.told(done, len(jobs), waiting)

    def told(self, done: int, total: int, waiting: Sequence[str]) -> None:
        names = ", ".join(dict.fromkeys(waiting[:_SHOWN])) + (" …" if len(waiting) > _SHOWN else "")
        text = self._catalog.phrase("check.progress", done=done, total=total, names=names or "…")
        self._draw(text, done, total)

    def close(self) -> None:
        if self._bar is not None:
            self._progress.stop()

    def _draw(self, text: str, done: int, total: int) -> None:
        if self._bar is None:
            from rich.console import Console
            from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

            console = Console(stderr=True)
            self._progress = Progress(
                BarColumn(20), TimeElapsedColumn(), TextColumn("{task.description}", markup=False),
                console=console, transient=True,
            )  # fmt: skip
            self._task = self._progress.add_task(text, total=total)
            self._bar = (self._progress, self._task)
            self._progress.start()
        self._progress.update(self._task, description=text, completed=done, total=total)
