"""The probes of scales: what is particular to one protocol; the faults of all are in test_scales.py."""

from __future__ import annotations

import pytest

from probes.lab.devices.cas import CasScale
from probes.lab.devices.massak import MassaKScale
from probes.lab.devices.shtrihscale import ShtrihScale
from probes.links.base import LinkError
from probes.links.fakes import (
    DeviceLink,
    FakeLink,
    ScriptedLink,
    parse_dialogue,
)
from probes.protocols import massak
from probes.registry import BUILT_IN


def probe(protocol):
    return next(entry for entry in BUILT_IN if protocol in entry.protocols).load()


def url(protocol, options=""):
    return f"{protocol}+tcp://192.168.1.60:5001{options}"


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
