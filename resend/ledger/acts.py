"""Who has to act before a delivery or a lane goes on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

from resend.ledger.schema import DELIVERIES
from resend.model import Acts, State
from supportctl.core.failure import Failure

if TYPE_CHECKING:
    from resend.ledger.store import Store
    from resend.model import Delivery

_LOOKED_AT = 50
_D = DELIVERIES.c
_PENDING = frozenset({State.WAITING, State.SENDING, State.VERIFYING})
# These end only when somebody at the customer's does something: a token, a right, a setting.
_CUSTOMER = frozenset({Failure.SIGN_IN, Failure.CONFIGURATION, Failure.BLOCKED})


def acts_of(delivery: Delivery) -> Acts:
    """Return who has to act before a delivery goes on; nobody for one that is done or cancelled."""
    if delivery.state in {State.DELIVERED, State.CANCELLED}:
        return Acts.NOBODY
    if delivery.who_acts is Acts.NOBODY and delivery.state in _PENDING and delivery.failure in _CUSTOMER:
        return Acts.CUSTOMER
    return delivery.who_acts


def who_acts(store: Store, destination: str) -> Acts:
    """Return who has to act before a lane goes on, as those say that failed last: they wait longest."""
    with store.read() as connection:
        for state in (State.WAITING, State.VERIFYING):
            rows = connection.execute(
                sa.select(_D.who_acts, _D.failure)
                .where(_D.destination == destination, _D.state == state.value)
                .order_by(_D.next_attempt_at.desc())
                .limit(_LOOKED_AT)
            )
            for row in rows:
                if row.who_acts != Acts.NOBODY.value:
                    return Acts(row.who_acts)
                if row.failure in _CUSTOMER:
                    return Acts.CUSTOMER
    return Acts.NOBODY
