"""Opens the ledger's database: SQLite in WAL mode, or PostgreSQL, by its URL alone."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.exc import DatabaseError, OperationalError

from resend.ledger.schema import ABOUT, METADATA, VERSION
from supportctl.core.errors import SupportctlError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from supportctl.core.clock import Clock

_BUSY_S = 10


class Store:
    """A ledger's database. Every change is one short transaction."""

    def __init__(self, url: str, clock: Clock) -> None:
        """Open the database and bring its tables to this version.

        Raises:
            UsageError: `ledger.newer`: a newer supportctl has written it; it is left untouched.
            SupportctlError: `ledger.unusable`: it cannot be opened.
        """
        self.clock = clock
        self.is_sqlite = url.startswith("sqlite")
        self.engine = sa.create_engine(url, **self._options())
        self._migrating = threading.Lock()
        if self.is_sqlite:
            event.listen(self.engine, "connect", _prepare_sqlite)
            event.listen(self.engine, "begin", _begin_immediate)
        self._bring_up()

    def _options(self) -> dict[str, Any]:
        if self.is_sqlite:
            return {"connect_args": {"timeout": _BUSY_S, "check_same_thread": False}}
        return {"pool_pre_ping": True, "pool_size": 5, "max_overflow": 20}

    @contextmanager
    def write(self) -> Iterator[sa.Connection]:
        """Return a transaction that is durable when the block has ended."""
        with self.engine.begin() as connection:
            yield connection

    @contextmanager
    def read(self) -> Iterator[sa.Connection]:
        """Return a transaction that only reads."""
        with self.engine.connect().execution_options(supportctl_reads=True) as connection:
            yield connection

    def now(self, connection: sa.Connection) -> float:
        """Return the time of the ledger: PostgreSQL's own, so that all machines agree; else ours."""
        if self.is_sqlite:
            return self.clock.now().timestamp()
        return float(connection.execute(sa.text("select extract(epoch from clock_timestamp())")).scalar_one())

    def close(self) -> None:
        """Close every connection."""
        self.engine.dispose()

    def _bring_up(self) -> None:
        try:
            with self.write() as connection:
                if not sa.inspect(connection).has_table(ABOUT.name):
                    METADATA.create_all(connection)
                    connection.execute(sa.insert(ABOUT).values(version=VERSION))
                found = int(connection.execute(sa.select(ABOUT.c.version)).scalar_one())
        except (OperationalError, DatabaseError) as error:
            raise SupportctlError("ledger.unusable", found=self.engine.url, reason=error.orig) from None
        if found > VERSION:
            raise UsageError("ledger.newer", found=found, expected=VERSION)


def _prepare_sqlite(connection: Any, _record: object) -> None:  # noqa: ANN401  the driver's connection
    connection.isolation_level = None  # we say ourselves when a transaction begins
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=FULL")  # an accepted call survives a power cut
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.close()


def _begin_immediate(connection: sa.Connection) -> None:
    """Take the write lock at once: a transaction that reads first and writes then may fail half-way."""
    reads = connection.get_execution_options().get("supportctl_reads")
    connection.exec_driver_sql("BEGIN" if reads else "BEGIN IMMEDIATE")
