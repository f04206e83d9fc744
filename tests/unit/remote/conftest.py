"""What tests of sessions share: a serving side with requests of every kind, and ways to reach it."""

from __future__ import annotations

import os
import threading
from typing import Any

import pytest
from remote_ways import OverSsh
from reverse_way import ReverseWay

from supportctl.core.clock import SystemClock
from supportctl.core.errors import SupportctlError
from supportctl.remote.capability import Capability
from supportctl.remote.client import Client
from supportctl.remote.frames import PROTOCOL, Hello
from supportctl.remote.link import FileLink
from supportctl.remote.server import Server, Session

HELLO = Hello(PROTOCOL, "1.2.3", "", "s1", ("observe", "probe"))


class OpenGate:
    """Allows observe and probe, and keeps what it hears."""

    def __init__(self) -> None:
        self.heard: list[tuple[str, str]] = []

    def allows(self, wanted, call) -> bool:
        return wanted.capability <= Capability.PROBE

    def told(self, method, params, outcome) -> None:
        self.heard.append((method, outcome))


class Handlers(dict):
    """Handlers that a test can look at and hold."""

    def __init__(self) -> None:
        super().__init__(about=self.about, check=self.check, ports=self.ports, identify=self.identify)
        self["playbook.run"] = self.about
        self.calls: list[str] = []
        self.hold = threading.Event()
        self.at_work = threading.Event()
        self.cancelled = threading.Event()

    def about(self, params, call) -> dict[str, Any]:
        self.calls.append("about")
        return {"hello": "привет", "remaining": call.deadline.remaining()}

    def check(self, params, call) -> dict[str, Any]:
        self.calls.append("check")
        for number in range(3):
            call.progress({"number": number})
        return {"targets": list(params.get("targets", ()))}

    def ports(self, params, call) -> dict[str, Any]:
        """Work until the test lets go, or the request is cancelled."""
        self.calls.append("ports")
        self.at_work.set()
        while not self.hold.wait(0.005):
            if call.cancelled.is_set():
                self.cancelled.set()
                raise SupportctlError("remote.cancelled", method="ports")
        return {"held": True}

    def identify(self, params, call) -> dict[str, Any]:
        raise RuntimeError(f"boom \x1b[31m{params['target']}")


class Pipes:
    """The way of a local process: two pipes. `cut` breaks the line, `attach` makes another one."""

    def __init__(self) -> None:
        self.clock = SystemClock()
        self.gate = OpenGate()
        self.handlers = Handlers()
        self.session = Session()
        self.client = Client(self.clock, "t")
        self.threads: list[threading.Thread] = []
        self.served: FileLink | None = None

    def attach(self) -> bool:
        there, here = os.pipe(), os.pipe()
        self.served = FileLink(os.fdopen(there[0], "rb"), os.fdopen(here[1], "wb"))
        server = Server(self.served, self.handlers, self.gate, self.clock, self.session)
        thread = threading.Thread(target=server.serve, args=(HELLO,), daemon=True)
        thread.start()
        self.threads.append(thread)
        self.client.attach(FileLink(os.fdopen(here[0], "rb"), os.fdopen(there[1], "wb")))
        return True

    def cut(self) -> None:
        self.client._link._sink.close()

    def close(self) -> None:
        self.handlers.hold.set()
        self.client.close()
        for thread in self.threads:
            thread.join(5)
            assert not thread.is_alive(), "the serving side ends with its line"


class Forced(OverSsh, Pipes):
    """The way over SSH to a command that the server forces."""

    hello = HELLO


class Pushed(Forced):
    """The way over SSH with an agent that is brought along."""

    push = True


class Reverse(ReverseWay, Pipes):
    """The way out of the customer's computer to a bastion, and the supporter's way in through it."""

    hello = HELLO


WAYS = [
    pytest.param(Pipes, id="pipe"),
    pytest.param(Forced, id="ssh-forced", marks=pytest.mark.peer("sshd")),
    pytest.param(Pushed, id="ssh-pushed", marks=pytest.mark.peer("sshd")),
    pytest.param(Reverse, id="reverse", marks=pytest.mark.peer("bastion")),
]


@pytest.fixture(params=WAYS)
def way(request):
    """Return a session over one of the ways."""
    way = request.param()
    if hasattr(way, "prepare"):
        way.prepare(request)
    way.attach()
    yield way
    way.close()
