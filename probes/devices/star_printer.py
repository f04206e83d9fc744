"""Is this Star printer (line mode, StarPRNT) ready to print, and if not, why?

One question gives one block with everything in it. A printer that pushes its status by itself is only
listened to: its manual forbids to poll it then.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from probes.links.base import LINK_CODES, LinkError
from probes.links.exchange import NOT_AN_ANSWER, Answer, Conversation
from probes.protocols.star import (
    ASB_REQUEST,
    NEED_MORE,
    ErrorStatus,
    JobStatus,
    PaperSensor,
    PrinterStatus,
    Reader,
    RemoteProtocolError,
    StarStatus,
    encode,
)
from supportctl.core.finding import Status

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from probes.context import ProbeContext
    from probes.links.base import Link
    from supportctl.core.finding import Evidence, Finding

_PUSHED_WAIT_S = 0.05  # a printer that pushes does so when the wire is opened
_FIRST_WAIT_S = 2.0
_RETRY_WAIT_S = 0.5
_TOO_MUCH_NOISE = 24  # so many bytes are no disturbance of a printer's answer any more


class Sign(NamedTuple):
    """Bits that stand for a cause, in one byte of the block; `question` is answered well without them."""

    part: str
    bits: int
    code: str
    meaning: str
    question: str
    passed: str


SIGNS = (
    Sign("printer", PrinterStatus.COVER_OPEN, "printer.cover-open", "printer.cover-is-open",
         "printer.cover", "printer.cover-is-closed"),
    Sign("job", JobStatus.HEAD_UP, "printer.cover-open", "printer.head-is-up",
         "printer.cover", "printer.cover-is-closed"),
    Sign("error", ErrorStatus.AUTOCUTTER_ERROR, "printer.cutter-error", "printer.cutter-stuck",
         "printer.cutter", "printer.cutter-is-fine"),
    Sign("error", ErrorStatus.MECHANICAL_ERROR, "printer.mechanical-error", "printer.recoverable-error",
         "printer.mechanism", "printer.mechanism-is-fine"),
    Sign("error", ErrorStatus.UNRECOVERABLE_ERROR, "printer.unrecoverable-error", "printer.hardware-error",
         "printer.mechanism", "printer.mechanism-is-fine"),
    Sign("job", JobStatus.PRESENTER_PAPER_JAM, "printer.paper-jam", "printer.presenter-jammed",
         "printer.mechanism", "printer.mechanism-is-fine"),
    Sign("job", JobStatus.BLACK_MARK_ERROR, "printer.black-mark-error", "printer.black-mark-missed",
         "printer.mechanism", "printer.mechanism-is-fine"),
    Sign("error", ErrorStatus.HEAD_OVERHEATED, "printer.overheated", "printer.head-too-hot",
         "printer.temperature", "printer.temperature-is-fine"),
)  # fmt: skip


class StarPrinterProbe:
    """Reads the status of a receipt printer that speaks Star line mode."""

    codes = LINK_CODES | {code for sign in SIGNS for code in (sign.code, sign.question)} | {
        "printer.answers", "printer.online", "printer.paper", "printer.drawer", "printer.paper-out",
        "printer.paper-near-end", "printer.offline", "printer.drawer-open", "printer.buffer-overflow",
        "printer.command-error", "printer.status-not-supported",
    }  # fmt: skip

    def run(self, context: ProbeContext) -> Iterator[Finding]:
        """Yield what the printer says about itself, or why it cannot be asked."""
        try:
            with context.open_link() as link:
                if link.one_way or context.target.option("one-way") == "1":
                    started = context.clock.monotonic()
                    seen = context.evidence(ASB_REQUEST.name, "printer.wire-is-one-way", started=started)
                    yield context.unknown("printer.status-not-supported", seen, reason="one-way")
                    return
                yield from _ask(context, link)
        except LinkError as error:
            yield context.link_failed(error)


class _Heard:
    """Looks for a status block in what comes; the `complete` of an exchange."""

    def __init__(self) -> None:
        self.status: StarStatus | None = None
        self._noise = 0
        self._seen = 0
        self._reader = Reader()

    def __call__(self, heard: bytes) -> int | None:
        self._reader.feed(heard[self._seen :])
        self._seen = len(heard)
        while self._noise <= _TOO_MUCH_NOISE:
            try:
                event = self._reader.next_event()
            except RemoteProtocolError as error:
                self._noise += len(error.data)
                continue
            if event == NEED_MORE:
                return None
            self.status = event
            return len(heard)
        return NOT_AN_ANSWER


def _ask(context: ProbeContext, link: Link) -> Iterator[Finding]:
    talk = Conversation(context, link)
    answer, status = _listen_and_ask(talk)
    if status is None:
        yield _without_answer(context, talk, answer)
    else:
        yield from _findings(context, status, lambda meaning: talk.evidence(answer, meaning))


def _listen_and_ask(talk: Conversation) -> tuple[Answer, StarStatus | None]:
    """Return the answer with its block, or all that came instead of one."""
    heard = _Heard()
    answer = talk.ask("ASB", b"", heard, wait=_PUSHED_WAIT_S)
    unread, started = answer.data, answer.started
    for wait in (_FIRST_WAIT_S, _RETRY_WAIT_S):
        if heard.status is not None:
            break
        heard = _Heard()
        answer = talk.ask(ASB_REQUEST.name, encode(ASB_REQUEST), heard, wait=wait)
        unread += answer.before + answer.data
        if unread:
            break
    if heard.status is not None:
        return answer._replace(data=heard.status.raw), heard.status
    return answer._replace(data=unread, started=started, outcome="noise" if unread else "silent"), None


def _without_answer(context: ProbeContext, talk: Conversation, answer: Answer) -> Finding:
    from probes.protocols.escpos_asb import pushed_block  # only what went wrong pays for its import

    if pushed_block(answer.data) is not None:
        seen = talk.evidence(answer, "printer.escpos-answered")
        return context.fault("link.wrong-device", seen, protocol="escpos")
    return talk.unanswered(answer)


def _findings(
    context: ProbeContext, status: StarStatus, seen: Callable[[str], Evidence]
) -> Iterator[Finding]:
    causes = [_paper(context, status.paper, seen), *_signs(context, status, seen)]
    yield from causes
    if status.job & JobStatus.RECEIVE_BUFFER_OVERFLOW:
        yield context.warning("printer.buffer-overflow", seen("printer.buffer-overflowed"))
    if status.job & JobStatus.PAGE_MODE_COMMAND_ERROR:
        yield context.warning("printer.command-error", seen("printer.command-refused"))
    if not status.printer & PrinterStatus.OFFLINE:
        yield context.ok("printer.online", seen("printer.is-online"))
    elif status.printer & PrinterStatus.OFFLINE_BY_SWITCH:
        yield context.fault("printer.offline", seen("printer.offline-by-switch"))
    elif not any(finding.status is Status.FAULT for finding in causes):
        yield context.fault("printer.offline", seen("printer.names-no-cause"))
    yield _drawer(context, status.printer, seen)
    yield context.ok("printer.answers", seen("printer.gave-status"), device=": Star")


def _paper(context: ProbeContext, paper: PaperSensor, seen: Callable[[str], Evidence]) -> Finding:
    if paper & PaperSensor.PAPER_END:
        return context.fault("printer.paper-out", seen("printer.paper-absent"))
    if paper & (PaperSensor.NEAR_END_INNER | PaperSensor.NEAR_END_OUTER):
        return context.warning("printer.paper-near-end", seen("printer.paper-is-low"))
    return context.ok("printer.paper", seen("printer.paper-is-present"))


def _signs(context: ProbeContext, status: StarStatus, seen: Callable[[str], Evidence]) -> Iterator[Finding]:
    parts: dict[str, int] = {"printer": status.printer, "error": status.error, "job": status.job}
    told: set[str] = set()
    for sign in SIGNS:
        if parts[sign.part] & sign.bits and sign.code not in told:
            told |= {sign.code, sign.question}
            yield context.fault(sign.code, seen(sign.meaning))
    for sign in SIGNS:
        if sign.question not in told:
            told.add(sign.question)
            yield context.ok(sign.question, seen(sign.passed))


def _drawer(context: ProbeContext, printer: PrinterStatus, seen: Callable[[str], Evidence]) -> Finding:
    high = bool(printer & PrinterStatus.COMPULSION_SWITCH_CLOSED)
    level = "HIGH" if high else "LOW"
    evidence = seen("printer.drawer-line-high" if high else "printer.drawer-line-low")
    open_level = context.target.option("drawer-open-level", "high").upper()
    if context.settings.expect.get("drawer") == "closed" and level == open_level:
        return context.warning("printer.drawer-open", evidence, level=level)
    return context.ok("printer.drawer", evidence, level=level)
