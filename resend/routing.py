"""Whose problem it is, and what it is called: pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from resend.model import Acts

if TYPE_CHECKING:
    from resend.fingerprint import Cause

OWN_WORDS = frozenset({"late", "held", "not-configured"})  # nothing failed that anybody could repeat
_FEWEST_OF_A_MASS = 3
_BY_FAILURE = {
    "sign-in": ("escalation.sign-in", Acts.CUSTOMER),
    "configuration": ("escalation.configuration", Acts.CUSTOMER),
    "blocked": ("escalation.blocked", Acts.CUSTOMER),
    "data": ("escalation.refused", Acts.FIRST_LINE),
    "wait": ("escalation.limited", Acts.SECOND_LINE),
    "ambiguous": ("escalation.unclear", Acts.SECOND_LINE),
    "retry": ("escalation.unreachable", Acts.SECOND_LINE),
    "late": ("escalation.late", Acts.SECOND_LINE),
    "held": ("escalation.held", Acts.SECOND_LINE),
    "not-configured": ("escalation.not-configured", Acts.SECOND_LINE),
}


class Escalating(NamedTuple):
    """What the configuration says of escalation (`escalation:` in supportctl.yaml); times in seconds."""

    mass_destinations: int = 5  # the same problem at so many accounts is a mass failure
    mass_share: float = 0.25  # or at this share of all, from three on
    own_fault_calls: int = 50  # the same refusal of so many calls is not the calls' fault
    open_after_s: float = 900.0
    update_every_s: float = 3600.0
    close_after_s: float = 86400.0
    deadline_warning_s: float = 7200.0
    settle_s: float = 60.0
    new_issues: int = 20  # at most so many in one sweep: a tracker is not to be flooded by a mistake of ours


def assign(cause: Cause, calls: int, destinations: int, lanes: int, settings: Escalating) -> tuple[str, Acts]:
    """Return the finding code of a problem and who has to act."""
    if cause.failure in OWN_WORDS:
        return _BY_FAILURE[cause.failure]
    mass = destinations >= settings.mass_destinations or (
        destinations >= _FEWEST_OF_A_MASS and destinations >= settings.mass_share * lanes
    )
    if mass:
        return "escalation.mass", Acts.DEVELOPERS
    if cause.failure == "data" and calls >= settings.own_fault_calls:
        return "escalation.ours", Acts.DEVELOPERS
    if cause.failure in {"retry", "ambiguous"} and cause.code.startswith("http-5"):
        return "escalation.their-failure", Acts.OTHER_COMPANY
    return _BY_FAILURE.get(cause.failure, _BY_FAILURE["late"])
