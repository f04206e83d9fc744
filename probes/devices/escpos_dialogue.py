"""Asks an ESC/POS printer for its status: few round trips on a good wire, right answers on a bad one.

On a clean wire there are two exchanges: DLE EOT 1, then 2, 3 and 4 together. Once a byte came that answers
nothing, every question is asked alone and a value counts only if it came twice running.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from probes.links.base import LinkError
from probes.links.exchange import NOT_AN_ANSWER
from probes.protocols.escpos import (
    DLE_EOT,
    FIRMWARE,
    GS_R,
    MAKER,
    MODEL,
    Asb,
    Byte,
    PrinterStatus,
    Reader,
    ReadRequest,
    RemoteProtocolError,
    Reply,
    Text,
    encode,
)

if TYPE_CHECKING:
    from probes.context import ProbeContext
    from probes.links.exchange import Answer, Conversation
    from supportctl.core.finding import Evidence

FIRST_WAIT_S = 2.0  # a real printer answers within 1 to 2 s, busy with a graphic or not
RETRY_WAIT_S = 0.4
NEXT_WAIT_S = 0.5  # plus a few times what the first answer took
IDENTITY_CAP_S = 1.0
_QUIET_S = 0.15  # on a noisy wire: so long we listen before a byte is called the last one
_TRIES = 6
TOO_MUCH_NOISE = 24  # so many bytes are no disturbance of a printer's answer any more
_REST = (2, 3, 4)


class Heard:
    """What came back for a question, sorted; also the `complete` of its exchange."""

    def __init__(self, reply: Reply = Reply.STATUS, count: int = 1) -> None:
        self.values: list[int] = []
        self.texts: list[str] = []
        self.blocks: list[Asb] = []
        self.noise = bytearray()
        self._reader = Reader(reply)
        self._reply = reply
        self._count = count
        self._seen = 0

    def __call__(self, heard: bytes) -> int | None:
        """Return how many bytes make all `count` answers, None while some are missing."""
        self.take(heard[self._seen :])
        self._seen = len(heard)
        if len(self.noise) > TOO_MUCH_NOISE:
            return NOT_AN_ANSWER
        return len(heard) if len(self.values) + len(self.texts) >= self._count else None

    def again(self) -> Heard:
        """Return this, ready to go on in a further exchange."""
        self._seen = 0
        return self

    def take(self, data: bytes) -> Heard:
        """Sort some bytes; returns this."""
        self._reader.feed(data)
        while True:
            try:
                event = self._reader.next_event()
            except RemoteProtocolError as error:
                self.noise += error.data
                continue
            if isinstance(event, Asb):
                self.blocks.append(event)
            elif isinstance(event, Text):
                self.texts.append(event.value)
            elif isinstance(event, Byte):
                if event.reply is self._reply:
                    self.values.append(event.value)
            else:
                return self


class StatusAnswer(NamedTuple):
    """An answer byte, and when it was asked for."""

    request: ReadRequest
    value: int
    started: float


class Dialogue:
    """The status conversation with one printer.

    `answers` are the replies to DLE EOT by their n, `paper` the one to GS r 1, `block` the newest that the
    printer pushed on its own, `unread` all bytes in which no answer could be found.
    """

    def __init__(self, context: ProbeContext, talk: Conversation) -> None:
        self._context = context
        self._talk = talk
        self._took = 0.0
        self.started = context.clock.monotonic()
        self.answers: dict[int, StatusAnswer] = {}
        self.paper: StatusAnswer | None = None
        self.block: Asb | None = None
        self.unread = bytearray()
        self.knows_gs_i = False

    def ask_status(self) -> bool:
        """Ask all status questions; returns whether DLE EOT was answered.

        Raises:
            LinkError: the wire broke; `answers` holds what had come until then.
        """
        heard = Heard()
        answer = self._ask(DLE_EOT[1], heard=heard, wait=FIRST_WAIT_S)
        stale = Heard().take(answer.before).noise
        if answer.outcome == "silent" and not stale:
            return self._ask_once_more() if self.block is None else False
        if len(heard.values) == 1 and not heard.noise and len(stale) <= TOO_MUCH_NOISE:
            self._took = self._context.clock.monotonic() - answer.started
            self.answers[1] = StatusAnswer(DLE_EOT[1], heard.values[0], answer.started)
            self._ask_the_rest()
            return bool(self.answers)
        self.unread += answer.before + answer.data
        if not heard.noise and not stale:
            return False  # nothing but blocks
        return self._worth_another_try() and self._ask_with_care(1, *_REST)

    def ask_paper(self) -> None:
        """Ask GS r 1: the same sensors, for printers without DLE EOT 4. It is answered only while online."""
        if self.answers[1].value & PrinterStatus.OFFLINE:
            return
        heard = Heard(Reply.SENSOR)
        answer = self._ask(GS_R[1], heard=heard, wait=self._next_wait())
        if heard.values and not heard.noise:
            self.paper = StatusAnswer(GS_R[1], heard.values[0], answer.started)

    def ask_identity(self) -> dict[str, str]:
        """Return maker, model and firmware as far as the printer tells them; costs a second at most.

        These commands wait in the printer's buffer, so they are for a printer that is online. A wire that
        breaks here has broken after all that matters was read.
        """
        found: dict[str, str] = {}
        end = self._context.deadline.within(IDENTITY_CAP_S)
        wait = NEXT_WAIT_S / 2 + 5 * self._took
        try:
            for name, request in (("model", MODEL), ("maker", MAKER), ("firmware", FIRMWARE)):
                heard = Heard(Reply.TEXT)
                answer = self._ask(request, heard=heard, wait=min(wait, end.remaining()))
                if answer.outcome == "incomplete":  # it is on its way
                    self._talk.ask(request.name, b"", heard.again(), wait=end.remaining())
                if not heard.texts:
                    break
                found[name] = heard.texts[0].strip()
        except LinkError:
            pass
        return {name: text for name, text in found.items() if text}

    def evidence(self, answer: StatusAnswer, meaning: str, **args: object) -> Evidence:
        """Return one question with its one-byte answer."""
        sent, got = answer.request.data, bytes((answer.value,))
        name, started = answer.request.name, answer.started
        return self._context.evidence(name, meaning, started=started, sent=sent, got=got, **args)

    def _ask_the_rest(self) -> None:
        """Ask 2, 3 and 4 in one go; alone if the printer answers only some of them, or only one at a time."""
        heard = Heard(count=len(_REST))
        answer = self._ask(*(DLE_EOT[n] for n in _REST), heard=heard, wait=self._next_wait())
        if heard.noise or len(heard.values) > len(_REST):
            self._ask_with_care(*_REST)
        elif len(heard.values) == len(_REST):
            for n, value in zip(_REST, heard.values, strict=True):
                self.answers[n] = StatusAnswer(DLE_EOT[n], value, answer.started)
        else:
            for n in _REST:  # what is missing may only be late, and be taken for the next one's answer
                confirmed = self._confirmed(DLE_EOT[n])
                if confirmed is not None:
                    self.answers[n] = confirmed

    def _ask_once_more(self) -> bool:
        heard = Heard()
        self._ask(DLE_EOT[1], heard=heard, wait=RETRY_WAIT_S)
        if heard.values or heard.noise:  # it was late, so its next answer may be mistaken for another's
            return self._ask_with_care(1, *_REST)
        heard = Heard(Reply.TEXT)
        answer = self._ask(MODEL, heard=heard, wait=RETRY_WAIT_S)
        self.knows_gs_i = bool(answer.data) and not heard.noise
        return False

    def _worth_another_try(self) -> bool:
        """Listen to the end of what came; whoever speaks another protocol is not asked again.

        Raises:
            LinkError: the other side has closed, and what it had said tells nothing.
        """
        closed = None
        try:
            self.unread += self._talk.ask("", b"", lambda _heard: None, wait=_QUIET_S).data
        except LinkError as error:
            closed = error
        # only what went wrong pays for these imports
        from probes.links.garble import WRONG_DEVICE, explain_noise
        from probes.protocols.star import pushed_block

        unread = bytes(self.unread)
        if pushed_block(unread) is not None or explain_noise(DLE_EOT[1].data, unread).code == WRONG_DEVICE:
            return False
        if closed is not None:
            raise closed
        return len(self.unread) <= 2 * TOO_MUCH_NOISE

    def _ask_with_care(self, *which: int) -> bool:
        """Believe all of the answers or none: one in sixteen bytes of noise looks like an answer."""
        for n in which:
            confirmed = self._confirmed(DLE_EOT[n])
            if confirmed is None:
                self.answers.clear()
                return False
            self.answers[n] = confirmed
        return True

    def _confirmed(self, request: ReadRequest) -> StatusAnswer | None:
        """Ask until the last status byte that comes is the same as the time before."""
        last: int | None = None
        for attempt in range(_TRIES):
            heard = Heard(count=TOO_MUCH_NOISE)
            answer = self._ask(request, heard=heard, wait=_QUIET_S + 4 * self._took)
            self.unread += answer.before + answer.data
            value = heard.values[-1] if heard.values else None
            if value is not None and value == last:
                return StatusAnswer(request, value, answer.started)
            if answer.outcome == "noise" or (attempt and value is None and last is None):
                return None
            last = value
        return None

    def _ask(self, *requests: ReadRequest, heard: Heard, wait: float) -> Answer:
        sent = encode(*requests)
        answer = self._talk.ask(", ".join(request.name for request in requests), sent, heard, wait=wait)
        for part in (Heard().take(answer.before), heard):
            if part.blocks and not part.noise:  # among noise, four bytes may look like a block by chance
                self.block = part.blocks[-1]
        return answer

    def _next_wait(self) -> float:
        return NEXT_WAIT_S + 4 * self._took
