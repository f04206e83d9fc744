"""Which devices of the local network have a till device's port open: TCP connects and nothing else.

At most `PARALLEL` connections are being opened at any moment, at most 1024 addresses are asked, and an
address that does not react at all is asked on two ports and left alone then. No byte is sent.
"""

from __future__ import annotations

import errno
import ipaddress
import selectors
import socket
from collections import Counter, deque
from contextlib import ExitStack
from typing import TYPE_CHECKING, NamedTuple

from supportctl.core.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from supportctl.core.deadline import Deadline

PARALLEL = 64
MAX_ADDRESSES = 1024
CONNECT_S = 0.5  # in a local network an address answers within milliseconds, or does not
TOTAL_S = 60.0
_SILENT_ENOUGH = 2
_SHARED = ipaddress.IPv4Network("100.64.0.0/10")  # RFC 6598: carriers' and VPNs' own
_BEGUN = frozenset({0, errno.EINPROGRESS, 10035})
_WAIT_S = 0.05

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class OpenPort(NamedTuple):
    """An address that took a connection."""

    host: str
    port: int


class ScanResult(NamedTuple):
    """`left` is how many connections were not tried any more because the time was over."""

    found: tuple[OpenPort, ...]
    tried: int
    left: int


class _Pending(NamedTuple):
    port: OpenPort
    until: float


def parse_network(text: str) -> Network:
    """Return the network that a person named, `192.168.1.0/24` or one address.

    Raises:
        UsageError: `discover.bad-network`, `discover.network-too-big`, `discover.public-network`.
    """
    try:
        network = ipaddress.ip_network(text.strip(), strict=False)
    except ValueError:
        raise UsageError("discover.bad-network", found=text) from None
    if network.num_addresses > MAX_ADDRESSES:
        smallest = network.max_prefixlen - MAX_ADDRESSES.bit_length() + 1
        example = next(network.subnets(new_prefix=max(smallest + 2, network.prefixlen)))
        raise UsageError(
            "discover.network-too-big", found=text, limit=MAX_ADDRESSES, smallest=smallest, example=example
        )
    shared = isinstance(network, ipaddress.IPv4Network) and network.subnet_of(_SHARED)
    if not (network.is_private or network.is_link_local or network.is_loopback or shared):
        raise UsageError("discover.public-network", found=text)
    return network


def scan(
    network: Network,
    ports: Iterable[int],
    deadline: Deadline,
    on_progress: Callable[[int, int], None] = lambda _done, _total: None,
) -> ScanResult:
    """Return who took a connection, by address and port."""
    hosts = [str(address) for address in network.hosts()] or [str(network.network_address)]
    ports = tuple(ports)
    run = _Scan(hosts, ports, deadline.within(TOTAL_S))
    found = []
    for port in run:
        found.append(port)
        on_progress(run.done, run.total)
    order = {port: place for place, port in enumerate(ports)}
    found.sort(key=lambda item: (ipaddress.ip_address(item.host), order[item.port]))
    return ScanResult(tuple(found), run.done, run.total - run.done)


def _close_all(pending: dict[socket.socket, _Pending]) -> None:
    for sock in pending:
        sock.close()


class _Scan:
    """All the connections: those that wait for their turn, and those that are under way."""

    def __init__(self, hosts: list[str], ports: tuple[int, ...], deadline: Deadline) -> None:
        self._waiting = deque(OpenPort(host, port) for port in ports for host in hosts)
        self._deadline = deadline
        self._clock = deadline.clock
        self._silent: Counter[str] = Counter()
        self._reacted: set[str] = set()
        self.total = len(self._waiting)
        self.done = 0

    def __iter__(self) -> Iterator[OpenPort]:
        with ExitStack() as stack, selectors.DefaultSelector() as selector:
            pending: dict[socket.socket, _Pending] = {}
            stack.callback(_close_all, pending)
            while (self._waiting or pending) and not self._deadline.expired:
                while self._waiting and len(pending) < PARALLEL:
                    self._begin(selector, pending)
                yield from self._ready(selector, pending)

    def _begin(self, selector: selectors.BaseSelector, pending: dict[socket.socket, _Pending]) -> None:
        wanted = self._waiting.popleft()
        if wanted.host not in self._reacted and self._silent[wanted.host] >= _SILENT_ENOUGH:
            self.done += 1
            return
        family = socket.AF_INET6 if ":" in wanted.host else socket.AF_INET
        sock = socket.socket(family, socket.SOCK_STREAM)
        sock.settimeout(0)
        if sock.connect_ex((wanted.host, wanted.port)) not in _BEGUN:
            sock.close()
            self._silent[wanted.host] += 1
            self.done += 1
            return
        pending[sock] = _Pending(wanted, self._clock.monotonic() + CONNECT_S)
        selector.register(sock, selectors.EVENT_WRITE)

    def _ready(
        self, selector: selectors.BaseSelector, pending: dict[socket.socket, _Pending]
    ) -> Iterator[OpenPort]:
        writable = {key.fileobj for key, _events in selector.select(min(_WAIT_S, self._deadline.remaining()))}
        now = self._clock.monotonic()
        for sock, wait in list(pending.items()):
            if sock not in writable and now < wait.until:
                continue
            error = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) if sock in writable else None
            selector.unregister(sock)
            sock.close()
            del pending[sock]
            self.done += 1
            if error in {0, errno.ECONNREFUSED, 10061}:
                self._reacted.add(wait.port.host)
            else:
                self._silent[wait.port.host] += 1
            if error == 0:
                yield wait.port
