"""The simulated scales: the bytes of the vendors' documents, faults, the record of what they were sent."""

from __future__ import annotations

from itertools import combinations, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.lab.devices.cas import CasScale
from probes.lab.devices.massak import MassaKScale
from probes.lab.devices.shtrihscale import ShtrihScale
from probes.lab.devices.sma import SmaScale
from probes.lab.devices.toledo8217 import Toledo8217Scale

KINDS = [Toledo8217Scale, SmaScale, CasScale, MassaKScale, ShtrihScale]


def scale(kind, *faults, **settings):
    device = kind(**settings)
    device.connected(0.0)
    for fault in faults:
        assert device.switch(fault, on=True, now=0.0) == b""
    return device


def ask(device, data: bytes) -> str:
    return device.receive(data, 0.0).hex(" ").upper()


# Mettler Toledo: bit 6 is always 1. The rest: docs/devices.md.
@pytest.mark.parametrize(
    ("faults", "grams", "answer"),
    [
        ((), 0, "02 30 30 2E 30 30 30 0D"),
        ((), 1250, "02 30 31 2E 32 35 30 0D"),
        (("in-motion",), 1250, "02 3F 41 0D"),
        (("over-capacity",), 0, "02 3F 42 0D"),
        (("under-zero",), 0, "02 3F 44 0D"),
        (("zero-lost", "in-motion"), 0, "02 3F 49 0D"),
        (("no-weight",), 0, "02 3F 50 0D"),
        (("wrong-parity",), 1250, "82 30 B1 2E B2 35 30 8D"),
    ],
)
def test_toledo(faults, grams, answer):
    assert ask(scale(Toledo8217Scale, *faults, grams=grams), b"W") == answer


def test_toledo_echo_and_changes():
    device = scale(Toledo8217Scale)
    assert ask(device, b"EhelloF") == "02 45 0D 68 65 6C 6C 6F"
    device.receive(b"ZTCx\x10", 0.0)
    assert device.writes == ["Z", "T", "C"]
    assert device.opcodes == ["E", "Z", "T", "C", "x", "10"]


@pytest.mark.parametrize(
    ("faults", "question", "answer"),
    [
        ((), b"\nW\r", b"\n 1G       1.250kg_\r"),
        (("over-capacity",), b"\nW\r", b"\nO1G      20.000kg_\r"),
        (("under-zero",), b"\nW\r", b"\nU1G      -0.500kg_\r"),
        (("in-motion",), b"\nH\r", b"\n 1gM      1.250kg_\r"),
        (("zero-lost", "over-capacity"), b"\nW\r", b"\nE1G  ----------kg_\r"),
        ((), b"\nA\r", b"\nSMA:2/1.0\r"),
        ((), b"\nD\r", b"\n    \r"),
        (("calibration-fault",), b"\nD\r", b"\n  C \r"),
        ((), b"\nB\r", b"\n?\r"),
        ((), b"\nX\r", b"\n?\r"),
        ((), b"noise\nI\r", b"\nSMA:2/1.0\r"),
    ],
)
def test_sma(faults, question, answer):
    assert scale(SmaScale, *faults).receive(question, 0.0) == answer


def test_sma_says_all_about_itself_and_records_changes():
    device = scale(SmaScale)
    said = [device.receive(b"\n%s\r" % letter, 0.0) for letter in (b"A", *[b"B"] * 6)]
    assert said[-2:] == [b"\nEND:\r", b"\n?\r"]
    device.receive(b"\nZ\r\nT\r\nT1.5\r\nR\r\nP\r", 0.0)
    assert device.writes == ["Z", "T", "T1.5", "R", "P"]


@pytest.mark.parametrize(
    ("faults", "grams", "answer"),
    [
        ((), 1250, "06 01 02 53 20 20 31 2E 32 35 30 6B 67 77 03 04"),
        (("in-motion",), -5, "06 01 02 55 2D 20 30 2E 30 30 35 6B 67 7F 03 04"),
        (("over-capacity",), 0, "06 01 02 53 46 20 20 20 20 20 20 6B 67 19 03 04"),
        (("busy",), 0, "15"),
    ],
)
def test_cas(faults, grams, answer):
    assert ask(scale(CasScale, *faults, grams=grams), b"\x05\x11") == answer


def test_cas_answers_dc1_only_after_enq():
    assert ask(scale(CasScale), b"\x11") == ""


@pytest.mark.parametrize(
    ("faults", "grams", "question", "answer"),
    [
        # the capture has four bytes of tare behind its four flags
        ((), 0, "01 00 23 23 00", "0D 00 24 00 00 00 00 01 01 00 01 00 00 00 00 FC 23"),
        ((), 1250, "01 00 23 23 00", "0D 00 24 E2 04 00 00 01 01 00 00 00 00 00 00 8A F9"),
        (("over-capacity",), 0, "01 00 23 23 00", "02 00 28 08 08 28"),
        (("no-weight",), 0, "01 00 A0 A0 00", "01 00 14 14 00"),
        (("short-only",), 0, "01 00 23 23 00", "01 00 F0 F0 00"),
    ],
)
def test_massak(faults, grams, question, answer):
    device = scale(MassaKScale, *faults, grams=grams)
    assert ask(device, bytes.fromhex("F8 55 CE" + question)) == "F8 55 CE " + answer
    assert device.writes == []


def test_massak_damage_is_not_answered_and_changes_are_recorded():
    device = scale(MassaKScale)
    assert ask(device, bytes.fromhex("F8 55 CE 01 00 23 24 00")) == ""
    assert device.opcodes == []
    device.receive(bytes.fromhex("F8 55 CE 01 00 72 72 00 F8 55 CE 01 00 A3 A3 00"), 0.0)
    assert device.writes == ["72", "a3"]


def test_shtrih_dialogue():
    device = scale(ShtrihScale)
    assert ask(device, b"\x05") == "15"
    question = bytes.fromhex("02 05 3A 30 30 33 30 3C")
    answer = "02 0B 3A 00 15 00 E2 04 00 00 00 00 00 C2"
    assert ask(device, question) == "06 " + answer
    assert ask(device, b"\x05") == "06 " + answer  # it was not fetched yet
    assert ask(device, b"\x06\x05") == "15"
    assert ask(device, question[:-1] + b"\x00") == "15"
    device.receive(bytes.fromhex("02 01 30 31"), 0.0)
    assert device.writes == ["30"]


def test_shtrih_locks_itself_after_wrong_passwords():
    device = scale(ShtrihScale)
    wrong, right = bytes.fromhex("02 05 3A 30 30 33 31 3D"), bytes.fromhex("02 05 3A 30 30 33 30 3C")
    assert ["7a" in device.receive(wrong, 0.0).hex() for _ in range(3)] == [True] * 3
    assert device.receive(right, 0.0).hex() == "0602023aaa92"


@pytest.mark.parametrize("kind", [Toledo8217Scale, SmaScale, CasScale])
def test_continuous_mode(kind):
    device = scale(kind, "continuous")
    assert device.tick(0.1) == b""
    lines = device.tick(0.65)
    assert lines
    assert len(lines) % 3 == 0
    assert device.receive(b"W\nW\r\x05", 0.7) == b""
    device.switch("continuous", on=False, now=1.0)
    assert device.tick(5.0) == b""


@pytest.mark.parametrize("kind", KINDS)
def test_faults(kind):
    device = kind()
    with pytest.raises(KeyError):
        device.switch("on-fire", on=True, now=0.0)
    assert set(device.hides) | frozenset().union(*device.hides.values()) <= device.faults
    for one, two in combinations(sorted(device.faults), 2):
        both = scale(kind, one, two)
        assert both.active == {one, two}


@given(st.sampled_from(KINDS), st.data(), st.binary(max_size=100), st.lists(st.integers(0, 100), max_size=8))
def test_any_bytes_in_any_pieces(kind, data, sent, cuts):
    faults = data.draw(st.sets(st.sampled_from(sorted(kind.faults)), max_size=3))
    edges = sorted({0, len(sent), *(cut for cut in cuts if cut < len(sent))})
    whole, pieces = scale(kind, *faults), scale(kind, *faults)
    answers = b"".join(pieces.receive(sent[a:b], 0.0) for a, b in pairwise(edges))
    assert answers == whole.receive(sent, 0.0)
    assert (pieces.opcodes, pieces.writes) == (whole.opcodes, whole.writes)
