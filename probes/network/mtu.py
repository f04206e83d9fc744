"""Does some router on the way swallow large packets (an MTU black hole)?

The sign: small packets pass, so a connection opens; the first full-size packet never arrives, and no ICMP
message says why (RFC 2923, 2.1). Echo requests cannot show it, since many hosts ignore large ones. So the
same TLS or HTTP question is put twice: in full-size packets, and only if that stays without an answer, in
packets so small that every way must carry them. A server that answers the second and not the first is behind
a black hole. The limit for both directions is the maximum segment size that our SYN announces, which Linux
lets us set; elsewhere this question is not asked.
"""

from __future__ import annotations

import socket
import sys
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from probes.links import LinkError
from probes.links.tcp import TcpLink, resolve
from probes.network import http
from probes.network.hosts import Host, is_here, parse_hosts
from probes.network.tcp import open_socket
from probes.network.tls_handshake import TlsFailedError, TlsLink, looking_context
from probes.network.together import gather

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from probes.context import ProbeContext
    from supportctl.core.deadline import Deadline
    from supportctl.core.finding import Finding

_HEADERS = 40  # IPv4 and TCP without options
SMALLEST_MSS = 536  # RFC 9293, 3.7.1: every IPv4 host takes that much
# MTUs of usual ways: PPPoE (RFC 2516), PPPoE with L2TP, WireGuard, IPsec and GRE, IPv6 minimum.
USUAL_MTUS = (1492, 1460, 1420, 1400, 1360, 1280)
_FULL = 1500
_IP_MTU = 14  # linux/in.h
_FULL_S, _SMALL_S = 2.0, 2.0
_MAX_HOSTS = 4


class Try(NamedTuple):
    """A question in packets of at most `mtu` bytes: was the connection opened, and was it answered?"""

    mtu: int
    opened: bool
    answered: bool
    path_mtu: int | None = None


class MtuJudgement(NamedTuple):
    """`mtu` is the largest size that passed; `black_hole` that larger packets vanish."""

    black_hole: bool
    mtu: int


def judge(full: Try, smaller: Sequence[Try]) -> MtuJudgement | None:
    """Return what the tries mean, None if they show nothing about sizes."""
    if full.answered:
        return MtuJudgement(black_hole=False, mtu=full.path_mtu or full.mtu)
    passed = [attempt.mtu for attempt in smaller if attempt.answered]
    if not full.opened or not passed:
        return None
    return MtuJudgement(black_hole=True, mtu=max(passed))


class MtuProbe:
    """Asks the configured services in full-size packets, and in small ones if there is no answer."""

    codes = frozenset({"net.path-mtu", "net.mtu"})

    def run(self, context: ProbeContext) -> Iterator[Finding]:
        """Yield a finding for each service whose way could be judged."""
        if not sys.platform.startswith("linux"):
            return
        wanted = [h for h in parse_hosts(context.settings.hosts) if h.scheme != "tcp" and not is_here(h.name)]
        judged = gather([partial(_examine, context, host) for host in wanted[:_MAX_HOSTS]], context.deadline)
        for finding in judged:
            if finding is not None:
                yield finding


def _examine(context: ProbeContext, host: Host) -> Finding | None:
    started = context.clock.monotonic()
    try:
        address = str(resolve(host.name, host.port, context.deadline)[0].sockaddr[0])
    except LinkError:
        return None
    full = _ask(host, address, _FULL, context.deadline.within(_FULL_S))
    smaller: list[Try] = []
    if full.opened and not full.answered:
        deadline = context.deadline.within(_SMALL_S)
        sizes = (*USUAL_MTUS, SMALLEST_MSS + _HEADERS)
        tries = gather([partial(_ask, host, address, size, deadline) for size in sizes], deadline)
        smaller = [attempt for attempt in tries if attempt is not None]
    judgement = judge(full, smaller)
    if judgement is None:
        return None
    shown = ", ".join(f"{t.mtu}: {'answer' if t.answered else 'silence'}" for t in (full, *smaller))
    asked = (
        f"{'HTTP' if host.scheme == 'http' else 'TLS'} {host.name}:{host.port}, packets of at most N bytes"
    )
    if judgement.black_hole:
        seen = context.evidence(
            asked, "net.large-packets-lost", started=started, got=shown, mtu=judgement.mtu
        )
        return context.fault("net.mtu", seen, host=host.name, mtu=judgement.mtu)
    seen = context.evidence(asked, "net.large-packets-pass", started=started, got=shown, mtu=judgement.mtu)
    return context.ok("net.path-mtu", seen, host=host.name, mtu=judgement.mtu)


def _ask(host: Host, address: str, mtu: int, deadline: Deadline) -> Try:
    """Put one question that is longer than a packet, whose answer is usually too."""
    mss = None if mtu == _FULL else mtu - _HEADERS
    wire, _outcome = open_socket(address, host.port, deadline, mss)
    if wire is None:
        return Try(mtu, opened=False, answered=False)
    with TcpLink(wire, host.target()) as link:
        answered = _answered(link, host, deadline)
        return Try(mtu, opened=True, answered=answered, path_mtu=_path_mtu(wire))


def _answered(link: TcpLink, host: Host, deadline: Deadline) -> bool:
    """Whether any answer came: an unfriendly one has passed the way, too."""
    try:
        if host.scheme == "http":
            padding = "supportctl " + "x" * 2000
            asked = http.request("HEAD", host.name, host.path, user_agent=padding)
            return http.exchange(link, asked, deadline) is not None
        client = looking_context()
        # offering many made-up protocols (RFC 7301) makes the greeting longer than a packet
        client.set_alpn_protocols(["http/1.1", *(f"x-supportctl-padding-{n:03}" for n in range(80))])
        TlsLink(link, client, host.name).handshake(deadline)
    except TlsFailedError as error:
        return error.outcome != "silent"
    except (LinkError, http.NotHttpError):
        return True
    return True


def _path_mtu(wire: socket.socket) -> int | None:
    try:
        return wire.getsockopt(socket.IPPROTO_IP, _IP_MTU)
    except OSError:
        return None
