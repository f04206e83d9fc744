"""The print spooler of this computer: CUPS or that of Windows."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from probes.host.verdict import Verdict
from probes.links.base import LinkError
from supportctl.core.finding import Status
from supportctl.core.target import Target
from supportctl.core.text import clean

if TYPE_CHECKING:
    from collections.abc import Iterator

    from probes.context import ProbeContext
    from probes.host.windows_spooler import Port, Reach, SpoolerFacts
    from supportctl.core.finding import Finding

_POWERSHELL_S = 12.0  # a cold PowerShell on an old till
_REACH_S = 4.0
SNMP_PORT = 161  # the Standard TCP/IP port monitor knows no other


class SpoolerProbe:
    """Whether print jobs of this computer get out; silent where no spooler is."""

    codes = frozenset({
        "host.spooler", "host.spooler-stopped", "printer.queue-stuck", "printer.offline",
        "printer.windows-snmp-offline",
    })  # fmt: skip

    def run(self, context: ProbeContext) -> Iterator[Finding]:
        """Yield what is wrong with the spooler and its queues."""
        started = context.clock.monotonic()
        yield from _windows(context, started) if sys.platform == "win32" else _cups(context, started)


def _cups(context: ProbeContext, started: float) -> Iterator[Finding]:
    from probes.host.cups import check_cups, read_cups

    for verdict in check_cups(read_cups(context)):
        yield verdict.told(context, started)


def _windows(context: ProbeContext, started: float) -> Iterator[Finding]:
    from probes.host import windows_spooler
    from probes.host.commands import run

    out = run(windows_spooler.command(), context.deadline.within(_POWERSHELL_S))
    facts = windows_spooler.parse(out.text, context.clock.now())
    if facts is None:  # PowerShell is missing, forbidden, or took too long
        got = out.problem or clean(out.text)
        yield Verdict(
            Status.UNKNOWN,
            "host.spooler-stopped",
            "Win32_Service Spooler",
            got,
            "host.spooler-not-told",
            {"spooler": "Print Spooler"},
        ).told(context, started)
        return
    for verdict in windows_spooler.check_spooler(facts, reach_offline(context, facts)):
        yield verdict.told(context, started)


def reach_offline(context: ProbeContext, facts: SpoolerFacts) -> dict[str, Reach]:
    """Return what the printers answer that Windows shows as offline, by queue."""
    return {queue.name: reach(context, port) for queue, port in facts.offline_on_network()}


def reach(context: ProbeContext, port: Port) -> Reach:
    """Return whether a network printer takes a connection and answers SNMP, as the port monitor would ask."""
    from probes.host.windows_spooler import Reach

    return Reach(_takes_connection(context, port), _answers_snmp(context, port))


def _takes_connection(context: ProbeContext, port: Port) -> bool | None:
    target = Target(None, "tcp", port.host, port.number)
    try:
        context.opener(target, context.deadline.within(_REACH_S)).close()
    except LinkError as error:
        return None if error.status is Status.UNKNOWN else False
    return True


def _answers_snmp(context: ProbeContext, port: Port) -> bool | None:
    from probes.services.snmp_agent import Agent
    from probes.services.snmp_facts import SYS_DESCR

    options = {"community": port.community, "version": "1"}
    target = Target("snmp", "udp", port.host, SNMP_PORT, options=options)
    try:
        with Agent(context._replace(target=target, deadline=context.deadline.within(_REACH_S))) as agent:
            agent.get_next("sysDescr", [SYS_DESCR])
    except LinkError as error:
        return None if error.status is Status.UNKNOWN else False
    return True
