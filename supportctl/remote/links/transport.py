"""An SSH connection, step by step: each step has its own time, and its own name when it fails.

paramiko's `SSHClient.connect` hides which step it hangs in, sets no TCP_NODELAY and looks for keys by itself.
"""

from __future__ import annotations

import logging
import socket
import sys
import threading
from typing import TYPE_CHECKING, Any, NamedTuple

import paramiko

from supportctl.core.errors import SupportctlError
from supportctl.core.text import clean
from supportctl.remote.hosts import HostKey

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from supportctl.core.clock import Clock
    from supportctl.remote.hosts import AsksAboutKey, HostStore

# paramiko writes to standard error when nobody has told logging where to write
logging.getLogger("paramiko").addHandler(logging.NullHandler())

_GONE_MS = 6_000  # TCP_USER_TIMEOUT: what is sent and not confirmed that long is a dead line
_POLL_S = 0.02
_TCP_USER_TIMEOUT = 18  # Linux; the module has no name for it everywhere
_MAX_NAMES = 16


class Budgets(NamedTuple):
    """Seconds that each step may take."""

    connect_s: float = 8.0
    banner_s: float = 8.0
    key_s: float = 8.0
    auth_s: float = 15.0
    channel_s: float = 10.0


class StrongTransport(paramiko.Transport):
    """Only ciphers that notice a changed byte before anything is decrypted; no SHA-1, no CBC."""

    _preferred_ciphers = ("aes256-gcm@openssh.com", "aes128-gcm@openssh.com", "aes256-ctr", "aes128-ctr")
    _preferred_macs = ("hmac-sha2-256-etm@openssh.com", "hmac-sha2-512-etm@openssh.com")
    _preferred_kex = (
        "curve25519-sha256@libssh.org", "ecdh-sha2-nistp256", "ecdh-sha2-nistp384", "ecdh-sha2-nistp521",
        "diffie-hellman-group16-sha512",
    )  # fmt: skip
    _preferred_keys: tuple[str, ...] = (
        "ssh-ed25519", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521",
        "rsa-sha2-512", "rsa-sha2-256",
    )  # fmt: skip

    def prefer_keys(self, kinds: Sequence[str]) -> None:
        """Ask for the kind of key that is known of this machine: it may have others, too."""
        wanted = [kind for kind in kinds if kind in self._preferred_keys]
        if "ssh-rsa" in kinds:
            wanted += ["rsa-sha2-512", "rsa-sha2-256"]
        rest = tuple(kind for kind in self._preferred_keys if kind not in wanted)
        self._preferred_keys = (*wanted, *rest)


class Connector:
    """Opens connections: whom to trust, how long each step may take, who is asked about new keys."""

    def __init__(
        self,
        hosts: HostStore,
        clock: Clock,
        ask: AsksAboutKey | None = None,
        budgets: Budgets = Budgets(),  # noqa: B008  immutable
    ) -> None:
        self._hosts = hosts
        self._clock = clock
        self._ask = ask
        self._budgets = budgets

    def connect(
        self, host: str, port: int, user: str, keys: Sequence[paramiko.PKey], connect_s: float | None = None
    ) -> StrongTransport:
        """Return a connection that is signed in.

        Raises:
            SupportctlError: `remote.dns`, `remote.tcp`, `remote.ssh-banner`, `remote.ssh-handshake`,
                `remote.key-unknown`, `remote.key-changed`, `remote.signed-out`: which step failed, and why.
        """
        opened = self._socket(host, port, connect_s or self._budgets.connect_s)
        try:
            transport = StrongTransport(opened)
        except (OSError, paramiko.SSHException) as error:
            opened.close()
            raise SupportctlError("remote.ssh-handshake", host=host, port=port, reason=error) from None
        try:
            self._greet(transport, host, port)
            key = transport.get_remote_server_key()
            shown = HostKey.of(key.get_name(), key.asbytes())
            self._hosts.check(host, port, shown, self._ask, self._clock.now())
            self._sign_in(transport, host, user, keys)
        except BaseException:
            transport.close()
            raise
        return transport

    def _socket(self, host: str, port: int, connect_s: float) -> socket.socket:
        end = self._clock.monotonic() + connect_s
        problem: OSError | None = None
        for family, address in _addresses(host, port, connect_s):
            left = end - self._clock.monotonic()
            if left <= 0:
                break
            opened = socket.socket(family, socket.SOCK_STREAM)
            try:
                opened.settimeout(left)
                opened.connect(address)
            except OSError as error:
                opened.close()
                problem = error
                continue
            prepare(opened)
            return opened
        reason = (
            "time" if problem is None or isinstance(problem, TimeoutError) else problem.strerror or problem
        )
        raise SupportctlError("remote.tcp", host=host, port=port, reason=reason, seconds=round(connect_s, 1))

    def _greet(self, transport: StrongTransport, host: str, port: int) -> None:
        """Wait for the other side's greeting, then for keys to be agreed: both are bounded, byte by byte."""
        done = threading.Event()
        transport.prefer_keys([key.kind for key in self._hosts.known(host, port)])
        transport.banner_timeout = self._budgets.banner_s
        transport.start_client(event=done)
        greeted = self._wait(transport, lambda: bool(transport.remote_version), self._budgets.banner_s)
        if not greeted:
            reason = _why(transport)
            raise SupportctlError(
                "remote.ssh-banner", host=host, port=port, reason=reason, seconds=self._budgets.banner_s
            )
        self._wait(transport, done.is_set, self._budgets.key_s)
        if not done.is_set() or not transport.is_active():
            raise SupportctlError("remote.ssh-handshake", host=host, port=port, reason=_why(transport))

    def _wait(self, transport: paramiko.Transport, ready: Callable[[], bool], seconds: float) -> bool:
        end = self._clock.monotonic() + seconds
        pause = threading.Event()
        while not ready():
            if not transport.is_active() or self._clock.monotonic() >= end:
                return ready()
            pause.wait(_POLL_S / 10)
        return True

    def _sign_in(
        self, transport: paramiko.Transport, host: str, user: str, keys: Sequence[paramiko.PKey]
    ) -> None:
        transport.auth_timeout = self._budgets.auth_s
        transport.channel_timeout = self._budgets.channel_s
        reason: object = "-"
        for key in keys:
            try:
                transport.auth_publickey(user, key)
            except paramiko.BadAuthenticationType as error:
                reason = ", ".join(error.allowed_types)
            except (paramiko.SSHException, EOFError, OSError) as error:
                reason = clean(error) or type(error).__name__
            if transport.is_authenticated():
                return
            if not transport.is_active():
                break
        raise SupportctlError("remote.signed-out", host=host, user=user, reason=reason)


def prepare(opened: socket.socket) -> None:
    """Set what a session's socket needs: no delay, and an end for what nobody confirms."""
    opened.settimeout(None)
    opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # paramiko never does: 47 ms became 3
    if sys.platform == "linux":
        opened.setsockopt(socket.IPPROTO_TCP, _TCP_USER_TIMEOUT, _GONE_MS)


def _addresses(host: str, port: int, seconds: float) -> list[tuple[int, Any]]:
    """Return a machine's addresses; the system's own look-up knows no deadline, so it has a thread."""
    found: list[tuple[int, Any]] = []  # Any: an address, with two parts or four
    problem: list[object] = ["time"]

    def look_up() -> None:
        try:
            listed = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:
            problem[0] = getattr(error, "strerror", None) or error
            return
        found.extend((int(family), address) for family, _, _, _, address in listed[:_MAX_NAMES])

    thread = threading.Thread(target=look_up, name="look up", daemon=True)
    thread.start()
    thread.join(seconds)
    if not found:
        raise SupportctlError("remote.dns", host=host, reason=problem[0])
    return list(found)


def _why(transport: paramiko.Transport) -> str:
    error = transport.get_exception()
    return clean(error) if error is not None else "time"
