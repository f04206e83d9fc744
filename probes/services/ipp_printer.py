"""Asks a network printer, or a queue of a print server, for its state by IPP."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from probes.links.base import LINK_CODES, LinkError
from probes.services import conditions
from probes.services.snmp_facts import LEVEL_AT_LEAST_ONE
from supportctl.core.finding import Status
from supportctl.core.text import clean

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from probes.context import ProbeContext
    from probes.protocols.ipp import Answer
    from probes.services.conditions import Condition
    from probes.services.ipp_client import Reply
    from supportctl.core.finding import Evidence, Finding

IDLE, PROCESSING, STOPPED = _STATES = 3, 4, 5  # printer-state
REQUESTED = (
    "printer-name", "printer-make-and-model", "printer-state", "printer-state-reasons",
    "printer-state-message", "printer-is-accepting-jobs", "queued-job-count", "printer-input-tray",
)  # fmt: skip
_LEVEL = re.compile(r"(?:^|;)level=(-?\d{1,9})(?=;|$)")  # PWG 5100.13, printer-input-tray
_SEVERITIES = ("-error", "-warning", "-report")
_NEEDS_PASSWORD = {401, 403, 407}
_SERVER_ERROR = 500


class IppFacts(NamedTuple):
    """What a printer says of itself (RFC 8011, 5.4)."""

    model: str = ""
    state: int | None = None
    reasons: tuple[str, ...] = ()
    message: str = ""
    accepting: bool | None = None
    queued: int | None = None
    trays: tuple[int, ...] = ()  # levels, in the printer's own units; negative ones as in RFC 3805

    def __str__(self) -> str:
        reasons = ",".join(self.reasons)
        return (
            f"printer-state {self.state}; printer-state-reasons {reasons}; "
            f"printer-is-accepting-jobs {self.accepting}; queued-job-count {self.queued}"
        )


class IppPrinterProbe:
    """`ipp://HOST[:631][/ipp/print]`, or `ipp+https://...`; without a path the usual ones are tried."""

    codes = (
        conditions.PRINTER_CODES | conditions.QUESTION_CODES | LINK_CODES | {"printer.status-not-supported"}
    )

    def run(self, context: ProbeContext) -> Iterator[Finding]:
        """Yield the printer's own complaints, and the questions that it answered well."""
        try:
            reply = _ask(context)
        except LinkError as error:
            yield context.link_failed(error)
            return
        if reply.ipp is None or not reply.ipp.ok or not reply.ipp.printers:
            yield _no_state(context, reply)
            return
        facts = facts_of(reply.ipp.printers[0])
        if facts.state not in _STATES and not facts.reasons:
            nothing = reply.evidence._replace(got=clean(str(facts)), meaning="ipp.no-state")
            yield context.unknown("printer.status-not-supported", nothing)
            return
        answers = {"state": reply.evidence._replace(got=str(facts))}
        yield from conditions.told(context, complaints(facts), answers, "ipp.printer-says")


def _ask(context: ProbeContext) -> Reply:
    from probes.services.ipp_client import DEFAULT_PATHS, ask

    given = context.target.path.rstrip("/")
    paths = (given,) if given else DEFAULT_PATHS
    reply = ask(context, paths[0], "Get-Printer-Attributes", REQUESTED)
    for path in paths[1:]:
        if not _not_here(reply):
            break
        reply = ask(context, path, "Get-Printer-Attributes", REQUESTED)
    return reply


def _not_here(reply: Reply) -> bool:
    from probes.protocols.ipp import Status as IppStatus

    if reply.ipp is not None:
        return reply.ipp.status == IppStatus.NOT_FOUND
    return reply.http is not None and reply.http.status in {200, 404, 405}


def _no_state(context: ProbeContext, reply: Reply) -> Finding:
    """Return the finding of an answer that holds no printer's state."""
    seen, page, message = reply.evidence, reply.http, reply.ipp
    if message is not None:
        return _ipp_refused(context, seen, message)
    if reply.silent:
        return context.fault("link.silent", seen._replace(meaning="ipp.silent"))
    if page is None:
        wrong = seen._replace(meaning="ipp.not-http")
        return context.fault("link.wrong-device", wrong, expected="IPP", found="?")
    args = {"status": clean(f"{page.status} {page.reason}".strip())}
    if page.status in _NEEDS_PASSWORD:
        return context.unknown("printer.status-not-supported", seen._replace(meaning="ipp.needs-password"))
    if page.status >= _SERVER_ERROR:
        failed = seen._replace(meaning="ipp.http-status", args=args)
        return context.unknown("printer.status-not-supported", failed)
    found = page.headers.get("server", "") or f"HTTP {page.status}"
    wrong = seen._replace(meaning="ipp.not-ipp", args=args)
    return context.fault("link.wrong-device", wrong, expected="IPP", found=found)


def _ipp_refused(context: ProbeContext, seen: Evidence, message: Answer) -> Finding:
    from probes.protocols.ipp import Status as IppStatus

    if message.status in {IppStatus.FORBIDDEN, IppStatus.NOT_AUTHENTICATED, IppStatus.NOT_AUTHORIZED}:
        return context.unknown("printer.status-not-supported", seen._replace(meaning="ipp.needs-password"))
    if message.status == IppStatus.NOT_FOUND or message.ok:
        wrong = seen._replace(meaning="ipp.no-queue")
        return context.fault("link.wrong-device", wrong, expected="IPP printer", found="IPP")
    refused = seen._replace(meaning="ipp.refused", args={"status": f"0x{message.status & 0xFFFF:04x}"})
    return context.unknown("printer.status-not-supported", refused)


def facts_of(attributes: Mapping[str, object]) -> IppFacts:
    """Return the facts in a printer's attributes; those that it does not send are absent."""
    from probes.protocols.ipp import number, texts

    accepting = attributes.get("printer-is-accepting-jobs")
    return IppFacts(
        model=" ".join(texts(attributes.get("printer-make-and-model"))),
        state=number(attributes.get("printer-state")),
        reasons=texts(attributes.get("printer-state-reasons")),
        message=" ".join(texts(attributes.get("printer-state-message"))),
        accepting=accepting if isinstance(accepting, bool) else None,
        queued=number(attributes.get("queued-job-count")),
        trays=tuple(
            int(level) for level in _LEVEL.findall(";".join(texts(attributes.get("printer-input-tray"))))
        ),
    )


def complaints(facts: IppFacts) -> Iterator[Condition]:
    """Yield everything that the printer complains of."""
    for reason in facts.reasons:
        condition = _complaint(reason, facts)
        if condition is not None:
            yield condition
    if facts.state == STOPPED:
        said = facts.message or "printer-state stopped"
        yield conditions.Condition("printer.paused", Status.FAULT, said, "state", consequence=True)
    elif facts.accepting is False:
        said = "printer-is-accepting-jobs false"
        yield conditions.Condition("printer.paused", Status.FAULT, said, "state", consequence=True)


def _complaint(reason: str, facts: IppFacts) -> Condition | None:
    severity = next((suffix for suffix in _SEVERITIES if reason.endswith(suffix)), "")
    keyword = reason.removesuffix(severity)
    if {reason, keyword} & set(conditions.table()["harmless"]["reasons"]):
        return None
    row = conditions.table()["reason"].get(keyword)
    if row is None:
        if severity == "-report":  # "may be of interest", says RFC 8011; nobody has to act
            return None
        return conditions.Condition("printer.attention", Status.WARNING, reason, "state")
    return conditions.from_row(row, reason, "state", mild=_goes_on(row["code"], keyword, severity, facts))


def _goes_on(code: str, keyword: str, severity: str, facts: IppFacts) -> bool:
    """Return whether the printer prints all the same.

    The severity alone does not say so: printers after CUPS's model grade by their own state, so that an idle
    one without paper says "media-empty-report", and a spooler that cannot reach its printer "offline-report".
    """
    if facts.state == STOPPED or keyword == "media-needed":
        return False
    if facts.state == PROCESSING and severity in {"-warning", "-report"} and keyword != "offline":
        return True
    return (
        code == "printer.paper-out" and 0 in facts.trays and any(_has_media(level) for level in facts.trays)
    )


def _has_media(level: int) -> bool:
    return level > 0 or level == LEVEL_AT_LEAST_ONE
