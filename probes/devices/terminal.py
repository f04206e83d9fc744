"""Is this ZVT payment terminal ready to take cards, and if not, why? Asked by the status enquiry alone.

A terminal that cannot be reached stops card payments, not sales: every finding here says so.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from probes.devices.terminal_codes import CODES, judge
from probes.devices.terminal_dialogue import Enquiry, Reply
from probes.links.base import LINK_CODES, LinkError
from probes.links.exchange import Conversation
from probes.protocols.zvt import DEFAULT_PASSWORD, LocalProtocolError, RemoteProtocolError, status_enquiry
from probes.protocols.zvt_status import READY, TerminalStatus, read_status
from supportctl.core.finding import Meaning

if TYPE_CHECKING:
    from collections.abc import Iterator

    from probes.context import ProbeContext
    from probes.devices.terminal_codes import Verdict
    from supportctl.core.finding import Finding

_NOT_SUPPORTED = 0x83


class ZvtTerminalProbe:
    """Reads the status of a payment terminal that speaks ZVT, over TCP or a serial line."""

    codes = LINK_CODES | CODES | {
        "terminal.answers", "terminal.ready", "terminal.status-not-supported", "terminal.bad-password",
    }  # fmt: skip

    def run(self, context: ProbeContext) -> Iterator[Finding]:
        """Yield what the terminal says of itself, or why it cannot be asked."""
        started = context.clock.monotonic()
        try:
            request = status_enquiry(context.target.option("password") or DEFAULT_PASSWORD)
        except LocalProtocolError:
            seen = context.evidence("05 01", "zvt.password-malformed", started=started)
            yield context.unknown("terminal.bad-password", seen)
            return
        try:
            with context.open_link() as link:
                talk = Conversation(context, link)
                enquiry = Enquiry(context, talk, link, request)
                for finding in _findings(context, talk, enquiry, enquiry.ask()):
                    yield without_stopping_sales(finding)
        except LinkError as error:
            yield without_stopping_sales(context.link_failed(error))


def without_stopping_sales(finding: Finding) -> Finding:
    """Return the finding as one of a terminal: without it the shop takes cash."""
    return finding._replace(stops_sales=False) if finding.code.startswith("link.") else finding


def _findings(context: ProbeContext, talk: Conversation, enquiry: Enquiry, reply: Reply) -> Iterator[Finding]:
    if reply.outcome == "unanswered":
        yield talk.unanswered(reply.answer)
    elif reply.outcome == "damaged":
        yield context.fault("link.garbled", enquiry.evidence(reply, "zvt.checksum-wrong"))
    elif reply.outcome == "in-payment":
        yield context.unknown("terminal.busy", enquiry.evidence(reply, "zvt.in-payment"))
    elif reply.outcome == "no-answer":
        yield context.unknown("terminal.busy", enquiry.evidence(reply, "zvt.took-question-only"))
    elif reply.apdu is None:
        return
    elif reply.outcome == "completed":
        yield from _completed(context, enquiry, reply)
    else:
        data = reply.apdu.data[:1]
        result = reply.apdu.command & 0xFF if reply.outcome == "refused" else (data[0] if data else None)
        yield _refused(context, enquiry, reply, result)


def _completed(context: ProbeContext, enquiry: Enquiry, reply: Reply) -> Iterator[Finding]:
    assert reply.apdu is not None
    try:
        status = read_status(reply.apdu)
    except RemoteProtocolError:
        yield context.fault("link.garbled", enquiry.evidence(reply, "zvt.answer-cut-off"))
        return
    if status.code is None:
        seen = enquiry.evidence(reply, "zvt.no-status-byte")
        yield context.unknown("terminal.status-not-supported", seen)
    elif status.code == READY:
        yield context.ok("terminal.ready", enquiry.evidence(reply, "zvt.status-00"))
    else:
        yield _told(context, enquiry, reply, judge("status", status.code), status.code)
    seen = enquiry.evidence(reply, "zvt.gave-status")
    yield context.ok("terminal.answers", seen, device=_device(status), **_details(status))


def _refused(context: ProbeContext, enquiry: Enquiry, reply: Reply, result: int | None) -> Finding:
    if result is None:
        return context.unknown("terminal.busy", enquiry.evidence(reply, "zvt.broken-off"))
    if reply.outcome == "refused" and result == _NOT_SUPPORTED:
        seen = enquiry.evidence(reply, "zvt.not-supported")
        return context.unknown("terminal.status-not-supported", seen)
    return _told(context, enquiry, reply, judge("result", result), result)


def _told(context: ProbeContext, enquiry: Enquiry, reply: Reply, verdict: Verdict, code: int) -> Finding:
    number = f"{code:02X}"
    seen = enquiry.evidence(reply, verdict.meaning, number=number)
    make = context.unknown if verdict.code == "terminal.busy" else context.fault
    return make(verdict.code, seen, number=number, reason=Meaning(verdict.meaning), help=verdict.help)


def _device(status: TerminalStatus) -> str:
    words = " ".join(part for part in (status.name, status.version) if part)
    return f": {words}" if words else ""


def _details(status: TerminalStatus) -> dict[str, str]:
    found = {"model": status.name, "firmware": status.version, "serial": status.serial}
    return {name: text for name, text in found.items() if text}
