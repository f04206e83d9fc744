"""Puts the answers of the driver's web service together as the state of a register."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from probes.devices.fiscal.errors import look_up
from probes.devices.fiscal.state import (
    FiscalStorage,
    OperatorQueue,
    RegisterState,
    Shift,
    StoragePhase,
    VendorError,
)
from probes.protocols import atol_web
from probes.protocols.json_object import flag, inner, number, text
from supportctl.core.finding import clean_args
from supportctl.core.text import clean

if TYPE_CHECKING:
    from probes.context import ProbeContext
    from probes.devices.fiscal.atol_web_talk import Told
    from probes.protocols.json_object import JsonObject
    from supportctl.core.finding import Evidence, Finding

TABLE = "atol"
NOT_OPEN = 1
# With these the driver has not reached the register: further questions would only tell the same.
NO_REGISTER = frozenset({1, 2, 3, 4, 9, 55, 71, 188, 241, 600, 601, 602, 603})
_SERVICE_FAILED = 500
_UNKNOWN_TASKS = frozenset({500, 501, 502, 505})  # of the service itself: this server cannot read that
_SHIFTS = {"closed": Shift.CLOSED, "opened": Shift.OPEN, "expired": Shift.EXPIRED}
_PHASES = {
    "init": StoragePhase.SETUP,
    "configured": StoragePhase.READY,
    "fiscalMode": StoragePhase.FISCAL,
    "postFiscalMode": StoragePhase.CLOSED_SENDING,
    "accessArchive": StoragePhase.ARCHIVE_CLOSED,
}
_BLOCKED = {
    "connectionError": "atol.web-blocked-connection",
    "paperError": "atol.web-blocked-paper",
    "fnError": "atol.web-blocked-storage",
}
# The storage's own warnings (devices.md section 3): three days left, thirty days left.
_DAYS = {"needReplacement": 3, "resourceExhausted": 30}


class WebReading:
    """One reading. `answered`: the register itself has; `has_news`: there is something to judge."""

    def __init__(self, context: ProbeContext) -> None:
        self._context = context
        self._found: dict[str, Any] = {"maker": "ATOL", "read_at": context.clock.now()}
        self._storage: dict[str, Any] = {}
        self._queue: dict[str, Any] = {}
        self._errors: list[VendorError] = []
        self._evidence: dict[str, list[Evidence]] = {}
        self._service_error: tuple[Told, atol_web.Failure] | None = None
        self._block = ""  # why the driver's queue is locked, in its word
        self.answered = False

    @property
    def has_news(self) -> bool:
        """Whether anything was learned of the register."""
        return self.answered or bool(self._errors) or bool(self._block)

    def state(self) -> RegisterState:
        """Return what is known so far."""
        if self._block and not self._follows_from_what_is_known():
            self._found["locked"] = _BLOCKED.get(self._block, "atol.web-blocked-unnamed")
        return RegisterState(
            **self._found,
            storage=FiscalStorage(**self._storage),
            queue=OperatorQueue(**self._queue),
            errors=tuple(self._errors),
            evidence={subject: tuple(items) for subject, items in self._evidence.items()},
        )

    def served_by(self, told: Told) -> None:
        """Take what the server says of itself."""
        self._keep(told, "identity")

    def queue(self, told: Told) -> bool:
        """Take the state of the driver's queue; returns whether it is locked."""
        queue = atol_web.queue(told.document)
        if not queue.blocked:
            return False
        self._block = queue.reason or "?"
        seen = told.evidence._replace(
            meaning="atol.web-queue-blocked", args=clean_args({"reason": clean(self._block, 40)})
        )
        self._evidence.setdefault("lock", []).append(seen)
        return True

    def take(self, task: str, told: Told) -> bool:
        """Take an answer; returns whether it is pointless to ask on."""
        failure = told.failure
        if failure is not None:
            if failure.code in _UNKNOWN_TASKS:
                self._service_error = told, failure
                return False
            self._failed(told, failure)
            return failure.code in NO_REGISTER
        self.answered = True
        reader = {
            "getDeviceStatus": self._device_status,
            "ofdExchangeStatus": self._exchange,
            "getFnInfo": self._fn_info,
            "getFnStatus": self._fn_status,
            "getShiftStatus": self._shift_status,
            "getDeviceInfo": self._device_info,
            "getRegistrationInfo": self._registration,
        }[task]
        reader(told, told.document)
        return False

    def unread(self) -> Finding | None:
        """Return the finding of a service that fails whatever it is asked; None if anything was learned."""
        if self.has_news or self._service_error is None:
            return None
        told, failure = self._service_error
        row = look_up(TABLE, failure.code) or look_up(TABLE, _SERVICE_FAILED)
        assert row is not None  # both are in the table
        return self._context.unknown(
            "fiscal.device-error",
            self._seen(told, failure),
            number=failure.code,
            command=told.evidence.asked,
            says=row.meaning,
            first_step=row.first_step,
            who=row.who,
        )

    def error(self, code: int, told: Told, seen: Evidence) -> None:
        """Note an error of the driver's table."""
        if all(error.number != code for error in self._errors):  # one proof of one cause is enough
            self._evidence.setdefault("errors", []).append(seen)
        self._errors.append(VendorError(TABLE, code, told.evidence.asked))

    def _failed(self, told: Told, failure: atol_web.Failure) -> None:
        seen = self._seen(told, failure)
        self.error(failure.code, told, seen)
        row = look_up(TABLE, failure.code)
        if row is not None and row.code == "fiscal.fn-fault":
            self._storage["critical"] = True
            self._evidence.setdefault("storage", []).append(seen)

    def _seen(self, told: Told, failure: atol_web.Failure) -> Evidence:
        args = clean_args({"number": failure.code, "said": failure.description or "—"})
        return told.evidence._replace(meaning="atol.web-error", args=args)

    def _device_status(self, told: Told, document: JsonObject) -> None:
        values = inner(document.get("deviceStatus")) or {}
        self._keep(told, "mechanics", "drawer", "registration", "shift", "clock", "lock", "storage")
        self._found |= {
            "read_at": told.evidence.at,
            "clock": atol_web.moment(values.get("currentDateTime")),
            "shift": _SHIFTS.get(text(values.get("shift"))),
            "paper_present": flag(values.get("paperPresent")),
            "cover_open": flag(values.get("coverOpened")),
            "drawer_open": flag(values.get("cashDrawerOpened")),
            "registered": flag(values.get("fiscal")),
        }
        if flag(values.get("blocked")):
            self._found["locked"] = "atol.web-device-blocked"
        if flag(values.get("fnPresent")) is False:
            self._storage["critical"] = True

    def _exchange(self, told: Told, document: JsonObject) -> None:
        exchange = atol_web.exchange(document)
        self._keep(told, "queue")
        failed = exchange.network
        self._queue |= {
            "unsent": exchange.unsent,
            "first_number": exchange.first_number if exchange.unsent else None,
            "first_at": exchange.first_at,
            "transport_up": None if failed is None and not exchange.network_told else failed is None,
            "error_code": failed.code if failed else None,
            "error_text": clean(failed.description, 100) if failed and failed.description else None,
        }

    def _fn_info(self, told: Told, document: JsonObject) -> None:
        values = inner(document.get("fnInfo")) or {}
        self._keep(told, "storage", "storage-life")
        self._storage |= {
            "number": clean(text(values.get("serial")), 40) or None,
            "phase": _PHASES.get(text(values.get("livePhase"))),
            "expires": atol_web.day(values.get("validityDate")),
        }
        self._warnings(values)

    def _fn_status(self, told: Told, document: JsonObject) -> None:
        values = inner(document.get("fnStatus")) or {}
        if inner(values.get("warnings")):
            self._keep(told, "storage")
            self._warnings(values)

    def _warnings(self, values: JsonObject) -> None:
        """Take the storage's warnings; both answers about it have them."""
        warnings = inner(values.get("warnings"))
        if warnings is None:
            return
        days = [left for name, left in _DAYS.items() if flag(warnings.get(name))]
        if days:
            self._storage["expires_within"] = min(days)
        for ours, theirs in (("memory_low", "memoryOverflow"), ("operator_overdue", "ofdTimeout")):
            self._storage[ours] = flag(warnings.get(theirs))
        if flag(warnings.get("criticalError")):
            self._storage["critical"] = True

    def _shift_status(self, told: Told, document: JsonObject) -> None:
        values = inner(document.get("shiftStatus")) or {}
        self._keep(told, "shift")
        shift = _SHIFTS.get(text(values.get("state")) or text(values.get("status")))
        if shift is not None:
            self._found["shift"] = shift
        self._found["shift_number"] = number(values.get("number"))

    def _device_info(self, told: Told, document: JsonObject) -> None:
        values = inner(document.get("deviceInfo")) or {}
        self._keep(told, "identity")
        for ours, theirs in (("model", "modelName"), ("firmware", "firmwareVersion"), ("serial", "serial")):
            self._found[ours] = clean(text(values.get(theirs)), 60) or None

    def _registration(self, told: Told, document: JsonObject) -> None:
        self._keep(told, "registration")
        device = inner(document.get("device")) or {}
        organization = inner(document.get("organization")) or {}
        self._found["registration"] = clean(text(device.get("registrationNumber")), 40) or None
        self._found["taxpayer"] = clean(text(organization.get("vatin")), 40) or None

    def _follows_from_what_is_known(self) -> bool:
        """Return whether the lock of the queue is the consequence of what the state tells anyway."""
        numbers = {error.number for error in self._errors}
        if self._block == "paperError":
            no_paper = self._found.get("paper_present") is False
            return no_paper or self._found.get("cover_open") is True or bool(numbers & {44, 45})
        if self._block == "connectionError":
            return bool(numbers & NO_REGISTER)
        return self._block == "fnError" and self._storage.get("critical") is True

    def _keep(self, told: Told, *subjects: str) -> None:
        seen = told.evidence
        if not seen.meaning:
            said = clean(seen.got or "", 160)
            seen = seen._replace(meaning="atol.web-told", args=clean_args({"said": said}))
        for subject in subjects:
            self._evidence.setdefault(subject, []).append(seen)
