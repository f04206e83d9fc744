"""Puts questions to a Datecs register: its framing, sequence numbers, repeats as the manual says."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from probes.devices.fiscal.framed import (
    HOPELESS_NOISE,
    Heard,
    Pace,
    Result,
    Rules,
    exchange,
    is_another_device,
)
from probes.protocols.datecs import (
    DIAGNOSTICS,
    NEED_MORE,
    SEQ_MIN,
    Control,
    DamagedFrameError,
    Framing,
    Reader,
    ReadRequest,
    RemoteProtocolError,
    Reply,
    encode,
    next_seq,
)

if TYPE_CHECKING:
    from probes.context import ProbeContext
    from probes.links.exchange import Answer, Conversation

_RULES = Rules(wait_s=0.5, tries=3, busy_s=3.0)  # 500 ms: the manual's time-out of a host
_FIRST = _RULES._replace(tries=2)
_CONTROLS = {Control.SYN: Heard.BUSY, Control.NAK: Heard.REFUSED}


class Told(NamedTuple):
    """An answer with its place in the evidence."""

    reply: Reply
    answer: Answer


class _Listener:
    """Waits for the answer to one command; the answer to another one is a repetition or somebody else's."""

    def __init__(self, request: ReadRequest, seq: int) -> None:
        self.noise = bytearray()
        self.raw = b""
        self.reply: Reply | None = None
        self.worst = Heard.SILENCE
        self._request, self._seq = request, seq
        self._reader = Reader(request.framing)

    def take(self, piece: bytes) -> Heard | None:
        self._reader.feed(piece)
        heard: Heard | None = None
        while True:
            try:
                event = self._reader.next_event()
            except RemoteProtocolError as error:
                self.noise += error.data
                self._worse(Heard.DAMAGED if isinstance(error, DamagedFrameError) else Heard.NOISE)
                continue
            if event == NEED_MORE:
                return heard
            if isinstance(event, Control):
                heard = _CONTROLS[event]
            elif (event.command, event.seq) == (self._request.command, self._seq):
                self.reply, self.raw = event, event.raw
                return Heard.ANSWERED
            else:
                self._worse(Heard.OTHER)

    def _worse(self, heard: Heard) -> None:
        self.worst = max(self.worst, heard, key=lambda item: item.value)


class Dialogue:
    """Questions to one register over one link. `failed` is how the last question that got no answer went."""

    def __init__(self, context: ProbeContext, talk: Conversation) -> None:
        self.framing: Framing | None = None
        self.failed: Result | None = None
        self.pace = Pace(context)
        self._context, self._talk = context, talk
        self._seq = SEQ_MIN

    def begin(self, framings: tuple[Framing, ...]) -> Told | None:
        """Return the answer to the first question, in the first framing that the register understands.

        P is tried before X: a P device that hears the beginning of an X frame waits for the rest of it. The
        first question is the device's name, which does not change: if its SEQ happens to be the one that
        another program used last, what comes back is an old answer.

        Raises:
            LinkError: the wire closed, or the check's time is over.
        """
        failed: Result | None = None
        for place, framing in enumerate(framings):
            told = self.ask(DIAGNOSTICS[framing], _RULES if place == len(framings) - 1 else _FIRST)
            if told is not None:
                self.framing = framing
                return told
            failed = _telling(failed, self.failed)
            if failed is not None and (failed.heard is Heard.BUSY or _is_settled(failed)):
                break
        self.failed = failed
        return None

    def ask(self, request: ReadRequest, rules: Rules = _RULES) -> Told | None:
        """Return the answer to `request`, None if there was none that makes sense (then see `failed`).

        Raises:
            LinkError: the wire closed, or the check's time is over.
        """
        listener: _Listener | None = None
        self._seq = next_seq(self._seq)

        def put() -> tuple[bytes, _Listener]:
            nonlocal listener
            if listener is not None and listener.worst is Heard.OTHER:
                self._seq = next_seq(self._seq)  # it repeats an old answer: this number was used before us
            listener = _Listener(request, self._seq)
            return encode(request, self._seq), listener

        result = exchange(self._context, self._talk, request.name, put, rules)
        if result.heard is Heard.ANSWERED and listener is not None and listener.reply is not None:
            self.pace.note(result.answer)
            return Told(listener.reply, result.answer)
        self.failed = result
        return None


def _is_settled(failed: Result) -> bool:
    """Return whether what came is a sound answer of something else; a few bytes look like any text."""
    came = failed.answer.data
    enough = failed.heard is Heard.NOISE and len(came) > HOPELESS_NOISE
    return enough and is_another_device(failed.answer.sent, came)


def _telling(one: Result | None, other: Result | None) -> Result | None:
    """Return the failure that says more."""
    if one is None or other is None:
        return one or other
    return max(one, other, key=lambda result: (result.heard.value, len(result.answer.data)))
