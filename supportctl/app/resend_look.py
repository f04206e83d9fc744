"""What the person on call looks at: lanes, deliveries, one delivery with all that happened to it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from resend.acts import who_acts
from resend.ledger import views
from resend.ledger.filter import Filter
from resend.model import Breaker, State
from supportctl.app.sync_window import moment
from supportctl.core.errors import UsageError
from supportctl.core.nearest import nearest
from supportctl.report.resend.model import Ledger, Status, Story

if TYPE_CHECKING:
    from collections.abc import Sequence

    from resend.model import Delivery
    from supportctl.app.resend_counter import Counter
    from supportctl.app.resend_desk import Desk

_LONGEST_NUMBER = 18  # digits of a delivery's number
_ALL = 1000
_ASKED = 100  # lanes that stand still


class Wanted(NamedTuple):
    """Which deliveries the command line names; all of it must hold. `ids` are numbers, or the calls' ids."""

    ids: tuple[str, ...] = ()
    destination: str | None = None
    states: tuple[str, ...] = ()
    source: str | None = None
    since: str | None = None
    until: str | None = None
    error: str | None = None

    @property
    def is_bulk(self) -> bool:
        """Whether it names deliveries by what they have in common."""
        return not self.ids


def ledger_of(desk: Counter) -> Ledger:
    """Return what the renderers need to know of the desk's accounts."""
    kinds = {name: model.kind for name, model in desk.config.crm.items()}
    return Ledger(kinds, desk.zone, desk.clock.now())


def status(desk: Counter, destination: str | None = None) -> Status:
    """Return the lanes, those of accounts to which nothing was ever to be brought included.

    Raises:
        UsageError: `resend.unknown-destination`.
    """
    known = check_lane(desk, destination)
    found = views.lane_views(desk.source, destination)
    names = {view.destination for view in found}
    idle = [name for name in desk.destinations if name not in names and destination in {None, name}]
    still = [view.destination for view in found if view.pending and view.breaker is not Breaker.CLOSED]
    acts = {name: who_acts(desk.source, name) for name in still[:_ASKED]}
    return Status(ledger_of(desk), tuple(found), tuple(idle), known, acts)


def checked_status(desk: Desk, destination: str | None = None) -> Status:
    """Return the lanes, and where the ledger does not agree with itself; it reads one index as a whole.

    Raises:
        UsageError: `resend.unknown-destination`.
    """
    from resend.ledger.audit import verify

    lanes = status(desk, destination)
    found = [each for each in verify(desk.store) if destination in {None, each.destination}]
    return lanes._replace(disagreements=tuple(found))


def filter_of(desk: Counter, wanted: Wanted) -> Filter:
    """Return the filter of the ledger for what the command line names.

    Raises:
        UsageError: `resend.unknown-destination`, `resend.unknown-delivery`, `sync.bad-time`.
    """
    check_lane(desk, wanted.destination)
    now, zone = desk.clock.now(), desk.zone
    since = moment("--since", wanted.since, now, zone) if wanted.since else None
    until = moment("--until", wanted.until, now, zone, end=True) if wanted.until else None
    return Filter(
        ids=tuple(each.id for name in wanted.ids for each in find(desk, name)),
        destination=wanted.destination,
        states=tuple(map(State, wanted.states)),
        source=wanted.source,
        since=since.timestamp() if since else None,
        until=until.timestamp() if until else None,
        error=wanted.error,
    )


def find(desk: Counter, name: str) -> Sequence[Delivery]:
    """Return the delivery with this number, else those of the call with this id.

    Raises:
        UsageError: `resend.unknown-delivery`.
    """
    if name.isascii() and name.isdigit() and len(name) <= _LONGEST_NUMBER:
        _, found = views.deliveries(desk.source, Filter(ids=(int(name),)), 1)
        if found:
            return found
    _, found = views.deliveries(desk.source, Filter(call_id=name), _ALL)
    if not found:
        raise UsageError("resend.unknown-delivery", found=name)
    return found


def deliveries(desk: Counter, wanted: Wanted, limit: int) -> tuple[int, list[Delivery]]:
    """Return how many deliveries are meant, and the newest of them."""
    return views.deliveries(desk.source, filter_of(desk, wanted), limit)


def stories(desk: Counter, name: str) -> list[Story]:
    """Return the deliveries that `name` means, each with its timeline and its lane.

    Raises:
        UsageError: `resend.unknown-delivery`.
    """
    return [
        Story(
            delivery,
            tuple(views.timeline(desk.source, delivery.id)),
            next(iter(views.lane_views(desk.source, delivery.destination)), None),
        )
        for delivery in find(desk, name)
    ]


def check_lane(desk: Counter, destination: str | None) -> frozenset[str]:
    """Return the configured destinations; one that was taken out may still have deliveries.

    Raises:
        UsageError: `resend.unknown-destination`.
    """
    known = frozenset(desk.destinations)
    if destination is None or destination in known or views.lane_views(desk.source, destination):
        return known
    raise UsageError(
        "resend.unknown-destination", found=destination, nearest=nearest(destination, sorted(known))
    )
