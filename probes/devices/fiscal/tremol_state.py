"""The answers of a Tremol register become a `RegisterState`: which bit and field says what."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from probes.devices.fiscal.state import (
    FiscalStorage,
    OperatorQueue,
    RegisterState,
    Shift,
    StoragePhase,
    VendorError,
)
from probes.protocols import tremol_values as values
from probes.protocols.tremol import Acknowledgement, DeviceError, Message
from probes.protocols.tremol_values import Bit, PrinterBit

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from probes.context import ProbeContext
    from probes.devices.fiscal.tremol_dialogue import Told
    from probes.links.exchange import Conversation
    from supportctl.core.finding import Evidence

LOCK_AFTER = timedelta(days=3)  # ST5.1 "blocking 3 days without mobile operator"
_OPEN = {
    Bit.NON_FISCAL_RECEIPT_OPEN, Bit.FISCAL_RECEIPT_OPEN, Bit.DETAILED_RECEIPT_OPEN, Bit.VAT_RECEIPT_OPEN,
    Bit.INVOICE_OPEN,
}  # fmt: skip
_BROKEN_FM = {Bit.FM_READ_ONLY, Bit.NO_FM, Bit.FM_ERROR}
# Bits that tell how things are, not that something is wrong. The rows of the others: errors/tremol.toml.
_NO_ERRORS = _OPEN | {Bit.DAILY_REPORT_NOT_ZEROED, Bit.FISCALISED, Bit.FM_PRODUCED}
_CLOCK_BITS = {Bit.CLOCK_NOT_SET, Bit.CLOCK_WRONG}
# What an acknowledgement says that is no error of the register at all.
_HARMLESS = {DeviceError.OK, DeviceError.NO_EXTERNAL_DISPLAY}
_STATUS_SUBJECTS = (
    "identity",
    "mechanics",
    "storage",
    "document",
    "errors",
    "shift",
    "registration",
    "queue",
)


class Reading:
    """Collects what the answers say."""

    def __init__(self, context: ProbeContext, talk: Conversation) -> None:
        self._context, self._talk = context, talk
        self._read_at = context.clock.now()
        self._evidence: dict[str, list[Evidence]] = {}
        self._bits: frozenset[int] = frozenset()
        self._printer: frozenset[int] | None = None
        self._device_errors: dict[int, str] = {}
        self._names: dict[str, str] = {}
        self._clock: datetime | None = None
        self._unsent: values.Unsent | None = None
        self._receipts: int | None = None

    def take(self, told: Told, name: str, read: Callable[[Told, bytes], None]) -> None:
        """Take an answer; an acknowledgement is the register's reason why there is none."""
        if isinstance(told.reply, Message):
            read(told, told.reply.data)
        else:
            self.refused(told, told.reply, name)

    def refused(self, told: Told, reply: Acknowledgement, name: str) -> None:
        """Take an acknowledgement: its first byte speaks of the register, its second of our question."""
        seen = self._talk.evidence(
            told.answer, "tremol.told-refusal", device=f"{reply.device:02X}", command=f"{reply.command:02X}"
        )
        if reply.device not in _HARMLESS:
            self._device_errors.setdefault(reply.device, name)
            self._seen("errors", seen)
            if reply.device == DeviceError.BLOCKED_24_HOURS:
                self._seen("shift", seen)

    def status(self, told: Told, data: bytes) -> None:
        """Take the answer to 20h."""
        self._bits = values.bits(data[: values.STATUS_SIZE])
        for subject in _STATUS_SUBJECTS:
            seen = self._talk.evidence(told.answer, "tremol.told-status", bits=values.shown(self._bits))
            self._seen(subject, seen)

    def version(self, told: Told, data: bytes) -> None:
        """Take the answer to 21h: type, certificate, its date, model, version."""
        told_fields = values.fields(data)
        if len(told_fields) >= 5:
            self._names |= {"model": told_fields[3], "firmware": told_fields[4]}
        self._identity(told, " ".join(told_fields))

    def numbers(self, told: Told, data: bytes) -> None:
        """Take the answer to 60h: serial number, number of the fiscal memory."""
        told_fields = values.fields(data)
        if len(told_fields) >= 2:
            self._names |= {"serial": told_fields[0], "memory": told_fields[1]}
        self._identity(told, " ".join(told_fields))

    def registration(self, told: Told, data: bytes) -> None:
        """Take the answer to 61h: tax number, its kind, number and date at the tax office."""
        told_fields = values.fields(data)
        if len(told_fields) >= 3:
            self._names |= {"taxpayer": told_fields[0], "registration": told_fields[2]}
            number = told_fields[2] or "-"
            self._seen(
                "registration", self._talk.evidence(told.answer, "tremol.told-registration", number=number)
            )

    def clock(self, told: Told, data: bytes) -> None:
        """Take the answer to 68h; it has no seconds, so it is taken for the middle of its minute."""
        shown = values.moment(data.decode("ascii", "replace"))
        if shown is not None:
            self._clock, self._read_at = shown + timedelta(seconds=30), self._context.clock.now()
            text = shown.isoformat(" ", "minutes")
            self._seen("clock", self._talk.evidence(told.answer, "tremol.told-clock", time=text))

    def printer(self, told: Told, data: bytes) -> None:
        """Take the answer to 66h; printers without automatic status have none."""
        self._printer = values.printer(data)
        if self._printer is not None:
            shown = values.shown(self._printer)
            self._seen("mechanics", self._talk.evidence(told.answer, "tremol.told-printer", bits=shown))

    def receipts(self, told: Told, data: bytes) -> None:
        """Take the answer to 71h: the number of the last receipt."""
        del told
        self._receipts = values.number(values.fields(data)[0])

    def unsent(self, told: Told, data: bytes) -> None:
        """Take the answer to 4Eh: what the tax server has not got yet, and its last message."""
        self._unsent = values.unsent(data)
        if self._unsent is not None:
            seen = self._talk.evidence(
                told.answer,
                "tremol.told-unsent",
                last=self._unsent.last_sent,
                first=self._unsent.first,
                message=self._unsent.message or "-",
            )
            self._seen("queue", seen)

    def state(self, *, clock_is_wrong: bool = False) -> RegisterState:
        """Return the state; `clock_is_wrong`: the time itself shows it, so the bits for it add nothing."""
        bits, names = self._bits, self._names
        return RegisterState(
            read_at=self._read_at,
            maker="Tremol",
            model=names.get("model") or None,
            firmware=names.get("firmware") or None,
            serial=names.get("serial") or None,
            registration=names.get("registration") or None,
            taxpayer=names.get("taxpayer") or None,
            clock=self._clock,
            shift=self._shift(),
            paper_present=Bit.NO_PAPER not in bits and not self._mechanical(PrinterBit.RECEIPT_END),
            paper_near_end=Bit.NEAR_PAPER_END in bits or self._mechanical(PrinterBit.RECEIPT_NEAR_END),
            overheated=Bit.OVERHEATED in bits or self._mechanical(PrinterBit.OVERHEATED),
            cover_open=self._mechanical(PrinterBit.COVER_OPEN),
            cutter_error=self._mechanical(PrinterBit.CUTTER_ERROR),
            mechanical_error=self._mechanical(PrinterBit.FATAL_ERROR),
            document_open=bool(bits & _OPEN),
            registered=self._registered(),
            storage=self._storage(),
            queue=self._queue(),
            errors=self._errors(clock_is_wrong=clock_is_wrong),
            evidence={subject: tuple(seen) for subject, seen in self._evidence.items()},
        )

    def _shift(self) -> Shift:
        if DeviceError.BLOCKED_24_HOURS in self._device_errors:
            return Shift.EXPIRED
        return Shift.OPEN if Bit.DAILY_REPORT_NOT_ZEROED in self._bits else Shift.CLOSED

    def _mechanical(self, bit: PrinterBit) -> bool | None:
        """Return a bit of the printer's own status, None where the printer has none."""
        return None if self._printer is None else bit in self._printer

    def _registered(self) -> bool | None:
        if Bit.DEREGISTERED in self._bits:
            return False
        return True if Bit.FISCALISED in self._bits and self._names.get("registration") else None

    def _storage(self) -> FiscalStorage:
        bits = self._bits
        full = Bit.FM_FULL in bits
        return FiscalStorage(
            number=self._names.get("memory") or None,
            phase=StoragePhase.FISCAL if Bit.FISCALISED in bits else StoragePhase.READY,
            memory_low=Bit.FM_NEAR_FULL in bits,
            memory_full=full,
            critical=bool(bits & _BROKEN_FM),
            operator_overdue=Bit.UNSENT_24_HOURS in bits or None,
        )

    def _queue(self) -> OperatorQueue:
        waiting = self._unsent
        locked = Bit.BLOCKED_3_DAYS in self._bits
        if waiting is None:
            return OperatorQueue(locked=locked, lock_after=LOCK_AFTER)
        count = 0
        if waiting.first:
            count = max(1, (self._receipts or waiting.first) - waiting.first + 1)
        return OperatorQueue(
            unsent=count,
            first_number=waiting.first or None,
            first_at=waiting.first_at,
            error_text=waiting.message or None,
            locked=locked,
            lock_after=LOCK_AFTER,
        )

    def _errors(self, *, clock_is_wrong: bool) -> tuple[VendorError, ...]:
        known = {bit.value for bit in Bit} - _NO_ERRORS
        found = set(self._bits) & known
        if clock_is_wrong:
            found -= _CLOCK_BITS
        if Bit.SD_FULL in found:
            found.discard(Bit.SD_NEAR_FULL)
        own = [VendorError("tremol", number, "20h") for number in sorted(found)]
        return (
            *own,
            *(VendorError("tremol-ack", number, name) for number, name in self._device_errors.items()),
        )

    def _identity(self, told: Told, text: str) -> None:
        self._seen("identity", self._talk.evidence(told.answer, "tremol.told-identity", text=text))

    def _seen(self, subject: str, seen: Evidence) -> None:
        self._evidence.setdefault(subject, []).append(seen)
