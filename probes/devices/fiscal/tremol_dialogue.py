"""Puts questions to a Tremol register: the ping that says whether it serves us, message numbers, repeats."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from probes.devices.fiscal.framed import Heard, Pace, Result, Rules, exchange
from probes.protocols.tremol import (
    BUSY,
    NBL_MIN,
    NEED_MORE,
    PING,
    PING_ANSWERS,
    RETRY,
    Acknowledgement,
    DamagedFrameError,
    Message,
    Ping,
    Reader,
    ReadRequest,
    RemoteProtocolError,
    Single,
    encode,
    next_nbl,
)

if TYPE_CHECKING:
    from probes.context import ProbeContext
    from probes.links.exchange import Answer, Conversation

_RULES = Rules(wait_s=1.0, tries=3, busy_s=3.0, ask_again_when_busy=True)
_REFUSALS = frozenset(ping.value for ping in Ping)


class Told(NamedTuple):
    """An answer with its place in the evidence."""

    reply: Message | Acknowledgement
    answer: Answer


class _Listener:
    """Waits for the message or the acknowledgement with one number."""

    def __init__(self, request: ReadRequest, nbl: int) -> None:
        self.noise = bytearray()
        self.raw = b""
        self.reply: Message | Acknowledgement | None = None
        self.worst = Heard.SILENCE
        self._request, self._nbl = request, nbl
        self._reader = Reader()

    def take(self, piece: bytes) -> Heard | None:
        self._reader.feed(piece)
        while True:
            try:
                event = self._reader.next_event()
            except RemoteProtocolError as error:
                self.noise += error.data
                self._worse(Heard.DAMAGED if isinstance(error, DamagedFrameError) else Heard.NOISE)
                continue
            if event == NEED_MORE:
                return None
            if isinstance(event, Single):
                return Heard.BUSY if event.value == RETRY else Heard.REFUSED
            if event.nbl == self._nbl and (
                isinstance(event, Acknowledgement) or event.command == self._request.command
            ):
                self.reply, self.raw = event, event.raw
                return Heard.ANSWERED
            self._worse(Heard.OTHER)

    def _worse(self, heard: Heard) -> None:
        self.worst = max(self.worst, heard, key=lambda item: item.value)


class _PingListener:
    """Waits for the one byte that answers 09."""

    def __init__(self) -> None:
        self.noise = bytearray()
        self.raw = b""
        self.worst = Heard.SILENCE
        self.value: int | None = None

    def take(self, piece: bytes) -> Heard | None:
        """Take the byte if it stands alone or with its like: letters of any text look like an answer."""
        if self.noise or len(set(piece)) != 1 or piece[0] not in PING_ANSWERS:
            self.noise += piece
            self.worst = Heard.NOISE
            return None
        self.value, self.raw = piece[0], piece[:1]
        busy = piece[0] & BUSY and piece[0] not in _REFUSALS
        return Heard.BUSY if busy else Heard.ANSWERED


class Dialogue:
    """Questions to one register over one link. `failed` is how the last unanswered question went."""

    def __init__(self, context: ProbeContext, talk: Conversation) -> None:
        self.failed: Result | None = None
        self.pace = Pace(context)
        self._context, self._talk = context, talk
        self._nbl = NBL_MIN

    def ping(self) -> tuple[int, Answer] | None:
        """Return the byte with which the register answers 09, None if there was none (then see `failed`).

        Raises:
            LinkError: the wire closed, or the check's time is over.
        """
        listener = _PingListener()

        def put() -> tuple[bytes, _PingListener]:
            nonlocal listener
            listener = _PingListener()
            return PING, listener

        result = exchange(self._context, self._talk, "09h", put, _RULES)
        if result.heard is Heard.ANSWERED and listener.value is not None:
            return listener.value, result.answer
        self.failed = result
        return None

    def ask(self, request: ReadRequest) -> Told | None:
        """Return the answer to `request`, None if there was none that makes sense (then see `failed`).

        Each try has a number of its own: the register wants that, and a late answer is told from a new one.

        Raises:
            LinkError: the wire closed, or the check's time is over.
        """
        listener: _Listener | None = None

        def put() -> tuple[bytes, _Listener]:
            nonlocal listener
            self._nbl = next_nbl(self._nbl)
            listener = _Listener(request, self._nbl)
            return encode(request, self._nbl), listener

        result = exchange(self._context, self._talk, request.name, put, _RULES)
        if result.heard is Heard.ANSWERED and listener is not None and listener.reply is not None:
            self.pace.note(result.answer)
            return Told(listener.reply, result.answer)
        self.failed = result
        return None
