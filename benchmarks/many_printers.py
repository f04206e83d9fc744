"""A hundred printers, ten of them dead: the run's length, its memory, and what one status reading costs.

The printers live in another process. The slowest single target is a dead one, checked alone; the bare
exchange is the same four questions over a plain blocking socket.
"""

from __future__ import annotations

import socket
import statistics
import sys
import time
from urllib.parse import urlsplit

from measure import SUPPORTCTL, in_turn, run, tell, tell_ratio

from probes.context import ProbeContext
from probes.devices.escpos_printer import EscposPrinterProbe
from probes.lab.apart import LabApart
from probes.lab.scenario import Scenario
from probes.links import open_link
from supportctl.core.clock import SystemClock
from supportctl.core.deadline import Deadline
from supportctl.core.finding import Status
from supportctl.core.target import parse_target

PRINTERS, DEAD = 100, 10
STATUS_REQUESTS = [bytes((0x10, 0x04, n)) for n in (1, 2, 3, 4)]
EXCHANGES = 50


def main() -> int:
    """Print the figures; returns 1 if one misses its limit."""
    with LabApart(Scenario.many(PRINTERS, dead=DEAD)) as lab:
        urls = list(lab.targets.values())
        return 0 if all([*whole_run(urls), one_reading(urls[0])]) else 1


def whole_run(urls: list[str]) -> list[bool]:
    """Compare the run over all printers with the run over one dead printer."""
    everything, slowest = [SUPPORTCTL, "check", *urls], [SUPPORTCTL, "check", urls[-1]]
    times = in_turn(lambda: run(everything).seconds, lambda: run(slowest).seconds, 3)
    peak = statistics.median(run(everything).peak_mb for _ in range(3))
    return [
        tell_ratio(f"{PRINTERS} printers, {DEAD} dead", times, 1.2, "slowest alone"),
        tell("peak memory of that run", f"{peak:5.1f} MB", "120 MB", holds=peak < 120),
    ]


def one_reading(url: str) -> bool:
    """Compare the probe's reading of a healthy printer with the bare exchange."""
    address = urlsplit(url.partition("+")[2])

    def bare() -> float:
        started = time.perf_counter()
        for _ in range(EXCHANGES):
            with socket.create_connection((address.hostname, address.port)) as plain:
                plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                for request in STATUS_REQUESTS:
                    plain.sendall(request)
                    plain.recv(64)
        return (time.perf_counter() - started) / EXCHANGES

    def probe() -> float:
        clock = SystemClock()
        started = time.perf_counter()
        for _ in range(EXCHANGES):
            context = ProbeContext(parse_target(url), Deadline.after(10, clock), clock, open_link)
            found = list(EscposPrinterProbe().run(context))
            if {finding.status for finding in found} != {Status.OK}:
                raise SystemExit("the lab's healthy printer is not reported healthy")
        return (time.perf_counter() - started) / EXCHANGES

    return tell_ratio("one printer's status reading", in_turn(probe, bare, 9), 3.0, "plain socket")


if __name__ == "__main__":
    sys.exit(main())
