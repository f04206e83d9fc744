"""One Shtrih-M register on TCP, a serial line and RFC 2217 (ser2net): the same state, the same answer."""

from __future__ import annotations

import sys

import pytest
from ser2net import serving

from probes.lab.lab import Lab
from probes.lab.scenario import DeviceSpec, Scenario
from probes.links import open_link
from probes.registry import BUILT_IN
from probes.runner import Job, Runner
from supportctl.core.clock import SystemClock
from supportctl.core.deadline import Deadline
from supportctl.core.target import parse_target

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="pseudo-terminals are POSIX")
ENTRY = next(entry for entry in BUILT_IN if entry.id == "register.shtrih")
STATES = [
    (),
    ("shift-over-24h", "paper-out", "cover-open"),
    ("ofd-queue-old", "fn-expiring", "clock-drift", "battery-low"),
    ("wrong-password",),
    ("cutter-error", "fn-broken"),
    ("bad-checksum-once", "shift-closed"),
]
VARIES = {"seconds", "clock"}  # between two readings a clock goes on


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    devices = (
        DeviceSpec("till", "shtrih", ("tcp", "serial")),
        DeviceSpec("slow", "shtrih", ("serial",), baud=115200),
    )
    with Lab.from_scenario(Scenario("register", devices), tmp_path_factory.mktemp("lab")) as running:
        yield running


@pytest.fixture
def told(lab):
    """Return a function: what a check of a URL says, without what differs from wire to wire."""
    clock = SystemClock()

    def ask(url):
        result = Runner(open_link, clock).run([Job(ENTRY, parse_target(url))], Deadline.after(20, clock))
        return [
            (
                finding.code,
                finding.status.value,
                {name: value for name, value in finding.args.items() if name not in VARIES},
                [(item.asked, item.sent, item.meaning) for item in finding.evidence],
            )
            for finding in result.findings
        ]

    yield ask
    for name in lab.names:
        lab.clear(name)
        assert lab.device(name).writes == []


@pytest.mark.parametrize("faults", STATES, ids=lambda faults: "-and-".join(faults) or "healthy")
def test_tcp_and_serial_say_the_same(lab, told, faults):
    for fault in faults:
        lab.fault("till", fault)
    over_tcp = told(lab.url("till", "tcp"))
    assert over_tcp == told(lab.url("till", "serial"))
    assert over_tcp


@pytest.mark.parametrize("options", ["", "&protocol=2"])
def test_a_line_with_a_speed(lab, told, options):
    lab.fault("slow", "protocol-2", on=bool(options))
    lab.fault("slow", "shift-over-24h")
    found = {(code, status) for code, status, *_ in told(lab.url("slow") + options) if status != "ok"}
    assert found == {("fiscal.shift-over-24h", "fault")}


def test_a_wrong_speed_is_no_healthy_register(lab, told):
    found = {(code, status) for code, status, *_ in told(lab.url("slow").replace("115200", "9600"))}
    assert found <= {("link.garbled", "fault"), ("link.silent", "fault")}
    assert found


@pytest.fixture(scope="module")
def gateway(peer_path, lab, tmp_path_factory):
    """Serve the register's pseudo-terminal by ser2net; returns the URL."""
    device, folder = lab.url("till", "serial").partition("://")[2], tmp_path_factory.mktemp("ser2net")
    with serving(peer_path("ser2net"), device, "telnet(rfc2217),tcp", folder) as port:
        yield f"shtrih+rfc2217://127.0.0.1:{port}"


@pytest.mark.peer("ser2net")
@pytest.mark.parametrize("faults", STATES, ids=lambda faults: "-and-".join(faults) or "healthy")
def test_rfc2217_says_the_same_as_tcp(lab, told, gateway, faults):
    for fault in faults:
        lab.fault("till", fault)
    assert told(gateway) == told(lab.url("till", "tcp"))


@pytest.mark.peer("ser2net")
def test_protocol_2_over_rfc2217(lab, told, gateway):
    lab.fault("till", "protocol-2")
    there, here = told(f"{gateway}?protocol=2"), told(lab.url("till", "tcp") + "?protocol=2")
    assert [found[:3] for found in there] == [found[:3] for found in here]  # the frames have other numbers
