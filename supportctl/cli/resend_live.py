"""How far a run is: one bar a lane, on a terminal only. Silent when piped."""

from __future__ import annotations

import sys
import threading
from contextlib import contextmanager, nullcontext, suppress
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from contextlib import AbstractContextManager

    from supportctl.app.resend_desk import Desk
    from supportctl.catalog import Catalog

_EVERY_S = 0.5
_SHOWN = 10  # lanes, those with most to do
_ALL = ""


def live_view(catalog: Catalog) -> Callable[[Desk], AbstractContextManager[object]]:
    """Return what shows a desk's lanes while they drain; nothing unless standard error is a terminal."""
    if not sys.stderr.isatty():
        return lambda _: nullcontext()
    return lambda desk: _shown(desk, catalog)


@contextmanager
def _shown(desk: Desk, catalog: Catalog) -> Iterator[None]:
    view = _Live(desk, catalog)
    ended = threading.Event()
    thread = threading.Thread(target=view.follow, args=(ended,), name="live-view", daemon=True)
    view.bars.start()
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
        view.bars.stop()


class _Live:
    """The bars. A lane's bar counts what has ended since the run began."""

    def __init__(self, desk: Desk, catalog: Catalog) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

        self._desk = desk
        self._catalog = catalog
        self._tasks: dict[str, Any] = {}  # rich's ids
        self._ended_before: dict[str, int] = {}
        self.bars = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(24),
            MofNCompleteColumn(),
            TextColumn("{task.fields[said]}", markup=False),
            console=Console(stderr=True),
            transient=True,
        )

    def follow(self, ended: threading.Event) -> None:
        """Draw until the run has ended. A look that fails is left out: the run itself says what is wrong."""
        from sqlalchemy.exc import SQLAlchemyError

        while True:
            with suppress(SQLAlchemyError):
                self._draw()
            if ended.wait(_EVERY_S):
                return

    def _draw(self) -> None:
        from supportctl.app.resend_look import status
        from supportctl.report.resend.words import ResendWords

        found = status(self._desk)
        words = ResendWords(found.ledger, self._catalog)
        ended = {view.destination: _ended(view.counts) for view in found.lanes}
        for name, count in ended.items():
            self._ended_before.setdefault(name, count)
        busiest = sorted(found.lanes, key=lambda view: -view.pending)[:_SHOWN]
        shown = [view for view in busiest if view.pending or view.destination in self._tasks]
        if len(found.lanes) > 1:
            done = sum(ended.values()) - sum(self._ended_before.values())
            pending = sum(view.pending for view in found.lanes)
            self._update(_ALL, words.say("live-all"), done, pending, "")
        for view in shown:
            done = ended[view.destination] - self._ended_before[view.destination]
            told = words.trouble(view, known=view.destination in found.known)[:1]
            if not told and view.pending:
                rate = words.say("per-second", n=f"{view.rate_per_s:.3g}") if view.rate_per_s else ""
                told = [part for part in (rate, words.forecast(view)) if part]
            self._update(view.destination, view.destination, done, view.pending, "  ".join(told))

    def _update(self, name: str, description: str, done: int, pending: int, said: str) -> None:
        if name not in self._tasks:
            self._tasks[name] = self.bars.add_task(description, total=None, said="")
        self.bars.update(self._tasks[name], completed=done, total=done + pending, said=said)


def _ended(counts: Mapping[Any, int]) -> int:
    return sum(counts.get(state, 0) for state in ("delivered", "cancelled", "escalated", "held"))
