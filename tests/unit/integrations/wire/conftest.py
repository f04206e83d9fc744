"""Peers on loopback that misbehave, and a way to ask them."""

from __future__ import annotations

import socket
import ssl
import struct
import threading
from contextlib import suppress

import pytest
import trustme

from integrations.http import Http, Request, by_status
from supportctl.core.clock import SystemClock
from supportctl.core.deadline import Deadline
from supportctl.core.failure import ServiceError

SOON = 0.25  # seconds: the deadline of what is never answered


class Peer:
    """A listener; `script(talk)` runs for each connection, which is closed when it ends."""

    def __init__(self, script, context=None):
        self.script = script
        self.context = context
        self.stopped = threading.Event()
        self.requests = []
        self.connections = 0
        self._threads = []
        self._wires = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.url = f"http{'s' if context else ''}://127.0.0.1:{self.port}"
        self._start(self._accept)

    def _start(self, target, *args):
        thread = threading.Thread(target=target, args=args, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self):
        while not self.stopped.is_set():
            with suppress(OSError):
                wire, _ = self._listener.accept()
                if self.stopped.is_set():
                    wire.close()
                    return
                self.connections += 1
                self._wires.append(wire)
                self._start(self._serve, wire)

    def _serve(self, wire):
        wire.settimeout(2)
        try:
            if self.context:
                wire = self.context.wrap_socket(wire, server_side=True)
                self._wires.append(wire)
            self.script(Talk(self, wire))
        except (OSError, ssl.SSLError):
            pass
        finally:
            wire.close()

    def close(self):
        self.stopped.set()
        with suppress(OSError):
            socket.create_connection(("127.0.0.1", self.port), 1).close()
        self._listener.close()
        for wire in self._wires:
            with suppress(OSError):
                wire.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(5)
            assert not thread.is_alive()


class Talk:
    """One connection of a peer."""

    def __init__(self, peer, wire):
        self.peer = peer
        self.wire = wire

    def request(self):
        """Read one request, remember it and return it; b"" at the end."""
        data = b""
        while b"\r\n\r\n" not in data:
            piece = self.wire.recv(65536)
            if not piece:
                return b""
            data += piece
        head, _, body = data.partition(b"\r\n\r\n")
        size = next((int(v) for k, _, v in (line.partition(b":") for line in head.split(b"\r\n"))
                     if k.lower() == b"content-length"), 0)  # fmt: skip
        while len(body) < size:
            body += self.wire.recv(65536)
        self.peer.requests.append(head + b"\r\n\r\n" + body)
        return self.peer.requests[-1]

    def say(self, data):
        self.wire.sendall(data)

    def answer(self, body=b"{}", status="200 OK", *headers):
        lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers, "", ""]
        self.say("\r\n".join(lines).encode() + body)

    def drip(self, data=b"x", every=0.02):
        """Send bytes one by one until the test is over."""
        while not self.peer.stopped.wait(every):
            self.say(data)

    def hang(self):
        self.peer.stopped.wait(5)

    def reset(self):
        self.wire.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.wire.close()


@pytest.fixture
def peer(monkeypatch):
    """Return a starter of peers."""
    monkeypatch.setenv("NO_PROXY", "")
    started = []

    def start(script, context=None):
        started.append(Peer(script, context))
        return started[-1]

    yield start
    for one in started:
        one.close()


class Client:
    """Asks, and measures how long it took."""

    def __init__(self):
        self.clock = SystemClock()
        self.http = Http(self.clock, by_status)
        self.took = 0.0

    def ask(self, url, within=5.0, *, reads=True, body=None, **more):
        request = Request("GET" if reads else "POST", url, "test", reads=reads, body=body, **more)
        started = self.clock.monotonic()
        try:
            return self.http.send(request, Deadline.after(within, self.clock))
        finally:
            self.took = self.clock.monotonic() - started

    def fails(self, url, within=SOON, **more):
        """Return the error of a request that has to fail."""
        with pytest.raises(ServiceError) as caught:
            self.ask(url, within, **more)
        return caught.value


@pytest.fixture
def client():
    made = Client()
    yield made
    made.http.close()


@pytest.fixture(scope="session")
def authority():
    return trustme.CA()


@pytest.fixture
def trusting(authority, tmp_path, monkeypatch):
    """Trust the tests' authority, as an administrator would make us."""
    bundle = tmp_path / "authority.pem"
    authority.cert_pem.write_to_path(str(bundle))
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(bundle))


def served_by(certificate):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(context)
    return context


@pytest.fixture
def tls(authority):
    """Return a maker of contexts for servers."""
    return lambda *names, **more: served_by(authority.issue_cert(*names, **more))
