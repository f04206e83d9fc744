"""Every wire fault on a real socket, seen by a plain client."""

from __future__ import annotations

import select
import socket
import sys
import time
from typing import TYPE_CHECKING

import pytest

from probes.lab.uart import garble
from probes.lab.wirefaults import BANNER_BYTES, NOISE_BYTES, ONE_BYTE_GAP_S, SLOW_BYTE_S
from supportctl.core.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

    from probes.lab.lab import Lab


def port_of(lab: Lab) -> int:
    return int(lab.url("bird").rsplit(":", 1)[1])


def test_a_healthy_device_answers_as_soon_as_it_is_asked(open_lab, connect) -> None:
    lab = open_lab()
    client = connect(lab.url("bird"))
    client.ask(b"hel")
    assert client.silent()
    client.ask(b"lo\nyou\n")
    assert client.read_all(8) == b"HELLOYOU"
    assert lab.device("bird").opcodes == ["hello", "you"]


def test_it_greets_pushes_and_ticks(open_lab, connect) -> None:
    lab = open_lab()
    lab.device("bird").greeting = b"hi"
    client, other = connect(lab.url("bird")), connect(lab.url("bird"))
    assert client.read_all(2) == other.read_all(2) == b"hi"
    lab.fault("bird", "hoarse")
    assert client.read_all(7) == other.read_all(7) == b"hoarse!"
    assert connect(open_lab("clock").url("bird")).read_all(3) == b"ttt"


def test_slow(open_lab, connect) -> None:
    client = connect(open_lab(faults=("wire-slow",)).url("bird"))
    started = time.monotonic()
    client.ask(b"abc\n")
    assert client.read_all(3) == b"ABC"
    assert time.monotonic() - started >= 3 * SLOW_BYTE_S


def test_one_byte(open_lab, connect) -> None:
    client = connect(open_lab(faults=("wire-one-byte",)).url("bird"))
    started = time.monotonic()
    client.ask(b"abcdef\n")
    assert client.read_all(6) == b"ABCDEF"
    assert time.monotonic() - started >= 6 * ONE_BYTE_GAP_S


def test_silent_and_back_again_on_the_same_connection(open_lab, connect) -> None:
    lab = open_lab(faults=("wire-silent",))
    client = connect(lab.url("bird"))
    client.ask(b"abc\n")
    assert client.silent()
    assert lab.device("bird").opcodes == []
    lab.fault("bird", "wire-silent", on=False)
    client.ask(b"abc\n")
    assert client.read_all(3) == b"ABC"


def test_garbled(open_lab, connect) -> None:
    client = connect(open_lab(faults=("wire-garbled",)).url("bird"))
    client.ask(b"abc\n")
    expected = garble(b"ABC")
    assert client.read_all(len(expected)) == expected


def test_dropped_in_mid_answer(open_lab, connect) -> None:
    lab = open_lab(faults=("wire-dropped",))
    client = connect(lab.url("bird"))
    client.ask(b"abcd\n")
    assert client.read_all(2) == b"AB"
    assert client.read() == b""
    again = connect(lab.url("bird"))
    again.ask(b"x\n")
    assert again.read() == b"", "half of one byte is none"


def test_noise_is_all_there(open_lab, connect) -> None:
    lab = open_lab(faults=("wire-noise",))
    client = connect(lab.url("bird"))
    assert len(client.read_all(NOISE_BYTES)) == NOISE_BYTES
    client.ask(b"abc\n")
    assert client.silent()


def test_noise_switched_on_under_a_client(open_lab, connect) -> None:
    lab = open_lab()
    client = connect(lab.url("bird"))
    client.ask(b"abc\n")
    client.read_all(3)
    lab.fault("bird", "wire-noise")
    assert client.read()


def test_banner(open_lab, connect) -> None:
    client = connect(open_lab(faults=("wire-banner",)).url("bird"))
    assert client.silent()
    client.ask(b"\x10\x04\x01")
    assert client.read_all(len(BANNER_BYTES)) == BANNER_BYTES
    assert client.read() == b""


def test_refused_and_back_on_the_same_port(open_lab, connect) -> None:
    lab = open_lab()
    client, url = connect(lab.url("bird")), lab.url("bird")
    lab.fault("bird", "wire-refused")
    assert client.read() == b""
    with pytest.raises(ConnectionRefusedError):
        connect(url)
    lab.fault("bird", "wire-refused")  # twice is once
    lab.fault("bird", "wire-refused", on=False)
    assert lab.url("bird") == url
    again = connect(url)
    again.ask(b"abc\n")
    assert again.read_all(3) == b"ABC"


def test_refused_from_the_start(open_lab, connect) -> None:
    lab = open_lab(faults=("wire-refused",))
    with pytest.raises(ConnectionRefusedError):
        connect(lab.url("bird"))


@pytest.mark.skipif(sys.platform != "linux", reason="a full backlog drops connections on Linux only")
def test_timeout_and_back(open_lab, connect) -> None:
    lab = open_lab(faults=("wire-timeout",))
    waiting = []
    for _ in range(3):
        knock = socket.socket()
        knock.setblocking(False)
        knock.connect_ex(("127.0.0.1", port_of(lab)))
        waiting.append(knock)
    assert select.select([], waiting, [], 0.3)[1] == [], "not one of them may open"
    for knock in waiting:
        knock.close()
    lab.fault("bird", "wire-timeout", on=False)
    client = connect(lab.url("bird"))
    client.ask(b"abc\n")
    assert client.read_all(3) == b"ABC"


def test_single_client(open_lab, connect) -> None:
    lab = open_lab(faults=("wire-single-client",))
    first, second = connect(lab.url("bird")), connect(lab.url("bird"))
    second.ask(b"two\n")
    first.ask(b"one\n")
    assert first.read_all(3) == b"ONE"
    assert second.silent()
    first.close()
    assert second.read_all(3) == b"TWO", "what waited in the backlog is served next"


def test_single_client_switched_off_lets_the_waiting_in(open_lab, connect) -> None:
    lab = open_lab(faults=("wire-single-client",))
    first, second = connect(lab.url("bird")), connect(lab.url("bird"))
    second.ask(b"two\n")
    assert second.silent()
    lab.fault("bird", "wire-single-client", on=False)
    assert second.read_all(3) == b"TWO"
    first.ask(b"one\n")
    assert first.read_all(3) == b"ONE"


def test_a_client_that_takes_nothing_is_not_listened_to(
    open_lab, connect, until: Callable[..., None]
) -> None:
    """Bounded memory: the device stops reading when its answers are not taken."""
    lab = open_lab()
    client = connect(lab.url("bird"))
    line = b"x" * 60_000 + b"\n"
    sent = 0
    stuck_since = time.monotonic()
    while time.monotonic() - stuck_since < 0.5:
        try:
            assert client.sock is not None
            sent += client.sock.send(line)
            stuck_since = time.monotonic()
        except BlockingIOError:
            select.select([], [client.fd], [], 0.05)
        assert sent < 100_000_000, "it reads on for ever"


def test_a_taken_port_is_a_kind_error(open_lab) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(UsageError) as caught:
            open_lab(port=port)
    assert caught.value.key == "lab.port-in-use"
    assert caught.value.args_by_name == {"found": str(port), "device": "bird"}


def test_a_port_of_ones_own_choice(open_lab, connect) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    client = connect(open_lab(port=port).url("bird"))
    assert client.sock is not None
    assert client.sock.getpeername() == ("127.0.0.1", port)
