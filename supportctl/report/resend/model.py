"""What the renderers of resend are given."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple

from supportctl.report.systems import SYSTEMS

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import tzinfo

    from resend.ledger.audit import Disagreement
    from resend.ledger.views import Event, LaneView
    from resend.model import Acts, Delivery


class Ledger(NamedTuple):
    """The accounts of the configuration by name, with the kind of each; the shop's zone; the time now."""

    kinds: Mapping[str, str]
    zone: tzinfo | None
    now: datetime

    def system(self, destination: str) -> str:
        """Return the vendor's system as people call it; the name itself of an account that is no more."""
        kind = self.kinds.get(destination, destination)
        return SYSTEMS.get(kind, kind)

    def at(self, seconds: float) -> datetime:
        """Return a time of the ledger in the shop's zone."""
        return datetime.fromtimestamp(seconds, UTC).astimezone(self.zone)


class Status(NamedTuple):
    """All lanes. `idle` are destinations without a lane yet, `known` those that the configuration has.

    `acts` says of lanes that stand still who has to act; `disagreements` are where the ledger does not agree
    with itself, None if it was not asked.
    """

    ledger: Ledger
    lanes: tuple[LaneView, ...]
    idle: tuple[str, ...]
    known: frozenset[str]
    acts: Mapping[str, Acts] = {}
    disagreements: tuple[Disagreement, ...] | None = None


class Story(NamedTuple):
    """One delivery with all that happened to it, and its lane."""

    delivery: Delivery
    events: tuple[Event, ...]
    lane: LaneView | None
