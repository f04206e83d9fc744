"""The bastion as `supportctl bastion-config` makes it, on a real sshd, attacked with both kinds of key."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import threading
from pathlib import Path

import paramiko
import pytest
from bastions import SHARE_USER, STAFF_USER, free_ports

from supportctl.core.clock import SystemClock
from supportctl.core.errors import SupportctlError
from supportctl.remote.reverse.bastion import load_key, sign_in

pytestmark = pytest.mark.peer("bastion")
KEYS = {SHARE_USER: "shop", STAFF_USER: "ivan"}


@contextlib.contextmanager
def signed_in(bastion, user):
    certificate = user == STAFF_USER
    key = load_key(str(bastion.folder / KEYS[user]), certificate=certificate)
    transport = sign_in(bastion.bastion(), user, key, SystemClock())
    try:
        yield transport
    finally:
        transport.close()


def ssh(bastion, user, *words):
    """Run OpenSSH's own client with the key of a user."""
    command = [
        "ssh", "-F", "none", "-p", str(bastion.plan.port), "-i", str(bastion.folder / KEYS[user]),
        "-o", "BatchMode=yes", "-o", "IdentitiesOnly=yes", "-o", "StrictHostKeyChecking=no",
        "-o", "UserKnownHostsFile=/dev/null", "-o", "ConnectTimeout=5",
    ]  # fmt: skip
    return subprocess.run(
        [*command, *words], capture_output=True, text=True, timeout=20, check=False, stdin=subprocess.DEVNULL
    )


@pytest.mark.parametrize("user", KEYS)
@pytest.mark.parametrize("what", ["shell", "exec", "sftp", "pty", "x11", "agent"])
def test_nobody_gets_a_session_of_any_kind(bastion, user, what, capfd):
    with signed_in(bastion, user) as transport, pytest.raises((paramiko.SSHException, EOFError)):  # noqa: PT012  which of the two is refused does not matter
        channel = transport.open_session(timeout=5)  # refused already: MaxSessions 0
        {
            "shell": channel.invoke_shell,
            "exec": lambda: channel.exec_command("id"),
            "sftp": lambda: channel.invoke_subsystem("sftp"),
            "pty": channel.get_pty,
            "x11": channel.request_x11,
            "agent": lambda: channel.request_forward_agent(lambda _channel: None),
        }[what]()


@pytest.mark.parametrize("user", KEYS)
@pytest.mark.parametrize("words", [("id",), ("-tt",), ("-s", "sftp"), ("-A", "id"), ("-w", "any", "true")])
def test_openssh_gets_nothing_either(bastion, user, words):
    options = [word for word in words if word.startswith("-") and word != "-w"]
    rest = [word for word in words if word not in options and word not in {"-w", "any"}]
    tunnel = ["-w", "any"] if "-w" in words else []
    ended = ssh(bastion, user, *options, *tunnel, f"{user}@127.0.0.1", *rest)
    assert ended.returncode != 0
    assert "uid=" not in ended.stdout


def test_a_customer_listens_at_the_ports_and_nowhere_else(bastion):
    inside, outside = bastion.plan.ports[0], free_ports(1)[0]
    with signed_in(bastion, SHARE_USER) as transport:
        for address, port in [
            ("127.0.0.1", outside), ("127.0.0.1", 0), ("0.0.0.0", inside), ("", inside),
            ("localhost", inside), ("::1", inside), ("*", inside), ("127.0.0.1", 22), ("127.0.0.2", inside),
        ]:  # fmt: skip
            with pytest.raises(paramiko.SSHException):
                transport.request_port_forward(address, port)
        assert transport.request_port_forward("127.0.0.1", inside) == inside
        # it listens on loopback only
        assert listens_on(inside) == {"0100007F"}


def listens_on(port):
    """Return the addresses, as the kernel writes them, at which somebody listens on a port."""
    found = set()
    for table in ("tcp", "tcp6"):
        for line in Path("/proc/net", table).read_text().splitlines()[1:]:
            address, state = line.split()[1], line.split()[3]
            host, _, number = address.partition(":")
            if int(number, 16) == port and state == "0A":
                found.add(host)
    return found


def test_a_supporter_may_not_listen(bastion):
    with signed_in(bastion, STAFF_USER) as transport, pytest.raises(paramiko.SSHException):
        transport.request_port_forward("127.0.0.1", bastion.plan.ports[0])


@pytest.mark.parametrize("user", KEYS)
def test_nobody_connects_elsewhere(bastion, user):
    with socket.create_server(("127.0.0.1", 0)) as other, signed_in(bastion, user) as transport:
        places = [other.getsockname(), ("127.0.0.1", bastion.plan.port), ("localhost", bastion.plan.ports[0])]
        if user == SHARE_USER:
            places.append(("127.0.0.1", bastion.plan.ports[0]))
        for place in places:
            with pytest.raises(paramiko.ChannelException) as refused:
                transport.open_channel("direct-tcpip", place, ("127.0.0.1", 0), timeout=5)
            assert refused.value.code == 1, place  # administratively prohibited, not "nobody there"


@pytest.mark.parametrize("user", KEYS)
def test_no_unix_sockets(bastion, user, tmp_path):
    path, before = f"/tmp/supportctl-{os.getpid()}-{user}", bastion.log.count("refused streamlocal")
    with signed_in(bastion, user) as transport:
        assert transport.global_request("streamlocal-forward@openssh.com", (path,), wait=True) is None
        with pytest.raises(paramiko.ChannelException) as refused:
            connect_to_unix_socket(transport, path)
    assert refused.value.code == 2
    assert bastion.log.count("refused streamlocal port forward") > before
    assert not Path(path).exists()


def connect_to_unix_socket(transport, path):
    """Ask for a channel as OpenSSH's PROTOCOL says; paramiko does not know this kind."""
    answered = threading.Event()
    channel = paramiko.Channel(0)
    transport._channels.put(0, channel)
    transport.channel_events[0], transport.channels_seen[0] = answered, True
    channel._set_transport(transport)
    channel._set_window(65536, 32768)
    message = paramiko.Message()
    message.add_byte(bytes([90]))  # SSH_MSG_CHANNEL_OPEN
    message.add_string("direct-streamlocal@openssh.com")
    for number in (0, 65536, 32768):
        message.add_int(number)
    message.add_string(path)
    message.add_string("")
    message.add_int(0)
    transport._send_user_message(message)
    assert answered.wait(5)
    raise transport.get_exception() or AssertionError("it was opened")


def test_the_two_permitted_things_work_together(bastion):
    port, got = bastion.plan.ports[1], threading.Event()
    answered = []

    def arrives(channel, _origin, _server) -> None:
        answered.append(channel)
        got.set()

    with signed_in(bastion, SHARE_USER) as customer, signed_in(bastion, STAFF_USER) as staff:
        customer.request_port_forward("127.0.0.1", port, arrives)
        channel = staff.open_channel("direct-tcpip", ("127.0.0.1", port), ("127.0.0.1", 0), timeout=5)
        assert got.wait(5)
        channel.sendall(b"asked")
        assert answered[0].recv(5) == b"asked"


def test_a_port_that_is_taken_is_not_given_twice(bastion):
    port = bastion.plan.ports[0]
    with signed_in(bastion, SHARE_USER) as one, signed_in(bastion, SHARE_USER) as two:
        one.request_port_forward("127.0.0.1", port)
        with pytest.raises(paramiko.SSHException):
            two.request_port_forward("127.0.0.1", port)


@pytest.mark.parametrize(
    ("user", "key", "certificate"),
    [
        (STAFF_USER, "shop", False),
        (SHARE_USER, "ivan", False),
        ("root", "ivan", True),
        ("root", "shop", False),
    ],
)
def test_keys_open_their_own_door_only(bastion, user, key, certificate):
    with pytest.raises(SupportctlError) as refused:
        sign_in(
            bastion.bastion(),
            user,
            load_key(str(bastion.folder / key), certificate=certificate),
            SystemClock(),
        )
    assert refused.value.key == "remote.signed-out"


def test_a_key_that_another_company_has_signed_stays_outside(bastion):
    bastion.company.key("rival")
    path = bastion.company.staff("eve", "Eve", signer="rival")
    with pytest.raises(SupportctlError) as refused:
        sign_in(bastion.bastion(), STAFF_USER, load_key(str(path), certificate=True), SystemClock())
    assert refused.value.key == "remote.signed-out"


def test_sshd_itself_finds_the_configuration_sound(bastion, peer_path):
    command = [peer_path("bastion"), "-T", "-C", f"user={SHARE_USER},host=x,addr=192.0.2.1", "-f"]
    shown = subprocess.run(
        [*command, bastion.folder / "sshd_config"], capture_output=True, text=True, check=True, timeout=10
    ).stdout
    settings = dict(line.split(" ", 1) for line in shown.splitlines() if " " in line)
    assert settings["allowtcpforwarding"] == "remote"
    assert settings["allowstreamlocalforwarding"] == "no"
    assert settings["maxsessions"] == "0"
    assert settings["forcecommand"] == "/bin/false"
    assert settings["passwordauthentication"] == "no"
    assert settings["permitopen"] == "none"
