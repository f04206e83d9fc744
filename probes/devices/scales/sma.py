"""Is this scale (SMA SCP-0499) ready to weigh, and if not, why? Who is it, and what does it find broken?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from probes.devices.scales.dialogue import ScaleDialogue, last_event
from probes.devices.scales.weighing import CODES, Weighing, judge
from probes.links.base import LINK_CODES, LinkError
from probes.protocols.sma import (
    ABOUT,
    ABOUT_SCROLL,
    DIAGNOSTICS,
    WEIGHT,
    Diagnostics,
    Event,
    Field,
    NotUnderstood,
    Reader,
    StandardReply,
    encode,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from probes.context import ProbeContext
    from supportctl.core.finding import Finding

_DETAIL_S = 0.5
_ABOUT_MAX = 8  # lines about a scale; the standard has five


class SmaProbe:
    """Reads the weight, the status and the diagnostics of a scale that speaks SMA."""

    codes = LINK_CODES | CODES

    def run(self, context: ProbeContext) -> Iterator[Finding]:
        """Yield what the scale says about itself, or why it cannot be asked."""
        try:
            with context.open_link() as link:
                yield from _ask(context, ScaleDialogue(context, link, Reader))
        except LinkError as error:
            yield context.link_failed(error)


def _ask(context: ProbeContext, scale: ScaleDialogue[Event]) -> Iterator[Finding]:
    heard = scale.ask(WEIGHT.name, encode(WEIGHT), _is_answer)
    if heard.event is None:
        yield from scale.unanswered(heard, _from_stream)
        return
    heard = scale.settled(heard, lambda: scale.ask(WEIGHT.name, encode(WEIGHT), _is_answer, tries=1), _moves)
    assert heard.event is not None  # a settled answer is one
    seen = scale.seen(heard.answer)
    yield from judge(weighing_of(heard.event), context, seen)
    unasked = scale.unasked()
    device = ""
    if unasked is not None:
        yield unasked
    else:
        yield context.ok("scale.mode", seen("scale.waits-to-be-asked"))
        yield from _diagnostics(context, scale)
        device = _about(scale)
    yield context.ok("scale.answers", seen("scale.gave-answer"), device=device)


def _is_answer(event: Event) -> bool:
    return isinstance(event, StandardReply) or (isinstance(event, NotUnderstood) and event.sign == "?")


def _moves(event: Event) -> bool:
    return isinstance(event, StandardReply) and event.motion


def _from_stream(data: bytes) -> Weighing | None:
    event = last_event(Reader(), data)
    return weighing_of(event) if isinstance(event, StandardReply) else None


def weighing_of(event: Event) -> Weighing:
    """Return an answer in common words."""
    if not isinstance(event, StandardReply):
        return Weighing(no_weight="scale.command-is-unknown")
    return Weighing(
        weight=event.weight,
        unit=event.unit or None,
        stable=not event.motion,
        over_capacity=event.status == "O",
        under_zero=event.status == "U",
        zero_lost=event.status in {"E", "I"},
        tared=event.gross_net in {"N", "n"},
        no_weight="scale.tare-failed" if event.status == "T" else "scale.names-no-reason",
    )


def _diagnostics(context: ProbeContext, scale: ScaleDialogue[Event]) -> Iterator[Finding]:
    """Yield the fault that the scale finds in itself; not every scale has this command."""
    heard = scale.ask(
        DIAGNOSTICS.name,
        encode(DIAGNOSTICS),
        lambda event: isinstance(event, Diagnostics | NotUnderstood),
        wait=_DETAIL_S,
        tries=2,
    )
    letters = heard.event.letters.replace(" ", "") if isinstance(heard.event, Diagnostics) else ""
    if letters:
        broken = Weighing(fault="scale.finds-itself-broken", args={"letters": letters})
        yield from judge(broken, context, scale.seen(heard.answer))


def _about(scale: ScaleDialogue[Event]) -> str:
    """Return `: maker model`, as far as the scale tells; a name is a detail."""
    said: dict[str, str] = {}
    request = ABOUT
    for _line in range(_ABOUT_MAX):
        heard = scale.ask(
            request.name,
            encode(request),
            lambda event: isinstance(event, Field | NotUnderstood),
            wait=_DETAIL_S,
            tries=1,
        )
        if not isinstance(heard.event, Field) or heard.event.name == "END":
            break
        said[heard.event.name] = heard.event.value
        request = ABOUT_SCROLL
    words = " ".join(said[name] for name in ("MFG", "MOD") if said.get(name))
    return f": {words}" if words else ""
