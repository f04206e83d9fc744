"""Opens the ledger's database: SQLite in WAL mode, or PostgreSQL, by its URL alone."""

from __future__ import annotations

import sqlite3
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.exc import ArgumentError, DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from resend.ledger import connections, past
from resend.ledger.errors import LedgerError, shown, told
from resend.ledger.migrations import VERSION, bring_up, strangers, version_of
from resend.ledger.turns import Turns
from supportctl.core.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from resend.ledger.past import Driver
    from resend.ledger.reading import Ask
    from supportctl.core.clock import Clock

BUSY_S = 10.0  # how long a lock of others is waited for
_MIGRATING_S = 600.0  # another process may be bringing a ledger of millions to this version
_MIGRATION_LOCK = 0x5C71_EDCE  # of PostgreSQL's advisory locks: this one is ours
_CLOCK_NOISE_S = 2.0
_ABOUT_S = 60.0
_BACKENDS = ("sqlite", "postgresql")
_MAGIC = b"SQLite format 3\0"  # https://sqlite.org/fileformat.html#the_database_header
_FAILURES = (DBAPIError, sqlite3.Error, PoolTimeoutError)


class Store:
    """A ledger's database. Every change is one short transaction, durable when it has ended.

    Whatever the database fails with comes out as LedgerError.
    """

    def __init__(self, url: str, clock: Clock, *, busy_s: float = BUSY_S) -> None:
        """Open the database and bring its tables to this version.

        Raises:
            UsageError: `ledger.bad-url`, `ledger.no-driver`, `ledger.taken`; `ledger.newer`: a newer
                supportctl has written it, and it is left untouched.
            LedgerError: it cannot be opened.
        """
        self.clock = clock
        self.url = _parsed(url)
        self.is_sqlite = self.url.get_backend_name() == "sqlite"
        self._busy_s = busy_s
        self._turns: Turns | None = None
        self._few: sa.Engine | None = None
        self._offset: float | None = None  # of the ledger's clock to the monotonic one of this computer
        self._told_at = self._set_at = float("-inf")
        try:
            if self.is_sqlite:
                _refuse_newer(_version_in_file(self.url.database or ""))
            self.engine = self._engine()
            self._open()
        except _FAILURES as error:
            self._tell(error)
            raise
        except OSError as error:
            reason = error.strerror or type(error).__name__
            raise LedgerError("ledger.cannot-open", found=shown(self.url), reason=reason) from error

    def _open(self) -> None:
        try:
            self._bring_up()
            if self.is_sqlite:
                options: dict[str, Any] = {"isolation_level": "AUTOCOMMIT", "supportctl_turns": True}
                self._turns = Turns(self.engine.connect().execution_options(**options))
        except BaseException:
            self.engine.dispose()
            raise

    @contextmanager
    def write(self) -> Iterator[sa.Connection]:
        """Return a transaction that is durable when the block has ended.

        Raises:
            LedgerError: the database failed, and nothing was written.
        """
        try:
            with self._turns.take() if self._turns else self.engine.begin() as connection:
                yield connection
        except _FAILURES as error:
            self._tell(error)
            raise

    @contextmanager
    def at_once(self) -> Iterator[Driver]:
        """Return psycopg's connection, on which each statement is a transaction of its own, and durable.

        Nothing else may be asked of the store inside the block: there are only a few of them.

        Raises:
            LedgerError: the database failed; what became of the statement is not known if it was cut off.
        """
        assert self._few is not None
        try:
            taken = self._few.raw_connection()
            try:
                raw: Any = taken.driver_connection
                yield raw
            except BaseException:  # a statement may be under way: the next one gets another connection
                taken.invalidate()
                raise
            finally:
                taken.close()
        except (*_FAILURES, self._few.dialect.loaded_dbapi.Error) as error:
            self._tell(error)
            raise

    @contextmanager
    def read(self, *, snapshot: bool = False) -> Iterator[sa.Connection]:
        """Return a connection that only reads; a `snapshot` sees one moment in all of its statements.

        Raises:
            LedgerError: the database failed.
        """
        options: dict[str, Any] = {"supportctl_reads": True}
        if not self.is_sqlite:  # SQLite sees one moment anyway
            options["isolation_level"] = "REPEATABLE READ" if snapshot else "AUTOCOMMIT"
        try:
            with self.engine.connect().execution_options(**options) as connection:
                yield connection
        except _FAILURES as error:
            self._tell(error)
            raise

    @contextmanager
    def reading(self) -> Iterator[Ask]:
        """Return what runs the statements of `resend.ledger.views`, all of which see one moment.

        Raises:
            LedgerError: the database failed.
        """
        with self.read(snapshot=True) as connection:
            yield lambda sql, values: connection.execute(sa.text(sql), values).all()

    def now(self, connection: sa.Connection | Driver, *, about: bool = False) -> float:
        """Return the time of the ledger: PostgreSQL's own, so that all machines agree; else ours.

        `about`: as it was told within the last minute, and what has passed since, will do.
        """
        if self.is_sqlite:
            at = self.clock.now().timestamp()
        elif about and self.clock.monotonic() - self._told_at < _ABOUT_S:
            return self.time()
        else:
            ((told_at,),) = past.driver(connection).execute(f"SELECT {NOW_SQL}").fetchall()
            at = float(told_at)
        return self.heard(at)

    def heard(self, at: float) -> float:
        """Return the time that the ledger has told along with something else, by NOW_SQL."""
        self._compare(at)
        return at

    def time(self) -> float:
        """Return the time of the ledger without asking it: as it was told last, and what has passed since."""
        if self.is_sqlite or self._offset is None:
            return self.clock.now().timestamp()
        return self.clock.monotonic() + self._offset

    def clock_was_set(self, within_s: float) -> bool:
        """Return whether the ledger's clock was set in the last seconds: leases are not sure then."""
        return self.clock.monotonic() - self._set_at < within_s

    def close(self) -> None:
        """Close every connection."""
        if self._turns is not None:
            self._turns.close()
        if self._few is not None:
            self._few.dispose()
        self.engine.dispose()

    def _tell(self, error: BaseException) -> None:
        """Raise a database's error as one of ours, unless it is a bug."""
        failure = told(error, self.url)
        if failure is not None:
            raise failure from error

    def _compare(self, at: float) -> None:
        passed = self._told_at = self.clock.monotonic()
        offset = at - passed
        if self._offset is not None and abs(offset - self._offset) > _CLOCK_NOISE_S:
            self._set_at = passed
        self._offset = offset

    def _engine(self) -> sa.Engine:
        try:
            if self.is_sqlite:
                return connections.of_sqlite(self.url, self.clock, self._busy_s)
            self._few = connections.of_postgresql_at_once(self.url, self.clock, self._busy_s)
            return connections.of_postgresql(self.url, self._busy_s)
        except ModuleNotFoundError as error:
            raise UsageError("ledger.no-driver", found=error.name) from None

    def _bring_up(self) -> None:
        with self.engine.connect().execution_options(supportctl_reads=True) as connection:
            found = version_of(connection)
        _refuse_newer(found)
        if found < VERSION:
            self._migrate()

    def _migrate(self) -> None:
        """Take the missing steps in one transaction; every other process that opens the ledger waits."""
        with self.engine.connect() as connection:
            if self.is_sqlite:
                raw = connection.connection.driver_connection
                assert isinstance(raw, sqlite3.Connection)
                raw.execute(f"PRAGMA busy_timeout={_MIGRATING_S * 1000:.0f}")
            with connection.begin():
                if not self.is_sqlite:
                    connection.exec_driver_sql("SET LOCAL lock_timeout = 0")
                    connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_MIGRATION_LOCK})")
                found = version_of(connection)
                _refuse_newer(found)
                if found == 0 and (taken := strangers(connection)):
                    raise UsageError("ledger.taken", found=shown(self.url), tables=", ".join(taken))
                if found < VERSION:
                    bring_up(connection, found)
            connection.invalidate()  # its time-out is not that of the others


NOW_SQL = "extract(epoch FROM clock_timestamp())::float8"  # of PostgreSQL


def _parsed(url: str) -> sa.URL:
    try:
        parsed = sa.make_url(url)
    except ArgumentError:
        raise UsageError("ledger.bad-url", found=url.partition("://")[0] or "-") from None
    in_memory = parsed.get_backend_name() == "sqlite" and parsed.database in {None, "", ":memory:"}
    if parsed.get_backend_name() not in _BACKENDS or in_memory:
        raise UsageError("ledger.bad-url", found=parsed.render_as_string(hide_password=True))
    return parsed


def _refuse_newer(found: int) -> None:
    if found > VERSION:
        raise UsageError("ledger.newer", found=found, expected=VERSION)


def _version_in_file(path: str) -> int:
    """Return the version of a ledger in a file without changing a byte of it; 0 if that cannot be told so.

    An ordinary connection would do: switch an older journal to WAL, and tidy up what a killed process left.
    A very short file of any kind is an empty database to SQLite: it would be overwritten.
    """
    file = Path(path)
    if not file.is_file():
        return 0
    with file.open("rb") as content:
        begins = content.read(len(_MAGIC))
    if not begins:
        return 0
    if begins != _MAGIC:
        raise LedgerError("ledger.not-a-database", found=path, reason="it begins otherwise")
    with closing(sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro", uri=True)) as connection:
        try:
            row = connection.execute("SELECT version FROM ledger_about").fetchone()
        except sqlite3.OperationalError:  # no such table, locked, read-only folder: the ordinary way tells
            return 0
        return int(row[0]) if row else 0


__all__ = ["BUSY_S", "NOW_SQL", "LedgerError", "Store"]
