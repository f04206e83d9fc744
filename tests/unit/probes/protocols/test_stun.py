"""The STUN codec: the vectors of RFC 5769, and what may not be sent."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.protocols.stun import (
    BINDING_REQUEST,
    Binding,
    LocalProtocolError,
    RemoteProtocolError,
    encode,
    parse,
)

# RFC 5769, 2.2 and 2.3: the whole sample responses
TRANSACTION = bytes.fromhex("b7e7a701bc34d686fa87dfae")
IPV4 = bytes.fromhex(
    "0101003c2112a442b7e7a701bc34d686fa87dfae8022000b7465737420766563746f7220002000080001a147e112a643"
    "000800142b91f599fd9e90c38c7489f92af9ba53f06be7d780280004c07d4c96"
)
IPV6 = bytes.fromhex(
    "010100482112a442b7e7a701bc34d686fa87dfae8022000b7465737420766563746f7220002000140002a147"
    "0113a9faa5d3f179bc25f4b5bed2b9d900080014a382954e4be67bf11784c97c8292c275bfe3ed4180280004c8fb0b4c"
)


def test_the_request():
    assert encode(BINDING_REQUEST, TRANSACTION) == bytes.fromhex("000100002112a442") + TRANSACTION


@pytest.mark.parametrize(
    ("kind", "transaction"), [(0x0003, TRANSACTION), (0x0004, TRANSACTION), (1, b"short")]
)
def test_nothing_else_can_be_encoded(kind, transaction):
    with pytest.raises(LocalProtocolError):
        encode(kind, transaction)


def test_vectors():
    assert parse(IPV4, TRANSACTION) == Binding("192.0.2.1", 32853, "test vector")
    assert parse(IPV6, TRANSACTION) == Binding("2001:db8:1234:5678:11:2233:4455:6677", 32853, "test vector")


def test_old_servers_and_refusals():
    head = bytes.fromhex("2112a442") + TRANSACTION
    mapped = bytes.fromhex("00010008 0001 8055 c0000201".replace(" ", ""))
    assert parse(b"\x01\x01\x00\x0c" + head + mapped, TRANSACTION) == Binding("192.0.2.1", 32853)
    refusal = bytes.fromhex("000900040000041e")
    assert parse(b"\x01\x11\x00\x08" + head + refusal, TRANSACTION).error == 430


@pytest.mark.parametrize("cut", range(len(IPV4)))
def test_cut_off(cut):
    with pytest.raises(RemoteProtocolError):
        parse(IPV4[:cut], TRANSACTION)


def test_answers_to_others():
    with pytest.raises(RemoteProtocolError):
        parse(IPV4, bytes(12))
    with pytest.raises(RemoteProtocolError):
        parse(b"\x01\x01\x00\x00" + bytes.fromhex("2112a442") + TRANSACTION, TRANSACTION)


@given(st.binary(max_size=60), st.sampled_from([0x0101, 0x0111, 0x0001]))
def test_random_bytes_raise_only_the_codecs_error(data, kind):
    message = (
        kind.to_bytes(2, "big")
        + len(data).to_bytes(2, "big")
        + bytes.fromhex("2112a442")
        + TRANSACTION
        + data
    )
    for each in (data, message):
        try:
            parse(each, TRANSACTION)
        except RemoteProtocolError:
            continue
