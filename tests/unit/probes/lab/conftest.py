"""A tiny device to serve, and plain clients to look at it with."""

from __future__ import annotations

import contextlib
import os
import select
import socket
import time
from typing import TYPE_CHECKING, Any

import pytest

from probes.lab.catalogue import DEVICES
from probes.lab.lab import Lab
from probes.lab.scenario import DeviceSpec, Scenario

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PATIENCE_S = 5.0  # how long a test waits for what must come
QUIET_S = 0.15  # how long a test listens for what must not come


class Parrot:
    """Answers every byte sequence that ends in a line feed with the same in capitals."""

    protocol = "parrot"
    faults = frozenset({"hoarse"})

    def __init__(self, model: str = "grey") -> None:
        self.model = model
        self.active: set[str] = set()
        self.opcodes: list[str] = []
        self.writes: list[str] = []
        self.greeting = b""
        self.connections = 0
        self.line = b""

    def switch(self, fault: str, *, on: bool, now: float) -> bytes:
        if fault not in self.faults:
            raise KeyError(fault)
        (self.active.add if on else self.active.discard)(fault)
        return b"hoarse!" if on else b""

    def connected(self, now: float) -> bytes:
        self.connections += 1
        self.line = b""
        return self.greeting

    def receive(self, data: bytes, now: float) -> bytes:
        *lines, self.line = (self.line + data).split(b"\n")
        self.opcodes.extend(line.decode("latin-1") for line in lines)
        return b"".join(line.upper() for line in lines)

    def tick(self, now: float) -> bytes:
        raise AssertionError("a device without tick_s is never ticked")


class Clock(Parrot):
    """Says something on its own."""

    protocol = "clock"
    tick_s = 0.01

    def tick(self, now: float) -> bytes:
        return b"t"


class Broken(Parrot):
    """Crashes when it is asked."""

    protocol = "broken"

    def receive(self, data: bytes, now: float) -> bytes:
        raise ZeroDivisionError


KINDS = {"parrot": Parrot, "clock": Clock, "broken": Broken}


class Client:
    """A plain client of a socket or a serial port, with no code of ours in it."""

    def __init__(self, url: str) -> None:
        scheme, _, address = url.partition("://")
        self.sock: socket.socket | None = None
        if scheme.endswith("tcp"):
            host, _, port = address.partition(":")
            self.sock = socket.create_connection((host, int(port)), timeout=PATIENCE_S)
            self.sock.setblocking(False)
            self.fd = self.sock.fileno()
        else:
            self.fd = os.open(address.partition("?")[0], os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)

    def ask(self, data: bytes) -> None:
        os.write(self.fd, data)

    def read(self, timeout_s: float = PATIENCE_S) -> bytes | None:
        """Return the next bytes, b"" when the other side hung up, None when nothing came."""
        if not select.select([self.fd], [], [], timeout_s)[0]:
            return None
        try:
            return os.read(self.fd, 65536)
        except (ConnectionResetError, OSError):
            return b""

    def read_all(self, size: int) -> bytes:
        got = b""
        while len(got) < size:
            part = self.read()
            assert part, f"{part!r} after {got!r}"
            got += part
        return got

    def silent(self) -> bool:
        return self.read(QUIET_S) is None

    def close(self) -> None:
        if self.sock is not None:
            self.sock.close()
        elif self.fd >= 0:
            with contextlib.suppress(OSError):
                os.close(self.fd)
        self.fd = -1


def _until(condition: Callable[[], Any], what: str = "") -> None:
    end = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < end, what or "it never came true"
        select.select([], [], [], 0.005)


@pytest.fixture
def until() -> Callable[..., None]:
    """Wait until something is true, with a deadline."""
    return _until


@pytest.fixture(autouse=True)
def _kinds(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys
    import types

    module = types.ModuleType("lab_test_devices")
    for protocol, kind in KINDS.items():
        setattr(module, kind.__name__, kind)
        monkeypatch.setitem(DEVICES, protocol, f"lab_test_devices:{kind.__name__}")
    monkeypatch.setitem(sys.modules, "lab_test_devices", module)


@pytest.fixture
def open_lab() -> Iterator[Callable[..., Lab]]:
    """Make labs out of keyword arguments of one DeviceSpec; they are closed at the end."""
    labs: list[Lab] = []

    def make(protocol: str = "parrot", **spec: Any) -> Lab:
        lab = Lab(Scenario("test", (DeviceSpec("bird", protocol, **spec),)))
        labs.append(lab)
        return lab

    yield make
    for lab in labs:
        lab.close()
        assert lab.thread.crashes == []


@pytest.fixture
def connect() -> Iterator[Callable[[str], Client]]:
    """Make clients; they are closed at the end."""
    clients: list[Client] = []

    def make(url: str) -> Client:
        client = Client(url)
        clients.append(client)
        return client

    yield make
    for client in clients:
        client.close()
