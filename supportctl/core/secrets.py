"""Secrets are references, resolved at use: `secret://env/NAME`, `secret://keyring/SERVICE/NAME`, `secret://file/PATH`."""

from __future__ import annotations

import os
from pathlib import Path

from supportctl.core.errors import UsageError
from supportctl.core.redaction import remember

SCHEME = "secret://"
_MAX_BYTES = 64 * 1024


def is_reference(value: str) -> bool:
    """Return whether `value` refers to a secret instead of being one."""
    return value.startswith(SCHEME)


def resolve(reference: str) -> str:
    """Return the secret's value, and remember it for the redaction.

    Raises:
        UsageError: the reference is malformed, or nothing is stored there.
    """
    kind, _, name = reference.removeprefix(SCHEME).partition("/")
    if not name:
        raise UsageError("secret.malformed", found=reference)
    if kind == "env":
        value = os.environ.get(name, "")
    elif kind == "file":
        value = _from_file(name)
    elif kind == "keyring":
        value = _from_keyring(name)
    else:
        raise UsageError("secret.malformed", found=reference)
    if not value:
        raise UsageError("secret.missing", found=reference)
    remember(value)
    return value


def _from_file(name: str) -> str:
    path = Path(name if name.startswith(("/", "~")) or name[1:2] == ":" else f"/{name}").expanduser()
    try:
        with path.open("rb") as file:
            return file.read(_MAX_BYTES).decode("utf-8").strip()
    except (OSError, UnicodeDecodeError):
        return ""


def _from_keyring(name: str) -> str:
    try:
        import keyring
    except ImportError:
        raise UsageError("secret.no-keyring", found=name) from None
    service, _, user = name.partition("/")
    return keyring.get_password(service, user) or ""
