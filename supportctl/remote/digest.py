"""The hash that consent is bound to: of a playbook's files, all of them, by name."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


def digest_of(files: Mapping[str, str]) -> str:
    """Return the SHA-256 of named files; neither a name nor a byte can change without it."""
    whole = hashlib.sha256()
    for name, content in sorted(files.items()):
        data = content.encode("utf-8", "surrogatepass")
        whole.update(f"{len(name.encode())} {name} {len(data)}\n".encode())
        whole.update(data)
    return whole.hexdigest()
