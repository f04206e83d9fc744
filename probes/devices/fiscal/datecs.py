"""What state is this Datecs register in? Both framings; `?framing=p` or `x` says which.

The status bits come with every answer; 4Ah is asked all the same, since its answer cannot be an old one that
the register repeats. What a model does not know (it answers with an error) is not reported: that is no fault.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from probes.devices.fiscal.datecs_dialogue import Dialogue, Told
from probes.devices.fiscal.datecs_state import Reading
from probes.devices.fiscal.framed import Heard
from probes.devices.fiscal.judge import CLOCK_WARNING, CODES, judge, local_now
from probes.links.base import LINK_CODES, LinkError
from probes.links.exchange import Conversation
from probes.protocols.datecs import (
    CLOCK,
    FREE_RECORDS,
    POWER,
    RECEIPT,
    SERVER,
    STATUS,
    TAX_ID,
    UNSENT,
    Framing,
)
from supportctl.core.finding import Meaning

if TYPE_CHECKING:
    from collections.abc import Iterator

    from probes.context import ProbeContext
    from probes.links.base import Link
    from supportctl.core.finding import Finding

_FRAMINGS = {"p": (Framing.P,), "x": (Framing.X,)}


class DatecsProbe:
    """Reads the state of a register that speaks the Datecs protocol."""

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
    framings = _FRAMINGS.get(context.target.option("framing").lower(), (Framing.P, Framing.X))
    first = dialogue.begin(framings)
    if first is None or dialogue.framing is None:
        yield _unanswered(context, talk, dialogue)
        return
    framing = dialogue.framing
    reading = Reading(framing, context, talk)
    reading.identity(first)
    status = dialogue.ask(STATUS[framing])
    if status is None:
        yield _unanswered(context, talk, dialogue)
        return
    reading.status(status)
    broken = _details(dialogue, reading, framing)
    state = reading.state()
    drift = (
        timedelta(0)
        if state.clock is None
        else abs(state.clock - local_now(state, context.settings.timezone))
    )
    yield from judge(reading.state(clock_is_wrong=drift >= CLOCK_WARNING), context)
    if broken is not None:
        yield context.link_failed(broken)


def _details(dialogue: Dialogue, reading: Reading, framing: Framing) -> LinkError | None:
    """Ask the rest, the most telling first, with the usual size of each answer on the wire.

    A wire that breaks meanwhile keeps what is known; one that is too slow for an answer is not asked for it.
    """
    questions = [(CLOCK[framing], 40, reading.clock)]
    if framing is Framing.P:
        questions.append((UNSENT, 80, reading.unsent))
    else:
        questions += [(SERVER, 120, reading.server), (POWER, 60, reading.power)]
    questions += [
        (RECEIPT[framing], 40, reading.receipt),
        (FREE_RECORDS[framing], 35, reading.records),
        (TAX_ID[framing], 40, reading.tax_id),
    ]
    try:
        for request, size, take in questions:
            told: Told | None = dialogue.ask(request) if dialogue.pace.allows(size) else None
            if told is not None:
                take(told)
    except LinkError as error:
        return error
    return None


def _unanswered(context: ProbeContext, talk: Conversation, dialogue: Dialogue) -> Finding:
    result = dialogue.failed
    assert result is not None
    answer = result.answer
    if result.heard is Heard.BUSY:
        seen = talk.evidence(answer, "datecs.works-on-it")
        return context.unknown("fiscal.device-busy", seen, reason=Meaning("datecs.works-on-it"))
    if result.heard is Heard.DAMAGED:
        return context.fault("link.garbled", talk.evidence(answer, "datecs.frame-damaged"))
    if result.heard is Heard.OTHER:
        return context.fault("link.garbled", talk.evidence(answer, "datecs.other-answer"))
    if result.heard is Heard.REFUSED:
        return context.fault("link.garbled", talk.evidence(answer, "datecs.refused-frame"))
    return talk.unanswered(answer)
