"""ATOL registers on a wire, protocols 2 and 3: one reading of everything that tells why a shop cannot sell.

Both protocols carry the same commands, so that the same state gives the same findings on every wire.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

from probes.devices.fiscal.atol_reading import WireReading
from probes.devices.fiscal.atol_talk import NoAnswer
from probes.devices.fiscal.judge import CODES, judge
from probes.links.base import LINK_CODES, LinkError
from probes.protocols.atol_answers import (
    DEFAULT_PASSWORD,
    LocalProtocolError,
    RemoteProtocolError,
    command_bytes,
)
from probes.protocols.atol_answers import STATUS as STATUS_REQUEST
from supportctl.core.finding import Status

if TYPE_CHECKING:
    from collections.abc import Iterator

    from probes.context import ProbeContext
    from probes.devices.fiscal.atol_talk import Talk
    from probes.links.base import Link
    from supportctl.core.finding import Finding

_OTHER_WAIT_S = 0.6
_NO_SENSE = {"link.silent", "link.garbled"}


class _AtolProbe(ABC):
    """What the probes of both protocols share."""

    codes = CODES | LINK_CODES

    def run(self, context: ProbeContext) -> Iterator[Finding]:
        """Yield the register's state, or why it cannot be asked."""
        password = context.target.option("password", DEFAULT_PASSWORD)
        if not _can_be_sent(password):
            seen = context.evidence("password", "atol.password-form", started=context.clock.monotonic())
            yield context.unknown("fiscal.wrong-password", seen)
            return
        try:
            with context.open_link() as link:
                yield from self._ask(context, link, password)
        except LinkError as error:
            yield context.link_failed(error)

    def _ask(self, context: ProbeContext, link: Link, password: str) -> Iterator[Finding]:
        talk = self._talk(context, link, password)
        reading = WireReading(context, talk)
        broken: Finding | None = None
        try:
            reading.ask_all()
        except NoAnswer as no:
            broken = no.finding
        except LinkError as error:
            broken = context.link_failed(error)
        if reading.answered:
            yield from judge(reading.state(), context)
        elif broken is not None and not talk.understood and _makes_no_sense(broken):
            broken = self._speaks_the_other(context, link) or broken
        if broken is not None:
            yield broken

    @abstractmethod
    def _talk(self, context: ProbeContext, link: Link, password: str) -> Talk:
        """Return the conversation in this protocol."""

    @abstractmethod
    def _speaks_the_other(self, context: ProbeContext, link: Link) -> Finding | None:
        """Return a finding if this register answers in the other protocol."""


class Atol2Probe(_AtolProbe):
    """Asks a register in protocol 2: `atol2+serial://`, `atol2+tcp://`, `atol2+rfc2217://`."""

    def _talk(self, context: ProbeContext, link: Link, password: str) -> Talk:
        from probes.devices.fiscal.atol2_talk import Atol2Talk

        return Atol2Talk(context, link, password)

    def _speaks_the_other(self, context: ProbeContext, link: Link) -> Finding | None:
        """Ask protocol 3 for a task that does not exist: no register does anything for it."""
        from probes.links.exchange import Conversation
        from probes.protocols import atol3

        frame = atol3.request_result(1, 0)
        answer, reader = Conversation(context, link), atol3.Reader()
        heard = answer.ask(
            "C3", frame, lambda came: len(came) if len(came) >= 5 else None, wait=_OTHER_WAIT_S
        )
        reader.feed(heard.data)
        try:
            if isinstance(reader.next_event(), str):
                return None
        except RemoteProtocolError:
            return None
        return context.fault("link.wrong-device", answer.evidence(heard, "atol.speaks-3"), protocol="atol3")


class Atol3Probe(_AtolProbe):
    """Asks a register in protocol 3: `atol3+tcp://`, `atol3+serial://`, `atol3+rfc2217://`."""

    def _talk(self, context: ProbeContext, link: Link, password: str) -> Talk:
        from probes.devices.fiscal.atol3_talk import Atol3Talk

        return Atol3Talk(context, link, password)

    def _speaks_the_other(self, context: ProbeContext, link: Link) -> Finding | None:
        """Put ENQ, which is harmless to every family; an ACK is taken back by EOT."""
        from probes.links.exchange import Conversation
        from probes.protocols import atol2

        talk = Conversation(context, link)
        heard = talk.ask("ENQ", atol2.ENQ, lambda _came: None, wait=_OTHER_WAIT_S)
        if heard.data != atol2.ACK:
            return None
        link.send(atol2.EOT, context.deadline)
        return context.fault("link.wrong-device", talk.evidence(heard, "atol.speaks-2"), protocol="atol2")


def _makes_no_sense(finding: Finding) -> bool:
    return finding.status is Status.FAULT and finding.code in _NO_SENSE


def _can_be_sent(password: str) -> bool:
    try:
        command_bytes(STATUS_REQUEST, password)
    except LocalProtocolError:
        return False
    return True
