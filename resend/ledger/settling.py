"""What came of a request, in one transaction: deliveries, attempts, counts, and the lane with its breaker."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import sqlalchemy as sa

from resend.ledger import at_once, past
from resend.ledger.leases import breaker_values
from resend.ledger.many import many_updates
from resend.ledger.rows import facts_text
from resend.ledger.schema import DELIVERIES, LANES
from resend.ledger.sending import TELL, moved, those_in
from resend.model import LeaseLostError, State

if TYPE_CHECKING:
    from collections.abc import Sequence

    from resend.ledger.store import Store
    from resend.model import Lease
    from resend.policy import BreakerView, Decision
    from supportctl.core.delivery import Outcome

_L = LANES.c
_RATE_S = 30.0  # what came before counts for less and less: after this time for half, about
_SHORTEST_S = 0.001
_LONGEST = 100  # of a code, and of an id: what others say is cut, not refused
_LANE: sa.BindParameter[str] = sa.bindparam("lane", type_=sa.String)
_NOW: sa.BindParameter[float] = sa.bindparam("now", type_=sa.Double)


class Settled(NamedTuple):
    """What a step brought, and what was decided. `kind` is `try` or `lookup`.

    `revision` is that of the call which was sent or asked about: what came later has to be sent, too.
    """

    outcome: Outcome
    decision: Decision
    kind: str = "try"
    revision: int = 0


def settle(
    store: Store,
    lease: Lease,
    settled: Sequence[Settled],
    breaker: BreakerView,
    before: State = State.SENDING,
) -> None:
    """Write down what came of a request: deliveries, attempts, counts and breaker in one transaction.

    `before` is the state in which the deliveries were: `sending`, or `verifying` for a look-up. One whose
    call has changed meanwhile is not ended by what the old form of it brought: it waits again.

    Raises:
        LeaseLostError: somebody else has the lane; its new holder asks the destination.
    """
    by_id = {item.outcome.delivery_id: item for item in settled}
    if not store.is_sqlite:
        told = [_together(item) for item in by_id.values()]
        at_once.settle(store, lease, lambda now: _lane_values(lease, settled, breaker, now), told, before)
        return
    with store.write() as connection:
        now = store.now(connection, about=True)
        if past.changed_by(connection, _SETTLE_LANE, _lane_values(lease, settled, breaker, now)) != 1:
            raise LeaseLostError(lease.destination)
        if not by_id:
            return
        rows = those_in(connection, before, by_id)
        final = [_final(by_id[number], revision, sent, now) for number, revision, sent in rows]
        if final:
            _SETTLE.run(connection, [_new_values(item) for item in final])
            TELL.run(connection, [_attempt(item, now, lease.token) for item in final])
            moved(connection, lease.destination, before, (item.decision.state for item in final))


_ENDS = frozenset({State.DELIVERED, State.ESCALATED, State.HELD})


def _final(item: Settled, revision: int, sent: int, now: float) -> Settled:
    """Return what becomes of a delivery whose call has this revision now, and was last sent with that one."""
    if item.decision.state not in _ENDS:
        return item
    asked = sent if item.kind == "lookup" else item.revision  # what was found is what was sent
    if revision == item.revision == asked:
        return item
    return item._replace(decision=item.decision._replace(state=State.WAITING, next_attempt_at=now))


_PASSED = sa.case((_NOW - _L.measured_at > _SHORTEST_S, _NOW - _L.measured_at), else_=_SHORTEST_S)
_DONE: sa.BindParameter[float] = sa.bindparam("delivered", type_=sa.Double)
_KEPT = ("last_failure", "last_code", "last_text", "last_failed_at")
_SETTLE_LANE = (
    sa.update(LANES)
    .where(_L.destination == _LANE, _L.token == sa.bindparam("mine"))
    .values(
        {
            name: sa.bindparam(name)
            for name in ("breaker", "failures", "open_until", "broken_since", "broken_why")
        }
        | {name: sa.func.coalesce(sa.bindparam(name, type_=_L[name].type), _L[name]) for name in _KEPT}
        | {
            "lease_until": sa.bindparam("until", type_=sa.Double),
            "measured_at": _NOW,
            # A moving figure of the time in which the lane was drained; what it stood still does not count.
            "rate_per_s": sa.case(
                (_L.rate_per_s == 0, _DONE / _PASSED),
                else_=(_L.rate_per_s * _RATE_S + _DONE) / (_RATE_S + _PASSED),
            ),
        }
    )
)
_SETTLE = many_updates(
    DELIVERIES,
    (
        "state", "step", "facts", "next_attempt_at", "failure", "error_code", "error_text", "who_acts",
        "remote_id", "fingerprint",
    ),
    attempts="deliveries.attempts + {new}attempts",
)  # fmt: skip


def _lane_values(
    lease: Lease, settled: Sequence[Settled], breaker: BreakerView, now: float
) -> dict[str, object]:
    values = breaker_values(breaker) | {
        "lane": lease.destination,
        "mine": lease.token,
        "now": now,
        "until": now + lease.seconds,
        "delivered": float(sum(item.decision.state is State.DELIVERED for item in settled)),
        "shortest": _SHORTEST_S,
        "rate_s": _RATE_S,
        **dict.fromkeys(_KEPT),
    }
    failed = [item.outcome for item in settled if item.outcome.failure]
    if failed:
        last = next((each for each in reversed(failed) if not each.alone), failed[-1])
        assert last.failure is not None
        values |= {
            "last_failure": last.failure.value,
            "last_code": last.code[:_LONGEST],
            "last_text": last.text,
            "last_failed_at": now,
        }
    return values


def _new_values(item: Settled) -> dict[str, object]:
    outcome, decision = item.outcome, item.decision
    return {
        "id": outcome.delivery_id,
        "attempts": int(decision.counted),
        "state": str(decision.state),
        "step": outcome.step,
        "facts": facts_text(outcome.facts),
        "next_attempt_at": decision.next_attempt_at,
        "failure": str(outcome.failure or ""),
        "error_code": outcome.code[:_LONGEST],
        "error_text": outcome.text,
        "who_acts": str(decision.who_acts),
        "remote_id": outcome.remote_id.replace("\0", "")[:_LONGEST],
        "fingerprint": "",  # what it was escalated for is over, or is told anew
    }


def _together(item: Settled) -> at_once.Ended:
    """Return a delivery and its attempt as one row."""
    outcome, decision = item.outcome, item.decision
    return at_once.Ended(
        outcome.delivery_id,
        item.revision,
        facts_text(outcome.facts),
        outcome.remote_id.replace("\0", "")[:_LONGEST],
        (
            item.kind,
            decision.state.value,
            outcome.step,
            int(decision.counted),
            decision.next_attempt_at,
            outcome.failure.value if outcome.failure else "",
            outcome.code[:_LONGEST],
            outcome.text,
            decision.who_acts.value,
            (outcome.code or outcome.note)[:_LONGEST],
        ),
    )


def _attempt(item: Settled, now: float, token: int) -> dict[str, object]:
    outcome, decision = item.outcome, item.decision
    return {
        "delivery_id": outcome.delivery_id,
        "at": now,
        "kind": item.kind,
        "token": token,
        "step": outcome.step,
        "state": str(decision.state),
        "failure": str(outcome.failure or ""),
        "code": (outcome.code or outcome.note)[:_LONGEST],  # a note: a finding's code of what was put right
        "text": outcome.text,
        "next_attempt_at": decision.next_attempt_at,
    }
