"""A private OpenSSH server: an ordinary process on loopback, with a host key of its own, ended by its id."""

from __future__ import annotations

import os
import pwd
import socket
import subprocess
import threading
import time
from pathlib import Path


def free_port() -> int:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        return held.getsockname()[1]


class SshServer:
    """`sshd` in the foreground. `allow` adds a line to its authorized_keys."""

    def __init__(
        self,
        program: str,
        folder: Path,
        *lines: str,
        kinds: tuple[str, ...] = ("ed25519",),
        address: str = "127.0.0.1",
        prefix: tuple[str, ...] = (),
    ) -> None:
        self.prefix = prefix  # words before the program: `ip netns exec NAME`
        self.program = program
        self.folder = folder
        self.port = free_port()
        self.user = pwd.getpwuid(os.getuid()).pw_name
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(0o700)
        if os.geteuid() == 0:  # where it drops its rights to before it knows who comes
            Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
        self.host_keys = [self.make_key(f"host_{kind}", kind) for kind in kinds]
        self.client_key = self.make_key("id_ed25519")
        self.keys = folder / "authorized_keys"
        self.keys.touch(mode=0o600)
        self.state = folder / "state"
        self.log = folder / "sshd.log"
        self.config = folder / "sshd_config"
        self.config.write_text(
            "\n".join([
                f"Port {self.port}",
                f"ListenAddress {address}",
                *(f"HostKey {key}" for key in self.host_keys),
                f"AuthorizedKeysFile {self.keys}",
                f"PidFile {folder / 'sshd.pid'}",
                "UsePAM no",
                "StrictModes no",
                "PasswordAuthentication no",
                "PermitRootLogin yes",
                "PermitUserEnvironment yes",
                *lines,
                "",
            ])
        )  # fmt: skip
        self.process: subprocess.Popen[bytes] | None = None

    def make_key(self, name: str, kind: str = "ed25519") -> Path:
        key = self.folder / name
        subprocess.run(
            ["ssh-keygen", "-q", "-t", kind, "-N", "", "-C", name, "-f", str(key)], check=True, timeout=30
        )
        return key

    def allow(self, options: str = "", key: Path | None = None) -> None:
        public = (key or self.client_key).with_suffix(".pub").read_text()
        if "XDG_STATE_HOME" not in options:  # an agent keeps its log there, and not in this user's own folder
            options = ",".join(filter(None, [options, f'environment="XDG_STATE_HOME={self.state}"']))
        self.keys.write_text(f"{options} {public}")

    def start(self) -> None:
        self.process = subprocess.Popen(
            [*self.prefix, self.program, "-D", "-f", str(self.config), "-E", str(self.log)],
            stdin=subprocess.DEVNULL,
        )
        end = time.monotonic() + 10
        while time.monotonic() < end:
            if self.log.exists() and "Server listening" in self.log.read_text():
                return
            assert self.process.poll() is None, self.log.read_text()
            time.sleep(0.01)
        raise AssertionError(self.log.read_text())

    def children(self) -> list[int]:
        """Return the processes that serve its connections."""
        assert self.process is not None
        found = []
        for folder in Path("/proc").iterdir():
            if folder.name.isdigit():
                try:
                    words = (folder / "stat").read_text().rpartition(") ")[2].split()
                except OSError:
                    continue
                if words[0] != "Z" and int(words[1]) == self.process.pid:
                    found.append(int(folder.name))
        return found

    def stop(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait(10)
            self.process = None


def nobody_holds(folder: Path) -> None:
    """Wait until no other process has a file below a folder open: an agent may outlive its connection."""
    moment = threading.Event()
    for _ in range(1000):
        held = _held(folder)
        if not held:
            return
        moment.wait(0.01)
    raise AssertionError(f"still open: {held}")


def _held(folder: Path) -> dict[str, str]:
    """Return the open files below a folder, by process."""
    found = {}
    for link in Path("/proc").glob("[0-9]*/fd/*"):
        try:
            target = link.readlink()
        except OSError:  # closed, or gone, meanwhile
            continue
        if target.is_relative_to(folder) and link.parts[2] != str(os.getpid()):
            found[link.parts[2]] = str(target)
    return found
