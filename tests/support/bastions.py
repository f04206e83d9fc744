"""A real OpenSSH server as the bastion of sessions: a process of its own, on loopback, with fresh keys."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
from pathlib import Path

from supportctl.remote.reverse.bastion import Bastion, load_key
from supportctl.remote.reverse.bastion_config import BastionPlan, key_line, principals, sshd_config
from supportctl.remote.reverse.desk import Supporter
from supportctl.remote.reverse.staff import PRINCIPAL
from supportctl.remote.reverse.tunnel import Account

SHARE_USER, STAFF_USER = "daemon", "nobody"  # users of every Debian that nobody signs in as


def free_ports(count: int) -> tuple[int, ...]:
    """Return ports that were free a moment ago."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = tuple(each.getsockname()[1] for each in sockets)
    for each in sockets:
        each.close()
    return ports


class Company:
    """Its keys, all made by ssh-keygen: the signing key, a supporter's, a customer's, the bastion's."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.key("company")
        self.staff("ivan", "Support desk 7")
        self.key("shop")

    def key(self, name: str) -> Path:
        path = self.folder / name
        path.unlink(missing_ok=True)
        self._keygen("-q", "-t", "ed25519", "-N", "", "-C", name, "-f", path)
        return path

    def staff(
        self, name, person, *, signer="company", principal=PRINCIPAL, valid="-5m:+1h", extra=()
    ) -> Path:
        path = self.key(name)
        signed = ("-q", "-s", self.folder / signer, "-I", person, "-n", principal, "-V", valid, *extra)
        self._keygen(*signed, f"{path}.pub")
        return path

    def public(self, name: str) -> str:
        return (self.folder / f"{name}.pub").read_text()

    def supporter(self, name: str = "ivan", user: str = STAFF_USER) -> Supporter:
        return Supporter(user, load_key(str(self.folder / name), certificate=True))

    @staticmethod
    def _keygen(*words: object) -> None:
        subprocess.run(["ssh-keygen", *map(str, words)], check=True, capture_output=True, timeout=20)


class Sshd:
    """The bastion, as `supportctl bastion-config` wants it, and its company."""

    def __init__(self, program: str, ports: int = 3) -> None:
        Path("/run/sshd").mkdir(exist_ok=True)
        # sshd reads keys as the user who signs in: the folder is one that everybody may enter
        self.folder = Path(tempfile.mkdtemp(prefix="supportctl-bastion-"))
        self.folder.chmod(0o755)
        self.company = Company(self.folder)
        self.company.key("host_ed25519")
        self._program = program
        own, *session_ports = free_ports(ports + 1)
        self.plan = BastionPlan(own, SHARE_USER, STAFF_USER, tuple(session_ports), str(self.folder))
        (self.folder / "principals").write_text(principals())
        line = key_line(self.company.public("shop"), session_ports, "shop-12")
        (self.folder / "customers.keys").write_text(line + "\n")
        config = sshd_config(self.plan).replace(f"Port {own}\n", f"Port {own}\nListenAddress 127.0.0.1\n")
        # the folder lies in /tmp, where everybody may write
        (self.folder / "sshd_config").write_text("StrictModes no\n" + config)
        self._process: subprocess.Popen[bytes] | None = None
        self.start()

    @property
    def log(self) -> str:
        return (self.folder / "log").read_text(errors="replace")

    def bastion(self) -> Bastion:
        out = subprocess.run(
            ["ssh-keygen", "-lf", self.folder / "host_ed25519.pub"],
            check=True,
            capture_output=True,
            text=True,
        ).stdout
        return Bastion("127.0.0.1", self.plan.port, out.split()[1], self.plan.ports)

    def account(self) -> Account:
        return Account(SHARE_USER, load_key(str(self.folder / "shop")))

    def start(self) -> None:
        command = [self._program, "-D", "-f", self.folder / "sshd_config", "-E", self.folder / "log"]
        self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        end = time.monotonic() + 10
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.plan.port), timeout=1).close()
                return
            except OSError:
                assert self._process.poll() is None, self.log
                assert time.monotonic() < end, self.log
                threading.Event().wait(0.005)

    def children(self) -> list[int]:
        """Return the process ids of those who serve a connection now."""
        found = []
        for status in Path("/proc").glob("[0-9]*/stat"):
            try:
                fields = status.read_text().rpartition(")")[2].split()
            except OSError:
                continue
            if int(fields[1]) == self._process.pid and fields[0] != "Z":
                found.append(int(status.parent.name))
        return found

    def cut(self, *children: int) -> None:
        """Kill those who serve connections: each is a process that watches, and one that works."""
        for child in children or self.children():
            for each in (*_children_of(child), child):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(each, signal.SIGKILL)

    def stop(self) -> None:
        """End the server and all who serve a connection, by their ids."""
        self.cut()
        self._process.kill()
        self._process.wait(10)

    def remove(self) -> None:
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)


def _children_of(pid: int) -> list[int]:
    try:
        return [int(each) for each in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []
