"""The answers of a Datecs register become a `RegisterState`: which bit and field says what."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from probes.devices.fiscal.state import FiscalStorage, OperatorQueue, RegisterState, StoragePhase, VendorError
from probes.protocols import datecs_values as values
from probes.protocols.datecs import Framing
from probes.protocols.datecs_values import Bit

if TYPE_CHECKING:
    from datetime import datetime

    from probes.context import ProbeContext
    from probes.devices.fiscal.datecs_dialogue import Told
    from probes.links.exchange import Conversation
    from supportctl.core.finding import Evidence

LOCK_AFTER = timedelta(minutes=1440)  # 4Ah R: "more than 1440 minutes: the printer is blocked"
_BROKEN_FM = {Bit.FM_STORE_ERROR, Bit.FM_READ_ONLY, Bit.LAST_STORE_FAILED, Bit.FM_READ_ERROR}
_OPEN = {Bit.FISCAL_RECEIPT_OPEN, Bit.SERVICE_RECEIPT_OPEN, Bit.STORNO_RECEIPT_OPEN, Bit.ROTATED_RECEIPT_OPEN}
# Which bits are errors at all: the rest tell how the device is set up. The rows: errors/datecs.toml.
_ERRORS = frozenset(Bit) - _OPEN - {
    Bit.NO_CUSTOMER_DISPLAY, Bit.TAX_ID_SET, Bit.IDS_SET, Bit.FM_FORMATTED, Bit.FISCALISED, Bit.VAT_SET,
}  # fmt: skip
_P_ONLY = {
    Bit.RAM_RESET, Bit.LOW_BATTERY, Bit.STORNO_RECEIPT_OPEN, Bit.ROTATED_RECEIPT_OPEN,
    Bit.TAX_TERMINAL_SILENT, Bit.EJ_VERY_NEAR_END,
    Bit.FM_READ_ONLY, Bit.LAST_STORE_FAILED, Bit.FM_READ_ERROR, Bit.NO_CUSTOMER_DISPLAY,
}  # fmt: skip
_STATUS_SUBJECTS = ("mechanics", "storage", "document", "errors", "power", "registration")


class Reading:
    """Collects what the answers say."""

    def __init__(self, framing: Framing, context: ProbeContext, talk: Conversation) -> None:
        self._framing = framing
        self._talk = talk
        self._context = context
        self._read_at = context.clock.now()
        self._evidence: dict[str, list[Evidence]] = {}
        self._who: values.Diagnostics | None = None
        self._bits: frozenset[int] = frozenset()
        self._clock: datetime | None = None
        self._open: bool | None = None
        self._taxpayer: str | None = None
        self._queue = OperatorQueue()
        self._errors: list[VendorError] = []

    def identity(self, told: Told) -> None:
        """Take the answer to 5Ah."""
        self._who = values.diagnostics(self._framing, told.reply.data)
        text = told.reply.data.decode("cp1251", "replace").replace("\t", " ").strip()
        self._seen("identity", self._talk.evidence(told.answer, "datecs.told-identity", text=text))

    def status(self, told: Told) -> None:
        """Take the answer to 4Ah: the bits that came with it."""
        self._bits = values.bits(told.reply.status)
        if self._framing is Framing.X:
            self._bits -= _P_ONLY
            code, _rest = values.fields(self._framing, told.reply.data)
            if code:
                self._errors.append(VendorError("datecs-code", code, "4Ah"))
        shown = values.shown(self._bits)
        for subject in _STATUS_SUBJECTS:
            self._seen(subject, self._talk.evidence(told.answer, "datecs.told-status", bits=shown))

    def clock(self, told: Told) -> None:
        """Take the answer to 3Eh."""
        self._clock = values.clock(self._framing, told.reply.data)
        self._read_at = self._context.clock.now()
        if self._clock is not None:
            text = self._clock.isoformat(" ")
            self._seen("clock", self._talk.evidence(told.answer, "datecs.told-clock", time=text))

    def receipt(self, told: Told) -> None:
        """Take the answer to 4Ch: `Open,Items,...`, in X `code Open Number Items ...`."""
        code, fields = values.fields(self._framing, told.reply.data)
        opened = values.number(fields[0]) if fields and not code else None
        if opened is not None:
            self._open = bool(opened)
            self._seen("document", self._talk.evidence(told.answer, "datecs.told-receipt", open=opened))

    def records(self, told: Told) -> None:
        """Take the answer to 44h: how many records the fiscal memory still takes."""
        code, fields = values.fields(self._framing, told.reply.data)
        left = values.number(fields[0]) if fields and not code else None
        if left is not None:
            self._seen("storage", self._talk.evidence(told.answer, "datecs.told-records", left=left))

    def tax_id(self, told: Told) -> None:
        """Take the answer to 63h."""
        code, fields = values.fields(self._framing, told.reply.data)
        if fields and fields[0].strip() and not code:
            self._taxpayer = fields[0].strip()
            self._seen("registration", self._talk.evidence(told.answer, "datecs.told-tax-id"))

    def unsent(self, told: Told) -> None:
        """Take the answer to 4Ah R (P): what the tax server has not got yet."""
        waiting = values.unsent(told.reply.data)
        if waiting is None:
            return
        first_at = self._context.clock.now() - timedelta(minutes=waiting.minutes)
        zone = self._context.settings.timezone
        self._queue = OperatorQueue(
            unsent=waiting.documents,
            first_number=waiting.first or None,
            first_at=first_at.astimezone(zone).replace(tzinfo=None) if waiting.documents else None,
            locked=waiting.minutes > LOCK_AFTER.total_seconds() / 60,
            lock_after=LOCK_AFTER,
        )
        seen = self._talk.evidence(
            told.answer,
            "datecs.told-unsent",
            count=waiting.documents,
            first=waiting.first,
            minutes=waiting.minutes,
        )
        self._seen("queue", seen)

    def server(self, told: Told) -> None:
        """Take the answer to 47h 2 (X): the talk with the tax server. Its error numbers are UNVERIFIED."""
        code, fields = values.fields(self._framing, told.reply.data)
        if code or len(fields) < 13:
            return
        last, upcoming, error, left = fields[0], fields[1], fields[11].strip(), fields[12]
        number = values.number(error)
        clean = error == "" or number == 0
        self._queue = OperatorQueue(
            transport_up=True if clean and last.strip() else None,
            error_code=number,
            error_text=None if clean else error,
            lock_after=LOCK_AFTER,
        )
        if number:
            self._errors.append(VendorError("datecs-server", number, "47h 2"))
        seen = self._talk.evidence(
            told.answer, "datecs.told-server", last=last, next=upcoming, error=error or "0", minutes=left
        )
        self._seen("queue", seen)
        if number:
            self._seen("errors", seen)

    def power(self, told: Told) -> None:
        """Take the answer to 7Bh 2 (X). The manual gives no limits for the batteries: shown, not judged."""
        code, fields = values.fields(self._framing, told.reply.data)
        if code or len(fields) < 4:
            return
        main, ram, signal, network = fields[:4]
        seen = self._talk.evidence(
            told.answer, "datecs.told-power", main=main, ram=ram, signal=signal, network=network or "-"
        )
        self._seen("power", seen)
        self._seen("queue", seen)

    def state(self, *, clock_is_wrong: bool = False) -> RegisterState:
        """Return the state; `clock_is_wrong`: the time itself shows it, so the bit for it adds nothing."""
        bits, who = self._bits, self._who
        return RegisterState(
            read_at=self._read_at,
            maker="Datecs",
            model=(who.name or None) if who else None,
            firmware=(who.firmware or None) if who else None,
            serial=(who.serial or None) if who else None,
            registration=self._taxpayer,
            taxpayer=self._taxpayer,
            clock=self._clock,
            paper_present=Bit.NO_PAPER not in bits,
            paper_near_end=Bit.LOW_PAPER in bits,
            cover_open=Bit.COVER_OPEN in bits,
            mechanical_error=Bit.PRINTING_UNIT_FAULT in bits,
            overheated=Bit.HEAD_OVERHEATED_OR_FM_MISSING in bits if self._framing is Framing.P else None,
            document_open=bool(bits & _OPEN) or bool(self._open),
            registered=None if Bit.FISCALISED not in bits else Bit.TAX_ID_SET in bits,
            battery_low=Bit.LOW_BATTERY in bits if self._framing is Framing.P else None,
            storage=self._storage(),
            queue=self._queue,
            errors=(*self._bit_errors(clock_is_wrong=clock_is_wrong), *self._errors),
            evidence={subject: tuple(seen) for subject, seen in self._evidence.items()},
        )

    def _storage(self) -> FiscalStorage:
        bits = self._bits
        if Bit.FISCALISED in bits:
            phase = StoragePhase.FISCAL
        else:
            phase = StoragePhase.READY if Bit.FM_FORMATTED in bits else StoragePhase.SETUP
        missing = self._framing is Framing.X and Bit.HEAD_OVERHEATED_OR_FM_MISSING in bits
        unnamed = Bit.FM_ERROR in bits and Bit.FM_FULL not in bits
        return FiscalStorage(
            number=(self._who.fm_number or None) if self._who else None,
            phase=phase,
            memory_low=Bit.FM_NEAR_FULL in bits,
            memory_full=Bit.FM_FULL in bits,
            critical=bool(bits & _BROKEN_FM) or missing or unnamed,
        )

    def _bit_errors(self, *, clock_is_wrong: bool) -> tuple[VendorError, ...]:
        found = set(self._bits & _ERRORS) - {Bit.FM_ERROR}  # the OR of others
        if found & values.GENERAL_ERRORS:
            found.discard(Bit.GENERAL_ERROR)
        if Bit.EJ_END in found:
            found -= {Bit.EJ_NEAR_END, Bit.EJ_VERY_NEAR_END}
        if clock_is_wrong:
            found.discard(Bit.CLOCK_NOT_SET)
        own = {Bit.HEAD_OVERHEATED_OR_FM_MISSING} if self._framing is Framing.X else set()
        return tuple(
            VendorError("datecs-x" if number in own else "datecs", number, "4Ah") for number in sorted(found)
        )

    def _seen(self, subject: str, seen: Evidence) -> None:
        self._evidence.setdefault(subject, []).append(seen)
