"""A search of the network: connects only, bounded in number, size and time."""

from __future__ import annotations

import contextlib
import ipaddress
import socket
import threading

import pytest

from probes.discovery import lan
from probes.discovery.families import families, family_of, lan_ports
from probes.discovery.known_ports import KNOWN
from probes.discovery.lan import OpenPort, parse_network, scan
from probes.discovery.own_questions import OWN_QUESTIONS
from supportctl.core.clock import SystemClock
from supportctl.core.deadline import Deadline
from supportctl.core.errors import UsageError


@pytest.fixture
def deadline():
    return Deadline.after(20, SystemClock())


@pytest.fixture
def listeners():
    """Return a function that listens on an address; what came in is in the list that it returns."""
    with contextlib.ExitStack() as stack:

        def listen(host, port=0):
            server = stack.enter_context(socket.create_server((host, port), backlog=64))
            return server.getsockname()[1], server

        yield listen


def test_open_ports_are_found_in_order(listeners, deadline):
    port, _first = listeners("127.0.0.3")
    listeners("127.0.0.2", port)
    found = scan(ipaddress.ip_network("127.0.0.0/29"), [port], deadline)
    assert found.found == (OpenPort("127.0.0.2", port), OpenPort("127.0.0.3", port))
    assert (found.tried, found.left) == (6, 0)


def test_no_byte_is_sent(listeners, deadline):
    port, server = listeners("127.0.0.2")
    got = []

    def take():
        connection, _peer = server.accept()
        with connection:
            connection.settimeout(5)
            got.append(connection.recv(100))

    thread = threading.Thread(target=take)
    thread.start()
    scan(ipaddress.ip_network("127.0.0.2/32"), [port], deadline)
    thread.join(5)
    assert got == [b""]


def test_number_of_connections_is_bounded(listeners, deadline, monkeypatch):
    most, opened = 0, 0
    real = socket.socket

    class Counted(real):
        def __init__(self, *args, **kwargs):
            nonlocal most, opened
            super().__init__(*args, **kwargs)
            opened += 1
            most = max(most, opened)

        def close(self):
            nonlocal opened
            if self.fileno() >= 0:
                opened -= 1
            super().close()

    monkeypatch.setattr(lan, "PARALLEL", 8)
    monkeypatch.setattr(lan.socket, "socket", Counted)
    found = scan(ipaddress.ip_network("127.0.1.0/26"), [9], deadline)
    assert found.tried == 62
    assert most <= 8


def test_deadline_ends_the_search_and_says_what_is_left():
    found = scan(ipaddress.ip_network("127.0.0.0/24"), [9], Deadline.after(0, SystemClock()))
    assert found.left == 254


def test_address_that_does_not_react_is_left_alone(monkeypatch, deadline):
    tries = []

    class Dead:
        def __init__(self, *_args):
            pass

        def settimeout(self, _seconds):
            pass

        def connect_ex(self, address):
            tries.append(address)
            return 113

        def close(self):
            pass

    monkeypatch.setattr(lan.socket, "socket", Dead)
    found = scan(ipaddress.ip_network("10.0.0.1/32"), range(9001, 9010), deadline)
    assert len(tries) == 2
    assert found.left == 0


@pytest.mark.parametrize("text", ["", "shop", "192.168.1.0/33", "1.2.3", "192.168.1.0/24/5"])
def test_what_is_no_network(text):
    with pytest.raises(UsageError, match=r"discover\.bad-network"):
        parse_network(text)


@pytest.mark.parametrize("text", ["10.0.0.0/8", "192.168.0.0/21", "fd00::/64"])
def test_too_big_networks_are_refused_with_an_example_that_works(text):
    with pytest.raises(UsageError, match=r"discover\.network-too-big") as error:
        parse_network(text)
    assert parse_network(error.value.args_by_name["example"]).num_addresses <= lan.MAX_ADDRESSES


@pytest.mark.parametrize("text", ["8.8.8.0/24", "1.1.1.1", "2001:4860::/120"])
def test_public_networks_are_refused(text):
    with pytest.raises(UsageError, match=r"discover\.public-network"):
        parse_network(text)


@pytest.mark.parametrize(
    "text", ["192.168.1.0/22", "192.168.1.77/24", "100.64.3.0/24", "169.254.0.0/24", "127.0.0.1"]
)
def test_local_networks_are_taken(text):
    assert parse_network(text).num_addresses <= lan.MAX_ADDRESSES


def test_ports_of_the_table():
    assert 9100 in lan_ports()
    assert 8080 not in lan_ports()  # a service of this computer, a web server on any other
    asked = {family.number for family in families() if family.ask}
    own = {port for row in OWN_QUESTIONS for port in row.ports} | set(KNOWN)
    assert asked <= {9100} | own
    assert own - asked <= {5001, 8080, 5995}  # by UDP; on this computer only
    assert family_of(20007).kind == "terminal"
    assert family_of(1) is None
