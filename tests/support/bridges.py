"""A bridge for tests: a customer who answers as told, a device on TCP, and a session between."""

from __future__ import annotations

import os
import socket
import threading
from contextlib import suppress

from probes.links import open_link
from supportctl.app.remote_bridge import _target
from supportctl.core.clock import SystemClock
from supportctl.remote.bridge import Bridges
from supportctl.remote.bridge_desk import Desk, bound
from supportctl.remote.client import Client
from supportctl.remote.consent import ConsentGate, Question
from supportctl.remote.frames import PROTOCOL, Hello
from supportctl.remote.link import FileLink
from supportctl.remote.server import Server, Session

HELLO = Hello(PROTOCOL, "1.2.3", "", "s1", ("observe", "probe", "bridge"))


class Device:
    """Sends back what it gets, in capitals; tells when it was left."""

    def __init__(self):
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.url = f"tcp://127.0.0.1:{self.port}"
        self.visits = 0
        self.left = threading.Event()
        self.now = None
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self):
        while True:
            try:
                self.now, _ = self._listener.accept()
            except OSError:
                return
            self.visits += 1
            with self.now:
                try:
                    while data := self.now.recv(65536):
                        self.now.sendall(data.upper())
                except OSError:
                    pass
            self.left.set()

    def close(self):
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        if self.now is not None:
            with suppress(OSError):
                self.now.shutdown(socket.SHUT_RDWR)
        self._thread.join(5)


class Person:
    """Says what the test wants, and keeps what was asked and told."""

    def __init__(self, *, answer=True):
        self.answer = answer
        self.asked = []
        self.heard = []

    def asks(self, question, deadline, withdrawn):
        self.asked.append(question)
        return self.answer

    def told(self, method, params, outcome):
        self.heard.append((method, outcome))


class Bridged:
    """A session over pipes whose serving side has bridges."""

    def __init__(self, *, answer=True, can_ask=True, read_only=False, gate=None, clock=None, wrap=dict):
        self.clock = clock or SystemClock()
        self.person = Person(answer=answer)
        self.bridges = Bridges(lambda word: _target(word, None, ()), open_link, self.clock)
        self.gate = gate or ConsentGate(
            self.person, self._describe, self.clock, read_only=read_only, can_ask=can_ask
        )
        self.handlers = wrap(self.bridges.handlers())
        self.session = Session()
        self.client = Client(SystemClock(), "b")
        self._threads = []
        self.attach()

    def _describe(self, wanted, params):
        self.bridges.looked(wanted.target)
        return Question(wanted, "a direct line", wanted.target, "", (), "")

    def attach(self):
        there, here = os.pipe(), os.pipe()
        link = FileLink(os.fdopen(there[0], "rb"), os.fdopen(here[1], "wb"))
        server = Server(link, self.handlers, self.gate, self.clock, self.session)
        thread = threading.Thread(target=server.serve, args=(HELLO,), daemon=True)
        thread.start()
        self._threads.append(thread)
        self.line = FileLink(os.fdopen(here[0], "rb"), os.fdopen(there[1], "wb"))
        self.client.attach(self.line)

    def cut(self):
        self.line._sink.close()

    def desk(self, target):
        return Opening(self, target)

    def close(self):
        self.session.stop()
        self.client.close()
        for thread in self._threads:
            thread.join(5)


class Opening:
    """A desk at work on a thread; `place` is where it listens, once it is open."""

    def __init__(self, bridged, target):
        self.place = None
        self.result = self.error = None
        self._ready = threading.Event()
        self.desk = Desk(
            bridged.client.call, bridged.client.stop, bound("127.0.0.1:0"), SystemClock(), self._opened
        )
        self._thread = threading.Thread(target=self._run, args=(target,), daemon=True)
        self._thread.start()

    def _run(self, target):
        try:
            self.result = self.desk.run(target)
        except Exception as error:  # noqa: BLE001  what the test looks at
            self.error = error
        self._ready.set()

    def _opened(self, host, port):
        self.place = (host, port)
        self._ready.set()

    def program(self):
        assert self._ready.wait(10)
        assert self.place, self.error
        return socket.create_connection(self.place, 5)

    def ended(self):
        self._thread.join(15)
        assert not self._thread.is_alive()
        return self.result


def heard(program, count):
    data = b""
    while len(data) < count:
        piece = program.recv(65536)
        assert piece, "closed"
        data += piece
    return data


def until_closed(program):
    """Return what comes until the other side closes; a reset is an end, too."""
    data = b""
    with suppress(ConnectionResetError):
        while piece := program.recv(65536):
            data += piece
    return data
