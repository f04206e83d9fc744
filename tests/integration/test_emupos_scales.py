"""emupos's scales, which we did not write: Toledo 8217 and SMA on TCP and pseudo-terminals, in all states."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from typing import TYPE_CHECKING, NamedTuple

import pytest

from probes.links import open_link
from probes.registry import BUILT_IN
from probes.runner import Job, Runner
from supportctl.core.clock import SystemClock
from supportctl.core.deadline import Deadline
from supportctl.core.target import parse_target

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [
    pytest.mark.peer("emupos"),
    pytest.mark.skipif(sys.platform == "win32", reason="emupos makes no serial ports on Windows"),
]

START_S = 30.0
PROTOCOLS = ("toledo8217", "sma")
MOVES_LONG_MS = 60_000
PROFILES = {
    "toledo8217": "protocol: toledo8217\nreply_integer_digits: 2\nreply_decimals: 3\n",
    "sma": (
        "protocol: sma\n"
        "units: [{unit: kg_, decimals: 3, count_by: 5}, {unit: lb_, decimals: 2, count_by: 1}]\n"
        "maker: emupos\nmodel: SMA 15kg\nrevision: '1.0'\n"
    ),
}
PROFILE = """
type: scale
name: {protocol}, 15 kg, slow to settle
capacity_grams: 15000
division_grams: 5
settle_ms: {settle}
serial: {{baud: 9600, data_bits: 8, parity: none, stop_bits: 1}}
{rest}
"""
DEVICE = """
  - id: {protocol}
    type: scale
    profile: ./{protocol}.yaml
    connections:
      - tcp: {{port: {port}}}
      - serial: {{pty: true, link: {protocol}}}
"""


class Emupos(NamedTuple):
    """A running emupos with one scale of each protocol."""

    api: int
    ports: dict[str, int]
    folder: Path

    def url(self, protocol: str, wire: str) -> str:
        if wire == "tcp":
            return f"{protocol}+tcp://127.0.0.1:{self.ports[protocol]}"
        return f"{protocol}+serial://{self.folder / 'emupos' / protocol}"

    def call(self, method: str, path: str, body: object = None) -> bytes:
        url = f"http://127.0.0.1:{self.api}/api/v1/{path}"
        data = None if body is None else json.dumps(body).encode()
        headers = {"Content-Type": "application/json"} if data else {}
        request = urllib.request.Request(url, data, headers, method=method)
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.read()

    def put(self, protocol: str, grams: int, *, stable: bool = True) -> None:
        self.call("PUT", f"devices/{protocol}/weight", {"grams": grams, "stable": stable})

    def state(self, protocol: str) -> dict[str, object]:
        return json.loads(self.call("GET", f"devices/{protocol}"))["state"]


def free_ports(count: int) -> list[int]:
    sockets = [socket.socket() for _ in range(count)]
    try:
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]
    finally:
        for each in sockets:
            each.close()


@pytest.fixture(scope="module")
def emupos(peer_path, tmp_path_factory):
    folder = tmp_path_factory.mktemp("emupos")
    api, *ports = free_ports(1 + len(PROTOCOLS))
    config = f"schema: 1\napi: {{port: {api}}}\ndevices:"
    for protocol, port in zip(PROTOCOLS, ports, strict=True):
        config += DEVICE.format(protocol=protocol, port=port)
        profile = PROFILE.format(protocol=protocol, settle=MOVES_LONG_MS, rest=PROFILES[protocol])
        (folder / f"{protocol}.yaml").write_text(profile, encoding="utf-8")
    (folder / "emupos.yaml").write_text(config, encoding="utf-8")
    log = (folder / "log").open("wb")
    # its serial ports appear in $TMPDIR/emupos
    process = subprocess.Popen(
        [peer_path("emupos"), "run", "--config", str(folder / "emupos.yaml")],
        stdout=log,
        stderr=subprocess.STDOUT,
        cwd=folder,
        env={**os.environ, "TMPDIR": str(folder)},
    )
    running = Emupos(api, dict(zip(PROTOCOLS, ports, strict=True)), folder)
    clock = SystemClock()
    until = Deadline.after(START_S, clock)
    try:
        while True:
            try:
                running.call("GET", "devices")
                break
            except (OSError, urllib.error.URLError):
                assert process.poll() is None, (folder / "log").read_text()
                assert not until.expired, "emupos did not start in time"
                clock.sleep(0.05)
        yield running
    finally:
        process.terminate()
        process.wait(10)
        log.close()


def found(emupos, protocol: str, wire: str) -> dict[str, object]:
    target = parse_target(emupos.url(protocol, wire))
    entry = next(e for e in BUILT_IN if e.id == f"scale.{protocol}")
    clock = SystemClock()
    return {
        f.code: f
        for f in Runner(open_link, clock).run([Job(entry, target)], Deadline.after(15, clock)).findings
    }


STATES = [
    (0, set(), "0.000"),
    (1250, set(), "1.250"),
    (15_000, set(), "15.000"),
    (20_000, {"scale.over-capacity"}, None),
    (-500, {"scale.under-zero"}, None),
]
MOVING = [
    ("toledo8217", "serial", 20_000, {"scale.in-motion", "scale.over-capacity"}),
    ("sma", "tcp", 1250, {"scale.in-motion"}),
]


@pytest.mark.parametrize("wire", ["tcp", "serial"])
@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize(("grams", "problems", "weight"), STATES)
def test_every_state(emupos, protocol, wire, grams, problems, weight):
    emupos.put(protocol, grams)
    before = emupos.state(protocol)
    told = found(emupos, protocol, wire)
    assert {code for code, finding in told.items() if finding.status != "ok"} == problems
    assert "scale.answers" in told
    if weight is not None:
        unit = "" if protocol == "toledo8217" else " kg"
        assert told["scale.weight"].args["weight"] == weight + unit
    assert emupos.state(protocol) == before  # nothing was zeroed or tared


@pytest.mark.parametrize(("protocol", "wire", "grams", "problems"), MOVING)
def test_a_load_that_moves(emupos, protocol, wire, grams, problems):
    emupos.put(protocol, grams, stable=False)
    told = found(emupos, protocol, wire)
    assert {code for code, finding in told.items() if finding.status != "ok"} == problems


def test_what_it_says_about_itself(emupos):
    emupos.put("sma", 0)
    assert found(emupos, "sma", "serial")["scale.answers"].args["device"] == ": emupos SMA 15kg"


def test_below_its_tare(emupos):
    for protocol in PROTOCOLS:
        emupos.put(protocol, 500)
        emupos.call("POST", f"devices/{protocol}/tare")
        emupos.put(protocol, 0)
        under = found(emupos, protocol, "tcp")["scale.under-zero"]
        assert under.evidence[0].meaning == "scale.is-below-tare"
        emupos.call("POST", f"devices/{protocol}/zero")


@pytest.mark.parametrize("lang", ["en", "ru"])
@pytest.mark.parametrize(("grams", "code", "exit_code"), [(0, None, 0), (20_000, "scale.over-capacity", 3)])
def test_the_command(emupos, lang, grams, code, exit_code):
    emupos.put("toledo8217", grams)
    url = emupos.url("toledo8217", "serial")
    command = [sys.executable, "-m", "supportctl", "check", url, "--format", "json", "--lang", lang]
    done = subprocess.run(command, capture_output=True, check=False, timeout=60)
    assert done.returncode == exit_code, done.stderr.decode()
    told = [f for f in json.loads(done.stdout)["findings"] if f["status"] != "ok"]
    assert [f["code"] for f in told] == ([code] if code else [])
    for finding in told:
        assert any("а" <= letter <= "я" for letter in finding["title"].lower()) is (lang == "ru")
        assert finding["remedies"][0]["who"] == "cashier"
