"""What a probe is given: a target, a deadline, a clock, a way to the wire, and a way to say what it found."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple, Protocol

from supportctl.core.evidence import evidence
from supportctl.core.finding import Evidence, Finding, Status, clean_args

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from datetime import tzinfo

    from probes.links import Link, LinkError
    from supportctl.core.clock import Clock
    from supportctl.core.deadline import Deadline
    from supportctl.core.target import Target


class ProbeSettings(NamedTuple):
    """What the configuration says about a probe's subject."""

    timezone: tzinfo | None = None
    expect: Mapping[str, str] = MappingProxyType({})  # per target, e.g. {"drawer": "closed"}
    services: tuple[str, ...] = ()  # names of the till software's services
    ntp_servers: tuple[str, ...] = ()
    hosts: tuple[str, ...] = ()  # services whose TCP, TLS and HTTP Date the computer's network probes look at
    disk_free_mb: int = 1024
    target_hosts: tuple[str, ...] = ()  # hosts of the configured targets, for latency and loss
    web_hosts: tuple[str, ...] = ()  # those of them that speak HTTP: a proxy must leave local ones alone
    connectivity_urls: tuple[str, ...] = ()  # plain HTTP pages that say whether the internet is open


class ProbeContext(NamedTuple):
    """One question's surroundings. A probe has no other way to reach a wire or a clock."""

    target: Target
    deadline: Deadline
    clock: Clock
    opener: Callable[[Target, Deadline], Link]
    settings: ProbeSettings = ProbeSettings()

    def open_link(self, deadline: Deadline | None = None) -> Link:
        """Return an open link to the target.

        Raises:
            LinkError: turn it into a finding with `link_failed`.
        """
        return self.opener(self.target, deadline or self.deadline)

    def ok(self, code: str, /, *evidence: Evidence, **args: object) -> Finding:
        """Say that the answer to a question is fine; `code` names the question ("printer.paper")."""
        return self._finding(code, Status.OK, evidence, args)

    def fault(self, code: str, /, *evidence: Evidence, **args: object) -> Finding:
        """Say that something is broken."""
        return self._finding(code, Status.FAULT, evidence, args)

    def warning(self, code: str, /, *evidence: Evidence, **args: object) -> Finding:
        """Say that something needs attention soon."""
        return self._finding(code, Status.WARNING, evidence, args)

    def unknown(self, code: str, /, *evidence: Evidence, **args: object) -> Finding:
        """Say that the question could not be answered, and why."""
        return self._finding(code, Status.UNKNOWN, evidence, args)

    def skipped(self, code: str, /, because: str, **args: object) -> Finding:
        """Say that the question was not asked, or its answer is a consequence of `because`."""
        return Finding(
            code, Status.SKIPPED, self.target.url, self.target.name, clean_args(args), because=because
        )

    def link_failed(self, error: LinkError) -> Finding:
        """Return the finding of a wire that cannot be used."""
        return self._finding(error.code, error.status, error.evidence, error.details)

    def evidence(
        self,
        asked: str,
        meaning: str = "",
        *,
        started: float,
        sent: bytes | str | None = None,
        got: bytes | str | None = None,
        **args: object,
    ) -> Evidence:
        """Return what was asked and what came back; `started` is `clock.monotonic()` before the question."""
        return evidence(self.clock, asked, meaning, started=started, sent=sent, got=got, **args)

    def _finding(
        self, code: str, status: Status, evidence: tuple[Evidence, ...], args: Mapping[str, object]
    ) -> Finding:
        # a device that cannot be reached stops sales, a service need not
        sales = False if code.startswith("link.") and self.target.is_service else None
        return Finding(
            code, status, self.target.url, self.target.name, clean_args(args), evidence, stops_sales=sales
        )


class Probe(Protocol):
    """Asks one target one question, read-only, within the deadline.

    `run` yields each finding as soon as it is known, so that what was found before a crash or a hang is kept.
    """

    codes: frozenset[str]  # every code it may yield; the runner and a test hold it to that

    def run(self, context: ProbeContext) -> Iterator[Finding]:
        """Yield findings."""
