"""Is this Shtrih-M scale (POS2) ready to weigh, and if not, why? By the state of its weighing channel."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from probes.devices.scales.dialogue import PAUSE_S, TRIES, Heard, ScaleDialogue
from probes.devices.scales.weighing import CODES, Weighing, judge
from probes.links.base import LINK_CODES, LinkError
from probes.protocols import scale_frames, shtrih, shtrihscale
from probes.protocols.shtrih import ACK, ENQ, NAK, Control, Event, Frame
from probes.protocols.shtrihscale import ChannelState, Question, encode

if TYPE_CHECKING:
    from collections.abc import Iterator

    from probes.context import ProbeContext
    from probes.protocols.scale_frames import NeedMore
    from supportctl.core.finding import Finding

_ANSWER_S = 2.0
_GOOD_STATE = bytes((shtrihscale.GET_STATE, 0))
_FAULTS = {
    shtrihscale.NVRAM_ERROR: "scale.memory-fails",
    **dict.fromkeys(shtrihscale.CHANNEL_ERRORS, "scale.channel-fails"),
}
_PASSWORDS = {
    shtrihscale.WRONG_PASSWORD: "scale.password-is-refused",
    shtrihscale.PASSWORD_TRIES_EXHAUSTED: "scale.password-tries-are-over",
}


class ShtrihScaleProbe:
    """Reads the state of a scale that speaks POS2. One password, once: too many wrong ones lock the scale."""

    codes = LINK_CODES | CODES | {"scale.wrong-password"}

    def run(self, context: ProbeContext) -> Iterator[Finding]:
        """Yield what the scale says about itself, or why it cannot be asked."""
        try:
            with context.open_link() as link:
                yield from _ask(context, ScaleDialogue(context, link, _Reader))
        except LinkError as error:
            yield context.link_failed(error)


class _Reader:
    """The reader of Shtrih-M frames, with the errors that the dialogue of scales knows."""

    def __init__(self) -> None:
        self._reader = shtrih.Reader()

    def feed(self, data: bytes) -> None:
        """Take any piece of the stream."""
        self._reader.feed(data)

    def next_event(self) -> Event | NeedMore:
        """Return the next control byte or frame."""
        try:
            return self._reader.next_event()
        except shtrih.ChecksumError as error:
            raise scale_frames.RemoteProtocolError(error.data, "checksum") from error
        except shtrih.RemoteProtocolError as error:
            raise scale_frames.RemoteProtocolError(error.data) from error


def _ask(context: ProbeContext, scale: ScaleDialogue[Event]) -> Iterator[Finding]:
    heard = _command(scale, shtrihscale.DEVICE_TYPE)
    answer = _answer(heard, shtrihscale.DEVICE_TYPE)
    if answer is None:
        yield from _no_answer(context, scale, heard, shtrihscale.DEVICE_TYPE)
        return
    who = None if answer.error else shtrihscale.parse_device_type(answer.data)
    if who is not None and who.type != shtrihscale.TYPE_SCALES:
        seen = scale.evidence(heard.answer, "scale.is-no-scale", type=who.type, name=who.name)
        yield context.fault("link.wrong-device", seen, protocol="shtrih")
        return
    device = f": {who.name}" if who is not None and who.name else ""
    yield context.ok("scale.answers", scale.evidence(heard.answer, "scale.gave-answer"), device=device)
    password = context.target.option("password", shtrihscale.DEFAULT_PASSWORD)
    question = shtrihscale.state_question(password)
    try:
        encode(question)
    except scale_frames.LocalProtocolError:
        seen = scale.evidence(heard.answer, "scale.password-has-four-digits")
        yield context.unknown("scale.wrong-password", seen)
        return
    yield from _state(context, scale, question)


def _state(context: ProbeContext, scale: ScaleDialogue[Event], question: Question) -> Iterator[Finding]:
    heard = scale.settled(_command(scale, question), lambda: _command(scale, question), _moves)
    answer = _answer(heard, question)
    if answer is None:
        yield from _no_answer(context, scale, heard, question)
        return
    seen = scale.seen(heard.answer)
    if answer.error in _PASSWORDS:
        yield context.unknown("scale.wrong-password", seen(_PASSWORDS[answer.error]))
        return
    yield from judge(weighing_of(answer), context, seen)


def _command(scale: ScaleDialogue[Event], question: Question) -> Heard[Event]:
    """Return the frame that answers `question`; else NAK, a busy scale's ACK, or what came instead."""
    heard = _idle(scale)
    for again in range(TRIES):
        if again:
            scale.context.clock.sleep(min(PAUSE_S, scale.context.deadline.remaining()))
            heard = _idle(scale)
        if heard.event is None:
            if _is_busy(heard):
                continue
            return heard
        heard = scale.ask(question.name, encode(question), _is_frame_or_nak, wait=_ANSWER_S, tries=1)
        if heard.damage is not None:  # have it once more, as the protocol says
            scale.tell("NAK", NAK)
            heard = scale.ask("ENQ", ENQ, _is_frame, tries=1)
        if heard.event is None and heard.damage is None:
            return heard
        if heard.event is not Control.NAK:
            scale.tell("ACK", ACK)
        if isinstance(heard.event, Frame) and heard.event.body[0] == question.opcode:
            return heard
        if question.password is not None and heard.event is not Control.NAK:
            return heard  # it was carried out: a wrong password must not be tried a second time
    return heard


def _idle(scale: ScaleDialogue[Event]) -> Heard[Event]:
    """Ask whether the scale waits for a command; an answer that nobody fetched is taken out of the way."""
    heard = scale.ask("ENQ", ENQ, _is_frame_or_nak, tries=2)
    if isinstance(heard.event, Frame):
        scale.tell("ACK", ACK)
        heard = scale.ask("ENQ", ENQ, _is_nak, tries=1)
    return heard


def _is_busy(heard: Heard[Event]) -> bool:
    return heard.event is None and bool(heard.answer.data) and not heard.answer.data.strip(ACK)


def _is_frame(event: Event) -> bool:
    return isinstance(event, Frame)


def _is_nak(event: Event) -> bool:
    return event is Control.NAK


def _is_frame_or_nak(event: Event) -> bool:
    return event is Control.NAK or isinstance(event, Frame)


def _answer(heard: Heard[Event], question: Question) -> shtrih.Answer | None:
    """Return the answer to `question`, None if the frame is none or is shorter than one."""
    if not isinstance(heard.event, Frame) or heard.event.body[0] != question.opcode:
        return None
    try:
        answer = shtrih.parse_answer(heard.event.body)
    except shtrih.RemoteProtocolError:
        return None
    return answer if answer.error or len(answer.data) >= question.answer_size else None


def _no_answer(
    context: ProbeContext, scale: ScaleDialogue[Event], heard: Heard[Event], question: Question
) -> Iterator[Finding]:
    if isinstance(heard.event, Frame) and heard.event.body[0] == question.opcode:
        yield context.fault("link.garbled", scale.evidence(heard.answer, "scale.length-is-wrong"))
    elif isinstance(heard.event, Frame):
        other = scale.evidence(heard.answer, "scale.answered-another-question", question=question.name)
        yield context.fault("link.garbled", other)
    elif _is_busy(heard):
        yield context.unknown("scale.no-weight", scale.evidence(heard.answer, "scale.is-at-work"))
    elif heard.event is Control.NAK:
        damaged = scale.evidence(heard.answer, "scale.heard-us-damaged")
        yield context.fault("link.garbled", damaged)
    else:
        yield from scale.unanswered(heard)


def _moves(event: Event) -> bool:
    size = shtrihscale.STATE_SIZE
    if not isinstance(event, Frame) or event.body[:2] != _GOOD_STATE or len(event.body) < 2 + size:
        return False
    state = shtrihscale.parse_state(event.body[2:]).state
    return bool(state & ChannelState.CHANNEL_ON) and not state & ChannelState.WEIGHT_STABLE


def weighing_of(answer: shtrih.Answer) -> Weighing:
    """Return the answer to 3A in common words."""
    if answer.error in _FAULTS:
        return Weighing(fault=_FAULTS[answer.error], args={"number": answer.error})
    if answer.error == shtrihscale.UNKNOWN_COMMAND:
        return Weighing(no_weight="scale.command-is-unknown")
    if answer.error:
        return Weighing(no_weight="scale.names-a-code", args={"number": answer.error})
    reading = shtrihscale.parse_state(answer.data)
    state = reading.state
    fault = None
    if state & ChannelState.ADC_SILENT:
        fault = "scale.converter-is-silent"
    elif state & ChannelState.MEASURING_ERROR:
        fault = "scale.measuring-fails"
    on = bool(state & ChannelState.CHANNEL_ON)
    return Weighing(
        weight=Decimal(reading.weight).scaleb(-3) if on else None,
        unit="kg",
        stable=bool(state & ChannelState.WEIGHT_STABLE) if on and fault is None else None,
        over_capacity=bool(state & ChannelState.OVERLOAD),
        under_zero=bool(state & ChannelState.UNDERLOAD) or reading.weight < 0,
        zero_lost=bool(state & ChannelState.AUTO_ZERO_ERROR_AT_POWER_ON),
        tared=bool(state & ChannelState.TARE_SET),
        fault=fault,
        no_weight="scale.channel-is-off",
    )
