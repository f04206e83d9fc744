"""Questions to an ATOL register in protocol 2, with the timers and the repeats that the protocol has."""

from __future__ import annotations

from typing import TYPE_CHECKING

from probes.devices.fiscal.atol_talk import Heard, NoAnswer, Reply, hear_out
from probes.links.exchange import Conversation
from probes.protocols import atol2
from probes.protocols.atol2 import ACK, ENQ, EOT, NAK, Control, Frame
from supportctl.core.finding import Meaning

if TYPE_CHECKING:
    from probes.context import ProbeContext
    from probes.links.base import Link
    from probes.links.exchange import Answer
    from probes.protocols.atol_answers import ReadRequest
    from supportctl.core.finding import Finding

_ANY = frozenset(Control)
# A register repeats its frame every half a second: one that says nothing for so many T2 has restarted.
_FALLEN_SILENT = 2


class Atol2Talk:
    """A conversation in protocol 2."""

    def __init__(self, context: ProbeContext, link: Link, password: str) -> None:
        self._context = context
        self._talk = Conversation(context, link)
        self._password = password
        self._reader = atol2.Reader()
        self.understood = False

    def ask(self, request: ReadRequest) -> Reply:
        """Return the answer to `request`. Raises: LinkError, NoAnswer."""
        started = self._context.clock.monotonic()
        frame = atol2.encode(request, self._password)
        answer, last = None, False
        while answer is None:
            self._get_ready(request)
            already = self._hand_over(request, frame)
            answer = self._fetch(request, frame, already=already, last=last)
            last = True
        return Reply(request, answer.data, started, frame, answer.raw)

    def _get_ready(self, request: ReadRequest) -> None:
        """Put ENQ until the register is ready for a command."""
        silent = refused = 0
        why = ""
        while True:
            answer, heard = self._say(f"ENQ ({request.name})", ENQ, atol2.T1_READY)
            if heard.found is Control.ACK:
                self.understood = True
                return
            if answer.outcome == "noise":
                raise NoAnswer(self._talk.unanswered(answer))
            if heard.found in {Control.NAK, Control.ENQ}:  # not now; or it wants to speak itself
                refused += 1
                why = "atol.collides" if heard.found is Control.ENQ else "atol.refuses"
                self._back_off()
            else:
                silent += 1
            if refused == atol2.ENQ_TRIES:
                raise NoAnswer(self._busy(answer, why))
            if silent == atol2.ENQ_TRIES:
                raise NoAnswer(self._talk.unanswered(answer))

    def _hand_over(self, request: ReadRequest, frame: bytes) -> bool:
        """Send the frame until it is taken; returns whether the register has begun to answer already."""
        attempt = 0
        while True:
            answer, heard = self._say(request.name, frame, atol2.T3_ACCEPTED)
            attempt += 1
            if heard.found is Control.ACK:
                return False
            if heard.found is Control.ENQ and attempt > 1:  # its ACK was lost on the way
                return True
            if heard.found is Control.NAK and attempt == atol2.FRAME_TRIES:
                seen = self._talk.evidence(answer, "atol.frame-refused")
                raise NoAnswer(self._context.fault("link.garbled", seen))
            if answer.outcome == "noise" or attempt == atol2.FRAME_TRIES:
                raise NoAnswer(self._talk.unanswered(answer))

    def _fetch(self, request: ReadRequest, frame: bytes, *, already: bool, last: bool) -> Frame | None:
        """Let the register answer, and take its frame; None if it has fallen silent: ask once more."""
        if not already:
            answer, heard = self._say(request.name, EOT, atol2.T5_ANSWER, frozenset({Control.ENQ}))
            if heard.found is not Control.ENQ:
                raise NoAnswer(self._busy(answer._replace(sent=frame), "atol.late"))
        say, damaged, attempt, silent = ACK, False, 0, 0
        while True:
            answer, heard = self._say(
                request.name, say, atol2.T2_FRAME, frozenset({Control.ENQ}), frames=True
            )
            attempt += 1
            silent = 0 if answer.data else silent + 1
            if isinstance(heard.found, Frame):
                self._end()
                return heard.found
            damaged = damaged or heard.damaged
            if silent == _FALLEN_SILENT and not last:
                return None
            if attempt == atol2.FRAME_TRIES or silent == _FALLEN_SILENT:
                seen = self._talk.evidence(answer, "atol.damaged" if damaged else "atol.no-frame")
                raise NoAnswer(self._context.fault("link.garbled", seen))
            # ENQ once more: our ACK was lost. Silence: it repeats its frame by itself.
            say = NAK if heard.damaged or self._reader.in_frame else ACK if heard.found else b""
            self._reader.forget()

    def _end(self) -> None:
        """Acknowledge the frame; a repeated one says that this was lost."""
        for _ in range(atol2.FRAME_TRIES):
            _answer, heard = self._say("ACK", ACK, atol2.T4_END, frozenset({Control.EOT}), frames=True)
            if not isinstance(heard.found, Frame) and not heard.damaged:
                return

    def _say(
        self, asked: str, data: bytes, wait: float, wanted: frozenset[Control] = _ANY, *, frames: bool = False
    ) -> tuple[Answer, Heard]:
        heard = Heard(self._reader, lambda event: frames if isinstance(event, Frame) else event in wanted)
        if data:
            self._reader.forget()
        return hear_out(self._talk, asked, data, heard, wait=wait), heard

    def _back_off(self) -> None:
        self._context.clock.sleep(min(atol2.T7_BACK_OFF, self._context.deadline.remaining()))

    def _busy(self, answer: Answer, meaning: str) -> Finding:
        seen = self._talk.evidence(answer, meaning)
        return self._context.unknown("fiscal.device-busy", seen, reason=Meaning(meaning))
