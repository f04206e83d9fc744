"""What a person does by hand with deliveries and lanes: seen first, and recorded with who and why."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from resend.ledger import hand
from resend.model import State
from supportctl.app.resend_look import check_lane, filter_of
from supportctl.app.resend_wake import wake
from supportctl.app.who import who_acts
from supportctl.core import log
from supportctl.core.errors import UsageError
from supportctl.core.text import clean

if TYPE_CHECKING:
    from resend.ledger.filter import Filter
    from resend.ledger.hand import Preview, Verb
    from supportctl.app.resend_desk import Desk
    from supportctl.app.resend_look import Wanted

_LONGEST_WHY = 500


class Plan(NamedTuple):
    """What a verb would do, before it is done."""

    verb: Verb
    filter: Filter
    preview: Preview

    @property
    def due_already(self) -> int:
        """How many need no `now`, since they are due: only their lane may be in the way."""
        if self.verb != "now":
            return 0
        due = (State.WAITING, State.VERIFYING)
        return sum(number for (_, state), number in self.preview.left.items() if state in due)


def plan(desk: Desk, verb: Verb, wanted: Wanted) -> Plan:
    """Return what a verb would do.

    Raises:
        UsageError: `resend.which`, `resend.unknown-destination`, `resend.unknown-delivery`, `sync.bad-time`.
    """
    if wanted == type(wanted)():
        raise UsageError("resend.which")
    chosen = filter_of(desk, wanted)
    return Plan(verb, chosen, hand.preview(desk.store, verb, chosen))


def carry_out(desk: Desk, planned: Plan, why: str) -> int:
    """Do it; return how many deliveries were changed."""
    verb, who, said = planned.verb, who_acts(), clean(why, _LONGEST_WHY)
    horizon_s = desk.schedule.horizon_s
    changed = hand.apply(desk.store, verb, planned.filter, who=who, why=said, horizon_s=horizon_s)
    if verb == "now":
        wake(desk.store, {name for name, _ in (*planned.preview.changed, *planned.preview.left)})
    log.event("info", "resend.by-hand", verb=verb, deliveries=changed, who=who, why=said)
    return changed


def needs_why(verb: Verb, why: str | None) -> str:
    """Return the reason of a verb, "" where none is needed.

    Raises:
        UsageError: `resend.why-needed`.
    """
    told = (why or "").strip()
    if not told and verb != "now":
        raise UsageError("resend.why-needed")
    return told


def pause_lane(desk: Desk, destination: str, why: str) -> None:
    """Stop a lane until it is resumed.

    Raises:
        UsageError: `resend.unknown-destination`.
    """
    check_lane(desk, destination)
    hand.pause(desk.store, destination, who=who_acts(), why=clean(why, _LONGEST_WHY))
    log.event("info", "resend.lane-paused", destination=destination, who=who_acts(), why=why)


def resume_lane(desk: Desk, destination: str) -> None:
    """Let a lane run again.

    Raises:
        UsageError: `resend.unknown-destination`.
    """
    check_lane(desk, destination)
    hand.resume(desk.store, destination)
    wake(desk.store, [destination])
    log.event("info", "resend.lane-resumed", destination=destination, who=who_acts())
