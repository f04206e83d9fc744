"""A register's state becomes findings: the same rules for every maker. Pure: time and zone are in the arguments.

Thresholds: docs/contract.md "Default statuses". The five minutes of the clock are the storage's own limit, the
30 days of the queue are the law's: a storage refuses receipts when the oldest document waits longer.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from probes.devices.fiscal.state import RegisterState, Shift, StoragePhase

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import tzinfo

    from probes.context import ProbeContext
    from supportctl.core.finding import Evidence, Finding

CLOCK_WARNING = timedelta(minutes=2)
CLOCK_FAULT = timedelta(minutes=5)
QUEUE_WARNING = timedelta(days=1)
QUEUE_OLD = timedelta(days=25)
QUEUE_LOCK = timedelta(days=30)
EXPIRING = timedelta(days=30)
EXPIRING_FAULT = timedelta(days=3)

CODES = frozenset(
    {
        "fiscal.answers", "fiscal.shift", "fiscal.paper", "fiscal.cover", "fiscal.cutter", "fiscal.mechanism",
        "fiscal.clock", "fiscal.storage", "fiscal.storage-life", "fiscal.storage-memory", "fiscal.queue",
        "fiscal.transport", "fiscal.document", "fiscal.registration", "fiscal.lock",
        "fiscal.shift-over-24h", "fiscal.shift-closed", "fiscal.paper-out", "fiscal.paper-near-end",
        "fiscal.cover-open", "fiscal.cutter-error", "fiscal.mechanical-error", "fiscal.overheated",
        "fiscal.continue-print", "fiscal.document-open", "fiscal.clock-drift", "fiscal.fn-expiring",
        "fiscal.fn-expired", "fiscal.fn-not-fiscalised", "fiscal.fn-archive-closed", "fiscal.fn-memory-low",
        "fiscal.fn-memory-full", "fiscal.fn-fault", "fiscal.ofd-queue", "fiscal.ofd-queue-old",
        "fiscal.ofd-blocked", "fiscal.ofd-unreachable", "fiscal.not-registered", "fiscal.blocked",
        "fiscal.battery-low",
    }
)  # fmt: skip


def judge(state: RegisterState, context: ProbeContext) -> Iterator[Finding]:
    """Yield the findings of one reading; a subject that the register does not speak of yields none."""
    yield from _identity(state, context)
    yield from _lock(state, context)
    yield from _storage(state, context)
    yield from _queue(state, context)
    yield from _shift(state, context)
    yield from _mechanics(state, context)
    yield from _document(state, context)
    yield from _clock(state, context)


def _proof(state: RegisterState, *subjects: str) -> tuple[Evidence, ...]:
    return tuple(item for subject in subjects for item in state.evidence.get(subject, ()))


def _identity(state: RegisterState, context: ProbeContext) -> Iterator[Finding]:
    yield context.ok(
        "fiscal.answers",
        *_proof(state, "identity"),
        maker=state.maker or "?",
        model=state.model or "?",
        firmware=state.firmware or "?",
        serial=state.serial or "?",
    )


def _lock(state: RegisterState, context: ProbeContext) -> Iterator[Finding]:
    if state.locked is not None:
        yield context.fault("fiscal.blocked", *_proof(state, "lock"), reason=state.locked)
    if state.registered is False and state.storage.phase in {None, StoragePhase.FISCAL}:
        yield context.fault("fiscal.not-registered", *_proof(state, "registration"))
    elif state.registered:
        yield context.ok(
            "fiscal.registration", *_proof(state, "registration"), number=state.registration or "?"
        )
    if state.battery_low:
        yield context.warning("fiscal.battery-low", *_proof(state, "power"))


def _storage(state: RegisterState, context: ProbeContext) -> Iterator[Finding]:
    storage, proof = state.storage, _proof(state, "storage")
    number = storage.number or "?"
    if storage.critical:
        yield context.fault("fiscal.fn-fault", *proof, number=number)
        return
    if storage.phase in {StoragePhase.SETUP, StoragePhase.READY}:
        yield context.fault("fiscal.fn-not-fiscalised", *proof, number=number)
        return
    if storage.phase in {StoragePhase.CLOSED_SENDING, StoragePhase.ARCHIVE_CLOSED}:
        yield context.fault("fiscal.fn-archive-closed", *proof, number=number)
    elif storage.phase is StoragePhase.FISCAL:
        yield context.ok("fiscal.storage", *proof, number=number)
    yield from _storage_life(state, context)
    if storage.memory_full:
        yield context.fault("fiscal.fn-memory-full", *proof, number=number)
    elif storage.memory_low:
        yield context.warning("fiscal.fn-memory-low", *proof, number=number)
    elif storage.memory_low is False:
        yield context.ok("fiscal.storage-memory", *proof)


def _storage_life(state: RegisterState, context: ProbeContext) -> Iterator[Finding]:
    expires = state.storage.expires
    if expires is None or state.storage.phase is not StoragePhase.FISCAL:
        return
    today = local_now(state, context.settings.timezone).date()
    left = expires - today
    proof = _proof(state, "storage-life")
    args = {"date": expires.isoformat(), "days": left.days, "number": state.storage.number or "?"}
    if left < timedelta(0):
        yield context.fault("fiscal.fn-expired", *proof, **args)
    elif left <= EXPIRING_FAULT:
        yield context.fault("fiscal.fn-expiring", *proof, **args)
    elif left <= EXPIRING:
        yield context.warning("fiscal.fn-expiring", *proof, **args)
    else:
        yield context.ok("fiscal.storage-life", *proof, **args)


def _queue(state: RegisterState, context: ProbeContext) -> Iterator[Finding]:
    queue, proof = state.queue, _proof(state, "queue")
    waiting = queue.unsent or 0
    if queue.unsent is not None:
        yield _waiting(state, context)
    if queue.transport_up is False and waiting:
        yield context.warning(
            "fiscal.ofd-unreachable", *proof, unsent=waiting, error=queue.error_text or queue.error_code or "-"
        )
    elif queue.transport_up:
        yield context.ok("fiscal.transport", *proof)


def _waiting(state: RegisterState, context: ProbeContext) -> Finding:
    queue, proof = state.queue, _proof(state, "queue")
    if not queue.unsent:
        return context.ok("fiscal.queue", *proof, unsent=0)
    args: dict[str, object] = {"unsent": queue.unsent, "first": queue.first_number or "?"}
    if queue.first_at is None:
        if state.storage.operator_overdue:
            return context.warning("fiscal.ofd-queue", *proof, **args, days="?", left="?")
        return context.ok("fiscal.queue", *proof, **args)
    age = local_now(state, context.settings.timezone) - queue.first_at
    args |= {"days": age.days, "left": max(0, (QUEUE_LOCK - age).days), "since": queue.first_at.date().isoformat()}
    if age > QUEUE_LOCK:
        return context.fault("fiscal.ofd-blocked", *proof, **args)
    if age > QUEUE_OLD:
        return context.warning("fiscal.ofd-queue-old", *proof, **args)
    if age > QUEUE_WARNING:
        return context.warning("fiscal.ofd-queue", *proof, **args)
    return context.ok("fiscal.queue", *proof, **args)


def _shift(state: RegisterState, context: ProbeContext) -> Iterator[Finding]:
    proof, number = _proof(state, "shift"), state.shift_number if state.shift_number is not None else "?"
    if state.shift is Shift.EXPIRED:
        yield context.fault("fiscal.shift-over-24h", *proof, number=number)
    elif state.shift is Shift.OPEN:
        yield context.ok("fiscal.shift", *proof, number=number)
    elif state.shift is Shift.CLOSED:
        open_now = context.settings.expect.get("shift") == "open"
        say = context.warning if open_now else context.ok
        yield say("fiscal.shift-closed", *proof, number=number)


def _mechanics(state: RegisterState, context: ProbeContext) -> Iterator[Finding]:
    proof = _proof(state, "mechanics")
    if state.paper_present is False:
        yield context.fault("fiscal.paper-out", *proof)
    elif state.paper_near_end:
        yield context.warning("fiscal.paper-near-end", *proof)
    elif state.paper_present:
        yield context.ok("fiscal.paper", *proof)
    if state.cover_open:
        yield context.fault("fiscal.cover-open", *proof)
    elif state.cover_open is False:
        yield context.ok("fiscal.cover", *proof)
    if state.cutter_error:
        yield context.fault("fiscal.cutter-error", *proof)
    elif state.cutter_error is False:
        yield context.ok("fiscal.cutter", *proof)
    if state.mechanical_error:
        yield context.fault("fiscal.mechanical-error", *proof)
    elif state.mechanical_error is False:
        yield context.ok("fiscal.mechanism", *proof)
    if state.overheated:
        yield context.fault("fiscal.overheated", *proof)


def _document(state: RegisterState, context: ProbeContext) -> Iterator[Finding]:
    proof = _proof(state, "document")
    if state.waits_for_continue:
        yield context.fault("fiscal.continue-print", *proof)
    if state.document_open:
        yield context.warning("fiscal.document-open", *proof)
    elif state.document_open is False:
        yield context.ok("fiscal.document", *proof)


def _clock(state: RegisterState, context: ProbeContext) -> Iterator[Finding]:
    if state.clock is None:
        return
    drift = state.clock - local_now(state, context.settings.timezone)
    seconds = round(drift.total_seconds())
    proof = _proof(state, "clock")
    args = {"seconds": abs(seconds), "minutes": round(abs(seconds) / 60), "direction": "fast" if seconds > 0 else "slow"}
    if abs(drift) >= CLOCK_FAULT:
        yield context.fault("fiscal.clock-drift", *proof, **args)
    elif abs(drift) >= CLOCK_WARNING:
        yield context.warning("fiscal.clock-drift", *proof, **args)
    else:
        yield context.ok("fiscal.clock", *proof, **args)


def local_now(state: RegisterState, zone: tzinfo | None) -> datetime:
    """Return the moment of the reading as a wall clock beside the register would show it (naive)."""
    return state.read_at.astimezone(zone).replace(tzinfo=None)
