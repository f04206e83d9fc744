"""Is this CAS scale ready to weigh, and if not, why? It is asked by ENQ and DC1; a stream is read, too."""

from __future__ import annotations

from typing import TYPE_CHECKING

from probes.devices.scales.dialogue import PAUSE_S, TRIES, Heard, ScaleDialogue, last_event
from probes.devices.scales.weighing import CODES, Weighing, judge
from probes.links.base import LINK_CODES, LinkError
from probes.protocols.cas import (
    DC1,
    ENQ,
    NAK,
    Control,
    Event,
    Lamp,
    Reader,
    WeightFrame,
    encode,
    last_stream_line,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from probes.context import ProbeContext
    from supportctl.core.finding import Finding


class CasProbe:
    """Reads the weight of a scale that speaks the protocol of CAS."""

    codes = LINK_CODES | CODES

    def run(self, context: ProbeContext) -> Iterator[Finding]:
        """Yield what the scale says about itself, or why it cannot be asked."""
        try:
            with context.open_link() as link:
                yield from _ask(context, ScaleDialogue(context, link, Reader))
        except LinkError as error:
            yield context.link_failed(error)


def _ask(context: ProbeContext, scale: ScaleDialogue[Event]) -> Iterator[Finding]:
    heard = scale.settled(_weigh(scale), lambda: _weigh(scale), _moves)
    seen = scale.seen(heard.answer)
    if isinstance(heard.event, WeightFrame):
        yield context.ok("scale.answers", seen("scale.gave-answer"), device="")
        yield from judge(weighing_of(heard.event), context, seen)
    elif isinstance(heard.event, Control):
        yield context.unknown("scale.no-weight", seen("scale.refuses-for-now"))
    else:
        yield from scale.unanswered(heard, _from_stream)


def _weigh(scale: ScaleDialogue[Event]) -> Heard[Event]:
    """Return the frame of weight; else the last NAK or damaged frame, or what came instead."""
    heard = scale.ask(ENQ.name, encode(ENQ), _is_control)
    for again in range(TRIES):
        if again:
            scale.context.clock.sleep(min(PAUSE_S, scale.context.deadline.remaining()))
            heard = scale.ask(ENQ.name, encode(ENQ), _is_control)
        if heard.event is None:
            return heard
        if isinstance(heard.event, Control) and heard.event.byte != NAK:
            heard = scale.ask(DC1.name, encode(DC1), _is_weight, tries=1)
            if heard.damage is None:
                return heard
    return heard


def _is_control(event: Event) -> bool:
    return isinstance(event, Control)


def _is_weight(event: Event) -> bool:
    return isinstance(event, WeightFrame)


def _moves(event: Event) -> bool:
    return isinstance(event, WeightFrame) and not event.stable


def weighing_of(frame: WeightFrame) -> Weighing:
    """Return a frame in common words."""
    return Weighing(
        weight=frame.weight,
        unit=frame.unit or None,
        stable=frame.stable,
        over_capacity=frame.overload,
        under_zero=frame.weight is not None and frame.weight < 0,
    )


def _from_stream(data: bytes) -> Weighing | None:
    line = last_stream_line(data)
    if line is None:
        event = last_event(Reader(), data)
        return weighing_of(event) if isinstance(event, WeightFrame) else None
    return Weighing(
        weight=line.weight,
        unit=line.unit or None,
        stable=None if line.header == "OL" else line.header == "ST",
        over_capacity=line.header == "OL",
        under_zero=line.weight is not None and line.weight < 0,
        tared=bool(line.lamp & Lamp.TARE),
    )
