"""The answers of a Shtrih-M register become a `RegisterState`, each fact with the answer that proves it.

Which bits are believed (devices.md section 3): paper is judged by the submode and the optical sensor of the
receipt, the cover by its bit where the model has one; the levers and the sensors of journal and slip never.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from probes.devices.fiscal.errors import look_up, shown
from probes.devices.fiscal.shtrih_evidence import firmware, told_by
from probes.devices.fiscal.state import (
    FiscalStorage,
    OperatorQueue,
    RegisterState,
    Shift,
    StoragePhase,
    VendorError,
)
from probes.protocols import shtrih_answers as answers
from probes.protocols import shtrih_bits as bits
from probes.protocols.shtrih import FN_GET_REGISTRATION
from probes.protocols.shtrih_bits import Flags, FpFlags, LastPrint, Mode, Phase, Submode, Warnings
from supportctl.core.finding import Meaning, clean_args

if TYPE_CHECKING:
    from probes.context import ProbeContext
    from probes.devices.fiscal.shtrih_talk import Reply
    from supportctl.core.finding import Evidence

MAKER = "Shtrih-M"
REGISTER, STORAGE = "shtrih", "shtrih-fn"  # the error tables
UNKNOWN_COMMAND, WRONG_STATE, NO_DATA = 0x01, 0x02, 0x08  # of the storage's table
NOT_SUPPORTED = frozenset({0x36, 0x37})  # of the register's
STILL_PRINTING, WRONG_PASSWORD = 0x50, 0x4F

_LOCKING = {Mode.LOCKED_BY_TAX_PASSWORD, Mode.WAITS_FOR_DATE_CONFIRMATION, Mode.TECHNOLOGICAL_RESET}
_PHASES: dict[int, StoragePhase] = {
    Phase.SETUP: StoragePhase.SETUP,
    Phase.READY: StoragePhase.READY,
    Phase.FISCAL: StoragePhase.FISCAL,
    Phase.CLOSED_SENDING: StoragePhase.CLOSED_SENDING,
    Phase.ARCHIVE: StoragePhase.ARCHIVE_CLOSED,
}
_PAPER_OUT = {Submode.PAPER_OUT_IDLE, Submode.PAPER_OUT_PRINTING}
PRINTING = frozenset({Submode.PRINTING, Submode.PRINTING_REPORT})
RecordT = TypeVar("RecordT", bound=tuple[object, ...])


class Reading:
    """Collects replies; `state` is what they say together."""

    def __init__(self, context: ProbeContext) -> None:
        self._context = context
        self._read_at = context.clock.now()
        self._records: dict[type, tuple[object, ...]] = {}
        self._evidence: dict[str, list[Evidence]] = {}
        self._errors: list[VendorError] = []
        self._registered: bool | None = None

    def take(self, reply: Reply) -> None:
        """Take one answer, an error included."""
        seen = self._context.evidence(
            reply.command.name, started=reply.started, sent=reply.sent, got=reply.got
        )
        if reply.record is None:
            self._take_error(reply, seen)
            return
        self._records[type(reply.record)] = reply.record
        if isinstance(reply.record, answers.FullStatus):
            self._read_at = seen.at
        for subjects, meaning, args in told_by(reply.record):
            told = seen._replace(meaning=meaning, args=clean_args(args))
            for subject in subjects:
                self._evidence.setdefault(subject, []).append(told)
        if isinstance(reply.record, answers.ShortStatus) and reply.record.submode in PRINTING:
            self._add_error(VendorError(REGISTER, STILL_PRINTING, reply.command.name), seen)

    @property
    def anything(self) -> bool:
        """Whether the register has told anything, an error included."""
        return bool(self._records or self._errors)

    def forget(self) -> None:
        """Drop what was told: it is no register."""
        self._records.clear()

    def state(self) -> RegisterState:
        """Return what is known by now."""
        kind, full = self._get(answers.DeviceType), self._get(answers.FullStatus)
        registration, shift = self._get(answers.Registration), self._get(answers.ShiftState)
        status = full or self._get(answers.ShortStatus)
        mode = status.mode if status else None
        return RegisterState(
            read_at=self._read_at,
            maker=MAKER,
            model=kind.name if kind and kind.name else None,
            firmware=firmware(full) if full else None,
            serial=str(full.serial) if full and full.serial is not None else None,
            registration=registration.number if registration else None,
            taxpayer=registration.taxpayer if registration else _taxpayer(full),
            clock=full.clock if full else None,
            shift=self._shift(mode),
            shift_number=shift.number if shift else None,
            **self._paper(),
            mechanical_error=self._mechanical_error(),
            document_open=self._document_open(mode),
            waits_for_continue=status.submode == Submode.WAITS_FOR_CONTINUE if status else None,
            registered=True if registration else self._registered,
            locked=f"shtrih.mode-{mode}" if mode in _LOCKING else None,
            battery_low=bool(full.fp_flags & FpFlags.BATTERY_BELOW_80) if full else None,
            storage=self._storage(),
            queue=self._queue(),
            errors=tuple(self._errors),
            evidence={subject: tuple(found) for subject, found in self._evidence.items()},
        )

    def _get(self, kind: type[RecordT]) -> RecordT | None:
        found = self._records.get(kind)
        return found if isinstance(found, kind) else None

    def _take_error(self, reply: Reply, seen: Evidence) -> None:
        """Sort an error: some say that there is nothing to read, and that is no fault of a register."""
        number, command = reply.error, reply.command
        table = STORAGE if command.fn and look_up(STORAGE, number) else REGISTER
        status = self._get(answers.FnStatus)
        unregistered = status is not None and status.phase in {Phase.SETUP, Phase.READY}
        empty = number == NO_DATA or (number == WRONG_STATE and unregistered)
        if command is FN_GET_REGISTRATION and table == STORAGE and empty:
            self._registered = False
            self._add("registration", seen, table, number)
            return
        if (table == STORAGE and number == UNKNOWN_COMMAND) or number in NOT_SUPPORTED:
            return
        if command.fn and table == REGISTER and look_up(REGISTER, number) is None:
            table = STORAGE  # in neither: shown as one of the storage's
        self._add_error(VendorError(table, number, command.name), seen)

    def _add_error(self, error: VendorError, seen: Evidence) -> None:
        if any((error.table, error.number) == (old.table, old.number) for old in self._errors):
            return  # a broken storage answers the same to each of eight commands
        self._errors.append(error)
        self._add("errors", seen, error.table, error.number)

    def _add(self, subject: str, seen: Evidence, table: str, number: int) -> None:
        row = look_up(table, number)
        says = row.meaning if row else Meaning("fiscal.unlisted")
        args = {"number": shown(table, number), "error": says}
        told = seen._replace(meaning="shtrih.answered-error", args=clean_args(args))
        self._evidence.setdefault(subject, []).append(told)

    def _shift(self, mode: int | None) -> Shift | None:
        """Return the shift by the mode, or by what else tells it while a document or a lock hides it."""
        full, shift = self._get(answers.FullStatus), self._get(answers.ShiftState)
        status = self._get(answers.FnStatus)
        if mode == Mode.SHIFT_OVER_24H or (full and full.fp_flags & FpFlags.SHIFT_OVER_24H):
            return Shift.EXPIRED
        if mode in {Mode.SHIFT_OPEN, Mode.SHIFT_CLOSED}:
            return Shift.OPEN if mode == Mode.SHIFT_OPEN else Shift.CLOSED
        is_open = shift.open if shift else status.shift_open if status else None
        return None if is_open is None else Shift.OPEN if is_open else Shift.CLOSED

    def _paper(self) -> dict[str, bool | None]:
        status = self._get(answers.FullStatus) or self._get(answers.ShortStatus)
        if status is None:
            return {}
        kind = self._get(answers.DeviceType)
        flags, valid = status.flags, bits.valid_flags(kind.model if kind else None)

        def flag(bit: Flags) -> bool | None:
            return bool(flags & bit) if valid & bit else None

        present = flag(Flags.RECEIPT_OPTICAL)
        if status.submode in _PAPER_OUT:
            present = False
        return {
            "paper_present": present,
            "paper_near_end": bool(present) and flag(Flags.RECEIPT_ROLL) is False,
            "cover_open": flag(Flags.COVER_OPEN),
            "drawer_open": flag(Flags.DRAWER_OPEN),
        }

    def _mechanical_error(self) -> bool | None:
        short = self._get(answers.ShortStatus)
        if short is None or short.last_print is None:
            return None
        return short.last_print == LastPrint.PRINTER_FAILED

    def _document_open(self, mode: int | None) -> bool | None:
        status = self._get(answers.FnStatus)
        if mode == Mode.DOCUMENT_OPEN or (status and status.document):
            return True
        return None if mode is None else False

    def _storage(self) -> FiscalStorage:
        status, expiry = self._get(answers.FnStatus), self._get(answers.FnExpiry)
        number = self._get(answers.FnNumber)
        expires = expiry.expires if expiry else None
        if status is None:
            return FiscalStorage(number=number.number if number else None, expires=expires)
        told = status.warnings
        within = 3 if told & Warnings.CRYPTO_3_DAYS else 30 if told & Warnings.CRYPTO_30_DAYS else None
        return FiscalStorage(
            number=status.number or None,
            phase=_PHASES.get(status.phase),
            expires=expires,
            memory_low=bool(told & Warnings.MEMORY_90_PERCENT),
            critical=bool(told & Warnings.CRITICAL_FAULT),
            expires_within=within,
            operator_overdue=bool(told & Warnings.OPERATOR_OVERDUE),
        )

    def _queue(self) -> OperatorQueue:
        exchange, unconfirmed = self._get(answers.Exchange), self._get(answers.Unconfirmed)
        if exchange is None:
            return OperatorQueue(unsent=unconfirmed.documents if unconfirmed else None)
        return OperatorQueue(
            unsent=exchange.unsent,
            first_number=exchange.first_document if exchange.unsent else None,
            first_at=exchange.first_at,
            transport_up=bool(exchange.bits & bits.ExchangeBits.TRANSPORT_UP),
        )


def _taxpayer(full: answers.FullStatus | None) -> str | None:
    return str(full.taxpayer) if full and full.taxpayer is not None else None
