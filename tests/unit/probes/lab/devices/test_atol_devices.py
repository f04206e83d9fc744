"""The simulated ATOL registers: the reference's frames, what they note, and any bytes."""

from __future__ import annotations

import json
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.lab.devices.atol_web import AtolWebServer
from probes.lab.devices.atol_wire import Atol2Register, Atol3Register
from probes.protocols import http1

KINDS = [Atol2Register, Atol3Register, AtolWebServer]


def hexed(text: str) -> bytes:
    return bytes.fromhex(text)


def register(kind, *faults: str):
    device = kind()
    for fault in faults:
        device.switch(fault, on=True, now=0.0)
    return device


def test_a_conversation_of_protocol_2():
    """devices.md 4b: 45 and its answer "state 1.2, flag 01: no paper"."""
    device = register(Atol2Register, "paper-out")
    said = [device.receive(hexed(text), 0.0) for text in ("05", "02 00 00 45 03 46", "04", "06", "06")]
    assert [data.hex(" ").upper() for data in said] == ["06", "06", "05", "02 55 21 01 03 76", "04"]
    assert (device.opcodes, device.writes) == (["45"], [])


def test_a_conversation_of_protocol_3():
    """devices.md 4b: add, request, acknowledge; result A3 "55 01 00"."""
    device = register(Atol3Register)
    assert device.receive(hexed("FE 06 00 02 C1 01 02 00 00 45 52"), 0.0)[4] == 0xA1
    assert device.receive(hexed("FE 06 00 01 C1 01 01 00 00 3F E7"), 0.0)[4] == 0xA1
    assert device.receive(http3(3, "C3 02"), 0.0)[4] == 0xA2  # not yet
    assert device.receive(http3(3, "C3 02"), 1.0) == hexed("FE 04 00 03 A3 55 01 00 07")
    assert device.receive(http3(4, "C2 02"), 1.0)[:4] == hexed("FE 00 00 04")
    assert device.receive(http3(5, "C3 02"), 1.0)[4] == 0xB3
    assert device.opcodes == ["45", "3F"]


def http3(number: int, data: str) -> bytes:
    from probes.protocols.atol3 import frame

    return frame(number, hexed(data))


def test_what_changes_something_is_noted():
    device = register(Atol2Register)
    for text in ("05", "02 30 00 5A 03 69", "04"):
        device.receive(hexed(text), 0.0)
    assert device.writes == device.opcodes == ["5A"]
    other = register(Atol3Register)
    other.receive(http3(1, "C1 03 01 00 00 67 01 00"), 0.0)
    other.receive(http3(2, "C4"), 0.0)
    assert other.writes == ["67 01 00", "C4"]


def test_an_error_stops_the_queue_of_tasks_unless_it_is_to_be_ignored():
    for flags, state in (("01", 0xA5), ("03", 0xA1)):
        device = register(Atol3Register, "fn-missing")
        device.receive(http3(1, f"C1 {flags} 01 00 00 A4 30"), 0.0)
        assert device.receive(http3(2, "C1 03 02 00 00 45"), 0.0)[4] == state


def test_protocol_2_repeats_what_is_not_acknowledged():
    device = register(Atol2Register)
    for text in ("05", "02 00 00 45 03 46", "04"):
        device.receive(hexed(text), 0.0)
    assert [device.tick(now) for now in (0.4, 0.6, 0.7, 1.2)] == [b"", b"\x05", b"", b"\x05"]
    assert [device.tick(10.0 + now) for now in range(9)].count(b"\x05") == 3  # five in all
    assert device.receive(b"\x06", 30.0) == b""


def ask(device, method: str, path: str, body: object = None, headers=http1.NO_HEADERS):
    raw = None if body is None else json.dumps(body).encode()
    answer = http1.parse(
        device.receive(http1.request(method, "h", path, headers=headers, body=raw), 0.0), closed=True
    )
    return answer.status, json.loads(answer.body)


UUID = "1b671a64-40d5-491e-99b0-da01ff1f3341"


def test_the_web_service():
    device = register(AtolWebServer, "shift-over-24h")
    assert ask(device, "GET", "/api/v2/serverInfo")[1]["serverVersion"]
    request = {"uuid": UUID, "request": [{"type": "getDeviceStatus"}, {"type": "ofdExchangeStatus"}]}
    assert ask(device, "POST", "/api/v2/requests", request)[0] == 201
    assert ask(device, "POST", "/api/v2/requests", request)[0] == 409
    _status, told = ask(device, "GET", f"/api/v2/requests/{UUID}")
    assert [result["status"] for result in told["results"]] == ["inProgress", "inProgress"]
    assert ask(device, "GET", "/api/v2/requests/" + UUID.replace("1", "2"))[0] == 404
    assert device.writes == []
    ask(device, "POST", "/api/v2/requests", {"uuid": "x", "request": [{"type": "sell"}]})
    ask(device, "DELETE", f"/api/v2/requests/{UUID}")
    ask(device, "POST", "/api/v2/activateDevice", {})
    assert device.writes == [
        "POST /api/v2/requests sell",
        f"DELETE /api/v2/requests/{UUID}",
        "POST /api/v2/activateDevice",
    ]


@pytest.mark.parametrize("kind", KINDS)
def test_unknown_faults(kind):
    with pytest.raises(KeyError):
        kind().switch("on-fire", on=True, now=0.0)


@pytest.mark.parametrize("kind", KINDS)
@given(data=st.binary(max_size=120), cuts=st.lists(st.integers(0, 120), max_size=6))
def test_any_bytes_in_any_pieces(kind, data, cuts):
    edges = sorted({0, len(data), *(cut for cut in cuts if cut < len(data))})
    whole, pieces = kind(), kind()
    answers = b"".join(pieces.receive(data[a:b], 0.0) for a, b in pairwise(edges))
    assert answers == whole.receive(data, 0.0)
    assert (pieces.opcodes, pieces.writes) == (whole.opcodes, whole.writes)
