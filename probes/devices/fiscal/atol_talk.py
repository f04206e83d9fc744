"""What the conversations in ATOL's two wire protocols have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

from probes.links.exchange import NOT_AN_ANSWER
from probes.protocols.atol_answers import ChecksumError, RemoteProtocolError

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeAlias

    from probes.links.exchange import Answer, Conversation
    from probes.protocols import atol2, atol3
    from probes.protocols.atol_answers import ReadRequest
    from supportctl.core.finding import Finding

    Event: TypeAlias = atol2.Control | atol2.Frame | atol3.Frame

T6_NEXT_BYTE = 0.5  # s
_FLOOD = 512  # bytes that came unasked
_TOO_MUCH_NOISE = 64  # so many bytes are no disturbance of an answer any more


class Reply(NamedTuple):
    """An answer to a question: its bytes without framing, when it was asked, and the frames themselves."""

    request: ReadRequest
    data: bytes
    started: float
    sent: bytes
    got: bytes


class NoAnswer(Exception):  # noqa: N818  not an error of ours: a way in which a conversation ends
    """No answer could be had; `finding` says why."""

    def __init__(self, finding: Finding) -> None:
        super().__init__(finding.code)
        self.finding = finding


class Talk(Protocol):
    """A conversation with one register. `understood`: something came back that this protocol has."""

    understood: bool

    def ask(self, request: ReadRequest) -> Reply:
        """Return the answer to `request`.

        Raises:
            LinkError: the wire broke.
            NoAnswer: the register gave none, after all repeats of the protocol.
        """


class AnyReader(Protocol):
    """A codec's reader."""

    @property
    def in_frame(self) -> bool:
        """Whether the beginning of a frame waits for its end."""

    def feed(self, data: bytes) -> None:
        """Take bytes."""

    def next_event(self) -> Event | str:
        """Return an event, or a text while there is none."""


class Heard:
    """Sorts what comes back; also the `complete` of an exchange: done once `wanted` has come."""

    def __init__(self, reader: AnyReader, wanted: Callable[[Event], bool]) -> None:
        self.found: Event | None = None
        self.damaged = False  # a whole frame came, with a wrong checksum
        self.noise = 0
        self._reader = reader
        self._wanted = wanted
        self._seen = 0

    @property
    def in_frame(self) -> bool:
        """Whether the beginning of an answer has come."""
        return self.found is None and self._reader.in_frame

    def again(self) -> Heard:
        """Return this, ready to go on in a further exchange."""
        self._seen = 0
        return self

    def __call__(self, heard: bytes) -> int | None:
        """Return how many bytes make the answer, None while there is none."""
        self._reader.feed(heard[self._seen :])
        self._seen = len(heard)
        while self.found is None:
            try:
                event = self._reader.next_event()
            except ChecksumError:
                self.damaged = True
                return len(heard)
            except RemoteProtocolError as error:
                self.noise += len(error.data)
                continue
            if isinstance(event, str):
                return NOT_AN_ANSWER if self.noise > _TOO_MUCH_NOISE else None
            if self._wanted(event):
                self.found = event
        return len(heard)


def hear_out(talk: Conversation, asked: str, data: bytes, heard: Heard, *, wait: float) -> Answer:
    """Return the answer to `data`: `wait` is for its beginning, then each piece may take as long as T6.

    Raises:
        LinkError: the wire broke.
        NoAnswer: so much comes unasked that an answer among it would be chance.
    """
    answer = talk.ask(asked, data, heard, wait=wait)
    if len(answer.before) > _FLOOD:
        raise NoAnswer(talk.unanswered(answer._replace(data=answer.before, outcome="noise")))
    while answer.outcome == "incomplete" and heard.in_frame:
        more = talk.ask(asked, b"", heard.again(), wait=T6_NEXT_BYTE)
        answer = answer._replace(data=answer.data + more.data, outcome=more.outcome)
    return answer._replace(outcome="incomplete") if answer.outcome == "silent" and answer.data else answer
