"""The simulated Shtrih-M register answers as the vendor's documents and devices.md say, to the byte."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.lab.devices.shtrih import ShtrihRegister

ENQ, ACK, NAK = b"\x05", b"\x06", b"\x15"
TYPE = bytes.fromhex("02 01 FC FD")
SHORT = bytes.fromhex("02 05 10 1E 00 00 00 0B")
FULL = bytes.fromhex("02 05 11 1E 00 00 00 0A")
Z_REPORT = bytes.fromhex("02 05 41 1E 00 00 00 5A")
SYNC = bytes.fromhex("8F 00 00 0F 1D")
SHORT_2 = bytes.fromhex("8F 07 00 01 00 10 1E 00 00 00 1F AC")  # number 1


def register(*faults: str) -> ShtrihRegister:
    made = ShtrihRegister()
    for fault in faults:
        made.switch(fault, on=True, now=0.0)
    return made


def test_idle_then_a_command_then_the_answer() -> None:
    device = register()
    assert device.receive(ENQ, 0) == NAK
    answer = device.receive(TYPE, 0)
    assert answer[:6] == bytes.fromhex("06 02 13 FC 00 00")
    assert answer[11:-1].decode("cp1251") == "ШТРИХ-М-01Ф"
    assert device.receive(ACK, 0) == b""
    assert device.receive(ENQ, 0) == NAK
    assert device.opcodes == ["ENQ", "fc", "ENQ"]


def test_an_answer_that_was_not_fetched_is_given_again() -> None:
    device = register()
    answer = device.receive(SHORT, 0)
    assert device.receive(NAK + ENQ, 0) == answer
    device.receive(ACK, 0)
    assert device.receive(ENQ, 0) == NAK


def test_a_damaged_command_is_refused_and_not_carried_out() -> None:
    device = register()
    assert device.receive(SHORT[:-1] + b"\x00", 0) == NAK
    assert device.opcodes == []


def test_a_frame_whose_end_never_came_is_forgotten() -> None:
    device = register()
    assert device.receive(SHORT[:4], 0) == b""
    assert device.receive(ENQ, 5.0) == NAK


@pytest.mark.parametrize(("fault", "error"), [("wrong-password", 0x4F), ("still-printing", 0x50)])
def test_commands_with_a_password_are_refused(fault: str, error: int) -> None:
    device = register(fault)
    answer = device.receive(SHORT, 0)
    assert answer[1:5] == bytes((0x02, 0x02, 0x10, error))
    device.receive(ACK, 0)
    assert device.receive(TYPE, 0)[1:5] == bytes.fromhex("02 13 FC 00")


def test_shift_over_24_hours_and_no_paper() -> None:
    """The example of devices.md: mode 3, submode 1."""
    answer = register("shift-over-24h", "paper-out").receive(SHORT, 0)
    body = answer[3:-1]
    assert (body[5], body[6]) == (3, 1)
    assert not body[3] & 0x82


def test_the_clock_follows_what_it_was_told() -> None:
    from datetime import UTC, datetime

    device = register()
    wall = datetime(2025, 11, 14, 10, 42, 7, tzinfo=UTC).astimezone()
    device.set_clock(wall, 100.0)
    body = device.receive(FULL, 103.0)[3:-1]
    assert body[25:31] == bytes((wall.day, wall.month, wall.year - 2000, wall.hour, wall.minute, 10))


def test_writes_are_recorded() -> None:
    device = register()
    assert device.receive(Z_REPORT, 0)[1:5] == bytes.fromhex("02 03 41 00")
    assert device.writes == ["41"]
    assert device.receive(ACK + SHORT, 0)
    assert device.writes == ["41"]


def test_protocol_2_when_it_is_spoken_first() -> None:
    device = register()
    assert device.receive(SYNC, 0) == bytes.fromhex("8F 00 00 04 00 04 48")
    first = device.receive(SHORT_2, 0)
    assert first[:7] == bytes.fromhex("8F 13 00 01 00 10 00")
    assert device.receive(SHORT_2, 0) == first  # the same number: the last answer again
    assert device.opcodes == ["SYNC", "10"]
    assert device.receive(ENQ + TYPE, 0) == b""  # it has locked onto protocol 2


def test_the_standard_protocol_when_it_is_spoken_first() -> None:
    device = register()
    device.receive(ENQ, 0)
    assert device.receive(SYNC + SHORT_2, 0) == b""
    device.switch("protocol-2", on=True, now=0)  # switched off and on between two
    assert device.receive(SYNC, 0)


def test_bytes_of_others_decide_nothing() -> None:
    device = register()
    assert device.receive(b"\x10\x04\x04\x1b\x06\x01", 0) == b""
    assert device.receive(SYNC, 0)


@pytest.mark.parametrize("fault", sorted(ShtrihRegister.faults))
def test_every_fault_can_be_switched_and_changes_something(fault: str) -> None:
    commands = [TYPE, SHORT, FULL, *(_storage(low) for low in (1, 2, 3, 4, 9, 0x39, 0x3F, 0x40))]

    def said(device: ShtrihRegister) -> list[bytes]:
        return [device.receive(ENQ, 0), *(device.receive(c, 0) + device.receive(ACK, 0) for c in commands)]

    assert said(register()) == said(register())
    assert said(register(fault)) != said(register()) or fault == "bad-checksum-once"
    device = register(fault)
    device.switch(fault, on=False, now=0)
    assert said(device) == said(register())


def test_a_fault_that_it_has_not_got() -> None:
    with pytest.raises(KeyError):
        register("on-fire")


@given(st.lists(st.binary(max_size=40), max_size=10))
def test_any_bytes_in_any_pieces_are_survived_and_write_nothing(pieces: list[bytes]) -> None:
    device, whole = register(), register()
    assert b"".join(device.receive(piece, 0) for piece in pieces) == whole.receive(b"".join(pieces), 0)


def _storage(low: int) -> bytes:
    counted = bytes((6, 0xFF, low, 0x1E, 0, 0, 0))
    check = 0
    for byte in counted:
        check ^= byte
    return b"\x02" + counted + bytes((check,))
