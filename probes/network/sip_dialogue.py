"""Puts SIP questions over UDP, with repeats, or over TCP."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol, Self

from probes.links.base import LinkError
from probes.links.exchange import NOT_AN_ANSWER, Conversation
from probes.network.datagram import Datagrams
from probes.protocols.sip import RemoteProtocolError, Request, Response, encode, message_size, parse

if TYPE_CHECKING:
    from probes.context import ProbeContext
    from probes.links.base import Link
    from supportctl.core.finding import Evidence, Finding

RESEND_S = (0.5, 1.0, 2.0, 3.0)  # RFC 3261, 17.1.2.2 doubles from 0.5 s for 32 s; a till is not that patient
STREAM_WAIT_S = 6.0
_HIDDEN = "***"


class Told(NamedTuple):
    """A question, and the response to it or what came instead."""

    request: Request
    started: float
    response: Response | None
    heard: bytes = b""

    def evidence(
        self, context: ProbeContext, meaning: str, *, got: str | None = None, **args: object
    ) -> Evidence:
        """Return the question with the first line of what came, or with `got`."""
        request = self.request._replace(authorization=None)
        sent = encode(request).decode().splitlines()[0] + (
            f" ({_HIDDEN})" if self.request.authorization else ""
        )
        first = self.heard.lstrip(b"\r\n").splitlines()[:1]
        shown = got or (first[0].decode("utf-8", "replace") if first else None)
        asked = f"SIP {request.method} {request.transport}"
        return context.evidence(asked, meaning, started=self.started, sent=sent, got=shown, **args)

    def unanswered(self, context: ProbeContext) -> Finding:
        """Return the finding of a question that nobody answered."""
        if self.heard:
            return context.fault("link.wrong-device", self.evidence(context, "sip.other-answer"))
        seen = self.evidence(context, "sip.no-answer")
        return context.fault("sip.unreachable", seen)


class SipDialogue(Protocol):
    """A way to put questions. `me` and `them` are `host:port`."""

    me: str
    them: str
    transport: str

    def ask(self, request: Request) -> Told:
        """Return the response.

        Raises:
            LinkError: the wire broke, or the other side refuses it.
        """

    def __enter__(self) -> Self:
        """Return the dialogue."""

    def __exit__(self, *exc: object) -> None:
        """Close the wire."""


def open_dialogue(context: ProbeContext) -> SipDialogue:
    """Return a dialogue with the target, over its wire.

    Raises:
        LinkError: why it cannot be had.
    """
    return _OverTcp(context) if context.target.wire == "tcp" else _OverUdp(context)


class _OverUdp:
    transport = "UDP"

    def __init__(self, context: ProbeContext) -> None:
        self._context = context
        self._wire = Datagrams(context.target.host, context.target.port or 5060, context.deadline)
        self.them = _them(context)
        self.me = _place(*self._wire.own_address)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self._wire.__exit__(*exc)

    def ask(self, request: Request) -> Told:
        """Return the response; the question is repeated until it comes."""
        started = self._context.clock.monotonic()
        found: list[Response] = []

        def is_answer(datagram: bytes) -> bool:
            try:
                response = parse(datagram)
            except RemoteProtocolError:
                return False
            if response.answers(request):
                found.append(response)
            return bool(found)

        heard = self._wire.ask(encode(request), is_answer, RESEND_S, self._context.deadline)
        if found and heard.answer is not None:
            return Told(request, started, found[0], heard.answer)
        return Told(request, started, None, _foreign(heard.noise))


class _OverTcp:
    transport = "TCP"

    def __init__(self, context: ProbeContext) -> None:
        self._context = context
        self._link: Link = context.open_link()
        self._talk = Conversation(context, self._link)
        self.them = _them(context)
        # the other side answers on the connection that the question came by, whatever Via says
        self.me = "supportctl.invalid:5060"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self._link.close()

    def ask(self, request: Request) -> Told:
        """Return the response."""
        started = self._context.clock.monotonic()
        found: list[tuple[Response, bytes]] = []

        def complete(heard: bytes) -> int | None:
            """Skip provisional responses."""
            place = 0
            try:
                while (size := message_size(heard[place:])) is not None:
                    message = heard[place : place + size]
                    place += size
                    response = parse(message)
                    if response.answers(request):
                        found.append((response, message))
                        return place
            except RemoteProtocolError:
                return NOT_AN_ANSWER
            return None

        asked = f"SIP {request.method} TCP"
        answer = self._talk.ask(asked, encode(request), complete, wait=STREAM_WAIT_S)
        if found:
            return Told(request, started, *found[0])
        if answer.outcome == "noise":
            finding = self._talk.unanswered(answer)
            raise LinkError(finding.code, status=finding.status, evidence=finding.evidence)
        return Told(request, started, None)


def _foreign(datagram: bytes) -> bytes:
    """Return a datagram that is no SIP at all; a response to somebody else is only no answer."""
    try:
        parse(datagram)
    except RemoteProtocolError:
        return datagram
    return b""


def _them(context: ProbeContext) -> str:
    return _place(context.target.host, context.target.port or 5060)


def _place(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
