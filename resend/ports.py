"""What resend needs of others, as it sees it; `supportctl.app` plugs the real ones in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from contextlib import AbstractContextManager

    import sqlalchemy as sa

    from resend.fingerprint import Cause
    from resend.ledger.escalations import Escalation, Example
    from resend.ledger.sending import Look
    from resend.ledger.settling import Settled
    from resend.ledger.store import Store
    from resend.ledger.trouble import Failing, Hit, Unreported
    from resend.model import Acts, Delivery, Lease, State
    from resend.policy import BreakerView
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


class Lanes(Protocol):
    """What a lane needs of the ledger, as the module `resend.ledger.lanes` gives it.

    The tests have another one, without a database, that is held equal to it.
    """

    def claim(self, store: Store, destination: str, holder: str, lease_s: float) -> Lease | None:
        """Return the lease of a lane, None if somebody holds it."""

    def release(self, store: Store, lease: Lease) -> None:
        """Give a lane back."""

    def renew(self, store: Store, lease: Lease, breaker: BreakerView | None = None) -> None:
        """Keep a lane, and show where its breaker is."""

    def look(self, store: Store, destination: str) -> AbstractContextManager[Look]:
        """Return what has to be known of a lane before its next request, from one moment."""

    def recover(self, store: Store, lease: Lease, settle_s: float) -> int:
        """Put aside what an earlier holder left in mid-send."""

    def intend(self, store: Store, lease: Lease, deliveries: Sequence[Delivery]) -> set[int]:
        """Write down that these are about to be sent; return those that may be."""

    def settle(
        self, store: Store, lease: Lease, settled: Sequence[Settled], breaker: BreakerView, before: State
    ) -> None:
        """Write down what came of a request."""


class Trouble(Protocol):
    """What is in the way of deliveries, as the module `resend.ledger.trouble` tells it."""

    def unreported(self, store: Store, warn_before: float) -> list[Unreported]:
        """Return what has ended or is held, and what nobody was told of."""

    def report(self, store: Store, found: Mapping[Cause, Sequence[Unreported]]) -> int:
        """Write down to which escalation each of these belongs."""

    def report_overdue(self, store: Store, destination: str, cause: Cause) -> int:
        """Let what is past its horizon and still in its lane belong to an escalation."""

    def expire(
        self, store: Store, destination: str, cause: Cause, why: tuple[str, str, Acts], grace_s: float
    ) -> int:
        """End what waits in a lane that does not move, past its horizon."""

    def hits(self, store: Store) -> list[Hit]:
        """Return how many deliveries belong to which escalation, by destination."""

    def lanes_with_work(self, store: Store, destination: str | None = None) -> list[Failing]:
        """Return every lane (or this one) in which something waits."""

    def near_deadline(self, store: Store, destination: str, before: float) -> int:
        """Return how many of a lane will be past their horizon at `before`, and belong to none yet."""

    def lane_names(self, store: Store) -> list[str]:
        """Return every lane that there is."""


class Cases(Protocol):
    """Escalations as they are kept, as the module `resend.ledger.escalations` does."""

    def escalations(self, store: Store, states: Sequence[str] = ()) -> list[Escalation]:
        """Return escalations, those that were hit last first."""

    def some_examples(self, store: Store, fingerprint: str, destinations: Iterable[str]) -> list[Example]:
        """Return some calls that are hit."""

    def read(self, connection: sa.Connection, fingerprint: str, *, lock: bool = False) -> Escalation | None:
        """Return one escalation."""

    def put(self, connection: sa.Connection, case: Escalation, *, afresh: bool = False) -> None:
        """Write what is true of a problem."""

    def claim(self, store: Store, fingerprint: str) -> Escalation | None:
        """Return an escalation that nobody else tells of for some time."""

    def told(self, store: Store, case: Escalation, **values: object) -> bool:
        """Write what became of telling, while it is still ours to tell."""

    def release(self, store: Store, case: Escalation) -> None:
        """Let others tell of it."""


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
