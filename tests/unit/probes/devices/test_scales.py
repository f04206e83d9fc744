"""The probes of scales: every fault of the lab, alone and in pairs; what is no answer; nothing is changed."""

from __future__ import annotations

from itertools import combinations

import pytest

from probes.devices.scales.stream import steady_line
from probes.lab.catalogue import make_device
from probes.lab.devices.escpos import EscposPrinter
from probes.lab.devices.sma import SmaScale
from probes.lab.devices.toledo8217 import Toledo8217Scale
from probes.links.fakes import (
    Garbled,
    OneByteAtATime,
    Silent,
    Slow,
)
from probes.registry import BUILT_IN
from supportctl.core.finding import Status

COMMON = {
    "in-motion": {"scale.in-motion": "unknown"},
    "over-capacity": {"scale.over-capacity": "fault"},
    "under-zero": {"scale.under-zero": "fault"},
    "zero-lost": {"scale.zero-lost": "fault"},
    "no-weight": {"scale.no-weight": "unknown"},
    "continuous": {"scale.continuous-mode": "warning"},
    "wrong-parity": {"link.garbled": "fault"},
}
BROKEN = {"scale.fault": "fault"}
OWN = {
    "toledo8217": {},
    "sma": {"calibration-fault": BROKEN},
    "cas": {"busy": COMMON["no-weight"]},
    "massak": {
        "device-broken": BROKEN,
        "cell-silent": BROKEN,
        "wifi-busy": COMMON["no-weight"],
        "not-weighing": COMMON["no-weight"],
        "short-only": {},
    },
    "shtrihscale": {
        "measuring-error": BROKEN,
        "converter-silent": BROKEN,
        "memory-error": BROKEN,
        "channel-error": BROKEN,
        "wrong-password": {"scale.wrong-password": "unknown"},
        "damaged-answers": {"link.garbled": "fault"},
    },
}
PROTOCOLS = sorted(OWN)
READS = {
    "toledo8217": {"W"},
    "sma": {"W", "D", "A", "B"},
    "cas": {"ENQ", "DC1"},
    "massak": {"23", "a0", "20", "00"},
    "shtrihscale": {"ENQ", "fc", "3a"},
}


def probe(protocol):
    return next(entry for entry in BUILT_IN if protocol in entry.protocols).load()


def url(protocol, options=""):
    return f"{protocol}+tcp://192.168.1.60:5001{options}"


def finds(protocol, fault):
    return OWN[protocol].get(fault, COMMON.get(fault))


def broken(protocol, *faults):
    device = make_device(protocol)
    for fault in faults:
        device.switch(fault, on=True, now=0.0)
    return device


def told(bench, protocol, *faults, **more):
    device = broken(protocol, *faults)
    said = bench.run(probe(protocol), device, url=url(protocol), **more)
    assert device.writes == []
    assert set(device.opcodes) <= READS[protocol]
    return said


SINGLE = [(protocol, fault) for protocol in PROTOCOLS for fault in sorted(make_device(protocol).faults)]
PAIRS = [
    (protocol, pair)
    for protocol in PROTOCOLS
    for pair in combinations(sorted(make_device(protocol).faults), 2)
    if not any(b in make_device(protocol).hides.get(a, ()) for a, b in (pair, pair[::-1]))
]


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("grams", [0, 1250])
def test_a_healthy_scale(bench, protocol, grams):
    """An empty pan is a weight like any other."""
    device = make_device(protocol)
    device.grams = grams
    said = bench.run(probe(protocol), device, url=url(protocol), unit="kg")
    assert said.problems == {}
    assert {"scale.answers", "scale.weight", "scale.stable"} <= said.passed
    unit = "" if protocol == "toledo8217" else " kg"
    assert said["scale.weight"].args["weight"] == f"{grams / 1000:.3f}{unit}"
    assert said.seconds <= 0.35


@pytest.mark.parametrize(("protocol", "fault"), SINGLE)
def test_each_fault_alone(bench, protocol, fault):
    assert told(bench, protocol, fault).problems == finds(protocol, fault)


@pytest.mark.parametrize(("protocol", "pair"), PAIRS)
def test_two_faults_at_once(bench, protocol, pair):
    said = told(bench, protocol, *pair)
    expected = {**finds(protocol, pair[0]), **finds(protocol, pair[1])}
    # being off zero is a consequence of the load, or cannot be told while it moves
    if said.problems != expected:
        assert "zero-lost" in pair
        assert "scale.zero-lost" in said.problems
        lost = said["scale.zero-lost"]
        assert lost.status in {Status.SKIPPED, Status.UNKNOWN}
        assert set(expected) == set(said.problems)


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("fault", ["healthy", "over-capacity"])
def test_slow_wires(bench, protocol, fault):
    faults = () if fault == "healthy" else (fault,)
    for wrap in (
        lambda link, clock: OneByteAtATime(link),
        lambda link, clock: Slow(OneByteAtATime(link), clock, 0.1),
    ):
        said = told(bench, protocol, *faults, wrap=wrap, seconds=60)
        assert said.problems == ({} if fault == "healthy" else COMMON[fault])


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_silence_ends_soon(bench, protocol):
    said = bench.run(probe(protocol), link=Silent, url=url(protocol))
    assert said.problems == {"link.silent": "fault"}
    assert said.seconds <= 5.0


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("seed", range(5))
def test_garbage(bench, protocol, seed):
    said = bench.run(probe(protocol), link=lambda t, c: Garbled(t, c, seed=seed), url=url(protocol))
    assert set(said.problems) <= {"link.garbled", "link.wrong-device"}
    assert said.problems
    assert said.seconds <= 12


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("seconds", [0.05, 0.3, 1.2])
def test_a_short_check_ends_in_time(bench, protocol, seconds):
    for link in (Silent, lambda t, c: Garbled(t, c, seed=1)):
        said = bench.run(probe(protocol), link=link, url=url(protocol), seconds=seconds)
        assert said.seconds <= seconds + 0.3
        assert said.problems


def test_a_printer_is_told_apart(bench):
    device = EscposPrinter()
    device.switch("asb-on", on=True, now=0.0)
    for protocol in PROTOCOLS:
        said = bench.run(probe(protocol), device, url=url(protocol))
        assert set(said.problems) <= {"link.garbled", "link.wrong-device", "link.silent"}
        assert said.problems


def test_unit(bench):
    said = bench.run(probe("sma"), SmaScale(unit="lb_"), url=url("sma"), unit="kg")
    assert said.problems == {"scale.unit-mismatch": "warning"}
    assert said["scale.unit-mismatch"].args == {"unit": "lb", "expected": "kg"}
    assert bench.run(probe("sma"), SmaScale(unit="lb_"), url=url("sma")).problems == {}


def test_somebody_is_weighing_at_this_moment(bench):
    class Settling(Toledo8217Scale):
        def receive(self, data, now):
            self.switch("in-motion", on=now < 1.0, now=now)
            return super().receive(data, now)

    said = bench.run(probe("toledo8217"), Settling(), url=url("toledo8217"))
    assert said.problems == {}
    assert 1.0 <= said.seconds <= 1.6


def test_off_zero_while_it_moves_cannot_be_told(bench):
    said = told(bench, "toledo8217", "zero-lost", "in-motion")
    assert said.problems == {"scale.zero-lost": "unknown", "scale.in-motion": "unknown"}
    said = told(bench, "toledo8217", "zero-lost", "over-capacity")
    assert said["scale.zero-lost"].because == "scale.over-capacity"


@pytest.mark.parametrize("parity", ["even", "odd", "mark"])
def test_the_line_settings_are_named(bench, parity):
    class OtherParity(Toledo8217Scale):
        def _on_the_line(self, data):
            flip = {"even": 0, "odd": 0x80, "mark": 0}[parity]
            high = (lambda byte: 0x80) if parity == "mark" else (lambda byte: (byte.bit_count() & 1) << 7)
            return bytes((byte | high(byte)) ^ flip for byte in data)

    said = bench.run(probe("toledo8217"), OtherParity(), url=url("toledo8217"))
    assert said.problems == {"link.garbled": "fault"}
    evidence = said["link.garbled"].evidence[0]
    assert (evidence.meaning, evidence.args["parity"]) == ("scale.sound-at-seven-bits", parity)


def test_a_stream_of_mettler_toledos_other_mode(bench):
    """Frames of 17 bytes, status and weight and tare: no answer of 8217, but plainly a stream."""

    class Streaming(Toledo8217Scale):
        def _stream_line(self):
            return b"\x02*0 001250000000\r"

    device = Streaming()
    device.switch("continuous", on=True, now=0.0)
    said = bench.run(probe("toledo8217"), device, url=url("toledo8217"))
    assert said.problems == {"scale.continuous-mode": "warning"}


def test_steady_lines():
    assert steady_line(b"1.2\r\n" + b"ST,GS,   1.250 kg\r\n" * 4) == "ST,GS,   1.250 kg"
    assert steady_line(b"ST,GS,   1.250 kg\r\n" * 2) is None
    assert steady_line(b"HTTP/1.1 400 Bad\r\nServer: x\r\nConnection: close\r\n\r\n") is None
    assert steady_line(bytes(range(128, 140)) * 3 + b"\r") is None
