"""ATOL registers of the lab on sockets and pseudo-terminals: the same answers on every wire."""

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

PLACES = [("two", "tcp"), ("three", "tcp"), ("web", "tcp")]
if sys.platform != "win32":
    PLACES += [("two", "serial"), ("three", "serial")]
FAULTS = {
    (): {},
    ("shift-over-24h", "ofd-queue-old"): {
        "fiscal.shift-over-24h": "fault",
        "fiscal.ofd-queue-old": "warning",
    },
    ("cover-open", "fn-expiring-soon", "clock-drift"): {
        "fiscal.cover-open": "fault",
        "fiscal.fn-expiring": "fault",
        "fiscal.clock-drift": "fault",
    },
    ("fn-missing", "paper-out"): {"fiscal.fn-fault": "fault", "fiscal.paper-out": "fault"},
}


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    wires = ("tcp",) if sys.platform == "win32" else ("tcp", "serial")
    devices = (
        DeviceSpec("two", "atol2", wires),
        DeviceSpec("three", "atol3", wires),
        DeviceSpec("web", "atol"),
    )
    with Lab.from_scenario(Scenario("registers", devices), tmp_path_factory.mktemp("lab")) as running:
        yield running


@pytest.fixture
def check(lab):
    """Return what the runner finds at a device that has these faults."""
    clock, used = SystemClock(), []

    def run(name, wire, *faults):
        used.append(name)
        for fault in faults:
            lab.fault(name, fault)
        target = parse_target(lab.url(name, wire))
        entry = next(e for e in BUILT_IN if e.id == f"register.{target.protocol}")
        return Runner(open_link, clock).run([Job(entry, target)], Deadline.after(20, clock))

    yield run
    for name in used:
        lab.clear(name)
        assert lab.device(name).writes == []


def problems(result):
    return {f.code: f.status.value for f in result.findings if f.status != "ok"}


@pytest.mark.parametrize("faults", FAULTS)
@pytest.mark.parametrize(("name", "wire"), PLACES)
def test_faults(check, name, wire, faults):
    result = check(name, wire, *faults)
    assert problems(result) == FAULTS[faults]
    assert result.duration_s < 3


@pytest.mark.skipif(sys.platform == "win32", reason="no ptys")
@pytest.mark.parametrize("name", ["two", "three"])
def test_both_wires_give_the_same_answer(check, lab, name):
    faults = ("shift-over-24h", "ofd-queue", "not-registered")
    said = []
    for wire in ("tcp", "serial"):
        findings = check(name, wire, *faults).findings
        args = [{k: v for k, v in f.args.items() if k not in {"seconds", "clock"}} for f in findings]
        said.append([(f.code, f.status, a) for f, a in zip(findings, args, strict=True)])
        lab.clear(name)
    assert said[0] == said[1]


@pytest.mark.parametrize("fault", ["repeated-answer", "damaged-answer", "lost-ack", "collides", "pushes"])
@pytest.mark.parametrize(("name", "wire"), [place for place in PLACES if place[0] != "web"])
def test_disturbances_that_the_protocol_repairs(check, lab, name, wire, fault):
    if fault in lab.device(name).faults:
        assert problems(check(name, wire, fault, "cover-open")) == {"fiscal.cover-open": "fault"}


@pytest.mark.parametrize(
    ("name", "fault", "code"),
    [
        ("two", "wire-garbled", "link.garbled"),
        *((name, "wire-noise", "link.garbled") for name in ("two", "three", "web")),
        *((name, "wire-banner", "link.wrong-device") for name in ("two", "three", "web")),
        *((name, "wire-dropped", "link.closed") for name in ("two", "three", "web")),
        ("three", "wire-silent", "link.silent"),
    ],
)
def test_wire_faults_have_their_own_codes(check, name, fault, code):
    result = check(name, "tcp", fault)
    assert problems(result) == {code: "fault"}
    assert result.duration_s < 6
