"""What can be wrong with a simulated Shtrih-M register, and what each fault does to its state.

Written from the vendor's manuals (devices.md section 3): modes, flags, storage warnings, error tables. A real
register answers an error where a command cannot be carried out; here the errors of the table stand in the
way of 11h (those of the register) or of the commands to the storage, while the short status goes on.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Final, NamedTuple

_H, _D, _M = timedelta(hours=1), timedelta(days=1), timedelta(minutes=1)


class Effect(NamedTuple):
    """What one fault changes; what is left out stays as it is in a healthy register."""

    mode: int | None = None
    submode: int | None = None
    clear: int = 0  # bits of the flags
    set: int = 0
    fp: int = 0  # further bits of the FP flags
    battery: int | None = None
    last_print: int | None = None
    clock: timedelta = timedelta(0)  # how far the clock is off
    phase: int | None = None
    warnings: int = 0
    expires: timedelta | None = None
    unsent: int | None = None
    oldest: timedelta | None = None
    transport: bool | None = None


# Of two faults that set the same thing, the later one in this table does.
EFFECTS: Final[dict[str, Effect]] = {
    "shift-closed": Effect(mode=4),
    "shift-over-24h": Effect(mode=3, fp=0xC0),
    "document-open": Effect(mode=8),
    "document-open-in-storage": Effect(),
    "date-confirmation": Effect(mode=6),
    "locked-tax-password": Effect(mode=5),
    "technological-reset": Effect(mode=9),
    "paper-near-end": Effect(clear=0x0002),
    "paper-out": Effect(submode=1, clear=0x0082, last_print=1),
    "paper-out-while-printing": Effect(submode=2, clear=0x0082, last_print=1),
    "continue-print": Effect(submode=3),
    "printing-report": Effect(submode=4),
    "printing": Effect(submode=5, set=0x8000, last_print=5),
    "cover-open": Effect(set=0x0400),
    "drawer-open": Effect(set=0x0800),
    "mechanical-error": Effect(last_print=2),
    "battery-low": Effect(fp=0x10, battery=0x70),
    "clock-drift-small": Effect(clock=3 * _M),
    "clock-drift": Effect(clock=-11 * _M),
    "fn-expiring": Effect(expires=20 * _D, warnings=0x02),
    "fn-expiring-soon": Effect(expires=2 * _D, warnings=0x01),
    "fn-expired": Effect(expires=-5 * _D, warnings=0x01),
    "fn-setup": Effect(mode=4, phase=0),
    "fn-not-fiscalised": Effect(mode=4, phase=1),
    "fn-closed-sending": Effect(mode=4, phase=7),
    "fn-archive-closed": Effect(mode=4, phase=15),
    "fn-memory-low": Effect(warnings=0x04),
    "fn-fault": Effect(warnings=0x80),
    "ofd-unreachable": Effect(unsent=3, oldest=2 * _H, transport=False),
    "ofd-queue": Effect(unsent=37, oldest=6 * _D),
    "ofd-queue-old": Effect(unsent=212, oldest=27 * _D, warnings=0x08),
    "ofd-blocked": Effect(unsent=340, oldest=31 * _D, warnings=0x08),
}

# Errors of the register's own table that 11h answers.
REGISTER_ERRORS: Final[dict[str, int]] = {
    "rtc-fault": 0x01,
    "fp-overflow": 0x70,
    "cutter-error": 0x71,
    "ram-error": 0x74,
    "power-error": 0x75,
    "paper-drive-error": 0x76,
    "sensor-error": 0x77,
    "firmware-replaced": 0x78,
    "hardware-error": 0x7B,
    "date-mismatch": 0x7C,
    "supply-low": 0x5C,
    "supply-high": 0xC2,
    "ram-restored": 0x93,
    "needs-z-report": 0x96,
    "shift-numbers-mismatch": 0xC4,
    "printer-link-lost": 0xC8,
    "overheated": 0xC9,
    "temperature": 0xCA,
    "memory-used-up": 0xCE,
    "clock-reset": 0xCF,
    "boot-error": 0xD5,
    "not-registered": 0x8F,
}

# Errors that the commands to the storage answer: of the storage's table; 2F of the register's: no storage.
STORAGE_ERRORS: Final[dict[str, int]] = {
    "fn-no-answer": 0x2F,
    "fn-wrong-state": 0x02,
    "fn-broken": 0x03,
    "fn-crypto-fault": 0x04,
    "fn-life-over": 0x05,
    "fn-archive-full": 0x06,
    "fn-wrong-time": 0x07,
    "fn-crypto-used-up": 0x12,
    "fn-storage-full": 0x14,
    "fn-queue-too-old": 0x15,
    "fn-shift-over-24h": 0x16,
    "fn-clock-differs": 0x17,
    "ofd-message-rejected": 0x20,
}

# What a model or its set-up may be like; and 50, which any command with a password may be answered.
ABILITIES: Final = frozenset({"wrong-password", "still-printing", "without-storage", "long-answers"})
