r"""Question and answer over a link: what every device probe is built on.

    with context.open_link() as link:
        talk = Conversation(context, link)
        answer = talk.ask("DLE EOT 4", b"\x10\x04\x04", exactly(1), wait=2.0)
        if answer.outcome == "answered":
            yield context.fault("printer.paper-out", talk.evidence(answer, "printer.paper-absent"))

`complete` is the codec's part: given all bytes that came since the question, it returns how many of them
make the whole answer (leading noise that the codec skips included), None while more are needed, or
`NOT_AN_ANSWER` once no further byte can make an answer of them.

`outcome` is one of
    answered    `data` is the whole answer, `rest` what came behind it
    silent      nothing came within `wait`
    incomplete  something came, but no whole answer within `wait`; `data` is all of it
    noise       no answer can come of it, or more than 64 KiB came without one; `data` is its beginning

Silence and noise are no exceptions: `talk.unanswered(answer)` is their finding, `link.silent`, `link.garbled`
or `link.wrong-device`, with the best guess why. A wire that closed is a LinkError, with the bytes that came
before in its evidence; so is a silence that was cut short by the deadline of the whole check, since it says
nothing about the device (`link.silent`, status unknown). Report both with `context.link_failed(error)`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

from probes.links.base import CHUNK, SURE_S, LinkError
from supportctl.core.finding import Status

if TYPE_CHECKING:
    from collections.abc import Callable

    from probes.context import ProbeContext
    from probes.links.base import Link
    from supportctl.core.deadline import Deadline
    from supportctl.core.finding import Evidence, Finding

Outcome = Literal["answered", "silent", "incomplete", "noise"]

LIMIT = 64 * 1024
NOT_AN_ANSWER = -1
_NOISE_ENOUGH = 512  # so much is gathered of bytes that cannot be an answer: enough to guess what they are
_NOISE_WAIT_S = 0.3  # and so long


class Answer(NamedTuple):
    """What came back for one question."""

    data: bytes
    rest: bytes
    started: float
    outcome: Outcome
    asked: str = ""
    sent: bytes = b""
    before: bytes = b""  # had arrived unasked before the question: a stream, or pushed status


class Conversation:
    """Asks questions over one open link, within the deadline of the probe."""

    def __init__(self, context: ProbeContext, link: Link) -> None:
        self._context = context
        self._link = link

    def ask(
        self, asked: str, request: bytes, complete: Callable[[bytes], int | None], *, wait: float
    ) -> Answer:
        """Return the answer to `request`, or how there was none within `wait` seconds.

        What had arrived before is taken out of the way first and given as `before`. With an empty request
        nothing is sent and nothing drained: it listens to what the device says on its own.

        Raises:
            LinkError: `link.closed`; `link.silent` if the device took no bytes, and, with status unknown,
                if the check's deadline left no time to wait for an answer.
        """
        clock = self._context.clock
        started = clock.monotonic()
        before, heard = b"", bytearray()
        try:
            before = self._drain() if request else b""
            started = clock.monotonic()
            until = self._context.deadline.within(wait)
            if request:
                self._link.send(request, until)
            size = self._hear(heard, complete, until)
        except LinkError as error:
            raise self._with_what_came(error, asked, request, bytes(heard), started) from error
        if not heard:
            self._insist_on_time(asked, request, started, wait)
            return Answer(b"", b"", started, "silent", asked, request, before)
        data = bytes(heard)
        if size is None:
            return Answer(data, b"", started, "incomplete", asked, request, before)
        if size == NOT_AN_ANSWER:
            return Answer(data, b"", started, "noise", asked, request, before)
        return Answer(data[:size], data[size:], started, "answered", asked, request, before)

    def evidence(self, answer: Answer, meaning: str = "", **args: object) -> Evidence:
        """Return what was asked, sent and answered, as evidence of a finding."""
        got = answer.data or None
        return self._context.evidence(
            answer.asked, meaning, started=answer.started, sent=answer.sent or None, got=got, **args
        )

    def unanswered(self, answer: Answer) -> Finding:
        """Return the finding of an answer that was none: silent, incomplete or noise."""
        if answer.outcome == "silent":
            waited = round(self._context.clock.monotonic() - answer.started, 1)
            return self._context.fault(
                "link.silent", self.evidence(answer, "link.no-answer", seconds=waited), seconds=waited
            )
        from probes.links.garble import explain_noise  # only what went wrong pays for its import

        noise = explain_noise(answer.sent, answer.data)
        seen = self.evidence(answer, noise.guess, **noise.args)
        if noise.code == "link.wrong-device":
            return self._context.fault("link.wrong-device", seen)
        return self._context.fault("link.garbled", seen)

    def _hear(self, heard: bytearray, complete: Callable[[bytes], int | None], until: Deadline) -> int | None:
        while len(heard) < LIMIT:
            piece = self._link.receive(until, min(CHUNK, LIMIT - len(heard)))
            if not piece:
                return None
            heard += piece
            size = complete(bytes(heard))
            if size == NOT_AN_ANSWER:
                self._gather_noise(heard, until.within(_NOISE_WAIT_S))
            if size is not None:
                return size
        return NOT_AN_ANSWER

    def _gather_noise(self, heard: bytearray, until: Deadline) -> None:
        while len(heard) < _NOISE_ENOUGH:
            try:
                piece = self._link.receive(until, _NOISE_ENOUGH)
            except LinkError:  # a web server hangs up after its complaint; what it said tells more than that
                return
            if not piece:
                return
            heard += piece

    def _drain(self) -> bytes:
        stale = bytearray()
        now = self._context.deadline.within(0)
        while len(stale) < LIMIT:  # a device that never stops talking must not keep us from asking
            piece = self._link.receive(now)
            if not piece:
                break
            stale += piece
        return bytes(stale)

    def _insist_on_time(self, asked: str, request: bytes, started: float, wait: float) -> None:
        waited = self._context.clock.monotonic() - started
        if waited < min(wait, SURE_S) and self._context.deadline.expired:
            seen = self._context.evidence(
                asked, "link.check-time-over", started=started, sent=request or None
            )
            raise LinkError("link.silent", status=Status.UNKNOWN, evidence=(seen,))

    def _with_what_came(
        self, error: LinkError, asked: str, request: bytes, heard: bytes, started: float
    ) -> LinkError:
        meaning = error.evidence[0].meaning if error.evidence else ""
        args = error.evidence[0].args if error.evidence else {}
        if error.code == "link.closed":
            meaning = "link.closed-in-answer" if heard else "link.closed-before-answer"
        seen = self._context.evidence(
            asked, meaning, started=started, sent=request or None, got=heard or None, **args
        )
        return LinkError(error.code, status=error.status, evidence=(seen,), **error.details)


def exactly(count: int) -> Callable[[bytes], int | None]:
    """Return a `complete` for answers that always have `count` bytes."""
    return lambda heard: count if len(heard) >= count else None
