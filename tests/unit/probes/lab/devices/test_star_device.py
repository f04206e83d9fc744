"""The simulated Star printer: the blocks of the manual."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.lab.devices.star import StarPrinter

REQUEST = b"\x1b\x06\x01"


def printer(*faults: str) -> StarPrinter:
    device = StarPrinter()
    for fault in faults:
        device.switch(fault, on=True, now=0.0)
    return device


@pytest.mark.parametrize(
    ("faults", "block"),
    [
        ((), "230600000000000000"),
        (("cover-open", "paper-out"), "230628000008000000"),
        (("cutter-error",), "230608080000000000"),
        (("offline",), "230648000000000000"),
        (("overheated", "paper-near-end"), "230608400006000000"),
        (("paper-jam", "drawer-open"), "23060c000400000000"),
    ],
)
def test_blocks(faults, block):
    assert printer(*faults).receive(REQUEST, 0.0).hex() == block


def test_pushed_status():
    device = printer("asb-on")
    assert device.connected(0.0).hex() == "230600000000000000"
    assert device.switch("cover-open", on=True, now=0).hex() == "230628000000000000"
    assert printer().connected(0.0) == b""


def test_writes_are_recorded():
    device = printer()
    device.receive(b"\x1b@Hello\n\x1bd\x02\x07" + REQUEST, 0.0)
    assert device.writes == ["ESC @", "text", "LF", "ESC d", "BEL"]
    assert device.opcodes[-1] == "ESC ACK SOH"
    assert "drawer-open" in device.active
    with pytest.raises(KeyError):
        device.switch("on-fire", on=True, now=0.0)


@given(st.binary(max_size=100), st.lists(st.integers(0, 100), max_size=8))
def test_any_bytes_in_any_pieces(data, cuts):
    edges = sorted({0, len(data), *(cut for cut in cuts if cut < len(data))})
    whole, pieces = StarPrinter(), StarPrinter()
    answers = b"".join(pieces.receive(data[a:b], 0.0) for a, b in pairwise(edges))
    assert answers == whole.receive(data, 0.0)
    assert (pieces.opcodes, pieces.writes) == (whole.opcodes, whole.writes)
