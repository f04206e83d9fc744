"""Reads a ledger in a file without SQLAlchemy, whose import takes longer than any look into a ledger.

The statements are those of `resend.ledger.views`, plain SQL with named parameters; `Store` runs the same.
Whatever is not an ordinary ledger of this version in a file is left to `Store`: it brings an older one up,
refuses a newer one, and says what is wrong with a file.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from contextlib import AbstractContextManager

VERSION = 2  # of the tables that the statements are written for; a test holds it to that of the migrations
_PREFIX = "sqlite:///"
_MAGIC = b"SQLite format 3\0"  # https://sqlite.org/fileformat.html#the_database_header
_BUSY_S = 10.0
_OPEN_S = 0.2  # then `Store` waits
# Runs one statement with its parameters and returns the rows.
Ask = Callable[[str, "Mapping[str, object]"], "Sequence[Sequence[Any]]"]


class Source(Protocol):
    """Where a ledger can be read: a `Store`, or a `Reader`."""

    @property
    def is_sqlite(self) -> bool:
        """Whether it speaks SQLite's SQL."""

    def reading(self) -> AbstractContextManager[Ask]:
        """Return what runs statements, all of which see one moment.

        Raises:
            LedgerError: the database failed.
        """

    def close(self) -> None:
        """Close every connection."""


class Reader:
    """A ledger in a file, only to look at."""

    is_sqlite = True

    def __init__(self, url: str, connection: sqlite3.Connection) -> None:
        self._url = url
        self._connection = connection
        connection.execute(f"PRAGMA busy_timeout={_BUSY_S * 1000:.0f}")

    @contextmanager
    def reading(self) -> Iterator[Ask]:
        """Return what runs statements, all of which see one moment.

        Raises:
            LedgerError: the database failed.
        """
        try:
            self._connection.execute("BEGIN")
            try:
                yield self._ask
            finally:
                self._connection.execute("ROLLBACK")
        except sqlite3.Error as error:
            import sqlalchemy as sa  # noqa: PLC0415  only what fails is worth its import

            from resend.ledger.errors import told  # noqa: PLC0415

            failure = told(error, sa.make_url(self._url))
            if failure is None:
                raise
            raise failure from error

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    def _ask(self, sql: str, values: Mapping[str, object]) -> Sequence[Sequence[Any]]:
        with closing(self._connection.execute(sql, values)) as cursor:
            return cursor.fetchall()


def reader_of(url: str) -> Reader | None:
    """Return what reads the ledger at an address; None if only `Store` can, or can tell why not."""
    path = url.removeprefix(_PREFIX)
    if not url.startswith(_PREFIX) or not path or "?" in path:
        return None
    try:
        with Path(path).open("rb") as content:
            if content.read(len(_MAGIC)) != _MAGIC:
                return None
        address = Path(path).absolute().as_uri()
        # The file of another version is not to change by a byte, and who closes a journal tidies it up.
        with closing(_opened(f"{address}?mode=ro")) as connection:
            row = connection.execute("SELECT version FROM ledger_about").fetchone()
        if row is None or row[0] != VERSION:
            return None
        # Whoever may not write and is the last to close leaves the journal's files behind.
        return Reader(url, _opened(f"{address}?mode=rw", "PRAGMA query_only=ON"))
    except (OSError, ValueError, sqlite3.Error):
        return None


def _opened(address: str, *pragmas: str) -> sqlite3.Connection:
    connection = sqlite3.connect(address, uri=True, timeout=_OPEN_S, isolation_level=None)
    try:
        for pragma in pragmas:
            connection.execute(pragma)
    except sqlite3.Error:
        connection.close()
        raise
    return connection
