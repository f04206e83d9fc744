"""The customer's way out: a connection to the bastion and a port there, brought back when they break."""

from __future__ import annotations

import contextlib
import io
import threading
from typing import TYPE_CHECKING, NamedTuple, Protocol

import paramiko
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from supportctl.core.errors import SupportctlError
from supportctl.remote.heartbeat import Heartbeat
from supportctl.remote.reconnect import delays
from supportctl.remote.reverse.bastion import LOOPBACK, sign_in

if TYPE_CHECKING:
    from collections.abc import Callable

    from supportctl.core.clock import Clock
    from supportctl.remote.links.transport import StrongTransport
    from supportctl.remote.reverse.bastion import Bastion
    from supportctl.remote.reverse.door import Door

_LAST_WORDS_S = 0.5
_LOOK_S = 0.2  # how often the line and the people at the door are looked after
# What another try cannot mend
_FINAL = frozenset({"share.bastion-key", "remote.signed-out"})


class Weather(Protocol):
    """Hears how the line to the bastion is."""

    def lost(self) -> None:
        """The line is gone; another is being tried."""

    def back(self) -> None:
        """There is a line again."""

    def gone(self, error: SupportctlError) -> None:
        """It will not come back."""


class Account(NamedTuple):
    """Who the customer's side is at the bastion."""

    user: str
    key: paramiko.PKey


def new_host_key() -> paramiko.PKey:
    """Return a key that lives as long as this sharing."""
    text = Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption())
    return paramiko.Ed25519Key.from_private_key(io.StringIO(text.decode("ascii")))


class Tunnel:
    """Keeps a port of the bastion open for one sharing. `chance` gives numbers from 0 to 1."""

    def __init__(
        self, bastion: Bastion, account: Account, door: Door, clock: Clock, chance: Callable[[], float]
    ) -> None:
        self._bastion = bastion
        self._account = account
        self._door = door
        self._clock = clock
        self._chance = chance
        self._transport: StrongTransport | None = None
        self._beat: Heartbeat | None = None
        self._over = threading.Event()
        self._thread: threading.Thread | None = None
        self.slot = int(chance() * len(bastion.ports)) % len(bastion.ports)

    def open(self) -> int:
        """Return the number of the port that the bastion listens at for us now.

        Each time another port comes first: the bastion may not have noticed yet that the last line is dead,
        and holds its port for it.

        Raises:
            SupportctlError: the bastion is not there, is not ours, refuses us, or has no free port.
        """
        transport = sign_in(self._bastion, self._account.user, self._account.key, self._clock)
        count = len(self._bastion.ports)
        for offset in range(count):
            slot = (self.slot + offset) % count
            try:
                transport.request_port_forward(LOOPBACK, self._bastion.ports[slot], self._arrives)
            except (paramiko.SSHException, EOFError, OSError):
                if transport.is_active():
                    continue
                break
            self.slot, self._transport = slot, transport
            self._beat = Heartbeat(
                lambda: transport.global_request("keepalive@openssh.com", wait=True),
                transport.close,
                self._clock,
            )
            self._beat.start()
            return slot
        transport.close()
        raise SupportctlError("share.no-port", found=count)

    def keep(self, weather: Weather) -> None:
        """Look after the line from now on, on a thread of its own."""
        self._thread = threading.Thread(target=self._keep, args=(weather,), name="tunnel", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """End the line; the port at the bastion is free after that."""
        self._over.set()
        self._flush()
        self._drop()
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join(5.0)
        self._drop()  # one that was being opened meanwhile

    def _arrives(self, channel: paramiko.Channel, _origin: object, _server: object) -> None:
        self._door.take(channel)

    def _flush(self) -> None:
        """Wait a moment until the bastion has passed on the last words: closing drops the unread."""
        transport = self._transport
        if transport is None or not transport.is_active():
            return

        def ask() -> None:
            with contextlib.suppress(OSError, EOFError, paramiko.SSHException):
                transport.global_request("keepalive@openssh.com", wait=True)

        asking = threading.Thread(target=ask, name="last words", daemon=True)
        asking.start()
        asking.join(_LAST_WORDS_S)

    def _drop(self) -> None:
        beat, self._beat = self._beat, None
        transport, self._transport = self._transport, None
        if beat is not None:
            beat.stop()
        if transport is not None:
            transport.close()

    def _keep(self, weather: Weather) -> None:
        while not self._over.wait(_LOOK_S):
            self._door.sweep()
            transport = self._transport
            if transport is not None and transport.is_active():
                continue
            self._drop()
            if self._over.is_set():
                return
            weather.lost()
            try:
                if self._brought_back():
                    weather.back()
            except SupportctlError as error:
                weather.gone(error)
                return

    def _brought_back(self) -> bool:
        begun = self._clock.monotonic()
        pause = delays(self._chance, lambda: self._clock.monotonic() - begun)
        while not self._over.is_set():
            self.slot = (self.slot + 1) % len(self._bastion.ports)
            try:
                self.open()
            except SupportctlError as error:
                if error.key in _FINAL:
                    raise
                self._over.wait(pause())
                continue
            return True
        return False
