"""Who made it: asked once the protocol is certain, for these questions have letters in them.

GS I (1D 49 n) is a read request of ESC/POS, and two letters on paper to anything else. It is buffered, so an
offline printer says nothing to it: then it is not asked at all.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from probes.discovery.identity import FIRMWARE, MAKER, MODEL, SERIAL_NUMBER, Try
from probes.links.base import LinkError
from probes.links.exchange import NOT_AN_ANSWER, Conversation
from probes.protocols import escpos
from supportctl.core.text import clean, hexed

if TYPE_CHECKING:
    from probes.context import ProbeContext
    from probes.links.base import Link
    from probes.links.exchange import Answer

_WAIT_S = 0.8
_QUESTIONS = (
    (MAKER, escpos.MAKER),
    (MODEL, escpos.MODEL),
    (SERIAL_NUMBER, escpos.SERIAL_NUMBER),
    (FIRMWARE, escpos.FIRMWARE),
)


def ask_details(protocol: str, context: ProbeContext, link: Link, tried: list[Try]) -> dict[str, str]:
    """Return maker, model, serial number and firmware, as far as the device tells them."""
    if protocol != "escpos" or _offline(tried):
        return {}
    talk = Conversation(context, link)
    details: dict[str, str] = {}
    try:
        for name, request in _QUESTIONS:
            answer = talk.ask(request.name, escpos.encode(request), _text_complete, wait=_WAIT_S)
            tried.append(_as_try(context, answer))
            if answer.outcome != "answered":
                break  # a clone without GS I: asking on costs time and gives nothing
            text = clean(_text(answer.data), 80)
            if text:
                details[name] = text
    except LinkError:
        pass  # what was identified stays identified
    return details


def _offline(tried: list[Try]) -> bool:
    """Look at the answer to DLE EOT 1, which confirmed the protocol; without one nothing more is asked."""
    answers = [
        item.got for item in tried if item.asked == escpos.DLE_EOT[1].name and item.outcome == "answered"
    ]
    if not answers:
        return True
    reader = escpos.Reader(escpos.Reply.STATUS)
    reader.feed(bytes.fromhex(answers[-1].partition("…")[0]))
    event = reader.next_event()
    if not isinstance(event, escpos.Asb | escpos.Byte):
        return True
    # the bit stands in the same place of the answer and of the first byte of a block
    first = event.first if isinstance(event, escpos.Asb) else event.value
    return bool(first & escpos.PrinterStatus.OFFLINE)


def _text_complete(heard: bytes) -> int | None:
    reader = escpos.Reader(escpos.Reply.TEXT)
    reader.feed(heard)
    try:
        while (event := reader.next_event()) != escpos.NEED_MORE:
            if isinstance(event, escpos.Text):
                return len(heard)
    except escpos.RemoteProtocolError:
        return NOT_AN_ANSWER
    return None


def _text(data: bytes) -> str:
    reader = escpos.Reader(escpos.Reply.TEXT)
    reader.feed(data)
    while (event := reader.next_event()) != escpos.NEED_MORE:
        if isinstance(event, escpos.Text):
            return event.value
    return ""


def _as_try(context: ProbeContext, answer: Answer) -> Try:
    ms = round((context.clock.monotonic() - answer.started) * 1000, 1)
    return Try(answer.asked, "", answer.outcome, hexed(answer.sent), hexed(answer.data), ms)
