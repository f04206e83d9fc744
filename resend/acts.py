"""Who has to act before a delivery or a lane goes on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from resend.model import Acts, State
from supportctl.core.failure import Failure

if TYPE_CHECKING:
    from resend.ledger.reading import Source
    from resend.model import Delivery

_LOOKED_AT = 50
_PENDING = frozenset({State.WAITING, State.SENDING, State.VERIFYING})
# These end only when somebody at the customer's does something: a token, a right, a setting.
_CUSTOMER = frozenset({Failure.SIGN_IN, Failure.CONFIGURATION, Failure.BLOCKED})
_LAST_FAILED = """
    SELECT who_acts, failure FROM deliveries WHERE destination = :destination AND state = :state
    ORDER BY next_attempt_at DESC LIMIT :most
"""


def acts_of(delivery: Delivery) -> Acts:
    """Return who has to act before a delivery goes on; nobody for one that is done or cancelled."""
    if delivery.state in {State.DELIVERED, State.CANCELLED}:
        return Acts.NOBODY
    if delivery.who_acts is Acts.NOBODY and delivery.state in _PENDING and delivery.failure in _CUSTOMER:
        return Acts.CUSTOMER
    return delivery.who_acts


def who_acts(source: Source, destination: str) -> Acts:
    """Return who has to act before a lane goes on, as those say that failed last: they wait longest."""
    with source.reading() as ask:
        for state in (State.WAITING, State.VERIFYING):
            values = {"destination": destination, "state": state.value, "most": _LOOKED_AT}
            for acts, failure in ask(_LAST_FAILED, values):
                if acts != Acts.NOBODY.value:
                    return Acts(acts)
                if failure in _CUSTOMER:
                    return Acts.CUSTOMER
    return Acts.NOBODY
