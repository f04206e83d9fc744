"""Contexts for network probes, and small servers on the loopback."""

from __future__ import annotations

import contextlib
import socket
import threading
from typing import TYPE_CHECKING

import pytest

from probes.context import ProbeContext, ProbeSettings
from probes.links import open_link
from supportctl.core.clock import SystemClock
from supportctl.core.deadline import Deadline
from supportctl.core.target import parse_target

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from supportctl.core.clock import Clock


@pytest.fixture
def context_of() -> Callable[..., ProbeContext]:
    """Return a function that makes a probe's surroundings; keyword arguments are settings."""

    def make(
        url: str = "host:///", *, clock: Clock | None = None, seconds: float = 10, **settings
    ) -> ProbeContext:
        clock = clock or SystemClock()
        deadline = Deadline.after(seconds, clock)
        return ProbeContext(parse_target(url), deadline, clock, open_link, ProbeSettings(**settings))

    return make


@pytest.fixture
def tcp_server() -> Generator[Callable[[Callable[[socket.socket], None]], int]]:
    """Return a function that serves each connection with a handler, and gives the port."""
    listeners: list[socket.socket] = []
    threads: list[threading.Thread] = []

    def handle(handler: Callable[[socket.socket], None], client: socket.socket) -> None:
        with client:
            client.settimeout(5)
            with contextlib.suppress(OSError):
                handler(client)

    def accept(listener: socket.socket, handler: Callable[[socket.socket], None]) -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            threads.append(threading.Thread(target=handle, args=(handler, client), daemon=True))
            threads[-1].start()

    def serve(handler: Callable[[socket.socket], None]) -> int:
        listener = socket.create_server(("127.0.0.1", 0))
        listeners.append(listener)
        threads.append(threading.Thread(target=accept, args=(listener, handler), daemon=True))
        threads[-1].start()
        return listener.getsockname()[1]

    yield serve
    for listener in listeners:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
    for thread in threads:
        thread.join(5)


@pytest.fixture
def web_server(tcp_server) -> Callable[[bytes], int]:
    """Return a function that serves one fixed HTTP answer, and gives the port."""

    def serve(answer: bytes) -> int:
        def handler(client: socket.socket) -> None:
            heard = b""
            while b"\r\n\r\n" not in heard:
                piece = client.recv(4096)
                if not piece:
                    return
                heard += piece
            client.sendall(answer)

        return tcp_server(handler)

    return serve


@pytest.fixture
def udp_server() -> Generator[Callable[[Callable[[bytes], bytes | None]], int]]:
    """Return a function that answers each datagram with what a handler makes of it, and gives the port."""
    wires: list[socket.socket] = []
    threads: list[threading.Thread] = []

    def run(wire: socket.socket, handler: Callable[[bytes], bytes | None]) -> None:
        while True:
            data, source = wire.recvfrom(4096)
            if data == b"stop":
                return
            answer = handler(data)
            if answer is not None:
                wire.sendto(answer, source)

    def serve(handler: Callable[[bytes], bytes | None]) -> int:
        wire = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        wire.bind(("127.0.0.1", 0))
        wires.append(wire)
        threads.append(threading.Thread(target=run, args=(wire, handler), daemon=True))
        threads[-1].start()
        return wire.getsockname()[1]

    yield serve
    for wire, thread in zip(wires, threads, strict=True):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stopper:
            stopper.sendto(b"stop", wire.getsockname())
        thread.join(5)
        wire.close()
