"""The whole state of a register over a line of 115200 baud, beside what its bytes and its own answers need.

The register lives in another process, on a pseudo-terminal whose answers take the time of a real line; what
we send takes none there. What the bytes and the register's own answer times need is measured, too: the very
same bytes are put to it by a loop of plain reads and writes, which thinks nothing and waits for nothing but
the last byte of each answer. (Its timers round each answer up to a millisecond: that is the register's time.)
"""

from __future__ import annotations

import os
import select
import sys
import termios
import time
import tty
from typing import TYPE_CHECKING, Self

from measure import in_turn, tell

from probes.context import ProbeContext
from probes.devices.fiscal.shtrih import ShtrihProbe
from probes.lab.apart import LabApart
from probes.lab.scenario import DeviceSpec, Scenario
from probes.links import open_link
from supportctl.core.clock import SystemClock
from supportctl.core.deadline import Deadline
from supportctl.core.finding import Status
from supportctl.core.target import parse_target

if TYPE_CHECKING:
    from probes.links import Link
    from supportctl.core.target import Target

BAUD, BITS = 115200, 10  # 8N1: ten bits a byte
LIMIT = 1.3
ROUNDS = 25
SETTLE_S, LOST_S = (
    0.05,
    2.0,
)  # the lab makes a line as new when a client has left: not while the next one is on it
CLOCK = SystemClock()


class Recorded:
    """A link that keeps what was sent, how many bytes came for it, and when the first and the last went."""

    def __init__(self, inner: Link) -> None:
        self.inner, self.target, self.one_way = inner, inner.target, inner.one_way
        self.exchanges: list[tuple[bytes, int]] = []
        self.first = self.last = 0.0

    def send(self, data: bytes, deadline: Deadline) -> None:
        """Send, and take note of it."""
        self.first = self.first or time.perf_counter()
        self.inner.send(data, deadline)
        self.exchanges.append((data, 0))
        self.last = time.perf_counter()

    def receive(self, deadline: Deadline, limit: int = 4096) -> bytes:
        """Receive, and take note of how much."""
        data = self.inner.receive(deadline, limit)
        if data:
            sent, came = self.exchanges[-1]
            self.exchanges[-1] = (sent, came + len(data))
            self.last = time.perf_counter()
        return data

    def close(self) -> None:
        """Close the link."""
        self.inner.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()


def main() -> int:
    """Print the ratios of both protocols; returns 1 if one misses its limit."""
    devices = (
        DeviceSpec("standard", "shtrih", ("serial",), baud=BAUD),
        DeviceSpec("numbered", "shtrih", ("serial",), baud=BAUD, faults=("protocol-2",)),
    )
    with LabApart(Scenario("registers", devices)) as lab:
        held = [
            whole_state("standard protocol", lab.targets["standard"]),
            whole_state("protocol 2", f"{lab.targets['numbered']}&protocol=2"),
        ]
    return 0 if all(held) else 1


def whole_state(name: str, url: str) -> bool:
    """Compare the reading of everything with the bare exchange of the same bytes."""
    exchanges = read(url).exchanges
    path = parse_target(url).path

    def ours() -> float:
        link = read(url)
        return link.last - link.first

    spent, needed, ratio = in_turn(ours, lambda: bare(path, exchanges), ROUNDS)
    count = sum(came for _, came in exchanges)
    wire = count * BITS / BAUD
    figures = f"{spent * 1000:.1f} ms, bare {needed * 1000:.1f}, {count} bytes alone {wire * 1000:.1f}"
    measured = f"{ratio:5.2f} x  ({figures})"
    return tell(f"whole state of a register, {name}", measured, f"{LIMIT} x", holds=ratio <= LIMIT)


def read(url: str) -> Recorded:
    """Let the probe read everything; returns its link, closed."""
    links: list[Recorded] = []

    def opener(target: Target, deadline: Deadline) -> Recorded:
        links.append(Recorded(open_link(target, deadline)))
        return links[0]

    context = ProbeContext(parse_target(url), Deadline.after(20, CLOCK), CLOCK, opener)
    if {finding.status for finding in ShtrihProbe().run(context)} != {Status.OK}:
        raise SystemExit("the lab's healthy register is not reported healthy")
    time.sleep(SETTLE_S)
    return links[0]


def bare(path: str, exchanges: list[tuple[bytes, int]]) -> float:
    """Return the seconds that the same bytes take when nobody thinks about them."""
    line = os.open(path, os.O_RDWR | os.O_NOCTTY)
    try:
        tty.setraw(line)
        settings = termios.tcgetattr(line)
        settings[4] = settings[5] = termios.B115200
        termios.tcsetattr(line, termios.TCSANOW, settings)
        started = time.perf_counter()
        for request, count in exchanges:
            os.write(line, request)
            came = 0
            while came < count:
                if not select.select([line], [], [], LOST_S)[0]:
                    raise SystemExit(f"the lab's register gave {came} of {count} bytes to {request.hex()}")
                came += len(os.read(line, count - came))
        return time.perf_counter() - started
    finally:
        os.close(line)
        time.sleep(SETTLE_S)


if __name__ == "__main__":
    sys.exit(main())
