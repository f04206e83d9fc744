"""`supportctl.lanes/1`, `supportctl.deliveries/1`, `supportctl.enqueued/1` (docs/contract.md)."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from resend.acts import acts_of
from resend.model import ENDED, Acts, State

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from resend.ledger.views import Event, LaneView
    from resend.model import Delivery
    from supportctl.catalog import Catalog
    from supportctl.core.call import Rejected
    from supportctl.report.resend.model import Ledger, Status, Story

LANES = "supportctl.lanes/1"
DELIVERIES = "supportctl.deliveries/1"
ENQUEUED = "supportctl.enqueued/1"
Document = dict[str, Any]  # JSON


def as_text(document: Document, *, one_line: bool = False) -> str:
    """Return a document as text: indented for people, or as one line of a stream."""
    return json.dumps(document, ensure_ascii=False, indent=None if one_line else 2) + "\n"


def lanes(status: Status) -> Document:
    """Return `supportctl.lanes/1`."""
    told = [_lane(view, status) for view in status.lanes]
    told += [_idle(name, status) for name in status.idle]
    told.sort(key=lambda lane: lane["destination"])
    totals = {state.value: sum(lane[state.value] for lane in told) for state in State}
    document = {"schema": LANES, "at": _iso(status.ledger, status.ledger.now.timestamp()), "lanes": told,
                "totals": totals}  # fmt: skip
    if status.disagreements is not None:
        document["disagreements"] = [each._asdict() for each in status.disagreements]
    return document


def _lane(view: LaneView, status: Status) -> Document:
    ledger = status.ledger
    pausing = view.open_until > ledger.now.timestamp()
    return {
        "destination": view.destination,
        "kind": ledger.kinds.get(view.destination),
        **{state.value: view.counts.get(state, 0) for state in State},
        "oldest_at": _maybe(ledger, view.oldest_at),
        "next_attempt_at": _maybe(ledger, view.next_attempt_at),
        "nearest_deadline_at": _maybe(ledger, view.nearest_deadline_at),
        "breaker": view.breaker.value,
        "breaker_since": _maybe(ledger, view.broken_since or None),
        "breaker_until": _maybe(ledger, view.open_until if pausing else None),
        "breaker_why": view.broken_why or None,
        "paused_by": view.paused_by or None,
        "paused_why": view.paused_why or None,
        "rate_per_s": round(view.rate_per_s, 3),
        "forecast_s": None if view.forecast_s is None else round(view.forecast_s, 1),
        "last_error": view.last_error or None,
        "who_acts": status.acts.get(view.destination, Acts.NOBODY).value,
        "configured": view.destination in status.known,
    }


def _idle(name: str, status: Status) -> Document:
    return {
        "destination": name,
        "kind": status.ledger.kinds.get(name),
        **dict.fromkeys((state.value for state in State), 0),
        **dict.fromkeys(("oldest_at", "next_attempt_at", "nearest_deadline_at")),
        "breaker": "closed",
        **dict.fromkeys(("breaker_since", "breaker_until", "breaker_why", "paused_by", "paused_why")),
        "rate_per_s": 0.0,
        "forecast_s": 0.0,
        "last_error": None,
        "who_acts": Acts.NOBODY.value,
        "configured": True,
    }


def deliveries(found: Sequence[Delivery], total: int, ledger: Ledger) -> Document:
    """Return `supportctl.deliveries/1`."""
    return {
        "schema": DELIVERIES,
        "total": total,
        "total_is_exact": not getattr(total, "more", False),
        "deliveries": [delivery_document(delivery, ledger) for delivery in found],
    }


def stories(found: Sequence[Story], ledger: Ledger, reasons: Sequence[Sequence[str]]) -> Document:
    """Return `supportctl.deliveries/1` with the timeline of each; `reasons` are the words about each."""
    told = [
        {
            **delivery_document(story.delivery, ledger),
            "why": " ".join(why),
            "call": story.delivery.call.document(),
            "timeline": [_event(event, ledger) for event in _accepted_first(story)],
        }
        for story, why in zip(found, reasons, strict=True)
    ]
    document: Document = {"schema": DELIVERIES, "total": len(told), "deliveries": told}
    if len(told) == 1:
        document["timeline"] = told[0]["timeline"]
    return document


def delivery_document(delivery: Delivery, ledger: Ledger) -> Document:
    """Return one delivery."""
    open_ = delivery.state not in ENDED and delivery.state is not State.HELD
    error = ": ".join(part for part in (delivery.error_code, delivery.error_text) if part)
    return {
        "id": delivery.id,
        "destination": delivery.destination,
        "source": delivery.source,
        "call_id": delivery.call_id,
        "state": delivery.state.value,
        "attempts": delivery.attempts,
        "next_attempt_at": _iso(ledger, delivery.next_attempt_at) if open_ else None,
        "deadline_at": _iso(ledger, delivery.deadline_at),
        "last_error": error or None,
        "who_acts": acts_of(delivery).value,
        "failure": delivery.failure.value if delivery.failure else None,
        "error_code": delivery.error_code or None,
        "started_at": delivery.call.started_at.astimezone(ledger.zone).isoformat(),
        "contact_phone": delivery.call.contact_phone,
        "enqueued_at": _iso(ledger, delivery.enqueued_at),
        "step": delivery.step or None,
        "remote_id": delivery.remote_id or None,
        "revision": delivery.revision,
        "escalation": delivery.fingerprint or None,
    }


def _accepted_first(story: Story) -> list[Event]:
    from resend.ledger.views import Event as AnEvent

    accepted = AnEvent(
        story.delivery.enqueued_at, "accepted", "", State.WAITING, "", "", "", "", story.delivery.enqueued_at
    )
    return [accepted, *story.events]


def _event(event: Event, ledger: Ledger) -> Document:
    later = event.state in {State.WAITING, State.VERIFYING} and event.next_attempt_at > 0
    return {
        "at": _iso(ledger, event.at),
        "kind": event.kind,
        "step": event.step or None,
        "state": event.state.value,
        "failure": event.failure or None,
        "code": event.code or None,
        "text": event.text or None,
        "who": event.who or None,
        "next_attempt_at": _iso(ledger, event.next_attempt_at) if later else None,
    }


def enqueued(
    numbers: Mapping[str, int], rejected: Sequence[Rejected], catalog: Catalog, /, **more: object
) -> Document:
    """Return `supportctl.enqueued/1`; `more` are further keys."""
    return {
        "schema": ENQUEUED,
        **numbers,
        "rejected": [
            {"line": each.line, "reason": reason_of(each, catalog), "code": each.reason, **dict(each.args)}
            for each in rejected
        ],
        **more,
    }


def reason_of(rejected: Rejected, catalog: Catalog) -> str:
    """Return why a line is no usable call, as a sentence with what was found, or what was missed."""
    words = catalog.error(rejected.reason, rejected.args)
    shown = words["found"] or words["expected"]
    return f"{words['message'].rstrip('.')}: {shown}" if shown else words["message"]


def _maybe(ledger: Ledger, seconds: float | None) -> str | None:
    return None if seconds is None else _iso(ledger, seconds)


def _iso(ledger: Ledger, seconds: float) -> str:
    return ledger.at(seconds).isoformat(timespec="milliseconds")


def by_lane_and_state(counts: Mapping[tuple[str, State], int]) -> list[Document]:
    """Return counts by lane and state."""
    return [
        {"destination": destination, "state": state.value, "count": count}
        for (destination, state), count in sorted(counts.items())
    ]
