"""`bundle create --on`: collected and redacted beside the device, brought here in blocks, looked at, written.

What its tokens stand for is kept on neither side.
"""

from __future__ import annotations

import base64
import binascii
import secrets
import threading
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

from supportctl.core.clock import SystemClock
from supportctl.core.errors import SupportctlError
from supportctl.remote.server import BUSY, CANCELLED, UNKNOWN

if TYPE_CHECKING:
    from collections.abc import Mapping

    from supportctl.app.bundle import Made
    from supportctl.app.bundle_collect import Around
    from supportctl.app.remote import Remote
    from supportctl.core.clock import Clock
    from supportctl.remote.server import Call
    from supportctl.remote.work import Handler

MAKE, READ = "bundle", "bundle.read"
MAX_SIZE = 24 * 1024 * 1024  # bytes of a bundle that is packed; one holds 16 MB unpacked
BLOCK = 512 * 1024  # bytes in one answer
_LONGEST_S = 600.0
_PACK_S = 5.0  # to redact, pack and answer, of a request's time
_READ_S = 30.0


class Bundles:
    """Makes bundles for a session, one at a time; the last one is kept until it was read.

    Without `probes` no device is asked: the session may look at this computer only.
    """

    def __init__(self, config: Path | None, clock: Clock, *, probes: bool = True) -> None:
        self._config = config
        self._clock = clock
        self._probes = probes
        self._making = threading.Lock()
        self._kept: tuple[str, bytes] = ("", b"")

    def handlers(self) -> dict[str, Handler]:
        """Return the methods by name."""
        return {MAKE: self._make, READ: self._read}

    def _make(self, params: Mapping[str, Any], call: Call) -> Mapping[str, Any]:
        from supportctl.app.bundle import gather
        from supportctl.app.bundle_collect import COLLECTORS, Asked
        from supportctl.core.language import LANGUAGES
        from supportctl.core.redactor import Tokens

        if not self._making.acquire(blocking=False):
            raise SupportctlError(BUSY, limit="1")
        try:
            lang = params.get("lang")
            seconds = min(max(call.deadline.remaining() - _PACK_S, 1.0), _LONGEST_S)
            asked = Asked(lang if lang in LANGUAGES else "en", self._config, None, seconds)
            collectors = tuple(
                (what, collector if what != "findings" or self._probes else _asks_nobody)
                for what, collector in COLLECTORS
            )
            made = gather(asked, Tokens(), clock=self._clock, collectors=collectors)
        finally:
            self._making.release()
        if call.cancelled.is_set():
            raise SupportctlError(CANCELLED, method=call.method)
        name, digest = secrets.token_hex(16), sha256(made.data).hexdigest()
        self._kept = (name, made.data)
        return {
            "bundle": name,
            "size": len(made.data),
            "sha256": digest,
            "files": len(made.files),
            "not_collected": len(made.left),
        }

    def _read(self, params: Mapping[str, Any], _call: Call) -> Mapping[str, Any]:
        name, data = self._kept
        if not name or params["bundle"] != name:
            raise SupportctlError("bundle.gone")
        return {"data": base64.b64encode(data[params["at"] : params["at"] + BLOCK]).decode()}


def bundle_on(
    remote: Remote, lang: str, output: Path | None, deadline_s: float, clock: Clock | None = None
) -> Made:
    """Have a bundle made on the other side and write it here; the file is readable by its owner only.

    Raises:
        SupportctlError: the other side cannot make one, or refuses; the line broke; what came is no bundle;
            `bundle.unwritable`.
    """
    from supportctl.app.bundle import name_at, written

    hello = remote.session.client.hello
    if hello is not None and hello.digest:
        raise SupportctlError("bundle.not-there", found=remote.shown)
    try:
        told = remote.ask(MAKE, {"lang": lang}, deadline_s + _PACK_S)
    except SupportctlError as error:
        if error.key != UNKNOWN:
            raise
        raise SupportctlError("bundle.not-there", found=remote.shown) from None
    data = _brought(remote, told)
    path = output or Path(f"{name_at((clock or SystemClock()).now())}.zip")
    made = _looked_at(path, data)
    written(path, data)
    return made


def _brought(remote: Remote, told: Mapping[str, Any]) -> bytes:
    """Return the bundle, block by block: exactly what was announced, and never more."""
    size, name = told.get("size"), told.get("bundle")
    if not isinstance(size, int) or not 0 < size <= MAX_SIZE or not isinstance(name, str) or len(name) > 64:
        raise SupportctlError("remote.bad-answer", reason=f"size {size}")
    data = bytearray()
    while len(data) < size:
        answer = remote.ask(READ, {"bundle": name, "at": len(data)}, _READ_S)
        try:
            block = base64.b64decode(str(answer.get("data")), validate=True)
        except (binascii.Error, ValueError):
            block = b""
        if not 0 < len(block) <= min(BLOCK, size - len(data)):
            raise SupportctlError("remote.bad-answer", reason=f"{len(block)} of {size - len(data)}")
        data += block
    if sha256(data).hexdigest() != told.get("sha256"):
        raise SupportctlError("remote.bad-answer", reason="sha256")
    return bytes(data)


def _looked_at(path: Path, data: bytes) -> Made:
    """Return what came as a bundle; what is none, or a dangerous one, is not written."""
    from supportctl.app.bundle import Left, Made
    from supportctl.app.bundle_show import shown_of
    from supportctl.app.bundle_zip import unpacked_data

    shown = shown_of(path, unpacked_data(data, path))
    if not shown.intact:
        raise SupportctlError("remote.bad-answer", reason="manifest")
    removed: dict[str, int] = {}
    for file in shown.files:
        for kind, count in file.removed.items():
            removed[kind] = removed.get(kind, 0) + count
    files = tuple(
        {
            "name": file.name,
            "size": file.size,
            "sha256": sha256(shown.members[file.name]).hexdigest(),
            "removed": dict(file.removed),
        }
        for file in shown.files
        if file.name in shown.members
    )
    left = tuple(Left(what, why) for what, why in shown.left)
    return Made(path, len(data), files, left, removed, None)


def _asks_nobody(_around: Around) -> Mapping[str, bytes]:
    from supportctl.app.bundle_collect import NothingError

    raise NothingError("why-observe")
