"""The customer's door, attacked through a real bastion: no code, no signature, before sign-in."""

from __future__ import annotations

import contextlib
import io
import socket
import threading

import paramiko
import pytest
from bastions import STAFF_USER
from reverse_way import Shared

from supportctl.core.clock import FakeClock, SystemClock
from supportctl.core.errors import SupportctlError
from supportctl.remote.client import Client
from supportctl.remote.frames import PROTOCOL, Hello
from supportctl.remote.reverse.bastion import load_key, sign_in
from supportctl.remote.reverse.desk import Supporter, line_name
from supportctl.remote.reverse.door import GRACE_S, MAX_FAILED, MAX_UNKNOWN, SUBSYSTEM
from supportctl.remote.reverse.pairing import Pairing, new_pairing, proof
from supportctl.remote.reverse.staff import fingerprint
from supportctl.remote.reverse.tunnel import new_host_key
from supportctl.remote.reverse.wire import inside
from supportctl.remote.server import Server

pytestmark = pytest.mark.peer("bastion")
HELLO = Hello(PROTOCOL, "1.2.3", "", "T-1", ("observe", "probe"))


class Gate:
    def allows(self, wanted, call) -> bool:
        return False

    def told(self, method, params, outcome) -> None:
        pass


def serve(link, session, _staff) -> None:
    Server(link, {}, Gate(), SystemClock(), session).serve(HELLO)


@pytest.fixture
def shared(bastion):
    """Return a customer's side."""
    made = Shared(bastion, serve)
    yield made
    made.close()


@contextlib.contextmanager
def knocking(shared):
    """Give a connection to the customer's door, before any sign-in, and the one that it runs through."""
    bastion = shared.sshd.bastion()
    supporter = shared.sshd.company.supporter()
    outer = sign_in(bastion, STAFF_USER, supporter.key, SystemClock())
    try:
        port = bastion.ports[shared.tunnel.slot]
        channel = outer.open_channel("direct-tcpip", ("127.0.0.1", port), ("127.0.0.1", 0), timeout=5)
        inner = inside(channel)
        inner.start_client(timeout=5)
        yield inner
    finally:
        outer.close()


def user_for(shared, inner, key, name=None, pairing=None):
    name = name or line_name(lead=False)
    host_key = inner.get_remote_server_key().asbytes()
    return f"{name}.{proof(pairing or shared.pairing, inner.session_id, host_key, key.asbytes(), name)}"


def refused(shared, supporter, pairing=None, key="share.code-refused"):
    with pytest.raises(SupportctlError) as error:
        shared.line(supporter=supporter, pairing=pairing)
    assert error.value.key == key
    assert not any(event.startswith("came") for event in shared.heard.events)


def test_a_wrong_code_with_a_good_key(shared):
    real = shared.pairing
    refused(shared, None, Pairing(real.slot, real.secret ^ 1, real.mark), "share.other-key")
    # whoever would not look at the key, and only guess the secret
    with knocking(shared) as inner:
        key = shared.sshd.company.supporter().key
        guessed = Pairing(real.slot, real.secret ^ 1, real.mark)
        with pytest.raises(paramiko.AuthenticationException):
            inner.auth_publickey(user_for(shared, inner, key, pairing=guessed), key)
    assert shared.heard.refusals == [("share.wrong-code", "")]


@pytest.mark.parametrize(
    ("name", "signed", "reason"),
    [
        ("rival", {"signer": "rival-company"}, "share.key-foreign"),
        ("other", {"principal": "somebody-else"}, "share.key-purpose"),
        ("old", {"valid": "-2d:-1d"}, "share.key-expired"),
        ("early", {"valid": "+1d:+2d"}, "share.key-expired"),
        ("forced", {"extra": ("-O", "force-command=id")}, "share.key-purpose"),
        ("here", {"extra": ("-O", "source-address=192.0.2.1/32")}, "share.key-purpose"),
        ("host", {"extra": ("-h",)}, "share.key-purpose"),
    ],
)
def test_the_code_without_a_key_that_the_company_has_signed_for_this(shared, name, signed, reason):
    company = shared.sshd.company
    company.key("rival-company")
    path = company.staff(name, "Eve \x1b[31m\u202eivE", **signed)
    with knocking(shared) as inner:
        key = load_key(str(path), certificate=True)
        with pytest.raises(paramiko.AuthenticationException):
            inner.auth_publickey(user_for(shared, inner, key), key)
    (told,) = shared.heard.refusals
    assert told[0] == reason
    assert told[1].isprintable()


def test_the_code_with_a_bare_key(shared):
    with knocking(shared) as inner:
        key = load_key(str(shared.sshd.folder / "ivan"))
        with pytest.raises(paramiko.AuthenticationException):
            inner.auth_publickey(user_for(shared, inner, key), key)
    assert shared.heard.refusals == [("share.key-unsigned", "")]


def test_a_certificate_of_another_persons_key(shared):
    """The certificate is public: who has it and the code still has not got the key."""
    stolen = shared.sshd.company.supporter().key
    own = new_host_key()
    own.load_certificate(f"{stolen.public_blob.key_type} {base64(stolen.public_blob.key_blob)}")
    with knocking(shared) as inner:
        with pytest.raises((paramiko.AuthenticationException, EOFError)):
            inner.auth_publickey(user_for(shared, inner, stolen), own)
        assert not inner.is_authenticated()
    assert shared.heard.events == []


def base64(data):
    from base64 import b64encode

    return b64encode(data).decode()


def test_a_proof_of_another_connection_is_worth_nothing(shared):
    key = shared.sshd.company.supporter().key
    with knocking(shared) as first, knocking(shared) as second:
        stolen = user_for(shared, first, key)
        with pytest.raises(paramiko.AuthenticationException):
            second.auth_publickey(stolen, key)
    assert shared.heard.refusals == [("share.wrong-code", "")]


def test_a_revoked_key(bastion):
    path = bastion.company.staff("fired", "Fired")
    key = load_key(str(path), certificate=True)
    shared = Shared(bastion, serve, revoked=frozenset({fingerprint(key.asbytes())}))
    try:
        refused(shared, Supporter(STAFF_USER, key))
    finally:
        shared.close()


def test_the_first_supporter_is_the_only_one(shared):
    company = shared.sshd.company
    company.staff("second", "Second One")
    link = shared.line()
    client = Client(SystemClock(), "a")
    client.attach(link)
    with pytest.raises(SupportctlError):
        shared.line(supporter=company.supporter("second"))
    assert shared.heard.refusals == [("share.key-second", "Second One")]
    # the same one may come back, and with a second line
    another = Client(SystemClock(), "b")
    another.attach(shared.line())
    client.close()
    another.close()


@pytest.mark.parametrize("how", ["none", "password", "interactive"])
def test_other_ways_to_sign_in_do_not_exist(shared, how):
    with knocking(shared) as inner:
        user = user_for(shared, inner, shared.sshd.company.supporter().key)
        tries = {
            "none": lambda: inner.auth_none(user),
            "password": lambda: inner.auth_password(user, "secret"),
            "interactive": lambda: inner.auth_interactive(user, lambda *_asked: []),
        }
        with pytest.raises(paramiko.SSHException):
            tries[how]()
        assert not inner.is_authenticated()
    assert shared.heard.events == []


def test_what_comes_before_sign_in_opens_nothing(shared):
    for number in (52, 90, 80, 98, 94):  # forged "signed in", open, global request, channel request, data
        with knocking(shared) as inner:
            message = paramiko.Message()
            message.add_byte(bytes([number]))
            if number == 90:
                message.add_string("session")
                for value in (0, 65536, 32768):
                    message.add_int(value)
            inner._send_message(message)
            with pytest.raises((paramiko.SSHException, EOFError)):
                inner.open_session(timeout=2)
    assert shared.heard.events == []
    assert shared.door.guests_now == 0
    # and the door still works
    client = Client(SystemClock(), "a")
    client.attach(shared.line())
    assert client.call("ping") == {}
    client.close()


def test_garbage_instead_of_ssh(shared):
    bastion = shared.sshd.bastion()
    outer = sign_in(bastion, STAFF_USER, shared.sshd.company.supporter().key, SystemClock())
    for data in (b"\0" * 70_000, b"SSH-2.0-" + b"A" * 70_000 + b"\r\n", b"SSH-2.0-x\r\n" + b"\xff" * 40_000):
        port = bastion.ports[shared.tunnel.slot]
        channel = outer.open_channel("direct-tcpip", ("127.0.0.1", port), ("127.0.0.1", 0), timeout=5)
        with contextlib.suppress(OSError):
            channel.sendall(data)
        channel.close()
    outer.close()
    client = Client(SystemClock(), "a")
    client.attach(shared.line())
    client.close()


def test_many_bad_keys_shut_the_door(shared):
    bad = [new_host_key() for _ in range(3)]
    with contextlib.suppress(paramiko.SSHException, EOFError, OSError):
        for _ in range(MAX_FAILED):
            with knocking(shared) as inner:
                for key in bad:
                    with contextlib.suppress(paramiko.AuthenticationException):
                        inner.auth_publickey("nobody", key)
    shared.heard.wait("besieged")
    assert len(shared.heard.refusals) == MAX_FAILED
    with pytest.raises(SupportctlError):
        shared.line()


def test_who_says_nothing_is_put_out_after_twenty_seconds(bastion):
    clock = FakeClock()
    shared = Shared(bastion, serve, clock)
    try:
        with knocking(shared) as inner:
            clock.advance(GRACE_S - 0.1)
            shared.door.sweep()
            assert inner.is_active()
            clock.advance(0.2)
            shared.door.sweep()
            inner.join(5)
            assert not inner.is_active()
    finally:
        shared.close()


def test_only_so_many_may_wait_at_the_door(shared):
    with contextlib.ExitStack() as stack:
        for _ in range(MAX_UNKNOWN):
            stack.enter_context(knocking(shared))
        with pytest.raises((paramiko.SSHException, EOFError, OSError)):
            stack.enter_context(knocking(shared))


@pytest.fixture
def inside_now(shared):
    """Return a connection that is signed in, with no channel yet."""
    with knocking(shared) as inner:
        key = shared.sshd.company.supporter().key
        inner.auth_publickey(user_for(shared, inner, key), key)
        yield inner


@pytest.mark.parametrize("what", ["shell", "exec", "pty", "sftp", "x11", "scp"])
def test_a_good_key_gets_the_session_and_nothing_else(inside_now, what):
    channel = inside_now.open_session(timeout=5)
    wishes = {
        "shell": channel.invoke_shell,
        "exec": lambda: channel.exec_command("id"),
        "pty": channel.get_pty,
        "sftp": lambda: channel.invoke_subsystem("sftp"),
        "x11": channel.request_x11,
        "scp": lambda: channel.exec_command("scp -t /"),
    }
    with pytest.raises((paramiko.SSHException, EOFError)):
        wishes[what]()


def test_no_forward_in_either_direction(inside_now):
    with socket.create_server(("127.0.0.1", 0)) as device:
        for kind in ("direct-tcpip", "x11", "auth-agent@openssh.com", "tun@openssh.com"):
            with pytest.raises(paramiko.ChannelException):
                inside_now.open_channel(kind, device.getsockname(), ("127.0.0.1", 0), timeout=5)
        device.settimeout(0.05)
        with pytest.raises(TimeoutError):
            device.accept()
    for port in (0, 4000):
        with pytest.raises(paramiko.SSHException):
            inside_now.request_port_forward("127.0.0.1", port)


def test_one_channel_with_one_subsystem(inside_now):
    channel = inside_now.open_session(timeout=5)
    with pytest.raises(paramiko.ChannelException):
        inside_now.open_session(timeout=5)
    channel.invoke_subsystem(SUBSYSTEM)
    assert channel.recv(19) == b"SUPPORTCTL-SESSION "


def test_a_bastion_that_puts_itself_in_between(bastion, shared):
    """It has the customer's public key, and a host key of its own. It sees neither the code nor a proof."""
    own, seen = new_host_key(), []

    class Spy(paramiko.ServerInterface):
        def check_auth_publickey(self, username, key) -> int:
            seen.append(username)
            return paramiko.AUTH_SUCCESSFUL

    def answers(channel, _origin, _server) -> None:
        fake = inside(channel)
        fake.add_server_key(own)
        fake.start_server(event=threading.Event(), server=Spy())

    # the evil bastion listens at the port of the code, and sends the real customer elsewhere
    shared.close()
    evil = sign_in(bastion.bastion(), "daemon", bastion.account().key, SystemClock())
    for _ in range(500):  # the real customer's port is free in a moment
        with contextlib.suppress(paramiko.SSHException):
            evil.request_port_forward("127.0.0.1", bastion.plan.ports[shared.pairing.slot], answers)
            break
        threading.Event().wait(0.02)
    with pytest.raises(SupportctlError) as stopped:
        shared.line()
    evil.close()
    assert stopped.value.key == "share.other-key"
    assert seen == []


def test_another_bastion_is_not_taken(bastion):
    strange = bastion.bastion()._replace(host_key="SHA256:" + "A" * 43)
    with pytest.raises(SupportctlError) as stopped:
        sign_in(strange, STAFF_USER, bastion.company.supporter().key, SystemClock())
    assert stopped.value.key == "share.bastion-key"
    assert stopped.value.args_by_name["expected"] == strange.host_key


def test_what_the_bastion_sees_is_sealed(shared):
    """All that runs through the outer connection, recorded: neither the code nor a word of the session."""
    recorded = io.BytesIO()
    bastion = shared.sshd.bastion()
    key = shared.sshd.company.supporter().key
    outer = sign_in(bastion, STAFF_USER, key, SystemClock())
    port = bastion.ports[shared.tunnel.slot]
    channel = outer.open_channel("direct-tcpip", ("127.0.0.1", port), ("127.0.0.1", 0), timeout=5)
    real_send, real_recv = channel.send, channel.recv

    def send(data):
        recorded.write(bytes(data))
        return real_send(data)

    def recv(size):
        data = real_recv(size)
        recorded.write(data)
        return data

    channel.send, channel.recv = send, recv
    inner = inside(channel)
    inner.start_client(timeout=5)
    inner.auth_publickey(user_for(shared, inner, key), key)
    inner_channel = inner.open_session(timeout=5)
    inner_channel.invoke_subsystem(SUBSYSTEM)
    assert inner_channel.recv(19) == b"SUPPORTCTL-SESSION "
    outer.close()
    all_of_it = recorded.getvalue()
    assert b"SSH-2.0-" in all_of_it
    for secret in (
        shared.pairing.text.encode(),
        b"SUPPORTCTL-SESSION",
        b"lead-",
        b"work-",
        b"Support desk 7",
    ):
        assert secret not in all_of_it


def test_codes_do_not_repeat_and_fit_one_key_only():
    one, other = new_host_key().asbytes(), new_host_key().asbytes()
    codes = {new_pairing(0, one).text for _ in range(20)}
    assert len(codes) == 20
    assert new_pairing(0, one).fits(one)
    assert not new_pairing(0, one).fits(other)
