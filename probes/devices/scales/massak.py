"""Is this Massa-K scale (protocol 100) ready to weigh, and if not, why?

It is asked over TCP or a serial line; over UDP it only says that it is there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from probes.devices.scales.dialogue import Heard, ScaleDialogue
from probes.devices.scales.weighing import CODES, Weighing, judge
from probes.links.base import LINK_CODES, LinkError
from probes.protocols.massak import (
    CMD_ERROR,
    CMD_GET_MASSA,
    CMD_GET_NAME,
    CMD_NACK,
    CMD_TCP_GET_WEIGHT,
    CMD_TCP_NACK_WEIGHT,
    CMD_UDP_POLL,
    CMD_UDP_RES,
    Frame,
    Reader,
    encode,
    parse_name,
    parse_weight,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from probes.context import ProbeContext
    from supportctl.core.finding import Finding

_DETAIL_S = 0.5
_POLL_S = 1.0
_UNSUPPORTED = 0x07
_NO_LINK = frozenset({"link.refused", "link.timeout", "link.closed", "link.silent"})

# What the code behind 28 means. UNVERIFIED: 17, 18 and 19 have one source.
ERRORS = {
    0x08: Weighing(over_capacity=True),
    0x09: Weighing(no_weight="scale.not-in-weighing-mode"),
    0x0E: Weighing(no_weight="scale.wifi-is-starting"),
    0x0F: Weighing(no_weight="scale.wifi-is-busy"),
    0x17: Weighing(fault="scale.cell-is-silent"),
    0x18: Weighing(zero_lost=True),
    0x19: Weighing(fault="scale.device-is-broken"),
}


class MassaKProbe:
    """Reads the weight of a scale that speaks protocol 100."""

    codes = LINK_CODES | CODES

    def run(self, context: ProbeContext) -> Iterator[Finding]:
        """Yield what the scale says about itself, or why it cannot be asked."""
        if context.target.wire == "udp":
            yield from _discover(context)
            return
        try:
            with context.open_link() as link:
                yield from _ask(context, ScaleDialogue(context, link, Reader))
        except LinkError as error:
            yield _alive_all_the_same(context, context.link_failed(error))


def _ask(context: ProbeContext, scale: ScaleDialogue[Frame]) -> Iterator[Finding]:
    heard = _weigh(scale)
    if heard.event is None:
        for finding in scale.unanswered(heard):
            yield _alive_all_the_same(context, finding)
        return
    heard = scale.settled(heard, lambda: _weigh(scale), _moves)
    assert heard.event is not None  # a settled answer is one
    seen = scale.seen(heard.answer)
    yield from judge(weighing_of(heard.event), context, seen)
    yield context.ok("scale.answers", seen("scale.gave-answer"), device=_name(scale))


def _weigh(scale: ScaleDialogue[Frame]) -> Heard[Frame]:
    """Return the answer to the long question, or to the short one where the scale does not know the long."""
    heard = scale.ask(CMD_GET_MASSA.name, encode(CMD_GET_MASSA))
    if heard.event is None and heard.answer.outcome == "silent":  # one client in the field sends it so
        heard = scale.ask(f"{CMD_GET_MASSA.name} BE", encode(CMD_GET_MASSA, "big"), tries=1)
    if heard.event is None or not _says_nothing(heard.event):
        return heard
    short = scale.ask(CMD_TCP_GET_WEIGHT.name, encode(CMD_TCP_GET_WEIGHT), tries=1)
    return heard if short.event is None else short


def _says_nothing(answer: Frame) -> bool:
    if answer.command == CMD_ERROR:
        return answer.data[:1] == bytes((_UNSUPPORTED,))
    return answer.command == CMD_NACK or parse_weight(answer) is None


def _moves(answer: Frame) -> bool:
    weight = parse_weight(answer)
    return weight is not None and not weight.stable


def weighing_of(answer: Frame) -> Weighing:
    """Return an answer in common words, in kilograms."""
    weight = parse_weight(answer)
    if weight is not None:
        if weight.grams is None:
            division = {"division": str(weight.division)}
            return Weighing(stable=weight.stable, no_weight="scale.division-is-unknown", args=division)
        kilograms = weight.grams.scaleb(-3)
        return Weighing(kilograms, "kg", weight.stable, under_zero=kilograms < 0, tared=bool(weight.net))
    if answer.command == CMD_ERROR and answer.data:
        code = answer.data[0]
        return ERRORS.get(code, Weighing(no_weight="scale.names-a-code", args={"number": f"{code:02x}"}))
    if answer.command == CMD_TCP_NACK_WEIGHT:
        return Weighing(no_weight="scale.has-no-weight-now")
    return Weighing(no_weight="scale.command-is-unknown")


def _name(scale: ScaleDialogue[Frame]) -> str:
    heard = scale.ask(CMD_GET_NAME.name, encode(CMD_GET_NAME), wait=_DETAIL_S, tries=1)
    said = parse_name(heard.event) if heard.event is not None else None
    words = f"{said.name} {said.number}".strip() if said else ""
    return f": {words}" if words else ""


def _discover(context: ProbeContext) -> Iterator[Finding]:
    """Ask by UDP whether the scale is there: more than that it does not say on this wire."""
    try:
        with context.open_link() as link:
            scale = ScaleDialogue(context, link, Reader)
            heard = _poll(scale)
            if heard.event is None:
                yield from scale.unanswered(heard)
            else:
                seen = scale.evidence(heard.answer, "scale.is-found-by-udp")
                yield context.ok("scale.answers", seen, device="")
    except LinkError as error:
        yield context.link_failed(error)


def _poll(scale: ScaleDialogue[Frame]) -> Heard[Frame]:
    return scale.ask(
        CMD_UDP_POLL.name,
        encode(CMD_UDP_POLL),
        lambda answer: answer.command == CMD_UDP_RES,
        wait=_POLL_S,
        tries=1,
    )


def _alive_all_the_same(context: ProbeContext, finding: Finding) -> Finding:
    """Return the finding with the evidence that the scale is on: then another program holds its TCP port."""
    if context.target.wire != "tcp" or finding.code not in _NO_LINK or context.deadline.expired:
        return finding
    by_udp = context._replace(target=context.target._replace(wire="udp"))
    try:
        with by_udp.open_link() as link:
            scale = ScaleDialogue(by_udp, link, Reader)
            heard = _poll(scale)
    except LinkError:
        return finding
    if heard.event is None:
        return finding
    seen = scale.evidence(heard.answer, "scale.is-found-by-udp")
    return finding._replace(evidence=(*finding.evidence, seen))
