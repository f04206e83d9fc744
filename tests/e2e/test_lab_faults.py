"""Every wire fault of the lab gives its own code, within the deadline, and a healthy wire gives none."""

from __future__ import annotations

import socket
import sys
import time
from typing import TYPE_CHECKING

import pytest

from probes.lab.lab import Lab
from probes.lab.scenario import DeviceSpec, Scenario
from probes.lab.wirefaults import SERIAL, TCP, WIRE_FAULTS
from supportctl.app.check import CheckRequest, run_check
from supportctl.core.finding import Status

if TYPE_CHECKING:
    from collections.abc import Iterator

if sys.platform != "linux":
    pytest.skip("pseudo-terminals, and a full backlog that drops connections", allow_module_level=True)

DEADLINE_S = 5.0
GRACE_S = 1.0
EXPECTED = {
    "wire-slow": None,
    "wire-one-byte": None,
    "wire-silent": "link.silent",
    "wire-garbled": "link.garbled",
    "wire-refused": "link.refused",
    "wire-dropped": "link.closed",
    "wire-noise": "link.garbled",
    "wire-banner": "link.wrong-device",
    "wire-single-client": "link.silent",
    "wire-timeout": "link.timeout",
    "wire-held": "link.port-busy",
}
ON_SERIAL = {"wire-refused": "link.no-such-port"}
CASES = [(wire, fault) for fault, wires in WIRE_FAULTS.items() for wire in (TCP, SERIAL) if wire in wires]


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    specs = tuple(DeviceSpec(wire, "escpos", (wire,)) for wire in (TCP, SERIAL))
    with Lab(Scenario("faults", specs)) as lab:
        yield lab


def problems(lab: Lab, name: str) -> set[str]:
    report = run_check(CheckRequest(targets=(lab.url(name),), deadline_s=DEADLINE_S))
    return {finding.code for finding in report.findings if finding.status is not Status.OK}


@pytest.mark.parametrize(("wire", "fault"), CASES)
def test_a_wire_fault_has_its_code_and_is_forgotten(lab: Lab, wire: str, fault: str) -> None:
    expected = EXPECTED[fault] if wire == TCP else ON_SERIAL.get(fault, EXPECTED[fault])
    first = None
    try:
        lab.fault(wire, fault)
        if fault == "wire-single-client":
            first = socket.create_connection(("127.0.0.1", int(lab.url(wire).rsplit(":", 1)[1])))
        started = time.monotonic()
        assert problems(lab, wire) == ({expected} if expected else set())
        assert time.monotonic() - started < DEADLINE_S + GRACE_S
    finally:
        if first is not None:
            first.close()
        lab.clear(wire)
    assert problems(lab, wire) == set(), "healthy again"
    assert lab.device(wire).writes == []
