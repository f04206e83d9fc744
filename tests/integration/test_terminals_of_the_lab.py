"""Payment terminals of the lab on sockets and pseudo-terminals, through the runner."""

from __future__ import annotations

import sys

import pytest

from probes.lab.lab import Lab
from probes.lab.scenario import DeviceSpec, Scenario
from probes.links import open_link
from probes.registry import BUILT_IN
from probes.runner import Job, Runner
from supportctl.core.clock import SystemClock
from supportctl.core.deadline import Deadline
from supportctl.core.target import parse_target

WIRES = ["tcp", pytest.param("serial", marks=pytest.mark.skipif(sys.platform == "win32", reason="no ptys"))]
# a pseudo-terminal has no stop bits to speak of, and takes any number of them


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    serial = () if sys.platform == "win32" else ("serial",)
    devices = [DeviceSpec("cards", "zvt", ("tcp", *serial))]
    if serial:
        devices.append(DeviceSpec("french", "telium", serial))
    with Lab.from_scenario(Scenario("terminals", tuple(devices)), tmp_path_factory.mktemp("lab")) as running:
        yield running


@pytest.fixture
def check(lab):
    """Return what the runner finds at a terminal that has these faults."""
    clock = SystemClock()
    used = []

    def run(name, wire, *faults, as_protocol=""):
        used.append(name)
        for fault in faults:
            lab.fault(name, fault)
        url = lab.url(name, wire)
        target = parse_target(f"{as_protocol}+{url.partition('+')[2]}" if as_protocol else url)
        (entry,) = (e for e in BUILT_IN if e.asks(target) and e.id.startswith("terminal."))
        findings = Runner(open_link, clock).run([Job(entry, target)], Deadline.after(12, clock)).findings
        return {f.code: f.status.value for f in findings}

    yield run
    for name in used:
        lab.clear(name)
        assert lab.device(name).writes == []
        assert set(lab.device(name).opcodes) <= {"0501", "8000", "ENQ", "EOT"}


READY = {"terminal.ready": "ok", "terminal.answers": "ok"}


@pytest.mark.parametrize("wire", WIRES)
@pytest.mark.parametrize(
    ("faults", "found"),
    [
        ((), READY),
        (("printer-not-ready",), {"terminal.fault": "fault", "terminal.answers": "ok"}),
        (("battery-low",), {"terminal.battery-low": "fault", "terminal.answers": "ok"}),
        (("talkative", "host-unreachable"), {"terminal.host-unreachable": "fault"}),
        (("in-payment",), {"terminal.busy": "unknown"}),
        (("wire-one-byte",), READY),
        (("wire-slow",), READY),
        (("wire-refused",), None),
    ],
)
def test_the_same_on_both_wires(check, wire, faults, found):
    if found is None:
        found = {"tcp": {"link.refused": "fault"}, "serial": {"link.no-such-port": "fault"}}[wire]
    assert check("cards", wire, *faults) == found


@pytest.mark.skipif(sys.platform == "win32", reason="no ptys")
@pytest.mark.parametrize(
    ("faults", "found"),
    [
        ((), {"terminal.present": "ok"}),
        (("busy",), {"terminal.busy": "unknown"}),
        (("wire-held",), {"link.port-busy": "unknown"}),
    ],
)
def test_telium(check, faults, found):
    assert check("french", "serial", *faults) == found


@pytest.mark.skipif(sys.platform == "win32", reason="no ptys")
def test_a_closed_terminal_is_looked_at_and_not_opened(lab, check):
    lab.device("french").opcodes.clear()
    assert check("french", "serial", "wire-held", as_protocol="terminal") == {"terminal.present": "ok"}
    assert check("french", "serial", "wire-refused", as_protocol="terminal") == {"terminal.offline": "fault"}
    assert lab.device("french").opcodes == []
