"""Datecs and Tremol registers on TCP and a serial line, cgi registers on HTTP: real wires, same answers."""

from __future__ import annotations

import sys

import pytest

from probes.lab.devices.cgi_register import PASSWORD, USER
from probes.lab.lab import Lab
from probes.lab.scenario import DeviceSpec, Scenario
from probes.links import open_link
from probes.registry import BUILT_IN
from probes.runner import Job, Runner
from supportctl.core.clock import SystemClock
from supportctl.core.deadline import Deadline
from supportctl.core.target import parse_target

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="pseudo-terminals are POSIX")
BOTH = ("tcp", "serial")
REGISTERS = ("datecs-p", "datecs-x", "tremol")
STATES = [(), ("paper-out", "fm-near-full"), ("clock-drift", "document-open"), ("at-work",)]
VARIES = {"seconds", "clock", "time", "text", "last", "next"}  # between two readings a clock goes on


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    devices = (
        DeviceSpec("datecs-p", "datecs", BOTH, model="FP-800"),
        DeviceSpec("datecs-x", "datecs", BOTH, model="FP-700X"),
        DeviceSpec("tremol", "tremol", BOTH),
        DeviceSpec("line", "datecs", ("serial",), baud=115200),
        DeviceSpec("cgi", "cgi"),
    )
    with Lab.from_scenario(Scenario("abroad", devices), tmp_path_factory.mktemp("lab")) as running:
        yield running


@pytest.fixture
def told(lab):
    """Return a function: what a check of a URL says, without what differs from wire to wire."""
    clock = SystemClock()

    def ask(url):
        target = parse_target(url)
        entry = next(entry for entry in BUILT_IN if entry.asks(target))
        result = Runner(open_link, clock).run([Job(entry, target)], Deadline.after(20, clock))
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
@pytest.mark.parametrize("name", REGISTERS)
def test_tcp_and_serial_say_the_same(lab, told, name, faults):
    for fault in faults:
        lab.fault(name, fault)
    over_tcp = told(lab.url(name, "tcp"))
    assert over_tcp == told(lab.url(name, "serial"))
    assert over_tcp


def test_a_line_with_a_speed(lab, told):
    lab.fault("line", "paper-out")
    assert {(code, status) for code, status, *_ in told(lab.url("line")) if status != "ok"} == {
        ("fiscal.paper-out", "fault")
    }


def test_a_wrong_speed_is_no_healthy_register(lab, told):
    url = f"{lab.url('line').partition('?')[0]}?baud=9600"
    found = {(code, status) for code, status, *_ in told(url)}
    assert found <= {("link.garbled", "fault"), ("link.silent", "fault"), ("link.wrong-device", "fault")}
    assert found


@pytest.mark.parametrize("login", ["needs-password", "stale-nonces", "silent-nonces", "sha-256", "no-qop"])
def test_the_login_of_a_web_register(lab, told, login):
    lab.fault("cgi", login)
    lab.fault("cgi", "paper-out")
    url = lab.url("cgi").replace("://", f"://{USER}@")
    right = {(code, status) for code, status, *_ in told(f"{url}?password={PASSWORD}") if status != "ok"}
    assert right == {("fiscal.paper-out", "fault")}
    before = lab.device("cgi").logins
    wrong = {(code, status) for code, status, *_ in told(f"{url}?password=wrong")}
    assert wrong == {("fiscal.wrong-password", "unknown")}
    assert lab.device("cgi").logins == before + 1
