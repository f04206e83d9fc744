"""One HTTP question over a link that the check opened: for devices and services with a web server inside.

    reply = web_client.ask(context, http1.request("GET", host, path), "GET /api/v2/serverInfo")
    if reply.page is not None and reply.page.status == 200:
        state = reply.json()

Nothing is redirected, no proxy is asked and no cookie kept; the certificate of `https` is not judged (the TLS
probe does that): services of a till have made their own.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, NamedTuple

from probes.links.base import CHUNK, LinkError
from probes.links.exchange import NOT_AN_ANSWER, Conversation
from probes.protocols import http1

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Self

    from probes.context import ProbeContext
    from probes.links.base import Link
    from supportctl.core.deadline import Deadline
    from supportctl.core.finding import Evidence
    from supportctl.core.target import Target

WAIT_S = 6.0
_PORTS = {"http": 80, "https": 443}


class WebReply(NamedTuple):
    """What came back: `page` when it was HTTP, `raw` whatever it was.

    `evidence` has no meaning yet; its `sent` is the body of the question, never its headers with passwords.
    """

    evidence: Evidence
    raw: bytes = b""
    page: http1.HttpAnswer | None = None

    @property
    def silent(self) -> bool:
        """Whether nothing at all came back."""
        return not self.raw

    def json(self) -> object:
        """Return the document in the body, None if there is none that can be read."""
        if self.page is None:
            return None
        try:
            document: object = json.loads(self.page.body)
        except (ValueError, RecursionError):
            return None
        return document


def ask(
    context: ProbeContext,
    request: bytes,
    asked: str,
    *,
    sent: str | None = None,
    wait: float = WAIT_S,
    open_wire: Callable[[ProbeContext], Link] | None = None,
) -> WebReply:
    """Return the reply of `context.target` to a whole HTTP request (`http1.request`).

    `open_wire` is for a request that carries a secret: `open_link` does not judge certificates.

    Raises:
        LinkError: the wire could not be opened, or closed without a word.
    """
    with (open_wire or open_link)(context) as link:
        talk = Conversation(context, link)
        answer = talk.ask(asked, request, _whole_answer, wait=wait)
    page = _page(answer.data)
    text = None if page is None else page.body.decode("utf-8", "replace")
    got = answer.data or None if page is None else f"HTTP {page.status} {text}".strip()
    return WebReply(context.evidence(asked, started=answer.started, sent=sent, got=got), answer.data, page)


def open_link(context: ProbeContext) -> Link:
    """Return a link to the target's web server, inside TLS where the URL says `https`.

    Raises:
        LinkError: it could not be opened, or does not speak TLS.
    """
    target = context.target
    port = target.port or _PORTS.get(target.wire)
    link = context.opener(target._replace(wire="tcp", port=port), context.deadline)
    if target.wire == "https":
        from probes.services.tls_link import TlsLink

        link = TlsLink(link, context.deadline.within(WAIT_S))
    return UntilClosed(link)


def host_of(target: Target) -> str:
    """Return what the Host header says."""
    host = f"[{target.host}]" if ":" in target.host else target.host
    return f"{host}:{target.port}" if target.port not in {None, _PORTS.get(target.wire)} else host


def _page(data: bytes) -> http1.HttpAnswer | None:
    try:
        return http1.parse(data, closed=True) if data else None
    except http1.HttpError:
        return None


def _whole_answer(heard: bytes) -> int | None:
    try:
        return None if http1.parse(heard) is None else len(heard)
    except http1.HttpError:
        return NOT_AN_ANSWER


class UntilClosed:
    """A link on which "closed after the answer" is the end of the answer, as in HTTP/1.0."""

    def __init__(self, link: Link) -> None:
        self.target: Target = link.target
        self.one_way = link.one_way
        self._link = link
        self._heard = False

    def send(self, data: bytes, deadline: Deadline) -> None:
        """Send through the link below."""
        self._link.send(data, deadline)

    def receive(self, deadline: Deadline, limit: int = CHUNK) -> bytes:
        """Return what has arrived; `b""` also once the other side has closed behind its answer."""
        try:
            piece = self._link.receive(deadline, limit)
        except LinkError as error:
            if error.code == "link.closed" and self._heard:
                return b""
            raise
        self._heard = self._heard or bool(piece)
        return piece

    def close(self) -> None:
        """Close the link below."""
        self._link.close()

    def __enter__(self) -> Self:
        """Return the link."""
        return self

    def __exit__(self, *exc: object) -> None:
        """Close the link."""
        self.close()
