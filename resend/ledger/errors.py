"""What a database says when it fails, as errors of ours: whoever works the ledger sees no traceback."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

from supportctl.core.errors import SupportctlError
from supportctl.core.redaction import redact

if TYPE_CHECKING:
    import sqlalchemy as sa


class LedgerError(SupportctlError):
    """The ledger cannot be read or written at the moment, or at all.

    Nothing of what was to be written has been, unless the answer to a commit was lost with its server: then
    it may have been, and whoever asks again finds out. `passing`: the same again may work soon, without
    anybody doing anything.
    """

    def __init__(self, key: str, /, *, passing: bool = False, **args: object) -> None:
        super().__init__(key, **args)
        self.passing = passing


# By SQLite's primary result code; https://sqlite.org/rescode.html
_SQLITE = {
    sqlite3.SQLITE_BUSY: "ledger.locked",
    sqlite3.SQLITE_LOCKED: "ledger.locked",
    sqlite3.SQLITE_FULL: "ledger.full",
    sqlite3.SQLITE_READONLY: "ledger.read-only",
    sqlite3.SQLITE_PERM: "ledger.rights",
    sqlite3.SQLITE_AUTH: "ledger.rights",
    sqlite3.SQLITE_CANTOPEN: "ledger.cannot-open",
    sqlite3.SQLITE_NOTADB: "ledger.not-a-database",
    sqlite3.SQLITE_CORRUPT: "ledger.damaged",
    sqlite3.SQLITE_IOERR: "ledger.disk",
}
# By SQLSTATE, the longest beginning that fits; https://www.postgresql.org/docs/current/errcodes-appendix.html
_POSTGRESQL = {
    "08": "ledger.unreachable",
    "25006": "ledger.read-only",  # a standby, or a read-only default
    "28": "ledger.sign-in",
    "3D": "ledger.no-database",
    "40": "ledger.locked",  # deadlock, serialization
    "42501": "ledger.rights",
    "53100": "ledger.full",
    "53": "ledger.unreachable",  # too many connections, out of memory
    "55P03": "ledger.locked",
    "57": "ledger.unreachable",  # shutting down, crashed, starting, cancelled by its administrator
    "58": "ledger.disk",
    "XX001": "ledger.damaged",
    "XX002": "ledger.damaged",
}
# A connection that was never made has no SQLSTATE, only words; they are English unless the server's are not.
_WORDS = (
    ("password authentication failed", "ledger.sign-in"),
    ("no password supplied", "ledger.sign-in"),
    ("no pg_hba.conf entry", "ledger.sign-in"),
    ('role "', "ledger.sign-in"),
    ('database "', "ledger.no-database"),
)
_LOST = frozenset(
    {"OperationalError", "InterfaceError", "InternalError", "TimeoutError", "ConnectionTimeout"}
)
_PASSING = frozenset({"ledger.locked", "ledger.unreachable", "ledger.full", "ledger.disk"})


def told(error: BaseException, url: sa.URL) -> LedgerError | None:
    """Return a database's error as one of ours, None if it is a bug; `url` is shown without its password."""
    cause = getattr(error, "orig", None) or error
    key = _of_sqlite(cause) if isinstance(cause, sqlite3.Error) else _of_postgresql(cause)
    if key is None:
        return None
    reason = redact(" ".join(str(cause).split())) or type(cause).__name__
    return LedgerError(key, passing=key in _PASSING, found=shown(url), reason=reason)


def shown(url: sa.URL) -> str:
    """Return what people call a database: a file's path, or the address without the password."""
    if url.get_backend_name() == "sqlite":
        return url.database or "sqlite://"
    return url.render_as_string(hide_password=True)


def _of_sqlite(cause: sqlite3.Error) -> str | None:
    code = getattr(cause, "sqlite_errorcode", None)
    if isinstance(code, int):
        return _SQLITE.get(code & 0xFF)
    return "ledger.unusable" if isinstance(cause, sqlite3.OperationalError) else None


def _of_postgresql(cause: BaseException) -> str | None:
    state = getattr(cause, "sqlstate", None)
    if state:
        fitting = [begins for begins in _POSTGRESQL if state.startswith(begins)]
        return _POSTGRESQL[max(fitting, key=len)] if fitting else None
    if type(cause).__name__ not in _LOST:
        return None
    said = str(cause)
    return next((key for words, key in _WORDS if words in said), "ledger.unreachable")
