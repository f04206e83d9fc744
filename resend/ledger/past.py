"""Statements of a worker's loop, past SQLAlchemy: it would look at each part and value again.

SQLAlchemy writes the text once; after that the driver gets it, on SQLAlchemy's own connection and in whatever
transaction that has. A dozen statements a request were a third of a worker's time.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import psycopg
from sqlalchemy.dialects.sqlite import pysqlite

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Mapping, Sequence

SQLITE: sa.Dialect = pysqlite.dialect()
POSTGRESQL: sa.Dialect = psycopg.dialect()  # type: ignore[no-untyped-call]  # SQLAlchemy leaves it untyped


class Answer(Protocol):
    """What a driver gives for a statement."""

    @property
    def rowcount(self) -> int:
        """How many rows were changed."""

    def fetchall(self) -> list[tuple[Any, ...]]:
        """Return all rows."""


class Driver(Protocol):
    """A connection of `sqlite3` or psycopg."""

    def execute(self, text: str, values: Any = ..., /) -> Answer:  # noqa: ANN401  by order, or by name
        """Execute a text with its values."""


class _Prepared(NamedTuple):
    """A statement's text, the names of its parameters in order, and the values that are its own."""

    text: str
    names: tuple[str, ...]
    own: Mapping[str, object]


_PREPARED: dict[tuple[str, sa.ClauseElement], _Prepared] = {}


def driver(connection: sa.Connection | Driver) -> Driver:
    """Return the driver's connection behind SQLAlchemy's, or the one that is given."""
    if isinstance(connection, sa.Connection):
        found: Any = connection.connection.driver_connection
        return found  # type: ignore[no-any-return]  # a driver's
    return connection


def rows_of(
    connection: sa.Connection | Driver, statement: sa.ClauseElement, values: Mapping[str, object]
) -> list[tuple[Any, ...]]:
    """Return the rows of a statement whose columns the driver itself gives as they are wanted."""
    return _executed(connection, statement, values).fetchall()


def changed_by(
    connection: sa.Connection | Driver, statement: sa.ClauseElement, values: Mapping[str, object]
) -> int:
    """Execute a statement; return how many rows it has changed."""
    return _executed(connection, statement, values).rowcount


def change_each(connection: sa.Connection, text: str, rows: Sequence[Sequence[object]]) -> int:
    """Execute a text on SQLite once for each row of values; return how many rows were changed in all."""
    raw: sqlite3.Connection = driver(connection)  # type: ignore[assignment]  # the caller knows
    return raw.executemany(text, rows).rowcount


def prepared(dialect: sa.Dialect, statement: sa.ClauseElement) -> _Prepared:
    """Return a statement as the driver takes it."""
    key = (dialect.name, statement)
    found = _PREPARED.get(key)
    if found is None:
        compiled = statement.compile(dialect=dialect)
        names = tuple(getattr(compiled, "positiontup", None) or ())
        own = {name: value for name, value in compiled.params.items() if value is not None}
        found = _PREPARED[key] = _Prepared(str(compiled), names, own)
    return found


def _executed(
    connection: sa.Connection | Driver, statement: sa.ClauseElement, values: Mapping[str, object]
) -> Answer:
    raw = driver(connection)
    if not _is_sqlite(raw):
        text, _, own = prepared(POSTGRESQL, statement)
        return raw.execute(text, {**own, **values})
    text, names, own = prepared(SQLITE, statement)
    ordered = [values[name] if name in values else own[name] for name in names]
    return raw.execute(text, [json.dumps(each) if isinstance(each, list) else each for each in ordered])


def _is_sqlite(raw: Driver) -> bool:
    return type(raw).__module__ == "sqlite3"
