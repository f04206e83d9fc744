"""Asterisk's records in PostgreSQL, MySQL (MariaDB) or SQLite: a window of them, streamed, read-only."""

from __future__ import annotations

import contextlib
import sqlite3
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.pool import NullPool

from integrations.telephony.asterisk.columns import known_as, missing
from integrations.telephony.asterisk.database_errors import translated
from supportctl.core.errors import UsageError
from supportctl.core.failure import Failure, ServiceError

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator, Sequence
    from datetime import datetime

    from integrations.telephony.asterisk.local_time import LocalTime
    from supportctl.core.deadline import Deadline

CONNECT_S = 5.0
_BATCH = 2000
_DAY = timedelta(days=1)
_DRIVERS = {
    "postgres": "postgresql+psycopg",
    "postgresql": "postgresql+psycopg",
    "mysql": "mysql+pymysql",
    "mariadb": "mariadb+pymysql",
    "sqlite": "sqlite",
}
_EXTRAS = {"postgresql": "postgres", "mysql": "mysql", "mariadb": "mysql"}


class Table(NamedTuple):
    """The table as it is: its columns by their own names, and the one by which it is filtered."""

    source: sa.TableClause
    columns: tuple[str, ...]
    start: sa.ColumnClause[Any]

    @property
    def known(self) -> tuple[str, ...]:
        """Our names of the columns."""
        return tuple(known_as(name) for name in self.columns)


class CdrDatabase:
    """A database that an address names. Nothing is opened before it is asked."""

    def __init__(self, address: str, table: str, time: LocalTime, folder: Path | None) -> None:
        self.url = _url(address)
        self._schema, _, self._table = table.rpartition(".")
        self._time = time
        self._folder = folder

    @property
    def place(self) -> str:
        """Where the table is, without secrets."""
        host = f"{self.url.host}/" if self.url.host else ""
        return f"{host}{self.url.database or ''}"

    @property
    def table_name(self) -> str:
        """The table as the configuration names it."""
        return f"{self._schema}.{self._table}" if self._schema else self._table

    @contextlib.contextmanager
    def connected(self, deadline: Deadline) -> Generator[sa.Connection]:
        """Open a connection in a transaction that can only read and that the server itself ends in time.

        Raises:
            ServiceError: the database refuses or cannot be reached; no secret is in its text.
        """
        with translated(self.url):
            engine = self._engine(deadline)
            try:
                with engine.connect() as connection:
                    _read_only(connection, deadline)
                    yield connection
            finally:
                engine.dispose()

    def table(self, connection: sa.Connection) -> Table:
        """Return the table with the columns that it has.

        Raises:
            ServiceError: `no-table`, or `no-column` with those that are missing.
        """
        try:
            found = sa.inspect(connection).get_columns(self._table, schema=self._schema or None)
        except sa.exc.NoSuchTableError:
            found = []
        if not found:
            raise ServiceError(Failure.CONFIGURATION, "no-table", self.table_name)
        names = tuple(str(column["name"]) for column in found)
        if absent := missing(names):
            raise ServiceError(Failure.CONFIGURATION, "no-column", ", ".join(absent))
        # SQLite keeps what it was given: its driver is not asked to make anything of it
        lite = self.url.get_backend_name() == "sqlite"
        kinds = [sa.types.NullType() if lite else column["type"] for column in found]
        columns = [sa.column(name, kind) for name, kind in zip(names, kinds, strict=True)]
        start = next(column for column in columns if known_as(column.name) == "start")
        return Table(sa.table(self._table, *columns, schema=self._schema or None), names, start)

    def rows(
        self, connection: sa.Connection, table: Table, since: datetime, until: datetime
    ) -> Iterator[Sequence[Any]]:
        """Yield the rows with a start in the window, oldest first, without fetching them all.

        The filter compares the bare column, so that its index serves. `Any`: what the columns hold.
        """
        lower, upper = self._bounds(table, since, until)
        question = (
            sa.select(*table.source.c)
            .where(table.start >= lower, table.start < upper)
            .order_by(table.start)
            .execution_options(stream_results=True, yield_per=_BATCH)
        )
        result = connection.execute(question)
        ended = False
        try:
            yield from result
            ended = True
        finally:
            if not ended:  # MySQL's driver would read all that is left before it lets go
                connection.invalidate()
            with contextlib.suppress(sa.exc.DBAPIError):  # it may be broken already
                result.close()

    def newest(self, connection: sa.Connection, table: Table, count: int) -> list[Sequence[Any]]:
        """Return the rows that began last, newest first."""
        question = sa.select(*table.source.c).order_by(table.start.desc()).limit(count)
        if self.url.get_backend_name() == "postgresql":
            question = question.where(table.start.is_not(None))  # there NULL is the greatest
        return list(connection.execute(question))

    def _bounds(self, table: Table, since: datetime, until: datetime) -> tuple[sa.BindParameter[Any], ...]:
        """Return the window in the terms of the column; for texts by whole days, whatever their form."""
        kind = table.start.type
        if isinstance(kind, sa.Integer | sa.Numeric):
            return tuple(sa.literal(int(moment.timestamp()), sa.BigInteger()) for moment in (since, until))
        if isinstance(kind, sa.DateTime):
            if kind.timezone:
                return tuple(sa.literal(moment, kind) for moment in (since, until))
            # an hour to both sides: in autumn one comes twice
            wide = (since - _DAY / 24, until + _DAY / 24)
            local = (self._time.shown(moment).replace(tzinfo=None, microsecond=0) for moment in wide)
            return tuple(sa.literal(moment, kind) for moment in local)
        days = (self._time.text(moment)[:10] for moment in (since - _DAY, until + 2 * _DAY))
        return tuple(sa.literal(day, sa.String()) for day in days)

    def _engine(self, deadline: Deadline) -> sa.Engine:
        backend = self.url.get_backend_name()
        wait = max(1, int(min(CONNECT_S, deadline.remaining())))
        if backend == "sqlite":
            return sa.create_engine(
                "sqlite://", creator=lambda: self._sqlite(deadline, wait), poolclass=NullPool
            )
        arguments: dict[str, Any] = {"connect_timeout": wait}
        if backend != "postgresql":
            arguments["read_timeout"] = max(1, int(deadline.remaining()) + 1)
        return sa.create_engine(self.url, connect_args=arguments, poolclass=NullPool)

    def _sqlite(self, deadline: Deadline, wait: int) -> sqlite3.Connection:
        path = Path(self.url.database or "").expanduser()
        path = path if path.is_absolute() or self._folder is None else self._folder / path
        address = f"{path.resolve().as_uri()}?mode=ro"  # a missing file is not made
        connection = sqlite3.connect(address, timeout=wait, uri=True, check_same_thread=False)
        connection.text_factory = lambda raw: raw.decode("utf-8", "replace")
        connection.execute("PRAGMA query_only = ON")
        connection.set_progress_handler(lambda: int(deadline.expired), 10_000)
        return connection


def _read_only(connection: sa.Connection, deadline: Deadline) -> None:
    seconds = max(deadline.remaining(), 0.001)
    backend = connection.dialect.name
    if backend == "postgresql":
        connection.execute(sa.text("SET TRANSACTION READ ONLY"))
        connection.execute(sa.text(f"SET LOCAL statement_timeout = {max(1, int(seconds * 1000))}"))
    elif backend in {"mysql", "mariadb"}:
        mariadb = bool(getattr(connection.dialect, "is_mariadb", False))
        limit = (
            f"max_statement_time = {seconds:.3f}" if mariadb else f"max_execution_time = {seconds * 1000:.0f}"
        )
        connection.execute(sa.text(f"SET SESSION {limit}"))
        # for the session: a statement that commits by itself (CREATE) would leave a transaction's promise
        connection.execute(sa.text("SET SESSION TRANSACTION READ ONLY"))
        connection.rollback()


def _url(address: str) -> sa.URL:
    """Return the address with a driver that is there.

    Raises:
        UsageError: it is none, or the driver is not installed.
    """
    try:
        url = sa.make_url(address)
    except (sa.exc.ArgumentError, ValueError, TypeError):
        raise UsageError("cdr.bad-address", found=address.partition("://")[0][:20]) from None
    backend, _, driver = url.drivername.partition("+")
    if backend not in _DRIVERS:
        raise UsageError("cdr.bad-address", found=url.drivername)
    url = url if driver else url.set(drivername=_DRIVERS[backend])
    try:
        url.get_dialect().import_dbapi()
    except (ImportError, sa.exc.NoSuchModuleError):
        backend = url.get_backend_name()
        raise UsageError("cdr.no-driver", found=url.drivername, extra=_EXTRAS.get(backend, "")) from None
    return url
