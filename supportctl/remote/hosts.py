"""The keys of the machines that sessions go to: our own store, and no key is ever added without a person.

Not `~/.ssh/known_hosts`: paramiko refuses that whole file for one line it does not know (remote.md, 3).
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from supportctl.core.errors import SupportctlError
from supportctl.core.text import clean

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

SCHEMA = "supportctl.hosts/1"
_MAX_STORE = 4 * 1024 * 1024
_CONSONANTS, _VOWELS = "bdfghjklmnprstvz", "aiou"
_WORDS = 8  # of 16 bits each


class HostKey(NamedTuple):
    """A machine's public key: its kind ("ssh-ed25519") and the SHA-256 of its bytes."""

    kind: str
    sha256: bytes

    @classmethod
    def of(cls, kind: str, blob: bytes) -> HostKey:
        """Return the key whose public half is `blob`."""
        return cls(clean(kind, 60), hashlib.sha256(blob).digest())

    @property
    def fingerprint(self) -> str:
        """As `ssh-keygen -l` writes it."""
        return "SHA256:" + base64.b64encode(self.sha256).decode().rstrip("=")


def in_words(digest: bytes, count: int = _WORDS) -> str:
    """Return the beginning of a hash as words that can be read out: 16 bits a word, "lusab-babad-…".

    They are proquints (D. S. Wilkerson, arXiv 0901.4016): consonant, vowel, consonant, vowel, consonant.
    """
    words = []
    for place in range(0, count * 2, 2):
        number = int.from_bytes(digest[place : place + 2], "big")
        words.append(
            _CONSONANTS[number >> 12]
            + _VOWELS[number >> 10 & 3]
            + _CONSONANTS[number >> 6 & 15]
            + _VOWELS[number >> 4 & 3]
            + _CONSONANTS[number & 15]
        )
    return "-".join(words)


class AsksAboutKey(Protocol):
    """Asks a person, on their own terminal, whether a key that is new to us is the right one."""

    def __call__(self, host: str, key: HostKey) -> bool:
        """Return True only if they say yes."""


class HostStore:
    """The keys by machine and port, in one JSON file that only its owner may read and write."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def known(self, host: str, port: int) -> tuple[HostKey, ...]:
        """Return the keys that this machine may show.

        Raises:
            SupportctlError: `remote.hosts-broken`: the store cannot be read; nothing is trusted then.
        """
        return self._read().get(_name(host, port), ())

    def check(self, host: str, port: int, key: HostKey, ask: AsksAboutKey | None, now: datetime) -> None:
        """Return if this is the machine's key; one that nobody knows is kept if a person says so.

        Raises:
            SupportctlError: `remote.key-changed`: another one was kept; `remote.key-unknown`: it is not
                known, and nobody said yes.
        """
        known = self.known(host, port)
        if key in known:
            return
        shown = _name(host, port)
        if known:
            kept = ", ".join(each.fingerprint for each in known)
            raise SupportctlError(
                "remote.key-changed", host=shown, kept=kept, found=key.fingerprint, file=self._path
            )
        if ask is None or not ask(shown, key):
            raise SupportctlError(
                "remote.key-unknown", host=shown, found=key.fingerprint, words=in_words(key.sha256)
            )
        self.keep(host, port, key, now)

    def keep(self, host: str, port: int, key: HostKey, now: datetime) -> None:
        """Keep a key. Raises: SupportctlError."""
        entries = self._document()
        entry = {"kind": key.kind, "sha256": key.fingerprint, "since": now.isoformat(timespec="seconds")}
        entries.setdefault(_name(host, port), []).append(entry)
        self._write(entries)

    def forget(self, host: str, port: int) -> bool:
        """Forget a machine's keys; return whether there were any. Raises: SupportctlError."""
        entries = self._document()
        gone = entries.pop(_name(host, port), None)
        if gone is not None:
            self._write(entries)
        return gone is not None

    def _read(self) -> Mapping[str, tuple[HostKey, ...]]:
        try:
            return {
                name: tuple(HostKey(str(each["kind"]), _digest(str(each["sha256"]))) for each in listed)
                for name, listed in self._document().items()
            }
        except (ValueError, TypeError, KeyError) as error:
            raise SupportctlError("remote.hosts-broken", file=self._path, reason=error) from None

    def _document(self) -> dict[str, list[dict[str, str]]]:
        try:
            if self._path.stat().st_size > _MAX_STORE:
                raise ValueError("too big")
            found = json.loads(self._path.read_text(encoding="utf-8"))
            if found["schema"] != SCHEMA:
                raise ValueError(found["schema"])
            hosts: Any = found["hosts"]
            if not isinstance(hosts, dict) or not all(isinstance(each, list) for each in hosts.values()):
                raise TypeError("hosts")
            listed: dict[str, list[dict[str, str]]] = hosts
        except FileNotFoundError:
            return {}
        except (OSError, ValueError, TypeError, KeyError) as error:
            raise SupportctlError("remote.hosts-broken", file=self._path, reason=error) from None
        return listed

    def _write(self, hosts: Mapping[str, object]) -> None:
        text = json.dumps({"schema": SCHEMA, "hosts": hosts}, indent=1, sort_keys=True)
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            number, name = tempfile.mkstemp(dir=self._path.parent, prefix=".hosts-")  # 0600
            with os.fdopen(number, "w", encoding="utf-8") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            Path(name).replace(self._path)
        except OSError as error:
            raise SupportctlError(
                "remote.hosts-broken", file=self._path, reason=error.strerror or error
            ) from None


def _name(host: str, port: int) -> str:
    return f"[{host.lower()}]:{port}"


def _digest(fingerprint: str) -> bytes:
    kind, _, text = fingerprint.partition(":")
    digest = base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    if kind != "SHA256" or len(digest) != hashlib.sha256().digest_size:
        raise ValueError(clean(fingerprint, 80))
    return digest
