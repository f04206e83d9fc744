"""A probe's surroundings, and agents and web servers on real loopback sockets."""

from __future__ import annotations

import contextlib
import socket
import threading

import pytest

from probes.context import ProbeContext, ProbeSettings
from probes.links import LinkError, open_link
from probes.links.fakes import DeviceLink
from supportctl.core.clock import FakeClock, SystemClock
from supportctl.core.deadline import Deadline
from supportctl.core.target import parse_target

CLOCK = SystemClock()


@pytest.fixture
def ask():
    """Return a function that gives the findings of a probe for a URL."""

    def run(probe, url, seconds=10.0):
        context = ProbeContext(parse_target(url), Deadline.after(seconds, CLOCK), CLOCK, open_link)
        return list(probe.run(context))

    return run


class UdpServer:
    """Answers each datagram with what `answer(datagram)` returns: None is silence."""

    def __init__(self, answer):
        self._answer = answer
        self._wire = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._wire.bind(("127.0.0.1", 0))
        self.port = self._wire.getsockname()[1]
        self.heard = []
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self):
        while True:
            data, peer = self._wire.recvfrom(65535)
            if data == b"":
                return
            self.heard.append(data)
            for reply in self._answer(data) or ():
                self._wire.sendto(reply, peer)

    def close(self):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as waker:
            waker.sendto(b"", ("127.0.0.1", self.port))
        self._thread.join(5)
        self._wire.close()


class TcpServer:
    """Sends what `answer(request)` returns to each client that has sent something, and closes."""

    def __init__(self, answer, *, greeting=b"", then_close=True):
        self._answer, self._greeting, self._then_close = answer, greeting, then_close
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.heard = []
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self):
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                with connection, contextlib.suppress(OSError):
                    self._talk(connection)

    def _talk(self, connection):
        connection.sendall(self._greeting)
        request = connection.recv(65536)
        self.heard.append(request)
        for piece in self._answer(request):
            connection.sendall(piece)
        if not self._then_close:
            self._ended.wait(20)

    def close(self):
        self._ended.set()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(5)


class Servers(list):
    """Starts servers; they are closed after the test."""

    def udp(self, answer):
        self.append(UdpServer(answer))
        return self[-1]

    def tcp(self, answer, **kinds):
        self.append(TcpServer(answer, **kinds))
        return self[-1]


@pytest.fixture
def servers():
    made = Servers()
    yield made
    for server in made:
        server.close()


class Told(dict):
    """What a probe said of a simulated service: code -> finding."""

    @property
    def problems(self):
        return {code: found.status.value for code, found in self.items() if found.status.value != "ok"}

    @property
    def passed(self):
        return {code for code, found in self.items() if found.status.value == "ok"}


@pytest.fixture
def told(monkeypatch):
    """Return a function: what a probe says of a simulated service, on a clock that stands."""
    monkeypatch.setattr("probes.services.driver._listener", lambda port: "")

    def run(probe, device, url, *, wrap=None, **settings):
        clock = FakeClock()

        def opener(target, deadline):
            assert target.wire == "tcp"
            if isinstance(device, str):
                raise LinkError(device)
            link = DeviceLink(target, clock, device)
            return wrap(link, clock) if wrap else link

        context = ProbeContext(
            parse_target(url), Deadline.after(15, clock), clock, opener, ProbeSettings(**settings)
        )
        findings = list(probe.run(context))
        assert {found.code for found in findings} <= probe.codes
        assert len({found.code for found in findings}) == len(findings)
        return Told({found.code: found for found in findings})

    return run
