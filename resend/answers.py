"""What a destination has answered, made sound: one outcome for each parcel, whatever its code did."""

from __future__ import annotations

from typing import TYPE_CHECKING

from supportctl.core.delivery import Found, Outcome, Parcel
from supportctl.core.failure import Failure
from supportctl.core.text import clean

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from resend.model import Delivery


def parcel_of(delivery: Delivery) -> Parcel:
    """Return a delivery as a destination needs it."""
    return Parcel(
        delivery.id, delivery.call, delivery.step, delivery.facts, delivery.attempts + 1, delivery.revision
    )


def checked(parcels: Sequence[Parcel], outcomes: Sequence[Outcome]) -> list[Outcome]:
    """Return one outcome for each parcel, in their order.

    One that is missing may have been sent: it is asked about. A step forward that leads nowhere would be
    taken again at once, for ever: it is a failure.
    """
    first: dict[int, Outcome] = {}
    for outcome in outcomes:
        first.setdefault(outcome.delivery_id, outcome)
    return [_checked(parcel, first.get(parcel.delivery_id)) for parcel in parcels]


def _checked(parcel: Parcel, outcome: Outcome | None) -> Outcome:
    if outcome is None:
        return _in_doubt(parcel, "no-outcome")
    forward = outcome.failure is None and not outcome.done
    if forward and (outcome.step, dict(outcome.facts)) == (parcel.step, dict(parcel.facts)):
        return outcome._replace(failure=Failure.RETRY, code="no-progress")
    return outcome


def crashed(parcels: Sequence[Parcel], error: Exception) -> list[Outcome]:
    """Return the outcomes where the destination's own code has failed: anything may have been sent."""
    return [_in_doubt(parcel, "destination-crashed", clean(type(error).__name__, 80)) for parcel in parcels]


def _in_doubt(parcel: Parcel, code: str, text: str = "") -> Outcome:
    return Outcome(
        parcel.delivery_id, parcel.step, parcel.facts, failure=Failure.AMBIGUOUS, code=code, text=text
    )


def found_out(parcel: Parcel, answers: Mapping[int, Found | Outcome | None]) -> Outcome:
    """Return the answer to a question as an outcome: with a failure if it could not be told."""
    if parcel.delivery_id not in answers:
        return _in_doubt(parcel, "no-answer")
    answer = answers[parcel.delivery_id]
    if isinstance(answer, Outcome):
        return answer if answer.failure else answer._replace(failure=Failure.RETRY, code="no-answer")
    if answer is None:
        return Outcome(parcel.delivery_id, "", {})
    return Outcome(
        parcel.delivery_id, answer.step, answer.facts, done=answer.whole, remote_id=answer.remote_id
    )


def is_nothing(outcome: Outcome) -> bool:
    """Return whether the answer to a question was that nothing is there."""
    return outcome.failure is None and not outcome.done and not outcome.step and not outcome.facts


def refused_whole(outcomes: Sequence[Outcome]) -> bool:
    """Return whether a request with several calls was refused for its data: any of them may be the reason."""
    return len(outcomes) > 1 and all(map(is_refused, outcomes))


def is_refused(outcome: Outcome) -> bool:
    """Return whether a request was refused for its data; not one call of it for its own."""
    return outcome.failure is Failure.DATA and outcome.sent and not outcome.alone
