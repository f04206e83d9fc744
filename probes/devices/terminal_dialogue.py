"""Asks a ZVT terminal for its status: repeats what the protocol repeats, leaves payments alone.

The terminal first takes the question (80 00 00), then answers it (06 0F or 06 1E). Each of its messages is
acknowledged, with one exception: a message that belongs to a payment. To acknowledge it would tell the
terminal that the till has taken note of the payment, which is not ours to say.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Literal, NamedTuple, TypeAlias

from probes.links.base import LinkError
from probes.links.exchange import NOT_AN_ANSWER
from probes.protocols.zvt import (
    ABORT,
    ACKNOWLEDGE,
    COMPLETION,
    INTERMEDIATE_STATUS,
    NAK,
    NEED_MORE,
    NEGATIVE_CLASS,
    OF_A_TRANSACTION,
    Apdu,
    BadFrame,
    Control,
    Framing,
    Reader,
    RemoteProtocolError,
    encode,
)
from probes.protocols.zvt import ACK as ACK_BYTE

if TYPE_CHECKING:
    from probes.context import ProbeContext
    from probes.links.base import Link
    from probes.links.exchange import Answer, Conversation
    from supportctl.core.finding import Evidence

TAKES_QUESTION_S = 5.0  # T3 of the specification
LINE_ANSWERS_S = 2.0  # on a serial line the ACK byte comes at once
ANSWERS_S = 6.0  # the specification lets it take longer (T2, 15 s): then it is busy, and we say so
BUSY_PAUSE_S = 1.0
_SETTLE_S = 0.5
_TRIES = 3
_TOO_MUCH_NOISE = 64
_BUSY = 0x9C

# completed 06 0F; aborted 06 1E; refused 84 xx; in-payment: of a transaction; no-answer: took the question,
# then silent; damaged: no sound frame in three tries; unanswered: see `Reply.answer`
Outcome: TypeAlias = Literal[
    "completed", "aborted", "refused", "in-payment", "no-answer", "damaged", "unanswered"
]


class Reply(NamedTuple):
    """How an enquiry ended. `apdu` is the message that ended it."""

    outcome: Outcome
    answer: Answer
    apdu: Apdu | None = None

    @property
    def is_busy(self) -> bool:
        """Whether the terminal asks to repeat the question later."""
        return self.outcome == "refused" and self.apdu is not None and self.apdu.command & 0xFF == _BUSY


class _Heard:
    """Sorts what comes; the `complete` of every exchange of one enquiry."""

    def __init__(self, framing: Framing) -> None:
        self.apdus: deque[Apdu] = deque()
        self.controls: deque[Control] = deque()
        self.damaged = 0
        self.noise = 0
        self._seen = 0
        self._reader = Reader(framing)

    def __call__(self, heard: bytes) -> int | None:
        self._reader.feed(heard[self._seen :])
        self._seen = len(heard)
        before = (len(self.apdus), len(self.controls), self.damaged)
        while True:
            try:
                event = self._reader.next_event()
            except BadFrame:
                self.damaged += 1
            except RemoteProtocolError as error:
                self.noise += len(error.data)
                if self.noise > _TOO_MUCH_NOISE:
                    return NOT_AN_ANSWER
            else:
                if event == NEED_MORE:
                    break
                self._keep(event)
        return len(heard) if (len(self.apdus), len(self.controls), self.damaged) != before else None

    def _keep(self, event: Apdu | Control) -> None:
        if isinstance(event, Control):
            self.controls.append(event)
        else:
            self.apdus.append(event)

    def again(self) -> _Heard:
        """Return this, ready to go on in a further exchange."""
        self._seen = 0
        return self


class Enquiry:
    """One question with all that it takes to get the answer."""

    def __init__(self, context: ProbeContext, talk: Conversation, link: Link, request: Apdu) -> None:
        self._context = context
        self._talk = talk
        self._link = link
        self._request = request
        self._name = f"{request.command >> 8:02X} {request.command & 0xFF:02X}"
        # a converter between serial and TCP passes on the frames of the serial line
        plain = link.target.wire == "tcp" and link.target.option("framing") != "serial"
        self._framing = Framing.TCP if plain else Framing.SERIAL
        self._heard = _Heard(self._framing)
        self._taken = False

    def ask(self) -> Reply:
        """Return how the terminal answers; one that asks to repeat the question is asked twice.

        Raises:
            LinkError: the wire broke.
        """
        reply = self._believed(self._ask())
        if not reply.is_busy:
            return reply
        self._talk.ask(self._name, b"", self._heard.again(), wait=BUSY_PAUSE_S)
        return self._believed(self._ask())

    def _believed(self, reply: Reply) -> Reply:
        """Return the reply; without a checksum, what looks like a short message among noise is noise, too."""
        if self._framing is Framing.SERIAL or not self._heard.noise or reply.outcome == "completed":
            return reply
        return Reply("unanswered", reply.answer._replace(outcome="noise"))

    def evidence(self, reply: Reply, meaning: str, **args: object) -> Evidence:
        """Return the question with the message that ended it."""
        got = reply.apdu.raw if reply.apdu is not None else reply.answer.data
        return self._talk.evidence(reply.answer._replace(data=got), meaning, **args)

    def _ask(self) -> Reply:
        self._heard = _Heard(self._framing)
        self._taken = False
        answer = self._put_question()
        while True:
            while self._heard.apdus:
                apdu = self._heard.apdus.popleft()
                ended = self._judge(apdu)
                if ended is not None:
                    return Reply(ended, answer, apdu)
            if self._heard.damaged >= _TRIES:
                return Reply("damaged", answer)
            if answer.outcome != "answered":
                return Reply("unanswered", answer)
            more = self._listen(ANSWERS_S if self._taken else LINE_ANSWERS_S)
            answer = answer._replace(data=answer.data + more.data)
            if more.outcome != "answered":
                # among noise, one byte in 256 looks like an ACK
                heard_us = self._taken or (Control.ACK in self._heard.controls and not self._heard.noise)
                return Reply("no-answer" if heard_us else "unanswered", answer)

    def _put_question(self) -> Answer:
        """Send the question; on a serial line up to three times, as long as it is not taken.

        A message that came before its ACK byte is as good as that byte, which may have been lost.
        """
        sent, serial = encode(self._request, self._framing), self._framing is Framing.SERIAL
        wait = LINE_ANSWERS_S if serial else TAKES_QUESTION_S
        answer = self._talk.ask(self._name, sent, self._heard.again(), wait=wait)
        for _ in range(_TRIES - 1):
            self._quit_damaged()
            taken = self._heard.apdus or Control.ACK in self._heard.controls
            if taken or not serial or answer.outcome == "noise":
                break
            self._heard.controls.clear()
            answer = self._talk.ask(self._name, sent, self._heard.again(), wait=wait)
        self._acknowledge_frames()
        return answer

    def _listen(self, wait: float) -> Answer:
        answer = self._talk.ask(self._name, b"", self._heard.again(), wait=wait)
        self._quit_damaged()
        self._acknowledge_frames()
        return answer

    def _judge(self, apdu: Apdu) -> Outcome | None:
        """Return how this message ends the enquiry; None if there is more to wait for."""
        if apdu == self._request:  # an echo
            return "unanswered"
        if apdu.command >> 8 == NEGATIVE_CLASS:
            return "refused"
        if apdu == ACKNOWLEDGE:
            self._taken = True
            return None
        # on a serial line it may be left over from somebody else's conversation
        strange = self._framing is Framing.SERIAL and not self._taken
        if apdu.command in OF_A_TRANSACTION or strange:
            return "in-payment"
        self._acknowledge(last=apdu.command in {COMPLETION, ABORT})
        if apdu.command == INTERMEDIATE_STATUS:
            return None
        return "completed" if apdu.command == COMPLETION else "aborted"

    def _acknowledge(self, *, last: bool) -> None:
        until = self._context.deadline.within(_SETTLE_S)
        try:
            self._link.send(encode(ACKNOWLEDGE, self._framing), until)
            if last and self._framing is Framing.SERIAL:
                self._talk.ask(self._name, b"", self._heard.again(), wait=_SETTLE_S)
        except LinkError:
            if not last:  # the answer is here; a terminal that hangs up behind it is none the worse
                raise

    def _acknowledge_frames(self) -> None:
        """Say ACK to the sound frames that came; those of a payment are left to whoever began it."""
        if self._framing is Framing.SERIAL and any(
            a.command not in OF_A_TRANSACTION for a in self._heard.apdus
        ):
            self._link.send(bytes((ACK_BYTE,)), self._context.deadline.within(_SETTLE_S))

    def _quit_damaged(self) -> None:
        if self._heard.damaged and not self._heard.apdus and self._heard.damaged < _TRIES:
            self._link.send(bytes((NAK,)), self._context.deadline.within(_SETTLE_S))
