"""A session over SSH: one channel with a command, its noise kept apart, and a heartbeat beside it."""

from __future__ import annotations

import contextlib
import threading
from typing import TYPE_CHECKING, NamedTuple

import paramiko

from supportctl.core.errors import SupportctlError
from supportctl.core.text import clean
from supportctl.remote.heartbeat import Heartbeat
from supportctl.remote.link import LinkClosedError
from supportctl.remote.links.pushing import carry, pushing

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from supportctl.core.clock import Clock
    from supportctl.remote.url import SshPlace

_WINDOW = 16 * 1024 * 1024  # bytes under way: with 2 MiB a big answer waits for the line's length
_SEND_S = 30.0  # a peer that takes nothing for so long is gone
_KEPT_STDERR = 2_000
_MAX_STDERR = 4 * 1024 * 1024
_MAX_AGENT_KEYS = 5  # servers end the connection after six
_END_S = 1.0


class Ending(NamedTuple):
    """How the command ended: its code (None: unknown) and the last that it wrote to standard error."""

    code: int | None
    stderr: str


class SshLink:
    """One command's standard input and output. `close` ends the whole connection when it owns it."""

    def __init__(
        self, channel: paramiko.Channel, clock: Clock, *, owns: bool = True, heartbeat: bool = True
    ) -> None:
        self._channel = channel
        self._clock = clock
        self._owns = owns
        self._transport = channel.get_transport()
        self._stderr = bytearray()
        self._noise = 0
        self._closed = threading.Event()
        self.last_heard = clock.monotonic()
        self._sending = threading.Lock()
        self._drained = threading.Event()
        channel.settimeout(_SEND_S)
        threading.Thread(target=self._drain, name="session stderr", daemon=True).start()
        self._heartbeat = Heartbeat(self._keep_alive, self._dead, clock, lambda: self.last_heard)
        if heartbeat:
            self._heartbeat.start()

    def receive(self, limit: int) -> bytes:
        """Return what has come; b"" when the command has ended. Raises: LinkClosedError."""
        while True:
            try:
                data = self._channel.recv(limit)
            except TimeoutError:
                if self._closed.is_set():
                    raise LinkClosedError("closed here") from None
                continue
            except (OSError, EOFError, paramiko.SSHException) as error:
                raise LinkClosedError(clean(error)) from None
            if not data and (self._closed.is_set() or not self._transport.is_active()):
                raise LinkClosedError("the connection broke")
            if not data:
                self._channel.status_event.wait(_END_S)  # how it ended comes behind its last word
            self.last_heard = self._clock.monotonic()
            return data

    def carry(self, sink: Callable[[bytes], None]) -> None:
        """Hand on what comes, until the command has ended. Raises as the protocol says."""

        def heard(data: bytes) -> None:
            self.last_heard = self._clock.monotonic()
            sink(data)

        carry(self._channel, self.receive, heard)

    def send(self, data: bytes) -> None:
        """Send all of it. Raises: LinkClosedError: the line broke, or took nothing for 30 s."""
        with self._sending:
            try:
                self._channel.sendall(data)
            except (OSError, EOFError, paramiko.SSHException) as error:
                raise LinkClosedError(clean(error)) from None

    def close(self) -> None:
        """End it, from any thread."""
        if self._closed.is_set():
            return
        self._closed.set()
        self._heartbeat.stop()
        with contextlib.suppress(OSError, EOFError, paramiko.SSHException):
            self._channel.close()
        if self._owns:
            self._transport.close()

    def ending(self) -> Ending:
        """Return how the command ended; waits a moment for what it has to say."""
        self._drained.wait(_END_S)
        code: int | None = None
        if self._channel.status_event.wait(_END_S) and self._channel.exit_status >= 0:
            code = self._channel.exit_status
        return Ending(code, clean(bytes(self._stderr).decode("utf-8", "replace").strip(), _KEPT_STDERR))

    def _drain(self) -> None:
        """Read standard error all the time: what nobody reads stops the other side at 2 MiB."""
        try:
            while True:
                try:
                    data = self._channel.recv_stderr(32 * 1024)
                except TimeoutError:
                    continue
                if not data:
                    return
                self._noise += len(data)
                self._stderr += data
                del self._stderr[:-_KEPT_STDERR]
                if self._noise > _MAX_STDERR:
                    self.close()
                    return
        except (OSError, EOFError, paramiko.SSHException):
            return
        finally:
            self._drained.set()

    def _keep_alive(self) -> None:
        with contextlib.suppress(OSError, EOFError, paramiko.SSHException):
            self._transport.global_request("keepalive@openssh.com", wait=True)

    def _dead(self) -> None:
        self.close()


def run_command(transport: paramiko.Transport, command: str, clock: Clock, channel_s: float) -> SshLink:
    """Return the link to a command that is started there. Raises: SupportctlError `remote.no-channel`."""
    try:
        channel = pushing(transport.open_session(window_size=_WINDOW, timeout=channel_s))
        channel.settimeout(channel_s)
        channel.exec_command(command)
    except (paramiko.SSHException, OSError, EOFError) as error:
        transport.close()
        raise SupportctlError("remote.no-channel", reason=clean(error) or type(error).__name__) from None
    return SshLink(channel, clock)


def sign_in_keys(place: SshPlace, folder: Path) -> list[paramiko.PKey]:
    """Return the keys to sign in with: the file that is named, that of the SSH agent, or our own.

    `folder` holds our own key, `id_ed25519`, if there is one; nothing else is looked for.

    Raises:
        SupportctlError: `remote.key-file`, `remote.no-key`.
    """
    keys: list[paramiko.PKey] = []
    if place.key:
        keys.append(_from_file(place.key))
    elif not place.agent and (folder / "id_ed25519").is_file():
        keys.append(_from_file(str(folder / "id_ed25519")))
    if place.agent:
        keys += _from_agent(place.agent)
    if not keys:
        raise SupportctlError("remote.no-key", found=place.agent or "-", folder=folder)
    return keys


def _from_file(name: str) -> paramiko.PKey:
    try:
        return paramiko.PKey.from_path(name)
    except (OSError, ValueError, TypeError, paramiko.SSHException, paramiko.pkey.UnknownKeyType) as error:
        reason = getattr(error, "strerror", None) or clean(error) or type(error).__name__
        raise SupportctlError("remote.key-file", file=name, reason=reason) from None


def _from_agent(wanted: str) -> list[paramiko.PKey]:
    try:
        held = paramiko.Agent().get_keys()
    except (paramiko.SSHException, OSError):
        return []
    fitting = [key for key in held if wanted in {"any", key.fingerprint}]
    return list(fitting[:_MAX_AGENT_KEYS])
