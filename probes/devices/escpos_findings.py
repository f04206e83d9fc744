"""What the status bytes of an ESC/POS printer amount to: every cause, and no consequence beside its cause."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from probes.protocols.escpos import ErrorCause, OfflineCause, PrinterStatus, RollPaperSensor, StatusReading
from supportctl.core.finding import Status

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from probes.context import ProbeContext
    from supportctl.core.finding import Evidence, Finding

    # Given n of DLE EOT and what its answer means, the evidence.
    Seen: TypeAlias = Callable[[int, str], Evidence]

_PRINTER, _CAUSE, _ERROR, _PAPER = 1, 2, 3, 4


class Sign(NamedTuple):
    """A bit that stands for a cause: in the answer to DLE EOT `n`. `question` is answered well without it."""

    n: int
    bit: int
    code: str
    meaning: str
    question: str
    passed: str


SIGNS = (
    Sign(_CAUSE, OfflineCause.COVER_OPEN, "printer.cover-open", "printer.cover-is-open",
         "printer.cover", "printer.cover-is-closed"),
    Sign(_ERROR, ErrorCause.AUTOCUTTER_ERROR, "printer.cutter-error", "printer.cutter-stuck",
         "printer.cutter", "printer.cutter-is-fine"),
    Sign(_ERROR, ErrorCause.RECOVERABLE_ERROR, "printer.mechanical-error", "printer.recoverable-error",
         "printer.mechanism", "printer.mechanism-is-fine"),
    Sign(_ERROR, ErrorCause.UNRECOVERABLE_ERROR, "printer.unrecoverable-error", "printer.hardware-error",
         "printer.mechanism", "printer.mechanism-is-fine"),
    Sign(_ERROR, ErrorCause.AUTO_RECOVERABLE_ERROR, "printer.overheated", "printer.head-too-hot",
         "printer.temperature", "printer.temperature-is-fine"),
)  # fmt: skip

CODES = frozenset(sign.code for sign in SIGNS) | frozenset(sign.question for sign in SIGNS) | {
    "printer.online", "printer.paper", "printer.drawer", "printer.paper-out", "printer.paper-near-end",
    "printer.offline", "printer.drawer-open", "printer.feed-button", "printer.recovery-needed",
}  # fmt: skip


def findings(context: ProbeContext, reading: StatusReading, seen: Seen) -> Iterator[Finding]:
    """Yield what `reading` says; what was not answered is neither well nor broken.

    `offline` is a finding of its own only where nothing explains it.
    """
    printer = reading.printer
    offline = printer is not None and bool(printer & PrinterStatus.OFFLINE)
    state = [seen(_PRINTER, "printer.is-offline")] if offline else []
    causes = [
        *_paper(context, reading, seen, state, offline=offline),
        *_signs(context, reading, seen, state, offline=offline),
    ]
    yield from causes
    explained = any(finding.status is Status.FAULT for finding in causes)
    if printer is None:
        return
    if printer & PrinterStatus.PAPER_FEED_BUTTON_PRESSED:
        yield context.warning("printer.feed-button", seen(_PRINTER, "printer.button-is-pressed"))
    elif _has(reading.offline_cause, OfflineCause.PAPER_FED_BY_BUTTON) and offline:
        yield context.warning("printer.feed-button", seen(_CAUSE, "printer.paper-is-fed"), *state)
    elif printer & PrinterStatus.WAITING_FOR_ONLINE_RECOVERY and offline and not explained:
        yield context.fault("printer.recovery-needed", seen(_PRINTER, "printer.waits-for-recovery"))
    elif offline and not explained:
        yield context.fault("printer.offline", *_offline_evidence(reading, seen))
    if not offline:
        yield context.ok("printer.online", seen(_PRINTER, "printer.is-online"))
    yield _drawer(context, printer, seen)


def _has(flags: int | None, bit: int) -> bool:
    return bool((flags or 0) & bit)


def _paper(
    context: ProbeContext, reading: StatusReading, seen: Seen, state: list[Evidence], *, offline: bool
) -> Iterator[Finding]:
    stopped = offline and _has(reading.offline_cause, OfflineCause.PRINTING_STOPPED_BY_PAPER_END)
    if _has(reading.roll_paper, RollPaperSensor.PAPER_NOT_PRESENT):
        yield context.fault("printer.paper-out", seen(_PAPER, "printer.paper-absent"), *state)
    elif stopped:  # a printer that was told to stop at near-end already says so only here
        yield context.fault("printer.paper-out", seen(_CAUSE, "printer.stopped-by-paper-end"), *state)
    elif _has(reading.roll_paper, RollPaperSensor.NEAR_END):
        yield context.warning("printer.paper-near-end", seen(_PAPER, "printer.paper-is-low"))
    elif reading.roll_paper is not None:
        yield context.ok("printer.paper", seen(_PAPER, "printer.paper-is-present"))


def _signs(
    context: ProbeContext, reading: StatusReading, seen: Seen, state: list[Evidence], *, offline: bool
) -> Iterator[Finding]:
    flags = {_CAUSE: reading.offline_cause, _ERROR: reading.error_cause}
    broken = {sign.question for sign in SIGNS if offline and _has(flags[sign.n], sign.bit)}
    told = set(broken)
    for sign in SIGNS:
        if offline and _has(flags[sign.n], sign.bit):
            yield context.fault(sign.code, seen(sign.n, sign.meaning), *state)
        elif flags[sign.n] is not None and sign.question not in told:
            told.add(sign.question)
            yield context.ok(sign.question, seen(sign.n, sign.passed))


def _offline_evidence(reading: StatusReading, seen: Seen) -> Iterator[Evidence]:
    yield seen(_PRINTER, "printer.is-offline")
    if _has(reading.offline_cause, OfflineCause.ERROR_OCCURRED):
        yield seen(_CAUSE, "printer.error-without-name")
    elif reading.offline_cause is not None:
        yield seen(_CAUSE, "printer.names-no-cause")


def _drawer(context: ProbeContext, printer: PrinterStatus, seen: Seen) -> Finding:
    """Say how the drawer's sensor line stands; what that means depends on the drawer, unless we were told."""
    high = bool(printer & PrinterStatus.DRAWER_KICK_OUT_CONNECTOR_PIN_3_HIGH)
    level = "HIGH" if high else "LOW"
    evidence = seen(_PRINTER, "printer.drawer-line-high" if high else "printer.drawer-line-low")
    open_level = context.target.option("drawer-open-level", "high").upper()
    if context.settings.expect.get("drawer") == "closed" and level == open_level:
        return context.warning("printer.drawer-open", evidence, level=level)
    return context.ok("printer.drawer", evidence, level=level)
