"""Receipt printers of the lab on sockets and pseudo-terminals, through the runner: device and wire faults."""

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


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    wires = ("tcp",) if sys.platform == "win32" else ("tcp", "serial")
    devices = (DeviceSpec("till", "escpos", wires), DeviceSpec("kitchen", "star", wires))
    with Lab.from_scenario(Scenario("printers", devices), tmp_path_factory.mktemp("lab")) as running:
        yield running


@pytest.fixture
def check(lab):
    """Return what the runner finds at a device that has these faults, and the seconds it took."""
    clock = SystemClock()
    used = []

    def run(name, wire, *faults, extra=""):
        used.append(name)
        for fault in faults:
            lab.fault(name, fault)
        target = parse_target(lab.url(name, wire) + extra)
        entry = next(e for e in BUILT_IN if e.id == f"printer.{target.protocol}")
        result = Runner(open_link, clock).run([Job(entry, target)], Deadline.after(10, clock))
        return {f.code: f.status.value for f in result.findings if f.status != "ok"}, result

    yield run
    for name in used:
        lab.clear(name)
        assert lab.device(name).writes == []


@pytest.mark.parametrize("wire", WIRES)
@pytest.mark.parametrize(
    ("faults", "found"),
    [
        ((), {}),
        (("paper-out",), {"printer.paper-out": "fault"}),
        (("asb-on", "paper-near-end"), {"printer.paper-near-end": "warning"}),
        (
            ("paper-out", "cover-open", "cutter-error"),
            {"printer.paper-out": "fault", "printer.cover-open": "fault", "printer.cutter-error": "fault"},
        ),
        (("wire-one-byte", "cover-open"), {"printer.cover-open": "fault"}),
        (("wire-slow", "cover-open"), {"printer.cover-open": "fault"}),
        (("no-gs-i",), {}),
    ],
)
def test_escpos(check, wire, faults, found):
    assert check("till", wire, *faults)[0] == found


@pytest.mark.parametrize("wire", WIRES)
@pytest.mark.parametrize(
    ("faults", "found"),
    [
        ((), {}),
        (("paper-out", "cover-open"), {"printer.paper-out": "fault", "printer.cover-open": "fault"}),
        (("asb-on", "wire-one-byte", "paper-jam"), {"printer.paper-jam": "fault"}),
    ],
)
def test_star(check, wire, faults, found):
    assert check("kitchen", wire, *faults)[0] == found


@pytest.mark.parametrize("name", ["till", "kitchen"])
@pytest.mark.parametrize("wire", WIRES)
@pytest.mark.parametrize(
    ("fault", "code"),
    [("wire-garbled", "link.garbled"), ("wire-dropped", "link.closed"), ("wire-noise", "link.garbled")],
)
def test_wire_faults_have_their_own_codes(check, name, wire, fault, code):
    found, result = check(name, wire, fault)
    assert found == {code: "fault"}
    assert result.duration_s < 5
    assert len(result.findings[0].evidence[0].got or "") < 300


@pytest.mark.parametrize("name", ["till", "kitchen"])
def test_a_web_server_is_no_printer(check, name):
    assert check(name, "tcp", "wire-banner")[0] == {"link.wrong-device": "fault"}


@pytest.mark.parametrize("name", ["till", "kitchen"])
def test_silence_takes_three_seconds_at_most(check, name):
    found, result = check(name, "tcp", "wire-silent")
    assert found == {"link.silent": "fault"}
    assert 2.0 <= result.duration_s < 3.2


def test_a_star_that_pushes_is_recognised_by_the_escpos_probe(check, lab):
    lab.fault("kitchen", "asb-on")
    target = parse_target(lab.url("kitchen", "tcp").replace("star+", "escpos+"))
    clock = SystemClock()
    entry = next(e for e in BUILT_IN if e.id == "printer.escpos")
    result = Runner(open_link, clock).run([Job(entry, target)], Deadline.after(10, clock))
    lab.clear("kitchen")
    assert [(f.code, f.args) for f in result.findings] == [("link.wrong-device", {"protocol": "star"})]
    assert lab.device("kitchen").writes == []
