"""Does a Telium payment terminal listen on this line? The protocol lets nobody ask for more than that."""

from __future__ import annotations

from typing import TYPE_CHECKING

from probes.devices.terminal import without_stopping_sales
from probes.links.base import LINK_CODES, LinkError
from probes.links.exchange import Conversation, exactly
from probes.protocols.telium import ANSWER_S, PAUSE_S, Reply, Request, encode, read_reply

if TYPE_CHECKING:
    from collections.abc import Iterator

    from probes.context import ProbeContext
    from probes.links.base import Link
    from probes.links.exchange import Answer
    from supportctl.core.finding import Finding

_END_S = 0.5


class TeliumTerminalProbe:
    """Sends ENQ, hears ACK, says EOT."""

    codes = LINK_CODES | {"terminal.present", "terminal.busy"}

    def run(self, context: ProbeContext) -> Iterator[Finding]:
        """Yield whether the terminal answers; its state cannot be read."""
        try:
            with context.open_link() as link:
                yield without_stopping_sales(_ask(context, link))
        except LinkError as error:
            yield without_stopping_sales(context.link_failed(error))


def _ask(context: ProbeContext, link: Link) -> Finding:
    talk = Conversation(context, link)
    answer = _enquire(context, talk, link)
    if answer.outcome != "answered" or answer.rest or read_reply(answer.data) is None:
        try:
            talk.ask("EOT", b"", lambda _heard: None, wait=PAUSE_S)
            again = _enquire(context, talk, link)
        except LinkError:
            if not answer.data:
                raise
            again = answer  # what it said before it hung up tells more than that it did
        answer = again if again.data else answer
    reply = None if answer.rest else read_reply(answer.data)
    if reply is Reply.ACK:
        return context.ok("terminal.present", talk.evidence(answer, "terminal.acknowledged"))
    if reply is Reply.NAK:
        return context.unknown("terminal.busy", talk.evidence(answer, "terminal.not-now"))
    if answer.outcome == "answered":
        answer = answer._replace(data=answer.data + answer.rest, outcome="noise")
    return talk.unanswered(answer)


def _enquire(context: ProbeContext, talk: Conversation, link: Link) -> Answer:
    """Ask once. EOT follows whatever came: a terminal that hears no end waits for a payment."""
    try:
        return talk.ask("ENQ", encode(Request.ENQ), exactly(1), wait=ANSWER_S)
    finally:
        link.send(encode(Request.EOT), context.deadline.within(_END_S))
