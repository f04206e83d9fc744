"""Asks the marking operator's CDN whether it answers; with `?token=` also which hosts it has, in what state.

A token goes only to a host whose certificate this computer trusts, and only to the target's own domain.
"""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING

from probes.links.base import LinkError
from probes.network import tls
from probes.network.hosts import Host
from probes.network.tls_handshake import TlsFailedError, TlsLink
from probes.protocols import marking_cdn
from probes.services import web_answers, web_client
from supportctl.core.finding import Meaning, Status, clean_args

if TYPE_CHECKING:
    from collections.abc import Iterator

    from probes.context import ProbeContext
    from probes.links.base import Link
    from probes.services.web_client import WebReply
    from supportctl.core.finding import Evidence, Finding

MAX_ASKED = 3  # of the hosts that the CDN names: enough to tell one host's trouble from everybody's
SLOW_MS = 1000
_BUSY = frozenset({418, 429})  # the operator asks clients to take another host
_UNAUTHORIZED = 401
_UNREACHABLE = frozenset({"link.dns", "link.refused", "link.timeout", "link.no-route"})


def run(context: ProbeContext) -> Iterator[Finding]:
    """Yield the findings of the certificate, of the list of hosts and of the hosts."""
    target = context.target
    host = Host("https", target.host, target.port or 443)
    trusted = True
    try:
        for finding in tls.examine(context, host, target.option("name") or target.host):
            trusted = trusted and finding.status in {Status.OK, Status.WARNING}
            yield finding
        if trusted:
            yield from _hosts(context)
    except LinkError as error:
        yield _failed(context, error)
    except TlsFailedError:
        return  # the examination a moment ago told what is wrong


def _hosts(context: ProbeContext) -> Iterator[Finding]:
    target, token = context.target, context.target.option("token")
    if target.port == marking_cdn.ESM_PORT:
        yield _health(context, marking_cdn.ESM_HEALTH)
        return
    if not token:
        yield _health(context, marking_cdn.HEALTH)
        return
    reply = _read(context, marking_cdn.INFO)
    problem = _no_answer(context, reply)
    if problem is not None:
        yield problem
        return
    try:
        code, sites = marking_cdn.parse_info(reply.page.body if reply.page is not None else b"")
    except marking_cdn.RemoteProtocolError:
        yield web_answers.something_else(context, reply, Meaning("marking.cdn-name"))
        return
    near = [site for site in sites if marking_cdn.same_owner(target.host, site.name)]
    if code != 0 or not near:
        yield _failing(context, reply.evidence, f"code {code}, hosts {len(near)}", Status.FAULT)
        return
    for site in near[:MAX_ASKED]:
        there = context._replace(target=target._replace(host=site.name, port=site.port))
        try:
            found = _health(there, marking_cdn.HEALTH)
        except LinkError as error:
            found = _failed(there, error)
        # the others serve the till as long as one host is well
        yield found._replace(status=Status.WARNING) if found.status is Status.FAULT else found


def _health(context: ProbeContext, path: str) -> Finding:
    reply = _read(context, path)
    problem = _no_answer(context, reply)
    if problem is not None:
        return problem
    try:
        health = marking_cdn.parse_health(reply.page.body if reply.page is not None else b"")
    except marking_cdn.RemoteProtocolError:
        return web_answers.something_else(context, reply, Meaning("marking.cdn-name"))
    host, ms = context.target.host, health.average_ms
    if health.code != 0:
        return _failing(context, reply.evidence, f"code {health.code}", Status.FAULT)
    seen = reply.evidence._replace(
        meaning="marking.cdn-health", args={"average_ms": "-" if ms is None else ms}
    )
    if ms is not None and ms >= SLOW_MS:
        return context.warning("marking.cdn-slow", seen, host=host, average_ms=ms)
    return context.ok("marking.cdn", seen, host=host)


def _no_answer(context: ProbeContext, reply: WebReply) -> Finding | None:
    """Return the finding of a reply that holds no document, None if it does."""
    page = reply.page
    if reply.silent:
        seconds = round(reply.evidence.ms / 1000, 1)
        hung = reply.evidence._replace(meaning="link.no-answer", args={"seconds": seconds})
        return _failing(context, hung, "-", Status.FAULT)
    if page is None:
        return web_answers.not_whole(context, reply)
    if page.status == _UNAUTHORIZED:
        given = bool(context.target.option("token"))
        seen = reply.evidence._replace(meaning="marking.token-refused" if given else "marking.no-token")
        return context.unknown("marking.cdn-token", seen, host=context.target.host)
    if page.status in _BUSY or page.status in web_answers.SERVER_ERRORS:
        status = Status.WARNING if page.status in _BUSY else Status.FAULT
        return _failing(context, reply.evidence, web_answers.status_line(reply), status)
    if page.status != web_answers.OK:
        return web_answers.something_else(context, reply, Meaning("marking.cdn-name"))
    return None


def _failing(context: ProbeContext, seen: Evidence, said: str, status: Status) -> Finding:
    told = (
        seen if seen.meaning else seen._replace(meaning="web.failure", args=clean_args({"http_status": said}))
    )
    finding = context.fault("marking.cdn-failing", told, host=context.target.host, said=said)
    return finding._replace(status=status)


def _failed(context: ProbeContext, error: LinkError) -> Finding:
    if error.code not in _UNREACHABLE:
        return context.link_failed(error)
    target = context.target
    finding = context.fault(
        "marking.cdn-unreachable", *error.evidence, host=target.host, port=target.port or 443
    )
    return finding._replace(status=error.status)


def _read(context: ProbeContext, path: str) -> WebReply:
    target = context.target
    token = target.option("token") if target.port != marking_cdn.ESM_PORT else ""
    request = marking_cdn.request(path, web_client.host_of(target), token=token)
    return web_client.ask(context, request, f"GET {path}", open_wire=_trusted_link)


def _trusted_link(context: ProbeContext) -> Link:
    """Return a link to a server whose certificate and name this computer trusts; else TlsFailedError."""
    target, deadline = context.target, context.deadline.within(web_client.WAIT_S)
    client = ssl.create_default_context(cafile=None)
    if target.option("ca"):
        client.load_verify_locations(cafile=target.option("ca"))
    link = context.opener(target._replace(wire="tcp", port=target.port or 443), deadline)
    secure = TlsLink(link, client, target.option("name") or target.host)
    try:
        secure.handshake(deadline)
    except BaseException:
        secure.close()
        raise
    return web_client.UntilClosed(secure)
