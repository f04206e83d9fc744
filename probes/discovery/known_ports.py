"""Asks what listens on a TCP port that belongs to one family: by that family's gentlest question, no other.

A register of Shtrih-M is asked FC behind ENQ, for it tells a register from a scale by it, and needs
no password. A payment terminal gets the status enquiry. Of web services a page is read (GET) that only theirs
have. A server that greets (SSH, mail) is asked nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from probes.discovery.identity import MODEL, Identity, Try
from probes.discovery.own_reader import read_own, told, tries_of
from probes.discovery.search import settings_text
from probes.links.base import CHUNK, LinkError
from probes.links.garble import WRONG_DEVICE, explain_noise
from supportctl.core.finding import Status
from supportctl.core.text import hexed

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from probes.context import ProbeContext
    from probes.devices.fiscal.shtrih_talk import TroubleError
    from probes.links.base import Link
    from supportctl.core.finding import Finding
    from supportctl.core.target import Target

GREETING_S = 0.2  # SSH, mail and FTP servers speak first
_NO_SENSE = frozenset({"link.garbled", WRONG_DEVICE})
_SCALES = 1  # FC: type of device


class Known(NamedTuple):
    """One port: what speaks there, over which wire, and how it is asked.

    `whole`: nothing more is read behind it; it has told everything, or more would not be a GET.
    """

    protocol: str
    wire: str
    ask: Callable[[ProbeContext], Identity]
    whole: bool = False


def known_port(wire: str, port: int | None) -> Known | None:
    """Return how the port of a target without a protocol is asked, None for a port of nobody."""
    known = KNOWN.get(port or 0)
    return known if known is not None and wire in {"tcp", known.wire} else None


def greeted(context: ProbeContext, link: Link) -> Identity | None:
    """Return what a server is that speaks first; None if nobody greets, or nobody who is no device."""
    try:
        heard = link.receive(context.deadline.within(GREETING_S), CHUNK)
    except LinkError:
        return None
    guess = explain_noise(b"", heard) if heard else None
    if guess is None or guess.code != WRONG_DEVICE:
        return None
    seen = context.evidence("listen", guess.guess, started=context.clock.monotonic(), got=heard, **guess.args)
    return Identity(context.target, why="noise", problem=context.unknown(guess.code, seen))


def by_shtrih(context: ProbeContext) -> Identity:
    """ENQ, and FC where it was answered."""
    from probes.devices.fiscal.shtrih_dialogue import StandardDialogue
    from probes.devices.fiscal.shtrih_talk import TroubleError
    from probes.protocols import shtrih
    from probes.protocols.shtrih_answers import DeviceType

    target, found = context.target, None
    with context.open_link() as link:
        server = greeted(context, link)
        if server is not None:
            return server
        dialogue = StandardDialogue(context, link)
        try:
            dialogue.start()
            found = target.speaking("shtrih")
            reply = dialogue.ask(shtrih.GET_DEVICE_TYPE, shtrih.DEFAULT_PASSWORD)
        except TroubleError as trouble:
            if found is None and trouble.kind == "busy":
                found = target.speaking("shtrih")
            return _in_trouble(context, found, trouble)
    sent = reply.sent if isinstance(reply.sent, str) else hexed(reply.sent)
    ms = round((context.clock.monotonic() - reply.started) * 1000, 1)
    tried = (Try(reply.command.name, "", "answered", sent, hexed(reply.got), ms),)
    kind = reply.record
    if not isinstance(kind, DeviceType):
        return Identity(target, found, tried=tried)
    protocol = "shtrihscale" if kind.type == _SCALES else "shtrih"
    return Identity(target, target.speaking(protocol), details=told({MODEL: kind.name}), tried=tried)


def _in_trouble(context: ProbeContext, found: Target | None, trouble: TroubleError) -> Identity:
    """Return what is known of a device that did not answer soundly; ENQ answered is a register."""
    sent = trouble.sent if isinstance(trouble.sent, str) else hexed(trouble.sent)
    outcome = "answered" if found else "noise" if trouble.got else "silent"
    ms = round((context.clock.monotonic() - trouble.started) * 1000, 1)
    tried = (Try(trouble.asked, "", outcome, sent, hexed(trouble.got), ms),)
    if found is not None or not trouble.got:
        return Identity(context.target, found, tried=tried, why="" if found else "silent")
    guess = explain_noise(b"", trouble.got)
    seen = context.evidence(
        trouble.asked, guess.guess, started=trouble.started, got=trouble.got, **guess.args
    )
    return Identity(context.target, tried=tried, why="noise", problem=context.unknown(guess.code, seen))


def by_status_enquiry(context: ProbeContext) -> Identity:
    """05 01, as the probe of ZVT terminals asks it: what begins a payment cannot be encoded there."""
    return by_reader(context, context.target.speaking("zvt"))


def by_utm(context: ProbeContext) -> Identity:
    """GET /api/info/list, on older versions /diagnosis."""
    return by_reader(context, context.target.speaking("utm")._replace(wire="http"))


def by_marking(context: ProbeContext) -> Identity:
    """GET /api/v1/status."""
    return by_reader(context, context.target.speaking("marking")._replace(wire="http"))


def by_server_info(context: ProbeContext) -> Identity:
    """GET /api/v2/serverInfo of ATOL's driver; the register behind it is not asked."""
    from probes.devices.fiscal.atol_web_talk import NoAnswer, WebTalk

    target = context.target.speaking("atol")._replace(wire="http")
    try:
        server = WebTalk(context._replace(target=target)).find_server()
    except NoAnswer as no:
        if no.finding.code.startswith("fiscal."):  # it wants a password: the service is there
            return Identity(context.target, target, tried=tries_of(no.finding))
        return _not_theirs(not_recognised(context, no.finding, tries_of(no.finding)))
    seen = server.evidence
    tried = (Try(seen.asked, "", "answered", seen.sent or "", seen.got or "", seen.ms),)
    return Identity(context.target, target, tried=tried)


def by_reader(context: ProbeContext, candidate: Target) -> Identity:
    """Return whether the probe of a protocol is answered: its first question is the gentlest one."""
    own = read_own(context._replace(target=candidate))
    assert own is not None  # each has its probe
    if own.answered:
        return Identity(context.target, candidate, settings_text(candidate), own.details, own.tried)
    return _not_theirs(not_recognised(context, own.problem, own.tried))


def _not_theirs(identity: Identity) -> Identity:
    """Return the same without what the probe says of a device or service that nobody has said is there."""
    problem = identity.problem
    if problem is None or identity.why == "link":
        return identity
    if identity.why == "silent" or not problem.code.startswith("link."):
        return identity._replace(problem=None)
    return identity._replace(problem=problem._replace(status=Status.UNKNOWN))


def not_recognised(context: ProbeContext, problem: Finding | None, tried: tuple[Try, ...]) -> Identity:
    """Return why there is no answer of the protocol, out of the finding of its probe."""
    if problem is not None:
        problem = problem._replace(target=context.target.url)
    code = problem.code if problem else ""
    if code == "link.silent":
        return Identity(context.target, tried=tried, why="silent", problem=problem)
    if problem is None:
        return Identity(context.target, tried=tried, why="not-asked")
    why = "link" if code.startswith("link.") and code not in _NO_SENSE else "noise"
    return Identity(context.target, tried=tried, why=why, problem=problem)


KNOWN: Mapping[int, Known] = {
    7778: Known("shtrih", "tcp", by_shtrih),
    20007: Known("zvt", "tcp", by_status_enquiry, whole=True),
    16732: Known("atol", "http", by_server_info, whole=True),
    8080: Known("utm", "http", by_utm, whole=True),
    5995: Known("marking", "http", by_marking, whole=True),
}
