"""Calls of a file enter the ledger: what cannot be delivered is rejected with its line and reason."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, NamedTuple
from zoneinfo import ZoneInfo

from resend.ledger.accept import Accepted, accept
from resend.ledger.offer import would_accept
from supportctl.app.resend_recordings import Recordings
from supportctl.app.resend_wake import wake
from supportctl.core import log
from supportctl.core.call import Rejected
from supportctl.core.errors import EXIT_FAULT, EXIT_OK, EXIT_WARNING, UsageError
from supportctl.core.text import clean

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from collections.abc import Set as AbstractSet

    from integrations.telephony.files.record import Rules
    from supportctl.app.resend_desk import Desk
    from supportctl.core.call import Call

STANDARD_INPUT = "-"
CLOCKS_APART = timedelta(minutes=5)  # a telephone system's clock may be a little ahead of ours
FRESH = timedelta(minutes=15)  # what a comparison did not find just now is not there
_LONGEST_ID, _LONGEST_SOURCE = 200, 64  # what the ledger keeps
_SHOWN = 60
_PIECE = 500
_NO_SOURCE = "file"
MISSING = "sync.call-missing"


class Enqueued(NamedTuple):
    """What became of the calls that were offered."""

    destination: str
    accepted: int
    already_known: int
    updated: int
    rejected: tuple[Rejected, ...] = ()
    dry_run: bool = False

    @property
    def exit_code(self) -> int:
        """0 all were accepted or known, 4 some were rejected, 3 none was usable."""
        if not self.rejected:
            return EXIT_OK
        return EXIT_WARNING if self.accepted + self.already_known + self.updated else EXIT_FAULT


class Offer(NamedTuple):
    """How calls are offered. `any_age`: older than the horizon, too, as somebody has asked for them."""

    destination: str
    any_age: bool = False
    dry_run: bool = False


def add_file(desk: Desk, offer: Offer, file: str, source: str | None = None) -> Enqueued:
    """Take the calls of a file (`-`: standard input); `source` names the source of calls without one.

    Raises:
        UsageError: `resend.unknown-destination`, or it is no file of calls.
    """
    from integrations.telephony.files.reading import read_calls

    desk.check_destination(offer.destination)
    gaps = _Gaps(desk, offer.destination)
    refuse = Judge(desk, any_age=offer.any_age).refuse
    with _opened(file) as (stream, name):
        calls = read_calls(stream, name, _rules(desk, source), refuse, gaps.read)
        return enqueue(desk, offer, calls, gaps.missing)


def enqueue(
    desk: Desk, offer: Offer, calls: Iterable[Call | Rejected], missing: AbstractSet[tuple[str, str]]
) -> Enqueued:
    """Take calls for a destination.

    Of those that are `missing`, by source and call id, the destination was just asked; of all others it is
    asked before anything is sent: somebody else may have brought them.
    """
    rejected: list[Rejected] = []
    total = Accepted()
    for ask_first, piece in _pieces(calls, rejected, missing):
        if offer.dry_run:
            found = would_accept(desk.store, offer.destination, piece)
        else:
            horizon_s = desk.schedule.horizon_s
            found = accept(desk.store, offer.destination, piece, horizon_s, ask_first=ask_first)
            wake(desk.store, [offer.destination])
        total = total.plus(found)
    if not offer.dry_run:
        counts = dict(total._asdict(), rejected=len(rejected))
        log.event("info", "resend.accepted", destination=offer.destination, **counts)
    return Enqueued(offer.destination, *total, rejected=tuple(rejected), dry_run=offer.dry_run)


def _pieces(
    calls: Iterable[Call | Rejected], rejected: list[Rejected], missing: AbstractSet[tuple[str, str]]
) -> Iterator[tuple[bool, list[Call]]]:
    """Yield calls in pieces, with whether the destination is to be asked about them first."""
    pieces: dict[bool, list[Call]] = {True: [], False: []}
    for call in calls:
        if isinstance(call, Rejected):
            rejected.append(call)
            continue
        ask_first = (call.source, call.call_id) not in missing
        pieces[ask_first].append(call)
        if len(pieces[ask_first]) == _PIECE:
            yield ask_first, pieces[ask_first]
            pieces[ask_first] = []
    yield from ((ask_first, piece) for ask_first, piece in pieces.items() if piece)


class Judge:
    """Says of a sound call whether it may be delivered at all."""

    def __init__(self, desk: Desk, *, any_age: bool) -> None:
        now = desk.clock.now()
        self._latest = now + CLOCKS_APART
        horizon = timedelta(seconds=desk.schedule.horizon_s)
        self._earliest = None if any_age else now - horizon
        self._recordings = Recordings(desk.config)

    def refuse(self, call: Call) -> tuple[str, Mapping[str, str]] | None:
        """Return why a call cannot be delivered, as a key of the errors' texts with its arguments."""
        when = call.started_at.isoformat(timespec="seconds")
        if call.started_at > self._latest:
            return "resend.call-in-future", {"found": when}
        if self._earliest is not None and call.started_at < self._earliest:
            earliest = self._earliest.isoformat(timespec="seconds")
            return "resend.call-too-old", {"found": when, "earliest": earliest}
        for field, value, limit in (
            ("call_id", call.call_id, _LONGEST_ID),
            ("source", call.source, _LONGEST_SOURCE),
        ):
            if len(value) > limit:
                found = clean(value, _SHOWN)
                return "resend.too-long", {"field": field, "limit": str(limit), "found": found}
        refused = self._recordings.refusal(call.recording_url) if call.recording_url else None
        return (refused.reason, {"found": refused.found}) if refused else None


class _Gaps:
    """The document of a comparison: which of its calls were looked for just now, in this very account."""

    def __init__(self, desk: Desk, destination: str) -> None:
        self._now = desk.clock.now()
        self._destination = destination
        self.missing: set[tuple[str, str]] = set()

    def read(self, document: Mapping[str, Any]) -> None:
        """Take note of what is surely missing; of a document that is old or of another account nothing is."""
        crm = document.get("crm")
        same = isinstance(crm, dict) and crm.get("name") == self._destination
        if not same or document.get("complete") is not True or not self._is_fresh(document.get("started_at")):
            return
        gaps = [gap for gap in document["gaps"] if isinstance(gap, dict)]
        # changed in place: whoever reads the calls has it in hand already
        self.missing |= _calls_of(gap for gap in gaps if gap.get("code") == MISSING)
        self.missing -= _calls_of(gap for gap in gaps if gap.get("code") != MISSING)

    def _is_fresh(self, started_at: object) -> bool:
        try:
            at = datetime.fromisoformat(str(started_at))
        except ValueError:
            return False
        return at.tzinfo is not None and abs(self._now - at) <= FRESH


def _calls_of(gaps: Iterable[Mapping[str, Any]]) -> set[tuple[str, str]]:
    calls = [gap.get("call") for gap in gaps]
    return {(str(call.get("source")), str(call.get("call_id"))) for call in calls if isinstance(call, dict)}


def _rules(desk: Desk, source: str | None) -> Rules:
    from integrations.telephony.files.record import Rules

    site, known = desk.config.site, list(desk.config.telephony)
    name = source or (known[0] if len(known) == 1 else _NO_SOURCE)
    return Rules(
        name, ZoneInfo(site.timezone) if site.timezone else None, site.phone_region, phone_needed=True
    )


@contextmanager
def _opened(file: str) -> Iterator[tuple[BinaryIO, str]]:
    if file == STANDARD_INPUT:
        yield sys.stdin.buffer, STANDARD_INPUT
        return
    path = Path(file)
    try:
        with path.open("rb") as stream:
            yield stream, file
    except FileNotFoundError:
        raise UsageError("calls.not-found", found=path) from None
    except IsADirectoryError:
        raise UsageError("calls.folder", found=path) from None
    except OSError as error:
        raise UsageError("calls.unreadable", found=path, reason=error.strerror or error) from None
