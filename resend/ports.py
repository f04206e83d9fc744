"""What resend needs of others, as it sees it; `supportctl.app` plugs the real ones in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from supportctl.core.deadline import Deadline
    from supportctl.core.delivery import Found, Issue, Outcome, Parcel


class Destination(Protocol):
    """One CRM account that receives calls, over an interface that gives at-least-once at best.

    Neither method repeats a write by itself, and neither raises: what failed is in the outcomes. One that
    has `taken_over()` is told when another process may have sent a moment ago: it counts on no burst then.
    """

    @property
    def batch_size(self) -> int:
        """How many parcels one request takes at most."""

    def fits(self, parcels: Sequence[Parcel]) -> int:
        """Return how many of these, from the first on, one request can bring forward: at least one."""

    def advance(self, parcels: Sequence[Parcel], deadline: Deadline) -> Sequence[Outcome]:
        """Do the next step of each parcel, in one request; return one outcome for each."""

    def look_up(self, parcels: Sequence[Parcel], deadline: Deadline) -> Mapping[int, Found | Outcome | None]:
        """Return by `delivery_id` what the destination has.

        None: surely nothing. An Outcome with a failure: it cannot be told now.
        """


class Tracker(Protocol):
    """Where developers work. Every method may raise ServiceError."""

    def find(self, fingerprint: str) -> Issue | None:
        """Return the newest issue that carries exactly this fingerprint."""

    def create(self, fingerprint: str, title: str, text: str) -> Issue:
        """Create an issue that carries the fingerprint."""

    def comment(self, issue: Issue, text: str) -> None:
        """Add to an issue."""

    def close(self, issue: Issue, text: str) -> None:
        """Close an issue with a last word."""


class Notifier(Protocol):
    """Chat or mail. May raise ServiceError."""

    def notify(self, title: str, text: str) -> None:
        """Send one message."""
