"""Shtrih-M POS2: the frames of the vendor's document, and only its two questions."""

from __future__ import annotations

import pytest

from probes.protocols import shtrih, shtrihscale
from probes.protocols.scale_frames import LocalProtocolError
from probes.protocols.shtrihscale import ChannelState, Question, encode, state_question

REPLY = bytes.fromhex("02 0B 3A 00 15 00 E2 04 00 00 00 00 00 C2")


def body(raw: bytes) -> bytes:
    reader = shtrih.Reader()
    reader.feed(raw)
    return reader.next_event().body


def test_documented_frames():
    assert encode(state_question()) == bytes.fromhex("02 05 3A 30 30 33 30 3C")
    assert encode(shtrihscale.DEVICE_TYPE) == bytes.fromhex("02 01 FC FD")
    answer = shtrih.parse_answer(body(REPLY))
    assert (answer.code, answer.error) == (b"\x3a", 0)
    reading = shtrihscale.parse_state(answer.data)
    assert reading.state == ChannelState.WEIGHT_FIXED | ChannelState.CHANNEL_ON | ChannelState.WEIGHT_STABLE
    assert (reading.weight, reading.tare) == (1250, 0)


def test_negative_weights_and_unknown_bits():
    reading = shtrihscale.parse_state(
        bytes.fromhex("1481") + (-5).to_bytes(4, "little", signed=True) + bytes(3)
    )
    assert reading.weight == -5
    assert reading.state == ChannelState.CHANNEL_ON | ChannelState.WEIGHT_STABLE | ChannelState.UNDERLOAD


def test_device_type():
    data = bytes.fromhex("010001020500") + "ШТРИХ".encode("cp1251")
    assert shtrihscale.parse_device_type(data) == (1, 5, "ШТРИХ")


@pytest.mark.parametrize("size", range(6))
def test_too_short(size):
    for parse in (shtrihscale.parse_state, shtrihscale.parse_device_type):
        with pytest.raises(shtrih.RemoteProtocolError):
            parse(bytes(size))


@pytest.mark.parametrize("password", ["", "30", "00300", "абвг", "12 4", "00\x00\x00"])
def test_a_password_is_four_digits(password):
    with pytest.raises(LocalProtocolError):
        encode(state_question(password))


@pytest.mark.parametrize("opcode", [code for code in range(256) if code not in {0x3A, 0xFC}])
def test_nothing_else_can_be_sent(opcode):
    for question in (Question("3Ah", opcode, 8, "0030"), Question("FCh", opcode, 6)):
        with pytest.raises(LocalProtocolError):
            encode(question)
