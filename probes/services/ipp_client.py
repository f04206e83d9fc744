"""One IPP question over a link, inside HTTP, inside TLS where the address or the device asks for it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from probes.links.exchange import NOT_AN_ANSWER, Conversation
from probes.protocols import http1, ipp
from probes.services.web_client import UntilClosed

if TYPE_CHECKING:
    from probes.context import ProbeContext
    from probes.links.base import Link
    from supportctl.core.finding import Evidence
    from supportctl.core.target import Target

DEFAULT_PORT = 631
DEFAULT_PATHS = ("/ipp/print", "/ipp", "/")  # IPP Everywhere, old print servers, CUPS itself
WAIT_S = 6.0
_CONTENT_TYPE = "application/ipp"
_HTTP_OK, _UPGRADE_REQUIRED = 200, 426


class Reply(NamedTuple):
    """What came back: `http` when it was HTTP, `ipp` when it was IPP inside; evidence without a meaning."""

    evidence: Evidence
    http: http1.HttpAnswer | None = None
    ipp: ipp.Answer | None = None
    silent: bool = False


def ask(context: ProbeContext, path: str, question: str, requested: tuple[str, ...]) -> Reply:
    """Return the reply of `context.target` to Get-Printer-Attributes at `path`.

    Raises:
        LinkError: the wire could not be opened, or closed.
    """
    target = context.target
    host, port = _shown(target.host), target.port or DEFAULT_PORT

    def once(*, tls: bool) -> Reply:
        uri = f"{'ipps' if tls else 'ipp'}://{host}:{port}{path}"
        body = ipp.request(ipp.Operation.GET_PRINTER_ATTRIBUTES, uri, requested, request_id=1)
        return post(context, target, path, body, f"{question} {uri}", tls=tls)

    reply = once(tls=target.wire == "https")
    if reply.http is not None and reply.http.status == _UPGRADE_REQUIRED and target.wire != "https":
        return once(tls=True)
    return reply


def post(
    context: ProbeContext, server: Target, path: str, body: bytes, asked: str, *, tls: bool = False
) -> Reply:
    """Return the reply of the web server `server` to the IPP message `body`.

    Raises:
        LinkError: the wire could not be opened, or closed.
    """
    name = f"{_shown(server.host)}:{server.port or DEFAULT_PORT}"
    request = http1.post(name, path, _CONTENT_TYPE, body)
    with _open(context, server, tls=tls) as link:
        talk = Conversation(context, link)
        answer = talk.ask(asked, request, _whole_answer, wait=WAIT_S)
        seen = context.evidence(asked, started=answer.started, sent=body, got=answer.data or None)
    if answer.outcome == "silent":
        return Reply(seen, silent=True)
    try:
        page = http1.parse(answer.data, closed=True)
    except http1.HttpError:
        return Reply(seen)
    if page is None or page.status != _HTTP_OK:
        return Reply(seen, page)
    try:
        return Reply(seen, page, ipp.parse(page.body))
    except ipp.IppError:
        return Reply(seen, page)


def _shown(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _whole_answer(heard: bytes) -> int | None:
    try:
        return None if http1.parse(heard) is None else len(heard)
    except http1.HttpError:
        return NOT_AN_ANSWER


def _open(context: ProbeContext, server: Target, *, tls: bool) -> Link:
    from supportctl.core.target import Target

    wire = Target("ipp", "tcp", server.host, server.port or DEFAULT_PORT, name=server.name)
    link = context.opener(wire, context.deadline)
    if tls:
        from probes.services.tls_link import TlsLink

        link = TlsLink(link, context.deadline.within(WAIT_S))
    return UntilClosed(link)
