"""The audit log of a session: one line for each thing, chained by hashes; each side writes its own.

JSON Lines in canonical form. `hash` is SHA-256 over the hash of the line before and this line without `hash`,
so an edit, a removal, an insertion and a swap are found. The end of a log can be cut off, and a whole log
written anew: against that, both sides write down the other's head now and then (method `audit.head`).
"""

from __future__ import annotations

import json
import math
import os
import secrets
import threading
from hashlib import sha256
from typing import TYPE_CHECKING, Any, NamedTuple

from supportctl import __version__
from supportctl.core.errors import SupportctlError, UsageError
from supportctl.core.redactor import KEEP, PARTIAL, Policy, Redactor
from supportctl.core.text import clean

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path
    from typing import BinaryIO

    from supportctl.core.clock import Clock

SCHEMA = "supportctl.audit/1"
NOTHING = "0" * 64  # the hash before the first line
HEAD_METHOD = "audit.head"
NO_TICKET = "-"  # what a log says of a session that is about no ticket
OPENED, CLOSED, HEAD, INTENT, RESULT, DENIED, SIGN_IN, CONSENT = (
    "opened",
    "closed",
    "head",
    "intent",
    "result",
    "denied",
    "sign-in",
    "consent",
)
CUSTOMER, SUPPORTER = "customer", "supporter"
_TEXT_MAX, _ITEMS_MAX, _DEPTH_MAX = 400, 50, 6
_EXACT = frozenset({"schema", "log", "peer", "peer_hash", "sha256"})  # names and hashes of logs
_DURABLE = frozenset({OPENED, CLOSED, HEAD, SIGN_IN, CONSENT})


class Who(NamedTuple):
    """What the first line says. `side` is whose log it is; `customer` and `supporter` are both ends."""

    session: str
    ticket: str
    side: str
    customer: str
    supporter: str


class Head(NamedTuple):
    """How far a log has come: its own name, how many lines it has, the hash of the last."""

    log: str
    entries: int
    hash: str


def canonical(entry: Mapping[str, Any]) -> bytes:
    """Return the one way in which an entry is written."""
    return json.dumps(
        entry, ensure_ascii=True, allow_nan=False, sort_keys=True, separators=(",", ":")
    ).encode()


def chained(before: str, entry: Mapping[str, Any]) -> str:
    """Return the hash of an entry without its own hash, after the entry with the hash `before`."""
    return sha256(bytes.fromhex(before) + canonical(entry)).hexdigest()


class AuditLog:
    """A log that is being written, by any number of threads.

    Once a line could not be written, `write` raises for good: what cannot be logged is not done.
    """

    def __init__(self, file: BinaryIO, who: Who, clock: Clock) -> None:
        """Write the first line to `file`, an empty one, which only its owner reads.

        Raises:
            UsageError: `audit.no-ticket`.
            SupportctlError: `audit.unwritable`.
        """
        if not who.ticket.strip():
            raise UsageError("audit.no-ticket")
        self._file = file
        self._clock = clock
        self._lock = threading.Lock()
        self._broken = ""
        self._head = Head(secrets.token_hex(8), 0, NOTHING)
        self._witnessed = 0
        self._redactor = Redactor(Policy(PARTIAL, KEEP))  # who was there is what this is about
        self.write(OPENED, schema=SCHEMA, log=self._head.log, tool_version=__version__, **who._asdict())

    @property
    def head(self) -> Head:
        """How far it has come."""
        with self._lock:
            return self._head

    @property
    def unwitnessed(self) -> int:
        """How many lines the other side knows nothing of."""
        with self._lock:
            return self._head.entries - self._witnessed

    def witnessed(self, head: Head) -> None:
        """Take note that the other side has written down this head of ours."""
        with self._lock:
            self._witnessed = max(self._witnessed, head.entries)

    def write(self, event: str, *, durable: bool = False, **fields: object) -> None:
        """Write one line; `durable`: it is on the disk before this returns. Every text is redacted.

        Raises:
            SupportctlError: `audit.unwritable`: now or before; `audit.closed`.
        """
        with self._lock:
            if self._broken or self._file.closed:
                raise SupportctlError("audit.unwritable", reason=self._broken or "closed")
            number, before = self._head.entries, self._head.hash
            at = self._clock.now().isoformat(timespec="milliseconds")
            entry = {**self._redacted(fields), "event": event, "n": number, "at": at, "prev": before}
            own = chained(before, entry)
            try:
                self._file.write(canonical({**entry, "hash": own}) + b"\n")
                self._file.flush()
                if durable or event in _DURABLE:
                    os.fsync(self._file.fileno())
            except OSError as error:
                self._broken = error.strerror or str(error)
                raise SupportctlError("audit.unwritable", reason=self._broken) from None
            self._head = Head(self._head.log, number + 1, own)

    def _redacted(self, fields: Mapping[str, object]) -> dict[str, Any]:
        plain: dict[str, Any] = _plain(fields)
        shown: dict[str, Any] = self._redactor.document(plain)
        return shown | {name: plain[name] for name in _EXACT & plain.keys()}

    def peer_head(self, head: Head) -> None:
        """Write down how far the other side's log has come. Raises as `write`."""
        log, own = clean(head.log, 64), clean(head.hash, 64)
        self.write(HEAD, peer=log, entries=head.entries, peer_hash=own)

    def sign_in(self, who: str, outcome: str) -> None:
        """Write down that somebody tried to come in: `accepted`, or why not. Raises as `write`."""
        self.write(SIGN_IN, who=who, outcome=outcome)

    def close(self) -> Head:
        """Write the last line and close the file; return the head, worth noting in the ticket."""
        try:
            if not self._broken and not self._file.closed:
                self.write(CLOSED)
        finally:
            self._file.close()
        return self.head


def create(path: Path, who: Who, clock: Clock) -> AuditLog:
    """Begin a log in a new file that only its owner reads.

    Raises:
        UsageError: `audit.no-ticket`.
        SupportctlError: `audit.unwritable`.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        number = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o600)
    except OSError as error:
        raise SupportctlError("audit.unwritable", reason=f"{path}: {error.strerror}") from None
    file = os.fdopen(number, "wb")
    try:
        return AuditLog(file, who, clock)
    except BaseException:
        file.close()
        path.unlink(missing_ok=True)
        raise


def _plain(value: Any, depth: int = 0) -> Any:  # noqa: ANN401  JSON
    """Return what a request brought as a small JSON value: a long text is named by its hash."""
    if isinstance(value, str):
        return _short(value)
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if depth < _DEPTH_MAX and isinstance(value, dict):
        kept = {_short(str(name)): _plain(value[name], depth + 1) for name in list(value)[:_ITEMS_MAX]}
        return kept | ({"…": len(value) - _ITEMS_MAX} if len(value) > _ITEMS_MAX else {})
    if depth < _DEPTH_MAX and isinstance(value, list | tuple):
        return [_plain(inner, depth + 1) for inner in value[:_ITEMS_MAX]] + ["…"] * (len(value) > _ITEMS_MAX)
    return clean(value, _TEXT_MAX)


def _short(text: str) -> str:
    if len(text) <= _TEXT_MAX:
        return text
    return f"sha256:{sha256(text.encode('utf-8', 'backslashreplace')).hexdigest()} ({len(text)})"
