"""IPP messages: the reference's request, answers of a real CUPS, hostile bytes."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.protocols import ipp
from probes.protocols.ipp import IppError, Operation

FIXTURES = Path(__file__).parents[3] / "fixtures/host"
RECORDED = bytes.fromhex((FIXTURES / "cups-get-printers.hex").read_text())
URI = "ipp://10.0.0.9:631/ipp/print"


def test_request():
    sent = ipp.request(Operation.GET_PRINTER_ATTRIBUTES, URI, ("printer-state", "printer-name"), request_id=1)
    assert sent[:9] == bytes.fromhex("01 01 00 0B 00 00 00 01 01")
    assert sent[-1:] == b"\x03"
    order = [
        sent.index(name) for name in (b"attributes-charset", b"attributes-natural-language", b"printer-uri")
    ]
    assert order == sorted(order)  # RFC 8011 4.1.4: in this order, or the printer must refuse
    assert b"printer-state" in sent
    assert b"printer-name" in sent


def test_only_reads_can_be_asked():
    assert {operation.name.split("_")[0] for operation in Operation} <= {"GET", "CUPS"}
    assert {operation.value for operation in Operation} == {0x000A, 0x000B, 0x4002}


def test_answer_of_a_real_spooler():
    answer = ipp.parse(RECORDED)
    assert answer.ok
    assert [printer["printer-name"] for printer in answer.printers] == ["office", "receipt"]
    assert ipp.number(answer.printers[0]["printer-state"]) == 5
    assert ipp.texts(answer.printers[0]["printer-state-reasons"]) == ("paused",)


@pytest.mark.parametrize("cut", range(len(RECORDED) - 1))
def test_a_piece_of_an_answer_is_none(cut):
    with pytest.raises(IppError):
        ipp.parse(RECORDED[:cut])


def test_a_negative_length_is_refused():
    # pyipp would walk backwards with it and never end
    with pytest.raises(IppError):
        ipp.parse(bytes.fromhex("0101 0000 00000001 01 47 fff8 0000 03"))


@given(st.binary(max_size=200))
def test_random_bytes_raise_nothing_else(data):
    for start in (b"", bytes.fromhex("0101 0000 00000001 04")):
        with contextlib.suppress(IppError):
            ipp.parse(start + data)


@given(st.lists(st.tuples(st.integers(0, len(RECORDED) - 1), st.integers(0, 255)), max_size=5))
def test_damaged_answers_raise_nothing_else(changes):
    data = bytearray(RECORDED)
    for place, value in changes:
        data[place] = value
    with contextlib.suppress(IppError):
        ipp.parse(bytes(data))


def test_texts_and_numbers():
    assert ipp.texts(None) == ()
    assert ipp.texts("none") == ("none",)
    assert ipp.texts(["a", "b"]) == ("a", "b")
    assert ipp.number("7") is None
    assert ipp.number(7) == 7


@pytest.mark.parametrize(
    "attributes",
    [
        "04 23 0001 61 0000 35 0000 0000 ffff ffff",  # an enum without its four bytes
        "04 35 0001 61 0004 0000 fff0",  # a text with language whose own length is negative
        "04 04 23 0001 61 0004 00000003",  # a group in a group
        "04 34 0001 61 0000 04 23 0001 61 0004 00000003",  # and in a collection
        "04 34 0001 61 0000",  # a collection that does not end
        "04 37 0000 0000",
        "07 23 0001 61 0004 00000003",  # a group that pyipp does not know
    ],
)
def test_what_would_send_the_parser_backwards_is_refused(attributes):
    with pytest.raises(ipp.IppError):
        ipp.parse(bytes.fromhex("0101 0000 00000001" + attributes + "03" + "ff" * 40))
