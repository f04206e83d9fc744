"""Asking a scale: repeats, what came instead of an answer, and the wait for a load that still moves."""

from __future__ import annotations

import contextlib
from functools import partial
from typing import TYPE_CHECKING, Generic, NamedTuple, Protocol, TypeVar

from probes.devices.scales.stream import steady_line
from probes.devices.scales.weighing import judge
from probes.links.base import LinkError
from probes.links.exchange import NOT_AN_ANSWER, Answer, Conversation
from probes.protocols.scale_frames import NEED_MORE, RemoteProtocolError, without_parity

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from probes.context import ProbeContext
    from probes.devices.scales.weighing import Seen, Weighing
    from probes.links.base import Link
    from probes.protocols.scale_frames import Damage, FrameReader, NeedMore
    from supportctl.core.finding import Evidence, Finding

ANSWER_S = 1.0  # Mettler Toledo and CAS: a scale answers within a second
TRIES = 3
PAUSE_S = 0.2  # between two questions, as the scales' manuals ask
SETTLE_S = 2.0  # so long a load may move before it is worth a word: somebody may be weighing
QUIET_S = 0.3  # scales that stream do so several times a second
_SLOW_S = 6.0  # what the longest answer takes at a tenth of a second for each byte
_GAP_S = 0.5
_LISTEN_S = 1.0
_LISTEN_BYTES = 256
_TOO_MUCH_NOISE = 48

E_co = TypeVar("E_co", covariant=True)
T = TypeVar("T")


class Reader(Protocol[E_co]):
    """What the codecs of scales have in common."""

    def feed(self, data: bytes) -> None:
        """Take any piece of the stream."""

    def next_event(self) -> E_co | NeedMore:
        """Return the next answer, or raise RemoteProtocolError."""


class Heard(NamedTuple, Generic[T]):
    """What came back for a question: `event` is the answer, `damage` what was wrong with the last one."""

    answer: Answer
    event: T | None
    damage: Damage | None


class _Hearing(Generic[T]):
    """Looks for a wanted answer in what comes; the `complete` of an exchange."""

    def __init__(self, reader: Reader[T], wanted: Callable[[T], bool]) -> None:
        self.event: T | None = None
        self.damage: Damage | None = None
        self._reader, self._wanted = reader, wanted
        self._noise = self._seen = 0

    def __call__(self, heard: bytes) -> int | None:
        self._reader.feed(heard[self._seen :])
        self._seen = len(heard)
        while self._noise <= _TOO_MUCH_NOISE:
            try:
                event = self._reader.next_event()
            except RemoteProtocolError as error:
                self._noise += len(error.data)
                if error.damage != "noise":
                    self.damage = error.damage
                    return len(heard)
                continue
            if event == NEED_MORE:
                return None
            if self._wanted(event):
                self.event = event
                return len(heard)
        return NOT_AN_ANSWER

    def after(self, begun: bytes) -> Callable[[bytes], int | None]:
        """Return the `complete` of a further exchange that goes on behind `begun`."""
        return lambda heard: self(begun + heard)


class ScaleDialogue(Generic[T]):
    """One conversation with a scale whose answers `reader` finds."""

    def __init__(self, context: ProbeContext, link: Link, reader: Callable[[], Reader[T]]) -> None:
        self.context = context
        self._talk = Conversation(context, link)
        self._reader = reader

    def ask(
        self,
        asked: str,
        request: bytes,
        wanted: Callable[[T], bool] = lambda _event: True,
        *,
        wait: float = ANSWER_S,
        tries: int = TRIES,
    ) -> Heard[T]:
        """Return the answer; a damaged one is asked for again, up to `tries` times, silence once.

        Raises:
            LinkError: the wire closed, or the check's time was over.
        """
        silent = 0
        while True:
            tries -= 1
            hearing = _Hearing(self._reader(), wanted)
            answer = self._to_its_end(self._talk.ask(asked, request, hearing, wait=wait), hearing)
            if hearing.event is not None:
                return Heard(answer, hearing.event, None)
            silent += answer.outcome == "silent"
            again = hearing.damage is not None or silent == 1
            if tries <= 0 or not again:
                return Heard(answer, None, hearing.damage)

    def _to_its_end(self, answer: Answer, hearing: _Hearing[T]) -> Answer:
        """Go on listening to an answer that has begun, as long as it goes on coming: some wires are slow."""
        until = self.context.deadline.within(_SLOW_S)
        while answer.outcome == "incomplete" and not until.expired:
            more = self._talk.ask(answer.asked, b"", hearing.after(answer.data), wait=_GAP_S)
            if more.outcome == "silent":
                break
            answer = answer._replace(data=answer.data + more.data, outcome=more.outcome)
        return answer

    def tell(self, asked: str, data: bytes) -> None:
        """Send what is not answered."""
        self._talk.ask(asked, data, lambda _heard: None, wait=0.0)

    def settled(self, first: Heard[T], again: Callable[[], Heard[T]], moves: Callable[[T], bool]) -> Heard[T]:
        """Return the first answer that does not move, or the last one after `SETTLE_S`."""
        until = self.context.deadline.within(SETTLE_S)
        last = first
        while last.event is not None and moves(last.event) and not until.expired:
            self.context.clock.sleep(min(PAUSE_S, until.remaining()))
            heard = again()
            if heard.event is None:
                break
            last = heard
        return last

    def listen(self, seconds: float) -> Answer:
        """Return what the scale says without being asked; a wire that closes meanwhile has said all."""
        started = self.context.clock.monotonic()
        with contextlib.suppress(LinkError):
            return self._talk.ask("-", b"", _enough, wait=seconds)
        return Answer(b"", b"", started, "silent")

    def evidence(self, answer: Answer, meaning: str, **args: object) -> Evidence:
        """Return what was asked and answered, as evidence."""
        return self._talk.evidence(answer, meaning, **args)

    def seen(self, answer: Answer) -> Seen:
        """Return `evidence` of this answer, waiting for its meaning."""
        return partial(self.evidence, answer)

    def unasked(self) -> Finding | None:
        """Return the finding of a scale that goes on talking after its answer, None if it is quiet."""
        first = self.listen(QUIET_S)
        if not first.data:
            return None
        return self._streaming(first._replace(data=first.data + self.listen(_LISTEN_S).data))

    def unanswered(
        self, heard: Heard[T], reading: Callable[[bytes], Weighing | None] = lambda _data: None
    ) -> Iterator[Finding]:
        """Yield the findings of an answer that was none.

        `reading` reads a weight all the same: from lines that the scale sends by itself, or from an answer
        that is sound without its parity.
        """
        answer = heard.answer
        if heard.damage is not None:
            damaged = "scale.checksum-is-wrong" if heard.damage == "checksum" else "scale.length-is-wrong"
            yield self.context.fault("link.garbled", self.evidence(answer, damaged))
        elif answer.outcome == "silent" and not answer.before:
            yield self._talk.unanswered(answer)
        else:
            data = answer.before + answer.data + self.listen(_LISTEN_S).data
            yield from self._explained(answer._replace(data=data, outcome="noise"), reading)

    def _explained(self, answer: Answer, reading: Callable[[bytes], Weighing | None]) -> Iterator[Finding]:
        plain, parity = without_parity(answer.data) or (answer.data, "")
        streaming = self._streaming(answer._replace(data=plain))
        at_seven_bits = bool(parity) and (streaming is not None or self._understood(plain))
        if at_seven_bits:
            seen = self.evidence(answer, "scale.sound-at-seven-bits", parity=parity)
            yield self.context.fault("link.garbled", seen)
        if streaming is not None:
            yield streaming
        elif not at_seven_bits:
            yield self._talk.unanswered(answer)
            return
        weighing = reading(plain)
        if weighing is not None:
            yield from judge(weighing, self.context, self.seen(answer))

    def _streaming(self, answer: Answer) -> Finding | None:
        line = steady_line(answer.data)
        if line is None:
            return None
        seen = self.evidence(answer, "scale.sends-unasked", text=line)
        return self.context.warning("scale.continuous-mode", seen)

    def _understood(self, data: bytes) -> bool:
        hearing = _Hearing(self._reader(), lambda _event: True)
        hearing(data)
        return hearing.event is not None


def _enough(heard: bytes) -> int | None:
    return len(heard) if len(heard) >= _LISTEN_BYTES else None


def last_event(reader: FrameReader[T], data: bytes) -> T | None:
    """Return the last answer in `data`: what a stream says now."""
    reader.feed(data)
    last: T | None = None
    while True:
        try:
            event = reader.next_event()
        except RemoteProtocolError:
            continue
        if event == NEED_MORE:
            return last
        last = event
