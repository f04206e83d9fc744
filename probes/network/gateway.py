"""Does the gateway (the shop's router) answer?

A router may ignore echo requests and close every port and still be well, so the neighbour table has the
last word: who has told us its hardware address is there. Only a gateway that is asked for in vain is a fault.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple

from probes.network import icmp, routes
from probes.network.system import run_tool
from probes.network.tcp import connect
from probes.network.together import gather

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from probes.context import ProbeContext
    from supportctl.core.deadline import Deadline
    from supportctl.core.finding import Finding

_PORTS = (53, 80, 443)  # a router that closes them answers with a reset, which is an answer
_WAIT_S = 1.0
_SIGNS_OF_LIFE = {"echo", "open", "refused"}

Verdict = Literal["alive", "unreachable", "cannot-tell"]


class GatewayFacts(NamedTuple):
    """What was seen of the gateway. `echoed` and `neighbour` are None where they could not be asked.

    `connects` are the outcomes of TCP connects: "open", "refused", "no-route", "timeout".
    """

    gateway: str
    echoed: bool | None
    connects: tuple[str, ...]
    neighbour: bool | None

    @property
    def answers(self) -> bool:
        """Whether the gateway itself has answered something."""
        return bool(self.echoed or _SIGNS_OF_LIFE & set(self.connects))

    def shown(self) -> str:
        """Return what was seen, in the terms of the wire."""
        echo = {True: "echo reply", False: "no echo reply", None: "no echo asked"}[self.echoed]
        arp = {True: "neighbour known", False: "neighbour incomplete", None: "no neighbour entry"}[
            self.neighbour
        ]
        return f"{echo}; connect: {', '.join(self.connects) or '-'}; {arp}"


def judge(facts: GatewayFacts) -> Verdict:
    """Return whether the gateway is there."""
    if facts.answers or facts.neighbour:
        return "alive"
    if facts.neighbour is False or "no-route" in facts.connects:
        return "unreachable"
    return "cannot-tell"


def default_route() -> routes.DefaultRoute | None:
    """Return the preferred IPv4 default route, None without one or where the system does not tell."""
    if sys.platform == "win32":
        found = routes.windows_routes(run_tool(["route", "print", "-4"]))
    else:
        try:
            found = routes.linux_routes(Path("/proc/net/route").read_text(encoding="ascii"))
        except OSError:
            return None
    return found[0] if found else None


def facts_of(gateway: str, deadline: Deadline) -> GatewayFacts:
    """Return what the gateway answers; ends within about a second, sooner with the first answer."""
    deadline = deadline.within(_WAIT_S)
    questions = [lambda: _echo(gateway, deadline), *(_connect(gateway, port, deadline) for port in _PORTS)]
    answers = gather(questions, deadline, lambda answer: answer in _SIGNS_OF_LIFE)
    echoed = {"echo": True, "no-echo": False}.get(answers[0] or "")
    return GatewayFacts(gateway, echoed, tuple(a for a in answers[1:] if a), _neighbour(gateway))


def _connect(gateway: str, port: int, deadline: Deadline) -> Callable[[], str]:
    return lambda: connect(gateway, port, deadline).outcome


def _echo(gateway: str, deadline: Deadline) -> str:
    try:
        return "echo" if icmp.echo(gateway, 2, 0.2, _WAIT_S, deadline).answered else "no-echo"
    except (icmp.EchoUnavailableError, OSError):
        return "cannot-echo"


def _neighbour(gateway: str) -> bool | None:
    """Whether the neighbour table knows the gateway's hardware address; None where it has no entry."""
    if sys.platform == "win32":
        table = routes.windows_neighbours(run_tool(["arp", "-a"]))
    else:
        try:
            table = routes.linux_neighbours(Path("/proc/net/arp").read_text(encoding="ascii"))
        except OSError:
            return None
    return next((entry.known for entry in table if entry.address == gateway), None)


class GatewayProbe:
    """Asks the gateway for any sign of life."""

    codes = frozenset({"net.gateway", "net.gateway-unreachable"})

    def run(self, context: ProbeContext) -> Iterator[Finding]:
        """Yield one finding; none without a gateway, or where nothing shows whether it is there."""
        route = default_route()
        if route is None or not route.gateway:
            return
        started = context.clock.monotonic()
        facts = facts_of(route.gateway, context.deadline)
        verdict = judge(facts)
        if verdict == "cannot-tell":
            return
        meaning = "net.gateway-answers" if facts.answers else "net.gateway-neighbour"
        if verdict == "unreachable":
            meaning = "net.gateway-silent"
        seen = context.evidence(
            f"echo, connect, neighbour {route.gateway}", meaning, started=started, got=facts.shown()
        )
        if verdict == "alive":
            yield context.ok("net.gateway", seen, gateway=route.gateway)
        else:
            yield context.fault(
                "net.gateway-unreachable", seen, gateway=route.gateway, interface=route.interface
            )
