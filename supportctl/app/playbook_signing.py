"""`playbook sign` and `playbook verify`."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from supportctl.app.playbook_lint import library
from supportctl.app.signed_playbooks import (
    SUFFIX,
    Seen,
    bytes_of,
    not_expired,
    not_rolled_back,
    read_signature_of,
    seen_path,
    signers_of,
    verified,
)
from supportctl.core.clock import SystemClock
from supportctl.core.errors import SupportctlError, UsageError
from supportctl.remote.signing import ENDING, NAMESPACE, SignedBy
from supportctl.remote.sshsig import fingerprint, sign, signer_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from playbooks.engine.library import Library
    from supportctl.core.clock import Clock
    from supportctl.core.site import SiteConfig

_MAX_KEY = 64 * 1024


class Signing(NamedTuple):
    """A key that signs."""

    key: bytes
    signed: Callable[[bytes], bytes]


class Verified(NamedTuple):
    """What became of one file: who has signed it, or why it counts for nothing."""

    name: str
    path: Path
    version: int | None
    expires: str | None
    by: SignedBy | None
    error: SupportctlError | None


def load_signing_key(path: Path, passphrase: Callable[[], str]) -> Signing:
    """Return the key of a file: a private one, or a public one (`.pub`) whose private part the agent has.

    Raises:
        UsageError: `signing.key-unreadable`, `signing.key-passphrase`, `signing.key-not-in-agent`.
    """
    try:
        with path.expanduser().open("rb") as file:
            data = file.read(_MAX_KEY)
    except OSError as error:
        raise UsageError("signing.key-unreadable", found=path, reason=error.strerror or error) from None
    if not data.lstrip().startswith(b"-----BEGIN"):
        return _of_agent(data, path)
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.serialization import load_ssh_private_key

    try:
        try:
            private: Any = load_ssh_private_key(data, None)
        except (TypeError, ValueError) as error:
            if "assword" not in str(error):
                raise
            try:
                private = load_ssh_private_key(data, passphrase().encode())
            except ValueError:
                raise UsageError("signing.key-passphrase", found=path) from None
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise UsageError("signing.key-unreadable", found=path, reason=error) from None
    return Signing(*signer_of(private))


def sign_playbooks(
    words: Sequence[str], key: Signing, config: SiteConfig | None, output: Path | None = None
) -> list[Path]:
    """Write the signature of each playbook (names or files) beside it, or into `output`; return the files.

    Raises:
        UsageError: one is not there or broken, or its signature cannot be written.
    """
    picked = [chosen(word, config) for word in words]
    for known, name in picked:
        known.load(name)  # nothing is signed that does not run
    written = []
    for known, name in picked:
        path = known.path(name)
        told = sign(bytes_of(path), NAMESPACE, key.key, key.signed)
        place = (output or path.parent) / f"{path.name}{ENDING}"
        try:
            place.write_text(told, encoding="ascii", newline="\n")
        except OSError as error:
            raise UsageError("signing.unwritable", found=place, reason=error.strerror or error) from None
        written.append(place)
    return written


def verify_playbooks(
    words: Sequence[str], config: SiteConfig | None, *, clock: Clock | None = None, seen: Path | None = None
) -> list[Verified]:
    """Return what a session would say of these playbooks and all that they include.

    Raises:
        UsageError: one of them is not there; the configuration is wrong.
    """
    now, signers = (clock or SystemClock()).now(), signers_of(config)
    found: dict[Path, Verified] = {}
    for word in words:
        known, first = chosen(word, config)
        waiting = [first]
        while waiting:
            name = waiting.pop(0)
            path = known.path(name)
            if path in found:
                continue
            version, expires, by = None, None, None
            error: SupportctlError | None = None
            try:
                by = verified(bytes_of(path), read_signature_of(path, config), signers, now, path.name)
                playbook = known.load(name).playbook
                version = playbook.version
                expires = playbook.expires.isoformat() if playbook.expires else None
                waiting += [part for part in known.texts(name) if part != name]
                not_expired(playbook, now)
                this = (name, Seen(playbook.version, known.load(name).sha256))
                not_rolled_back(seen or seen_path(), [this])
            except SupportctlError as problem:
                error = problem
            found[path] = Verified(name, path, version, expires, by, error)
    return list(found.values())


def chosen(word: str, config: SiteConfig | None) -> tuple[Library, str]:
    """Return the library that has a playbook (a name, or a file), and its name there.

    Raises:
        UsageError: `playbook.not-found`.
    """
    if word.endswith(SUFFIX) or "/" in word or "\\" in word:
        path = Path(word).absolute()
        if not path.is_file():
            raise UsageError("playbook.not-found", found=path)
        return library(config, [path.parent]), path.name.removesuffix(SUFFIX)
    return library(config), word


def _of_agent(data: bytes, path: Path) -> Signing:
    """Return a key of the SSH agent, by its public part."""
    import base64
    import binascii

    import paramiko

    words = data.split()
    try:
        key = base64.b64decode(words[1], validate=True)
    except (IndexError, binascii.Error):
        raise UsageError("signing.key-unreadable", found=path, reason="OpenSSH") from None
    algorithm = "rsa-sha2-512" if words[0] == b"ssh-rsa" else None

    def signed(told: bytes) -> bytes:
        with closing(paramiko.Agent()) as agent:
            held = next((each for each in agent.get_keys() if each.asbytes() == key), None)
            if held is None:
                raise UsageError("signing.key-not-in-agent", found=fingerprint(key))
            return bytes(held.sign_ssh_data(told, algorithm))

    signed(b"")  # whether it is there is said before anything is written
    return Signing(key, signed)
