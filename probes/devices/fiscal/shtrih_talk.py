"""What both protocols of a Shtrih-M register share: bytes out, events in, and why there is no answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol, TypeVar

from probes.links.base import LinkError
from probes.protocols.shtrih import DEFAULT_PASSWORD, ChecksumError, RemoteProtocolError
from probes.protocols.shtrih_answers import decode

if TYPE_CHECKING:
    from probes.context import ProbeContext
    from probes.links.base import Link
    from probes.protocols.shtrih import Answer, Command, NeedMore
    from probes.protocols.shtrih_answers import Record
    from supportctl.core.deadline import Deadline

MASK = "********"  # instead of a password in what is shown
GAP_S = 0.5  # between two bytes of a frame; the vendor's 0.05 to 0.1 s know no network
NOISE_MAX = 512
HEARD_MAX = 64 * 1024

T_co = TypeVar("T_co", covariant=True)


class Reply(NamedTuple):
    """The answer to a command. `record` is None where `error` is not zero."""

    command: Command
    sent: bytes | str  # as it may be shown: without a password that is not the documented one
    got: bytes
    started: float
    error: int
    record: Record | None


class TroubleError(Exception):
    """There is no sound answer; what was sent and heard is the evidence. `kind` says why.

    silent, time-over (that of the whole check), noise, busy; then what the repeats of the protocol did not
    cure: checksum, cut-off, length, refused (NAK), foreign (answers to another command).
    """

    def __init__(self, kind: str, asked: str, sent: bytes | str, got: bytes, started: float) -> None:
        super().__init__(f"{asked}: {kind}")
        self.kind = kind
        self.asked = asked
        self.sent = sent
        self.got = got
        self.started = started


class AgainError(Exception):
    """No sound answer so far, but the protocol allows another try."""

    def __init__(self, kind: str) -> None:
        super().__init__(kind)
        self.kind = kind


class Reader(Protocol[T_co]):
    """The codec's side: `shtrih.Reader` or `shtrih2.Reader`."""

    @property
    def pending(self) -> bytes:
        """The beginning of a frame."""

    def feed(self, data: bytes) -> None:
        """Take a piece of the stream."""

    def next_event(self) -> T_co | NeedMore:
        """Return the next event."""

    def drop(self) -> bytes:
        """Forget what is pending."""


class Talk:
    """One question after the other; keeps what was said since the last one."""

    def __init__(self, context: ProbeContext, link: Link) -> None:
        self._context = context
        self._link = link
        self._asked = ""
        self._sent: bytes | str = b""
        self._heard = bytearray()
        self._noise = 0
        self._started = context.clock.monotonic()

    def begin(self, asked: str, request: bytes, *, secret: str = "") -> None:
        """Put a question; with `secret`, that is shown as what was sent.

        Raises:
            LinkError: the wire broke.
        """
        self._asked, self._sent, self._noise = asked, secret or request, 0
        self._heard.clear()
        self._started = self._context.clock.monotonic()
        self.say(request)

    def say(self, data: bytes) -> None:
        """Send bytes that belong to the same question.

        Raises:
            LinkError: the wire broke.
        """
        try:
            self._link.send(data, self._context.deadline)
        except LinkError as error:
            raise self._broken(error) from error

    def next(self, reader: Reader[T_co], wait: float) -> T_co | None:
        """Return the next event, None if none began within `wait` seconds; noise in front of it is skipped.

        Raises:
            AgainError: a damaged frame, or one without an end.
            TroubleError: nothing but noise came, or the time of the check is over.
            LinkError: the wire broke.
        """
        until = self._context.deadline.within(wait)
        while True:
            try:
                event = reader.next_event()
            except ChecksumError:
                raise AgainError("checksum") from None
            except RemoteProtocolError as error:
                self._noise += len(error.data)
                if self._noise > NOISE_MAX:
                    raise self.trouble("noise") from None
                continue
            if not isinstance(event, str):
                return event
            if not self._more(reader, until):
                return None

    def drain(self) -> None:
        """Take what had arrived before the first question out of the way."""
        now = self._context.deadline.within(0)
        taken = 0
        while taken < HEARD_MAX:  # a device that never stops talking must not keep us from asking
            piece = self._receive(now)
            if not piece:
                return
            taken += len(piece)

    def trouble(self, kind: str) -> TroubleError:
        """Return the error to raise: there is no sound answer to this question."""
        return TroubleError(kind, self._asked, self._sent, bytes(self._heard), self._started)

    def reply(self, command: Command, answer: Answer, raw: bytes) -> Reply:
        """Return a sound answer.

        Raises:
            AgainError: its data is too short.
        """
        record = None
        if not answer.error:
            try:
                record = decode(command, answer.data)
            except RemoteProtocolError:
                raise AgainError("length") from None
        return Reply(command, self._sent, raw, self._started, answer.error, record)

    @property
    def noisy(self) -> bool:
        """Whether bytes came that belong to no frame."""
        return self._noise > 0

    def _more(self, reader: Reader[T_co], until: Deadline) -> bool:
        """Feed what arrives; return False when nothing came in time."""
        piece = self._receive(self._context.deadline.within(GAP_S) if reader.pending else until)
        if piece:
            if len(self._heard) > HEARD_MAX:
                raise self.trouble("noise")
            reader.feed(piece)
            return True
        if self._context.deadline.expired:
            raise self.trouble("time-over")
        if reader.drop():
            raise AgainError("cut-off")
        return False

    def _receive(self, until: Deadline) -> bytes:
        try:
            piece = self._link.receive(until)
        except LinkError as error:
            if error.code == "link.closed" and self._is_another_device():
                raise self.trouble("noise") from error  # it hangs up after its complaint
            raise self._broken(error) from error
        self._heard += piece
        return piece

    def _is_another_device(self) -> bool:
        """Return whether what was heard is how a web server or the like greets."""
        if not self._heard:
            return False
        from probes.links.garble import (  # only what went wrong pays for its import
            WRONG_DEVICE,
            explain_noise,
        )

        return explain_noise(b"", bytes(self._heard)).code == WRONG_DEVICE

    def _broken(self, error: LinkError) -> LinkError:
        """Return the error of the wire with the question and what had come of its answer."""
        first = error.evidence[0] if error.evidence else None
        meaning, args = (first.meaning, first.args) if first else ("", {})
        if error.code == "link.closed":
            meaning = "link.closed-in-answer" if self._heard else "link.closed-before-answer"
        seen = self._context.evidence(
            self._asked,
            meaning,
            started=self._started,
            sent=self._sent or None,
            got=bytes(self._heard) or None,
            **args,
        )
        return LinkError(error.code, status=error.status, evidence=(seen,), **error.details)


def masked(command: Command, password: int) -> str:
    """Return what is shown instead of a request with a password of the shop's own, "" where none is in it."""
    return command.code.hex() + MASK if command.password and password != DEFAULT_PASSWORD else ""
