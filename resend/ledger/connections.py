"""Connections to the ledger's database: how many are kept, and what each is told before it is used.

SQLite's obey two options of an execution: with `supportctl_reads` a transaction takes no write lock, with
`supportctl_turns` it is begun by `resend.ledger.turns`.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.exc import InvalidatePoolError

if TYPE_CHECKING:
    from sqlalchemy.pool import ConnectionPoolEntry

    from supportctl.core.clock import Clock

_CONNECT_S = 10
_WAL_RETRY_S = 0.02
# As many as a worker has threads: what comes above it is opened for one statement and closed again. The one
# that was used last is used next: the others stay cold.
_POOL: dict[str, Any] = {"pool_size": 16, "max_overflow": -1, "pool_use_lifo": True}
_FEW = 4  # connections of a worker to PostgreSQL: more of them only get in each other's way
_FRESH_S = 1.0  # a connection that was used so lately lives, most likely


def of_sqlite(url: sa.URL, clock: Clock, busy_s: float) -> sa.Engine:
    """Return connections to a file."""
    engine = sa.create_engine(url, connect_args={"timeout": busy_s, "check_same_thread": False}, **_POOL)

    def prepare(connection: sqlite3.Connection, _record: object) -> None:
        """Set a new connection up. Two that turn a new file to WAL at once do not wait for each other."""
        deadline = clock.monotonic() + busy_s
        while True:
            try:
                return _set_up_sqlite(connection)
            except sqlite3.OperationalError as error:
                busy = error.sqlite_errorcode & 0xFF in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}
                if not busy or clock.monotonic() >= deadline:
                    raise
                clock.sleep(_WAL_RETRY_S)

    event.listen(engine, "connect", prepare)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def of_postgresql(url: sa.URL, busy_s: float) -> sa.Engine:
    """Return connections to a server for transactions of several statements."""
    # A server that was started again is not noticed by those who ask it next.
    return _postgresql(url, busy_s, {}, pool_size=5, max_overflow=-1, pool_pre_ping=True)


def of_postgresql_at_once(url: sa.URL, clock: Clock, busy_s: float) -> sa.Engine:
    """Return a few connections to a server on which each statement is a transaction of its own."""
    # Long statements again and again: they are planned once for each connection.
    engine = _postgresql(
        url,
        busy_s,
        {"prepare_threshold": 1},
        "SET plan_cache_mode = force_generic_plan",
        isolation_level="AUTOCOMMIT",
        pool_size=_FEW,
        max_overflow=0,
        pool_reset_on_return=None,  # there is no transaction to undo
    )
    _ping_what_rested(engine, clock)
    return engine


def _set_up_sqlite(connection: sqlite3.Connection) -> None:
    connection.isolation_level = None  # we say ourselves when a transaction begins
    with closing(connection.cursor()) as cursor:
        cursor.execute("PRAGMA journal_mode=WAL")
        cursor.execute("PRAGMA synchronous=FULL")  # an accepted call survives a power cut
        cursor.execute("PRAGMA foreign_keys=ON")
        cursor.execute("PRAGMA wal_autocheckpoint=4000")  # pages: rows change several times before they rest


def _begin_sqlite(connection: sa.Connection) -> None:
    """Take the write lock at once: a transaction that reads first and writes then may fail half-way."""
    options = connection.get_execution_options()
    if options.get("supportctl_turns"):  # its transactions are begun by `Turns`
        return
    reads = options.get("supportctl_reads")
    connection.exec_driver_sql("BEGIN" if reads else "BEGIN IMMEDIATE")


def _postgresql(
    url: sa.URL,
    busy_s: float,
    arguments: dict[str, Any],
    *settings: str,
    **options: Any,  # noqa: ANN401  SQLAlchemy's
) -> sa.Engine:
    engine = sa.create_engine(
        url,
        connect_args={"connect_timeout": _CONNECT_S, "application_name": "supportctl", **arguments},
        pool_use_lifo=True,
        **options,
    )

    def prepare(connection: Any, _record: object) -> None:  # noqa: ANN401  the driver's connection
        autocommit, connection.autocommit = connection.autocommit, True
        connection.execute(f"SET lock_timeout = {busy_s * 1000:.0f}")
        for setting in settings:
            connection.execute(setting)
        connection.execute("SET synchronous_commit = on")  # an accepted call survives a crash of the server
        connection.autocommit = autocommit

    event.listen(engine, "connect", prepare)
    return engine


def _ping_what_rested(engine: sa.Engine, clock: Clock) -> None:
    """Ask a connection whether it lives, unless it was in use a moment ago: a worker uses it all the time.

    One that dies within that moment fails as in mid-statement, and the worker lives through that anyway.
    """

    def returned(_connection: object, record: ConnectionPoolEntry) -> None:
        record.info["returned"] = clock.monotonic()

    def taken(connection: Any, record: ConnectionPoolEntry, _proxy: object) -> None:  # noqa: ANN401  the driver's connection
        if clock.monotonic() - record.info.get("returned", clock.monotonic()) < _FRESH_S:
            return
        try:
            alive = engine.dialect.do_ping(connection)
        except engine.dialect.loaded_dbapi.Error:
            alive = False
        if not alive:
            raise InvalidatePoolError

    event.listen(engine, "checkin", returned)
    event.listen(engine, "checkout", taken)
