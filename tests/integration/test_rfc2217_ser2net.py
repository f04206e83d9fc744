"""RFC 2217 against ser2net with a device behind a pseudo-terminal: what works, and how each failure is told.

Seen with ser2net 4.3.11; these tests hold the list of known quirks at the top of probes/links/rfc2217.py.
"""

import contextlib
import os
import select
import socket
import subprocess
import sys
import threading

import pytest

from probes.context import ProbeContext
from probes.links import LinkError, open_link, rfc2217
from probes.links.exchange import Conversation, exactly
from supportctl.core.clock import SystemClock
from supportctl.core.deadline import Deadline
from supportctl.core.finding import Status
from supportctl.core.target import parse_target

pytestmark = [
    pytest.mark.peer("ser2net"),
    pytest.mark.skipif(sys.platform == "win32", reason="pseudo-terminals are POSIX"),
]
CLOCK = SystemClock()
ACCEPTERS = {
    "rfc2217": ("telnet(rfc2217),tcp", "{pty}"),
    "same-port": ("telnet(rfc2217),tcp", "{pty}"),
    "missing": ("telnet(rfc2217),tcp", "/dev/ttyNOPE"),
    "no-tty": ("telnet(rfc2217),tcp", "/dev/null"),
    "telnet": ("telnet,tcp", "{pty}"),
    "raw": ("tcp", "{pty}"),
}


def soon(seconds=20.0):
    return Deadline.after(seconds, CLOCK)


class EchoDevice:
    """A device on a pseudo-terminal that sends back what it gets, byte 0xFF and all; DLE (10) it swallows."""

    def __init__(self):
        self.master, self.slave = os.openpty()
        self.path = os.ttyname(self.slave)
        self._stop_reader, self._stop = os.pipe()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self):
        while True:
            ready, _, _ = select.select([self.master, self._stop_reader], [], [])
            if self._stop_reader in ready:
                return
            os.write(self.master, os.read(self.master, 4096).replace(b"\x10", b""))

    def close(self):
        os.write(self._stop, b"x")
        self._thread.join(10)
        for end in (self.master, self.slave, self._stop, self._stop_reader):
            os.close(end)


@pytest.fixture(scope="module")
def device():
    made = EchoDevice()
    yield made
    made.close()


def free_ports(count):
    with contextlib.ExitStack() as stack:
        taken = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(count)]
        return [listener.getsockname()[1] for listener in taken]


class Ser2net:
    def __init__(self, program, folder, pty):
        *numbers, ready = free_ports(len(ACCEPTERS) + 1)
        self.ports = dict(zip(ACCEPTERS, numbers, strict=True))
        lines = ["%YAML 1.1", "---"]
        for number, (name, (accepter, where)) in enumerate(ACCEPTERS.items()):
            lines += [
                f"connection: &con{number}",
                f"  accepter: {accepter},127.0.0.1,{self.ports[name]}",
                f"  connector: serialdev,{where.format(pty=pty)},9600n81,local",
            ]
        # opened last, and needs no device: once it answers, all the others are there
        lines += ["connection: &ready", f"  accepter: tcp,127.0.0.1,{ready}", "  connector: echo"]
        config = folder / "ser2net.yaml"
        config.write_text("\n".join(lines) + "\n", encoding="utf-8")
        self.process = subprocess.Popen(
            [program, "-n", "-c", config, "-P", folder / "pid"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        self._wait_for(ready, soon())

    def _wait_for(self, port, deadline):
        pause = threading.Event()
        while True:
            with (
                contextlib.suppress(ConnectionRefusedError),
                socket.create_connection(("127.0.0.1", port), 5),
            ):
                return
            assert not deadline.expired, "ser2net did not start"
            assert self.process.poll() is None, "ser2net ended"
            pause.wait(0.02)

    def url(self, name, options=""):
        return f"rfc2217://127.0.0.1:{self.ports[name]}{options}"

    def stop(self):
        self.process.terminate()
        self.process.wait(10)


@pytest.fixture(scope="module")
def ser2net(peer_path, tmp_path_factory, device):
    running = Ser2net(peer_path("ser2net"), tmp_path_factory.mktemp("ser2net"), device.path)
    yield running
    running.stop()


def failure(url):
    with pytest.raises(LinkError) as caught, open_link(parse_target(url), soon()):
        pass
    return caught.value


def heard(link, count):
    data = b""
    while len(data) < count:
        piece = link.receive(soon())
        assert piece, "silent"
        data += piece
    return data


def test_every_byte_goes_both_ways(ser2net):
    everything = bytes(byte for byte in range(256) if byte != 0x10) + b"\xff\xff\xff"
    with open_link(parse_target(ser2net.url("rfc2217")), soon()) as link:
        link.send(everything, soon())
        assert heard(link, len(everything)) == everything


def test_a_conversation_and_a_silence(ser2net):
    target = parse_target("escpos+" + ser2net.url("rfc2217"))
    with open_link(target, soon()) as link:
        talk = Conversation(ProbeContext(target, soon(), CLOCK, open_link), link)
        assert talk.ask("ENQ", b"\x05", exactly(1), wait=5.0).data == b"\x05"
        assert talk.ask("DLE", b"\x10", exactly(1), wait=0.2).outcome == "silent"
        assert talk.ask("ENQ", b"\x05", exactly(1), wait=5.0).data == b"\x05"


@pytest.mark.parametrize("baud", [1200, 115200])
def test_the_speed_reaches_the_port(ser2net, device, baud):
    import termios

    with open_link(parse_target(ser2net.url("rfc2217", f"?baud={baud}")), soon()):
        assert termios.tcgetattr(device.slave)[5] == getattr(termios, f"B{baud}")


def test_closed_means_free_again(ser2net):
    for _ in range(3):
        with open_link(parse_target(ser2net.url("rfc2217")), soon()) as link:
            link.send(b"\x05", soon())
            assert heard(link, 1) == b"\x05"


@pytest.mark.parametrize("second", ["rfc2217", "same-port"])
def test_a_port_that_is_held_on_the_server_s_side(ser2net, second):
    with open_link(parse_target(ser2net.url("rfc2217")), soon()):
        error = failure(ser2net.url(second))
    assert (error.code, error.status) == ("link.port-busy", Status.UNKNOWN)
    assert error.evidence[0].meaning == "link.server-says-busy"
    assert "in use" in error.evidence[0].got


@pytest.mark.parametrize("name", ["missing", "no-tty"])
def test_a_port_that_the_server_has_not_got(ser2net, name):
    error = failure(ser2net.url(name))
    assert (error.code, error.status) == ("link.no-such-port", Status.FAULT)
    assert error.evidence[0].meaning == "link.server-says-missing"
    assert "Device open failure" in error.evidence[0].got


def test_telnet_without_rfc2217(ser2net, monkeypatch):
    monkeypatch.setattr(rfc2217, "_NEGOTIATE_S", 1.0)
    error = failure(ser2net.url("telnet"))
    assert (error.code, error.evidence[0].meaning) == ("link.wrong-device", "link.telnet-without-rfc2217")


def test_a_plain_port(ser2net):
    """A raw port echoes our own negotiation (the device is an echo): no RFC 2217 is ever agreed."""
    error = failure(ser2net.url("raw"))
    assert error.code in {"link.wrong-device", "link.timeout"}


def test_the_server_ends_in_mid_conversation(peer_path, tmp_path, device):
    server = Ser2net(peer_path("ser2net"), tmp_path, device.path)
    try:
        with open_link(parse_target(server.url("rfc2217")), soon()) as link:
            server.stop()
            with pytest.raises(LinkError, match=r"link\.closed"):
                heard(link, 1)
    finally:
        server.stop()
    assert failure(server.url("rfc2217")).code == "link.refused"
