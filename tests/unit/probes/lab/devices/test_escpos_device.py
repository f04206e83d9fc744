"""The simulated ESC/POS printer answers as the vendor's manual says (the reference's recorded examples)."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.lab.devices.escpos import EscposPrinter

EOT = "100401 100402 100403 100404"


def printer(*faults: str) -> EscposPrinter:
    device = EscposPrinter()
    for fault in faults:
        device.switch(fault, on=True, now=0.0)
    return device


def ask(device: EscposPrinter, hexed: str) -> str:
    return device.receive(bytes.fromhex(hexed), 0.0).hex()


@pytest.mark.parametrize(
    ("faults", "answers"),
    [
        ((), "12121212"),
        (("paper-near-end",), "1212121e"),
        (("paper-out",), "1a32127e"),
        (("cover-open",), "1a161212"),
        (("offline",), "1a121212"),
        (("cutter-error",), "1a521a12"),
        (("mechanical-error",), "1a521612"),
        (("unrecoverable-error",), "1a523212"),
        (("overheated",), "1a525212"),
        (("drawer-open",), "16121212"),
        (("waiting-for-recovery",), "3a121212"),
        (("feed-button",), "5a1a1212"),
        (("paper-out", "cover-open", "cutter-error", "drawer-open"), "1e761a7e"),
        (("status-not-supported",), ""),
    ],
)
def test_dle_eot(faults, answers):
    assert ask(printer(*faults), EOT) == answers


def test_identity():
    device = printer()
    assert ask(device, "1d4942") == "5f4550534f4e00"
    assert ask(device, "1d4943") == "5f544d2d543230494949" + "00"
    assert ask(device, "1d4901") == "63"
    assert ask(device, "1d4945") == "5f00"
    assert ask(printer("no-gs-i"), "1d4942") == ""
    assert ask(printer("status-not-supported"), "1d4942") == "5f4550534f4e00"


def test_paper_and_drawer_by_gs_r():
    assert ask(printer("paper-near-end"), "1d7201 1d7231 1d7202") == "030300"
    assert ask(printer("drawer-open"), "1d7202") == "01"


@pytest.mark.parametrize("fault", ["paper-out", "cover-open", "offline", "cutter-error"])
def test_buffered_commands_wait_while_offline_and_are_answered_afterwards(fault):
    device = printer(fault)
    assert ask(device, "1d7201 1d4942 1d61ff 48690a") == ""
    assert bytes(device.printed) == b""
    released = device.switch(fault, on=False, now=1.0).hex()
    assert released == "00" + "5f4550534f4e00" + "10000000"
    assert bytes(device.printed) == b"Hi"


def test_asb_is_pushed_at_once_and_on_each_change():
    device = printer()
    assert ask(device, "1d61ff") == "10000000"
    pushed = [device.switch(f, on=True, now=0).hex() for f in ("cover-open", "paper-near-end", "paper-out")]
    assert pushed == ["38000000", "38000300", "38000f00"]
    assert device.switch("paper-out", on=False, now=0).hex() == "38000300"
    device = printer()
    ask(device, "1d6101")  # drawer only
    assert device.switch("cover-open", on=True, now=0) == b""
    assert device.switch("drawer-open", on=True, now=0).hex() == "3c000000"


def test_asb_left_on_by_the_till():
    device = printer("asb-on")
    assert device.connected(0.0).hex() == "10000000"
    assert ask(device, "100401") == "12"
    ask(device, "1b40")
    assert device.connected(0.0) == b""


def test_a_kick_moves_the_drawer_line():
    device = printer("asb-on")
    assert ask(device, "1b70001950") == "14000000"
    assert ask(device, "100401") == "16"
    assert device.writes == ["ESC p"]
    device = printer("paper-out")
    ask(device, "1014010005 100502 1b40 48656c6c6f 1d61ff")
    assert device.writes == ["DLE DC4", "DLE ENQ", "ESC @", "text", "GS a"]
    assert "drawer-open" in device.active


def test_reads_are_no_writes():
    device = printer()
    ask(device, EOT + "1d7201 1d4943")
    assert device.opcodes == ["DLE EOT 1", "DLE EOT 2", "DLE EOT 3", "DLE EOT 4", "GS r 1", "GS I 67"]
    assert device.writes == []


def test_an_unknown_fault():
    with pytest.raises(KeyError):
        printer("on-fire")


RECEIPT = (
    b"\x1b@\x1bt\x11Total 12.00\n\x1ba\x01\x1d!\x11BIG\x1d!\x00\n"
    b"\x1dv0\x00\x02\x00\x03\x00\x10\x04\x01\x10\x04\x02"  # a picture that looks like status requests
    b"\x1dk\x04123\x10\x04\x00\x1dkI\x05\x10\x04\x01ab\x1d(k\x03\x001Q0"
    b"\x1b*\x21\x01\x00abc\x1bD\x08\x10\x00\x1dV\x42\x03\x1c(A\x02\x00ab\x1d8L\x02\x00\x00\x00\x10\x04"
    b"\x10\x04\x01"
)


def run(*pieces: bytes):
    device = EscposPrinter()
    answers = b"".join(device.receive(piece, 0.0) for piece in pieces)
    return answers, device.opcodes, device.writes, bytes(device.printed)


def test_commands_are_told_from_their_data_and_from_text():
    answers, opcodes, writes, printed = run(RECEIPT)
    assert answers == b"\x12"
    assert printed == b"Total 12.00BIG"
    assert opcodes[-1] == "DLE EOT 1"
    assert opcodes == [*writes, "DLE EOT 1"]
    assert writes[:4] == ["ESC @", "ESC t", "text", "LF"]
    assert "GS v 0" in writes
    assert writes.count("GS k") == 2


@given(st.lists(st.integers(0, len(RECEIPT)), max_size=12))
def test_any_split_of_a_receipt_gives_the_same(cuts):
    edges = sorted({0, len(RECEIPT), *cuts})
    assert run(*(RECEIPT[a:b] for a, b in pairwise(edges))) == run(RECEIPT)


@given(st.binary(max_size=300), st.lists(st.integers(0, 300), max_size=8))
def test_any_bytes_in_any_pieces(data, cuts):
    edges = sorted({0, len(data), *(cut for cut in cuts if cut < len(data))})
    assert run(*(data[a:b] for a, b in pairwise(edges))) == run(data)
