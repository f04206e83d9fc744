"""Grants for a machine where nobody sits: made on it beforehand, each for one thing, used up by its code.

A grant is a file that only its owner may touch; its name is the hash of the code, which is kept nowhere. It
says what may be done, to what, with which playbook, until when and how often.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
import secrets
import stat
import sys
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

from supportctl.core.errors import UsageError
from supportctl.core.redaction import remember
from supportctl.remote.capability import NEEDS_CONSENT, Capability

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping
    from pathlib import Path

    from supportctl.remote.capability import Wanted
    from supportctl.remote.server import Call

SCHEMA = "supportctl.grant/1"
ANY_SIGNED = "*"
DEFAULT_S = 900.0
MAX_S = 24 * 3600.0
MAX_USES = 10
_MAX_BYTES = 4096
_CODE = re.compile(r"[A-Z2-7]{16}")  # 80 bits


class Offer(NamedTuple):
    """What is granted. `target` is "" for what the configuration has; `digest` may be `ANY_SIGNED`.

    `params` are the playbook's parameters, these and no others.
    """

    capability: Capability
    target: str
    digest: str
    lasts_s: float = DEFAULT_S
    uses: int = 1
    params: Mapping[str, str] = MappingProxyType({})


def give(folder: Path, offer: Offer, now: datetime) -> tuple[str, datetime]:
    """Write a grant; return its code, which nobody can find out again, and when it ends.

    Raises:
        UsageError: `signing.grant-place`.
    """
    code = base64.b32encode(secrets.token_bytes(10)).decode()
    until = now + timedelta(seconds=min(max(offer.lasts_s, 1.0), MAX_S))
    document = {
        "schema": SCHEMA,
        "capability": offer.capability.word,
        "target": offer.target,
        "digest": offer.digest,
        "params": dict(offer.params),
        "made_at": now.astimezone(UTC).isoformat(),
        "expires_at": until.astimezone(UTC).isoformat(),
        "uses": min(max(offer.uses, 1), MAX_USES),
    }
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not _is_ours(folder.lstat(), folder=True):
            raise UsageError("signing.grant-place", found=folder, reason=oct(folder.stat().st_mode & 0o777))
        _tidy(folder, now)
        handle = os.open(_path(folder, code), os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            json.dump(document, file)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise UsageError("signing.grant-place", found=folder, reason=error.strerror or error) from None
    return "-".join(code[at : at + 4] for at in range(0, 16, 4)), until


def take(
    folder: Path, told: str, wanted: Wanted, now: datetime, params: Mapping[str, str] = MappingProxyType({})
) -> bool:
    """Use up one use of the grant with this code; return whether there was one for exactly this."""
    code = _plain(told)
    if not _CODE.fullmatch(code):
        return False
    remember(told)  # a secret while it is good: logs that are written after this do not get it
    try:
        if not _is_ours(folder.lstat(), folder=True):
            return False
        flags = os.O_RDWR | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
        handle = os.open(_path(folder, code), flags)
    except OSError:
        return False
    with os.fdopen(handle, "r+b", buffering=0) as file:
        try:
            return _taken(file, _path(folder, code), wanted, now, params)
        except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
            return False  # what cannot be read or used up grants nothing


class GrantGate:
    """The gate of a machine where nobody sits: what it was set up with, and what a grant's code covers.

    `look` sees a request before its grant is used up; it raises SupportctlError where it is good for nothing.
    """

    def __init__(
        self,
        capabilities: Collection[Capability],
        folder: Path,
        now: Callable[[], datetime],
        look: Callable[[Wanted, Mapping[str, Any]], object],
        told: Callable[[str, Mapping[str, Any], str], None] = lambda _method, _params, _outcome: None,
    ) -> None:
        self._capabilities = frozenset(capabilities) - NEEDS_CONSENT
        self._folder = folder
        self._now = now
        self._look = look
        self._told = told

    def allows(self, wanted: Wanted, call: Call) -> bool:
        """Return whether it may be done. Raises: SupportctlError: what `look` says."""
        if wanted.capability not in NEEDS_CONSENT:
            return wanted.capability in self._capabilities
        code = call.params.get("grant")
        if not code:
            return False
        self._look(wanted, call.params)
        return take(self._folder, str(code), wanted, self._now(), call.params.get("params", {}))

    def told(self, method: str, params: Mapping[str, Any], outcome: str) -> None:
        """Hand on what is asked and done; the code is a secret while it is good."""
        self._told(method, {name: "***" if name == "grant" else params[name] for name in params}, outcome)


def _taken(
    file: Any,  # noqa: ANN401  an open file
    path: Path,
    wanted: Wanted,
    now: datetime,
    params: Mapping[str, str],
) -> bool:
    _lock(file.fileno())
    status = os.fstat(file.fileno())
    if not _is_ours(status, folder=False) or status.st_nlink != 1 or status.st_size > _MAX_BYTES:
        return False  # nlink 0: somebody has used it up while we waited
    document = json.loads(file.read(_MAX_BYTES))
    made, expires = (datetime.fromisoformat(document[name]) for name in ("made_at", "expires_at"))
    uses = document["uses"]
    covers = (
        document["schema"] == SCHEMA
        and document["capability"] == wanted.capability.word
        and document["target"] == wanted.target
        and document["params"] == dict(params)
        and document["digest"] in ({wanted.digest, ANY_SIGNED} if wanted.digest else {""})
        and made <= now < expires  # a clock that was set back makes nothing good again
        and isinstance(uses, int)
        and 0 < uses <= MAX_USES
    )
    if not covers:
        return False
    file.seek(0)
    file.truncate()
    file.write(json.dumps({**document, "uses": uses - 1}).encode())
    os.fsync(file.fileno())
    if uses == 1:
        with suppress(PermissionError):  # Windows removes no open file; it is used up already
            path.unlink()
    return True


def _plain(told: str) -> str:
    return re.sub(r"[\s-]", "", told).upper()


def _path(folder: Path, code: str) -> Path:
    return folder / f"{hashlib.sha256(code.encode()).hexdigest()}.json"


def _is_ours(status: os.stat_result, *, folder: bool) -> bool:
    """Whether only we may change it; a file: whether only we may read it."""
    right = stat.S_ISDIR(status.st_mode) if folder else stat.S_ISREG(status.st_mode)
    if sys.platform == "win32":  # there the user's own folder keeps others out
        return right
    return right and status.st_uid == os.geteuid() and not status.st_mode & (0o022 if folder else 0o077)


def _lock(handle: int) -> None:
    if sys.platform == "win32":
        import msvcrt

        msvcrt.locking(handle, msvcrt.LK_LOCK, 1)
        return
    import fcntl

    fcntl.flock(handle, fcntl.LOCK_EX)


def _tidy(folder: Path, now: datetime) -> None:
    """Remove grants whose time is long over."""
    for path in folder.glob("*.json"):
        if now.timestamp() - path.lstat().st_mtime > MAX_S:
            path.unlink(missing_ok=True)
