"""The way to the bastion, for both sides: dial, know it by its key, sign in with one key."""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, cast

import paramiko

from supportctl.core.errors import SupportctlError, UsageError
from supportctl.remote.links.transport import Connector

if TYPE_CHECKING:
    from collections.abc import Callable

    from supportctl.core.clock import Clock
    from supportctl.remote.hosts import HostKey, HostStore
    from supportctl.remote.links.transport import StrongTransport

LOOPBACK = "127.0.0.1"  # of the bastion: the string itself is what its configuration permits
_PEM = "-----BEGIN "


class Bastion(NamedTuple):
    """Where the company's bastion is, by which key it is known, and which of its ports are for sessions."""

    host: str
    port: int
    host_key: str  # SHA256:…, as `ssh-keygen -l` shows it
    ports: tuple[int, ...]


def load_key(
    place: str, ask_passphrase: Callable[[str], str] | None = None, *, certificate: bool = False
) -> paramiko.PKey:
    """Return the private key in a file, or that `place` itself is (the text of a key).

    With `certificate`, the certificate beside it (`NAME-cert.pub`) comes along.

    Raises:
        UsageError: `share.key-file`, `share.no-certificate`.
    """
    key = _private(place, ask_passphrase)
    if certificate:
        beside = Path(f"{Path(place).expanduser()}-cert.pub")
        try:
            key.load_certificate(beside.read_text(encoding="ascii"))
        except (OSError, ValueError) as error:
            raise UsageError("share.no-certificate", found=beside, reason=error) from None
    return key


def _private(place: str, ask_passphrase: Callable[[str], str] | None) -> paramiko.PKey:
    shown = "-" if _PEM in place else place
    passphrase = None
    while True:
        try:
            text = place if _PEM in place else Path(place).expanduser().read_text(encoding="ascii")
            return _parse(text, passphrase)
        except paramiko.PasswordRequiredException:
            if ask_passphrase is None or passphrase is not None:
                raise UsageError("share.key-file", found=shown, reason="passphrase") from None
            passphrase = ask_passphrase(shown)
        except (OSError, ValueError, paramiko.SSHException) as error:
            raise UsageError("share.key-file", found=shown, reason=error) from None


def _parse(text: str, passphrase: str | None) -> paramiko.PKey:
    """Try each kind of key: a key's file does not say its kind in the open."""
    problem: Exception = paramiko.SSHException("no key")
    for kind in (paramiko.Ed25519Key, paramiko.ECDSAKey, paramiko.RSAKey):
        try:
            return kind.from_private_key(io.StringIO(text), passphrase)
        except paramiko.PasswordRequiredException:
            raise
        except (paramiko.SSHException, ValueError, IndexError) as error:
            problem = error
    raise paramiko.SSHException(str(problem))


class _Pinned:
    """Knows one machine by one fingerprint: nobody is asked, and none is remembered."""

    def __init__(self, fingerprint: str) -> None:
        self._fingerprint = fingerprint

    def known(self, _host: str, _port: int) -> tuple[HostKey, ...]:
        """Return no key: only the fingerprint is known."""
        return ()

    def check(self, _host: str, _port: int, key: HostKey, _ask: object, _now: object) -> None:
        """Compare the fingerprint. Raises: SupportctlError `share.bastion-key`."""
        if key.fingerprint != self._fingerprint:
            raise SupportctlError("share.bastion-key", expected=self._fingerprint, found=key.fingerprint)


def sign_in(bastion: Bastion, user: str, key: paramiko.PKey, clock: Clock) -> StrongTransport:
    """Return a connection to the bastion.

    Raises:
        SupportctlError: `share.bastion-key` (it is not the one that we know), and what `Connector` raises.
    """
    pinned = cast("HostStore", _Pinned(bastion.host_key))
    return Connector(pinned, clock).connect(bastion.host, bastion.port, user, [key])
