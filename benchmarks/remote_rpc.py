"""Sessions over SSH: a request beside a bare echo, a diagnosis over a long line, and a cable that is pulled.

* A request and its answer, beside as many bytes through a bare paramiko channel to `cat`: the same
  server, the same ciphers, in turn.
* A diagnosis of 40 exchanges and more with a register of the lab, by an agent beside it: how much later it is
  known over a line of 60 ms (a relay that holds every byte for 30 ms each way) than over none. One
  request costs one round trip; asked over the line, exchange by exchange, it would be one each.
* Two network namespaces and a cable between them (root): how soon a dead peer is noticed, and is back.

Needs `sshd`. Nothing leaves this computer.
"""

from __future__ import annotations

import heapq
import itertools
import os
import random
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Self

from measure import ROOT, in_turn, tell, tell_ratio

from probes.context import ProbeContext
from probes.devices.fiscal.shtrih import ShtrihProbe
from probes.lab.apart import LabApart
from probes.lab.scenario import DeviceSpec, Scenario
from probes.links import open_link
from supportctl.core.clock import SystemClock
from supportctl.core.deadline import Deadline
from supportctl.core.target import parse_target
from supportctl.remote.hosts import HostStore
from supportctl.remote.links.ssh import sign_in_keys
from supportctl.remote.links.transport import Connector
from supportctl.remote.ssh_session import SshSession
from supportctl.remote.url import SshPlace

sys.path.insert(0, str(ROOT / "tests/support"))
from ssh_server import SshServer

if TYPE_CHECKING:
    from collections.abc import Callable

    from probes.links import Link
    from supportctl.core.target import Target

RPC_LIMIT, TRIPS_LIMIT = 1.5, 1.5
NOTICED_S, BACK_S = 6.0, 1.0
REQUESTS, ROUNDS = 400, 9
LOOKS = 7
WAY_S = 0.030  # each way
EXCHANGES = 40
CLOCK = SystemClock()
PYTHON = os.path.realpath(sys.executable)


class Relay:
    """A line of its own length: takes connections, and holds every byte for `WAY_S` each way."""

    def __init__(self, port: int) -> None:
        self._there = port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            here, _ = self._listener.accept()
            there = socket.create_connection(("127.0.0.1", self._there))
            for each in (here, there):
                each.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for one, two in ((here, there), (there, here)):
                self._carry(one, two)

    def _carry(self, source: socket.socket, sink: socket.socket) -> None:
        waiting: list[tuple[float, int, bytes]] = []
        numbers, changed = itertools.count(), threading.Condition()

        def take() -> None:
            data = b"-"
            while data:
                try:
                    data = source.recv(65536)
                except OSError:
                    data = b""
                with changed:
                    heapq.heappush(waiting, (time.perf_counter() + WAY_S, next(numbers), data))
                    changed.notify()

        def give() -> None:
            while True:
                with changed:
                    while not waiting:
                        changed.wait()
                    due, _, data = heapq.heappop(waiting)
                time.sleep(max(due - time.perf_counter(), 0))
                try:
                    if not data:
                        sink.shutdown(socket.SHUT_WR)
                        return
                    sink.sendall(data)
                except OSError:
                    return

        for work in (take, give):
            threading.Thread(target=work, daemon=True).start()


class Counted:
    """A link that counts what it is asked."""

    def __init__(self, inner: Link) -> None:
        self.inner, self.target, self.one_way = inner, inner.target, inner.one_way
        self.sent = 0

    def send(self, data: bytes, deadline: Deadline) -> None:
        """Send, and count it."""
        self.sent += 1
        self.inner.send(data, deadline)

    def receive(self, deadline: Deadline, limit: int = 4096) -> bytes:
        """Return what has come."""
        return self.inner.receive(deadline, limit)

    def close(self) -> None:
        """Close the link."""
        self.inner.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()


def main() -> int:
    """Print the figures; returns 1 if one misses its limit."""
    program = shutil.which("sshd", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    if program is None:
        raise SystemExit("no sshd: apt-get install openssh-server")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        server = SshServer(program, folder / "sshd")
        server.allow("restrict")
        server.start()
        try:
            held = [requests(server, folder), diagnosis(server, folder)]
        finally:
            server.stop()
    held.append("--no-cable" in sys.argv or cable())
    return 0 if all(held) else 1


def session(server: SshServer, folder: Path, port: int = 0) -> SshSession:
    place = SshPlace(
        server.user, "127.0.0.1", (port or server.port,), str(server.client_key), way="push", python=PYTHON
    )
    connector = Connector(HostStore(folder / "hosts.json"), CLOCK, lambda _host, _key: True)
    one = SshSession(place, connector, folder, CLOCK, chance=random.random, name="bench")
    one.open()
    return one


def requests(server: SshServer, folder: Path) -> bool:
    """Measure a request beside a bare echo of as many bytes."""
    one = session(server, folder)
    connector = Connector(HostStore(folder / "hosts.json"), CLOCK)
    transport = connector.connect("127.0.0.1", server.port, server.user, sign_in_keys(one.place, folder))
    channel = transport.open_session()
    channel.exec_command("cat")
    sample = b"x" * 80  # about what a request without parameters has

    def echo() -> float:
        started = time.perf_counter()
        for _ in range(REQUESTS):
            channel.sendall(sample)
            got = 0
            while got < len(sample):
                got += len(channel.recv(4096))
        return (time.perf_counter() - started) / REQUESTS

    def asked(method: str) -> Callable[[], float]:
        def ask() -> float:
            started = time.perf_counter()
            for _ in range(REQUESTS):
                one.client.call(method)
            return (time.perf_counter() - started) / REQUESTS

        return ask

    held = tell_ratio(
        "a request that is answered at once", in_turn(asked("ping"), echo, ROUNDS), RPC_LIMIT, "echo"
    )
    slower = in_turn(asked("about"), echo, ROUNDS)
    print(f"        with a thread of its own there (`about`): {slower[2]:.2f} x, {slower[0] * 1000:.2f} ms")
    one.close()
    transport.close()
    return held


def diagnosis(server: SshServer, folder: Path) -> bool:
    """Measure a check of many exchanges over a long line beside the same over none."""
    with LabApart(Scenario("register", (DeviceSpec("register", "shtrih"),))) as lab:
        url = lab.url("register")
        each = exchanges(url)
        targets = [url] * -(-EXCHANGES // each)
        relay = Relay(server.port)
        near, far = session(server, folder), session(server, folder, relay.port)

        def check(one: SshSession) -> float:
            started = time.perf_counter()
            answer = one.client.call("check", {"targets": targets, "deadline": 60.0}, deadline_s=60.0)
            assert len(answer["findings"]) > len(targets)
            return time.perf_counter() - started

        local, remote, _ = in_turn(lambda: check(near), lambda: check(far), LOOKS)
        trips = (remote - local) / (2 * WAY_S)
        trip = statistics.median(ping(far) for _ in range(LOOKS))
        near.close()
        far.close()
    measured = f"{trips:5.2f} trips ({remote * 1000:.0f} ms, beside it {local * 1000:.0f} ms)"
    held = tell(
        f"{each * len(targets)} exchanges over {2 * WAY_S * 1000:.0f} ms", measured,
        f"{TRIPS_LIMIT} trips", holds=trips <= TRIPS_LIMIT,
    )  # fmt: skip
    print(f"        a request over this line: {trip * 1000:.0f} ms; 40 take {EXCHANGES * trip:.1f} s")
    return held


def ping(one: SshSession) -> float:
    started = time.perf_counter()
    one.client.call("ping")
    return time.perf_counter() - started


def exchanges(url: str) -> int:
    """Return how many questions one check of the register puts."""
    opened: list[Counted] = []

    def opener(target: Target, deadline: Deadline) -> Counted:
        opened.append(Counted(open_link(target, deadline)))
        return opened[-1]

    context = ProbeContext(parse_target(url), Deadline.after(30, CLOCK), CLOCK, opener)
    list(ShtrihProbe().run(context))
    return sum(link.sent for link in opened)


def cable() -> bool:
    """Measure how soon a pulled cable is noticed, and a plugged one used."""
    test = ROOT / "tests/integration/test_remote_link_cut.py"
    command = [sys.executable, "-m", "pytest", "-q", "-s", "-p", "no:cacheprovider", str(test)]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    line = next((line for line in ended.stderr.splitlines() if "noticed after" in line), "")
    if not line:
        print("        the cable was not pulled: that needs root and network namespaces")
        return True
    words = line.split()
    noticed, back = float(words[words.index("after") + 1]), float(words[words.index("back") + 1])
    return all([
        tell("a dead peer is noticed", f"{noticed:.1f} s", f"{NOTICED_S} s", holds=noticed <= NOTICED_S),
        tell("back after the cable is", f"{back:.2f} s", f"{BACK_S} s", holds=back <= BACK_S),
    ])  # fmt: skip


if __name__ == "__main__":
    sys.exit(main())
