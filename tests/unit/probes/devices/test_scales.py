"""The probes of scales: every fault of the lab, alone and in pairs; what is no answer; nothing is changed."""

from __future__ import annotations

from itertools import combinations

import pytest

from probes.devices.scales.stream import steady_line
from probes.lab.catalogue import make_device
from probes.lab.devices.cas import CasScale
from probes.lab.devices.escpos import EscposPrinter
from probes.lab.devices.massak import MassaKScale
from probes.lab.devices.shtrihscale import ShtrihScale
from probes.lab.devices.sma import SmaScale
from probes.lab.devices.toledo8217 import Toledo8217Scale
from probes.links.base import LinkError
from probes.links.fakes import (
    DeviceLink,
    FakeLink,
    Garbled,
    OneByteAtATime,
    ScriptedLink,
    Silent,
    Slow,
    parse_dialogue,
)
from probes.protocols import massak
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


# --- CAS: NAK means "ask again"


def test_cas_that_is_ready_after_a_while(bench):
    class Starting(CasScale):
        def receive(self, data, now):
            self.switch("busy", on=now < 0.3, now=now)
            return super().receive(data, now)

    assert bench.run(probe("cas"), Starting(), url=url("cas")).problems == {}


def test_cas_one_damaged_frame_is_asked_again(bench):
    class Damaged(CasScale):
        frames = 0

        def _frame(self):
            self.frames += 1
            good = super()._frame()
            return good if self.frames > 1 else good[:5] + b"9" + good[6:]

    device = Damaged()
    assert bench.run(probe("cas"), device, url=url("cas")).problems == {}
    assert device.opcodes == ["ENQ", "DC1", "ENQ", "DC1"]


# --- Massa-K


class DeafTcp(FakeLink):
    """TCP opens and says nothing."""


def test_massak_by_udp(bench):
    device = MassaKScale()
    said = bench.run(probe("massak"), device, url="massak+udp://192.168.1.60:5001")
    assert (said.problems, said.passed) == ({}, {"scale.answers"})
    assert device.opcodes == ["00"]


def test_massak_whose_tcp_port_is_taken_is_found_by_udp(bench):
    device = MassaKScale()

    def link(target, clock):
        return DeviceLink(target, clock, device) if target.wire == "udp" else DeafTcp(target, clock)

    said = bench.run(probe("massak"), link=link, url=url("massak"))
    assert said.problems == {"link.silent": "fault"}
    assert [e.meaning for e in said["link.silent"].evidence] == ["link.no-answer", "scale.is-found-by-udp"]


def test_massak_that_refuses_is_found_by_udp(bench):
    device = MassaKScale()

    def link(target, clock):
        if target.wire == "udp":
            return DeviceLink(target, clock, device)
        seen = bench.run(probe("massak"), MassaKScale(), url=url("massak")).findings[0].evidence
        raise LinkError("link.refused", evidence=seen)

    said = bench.run(probe("massak"), link=link, url=url("massak"))
    assert said["link.refused"].evidence[-1].meaning == "scale.is-found-by-udp"


def test_massak_that_wants_big_endian(bench):
    body = bytes.fromhex("24 E2 04 00 00 01 01 00 00 00 00 00 00")
    little = massak.encode(massak.CMD_GET_MASSA).hex()
    unknown = massak.frame(bytes((massak.CMD_NACK,)), "big")
    steps = f"""
        > {little}
        > {little}
        > {massak.encode(massak.CMD_GET_MASSA, "big").hex()}
        < {massak.frame(body, "big").hex()}
        > {massak.encode(massak.CMD_GET_NAME).hex()}
        < {unknown.hex()}
    """
    said = bench.run(
        probe("massak"), link=lambda t, c: ScriptedLink(t, c, parse_dialogue(steps)), url=url("massak")
    )
    assert said.problems == {}
    assert said["scale.weight"].args == {"weight": "1.250 kg"}


def test_massak_whose_23_means_something_else(bench):
    class Ids(MassaKScale):
        def _weight(self, *, short):
            return super()._weight(short=True) if short else b"\x24" + b"scale ids"

    device = Ids()
    said = bench.run(probe("massak"), device, url=url("massak"))
    assert said.problems == {}
    assert device.opcodes == ["23", "a0", "20"]


@pytest.mark.parametrize(
    ("code", "meaning"), [(0x0E, "scale.wifi-is-starting"), (0x42, "scale.names-a-code")]
)
def test_massak_other_codes(bench, code, meaning):
    class Complaining(MassaKScale):
        def _weight(self, *, short):
            return bytes((0x28, code))

    said = bench.run(probe("massak"), Complaining(), url=url("massak"))
    assert said.problems == {"scale.no-weight": "unknown"}
    assert said["scale.no-weight"].evidence[0].meaning == meaning


def test_massak_division_without_a_meaning(bench):
    class Odd(MassaKScale):
        def _weight(self, *, short):
            return b"\x10" + bytes(4) + b"\x09\x01"

    said = bench.run(probe("massak"), Odd(), url=url("massak"))
    assert said["scale.no-weight"].evidence[0].args == {"division": "9"}


# --- Shtrih-M


def test_shtrih_password_of_the_url_is_used_once(bench):
    device = ShtrihScale(password="1234")
    target = url("shtrihscale", "?password=1234")
    assert bench.run(probe("shtrihscale"), device, url=target).problems == {}
    wrong = ShtrihScale(password="4321")
    said = bench.run(probe("shtrihscale"), wrong, url=target)
    assert said.problems == {"scale.wrong-password": "unknown"}
    assert (wrong.wrong_passwords, wrong.opcodes.count("3a")) == (1, 1)
    wrong.wrong_passwords = 3
    said = bench.run(probe("shtrihscale"), wrong, url=target)
    assert said["scale.wrong-password"].evidence[0].meaning == "scale.password-tries-are-over"


@pytest.mark.parametrize("password", ["30", "12345", "abcd"])
def test_shtrih_a_password_that_cannot_be_one_is_not_tried(bench, password):
    device = ShtrihScale()
    said = bench.run(probe("shtrihscale"), device, url=url("shtrihscale", f"?password={password}"))
    assert said.problems == {"scale.wrong-password": "unknown"}
    assert "3a" not in device.opcodes


def test_shtrih_damaged_state_is_fetched_again_not_asked_again(bench):
    """Asking again would be a second try of the password."""

    class Damaged(ShtrihScale):
        def _frame(self, raw):
            (self.active.add if raw[2] == 0x3A else self.active.discard)("damaged-answers")
            return super()._frame(raw)

    device = Damaged()
    said = bench.run(probe("shtrihscale"), device, url=url("shtrihscale"))
    assert said.problems == {"link.garbled": "fault"}
    assert said["link.garbled"].evidence[0].meaning == "scale.checksum-is-wrong"
    assert device.opcodes.count("3a") == 1


def test_shtrih_an_old_answer_is_taken_out_of_the_way(bench):
    device = ShtrihScale()
    device.receive(bytes.fromhex("02 01 FC FD"), 0.0)  # somebody asked and left
    assert bench.run(probe("shtrihscale"), device, url=url("shtrihscale")).problems == {}


def test_shtrih_register_is_no_scale(bench):
    class Register(ShtrihScale):
        def _reply(self, body):
            self._record(f"{body[0]:02x}", reads=True)
            return bytes.fromhex("00 00 00 01 0F F5 00") + "ШТРИХ-М".encode("cp1251")

    said = bench.run(probe("shtrihscale"), Register(), url=url("shtrihscale"))
    assert said.problems == {"link.wrong-device": "fault"}
    assert said["link.wrong-device"].evidence[0].args["name"] == "ШТРИХ-М"


@pytest.mark.parametrize(
    ("reply", "problems", "meaning"),
    [
        (bytes((120,)), {"scale.no-weight": "unknown"}, "scale.command-is-unknown"),
        (bytes((99,)), {"scale.no-weight": "unknown"}, "scale.names-a-code"),
        (b"\x00\x15\x00", {"link.garbled": "fault"}, "scale.length-is-wrong"),
        (b"", {"link.garbled": "fault"}, "scale.length-is-wrong"),
    ],
)
def test_shtrih_other_answers(bench, reply, problems, meaning):
    class Odd(ShtrihScale):
        def _reply(self, body):
            return super()._reply(body) if body[0] == 0xFC else reply

    said = bench.run(probe("shtrihscale"), Odd(), url=url("shtrihscale"))
    assert said.problems == problems
    assert said[next(iter(problems))].evidence[0].meaning == meaning


def test_shtrih_reply_to_another_command(bench):
    class Confused(ShtrihScale):
        def _frame(self, raw):
            return super()._frame(bytes.fromhex("02 01 FC FD"))

    said = bench.run(probe("shtrihscale"), Confused(), url=url("shtrihscale"))
    assert said.problems == {"link.garbled": "fault"}
    assert said["link.garbled"].evidence[0].meaning == "scale.answered-another-question"


def test_shtrih_that_stays_busy(bench):
    class Busy(ShtrihScale):
        def receive(self, data, now):
            return b"\x06" if data == b"\x05" else b""

    said = bench.run(probe("shtrihscale"), Busy(), url=url("shtrihscale"))
    assert said.problems == {"scale.no-weight": "unknown"}
    assert said["scale.no-weight"].evidence[0].meaning == "scale.is-at-work"


def test_shtrih_lost_ack(bench):
    class LosesAck(ShtrihScale):
        def _frame(self, raw):
            return super()._frame(raw)[1:]

    assert bench.run(probe("shtrihscale"), LosesAck(), url=url("shtrihscale")).problems == {}


def test_shtrih_repeated_frame(bench):
    class Twice(ShtrihScale):
        def _frame(self, raw):
            answer = super()._frame(raw)
            return answer + answer[1:]

    assert bench.run(probe("shtrihscale"), Twice(), url=url("shtrihscale")).problems == {}
