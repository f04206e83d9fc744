"""`supportctl.escalations/1` (docs/contract.md)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from resend.escalate import Told
    from resend.ledger.escalations import Escalation
    from supportctl.report.escalation.words import EscalationWords

SCHEMA = "supportctl.escalations/1"
FLUSHED = "supportctl.flushed/1"
Document = dict[str, Any]  # JSON


def escalations(cases: Sequence[Escalation], words: EscalationWords) -> Document:
    """Return `supportctl.escalations/1`."""
    return {"schema": SCHEMA, "escalations": [_case(case, words) for case in cases]}


def flushed(told: Told, cases: Sequence[Escalation], words: EscalationWords, *, dry_run: bool) -> Document:
    """Return `supportctl.flushed/1`; `cases` are those that were told of, or would be."""
    return {
        "schema": FLUSHED,
        "dry_run": dry_run,
        "opened": list(told.opened),
        "commented": list(told.commented),
        "closed": list(told.closed),
        "notified": sorted(set(told.notified)),
        "failed": dict(told.failed),
        "escalations": [_case(case, words) for case in cases],
    }


def _case(case: Escalation, words: EscalationWords) -> Document:
    at = words.ledger.at
    return {
        "fingerprint": case.fingerprint,
        "code": case.code,
        "title": words.title(case),
        "count": case.peak,
        "affected": case.affected,
        "destinations": list(case.destinations),
        "first_at": at(case.first_at).isoformat(timespec="seconds"),
        "last_at": at(case.last_at).isoformat(timespec="seconds"),
        "deadline_at": at(case.deadline_at).isoformat(timespec="seconds") if case.deadline_at else None,
        "who_acts": case.who_acts.value,
        "tracker": case.tracker if case.tracker_issue else None,
        "tracker_issue": case.tracker_issue or None,
        "tracker_link": case.tracker_link or None,
        "tracker_error": case.tracker_error or None,
        "state": case.state,
        "cause": case.cause._asdict(),
        "examples": [example._asdict() for example in case.examples],
    }
