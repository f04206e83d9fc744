"""The answers of a service's web server that hold no state of it: what each of them means."""

from __future__ import annotations

from typing import TYPE_CHECKING

from probes.links.exchange import LIMIT
from probes.links.garble import explain_noise
from probes.services.driver import holder_of
from probes.services.web_client import WAIT_S
from supportctl.core.finding import clean_args

if TYPE_CHECKING:
    from probes.context import ProbeContext
    from probes.services.web_client import WebReply
    from supportctl.core.finding import Finding, Meaning

NEEDS_PASSWORD = frozenset({401, 403})
SERVER_ERRORS = range(500, 600)
NOT_FOUND = 404
OK = 200


def status_line(reply: WebReply) -> str:
    """Return the status of an HTTP answer as its own words have it."""
    page = reply.page
    return f"{page.status} {page.reason}".strip() if page is not None else ""


def not_whole(context: ProbeContext, reply: WebReply) -> Finding:
    """Return the finding of bytes that are no whole HTTP answer."""
    seen = reply.evidence
    if not reply.raw.startswith(b"HTTP/"[: len(reply.raw)]):
        noise = explain_noise(b"", reply.raw)
        guessed = seen._replace(meaning=noise.guess, args=noise.args)
        if noise.code == "link.wrong-device":
            return context.fault("link.wrong-device", guessed)
        return context.fault("link.garbled", guessed)
    if len(reply.raw) >= LIMIT:
        return context.fault("link.wrong-device", seen._replace(meaning="web.too-long"))
    if seen.ms >= WAIT_S * 1000 or context.deadline.expired:
        late = seen._replace(meaning="web.unfinished", args={"seconds": round(seen.ms / 1000, 1)})
        return context.unknown("link.silent", late)
    return context.fault("link.closed", seen._replace(meaning="link.closed-in-answer"))


def something_else(context: ProbeContext, reply: WebReply, expected: Meaning) -> Finding:
    """Return the finding of a sound HTTP answer of something else than what was expected here."""
    page = reply.page
    server = page.headers.get("server", "") if page is not None else ""
    args = {"found": server or status_line(reply), "expected": expected}
    seen = reply.evidence._replace(meaning="web.something-else", args=clean_args(args))
    return context.fault("link.wrong-device", seen, *holder_of(context))
