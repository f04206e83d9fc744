"""What the ledger knows of a call, for `sync trace`."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from resend.ledger import views
from resend.ledger.filter import Filter
from resend.model import State
from supportctl.app.resend_counter import open_counter, store_file
from supportctl.app.resend_look import ledger_of
from supportctl.core import log
from supportctl.core.errors import SupportctlError
from supportctl.report.resend.words import ResendWords
from supportctl.report.sync.trace import Told

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from supportctl.app.resend_counter import Counter
    from supportctl.catalog import Catalog

_MOST = 20
_DONE = {State.DELIVERED: True, State.ESCALATED: False, State.CANCELLED: False}


class LedgerHistory:
    """`supportctl.app.sync_trace.Ledger`, for the calls of one destination, or of all."""

    def __init__(self, desk: Counter, destination: str | None, catalog: Catalog) -> None:
        self._desk = desk
        self._destination = destination
        self._words = ResendWords(ledger_of(desk), catalog)

    def history(self, source: str, call_id: str) -> list[Told]:
        """Return what was done for a call, oldest first."""
        wanted = Filter(destination=self._destination, source=source, call_id=call_id)
        _, found = views.deliveries(self._desk.source, wanted, _MOST)
        at, words = self._words.ledger.at, self._words
        told: list[Told] = []
        for delivery in found:
            deadline = words.time(delivery.deadline_at)
            told.append(Told(at(delivery.enqueued_at), words.say("event-accepted", deadline=deadline), None))
            told += [
                Told(at(event.at), words.event(event, delivery).rstrip(". "), _DONE.get(event.state))
                for event in views.timeline(self._desk.source, delivery.id)
            ]
        return sorted(told, key=lambda entry: entry.at)


@contextmanager
def ledger_history(config: Path | None, crm: str | None, catalog: Catalog) -> Iterator[LedgerHistory | None]:
    """Give what the ledger knows; None where nothing was ever resent, or where the ledger cannot be read."""
    try:
        desk = open_counter(config) if _is_there(config) else None
    except SupportctlError as error:
        log.event("warning", "resend.ledger-unreadable", error=str(error))
        desk = None
    if desk is None:
        yield None
        return
    with desk:
        yield LedgerHistory(desk, crm, catalog)


def _is_there(config: Path | None) -> bool:
    """Return whether there is a ledger: a question makes none."""
    file = store_file(config)
    return file is None or file.exists()
