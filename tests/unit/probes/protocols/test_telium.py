"""The Telium codec: two bytes may be sent, and only an ACK alone is an answer."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.protocols.telium import LocalProtocolError, Reply, Request, encode, read_reply

# devices.md section 6: a sale of 5.00 euro, shown there so that it is recognised and never sent
SALE = bytes.fromhex("02303130303030303530303031303937382020202020202020202041303131423031300302")


def test_what_is_sent():
    assert [encode(request) for request in Request] == [b"\x05", b"\x04"]


@pytest.mark.parametrize("request_", [SALE, b"\x05", b"\x02", None, Reply.ACK])
def test_nothing_else_can_be_encoded(request_):
    with pytest.raises(LocalProtocolError):
        encode(request_)


@given(st.binary(max_size=8))
def test_only_a_byte_alone_is_an_answer(data):
    assert read_reply(data) == {b"\x06": Reply.ACK, b"\x15": Reply.NAK}.get(data)
