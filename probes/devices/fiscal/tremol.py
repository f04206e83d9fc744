"""What state is this Tremol register in, and does it serve us at all?

09h comes first: over TCP the register answers it even when it wants a password or serves somebody else. The
password is that of the URL, sent once; without one nothing is sent, and a register that wants one says so.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from probes.devices.fiscal.framed import Heard
from probes.devices.fiscal.judge import CLOCK_WARNING, CODES, judge, local_now
from probes.devices.fiscal.tremol_dialogue import Dialogue
from probes.devices.fiscal.tremol_state import Reading
from probes.links.base import LINK_CODES, LinkError
from probes.links.exchange import Conversation
from probes.protocols.tremol import (
    CLOCK,
    NUMBERS,
    PRINTER,
    RECEIPTS,
    REGISTRATION,
    STATUS,
    UNSENT,
    VERSION,
    Acknowledgement,
    DeviceError,
    LocalProtocolError,
    Ping,
    encode_password,
)
from supportctl.core.finding import Meaning

if TYPE_CHECKING:
    from collections.abc import Iterator

    from probes.context import ProbeContext
    from probes.links.base import Link
    from probes.links.exchange import Answer
    from supportctl.core.finding import Finding


class TremolProbe:
    """Reads the state of a Tremol register."""

    codes = LINK_CODES | CODES

    def run(self, context: ProbeContext) -> Iterator[Finding]:
        """Yield what the register says of itself, or why it cannot be asked."""
        try:
            with context.open_link() as link:
                yield from _ask(context, link)
        except LinkError as error:
            yield context.link_failed(error)


def _ask(context: ProbeContext, link: Link) -> Iterator[Finding]:
    talk = Conversation(context, link)
    dialogue = Dialogue(context, talk)
    refused = _log_in(context, link)
    if refused is not None:
        yield refused
        return
    pinged = dialogue.ping()
    if pinged is None:
        yield _unanswered(context, talk, dialogue)
        return
    refused = _does_not_serve(context, talk, *pinged)
    if refused is not None:
        yield refused
        return
    reading = Reading(context, talk)
    status = dialogue.ask(STATUS)
    if status is None:
        yield _unanswered(context, talk, dialogue)
        return
    reply = status.reply
    if isinstance(reply, Acknowledgement) and reply.device == DeviceError.INCORRECT_PASSWORD:
        seen = talk.evidence(status.answer, "tremol.refused-password")
        yield context.unknown("fiscal.wrong-password", seen, reason=Meaning("tremol.refused-password"))
        return
    reading.take(status, STATUS.name, reading.status)
    broken = _details(dialogue, reading)
    state = reading.state()
    drift = timedelta(0)
    if state.clock is not None:
        drift = abs(state.clock - local_now(state, context.settings.timezone))
    yield from judge(reading.state(clock_is_wrong=drift >= CLOCK_WARNING), context)
    if broken is not None:
        yield context.link_failed(broken)


def _log_in(context: ProbeContext, link: Link) -> Finding | None:
    """Send the password of the URL, over TCP only: a serial register has none, it would be noise."""
    password = context.target.option("password")
    if not password or context.target.wire != "tcp":
        return None
    started = context.clock.monotonic()
    try:
        link.send(encode_password(password), context.deadline)
    except LocalProtocolError:
        seen = context.evidence("password", "tremol.impossible-password", started=started)
        return context.unknown("fiscal.wrong-password", seen, reason=Meaning("tremol.impossible-password"))
    return None


def _does_not_serve(context: ProbeContext, talk: Conversation, value: int, answer: Answer) -> Finding | None:
    if value == Ping.WAITING_FOR_PASSWORD:
        seen = talk.evidence(answer, "tremol.wants-password")
        return context.unknown("fiscal.wrong-password", seen, reason=Meaning("tremol.wants-password"))
    if value == Ping.WRONG_PASSWORD:
        seen = talk.evidence(answer, "tremol.refused-password")
        return context.unknown("fiscal.wrong-password", seen, reason=Meaning("tremol.refused-password"))
    if value == Ping.ANOTHER_CONNECTION:
        seen = talk.evidence(answer, "tremol.serves-another")
        return context.unknown("fiscal.device-busy", seen, reason=Meaning("tremol.serves-another"))
    return None


def _details(dialogue: Dialogue, reading: Reading) -> LinkError | None:
    """Ask the rest, the most telling first, with the usual size of each answer on the wire.

    A wire that breaks meanwhile keeps what is known; one that is too slow for an answer is not asked for it.
    """
    questions = (
        (UNSENT, 60, reading.unsent),
        (CLOCK, 25, reading.clock),
        (PRINTER, 15, reading.printer),
        (RECEIPTS, 15, reading.receipts),
        (NUMBERS, 25, reading.numbers),
        (REGISTRATION, 50, reading.registration),
        (VERSION, 110, reading.version),
    )
    try:
        for request, size, read in questions:
            told = dialogue.ask(request) if dialogue.pace.allows(size) else None
            if told is not None:
                reading.take(told, request.name, read)
    except LinkError as error:
        return error
    return None


def _unanswered(context: ProbeContext, talk: Conversation, dialogue: Dialogue) -> Finding:
    result = dialogue.failed
    assert result is not None
    answer = result.answer
    if result.heard is Heard.BUSY:
        seen = talk.evidence(answer, "tremol.is-busy")
        return context.unknown("fiscal.device-busy", seen, reason=Meaning("tremol.is-busy"))
    if result.heard is Heard.DAMAGED:
        return context.fault("link.garbled", talk.evidence(answer, "tremol.frame-damaged"))
    if result.heard is Heard.OTHER:
        return context.fault("link.garbled", talk.evidence(answer, "tremol.other-answer"))
    if result.heard is Heard.REFUSED:
        return context.fault("link.garbled", talk.evidence(answer, "tremol.refused-frame"))
    return talk.unanswered(answer)
