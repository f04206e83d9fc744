"""Ways over a real OpenSSH server for the conformance tests: a forced command, and a pushed agent."""

from __future__ import annotations

import os
import random
import signal
import socket
import sys
import threading
from pathlib import Path

from supportctl.remote.hosts import HostStore
from supportctl.remote.link import FileLink
from supportctl.remote.links.transport import Connector
from supportctl.remote.push import archive, pack, sources
from supportctl.remote.server import Server
from supportctl.remote.ssh_session import SshSession
from supportctl.remote.url import SshPlace

RELAY = Path(__file__).with_name("remote_relay.py")


class OverSsh:
    """Serves the test's own session behind a real `sshd`. Mixed into the way of the local pipe."""

    hello: object
    push = False

    def prepare(self, request) -> None:
        self.ssh = request.getfixturevalue("sshd")
        self.links: list[FileLink] = []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.relay_port = self.listener.getsockname()[1]
        self.made = archive()
        if self.push:
            files = dict(sources())
            files["supportctl/remote/agent.py"] = f"PORT = {self.relay_port}\n".encode() + RELAY.read_bytes()
            self.made = pack(files)
            self.ssh.allow()
        else:
            self.ssh.allow(f'restrict,command="{sys.executable} {RELAY} {self.relay_port}"')
        store = HostStore(request.getfixturevalue("tmp_path") / "hosts.json")
        way = "push" if self.push else "installed"
        place = SshPlace(self.ssh.user, "127.0.0.1", (self.ssh.port,), str(self.ssh.client_key), way=way)
        connector = Connector(store, self.clock, lambda _host, _key: True)
        self.ssh_session = SshSession(
            place, connector, self.ssh.folder, self.clock,
            chance=random.Random(1).random, name="t", agent=lambda: self.made,
        )  # fmt: skip
        self.client = self.ssh_session.client

    def attach(self) -> bool:
        thread = threading.Thread(target=self._serve, daemon=True)
        thread.start()
        self.threads.append(thread)
        self.ssh_session.open()
        return True

    def _serve(self) -> None:
        try:
            line, _ = self.listener.accept()
        except OSError:
            return
        with line:
            link = FileLink(line.makefile("rb"), line.makefile("wb"))
            self.served = link
            hello = self.hello._replace(digest=self.made.digest)
            Server(link, self.handlers, self.gate, self.clock, self.session).serve(hello)

    def cut(self) -> None:
        for pid in self.ssh.children():
            os.kill(pid, signal.SIGKILL)

    def close(self) -> None:
        self.handlers.hold.set()
        self.client.close()
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        for thread in self.threads:
            thread.join(5)
            assert not thread.is_alive(), "the serving side ends with its line"
