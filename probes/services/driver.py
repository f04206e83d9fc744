"""Why nobody answers on a port of this computer: is the service installed, does it run, who has the port?"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from probes.services.names import table
from supportctl.core.target import is_loopback
from supportctl.core.text import clean

if TYPE_CHECKING:
    from probes.context import ProbeContext
    from supportctl.core.finding import Evidence

_ASK_S = 4.0
_RUNNING = {"active", "running", "reloading"}


def service_of(context: ProbeContext, protocol: str) -> tuple[Evidence, ...]:
    """Return what the system says of the service behind `protocol`; nothing for another computer's."""
    entry = table("local_services.toml").get(protocol, {}).get(sys.platform)
    if entry is None or not is_loopback(context.target.host):
        return ()
    from probes.host.till_services import read_services

    started = context.clock.monotonic()
    facts = read_services(entry["names"], context.deadline.within(_ASK_S))
    asked = f"service {entry['names'][0]}"
    installed = [fact for fact in facts if fact.installed]
    if not installed:
        names = ", ".join(entry["names"])
        missing = context.evidence(
            asked, "web.service-missing", started=started, got="not found", services=names
        )
        return (missing,) if entry["sure"] else ()
    main = installed[0]
    if main.state in _RUNNING:
        seen = context.evidence(
            asked, "web.service-running", started=started, got=main.detail, service=main.name
        )
    else:
        seen = context.evidence(
            asked, "web.service-stopped", started=started, got=main.detail, service=main.name
        )
    return (seen,)


def holder_of(context: ProbeContext) -> tuple[Evidence, ...]:
    """Return which program of this computer listens on the target's port, as far as this user may know."""
    port = context.target.port
    if port is None or not is_loopback(context.target.host):
        return ()
    started = context.clock.monotonic()
    program = _listener(port)
    if not program:
        return ()
    return (
        context.evidence(f"listener on {port}", "web.held-by", started=started, got=program, program=program),
    )


def _listener(port: int) -> str:
    import psutil

    try:
        for connection in psutil.net_connections("tcp"):
            here = connection.laddr
            if connection.status == psutil.CONN_LISTEN and here and here.port == port and connection.pid:
                return clean(f"{psutil.Process(connection.pid).name()} (pid {connection.pid})")
    except (psutil.Error, OSError):  # another user's program
        return ""
    return ""
