"""Is this ESC/POS printer ready to print, and if not, why? All causes at once, by asking only.

The order of the questions and what they are worth: DLE EOT 1 says whether the printer is online; 2 and 3 say
why not and mean something only then; 4 is about paper at any time. Only then, while it is online, its name.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from probes.devices.escpos_dialogue import Dialogue
from probes.devices.escpos_findings import CODES, findings
from probes.links.base import LINK_CODES, LinkError
from probes.links.exchange import Answer, Conversation
from probes.protocols.escpos import DLE_EOT, PrinterStatus, status_reading

if TYPE_CHECKING:
    from collections.abc import Iterator

    from probes.context import ProbeContext
    from probes.links.base import Link
    from supportctl.core.finding import Finding

_PAPER = 4


class EscposPrinterProbe:
    """Reads the status of a receipt printer that speaks ESC/POS."""

    codes = LINK_CODES | CODES | {"printer.answers", "printer.status-not-supported"}

    def run(self, context: ProbeContext) -> Iterator[Finding]:
        """Yield what the printer says about itself, or why it cannot be asked."""
        try:
            with context.open_link() as link:
                if link.one_way or context.target.option("one-way") == "1":
                    started = context.clock.monotonic()
                    seen = context.evidence("DLE EOT 1", "printer.wire-is-one-way", started=started)
                    yield context.unknown("printer.status-not-supported", seen, reason="one-way")
                    return
                yield from _ask(context, link)
        except LinkError as error:
            yield context.link_failed(error)


def _ask(context: ProbeContext, link: Link) -> Iterator[Finding]:
    talk = Conversation(context, link)
    dialogue = Dialogue(context, talk)
    broken: LinkError | None = None
    try:
        answered = dialogue.ask_status()
        if answered and _PAPER not in dialogue.answers:
            dialogue.ask_paper()
    except LinkError as error:
        broken, answered = error, bool(dialogue.answers)
    if answered:
        yield from _from_answers(context, dialogue, broken)
    elif broken is None:
        yield from _without_answer(context, talk, dialogue)
    if broken is not None:
        yield context.link_failed(broken)


def _from_answers(context: ProbeContext, dialogue: Dialogue, broken: LinkError | None) -> Iterator[Finding]:
    answers = dialogue.answers
    reading = status_reading({n: answer.value for n, answer in answers.items()})
    online = not answers[1].value & PrinterStatus.OFFLINE
    answered = dialogue.evidence(answers[1], "printer.gave-status")
    if dialogue.paper is not None:
        from probes.protocols.escpos_asb import paper_reading

        answers[_PAPER] = dialogue.paper
        reading = reading._replace(roll_paper=paper_reading(dialogue.paper.value))
    found = list(findings(context, reading, lambda n, meaning: dialogue.evidence(answers[n], meaning)))
    yield from found
    if broken is not None:
        return
    if reading.roll_paper is None and not any(finding.code == "printer.paper-out" for finding in found):
        seen = context.evidence(
            "DLE EOT 4", "printer.no-status", started=dialogue.started, sent=DLE_EOT[4].data
        )
        yield context.unknown("printer.status-not-supported", seen, reason="paper")
    names = dialogue.ask_identity() if online else {}
    device = " ".join(names[part] for part in ("maker", "model", "firmware") if part in names)
    yield context.ok("printer.answers", answered, device=f": {device}" if device else "", **names)


def _without_answer(context: ProbeContext, talk: Conversation, dialogue: Dialogue) -> Iterator[Finding]:
    """Say why there is no answer to DLE EOT; or, if the printer pushes its status by itself, tell that."""
    first, unread = DLE_EOT[1], bytes(dialogue.unread)
    answer = Answer(unread, b"", dialogue.started, "noise" if unread else "silent", first.name, first.data)
    if dialogue.block is not None:
        from probes.protocols.escpos_asb import reading_from_asb

        answer = answer._replace(asked="ASB", sent=b"", data=bytes(dialogue.block))
        reading = reading_from_asb(dialogue.block)
        yield from findings(context, reading, lambda _n, meaning: talk.evidence(answer, meaning))
        yield context.ok("printer.answers", talk.evidence(answer, "printer.pushed-status"), device="")
    elif dialogue.knows_gs_i:
        seen = talk.evidence(answer, "printer.no-status")
        yield context.unknown("printer.status-not-supported", seen, reason="model")
    elif unread and _is_star(unread):
        seen = talk.evidence(answer, "printer.star-answered")
        yield context.fault("link.wrong-device", seen, protocol="star")
    else:
        yield talk.unanswered(answer)


def _is_star(data: bytes) -> bool:
    from probes.protocols.star import pushed_block  # only what went wrong pays for its import

    return pushed_block(data) is not None
