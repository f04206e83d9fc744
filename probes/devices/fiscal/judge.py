"""A register's state becomes findings: the same rules for every maker. Pure: time and zone are arguments.

Thresholds: docs/contract.md "Default statuses". The five minutes of the clock are the storage's own limit,
the 30 days of the queue are the law's: a storage refuses receipts when the oldest document waits longer.

`state.evidence` has these subjects: identity, lock, registration, power, storage, storage-life, queue, shift,
mechanics, drawer, document, clock, errors.
"""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING

from probes.devices.fiscal.state import RegisterState, Shift, StoragePhase
from probes.devices.fiscal.vendor_errors import from_errors
from supportctl.core.finding import Meaning

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime, tzinfo

    from probes.context import ProbeContext
    from supportctl.core.finding import Evidence, Finding

CLOCK_WARNING = timedelta(minutes=2)
CLOCK_FAULT = timedelta(minutes=5)
QUEUE_WARNING = timedelta(days=1)
QUEUE_OLD = 25 / 30  # of the time after which the register locks itself
EXPIRING_DAYS = 30
EXPIRING_FAULT_DAYS = 3

CODES = frozenset(
    {
        "fiscal.answers", "fiscal.shift", "fiscal.paper", "fiscal.cover", "fiscal.cutter", "fiscal.mechanism",
        "fiscal.clock", "fiscal.storage", "fiscal.storage-life", "fiscal.storage-memory", "fiscal.queue",
        "fiscal.transport", "fiscal.document", "fiscal.registration", "fiscal.drawer",
        "fiscal.shift-over-24h", "fiscal.shift-closed", "fiscal.paper-out", "fiscal.paper-near-end",
        "fiscal.cover-open", "fiscal.cutter-error", "fiscal.mechanical-error", "fiscal.overheated",
        "fiscal.continue-print", "fiscal.document-open", "fiscal.clock-drift", "fiscal.fn-expiring",
        "fiscal.fn-expired", "fiscal.fn-not-fiscalised", "fiscal.fn-archive-closed", "fiscal.fn-memory-low",
        "fiscal.fn-memory-full", "fiscal.fn-fault", "fiscal.ofd-queue", "fiscal.ofd-queue-old",
        "fiscal.ofd-blocked", "fiscal.ofd-unreachable", "fiscal.not-registered", "fiscal.blocked",
        "fiscal.battery-low", "fiscal.firmware-old", "fiscal.drawer-open", "fiscal.wrong-password",
        "fiscal.device-busy", "fiscal.device-error",
    }
)  # fmt: skip
"""What `judge` may yield; those of a row of an error table are among them."""


def judge(state: RegisterState, context: ProbeContext) -> Iterator[Finding]:
    """Yield the findings of one reading; a subject that the register does not speak of yields none."""
    said: dict[str, Finding] = {}
    for part in (_identity, _lock, _storage, _queue, _shift, _mechanics, _drawer, _document, _clock):
        for finding in part(state, context):
            said[finding.code] = finding
            yield finding
    yield from from_errors(state, context, said)


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
    floor = context.settings.expect.get("firmware")
    if floor and state.firmware and _numbers(state.firmware) < _numbers(floor):
        seen = _proof(state, "identity")
        yield context.warning("fiscal.firmware-old", *seen, firmware=state.firmware, expected=floor)


def _numbers(version: str) -> list[int]:
    return [int(part) for part in re.findall(r"[0-9]{1,9}", version)]


def _lock(state: RegisterState, context: ProbeContext) -> Iterator[Finding]:
    if state.locked is not None:
        yield context.fault("fiscal.blocked", *_proof(state, "lock"), reason=Meaning(state.locked))
    if state.registered is False and state.storage.phase in {None, StoragePhase.FISCAL}:
        yield context.fault("fiscal.not-registered", *_proof(state, "registration"))
    elif state.registered:
        yield context.ok(
            "fiscal.registration", *_proof(state, "registration"), registration=state.registration or "?"
        )
    if state.battery_low:
        yield context.warning("fiscal.battery-low", *_proof(state, "power"))


def _storage(state: RegisterState, context: ProbeContext) -> Iterator[Finding]:
    storage, proof = state.storage, _proof(state, "storage")
    number = storage.number or "?"
    if storage.critical:  # what a broken storage says of itself is worth nothing
        yield context.fault("fiscal.fn-fault", *proof, storage=number)
        return
    if storage.phase in {StoragePhase.SETUP, StoragePhase.READY}:
        yield context.fault("fiscal.fn-not-fiscalised", *proof, storage=number)
        return
    if storage.phase in {StoragePhase.CLOSED_SENDING, StoragePhase.ARCHIVE_CLOSED}:
        yield context.fault("fiscal.fn-archive-closed", *proof, storage=number)
    elif storage.phase is StoragePhase.FISCAL:
        yield context.ok("fiscal.storage", *proof, storage=number)
    yield from _storage_life(state, context)
    if storage.memory_full:
        yield context.fault("fiscal.fn-memory-full", *proof, storage=number)
    elif storage.memory_low:
        yield context.warning("fiscal.fn-memory-low", *proof, storage=number)
    elif storage.memory_low is False:
        yield context.ok("fiscal.storage-memory", *proof)


def _storage_life(state: RegisterState, context: ProbeContext) -> Iterator[Finding]:
    storage = state.storage
    left = days_left(state, context.settings.timezone)
    if left is None or storage.phase not in {None, StoragePhase.FISCAL}:
        return
    proof = _proof(state, "storage-life")
    date = storage.expires.isoformat() if storage.expires else "?"
    number = storage.number or "?"
    if left < 0:
        yield context.fault("fiscal.fn-expired", *proof, date=date, storage=number)
    elif left <= EXPIRING_FAULT_DAYS:
        yield context.fault("fiscal.fn-expiring", *proof, date=date, days=left, storage=number)
    elif left <= EXPIRING_DAYS:
        yield context.warning("fiscal.fn-expiring", *proof, date=date, days=left, storage=number)
    else:
        yield context.ok("fiscal.storage-life", *proof, date=date, days=left)


def _queue(state: RegisterState, context: ProbeContext) -> Iterator[Finding]:
    queue, proof = state.queue, _proof(state, "queue")
    if queue.unsent is not None or queue.locked or state.storage.operator_overdue:
        yield _waiting(state, context)
    if queue.transport_up is False and queue.unsent:  # without documents to send it may rest
        told = queue.error_text or queue.error_code or Meaning("fiscal.no-reason")
        yield context.warning("fiscal.ofd-unreachable", *proof, unsent=queue.unsent, said=told)
    elif queue.transport_up:
        yield context.ok("fiscal.transport", *proof)


def _waiting(state: RegisterState, context: ProbeContext) -> Finding:
    queue, proof = state.queue, _proof(state, "queue")
    unsent: int | str = "?" if queue.unsent is None else queue.unsent
    first: int | str = "?" if queue.first_number is None else queue.first_number
    age = None
    if queue.first_at is not None and queue.unsent != 0:
        age = local_now(state, context.settings.timezone) - queue.first_at
    days: int | str = "?" if age is None else max(0, age.days)
    left: int | str = "?" if age is None else max(0, (queue.lock_after - age).days)
    since = "?" if age is None or queue.first_at is None else queue.first_at.date().isoformat()
    if queue.locked or (age is not None and age > queue.lock_after):
        return context.fault("fiscal.ofd-blocked", *proof, unsent=unsent, first=first, days=days, since=since)
    if age is not None and age > queue.lock_after * QUEUE_OLD:
        return context.warning(
            "fiscal.ofd-queue-old", *proof, unsent=unsent, first=first, days=days, left=left, since=since
        )
    overdue = age is None and queue.unsent != 0 and state.storage.operator_overdue
    if overdue or (age is not None and age > min(QUEUE_WARNING, queue.lock_after / 2)):
        return context.warning(
            "fiscal.ofd-queue", *proof, unsent=unsent, first=first, days=days, left=left, since=since
        )
    return context.ok("fiscal.queue", *proof, unsent=unsent)


def _shift(state: RegisterState, context: ProbeContext) -> Iterator[Finding]:
    proof, number = _proof(state, "shift"), "?" if state.shift_number is None else state.shift_number
    if state.shift is Shift.EXPIRED:
        yield context.fault("fiscal.shift-over-24h", *proof, shift=number)
    elif state.shift is Shift.OPEN:
        yield context.ok("fiscal.shift", *proof, shift=number)
    elif state.shift is Shift.CLOSED:
        if context.settings.expect.get("shift") == "open":
            yield context.warning("fiscal.shift-closed", *proof)
        else:
            yield context.ok("fiscal.shift-closed", *proof)


def _mechanics(state: RegisterState, context: ProbeContext) -> Iterator[Finding]:
    yield from _paper(state, context)
    proof = _proof(state, "mechanics")
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


def _paper(state: RegisterState, context: ProbeContext) -> Iterator[Finding]:
    proof = _proof(state, "mechanics")
    if state.paper_present is False:
        yield context.fault("fiscal.paper-out", *proof)
    elif state.paper_near_end:
        yield context.warning("fiscal.paper-near-end", *proof)
    elif state.paper_present:
        yield context.ok("fiscal.paper", *proof)


def _drawer(state: RegisterState, context: ProbeContext) -> Iterator[Finding]:
    if context.settings.expect.get("drawer") == "closed" and state.drawer_open is not None:
        proof = _proof(state, "drawer") or _proof(state, "mechanics")
        if state.drawer_open:
            yield context.warning("fiscal.drawer-open", *proof)
        else:
            yield context.ok("fiscal.drawer", *proof)


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
    seconds = abs(round(drift.total_seconds()))
    minutes = max(1, round(seconds / 60))
    direction = Meaning("fiscal.clock-fast" if drift > timedelta(0) else "fiscal.clock-slow")
    proof, told = _proof(state, "clock"), state.clock.isoformat(" ", "minutes")
    if abs(drift) >= CLOCK_FAULT:
        yield context.fault("fiscal.clock-drift", *proof, minutes=minutes, direction=direction, clock=told)
    elif abs(drift) >= CLOCK_WARNING:
        yield context.warning("fiscal.clock-drift", *proof, minutes=minutes, direction=direction, clock=told)
    else:
        yield context.ok("fiscal.clock", *proof, seconds=seconds, clock=told)


def days_left(state: RegisterState, zone: tzinfo | None) -> int | None:
    """Return the days until the storage must not be used: by its date or its own warning, the sooner."""
    told = [] if state.storage.expires_within is None else [state.storage.expires_within]
    if state.storage.expires is not None:
        told.append((state.storage.expires - local_now(state, zone).date()).days)
    return min(told, default=None)


def local_now(state: RegisterState, zone: tzinfo | None) -> datetime:
    """Return the moment of the reading as a wall clock beside the register would show it (naive)."""
    return state.read_at.astimezone(zone).replace(tzinfo=None)
