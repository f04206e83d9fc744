"""The scales of the lab on real wires: the same state is the same answer on every one of them."""

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

PROTOCOLS = ("toledo8217", "sma", "cas", "massak", "shtrihscale")
WIRES = ("tcp",) if sys.platform == "win32" else ("tcp", "serial")


@pytest.fixture(scope="module")
def lab():
    wires = {"massak": (*WIRES, "udp")}
    specs = tuple(DeviceSpec(name, name, wires.get(name, WIRES)) for name in PROTOCOLS)
    with Lab(Scenario("scales", specs)) as opened:
        yield opened


@pytest.fixture
def told(lab):
    def ask(name: str, wire: str, options: str = "") -> dict[str, tuple[str, ...]]:
        target = parse_target(lab.url(name, wire) + options)
        entry = next(e for e in BUILT_IN if name in e.protocols)
        clock = SystemClock()
        findings = Runner(open_link, clock).run([Job(entry, target)], Deadline.after(20, clock)).findings
        return {f.code: (f.status.value, *(e.meaning for e in f.evidence)) for f in findings}

    yield ask
    for name in PROTOCOLS:
        lab.clear(name)
        assert lab.device(name).writes == []


@pytest.mark.parametrize("fault", [None, "over-capacity", "under-zero", "no-weight"])
@pytest.mark.parametrize("name", PROTOCOLS)
def test_every_wire_gives_the_same_answer(lab, told, name, fault):
    if fault:
        lab.fault(name, fault)
    answers = [told(name, wire) for wire in WIRES]
    assert all(answer == answers[0] for answer in answers)
    problems = {code for code, (status, *_) in answers[0].items() if status != "ok"}
    assert problems == ({f"scale.{fault}"} if fault else set())


@pytest.mark.parametrize("name", ["toledo8217", "sma", "cas"])
@pytest.mark.parametrize("wire", WIRES)
def test_scales_that_stream(lab, told, name, wire):
    lab.fault(name, "continuous")
    answer = told(name, wire)
    assert answer["scale.continuous-mode"] == ("warning", "scale.sends-unasked")
    assert answer["scale.weight"][0] == "ok"
    assert {code for code, (status, *_) in answer.items() if status != "ok"} == {"scale.continuous-mode"}


@pytest.mark.parametrize("wire", WIRES)
def test_seven_bits_read_as_eight(lab, told, wire):
    lab.fault("toledo8217", "wrong-parity")
    assert told("toledo8217", wire)["link.garbled"] == ("fault", "scale.sound-at-seven-bits")


@pytest.mark.skipif(sys.platform == "win32", reason="pseudo-terminals are POSIX")
def test_seven_bits_that_the_url_insists_on(told):
    answer = told("toledo8217", "serial", "?bytesize=7&parity=even")
    assert answer == {"link.bad-settings": ("fault", "link.settings-refused-by-pty")}


def test_massak_is_found_by_udp(lab, told):
    assert told("massak", "udp") == {"scale.answers": ("ok", "scale.is-found-by-udp")}
    lab.fault("massak", "wire-silent")
    assert told("massak", "udp")["link.silent"][0] == "fault"


def test_massak_whose_only_connection_is_taken(lab, told):
    lab.fault("massak", "wire-single-client")
    clock = SystemClock()
    with open_link(parse_target(lab.url("massak", "tcp")), Deadline.after(5, clock)):
        silent = told("massak", "tcp")["link.silent"]
    assert silent == ("fault", "link.no-answer", "scale.is-found-by-udp")


def test_massak_that_is_off(lab, told):
    lab.fault("massak", "wire-refused")
    assert told("massak", "tcp")["link.refused"] == ("fault", "link.port-refused")
    assert told("massak", "udp")["link.refused"] == ("fault", "link.port-refused")
