"""Asks an ATOL register on a wire all questions, and puts the answers together."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from probes.devices.fiscal.atol_talk import NoAnswer
from probes.devices.fiscal.errors import look_up
from probes.devices.fiscal.state import (
    FiscalStorage,
    OperatorQueue,
    RegisterState,
    Shift,
    StoragePhase,
    VendorError,
)
from probes.protocols import atol_answers as answers
from probes.protocols.atol_answers import (
    DeviceError,
    ExchangeFlag,
    FnPhase,
    FnWarning,
    ReadRequest,
    RemoteProtocolError,
    StateFlag,
    StatusFlag,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from probes.context import ProbeContext
    from probes.devices.fiscal.atol_talk import Reply, Talk
    from supportctl.core.finding import Evidence

    T = TypeVar("T")

TABLE = "atol-wire"
_DETAIL_TAKES = 1.2  # times the slowest answer so far
WRONG_PASSWORD, UNSUPPORTED = 0x8C, 0x7A
_PHASES = {
    FnPhase.SETUP: StoragePhase.SETUP,
    FnPhase.READY: StoragePhase.READY,
    FnPhase.FISCAL: StoragePhase.FISCAL,
    FnPhase.CLOSED_SENDING: StoragePhase.CLOSED_SENDING,
    FnPhase.ARCHIVE_READ_ONLY: StoragePhase.ARCHIVE_CLOSED,
}


class WireReading:
    """One reading. `answered` says whether the register has answered anything."""

    def __init__(self, context: ProbeContext, talk: Talk) -> None:
        self._context = context
        self._talk = talk
        self._found: dict[str, Any] = {"maker": "ATOL", "read_at": context.clock.now()}
        self._storage: dict[str, Any] = {}
        self._queue: dict[str, Any] = {}
        self._errors: list[VendorError] = []
        self._evidence: dict[str, list[Evidence]] = {}
        self._last_document: datetime | None = None
        self._slowest = 0.0  # what the slowest answer took
        self.answered = False

    def state(self) -> RegisterState:
        """Return what is known so far."""
        if "identity" not in self._evidence and self._evidence:  # it did answer, if not who it is
            self._evidence["identity"] = next(iter(self._evidence.values()))[:1]
        return RegisterState(
            **self._found,
            storage=FiscalStorage(**self._storage),
            queue=OperatorQueue(**self._queue),
            errors=tuple(self._errors),
            evidence={subject: tuple(items) for subject, items in self._evidence.items()},
        )

    def ask_all(self) -> None:
        """Put all questions, the most telling ones first; a refused password ends it.

        Raises:
            LinkError, NoAnswer: it broke off; `state` has what came before.
        """
        self._state_code()
        if not self._status():
            return
        self._fn_status()
        self._exchange()
        self._expiry()
        self._shift()
        self._identity()

    def _in_time(self) -> bool:
        """Return whether a detail can still be read: on a very slow line the rest of the check goes first."""
        return self._context.deadline.remaining() > _DETAIL_TAKES * self._slowest

    def _state_code(self) -> None:
        code, reply = self._ask(answers.STATE_CODE, answers.state_code)
        if code is None:
            return
        seen = self._seen(
            reply, "atol.told-state", mode=f"{code.mode}.{code.submode}", flags=f"{code.flags:02x}"
        )
        self._keep("mechanics", seen)
        self._keep("errors", seen)
        self._found |= {
            "paper_present": not code.flags & StateFlag.NO_PAPER,
            "mechanical_error": bool(code.flags & (StateFlag.MECHANICAL_ERROR | StateFlag.NO_PRINTER_LINK)),
            "cutter_error": bool(code.flags & StateFlag.CUTTER_ERROR),
            "overheated": bool(code.flags & StateFlag.OVERHEATED),
        }

    def _status(self) -> bool:
        """Return whether the register lets us ask on."""
        status, reply = self._ask(answers.STATUS, answers.status)
        if status is None:
            return not any(error.number == WRONG_PASSWORD for error in self._errors)
        clock = status.clock.isoformat(" ") if status.clock else "?"
        seen = self._seen(reply, "atol.told-status", flags=f"{status.flags:02x}", shown=clock)
        for subject in ("mechanics", "drawer", "registration", "power", "shift", "clock"):
            self._keep(subject, seen)
        self._found |= {
            "read_at": self._context.clock.now(),
            "clock": status.clock,
            "serial": status.serial,
            "shift_number": status.shift_number,
            "shift": Shift.OPEN if status.flags & StatusFlag.SHIFT_OPEN else Shift.CLOSED,
            "cover_open": bool(status.flags & StatusFlag.COVER_OPEN),
            "drawer_open": bool(status.flags & StatusFlag.DRAWER_OPEN),
            "registered": bool(status.flags & StatusFlag.FISCALISED),
            "battery_low": bool(status.flags & StatusFlag.BATTERY_LOW),
        }
        return True

    def _fn_status(self) -> None:
        fn, reply = self._ask(answers.FN_STATUS, answers.fn_status, "storage")
        if fn is None:
            return
        seen = self._seen(
            reply, "atol.told-storage", phase=fn.phase, warnings=f"{fn.warnings:02x}", document=fn.document
        )
        for subject in ("storage", "document"):
            self._keep(subject, seen)
        self._last_document = fn.last_at
        self._found["document_open"] = bool(fn.document)
        within = {FnWarning.EXPIRES_IN_3_DAYS: 3, FnWarning.EXPIRES_IN_30_DAYS: 30}
        days = [left for warning, left in within.items() if fn.warnings & warning]
        if days:
            self._keep("storage-life", seen)
        self._storage |= {
            "number": fn.number or None,
            "phase": next((ours for theirs, ours in _PHASES.items() if theirs == fn.phase), None),
            "memory_low": bool(fn.warnings & FnWarning.MEMORY_90_PERCENT),
            "critical": bool(fn.warnings & FnWarning.CRITICAL_FAULT),
            "operator_overdue": bool(fn.warnings & FnWarning.OFD_OVERDUE),
            "expires_within": min(days, default=None),
        }

    def _exchange(self) -> None:
        exchange, reply = self._ask(answers.OFD_EXCHANGE, answers.exchange, "queue")
        if exchange is None:
            return
        first = exchange.first_at.isoformat(" ", "minutes") if exchange.first_at else "—"
        seen = self._seen(
            reply, "atol.told-exchange", flags=f"{exchange.flags:02x}", unsent=exchange.unsent, first=first
        )
        self._keep("queue", seen)
        self._queue |= {
            "unsent": exchange.unsent,
            "first_number": exchange.first_number or None,
            "first_at": exchange.first_at if exchange.unsent else None,
            "transport_up": bool(exchange.flags & ExchangeFlag.TRANSPORT_UP),
        }

    def _expiry(self) -> None:
        expires, reply = self._ask(answers.FN_EXPIRY, lambda data: (answers.fn_expiry(data),), "storage")
        if expires is None or expires[0] is None:
            return
        self._keep("storage-life", self._seen(reply, "atol.told-expiry", date=expires[0].isoformat()))
        self._storage["expires"] = expires[0]

    def _shift(self) -> None:
        shift, reply = self._ask(answers.SHIFT, answers.shift_state)
        if shift is not None:
            self._keep("shift", self._seen(reply, "atol.told-shift", state=shift.state))
            self._found["shift"] = (Shift.CLOSED, Shift.OPEN, Shift.EXPIRED)[min(shift.state, 2)]
        if self._found.get("shift") is not Shift.OPEN:
            return
        end, reply = self._ask(answers.SHIFT_END, lambda data: (answers.shift_end(data),))
        moment = end[0] if end else None
        if moment is not None:
            seen = self._seen(reply, "atol.told-shift-end", moment=moment.isoformat(" ", "minutes"))
            self._keep("shift", seen)
        if answers.shift_is_over(moment, self._found.get("clock"), self._last_document):
            self._found["shift"] = Shift.EXPIRED

    def _identity(self) -> None:
        if not self._in_time():
            return
        kind, reply = self._ask(answers.DEVICE_TYPE, answers.device_type)
        if kind is not None:
            self._keep("identity", self._seen(reply, "atol.told-model", model=kind.name, number=kind.model))
            self._found["model"] = kind.name or None
        if not self._in_time():
            return
        version, reply = self._ask(answers.FIRMWARE, lambda data: (answers.firmware(data),))
        if version is not None:
            self._keep("identity", self._seen(reply, "atol.told-firmware", version=version[0]))
            self._found["firmware"] = version[0]
        if not self._in_time():
            return
        serial, reply = self._ask(answers.SERIAL_NUMBER, lambda data: (answers.bcd(data),))
        if serial is not None and serial[0]:
            self._keep("identity", self._seen(reply, "atol.told-serial", serial=serial[0]))
            self._found["serial"] = serial[0]

    def _ask(
        self, request: ReadRequest, decode: Callable[[bytes], T], subject: str = ""
    ) -> tuple[T | None, Reply]:
        """Return the answer, None where the register has none; an error is noted for the judge.

        Raises:
            LinkError, NoAnswer: no answer could be had.
        """
        reply = self._talk.ask(request)
        self._slowest = max(self._slowest, self._context.clock.monotonic() - reply.started)
        for again in (True, False):
            try:
                answer = decode(answers.answer_data(request, reply.data))
            except DeviceError as error:
                self.answered = True
                self._refused(reply, error.number, subject)
                return None, reply
            except RemoteProtocolError:
                if again:  # a sound frame with an answer to something else
                    reply = self._talk.ask(request)
            else:
                self.answered = True
                return answer, reply
        seen = self._seen(reply, "atol.not-an-answer", command=request.name)
        raise NoAnswer(self._context.fault("link.garbled", seen))

    def _refused(self, reply: Reply, number: int, subject: str) -> None:
        seen = self._seen(reply, "atol.told-error", number=f"{number:02x}")
        if number == UNSUPPORTED:  # an older model: nothing is wrong with it
            return
        if all(error.number != number for error in self._errors):  # one proof of one cause is enough
            self._keep("errors", seen)
        self._errors.append(VendorError(TABLE, number, reply.request.name))
        row = look_up(TABLE, number)
        if subject == "storage" and row is not None and row.code == "fiscal.fn-fault":
            self._storage["critical"] = True
            self._keep("storage", seen)

    def _seen(self, reply: Reply, meaning: str, **args: object) -> Evidence:
        name, started = reply.request.name, reply.started
        return self._context.evidence(name, meaning, started=started, sent=reply.sent, got=reply.got, **args)

    def _keep(self, subject: str, seen: Evidence) -> None:
        self._evidence.setdefault(subject, []).append(seen)
