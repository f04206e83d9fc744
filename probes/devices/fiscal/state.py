"""What a fiscal register says of itself, in words that no maker owns.

Every field may be None: this register, or this protocol, does not say. None is never judged as "fine".
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date, datetime

    from supportctl.core.finding import Evidence


class Shift(Enum):
    """The state of the shift."""

    CLOSED = "closed"
    OPEN = "open"
    EXPIRED = "expired"  # open for more than 24 hours: the law and the register forbid further receipts


class StoragePhase(Enum):
    """The life of a fiscal storage (Russia: fiskalny nakopitel)."""

    SETUP = "setup"
    READY = "ready"  # new, not fiscalised
    FISCAL = "fiscal"
    CLOSED_SENDING = "closed-sending"
    ARCHIVE_CLOSED = "archive-closed"


@dataclass(frozen=True, slots=True)
class FiscalStorage:
    """The fiscal storage. `expires` is its own last day, not the one on the label."""

    number: str | None = None
    phase: StoragePhase | None = None
    expires: date | None = None
    memory_low: bool | None = None  # 90 % full or more
    memory_full: bool | None = None
    critical: bool | None = None  # the storage reports that it is broken
    expires_within: int | None = None  # days: its own warning, which can come before its date
    operator_overdue: bool | None = None  # its own warning that documents wait too long for the operator


@dataclass(frozen=True, slots=True)
class OperatorQueue:
    """Documents that wait for the fiscal data operator."""

    unsent: int | None = None
    first_number: int | None = None
    first_at: datetime | None = None  # naive, in the register's own zone
    transport_up: bool | None = None
    error_code: int | None = None
    error_text: str | None = None  # in the register's words, untrusted
    locked: bool | None = None  # the register says that the queue has locked it
    lock_after: timedelta = timedelta(days=30)  # what the country's law allows; Russia


@dataclass(frozen=True, slots=True)
class VendorError:
    """An error that the register answers or remembers; `key` names its row in the vendor's table."""

    table: str  # name of the TOML table in `errors/`, e.g. "shtrih", "shtrih-fn", "atol"
    number: int
    command: str  # what was asked when it came


@dataclass(frozen=True, slots=True)
class RegisterState:
    """One reading of a register. `clock` is naive, in the register's own zone; `read_at` has a zone."""

    read_at: datetime
    maker: str | None = None
    model: str | None = None
    firmware: str | None = None
    serial: str | None = None
    registration: str | None = None
    taxpayer: str | None = None
    clock: datetime | None = None
    shift: Shift | None = None
    shift_number: int | None = None
    paper_present: bool | None = None
    paper_near_end: bool | None = None
    cover_open: bool | None = None
    cutter_error: bool | None = None
    mechanical_error: bool | None = None
    overheated: bool | None = None
    drawer_open: bool | None = None
    document_open: bool | None = None
    waits_for_continue: bool | None = None  # paper was changed, the register waits for "continue printing"
    registered: bool | None = None
    locked: str | None = None  # evidence key of the reason for which the register says it is locked
    battery_low: bool | None = None
    storage: FiscalStorage = field(default_factory=FiscalStorage)
    queue: OperatorQueue = field(default_factory=OperatorQueue)
    errors: tuple[VendorError, ...] = ()
    evidence: Mapping[str, tuple[Evidence, ...]] = field(default_factory=dict)  # by subject, see judge.py
