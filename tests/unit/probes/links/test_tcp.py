"""TCP: every failure on a real socket; what loopback cannot do, in a network namespace or by its errno."""

import errno
import os
import socket
import struct
import subprocess
import sys
import textwrap
import threading

import pytest

from probes.links import LinkError, tcp
from supportctl.core.clock import SystemClock
from supportctl.core.deadline import Deadline
from supportctl.core.finding import Status


@pytest.fixture
def unused_port():
    """A port that is bound but not listened on: nobody else gets it, and connecting is refused."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield taken.getsockname()[1]


@pytest.fixture
def full_port():
    """A listener whose queue is full: the kernel drops every further attempt, as for a dead host."""
    with socket.create_server(("127.0.0.1", 0), backlog=0) as listener:
        port = listener.getsockname()[1]
        waiting = [socket.socket() for _ in range(8)]
        for client in waiting:
            client.setblocking(False)
            client.connect_ex(("127.0.0.1", port))
        yield port
        for client in waiting:
            client.close()


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_refused(failure, unused_port, host):
    error = failure(f"tcp://{host}:{unused_port}")
    assert (error.code, error.status) == ("link.refused", Status.FAULT)
    assert error.evidence[0].meaning == "link.port-refused"
    assert error.evidence[0].asked == f"TCP connect {host}:{unused_port}"


def test_timeout_has_its_own_limit(failure, full_port, monkeypatch):
    monkeypatch.setattr(tcp, "CONNECT_S", 1.2)
    started = SystemClock().monotonic()
    error = failure(f"tcp://127.0.0.1:{full_port}", seconds=30)
    assert (error.code, error.status) == ("link.timeout", Status.FAULT)
    assert error.evidence[0].meaning == "link.no-connection"
    assert 1.1 < SystemClock().monotonic() - started < 5


def test_a_timeout_that_the_check_cut_short_is_unknown(failure, full_port):
    error = failure(f"tcp://127.0.0.1:{full_port}", seconds=0.2)
    assert (error.code, error.status) == ("link.timeout", Status.UNKNOWN)


def test_a_deadline_that_has_passed_connects_to_nothing(failure, serve):
    error = failure(serve(lambda c: None).url, seconds=0)
    assert (error.code, error.status) == ("link.timeout", Status.UNKNOWN)


@pytest.mark.parametrize("host", ["no-such-host.invalid", "касса.invalid", "a..b", "x" * 70 + ".invalid"])
def test_a_name_without_an_address(failure, host):
    error = failure(f"tcp://{host}:9100")
    assert error.code == "link.dns"
    assert error.details["host"] == host


def test_a_name_server_that_hangs_does_not_hang_us(failure, monkeypatch):
    asked, release = threading.Event(), threading.Event()

    def hang(name, port, **options):
        if options["flags"]:
            raise socket.gaierror(socket.EAI_NONAME, "not a number")
        asked.set()
        release.wait(20)
        return []

    monkeypatch.setattr(tcp.socket, "getaddrinfo", hang)
    error = failure("tcp://printer.example:9100", seconds=0.2)
    release.set()
    assert asked.is_set()
    assert (error.code, error.evidence[0].meaning) == ("link.dns", "link.name-server-silent")
    assert error.status is Status.UNKNOWN


def test_a_name_server_that_cannot_be_asked(failure, monkeypatch):
    def fail(name, port, **options):
        raise socket.gaierror(socket.EAI_NONAME if options["flags"] else socket.EAI_AGAIN, "later")

    monkeypatch.setattr(tcp.socket, "getaddrinfo", fail)
    error = failure("tcp://printer.example:9100")
    assert (error.evidence[0].meaning, error.status) == ("link.name-server-silent", Status.FAULT)


@pytest.mark.parametrize(
    ("number", "code", "meaning"),
    [
        (errno.EHOSTUNREACH, "link.no-route", "link.no-way"),
        (errno.ENETUNREACH, "link.no-route", "link.no-way"),
        (10065, "link.no-route", "link.no-way"),  # WSAEHOSTUNREACH
        (errno.EACCES, "link.no-route", "link.blocked-here"),
        (errno.ETIMEDOUT, "link.timeout", "link.no-connection"),
        (10061, "link.refused", "link.port-refused"),  # WSAECONNREFUSED
    ],
)
def test_what_connect_says_at_once(failure, monkeypatch, number, code, meaning):
    monkeypatch.setattr(tcp.socket.socket, "connect_ex", lambda *_: number)
    error = failure("tcp://127.0.0.1:9100")
    assert (error.code, error.evidence[0].meaning) == (code, meaning)


def test_our_own_shortage_is_not_blamed_on_the_device(opened, monkeypatch):
    monkeypatch.setattr(tcp.socket.socket, "connect_ex", lambda *_: errno.EMFILE)
    with pytest.raises(OSError, match=os.strerror(errno.EMFILE)):
        opened("tcp://127.0.0.1:9100")


def two_addresses(monkeypatch, *ports):
    found = [tcp.Address(socket.AF_INET, ("127.0.0.1", port)) for port in ports]
    monkeypatch.setattr(tcp, "resolve", lambda *_: found)


def test_the_next_address_is_tried_at_once_when_one_refuses(opened, serve, unused_port, monkeypatch):
    server = serve(lambda c: c.sendall(b"hi"))
    two_addresses(monkeypatch, unused_port, server.port)
    started = SystemClock().monotonic()
    assert opened(server.url).receive(Deadline.after(5, SystemClock())) == b"hi"
    assert SystemClock().monotonic() - started < 3


def test_a_dead_address_only_costs_its_head_start(opened, serve, full_port, monkeypatch, soon):
    server = serve(lambda c: c.sendall(b"hi"))
    two_addresses(monkeypatch, full_port, server.port)
    started = SystemClock().monotonic()
    assert opened(server.url).receive(soon()) == b"hi"
    assert 0.2 < SystemClock().monotonic() - started < 4


def test_a_living_address_keeps_the_next_one_untouched(opened, serve, monkeypatch, soon):
    touched = threading.Event()
    first, second = serve(lambda c: c.sendall(b"first")), serve(lambda c: touched.set())
    two_addresses(monkeypatch, first.port, second.port)
    assert opened(first.url).receive(soon()) == b"first"
    assert not touched.is_set()


def test_of_several_failures_the_one_that_came_furthest_is_told(failure, full_port, unused_port, monkeypatch):
    two_addresses(monkeypatch, full_port, unused_port)
    assert failure("tcp://printer.example:1", seconds=1.3).code == "link.refused"


def echo(connection):
    while data := connection.recv(4096):
        connection.sendall(data)


def test_a_conversation(opened, serve, soon):
    link = opened(serve(echo).url)
    link.send(b"\x10\x04\x01", soon())
    assert link.receive(soon(), limit=2) == b"\x10\x04"
    assert link.receive(soon()) == b"\x01"
    assert link.receive(soon(0.05)) == b""
    assert link.receive(soon(0)) == b""
    link.close()
    link.close()


def test_nagle_is_off(opened, serve):
    link = opened(serve(echo).url)
    assert link._socket.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


def test_closed(opened, serve, soon):
    link = opened(serve(lambda c: c.sendall(b"\x16")).url)
    assert link.receive(soon()) == b"\x16"
    with pytest.raises(LinkError) as caught:
        link.receive(soon())
    assert (caught.value.code, caught.value.evidence[0].meaning) == ("link.closed", "link.closed-by-peer")


def reset(connection):
    connection.recv(1)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def test_reset(opened, serve, soon):
    link = opened(serve(reset).url)
    link.send(b"x", soon())
    with pytest.raises(LinkError) as caught:
        link.receive(soon())
    assert (caught.value.code, caught.value.evidence[0].meaning) == ("link.closed", "link.connection-reset")
    with pytest.raises(LinkError, match=r"link\.closed"):
        link.send(b"x", soon())


def test_a_device_that_takes_no_more_bytes(opened, serve, soon):
    done = threading.Event()
    link = opened(serve(lambda c: done.wait(20)).url)
    with pytest.raises(LinkError) as caught:
        link.send(b"\x00" * 50_000_000, soon(0.3))
    done.set()
    assert (caught.value.code, caught.value.evidence[0].meaning) == ("link.silent", "link.takes-no-bytes")


@pytest.mark.peer("netns")
def test_no_route_in_a_real_network_without_one(peer_path):
    """A namespace has no routes but to itself: the kernel's own ENETUNREACH."""
    script = textwrap.dedent("""
        from probes.links import LinkError, open_link
        from supportctl.core.clock import SystemClock
        from supportctl.core.deadline import Deadline
        from supportctl.core.target import parse_target
        try:
            open_link(parse_target("tcp://192.0.2.1:9100"), Deadline.after(10, SystemClock()))
        except LinkError as error:
            print(error.code, error.evidence[0].meaning)
    """)
    ip, name = peer_path("netns"), f"supportctl-links-{os.getpid()}"
    subprocess.run([ip, "netns", "add", name], check=True)
    try:
        command = [ip, "netns", "exec", name, sys.executable, "-c", script]
        done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=True)
    finally:
        subprocess.run([ip, "netns", "del", name], check=True)
    assert done.stdout.split() == ["link.no-route", "link.no-way"], done.stderr


def test_a_wire_that_carries_no_byte_stream(failure):
    error = failure("atol+http://127.0.0.1:16732")
    assert (error.code, error.status) == ("link.not-supported", Status.UNKNOWN)


@pytest.mark.usefixtures("no_coverage")
def test_the_hot_path_stays_light():
    script = "import sys, probes.links.tcp; print(*sorted(sys.modules))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    heavy = {"serial", "psutil", "pydantic", "asyncio", "concurrent.futures", "encodings.idna", "tomllib"}
    assert not heavy & set(done.stdout.split())
