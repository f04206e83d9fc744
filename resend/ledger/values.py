"""Rows of deliveries as values, for those who only read: nothing here knows how a row was fetched."""

from __future__ import annotations

import json
from datetime import datetime
from typing import TYPE_CHECKING, Any

from resend.model import Acts, Delivery, State
from supportctl.core.call import Call
from supportctl.core.failure import Failure

if TYPE_CHECKING:
    from collections.abc import Sequence

# What a Delivery is made of, in this order.
NAMES = (
    "id", "destination", "source", "call_id", "payload", "revision", "state", "step", "facts",
    "attempts", "enqueued_at", "next_attempt_at", "deadline_at", "failure", "error_code", "error_text",
    "who_acts", "remote_id", "fingerprint",
)  # fmt: skip
_STATES = {state.value: state for state in State}
_FAILURES = {"": None} | {failure.value: failure for failure in Failure}
_ACTS = {acts.value: acts for acts in Acts}


def call_of(payload: str) -> Call:
    """Return the call whose JSON the ledger keeps."""
    document: dict[str, Any] = json.loads(payload)
    document["started_at"] = datetime.fromisoformat(document["started_at"])
    document["tags"] = tuple(document["tags"])
    return Call(**document)


def delivery_of(row: Sequence[Any]) -> Delivery:
    """Return a row with NAMES as a value."""
    (
        number, destination, source, call_id, payload, revision, state, step, facts,
        attempts, enqueued_at, next_attempt_at, deadline_at, failure, error_code, error_text,
        who_acts, remote_id, fingerprint,
    ) = row  # fmt: skip
    return Delivery(
        number, destination, source, call_id, call_of(payload), revision, _STATES[state], step,
        {} if facts == "{}" else json.loads(facts),
        attempts, enqueued_at, next_attempt_at, deadline_at, _FAILURES[failure], error_code, error_text,
        _ACTS[who_acts], remote_id, fingerprint,
    )  # fmt: skip
