"""How good is the way: packets lost, time, and how much the time varies.

Measured with echo requests where the system lets us, else by the time that TCP connections take to open;
nothing is sent over those. A host that answers neither is not judged here: whether it can be reached is the
question of its own probe.
"""

from __future__ import annotations

import statistics
from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

from probes.links import LinkError
from probes.network import icmp
from probes.network.hosts import Host, is_here, is_nearby, parse_host
from probes.network.tcp import connect
from probes.network.together import gather
from supportctl.core.finding import Status

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from probes.context import ProbeContext
    from supportctl.core.deadline import Deadline
    from supportctl.core.finding import Finding

# 30 questions: one lost packet may be chance (echoes are what a busy router drops first), two are not.
COUNT, INTERVAL_S, WAIT_S = 30, 0.03, 1.0
MIN_LOST = 2
# TCP throughput falls with the square root of the loss (Mathis et al. 1997): at 5 % a page takes many times
# as long; at 20 % connections break off.
LOSS_WARNING, LOSS_FAULT = 0.05, 0.20
# ITU-T G.114: 150 ms one way is the limit for a talk, so twice that for question and answer. In the own
# network a cable takes less than 1 ms and a good radio link less than 20; 100 ms are a sign of a bad one.
LATENCY_MS, LATENCY_NEARBY_MS = 300.0, 100.0
# ITU-T Y.1541, classes 0 and 1: 50 ms of delay variation.
JITTER_MS = 50.0
# RFC 6298, 2: a lost SYN is sent again after 1 s, so such a connect tells of a loss, not of a long way.
SYN_AGAIN_MS = 1000.0
_CONNECTS = 10
_MAX_HOSTS = 16
_TOTAL_S = 4.0


class Measured(NamedTuple):
    """What was measured of one host: `times_ms` has None for each question that was lost."""

    host: str
    way: str
    times_ms: tuple[float | None, ...]


class Quality(NamedTuple):
    """`latency_ms` is the median, `jitter_ms` the mean change from one answer to the next."""

    sent: int
    lost: int
    latency_ms: float
    jitter_ms: float


class Problem(NamedTuple):
    """A code and its status."""

    code: str
    status: Status


def summarise(times_ms: Sequence[float | None]) -> Quality | None:
    """Return the quality of a way, None if not even two questions were answered."""
    times = [time for time in times_ms if time is not None]
    if len(times) < 2:
        return None
    changes = [abs(after - before) for before, after in pairwise(times)]
    lost = len(times_ms) - len(times)
    return Quality(len(times_ms), lost, statistics.median(times), statistics.fmean(changes))


def judge(quality: Quality, *, nearby: bool) -> list[Problem]:
    """Return what is wrong with a way."""
    share = quality.lost / quality.sent
    found = []
    if quality.lost >= MIN_LOST and share >= LOSS_WARNING:
        status = Status.FAULT if share >= LOSS_FAULT else Status.WARNING
        found.append(Problem("net.packet-loss", status))
    if quality.latency_ms >= (LATENCY_NEARBY_MS if nearby else LATENCY_MS):
        found.append(Problem("net.latency", Status.WARNING))
    if quality.jitter_ms >= JITTER_MS:
        found.append(Problem("net.jitter", Status.WARNING))
    return found


def without_lost_syns(connects_ms: Sequence[float]) -> tuple[float | None, ...]:
    """Return connect times with None for each whose first packet was lost."""
    return tuple(None if ms >= SYN_AGAIN_MS else ms for ms in connects_ms)


def measure(address: str, port: int | None, deadline: Deadline) -> Measured | None:
    """Return the times of the way to an IP address; with `port`, by TCP if echo requests do not work."""
    if ":" not in address:
        try:
            echoes = icmp.echo(address, COUNT, INTERVAL_S, WAIT_S, deadline)
            if echoes.answered:
                return Measured(address, "ICMP echo", echoes.times_ms)
        except (icmp.EchoUnavailableError, OSError):
            pass
    if port is None:
        return None
    times: list[float] = []
    for _ in range(_CONNECTS):
        if deadline.expired:
            break
        opened = connect(address, port, deadline)
        if opened.outcome not in {"open", "refused"}:
            break
        times.append(opened.ms)
    return Measured(address, f"TCP connect :{port}", without_lost_syns(times)) if times else None


class QualityProbe:
    """Measures the ways to the configured services and to the hosts of the configured targets."""

    codes = frozenset({"net.quality", "net.packet-loss", "net.latency", "net.jitter"})

    def run(self, context: ProbeContext) -> Iterator[Finding]:
        """Yield what is wrong with each way, or that it is good."""
        hosts = _hosts(context)
        started = context.clock.monotonic()
        deadline = context.deadline.within(_TOTAL_S)
        measured = gather([partial(_of, host, deadline) for host in hosts], deadline)
        for host, found in zip(hosts, measured, strict=True):
            quality = summarise(found.times_ms) if found else None
            if found is None or quality is None:
                continue
            lost = round(100 * quality.lost / quality.sent)
            args: dict[str, object] = {
                "host": host.name, "lost": lost,
                "latency_ms": round(quality.latency_ms, 1), "jitter_ms": round(quality.jitter_ms, 1),
            }  # fmt: skip
            shown = f"{quality.sent - quality.lost}/{quality.sent} answered, {args['latency_ms']} ms"
            asked = f"{found.way} {found.host}"
            seen = context.evidence(asked, "net.measured", started=started, got=shown)
            problems = judge(quality, nearby=is_nearby(found.host))
            for problem in problems:
                make = context.fault if problem.status is Status.FAULT else context.warning
                yield make(problem.code, seen, **args)
            if not problems:
                yield context.ok("net.quality", seen, **args)


def _hosts(context: ProbeContext) -> list[Host]:
    """The hosts once each; of a device's host no port is opened, for it may serve one client at a time."""
    settings = context.settings
    found: dict[str, Host] = {}
    for host in (parse_host(text) for text in settings.hosts):
        if host is not None:
            found.setdefault(host.name, host)
    for name in settings.target_hosts:
        found.setdefault(name, Host("tcp", name, 0))
    return [host for host in found.values() if not is_here(host.name)][:_MAX_HOSTS]


def _of(host: Host, deadline: Deadline) -> Measured | None:
    from probes.links.tcp import resolve

    try:
        addresses = resolve(host.name, host.port, deadline)
    except LinkError:
        return None
    address = str(addresses[0].sockaddr[0])
    return measure(address, host.port or None, deadline)
