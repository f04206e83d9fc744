"""A line that is cut without a word, between two network namespaces: noticed, and used again once it is back.

The bounds here are generous; `benchmarks/remote_rpc.py` holds the real ones (6 s, 1 s).
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from ssh_server import SshServer

pytestmark = [pytest.mark.peer("netns"), pytest.mark.peer("sshd")]
CUT = Path(__file__).parents[1] / "support" / "remote_cut.py"


class TwoSides:
    """Till and supporter in namespaces of their own, joined by one cable that can be pulled."""

    def __init__(self, ip: str) -> None:
        self.ip_program = ip
        self.here, self.there = (f"supportctl-{os.getpid()}-{name}" for name in ("desk", "shop"))

    def ip(self, *words: str) -> None:
        subprocess.run([self.ip_program, *words], check=True, capture_output=True, timeout=20)

    def open(self) -> None:
        for name in (self.here, self.there):
            self.ip("netns", "add", name)
            self.ip("-n", name, "link", "set", "lo", "up")
        self.ip("-n", self.here, "link", "add", "eth0", "type", "veth", "peer", "name", "eth1")
        self.ip("-n", self.here, "link", "set", "eth1", "netns", self.there)
        for name, device, address in ((self.here, "eth0", "10.99.0.2"), (self.there, "eth1", "10.99.0.1")):
            self.ip("-n", name, "addr", "add", f"{address}/24", "dev", device)
            self.ip("-n", name, "link", "set", device, "up")

    def cable(self, state: str) -> None:
        self.ip("-n", self.there, "link", "set", "eth1", state)

    def inside(self, name: str) -> tuple[str, ...]:
        return (self.ip_program, "netns", "exec", name)

    def close(self) -> None:
        for name in (self.here, self.there):
            subprocess.run([self.ip_program, "netns", "del", name], capture_output=True, check=False)


@pytest.fixture
def sides(peer_path):
    made = TwoSides(peer_path("netns"))
    try:
        made.open()
        yield made
    finally:
        made.close()


@pytest.fixture
def server(sides, peer_path, tmp_path):
    made = SshServer(
        peer_path("sshd"), tmp_path / "sshd", address="10.99.0.1", prefix=sides.inside(sides.there)
    )
    made.allow("restrict")
    made.start()
    yield made
    made.stop()


def test_a_cut_line_is_noticed_and_used_again(sides, server, tmp_path):
    words = [sys.executable, str(CUT), "10.99.0.1", str(server.port), str(server.client_key), str(tmp_path)]
    asking = subprocess.Popen(
        [*sides.inside(sides.here), *words], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        assert asking.stdout.readline() == "open\n"
        sides.cable("down")
        cut = time.monotonic()
        assert asking.stdout.readline() == "dead\n"
        noticed = time.monotonic() - cut
        sides.cable("up")
        up = time.monotonic()
        assert asking.stdout.readline() == "back\n"
        back = time.monotonic() - up
        sys.stderr.write(f"noticed after {noticed:.1f} s, back {back:.2f} s after the cable\n")
        assert noticed < 9
        assert back < 4
    finally:
        asking.kill()
        asking.communicate()
