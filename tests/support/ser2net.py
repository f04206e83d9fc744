"""A real ser2net in front of a serial device, on loopback."""

from __future__ import annotations

import contextlib
import socket
import subprocess
import threading
from typing import TYPE_CHECKING

from supportctl.core.clock import SystemClock
from supportctl.core.deadline import Deadline

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path


@contextlib.contextmanager
def serving(program: str, device: str, accepter: str, folder: Path) -> Generator[int]:
    """Serve a serial device at 115200 baud; gives the port. `accepter` is `tcp`, or what lies on top."""
    with socket.create_server(("127.0.0.1", 0)) as first, socket.create_server(("127.0.0.1", 0)) as second:
        port, ready = first.getsockname()[1], second.getsockname()[1]
    config = folder / "ser2net.yaml"
    config.write_text(
        "%YAML 1.1\n---\n"
        f"connection: &till\n  accepter: {accepter},127.0.0.1,{port}\n"
        f"  connector: serialdev,{device},115200n81,local\n"
        f"connection: &ready\n  accepter: tcp,127.0.0.1,{ready}\n  connector: echo\n",
        encoding="utf-8",
    )
    command = [program, "-n", "-c", config, "-P", folder / "pid"]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        _wait_for(ready, server)
        yield port
    finally:
        server.terminate()
        server.wait(10)


def _wait_for(port: int, server: subprocess.Popen[bytes]) -> None:
    until, pause = Deadline.after(20, SystemClock()), threading.Event()
    while True:
        with contextlib.suppress(ConnectionRefusedError), socket.create_connection(("127.0.0.1", port), 5):
            return
        assert not until.expired, "ser2net did not start"
        assert server.poll() is None, "ser2net ended"
        pause.wait(0.02)
