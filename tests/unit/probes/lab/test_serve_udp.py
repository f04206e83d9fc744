"""A device on UDP: each datagram is answered by one, and the faults that a datagram can have."""

from __future__ import annotations

import select
import socket

import pytest

PATIENCE_S = 5.0
QUIET_S = 0.15


@pytest.fixture
def client():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.settimeout(PATIENCE_S)
        yield sock


def address(lab, wire="udp"):
    host, _, port = lab.url("bird", wire).partition("://")[2].partition(":")
    return host, int(port)


def test_each_datagram_has_one_answer(open_lab, client):
    lab = open_lab(wires=("udp",))
    assert lab.url("bird").startswith("parrot+udp://127.0.0.1:")
    for word in (b"hello\n", b"again\n"):
        client.sendto(word, address(lab))
        assert client.recvfrom(100) == (word.strip().upper(), address(lab))
    client.sendto(b"two\nwords\n", address(lab))
    assert client.recv(100) == b"TWOWORDS"
    assert lab.device("bird").opcodes == ["hello", "again", "two", "words"]


def test_half_a_question_is_forgotten(open_lab, client):
    lab = open_lab(wires=("udp",))
    client.sendto(b"lost", address(lab))
    client.sendto(b"hello\n", address(lab))
    assert client.recv(100) == b"HELLO"


def test_one_number_for_tcp_and_udp(open_lab, connect, client):
    lab = open_lab(wires=("tcp", "udp"))
    assert address(lab, "tcp") == address(lab, "udp")
    assert list(lab.targets("bird")) == ["bird", "bird-udp"]
    stream = connect(lab.url("bird", "tcp"))
    stream.ask(b"hello\n")
    assert stream.read() == b"HELLO"
    client.sendto(b"hello\n", address(lab))
    assert client.recv(100) == b"HELLO"


def test_faults(open_lab, client):
    lab = open_lab(wires=("udp",))
    assert set(lab.station("bird").faults) == {"hoarse", "wire-silent", "wire-garbled", "wire-refused"}
    lab.fault("bird", "wire-silent")
    client.sendto(b"hello\n", address(lab))
    assert not select.select([client], [], [], QUIET_S)[0]
    lab.clear("bird")
    lab.fault("bird", "wire-garbled")
    client.sendto(b"hello\n", address(lab))
    assert client.recv(100) not in {b"HELLO", b""}
    lab.clear("bird")
    lab.fault("bird", "wire-refused")
    client.connect(address(lab))
    client.send(b"hello\n")
    with pytest.raises(ConnectionRefusedError):
        client.recv(100)
    lab.clear("bird")
    client.send(b"hello\n")
    assert client.recv(100) == b"HELLO"


def test_refused_from_the_start(open_lab, client):
    lab = open_lab(wires=("udp",), faults=("wire-refused",))
    client.connect(address(lab))
    client.send(b"hello\n")
    with pytest.raises(ConnectionRefusedError):
        client.recv(100)


def test_what_pushes_stays_silent(open_lab, client):
    lab = open_lab("clock", wires=("udp",))
    client.sendto(b"hello\n", address(lab))
    assert client.recv(100) == b"HELLO"
    assert not select.select([client], [], [], QUIET_S)[0]
