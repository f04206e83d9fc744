"""A far side gone bad: it drips, floods, lies and paints. Each ends soon, with an error that says where."""

from __future__ import annotations

import struct
import threading
import time

import paramiko
import pytest
from hostile_ssh import HostileSsh, Talker, new_key

from supportctl.core.clock import SystemClock
from supportctl.core.errors import SupportctlError
from supportctl.remote.frames import PROTOCOL, Hello, banner, frame
from supportctl.remote.hosts import HostStore
from supportctl.remote.links.transport import Budgets, Connector
from supportctl.remote.ssh_session import SshSession
from supportctl.remote.url import SshPlace

QUICK = Budgets(0.4, 0.4, 0.4, 1.0, 1.0)
HELLO = Hello(PROTOCOL, "1", "", "s", ("observe", "probe"))
PAINT = "\x1b[2J\x1b]0;owned\x07\u202egnp.exe\u2066\x9b31m\n"


def session(port, tmp_path, way="installed", budgets=QUICK):
    _, file = new_key(tmp_path, "client")
    place = SshPlace("till", "127.0.0.1", (port,), str(file), way=way)
    connector = Connector(HostStore(tmp_path / "hosts.json"), SystemClock(), lambda _h, _k: True, budgets)
    return SshSession(place, connector, tmp_path, SystemClock(), chance=lambda: 0.5, name="t")


def drip(line, over):
    while not over.wait(0.05):
        line.sendall(b"S")


def noise_lines(line, over):
    while not over.is_set():
        line.sendall(b"welcome\r\n" * 1000)


def silent(line, over):
    over.wait(10)


def no_ssh(line, over):
    line.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n" + b"x" * 100_000)
    over.wait(10)


def half_a_handshake(line, over):
    line.sendall(b"SSH-2.0-OpenSSH_9.9\r\n")
    over.wait(10)


def garbage_keys(line, over):
    line.sendall(b"SSH-2.0-OpenSSH_9.9\r\n" + b"\xff" * 4096)
    over.wait(10)


def drips_keys(line, over):
    line.sendall(b"SSH-2.0-OpenSSH_9.9\r\n" + struct.pack(">I", 30_000))
    drip(line, over)


@pytest.mark.parametrize(
    ("behave", "key"),
    [(drip, "remote.ssh-banner"), (noise_lines, "remote.ssh-banner"), (silent, "remote.ssh-banner"),
     (no_ssh, "remote.ssh-banner"), (half_a_handshake, "remote.ssh-handshake"),
     (garbage_keys, "remote.ssh-handshake"), (drips_keys, "remote.ssh-handshake")],
)  # fmt: skip
def test_before_the_keys(tmp_path, behave, key):
    server = Talker(behave)
    started = time.monotonic()
    with pytest.raises(SupportctlError) as failed:
        session(server.port, tmp_path).open()
    assert failed.value.key == key
    assert time.monotonic() - started < 5
    server.close()


def test_nobody_there(tmp_path):
    server = Talker(silent)
    server.close()
    with pytest.raises(SupportctlError) as failed:
        session(server.port, tmp_path).open()
    assert failed.value.key == "remote.tcp"


def test_a_name_that_nobody_knows(tmp_path):
    with pytest.raises(SupportctlError) as failed:
        Connector(HostStore(tmp_path / "h"), SystemClock(), None, QUICK).connect(
            "no-such.invalid", 22, "u", []
        )
    assert failed.value.key == "remote.dns"


@pytest.fixture
def far(tmp_path):
    """Return a function that makes a far side which behaves as it is told."""
    made = []
    key, _ = new_key(tmp_path, "host")

    def make(behave, **given):
        made.append(HostileSsh(key, behave, **given))
        return made[-1]

    yield make
    for server in made:
        server.close()


def opened(far, tmp_path, behave):
    one = session(far(behave).port, tmp_path, budgets=Budgets(5.0, 5.0, 5.0, 5.0, 5.0))
    try:
        one.open()
    except SupportctlError as error:
        one.close()
        return error
    return one


def test_it_does_not_let_us_in(far, tmp_path):
    one = session(far(lambda _channel: None, lets_in=False).port, tmp_path, budgets=Budgets())
    with pytest.raises(SupportctlError) as failed:
        one.open()
    assert failed.value.key == "remote.signed-out"


def endless_noise(channel):
    while True:
        channel.sendall(b"x" * 32_768)


def endless_errors(channel):
    while True:
        channel.sendall_stderr(b"\x1b[31mx" * 4096)


def huge_banner(channel):
    channel.sendall(b"SUPPORTCTL-SESSION " + b"{" * 100_000)


def ends_at_once(channel):
    channel.send_exit_status(3)
    channel.close()


def old_python(channel):
    channel.sendall_stderr(b"supportctl: Python 3.11 is needed, this is 3.6\n")
    channel.send_exit_status(1)
    channel.close()


def other_protocol(channel):
    channel.sendall(banner(HELLO._replace(protocol=99)))


@pytest.mark.parametrize(
    ("behave", "key"),
    [(endless_noise, "remote.no-banner"), (huge_banner, "remote.no-banner"),
     (ends_at_once, "remote.agent-ended"), (old_python, "remote.old-python"),
     (other_protocol, "remote.other-protocol"), (endless_errors, "remote.agent-ended")],
)  # fmt: skip
def test_what_is_no_agent(far, tmp_path, behave, key):
    error = opened(far, tmp_path, behave)
    assert isinstance(error, SupportctlError)
    assert error.key == key
    assert all("\x1b" not in text for text in error.args_by_name.values())


def after_hello(*data):
    def behave(channel):
        channel.sendall(banner(HELLO))
        channel.recv(4096)
        for each in data:
            channel.sendall(each)
        channel.recv(4096)

    return behave


@pytest.mark.parametrize(
    "data",
    [struct.pack(">I", 0xFFFFFFFF), struct.pack(">I", 16 * 1024 * 1024 + 1) + b"x" * 1000,
     struct.pack(">I", 4) + b"\xff\xfe\x00\x01", struct.pack(">I", 20_002) + b"[" * 20_002,
     struct.pack(">I", 2) + b"[]", struct.pack(">I", 17) + b'{"a":1,"a":1234} '],
    ids=["4 GiB", "17 MiB", "no text", "nested", "no object", "doubled"],
)  # fmt: skip
def test_a_bad_frame_ends_the_line(far, tmp_path, data):
    one = opened(far, tmp_path, after_hello(data))
    with pytest.raises(SupportctlError) as failed:
        one.client.call("about", deadline_s=5.0)
    assert failed.value.key == "remote.closed"
    one.close()


def test_answers_that_nobody_asked_for_are_dropped(far, tmp_path):
    flood = [frame({"id": "other", "result": {"n": n}}) for n in range(1000)]
    one = opened(far, tmp_path, after_hello(*flood, frame({"id": "t-1", "result": {"yes": 1}})))
    assert one.client.call("about", deadline_s=5.0) == {"yes": 1}
    one.close()


def test_what_it_says_of_itself_and_its_errors_paint_nothing(far, tmp_path):
    def behave(channel):
        channel.sendall(banner(HELLO._replace(tool_version=PAINT, session=PAINT)))
        channel.recv(4096)
        channel.sendall(frame({"id": "t-1", "error": {"code": f"remote.{PAINT}", "args": {PAINT: PAINT}}}))
        channel.recv(4096)

    one = opened(far, tmp_path, behave)
    assert one.client.hello.tool_version.isprintable()
    assert one.client.hello.session.isprintable()
    with pytest.raises(SupportctlError) as failed:
        one.client.call("about", deadline_s=5.0)
    assert failed.value.key.isprintable()
    assert all(text.isprintable() for pair in failed.value.args_by_name.items() for text in pair)
    one.close()


def test_a_peer_that_takes_nothing_blocks_nobody_for_ever(far, tmp_path, monkeypatch):
    monkeypatch.setattr("supportctl.remote.links.ssh._SEND_S", 0.3)
    over = threading.Event()
    one = opened(far, tmp_path, lambda channel: (channel.sendall(banner(HELLO)), over.wait(20)))
    started = time.monotonic()
    with pytest.raises(SupportctlError) as failed:  # more than the window of a channel
        one.client.call("check", {"targets": ["x" * 4000] * 1000}, deadline_s=10.0)
    assert failed.value.key == "remote.closed"
    assert time.monotonic() - started < 5
    one.close()
    over.set()


@pytest.mark.parametrize(
    ("name", "only"),
    [("_preferred_ciphers", ("aes128-cbc", "3des-cbc")), ("_preferred_macs", ("hmac-sha1", "hmac-md5")),
     ("_preferred_kex", ("diffie-hellman-group14-sha256",))],
)  # fmt: skip
def test_a_server_with_weak_algorithms_only_is_left(far, tmp_path, monkeypatch, name, only):
    server = far(lambda _channel: None)
    monkeypatch.setattr(paramiko.Transport, name, only)  # ours has its own
    if name == "_preferred_macs":
        monkeypatch.setattr(paramiko.Transport, "_preferred_ciphers", ("aes128-ctr",))
    with pytest.raises(SupportctlError) as failed:
        session(server.port, tmp_path, budgets=Budgets(5.0, 5.0, 5.0, 5.0, 5.0)).open()
    assert failed.value.key == "remote.ssh-handshake"
    assert not server.signed_in.is_set()
