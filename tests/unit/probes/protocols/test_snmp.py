"""SNMP messages: the reference's bytes, hostile bytes, and that only reads can be built."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.protocols import snmp
from probes.protocols.snmp import SnmpError, Version

HR_PRINTER_DETECTED_ERROR_STATE = (1, 3, 6, 1, 2, 1, 25, 3, 5, 1, 2, 1)
# reference, section 10
GET_ERROR_STATE = bytes.fromhex(
    "30 29 02 01 00 04 06 70 75 62 6C 69 63 A0 1C 02 01 01 02 01 00 02 01 00"
    "30 11 30 0F 06 0B 2B 06 01 02 01 19 03 05 01 02 01 05 00"
)


def reply(state: bytes, *, version: int = 0) -> bytes:
    bind = bytes.fromhex("06 0B 2B 06 01 02 01 19 03 05 01 02 01") + bytes([4, len(state)]) + state
    binds = bytes([0x30, len(bind)]) + bind
    pdu = bytes.fromhex("02 01 01 02 01 00 02 01 00") + bytes([0x30, len(binds)]) + binds
    body = bytes([2, 1, version]) + b"\x04\x06public" + bytes([0xA2, len(pdu)]) + pdu
    return bytes([0x30, len(body)]) + body


def test_get_is_the_datagram_of_the_reference():
    sent = snmp.get([HR_PRINTER_DETECTED_ERROR_STATE], version=Version.V1, community="public", request_id=1)
    assert sent == GET_ERROR_STATE


@pytest.mark.parametrize("state", [b"\x40", b"\x88", b"\x00", b"", b"\x00\x04"])
def test_answer_of_the_reference(state):
    answer = snmp.parse(reply(state))
    assert answer.version is Version.V1
    assert (answer.request_id, answer.error_status) == (1, 0)
    assert answer.binds == (snmp.VarBind(HR_PRINTER_DETECTED_ERROR_STATE, state),)


def test_v2c_object_that_is_missing_is_none():
    for exception in (0x80, 0x81, 0x82):
        data = bytearray(reply(b"", version=1))
        data[-2] = exception
        assert snmp.parse(bytes(data)).binds[0].value is None


def test_a_request_is_no_answer():
    with pytest.raises(SnmpError):
        snmp.parse(GET_ERROR_STATE)


@pytest.mark.parametrize("cut", range(len(reply(b"\x40"))))
def test_a_piece_of_an_answer_is_none(cut):
    with pytest.raises(SnmpError):
        snmp.parse(reply(b"\x40")[:cut])


def test_bytes_behind_an_answer_make_it_none():
    with pytest.raises(SnmpError):
        snmp.parse(reply(b"\x40") + b"\x00")


@given(st.binary(max_size=300))
def test_random_bytes_raise_nothing_else(data):
    with contextlib.suppress(SnmpError):
        snmp.parse(data)


@given(st.lists(st.tuples(st.integers(0, 42), st.integers(0, 255)), max_size=6))
def test_damaged_answers_raise_nothing_else(changes):
    data = bytearray(reply(b"\x40"))
    for place, value in changes:
        data[place] = value
    with contextlib.suppress(SnmpError):
        snmp.parse(bytes(data))


@given(
    st.lists(st.lists(st.integers(0, 2**28), max_size=12), min_size=1, max_size=8),
    st.integers(0, 2**31 - 1),
    st.sampled_from(Version),
)
def test_every_request_reads(tails, request_id, version):
    oids = [(1, 3, *tail) for tail in tails]
    for build, tag in ((snmp.get, 0xA0), (snmp.get_next, 0xA1)):
        sent = build(oids, version=version, community="public", request_id=request_id)
        body = sent[sent.index(b"public") + 6 :]
        assert body[0] == tag
