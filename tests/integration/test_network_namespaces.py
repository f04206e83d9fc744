"""Network probes in really broken networks: namespaces with no address, a dead gateway, a bad line."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

pytestmark = pytest.mark.peer("netns")

ROOT = Path(__file__).parents[2]
BAD_WIRE = Path(__file__).parent / "network_namespaces" / "bad_wire.py"
ASK = """
import importlib, json, sys
from probes.context import ProbeContext, ProbeSettings
from probes.links import open_link
from supportctl.core.clock import SystemClock
from supportctl.core.deadline import Deadline
from supportctl.core.target import parse_target
module, name, settings = sys.argv[1:]
clock = SystemClock()
settings = ProbeSettings(**{key: tuple(value) for key, value in json.loads(settings).items()})
context = ProbeContext(parse_target("host:///"), Deadline.after(10, clock), clock, open_link, settings)
found = getattr(importlib.import_module(module), name)().run(context)
print(json.dumps([[f.code, str(f.status), dict(f.args)] for f in found]))
"""
# A port that answers any question, and nothing more, in the namespace behind the bad line.
ANSWER = """
import http.server
class Head(http.server.BaseHTTPRequestHandler):
    def do_HEAD(self):
        self.send_response(204)
        self.end_headers()
server = http.server.ThreadingHTTPServer(("10.97.0.2", 8080), Head)
print("ready", flush=True)
server.serve_forever()
"""


class Namespaces:
    def __init__(self, ip: str) -> None:
        self._ip = ip
        self.till, self.far = (f"supportctl-{os.getpid()}-{name}" for name in ("till", "far"))
        self._running: list[subprocess.Popen[str]] = []

    def ip(self, *words: str) -> None:
        subprocess.run([self._ip, *words], check=True, capture_output=True, timeout=20)

    def start(self, *words: str) -> None:
        """Run a program until the end of the test; returns when it has said that it is ready."""
        running = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        self._running.append(running)
        assert running.stdout is not None
        assert running.stdout.readline() == "ready\n"

    def wire(self, *wishes: str) -> None:
        """Join till and far by a bad line, and answer at its far end."""
        self.start(sys.executable, str(BAD_WIRE), self.till, self.far, *wishes)
        for name, here, there in (
            (self.till, "10.97.0.1", "10.97.0.2"),
            (self.far, "10.97.0.2", "10.97.0.1"),
        ):
            self.ip("-n", name, "addr", "add", here, "peer", there, "dev", "wire")
            self.ip("-n", name, "link", "set", "wire", "up")
        self.start(self._ip, "netns", "exec", self.far, sys.executable, "-c", ANSWER)

    def ask(self, probe: str, **settings: list[str]) -> list[tuple[str, str, dict]]:
        command = [self._ip, "netns", "exec", self.till, sys.executable, "-W", "error", "-c", ASK]
        ended = subprocess.run(
            [*command, *probe.split(":"), json.dumps(settings)],
            cwd=ROOT, capture_output=True, text=True, timeout=30, check=True,
        )  # fmt: skip
        return [tuple(row) for row in json.loads(ended.stdout)]

    def close(self) -> None:
        for running in self._running:
            running.kill()
            running.communicate()
        for name in (self.till, self.far):
            subprocess.run([self._ip, "netns", "del", name], capture_output=True, check=False)


@pytest.fixture
def namespaces(peer_path: Callable[[str], str]) -> Generator[Namespaces]:
    made = Namespaces(peer_path("netns"))
    try:
        for name in (made.till, made.far):
            made.ip("netns", "add", name)
            made.ip("-n", name, "link", "set", "lo", "up")
        yield made
    finally:
        made.close()


@pytest.fixture
def lan(namespaces: Namespaces) -> Namespaces:
    """A till with an address and a gateway; the far end is there, but has no address yet."""
    namespaces.ip("-n", namespaces.till, "link", "add", "eth0", "type", "veth", "peer", "name", "eth1")
    namespaces.ip("-n", namespaces.till, "link", "set", "eth1", "netns", namespaces.far)
    namespaces.ip("-n", namespaces.far, "link", "set", "eth1", "up")
    namespaces.ip("-n", namespaces.till, "link", "set", "eth0", "up")
    namespaces.ip("-n", namespaces.till, "addr", "add", "10.98.0.2/24", "dev", "eth0")
    return namespaces


ADDRESS = "probes.network.address:AddressProbe"
GATEWAY = "probes.network.gateway:GatewayProbe"
QUALITY = "probes.network.quality:QualityProbe"
MTU = "probes.network.mtu:MtuProbe"


def told(found) -> list[tuple[str, str]]:
    return [(code, status) for code, status, _args in found]


def test_a_computer_without_a_network(namespaces) -> None:
    assert told(namespaces.ask(ADDRESS)) == [("net.no-address", "fault")]
    assert namespaces.ask(GATEWAY) == []


def test_a_computer_without_a_way_out_of_its_network(lan) -> None:
    assert told(lan.ask(ADDRESS)) == [("net.no-gateway", "warning")]


def test_an_address_that_nobody_gave(lan) -> None:
    lan.ip("-n", lan.till, "addr", "flush", "dev", "eth0")
    lan.ip("-n", lan.till, "addr", "add", "169.254.7.7/16", "scope", "link", "dev", "eth0")
    assert told(lan.ask(ADDRESS)) == [("net.self-assigned-address", "warning")]


def test_a_gateway_that_is_not_there_and_one_that_is(lan) -> None:
    lan.ip("-n", lan.till, "route", "add", "default", "via", "10.98.0.1")
    assert told(lan.ask(ADDRESS)) == [("net.address", "ok")]
    assert told(lan.ask(GATEWAY)) == [("net.gateway-unreachable", "fault")]
    lan.ip("-n", lan.far, "addr", "add", "10.98.0.1/24", "dev", "eth1")
    assert told(lan.ask(GATEWAY)) == [("net.gateway", "ok")]


def test_a_gateway_that_answers_nothing_but_is_there(lan) -> None:
    lan.ip("-n", lan.till, "route", "add", "default", "via", "10.98.0.1")
    lan.ip("-n", lan.far, "addr", "add", "10.98.0.1/24", "dev", "eth1")
    # what the far end would answer goes nowhere; its hardware address it tells all the same
    lan.ip("-n", lan.far, "rule", "add", "from", "10.98.0.1", "blackhole")
    assert told(lan.ask(GATEWAY)) == [("net.gateway", "ok")]


@pytest.mark.parametrize(
    ("wishes", "expected"),
    [
        ((), [("net.quality", "ok")]),
        (("--lose-every", "4"), [("net.packet-loss", "fault")]),
        (("--lose-every", "10"), [("net.packet-loss", "warning")]),
        (("--delay-ms", "60"), [("net.latency", "warning")]),
        (("--vary-ms", "70"), [("net.jitter", "warning")]),
    ],
)
def test_a_bad_line(namespaces, wishes, expected) -> None:
    namespaces.wire(*wishes)
    assert told(namespaces.ask(QUALITY, target_hosts=["10.97.0.2"])) == expected


def test_large_packets_that_vanish(namespaces) -> None:
    namespaces.wire("--largest", "1400")
    ((code, status, args),) = namespaces.ask(MTU, hosts=["http://10.97.0.2:8080"])
    assert (code, status, args["mtu"]) == ("net.mtu", "fault", 1400)


def test_large_packets_that_pass(namespaces) -> None:
    namespaces.wire()
    ((code, status, args),) = namespaces.ask(MTU, hosts=["http://10.97.0.2:8080"])
    assert (code, status, args["mtu"]) == ("net.path-mtu", "ok", 1500)
