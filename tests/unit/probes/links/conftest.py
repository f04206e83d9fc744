"""Real sockets and pseudo-terminals for the tests of the links."""

from __future__ import annotations

import contextlib
import os
import socket
import sys
import threading

import pytest

from probes.context import ProbeContext
from probes.links import LinkError, open_link
from supportctl.core.clock import FakeClock, SystemClock
from supportctl.core.deadline import Deadline
from supportctl.core.target import parse_target

LONG_S = 20.0  # a deadline that no test reaches


@pytest.fixture
def clock():
    return SystemClock()


@pytest.fixture
def soon(clock):
    """Return a maker of deadlines on the real clock."""
    return lambda seconds=LONG_S: Deadline.after(seconds, clock)


@pytest.fixture
def opened(soon):
    """Return a function that opens a URL; what it opened is closed at the end."""
    links = []

    def open_url(url: str, seconds: float = LONG_S):
        links.append(open_link(parse_target(url), soon(seconds)))
        return links[-1]

    yield open_url
    for link in links:
        link.close()


@pytest.fixture
def failure(soon):
    """Return a function from a URL to (code, meaning, error): why it does not open; it must not."""

    def why(url: str, seconds: float = LONG_S) -> LinkError:
        with pytest.raises(LinkError) as caught, open_link(parse_target(url), soon(seconds)):
            pass
        return caught.value

    return why


class Server:
    """A listener on loopback that runs `script(connection)` for each client."""

    def __init__(self, script):
        self._script = script
        self._listener = self._client = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.url = f"tcp://127.0.0.1:{self.port}"
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self):
        with contextlib.suppress(OSError):
            while True:
                self._client, _ = self._listener.accept()
                with self._client, contextlib.suppress(OSError):
                    self._script(self._client)

    def close(self):
        for waited_on in (self._listener, self._client):  # wakes accept() and the script's recv()
            with contextlib.suppress(OSError):
                waited_on.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(5)


@pytest.fixture
def serve():
    servers = []

    def start(script) -> Server:
        servers.append(Server(script))
        return servers[-1]

    yield start
    for server in servers:
        server.close()


class Pty:
    """A pseudo-terminal; `master` is the device's end."""

    def __init__(self):
        self.master, self._slave = os.openpty()
        self.path = os.ttyname(self._slave)
        self.url = f"serial://{self.path}"

    def wait_until_read(self):
        """Return when nothing is left unread: hanging up would throw it away."""
        import fcntl
        import termios

        pause = threading.Event()
        for _try in range(2000):
            if not any(fcntl.ioctl(self._slave, termios.FIONREAD, b"\0\0\0\0")):
                return
            pause.wait(0.005)

    def hang_up(self):
        for end in (self.master, self._slave):
            with contextlib.suppress(OSError):
                os.close(end)


@pytest.fixture
def pty():
    if sys.platform == "win32":
        pytest.skip("no pseudo-terminals on Windows")
    made = Pty()
    yield made
    made.hang_up()


@pytest.fixture
def fake_clock():
    return FakeClock()


@pytest.fixture
def context_of():
    def make(link, clock, seconds=LONG_S) -> ProbeContext:
        return ProbeContext(link.target, Deadline.after(seconds, clock), clock, lambda *_: link)

    return make
