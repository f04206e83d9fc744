"""The raw bridge: every byte goes both ways, is counted, and the bridge ends when it should."""

from __future__ import annotations

import os
import socket
import threading

import pytest
from bridges import Bridged, Device, heard, until_closed

from supportctl.core.errors import SupportctlError, UsageError
from supportctl.remote import bridge
from supportctl.remote.bridge_desk import bound

EVERY = bytes(range(256))


@pytest.fixture
def device():
    made = Device()
    yield made
    made.close()


@pytest.fixture
def session():
    made = Bridged()
    yield made
    made.close()


def test_every_byte_goes_there_and_comes_back_and_is_counted(session, device):
    opening = session.desk(device.url)
    with opening.program() as program:
        for _ in range(3):
            program.sendall(EVERY)
            assert heard(program, 256) == EVERY.upper()
        program.sendall(EVERY * 4000)  # many messages, beyond the window
        assert heard(program, 1_024_000) == EVERY.upper() * 4000
    session.client.stop()
    assert opening.ended() == {"sent": 1_024_768, "received": 1_024_768, "reason": "ended"}
    assert device.left.wait(5)
    assert ("bridge.open", "done") in session.person.heard


def test_the_next_program_waits_until_the_first_has_left(session, device):
    opening = session.desk(device.url)
    with opening.program() as program:
        program.sendall(b"one")
        assert heard(program, 3) == b"ONE"
        second = opening.program()
        second.sendall(b"three")
        program.sendall(b"two")
        assert heard(program, 3) == b"TWO"
        program.settimeout(0.1)
        with pytest.raises(TimeoutError):
            program.recv(10)
    with second:
        assert heard(second, 5) == b"THREE"
    assert device.visits == 1


def test_what_the_device_says_before_anybody_has_come_is_not_lost(session, device):
    opening = session.desk(device.url)
    assert opening._ready.wait(5)
    device.now.sendall(b"hello")
    with opening.program() as program:
        assert heard(program, 5) == b"hello"


def test_a_program_that_reads_nothing_holds_the_device_back(session, device):
    opening = session.desk(device.url)
    assert opening._ready.wait(5)
    device.now.settimeout(0.3)
    with pytest.raises(TimeoutError):
        device.now.sendall(bytes(bridge.MAX_BYTES))
    assert session.bridges._now.received <= bridge.WINDOW


def test_it_ends_when_the_device_ends_it(session, device):
    opening = session.desk(device.url)
    with opening.program() as program:
        program.sendall(b"x")
        heard(program, 1)
        device.now.shutdown(socket.SHUT_RDWR)
        assert program.recv(10) == b""
    assert opening.ended()["reason"] == "link.closed"


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [("IDLE_S", 0.05, "idle"), ("MAX_BYTES", 3, "full"), ("UNHEARD_S", 0.0, "unheard")],
)
def test_it_ends_by_itself(device, monkeypatch, name, value, reason):
    monkeypatch.setattr(bridge, name, value)
    session = Bridged()
    opening = session.desk(device.url)
    if name == "MAX_BYTES":
        with opening.program() as program:
            program.sendall(b"abcdef")
            # the device had its three bytes: what it says after that may come too late
            assert b"ABC".startswith(until_closed(program))
    result = opening.ended()
    assert result["reason"] == reason
    assert result["sent"] <= 3
    assert device.left.wait(5)
    session.close()


def test_a_device_that_is_not_there_is_told(session):
    with bound("127.0.0.1:0") as free:
        port = free.getsockname()[1]
    with pytest.raises(SupportctlError) as failed:
        session.client.call("bridge.open", {"target": f"tcp://127.0.0.1:{port}"})
    assert failed.value.key == "remote.bridge-link"
    assert failed.value.args_by_name["reason"] == "link.refused"


@pytest.mark.parametrize("word", ["usb://04b8:0202", "https://127.0.0.1/", "udp://127.0.0.1:5", "host://"])
def test_other_wires_are_refused_before_anybody_is_asked(session, word):
    with pytest.raises(SupportctlError) as refused:
        session.client.call("bridge.open", {"target": word})
    assert refused.value.key == "remote.bridge-wire"
    assert session.person.asked == []


def test_a_serial_port_is_read_and_written_and_held_alone(session, monkeypatch):
    master, slave = os.openpty()
    path = os.ttyname(slave)
    monkeypatch.setattr("supportctl.remote.work._port_names", lambda: (path,))
    os.close(slave)
    opening = session.desk(f"serial://{path}?baud=115200")
    with opening.program() as program:
        program.sendall(EVERY)
        data = b""
        while len(data) < 256:
            data += os.read(master, 4096)
        assert data == EVERY
        os.write(master, EVERY)
        assert heard(program, 256) == EVERY
        with pytest.raises(OSError, match="busy"):
            os.open(path, os.O_RDWR | os.O_NOCTTY) if os.geteuid() else _as_anybody(path)
    session.client.stop()
    assert opening.ended()["reason"] == "ended"
    os.close(os.open(path, os.O_RDWR | os.O_NOCTTY))
    os.close(master)


def _as_anybody(path):
    """The kernel lets root pass; everybody else finds the port held, and so do we."""
    from probes.links import LinkError, open_link
    from supportctl.core.clock import SystemClock
    from supportctl.core.deadline import Deadline
    from supportctl.core.target import parse_target

    try:
        open_link(parse_target(f"serial://{path}"), Deadline.after(5, SystemClock()))
    except LinkError as error:
        raise OSError("busy") from error


@pytest.mark.parametrize(
    "word", ["0.0.0.0:0", "192.0.2.1:5", "127.0.0.1", "[::]:0", ":1", "127.0.0.1:99999", "x:1"]
)
def test_it_listens_on_loopback_only(word):
    with pytest.raises(UsageError) as refused:
        bound(word)
    assert refused.value.key == "remote.bridge-listen"


def test_a_port_that_is_taken_is_told_before_anybody_is_asked():
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(UsageError) as refused:
        bound(f"127.0.0.1:{taken.getsockname()[1]}")
    assert refused.value.key == "remote.bridge-listen"


def test_nobody_listens_until_the_customer_has_said_yes(device):
    session = Bridged(answer=False)
    opening = session.desk(device.url)
    assert opening.ended() is None
    assert opening.error.key == "remote.denied"
    assert opening.place is None
    session.close()


def test_many_threads_of_the_session_do_not_wait_for_the_bridge(session, device):
    opening = session.desk(device.url)
    with opening.program() as program:
        program.sendall(b"x")
        heard(program, 1)
        answers = []
        threads = [
            threading.Thread(target=lambda: answers.append(session.client.call("ping"))) for _ in range(5)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(5)
        assert len(answers) == 5
