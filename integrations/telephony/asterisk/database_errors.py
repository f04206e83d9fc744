"""What a database's complaint means: by its own code first, by the server's words where it has none."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import sqlalchemy as sa

from supportctl.core.failure import Failure, ServiceError

if TYPE_CHECKING:
    from collections.abc import Generator

REFUSED = "refused"  # user or password
NO_RIGHT = "no-right"
NO_DATABASE = "no-database"
NO_TABLE = "no-table"
TIMEOUT = "timeout"
UNREACHABLE = "unreachable"
BUSY = "busy"
_CODES = {
    # SQLSTATE of PostgreSQL
    "28000": REFUSED, "28P01": REFUSED, "3D000": NO_DATABASE, "42P01": NO_TABLE, "42501": NO_RIGHT,
    "3F000": NO_TABLE, "57014": TIMEOUT, "53300": BUSY, "57P03": BUSY, "57P01": UNREACHABLE,
    "57P02": UNREACHABLE, "55P03": BUSY,
    # numbers of MySQL and MariaDB
    "1045": REFUSED, "1044": NO_RIGHT, "1142": NO_RIGHT, "1143": NO_RIGHT, "1049": NO_DATABASE,
    "1146": NO_TABLE, "1969": TIMEOUT, "3024": TIMEOUT, "1317": TIMEOUT, "1040": BUSY, "1203": BUSY,
    "1130": NO_RIGHT, "2003": UNREACHABLE, "2006": UNREACHABLE, "2013": UNREACHABLE, "1698": REFUSED,
    # SQLite
    "SQLITE_CANTOPEN": NO_DATABASE, "SQLITE_NOTADB": NO_DATABASE, "SQLITE_BUSY": BUSY,
    "SQLITE_LOCKED": BUSY, "SQLITE_INTERRUPT": TIMEOUT, "SQLITE_CORRUPT": "damaged",
    "SQLITE_PERM": NO_RIGHT, "SQLITE_AUTH": NO_RIGHT,
}  # fmt: skip
# libpq does not hand on the SQLSTATE of a connection that was refused: only the words are left. UNVERIFIED
# for servers that speak another language than these two.
_WORDS = (
    ("password authentication failed", REFUSED),
    ("не прошёл проверку подлинности", REFUSED),
    ("no password supplied", REFUSED),
    ("no pg_hba.conf entry", NO_RIGHT),
    ("в pg_hba.conf нет записи", NO_RIGHT),
    ("the database system is starting up", BUSY),
    ("the database system is shutting down", BUSY),
    ("too many clients", BUSY),
)
_AGAIN = frozenset({BUSY, TIMEOUT, UNREACHABLE})


@contextlib.contextmanager
def translated(url: sa.URL) -> Generator[None]:
    """Turn the complaints of a database into ServiceError; the password is cut out of their text."""
    try:
        yield
    except sa.exc.DBAPIError as error:
        raise _error(url, error.orig or error) from None
    except (sa.exc.SQLAlchemyError, UnicodeDecodeError) as error:
        raise _error(url, error) from None


def _error(url: sa.URL, error: BaseException) -> ServiceError:
    text = " ".join(str(error).split())
    for secret in (url.password, url.render_as_string(hide_password=False)):
        text = text.replace(str(secret), "***") if secret else text
    code = _code_of(error, text, url.database)
    failure = Failure.RETRY if code in _AGAIN else Failure.CONFIGURATION
    return ServiceError(failure, code, text, sent=code != UNREACHABLE)


def _code_of(error: BaseException, text: str, database: str | None) -> str:
    raw = error.args[0] if error.args and isinstance(error.args[0], int) else None
    raw = raw or getattr(error, "sqlstate", None) or getattr(error, "sqlite_errorname", None)
    if raw is not None:
        return _CODES.get(str(raw), str(raw))
    found = next((meaning for words, meaning in _WORDS if words in text), None)
    if found is not None:
        return found
    if "FATAL:" in text or "ВАЖНО:" in text:  # a server answered
        named = (f'database "{database}"', f'база данных "{database}"')
        return NO_DATABASE if any(words in text for words in named) else REFUSED
    return (
        UNREACHABLE
        if isinstance(error, OSError) or type(error).__name__ == "OperationalError"
        else "database"
    )
