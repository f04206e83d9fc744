"""The fault matrix: the cause is named first, nothing else is, and no device is sent anything but reads.

Every fault of every device, alone and in pairs, without a wire and on a clock that does not wait; and over
real wires, with the faults of wires, a share that is the same in every run. All of it over wires, with
figures: `benchmarks/fault_matrix.py`.
"""

from __future__ import annotations

import json
import random
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from probes.context import ProbeContext, ProbeSettings
from probes.lab.catalogue import make_device
from probes.lab.matrix import Matrix, Told, judged, run
from probes.lab.wirefaults import WIRE_FAULTS
from probes.links.fakes import DeviceLink
from probes.registry import BUILT_IN
from supportctl.app.check import CheckRequest, run_check
from supportctl.catalog import Catalog
from supportctl.catalog.compose import compose
from supportctl.core.clock import FakeClock, SystemClock
from supportctl.core.deadline import Deadline
from supportctl.core.finding import Status
from supportctl.core.target import parse_target

if TYPE_CHECKING:
    from collections.abc import Iterable

    from probes.lab.matrix import Case, Outcome
    from supportctl.core.report import Report

MATRIX = Matrix(Path(__file__).parents[2] / "benchmarks/fault_matrix.yaml")
SEED, WIRE_SHARE, DEVICE_SHARE = 20261122, 20, 30
ONLY_ON_A_WIRE = {"ofd", "sip", "stun"}  # datagrams, and a connection that is all
PROBLEMS = {Status.FAULT, Status.UNKNOWN, Status.WARNING}
CATALOG = Catalog("en")


def problems(report: Report) -> tuple[str, ...]:
    return tuple(f.code for f in report.findings if f.status in PROBLEMS)


def with_faults_of_the_device() -> list[Case]:
    everything = [*MATRIX.healthy(), *MATRIX.single(), *MATRIX.pairs()]
    return [case for case in everything if not any(fault in WIRE_FAULTS for fault in case.faults)]


def without_wire(case: Case) -> Outcome:
    """What the probe says of the device at the other end of a link that is no wire."""
    clock = FakeClock(SystemClock().now())
    device = make_device(case.protocol, case.model)
    for fault in case.faults:
        device.switch(fault, on=True, now=clock.monotonic())
    wire = getattr(device, "url_wire", case.wire)
    place = "/dev/ttyS9" if wire == "serial" else "192.0.2.7:4711"
    target = parse_target(f"{case.protocol}+{wire}://{place}{f'?{case.options}' if case.options else ''}")
    context = ProbeContext(
        target,
        Deadline.after(30, clock),
        clock,
        lambda target, _deadline: DeviceLink(target, clock, device, answers_after=0.001),
        ProbeSettings(expect=case.settings),
    )
    (entry,) = [entry for entry in BUILT_IN if entry.asks(target)]
    started_at, started = clock.now(), clock.monotonic()
    found = list(entry.load().run(context))
    took = clock.monotonic() - started
    report = compose(found, CATALOG, tool_version="0", started_at=started_at, duration_s=took)
    return judged(case, Told(problems(report), took), device)


@pytest.fixture(scope="module")
def all_of_the_devices() -> list[Outcome]:
    return [without_wire(case) for case in with_faults_of_the_device() if case.kind not in ONLY_ON_A_WIRE]


@pytest.fixture(scope="module")
def on_wires(tmp_path_factory: pytest.TempPathFactory) -> list[Outcome]:
    if sys.platform != "linux":
        pytest.skip("pseudo-terminals, and a full backlog that drops connections")
    folder = tmp_path_factory.mktemp("matrix")

    def check(case: Case, url: str) -> Told:
        config = folder / f"{abs(hash((str(case), url)))}.yaml"
        entry = {"name": "device", "url": url, "expect": dict(case.settings)}
        config.write_text(json.dumps({"targets": [entry]}), encoding="utf-8")
        started = time.monotonic()
        report = run_check(CheckRequest(targets=("device",), config=config))
        return Told(problems(report), time.monotonic() - started)

    devices = with_faults_of_the_device()
    only_here = [case for case in devices if case.kind in ONLY_ON_A_WIRE]
    slow = [case for case in MATRIX.single() if any(fault in WIRE_FAULTS for fault in case.faults)]
    share = random.Random(SEED)
    chosen = [*share.sample(slow, WIRE_SHARE), *share.sample(devices, DEVICE_SHARE), *only_here]
    return list(run(chosen, check, workers=len(chosen)))


def lines(outcomes: Iterable[Outcome]) -> str:
    return "\n".join(f"{o.case}: {', '.join(o.told.problems) or 'healthy'} {o.foreign}" for o in outcomes)


def test_the_matrix_is_as_large_as_was_promised() -> None:
    assert len(MATRIX.single()) >= 150
    assert len(MATRIX.pairs()) >= 40


def test_every_device_and_every_fault_of_the_lab_is_in_the_matrix() -> None:
    assert MATRIX.missing() == []


def test_every_device_that_is_asked_is_in_the_matrix() -> None:
    """A probe whose device the lab does not have is proved elsewhere: say so here."""
    nothing_is_sent = {"terminal"}
    others = {"snmp", "ipp", "http", "https", "tls", "dns", "ntp", "tcp", "serial", "rfc2217", "usb"}
    asked = frozenset[str]().union(*(entry.protocols for entry in BUILT_IN))
    assert asked - others - nothing_is_sent - MATRIX.protocols == set()


def test_a_fault_is_the_first_finding(all_of_the_devices: list[Outcome]) -> None:
    wrong = [o for o in all_of_the_devices if len(o.case.faults) == 1 and not o.named]
    assert not wrong, lines(wrong)


def test_two_faults_are_both_named(all_of_the_devices: list[Outcome]) -> None:
    pairs = [o for o in all_of_the_devices if len(o.case.faults) == 2]
    wrong = [o for o in pairs if not o.named]
    assert len(wrong) <= 0.05 * len(pairs), lines(wrong)


def test_no_false_alarm(all_of_the_devices: list[Outcome]) -> None:
    wrong = [o for o in all_of_the_devices if o.false_alarms]
    assert not wrong, lines(wrong)


def test_no_device_is_ever_sent_anything_but_reads(
    all_of_the_devices: list[Outcome], on_wires: list[Outcome]
) -> None:
    wrong = [o for o in (*all_of_the_devices, *on_wires) if o.foreign]
    assert not wrong, lines(wrong)


def test_the_same_is_told_over_wires(on_wires: list[Outcome]) -> None:
    wrong = [o for o in on_wires if not o.right]
    assert not wrong, lines(wrong)
