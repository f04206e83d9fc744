"""How sessions end: kill -9 of either side, in the middle of work, leaves no process, no port and no file."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
from agents import SUPPORTCTL, alive

from supportctl.core.clock import SystemClock
from supportctl.core.errors import SupportctlError
from supportctl.remote.hosts import HostKey, HostStore
from supportctl.remote.links.transport import Connector
from supportctl.remote.push import archive
from supportctl.remote.ssh_session import SshSession
from supportctl.remote.url import SshPlace

pytestmark = pytest.mark.peer("sshd")
WAYS = ("installed", "push")
PYTHON = os.path.realpath(sys.executable)


class Silent:
    """A device that is connected to and never answers: what an agent is busy with."""

    def __init__(self) -> None:
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"escpos+tcp://127.0.0.1:{self.listener.getsockname()[1]}"
        self.listener.settimeout(10)

    def connected(self):
        line, _ = self.listener.accept()
        line.settimeout(10)
        return line


def ended(line):
    """Wait until the other side of a device's wire is gone."""
    with line:
        while line.recv(4096):
            pass
    return True


@pytest.fixture
def device():
    device = Silent()
    yield device
    device.listener.close()


@pytest.fixture
def store(tmp_path, sshd):
    import paramiko

    store = HostStore(tmp_path / "config" / "supportctl" / "remote" / "hosts.json")
    key = paramiko.PKey.from_path(str(sshd.host_keys[0]))
    store.keep("127.0.0.1", sshd.port, HostKey.of(key.get_name(), key.asbytes()), SystemClock().now())
    return store


@pytest.fixture
def surroundings(tmp_path, sshd, store):
    """Return what the supporter's process is started with."""
    (tmp_path / "agent").mkdir()
    return {**os.environ, "XDG_CONFIG_HOME": str(tmp_path / "config")}


def place(sshd, way):
    return SshPlace(sshd.user, "127.0.0.1", (sshd.port,), str(sshd.client_key), way=way, python=PYTHON)


def open_session(sshd, store, tmp_path, way):
    allow(sshd, way)
    connector = Connector(store, SystemClock(), None)
    one = SshSession(place(sshd, way), connector, tmp_path, SystemClock(), chance=lambda: 0.5, name="t")
    one.open()
    return one


def allow(sshd, way, *options):
    forced = [f'command="exec {SUPPORTCTL} agent --stdio"'] if way == "installed" else []
    sshd.allow(",".join(["restrict", *forced, *options]))


def below(pids):
    """Return the processes below some processes."""
    found, level = [], set(pids)
    table = {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                words = (folder / "stat").read_text().rpartition(") ")[2].split()
            except OSError:
                continue
            table.setdefault(int(words[1]), []).append(int(folder.name))
    while level:
        level = {child for pid in level for child in table.get(pid, ())}
        found += level
    return found


def gone(pids, within=5.0):
    """Wait until none of the processes runs."""
    end = time.monotonic() + within
    while any(alive(pid) for pid in pids):
        assert time.monotonic() < end, [
            Path(f"/proc/{pid}/cmdline").read_bytes() for pid in pids if alive(pid)
        ]
        time.sleep(0.005)


@pytest.mark.parametrize("way", WAYS)
def test_the_supporter_is_killed_while_the_agent_is_busy(sshd, surroundings, device, tmp_path, way):
    folder = tmp_path / "agent"  # where it would put files
    allow(sshd, way, f'environment="TMPDIR={folder}"', f'environment="HOME={folder}"')
    url = f"ssh://{sshd.user}@127.0.0.1:{sshd.port}?key={sshd.client_key}&way={way}&python={PYTHON}"
    asking = subprocess.Popen(
        [SUPPORTCTL, "check", device.url, "--on", url], env=surroundings,
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
    )  # fmt: skip
    try:
        line = device.connected()
    except TimeoutError:
        asking.kill()
        pytest.fail(asking.communicate()[1].decode())
    agents = below(sshd.children())
    assert agents
    asking.kill()
    asking.communicate(timeout=10)
    assert ended(line), "the device's port is free"
    gone([*agents, *sshd.children()])
    assert list(folder.rglob("*")) == []


@pytest.mark.parametrize("way", WAYS)
def test_the_agent_is_killed(sshd, store, device, tmp_path, way):
    one = open_session(sshd, store, tmp_path, way)
    agents = below(sshd.children())
    started = time.monotonic()
    for pid in agents:
        os.kill(pid, signal.SIGKILL)
    with pytest.raises(SupportctlError) as failed:
        one.client.call("check", {"targets": [device.url]}, deadline_s=20.0)
    assert failed.value.key == "remote.closed"
    assert time.monotonic() - started < 5
    one.close()
    gone(agents)


@pytest.mark.parametrize("way", WAYS)
def test_the_line_is_cut_and_comes_back(sshd, store, tmp_path, way):
    one = open_session(sshd, store, tmp_path, way)
    before = one.client.hello.session
    agents = below(sshd.children())
    for pid in sshd.children():
        os.kill(pid, signal.SIGKILL)
    assert one.client.call("about", deadline_s=20.0, back=one.back)["tool_version"]
    assert one.client.hello.session != before
    gone(agents)
    agents = below(sshd.children())
    one.close()
    gone(agents)


def test_another_session_does_not_do_again_what_must_not_be_repeated(sshd, store, tmp_path):
    one = open_session(sshd, store, tmp_path, "push")
    for pid in sshd.children():
        os.kill(pid, signal.SIGKILL)
    params = {"files": {"a": "x"}, "signatures": {"a": "x"}, "name": "a", "ticket": "T"}
    with pytest.raises(SupportctlError) as failed:
        one.client.call("playbook.run", params, deadline_s=20.0, back=one.back)
    assert failed.value.key in {"remote.unclear", "remote.unknown-method"}
    one.close()


def test_a_machine_without_supportctl_gets_the_agent_brought_along(sshd, store, tmp_path):
    sshd.allow('restrict,environment="PATH=/nonexistent:/usr/bin:/bin"')
    connector = Connector(store, SystemClock(), None)
    one = SshSession(place(sshd, "auto"), connector, tmp_path, SystemClock(), chance=lambda: 0.5, name="t")
    hello = one.open()
    assert one.pushed
    assert hello.digest == archive().digest
    assert one.client.call("about")["tool_version"]
    one.close()


def test_the_next_port_is_taken_where_one_is_dead(sshd, store, tmp_path):
    allow(sshd, "push")
    with socket.socket() as dead:
        dead.bind(("127.0.0.1", 0))  # bound, and nobody listens
        ports = (dead.getsockname()[1], sshd.port)
        two = place(sshd, "push")._replace(ports=ports)
        one = SshSession(
            two, Connector(store, SystemClock(), None), tmp_path, SystemClock(), chance=lambda: 0.5, name="t"
        )
        one.open()
        assert one.port == sshd.port
        one.close()


@pytest.mark.parametrize("command", ["rm -rf /tmp/x", "sh", "python3 -c 1", "true"])
def test_a_key_with_a_forced_command_starts_the_agent_and_nothing_else(sshd, store, tmp_path, command):
    """OpenSSH's own client as the independent witness."""
    allow(sshd, "installed")
    known = tmp_path / "known"
    public = sshd.host_keys[0].with_suffix(".pub").read_text()
    known.write_text(f"[127.0.0.1]:{sshd.port} {public}")
    ended = subprocess.run(
        ["ssh", "-F", "none", "-i", sshd.client_key, "-p", str(sshd.port),
         "-o", f"UserKnownHostsFile={known}",
         "-o", "BatchMode=yes", f"{sshd.user}@127.0.0.1", command],
        stdin=subprocess.DEVNULL, capture_output=True, timeout=20, check=False,
    )  # fmt: skip
    assert ended.stdout.startswith(b"SUPPORTCTL-SESSION {")
    assert ended.returncode == 0


def test_what_the_connection_is_made_of(sshd, store, tmp_path):
    one = open_session(sshd, store, tmp_path, "push")
    transport = one.client._link._transport
    assert transport.local_cipher in {"aes256-gcm@openssh.com", "aes128-gcm@openssh.com"}
    assert transport.sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
    one.close()
