"""Is this scale (Mettler Toledo 8217) ready to weigh, and if not, why? One question only reads."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from probes.devices.scales.dialogue import ScaleDialogue, last_event
from probes.devices.scales.weighing import CODES, Weighing, judge
from probes.links.base import LINK_CODES, LinkError
from probes.protocols.toledo8217 import WEIGHT, Event, Reader, ScaleStatus, StatusReply, Weight, encode

if TYPE_CHECKING:
    from collections.abc import Iterator

    from probes.context import ProbeContext
    from supportctl.core.finding import Finding


class Toledo8217Probe:
    """Reads the weight or the status of a scale that speaks 8217."""

    codes = LINK_CODES | CODES

    def run(self, context: ProbeContext) -> Iterator[Finding]:
        """Yield what the scale says about itself, or why it cannot be asked."""
        try:
            with context.open_link() as link:
                yield from _ask(context, ScaleDialogue(context, link, Reader))
        except LinkError as error:
            yield context.link_failed(error)


def _ask(context: ProbeContext, scale: ScaleDialogue[Event]) -> Iterator[Finding]:
    heard = scale.ask(WEIGHT.name, encode(WEIGHT))
    if heard.event is None:
        yield from scale.unanswered(heard, _from_stream)
        return
    heard = scale.settled(heard, lambda: scale.ask(WEIGHT.name, encode(WEIGHT), tries=1), _moves)
    assert heard.event is not None  # a settled answer is one
    seen = scale.seen(heard.answer)
    yield context.ok("scale.answers", seen("scale.gave-answer"), device="")
    yield from judge(weighing_of(heard.event), context, seen)
    yield scale.unasked() or context.ok("scale.mode", seen("scale.waits-to-be-asked"))


def _moves(event: Event) -> bool:
    return isinstance(event, StatusReply) and bool(event.status & ScaleStatus.SCALE_IN_MOTION)


def _from_stream(data: bytes) -> Weighing | None:
    event = last_event(Reader(), data)
    return None if event is None else weighing_of(event)


def weighing_of(event: Event) -> Weighing:
    """Return an answer in common words. The protocol has no unit, and no weight unless it is stable."""
    if isinstance(event, Weight):
        return Weighing(weight=Decimal(event.text), stable=True)
    status = event.status
    return Weighing(
        stable=not _moves(event),
        over_capacity=bool(status & ScaleStatus.OVER_CAPACITY),
        under_zero=bool(status & ScaleStatus.UNDER_ZERO),
        off_zero=bool(status & ScaleStatus.OUTSIDE_ZERO_CAPTURE_RANGE),
        tared=bool(status & ScaleStatus.NET_WEIGHT),
        args={"status": f"{event.byte:02x}"},
        no_weight="scale.status-names-no-reason",
    )
