"""Which device answers here: protocol, settings, maker, model, serial number, firmware. Only reads."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from probes.context import ProbeContext
from probes.discovery.details import ask_details
from probes.discovery.identifiers import rows_for
from probes.discovery.identity import Identity, Try
from probes.discovery.known_ports import GREETING_S, greeted, known_port, not_recognised
from probes.discovery.own_questions import OWN_QUESTIONS, own_question
from probes.discovery.own_reader import merged, read_own
from probes.discovery.search import Search, settings_text
from probes.links.base import CHUNK, LinkError
from probes.links.garble import explain_noise
from supportctl.core.text import hexed

if TYPE_CHECKING:
    from collections.abc import Callable

    from probes.discovery.identifiers import Identifier
    from probes.links.base import Link
    from supportctl.core.clock import Clock
    from supportctl.core.deadline import Deadline
    from supportctl.core.target import Target

ANSWER_S = 2.0  # over a network: a printer that works on a graphic answers late
_FULL_SPEED = 9600


class Wires(NamedTuple):
    """The way to the wires, handed in: `probes.links.open_link` and `probes.links.serialport.retune`."""

    open: Callable[[Target, Deadline], Link]
    retune: Callable[[Link, Target, Deadline], None]


def wires(opener: Callable[[Target, Deadline], Link]) -> Wires:
    """Return the real way to the wires, with the opener of `probes.links` or of a probe's context."""
    return Wires(opener, _retune)


def _retune(link: Link, target: Target, deadline: Deadline) -> None:
    from probes.links.serialport import retune

    retune(link, target, deadline)  # type: ignore[arg-type]  # only ports are retuned, and they are PortLinks


def identify(
    target: Target, wires: Wires, deadline: Deadline, clock: Clock, *, details: bool = True
) -> Identity:
    """Return what answers at `target`; never raises for what the wire or the device does.

    Without `details` a device that its port's own question recognised is asked nothing more.
    """
    context = ProbeContext(target, deadline, clock, wires.open)
    try:
        if target.protocol is not None and not rows_for(target.protocol, target.wire, target.port):
            return _by_own_protocol(context, wires)
        return _by_guess(context, wires, details=details)
    except LinkError as error:
        return Identity(target, why="link", problem=context.link_failed(error))


def _by_guess(context: ProbeContext, wires: Wires, *, details: bool) -> Identity:
    target = context.target
    asked = _by_port(context)
    if asked is not None and asked.found is not None:
        return _with_details(context, asked) if details else asked
    rows = rows_for(target.protocol, target.wire, target.port)
    if asked is not None and (asked.why in {"link", "noise"} or not rows):
        return asked
    if not rows:
        return Identity(target, why="not-asked")
    if target.wire in {"serial", "rfc2217"}:
        return _on_line(context, wires, rows)
    found = _on_stream(context, wires, rows)
    return found._replace(tried=asked.tried + found.tried) if asked else found


def _by_port(context: ProbeContext) -> Identity | None:
    """Ask what the port belongs to; None if it is nobody's."""
    target = context.target
    if target.protocol is not None or target.wire not in {"tcp", "http"}:
        return None
    known = known_port(target.wire, target.port)
    if known is not None:
        return known.ask(context)
    row = next((row for row in OWN_QUESTIONS if target.port in row.ports), None)
    return _on_own_port(context, row) if row and target.wire == "tcp" else None


def _on_own_port(context: ProbeContext, row: Identifier) -> Identity:
    tried: list[Try] = []
    with context.open_link() as link:
        server = greeted(context, link)
        if server is not None:
            return server
        questions = [(row.asked, row.request), *([row.confirm] if row.confirm else [])]
        if all(_ask(context, link, row, question, tried) for question in questions):
            return Identity(context.target, context.target.speaking(row.protocol), tried=tuple(tried))
    noise = b"" if tried[-1].outcome == "answered" else bytes.fromhex(tried[-1].got.partition("…")[0])
    return _unrecognised(context, tried, noise, row.request)


def _with_details(context: ProbeContext, identity: Identity) -> Identity:
    """Add what the probe of the protocol reads, if that has not been done."""
    known = known_port(context.target.wire, context.target.port)
    if identity.found is None or (known is not None and known.whole):
        return identity
    own = read_own(context._replace(target=identity.found))
    if own is None or not own.answered:
        return identity
    return identity._replace(
        settings=settings_text(identity.found),
        details={**identity.details, **own.details},
        tried=merged(identity.tried, own.tried),
    )


def _by_own_protocol(context: ProbeContext, wires: Wires) -> Identity:
    """Let the probe of the named protocol ask; on a line of unknown speed, find the speed then."""
    target = context.target
    own = read_own(context)
    if own is None:
        return Identity(target, why="not-asked")
    if own.answered:
        return Identity(target, target, settings_text(target), own.details, own.tried)
    missed = not_recognised(context, own.problem, own.tried)
    row = own_question(target.protocol)
    line = target.wire in {"serial", "rfc2217"}
    if row is None or not line or target.option("baud") or missed.why not in {"silent", "noise"}:
        return missed
    found = _on_line(context, wires, (row,))
    own = read_own(context._replace(target=found.found)) if found.found else None
    if found.found is None or own is None or not own.answered:  # a single byte can be another family's
        return missed._replace(tried=merged(missed.tried, found.tried))
    return found._replace(details=own.details, tried=merged(found.tried, own.tried))


def _on_line(context: ProbeContext, wires: Wires, rows: tuple[Identifier, ...]) -> Identity:
    target = context.target
    first = target if target.option("baud") else target.speaking(target.protocol, baud=str(_FULL_SPEED))
    with wires.open(first, context.deadline) as link:
        search = Search(link, context.deadline, wires.retune)
        try:
            found = search.run(target, rows)
        except LinkError as error:
            problem = context.link_failed(error)
            return Identity(target, tried=tuple(search.tried), why="link", problem=problem)
        if found is None:
            return _unrecognised(context, search.tried, search.noise, rows[0].request)
        return _identity(context, found[0], found[1], link, search.tried)


def _on_stream(context: ProbeContext, wires: Wires, rows: tuple[Identifier, ...]) -> Identity:
    """One connection for each question: a device that takes it for noise may hang up."""
    target, noise = context.target, b""
    tried: list[Try] = []
    expected = target.protocol is not None or any(target.port in row.ports for row in rows)
    for row in rows:
        with wires.open(target, context.deadline) as link:
            if not expected:
                greeting = _greeting(link, context.deadline)
                if greeting:
                    return _unrecognised(context, tried, greeting, b"")
            if _ask(context, link, row, (row.asked, row.request), tried) and (
                row.confirm is None or _ask(context, link, row, row.confirm, tried)
            ):
                return _identity(context, row, target.speaking(row.protocol), link, tried)
            noise = noise or bytes.fromhex(tried[-1].got.partition("…")[0])
    return _unrecognised(context, tried, noise, rows[0].request)


def _ask(
    context: ProbeContext, link: Link, row: Identifier, question: tuple[str, bytes], tried: list[Try]
) -> bool:
    clock, (asked, request) = context.clock, question
    started, heard, outcome = clock.monotonic(), b"", "silent"
    until = context.deadline.within(ANSWER_S)
    link.send(request, until)
    try:
        while piece := link.receive(until, CHUNK):
            heard += piece
            verdict = row.recognise(heard)
            outcome = "answered" if verdict == "yes" else "noise"
            if verdict != "more" or len(heard) > CHUNK:
                break
    except LinkError as error:
        if error.code != "link.closed":
            raise
        outcome = "noise" if heard else "closed"
    ms = round((clock.monotonic() - started) * 1000, 1)
    tried.append(Try(asked, "", outcome, hexed(request), hexed(heard), ms))
    return outcome == "answered"


def _greeting(link: Link, deadline: Deadline) -> bytes:
    try:
        return link.receive(deadline.within(GREETING_S), CHUNK)
    except LinkError:
        return b""


def _identity(
    context: ProbeContext, row: Identifier, found: Target, link: Link, tried: list[Try]
) -> Identity:
    named = found.speaking(row.protocol)
    inner = ProbeContext(named, context.deadline, context.clock, context.opener)
    details = ask_details(row.protocol, inner, link, tried)
    return Identity(context.target, named, settings_text(named), details, tuple(tried))


def _unrecognised(context: ProbeContext, tried: list[Try], noise: bytes, sent: bytes) -> Identity:
    target = context.target
    if not noise:
        why = "time" if context.deadline.expired else "silent"
        return Identity(target, tried=tuple(tried), why=why)
    guess = explain_noise(sent, noise)
    started = context.clock.monotonic()
    seen = context.evidence("listen", guess.guess, started=started, got=noise, **guess.args)
    return Identity(target, tried=tuple(tried), why="noise", problem=context.unknown(guess.code, seen))
