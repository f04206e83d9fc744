"""Statements of the hot path on SQLite, past SQLAlchemy: it would look at each part and value again.

SQLAlchemy writes the text once; after that `sqlite3` itself gets it, on SQLAlchemy's own connection and in
whatever transaction that has.
"""

from __future__ import annotations

import json
import sqlite3
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import sqlalchemy as sa


class _Prepared(NamedTuple):
    """A statement's text, the names of its parameters in order, and the values that are its own."""

    text: str
    names: tuple[str, ...]
    own: Mapping[str, object]


_PREPARED: dict[sa.ClauseElement, _Prepared] = {}


def driver(connection: sa.Connection) -> sqlite3.Connection:
    """Return the driver's connection behind SQLAlchemy's."""
    raw = connection.connection.driver_connection
    assert isinstance(raw, sqlite3.Connection)
    return raw


def rows_of(
    connection: sa.Connection, statement: sa.ClauseElement, values: Mapping[str, object]
) -> list[tuple[Any, ...]]:
    """Return the rows of a statement whose columns SQLite itself gives as they are wanted."""
    return _executed(connection, statement, values).fetchall()


def changed_by(connection: sa.Connection, statement: sa.ClauseElement, values: Mapping[str, object]) -> int:
    """Execute a statement; return how many rows it has changed."""
    return _executed(connection, statement, values).rowcount


def change_each(connection: sa.Connection, text: str, rows: Sequence[Sequence[object]]) -> int:
    """Execute a text once for each row of values; return how many rows were changed in all."""
    return driver(connection).executemany(text, rows).rowcount


def prepared(dialect: sa.Dialect, statement: sa.ClauseElement) -> _Prepared:
    """Return a statement as the driver takes it."""
    found = _PREPARED.get(statement)
    if found is None:
        compiled = statement.compile(dialect=dialect)
        names = tuple(getattr(compiled, "positiontup", None) or ())
        own = {name: value for name, value in compiled.params.items() if value is not None}
        found = _PREPARED[statement] = _Prepared(str(compiled), names, own)
    return found


def _executed(
    connection: sa.Connection, statement: sa.ClauseElement, values: Mapping[str, object]
) -> sqlite3.Cursor:
    text, names, own = prepared(connection.dialect, statement)
    ordered = [values[name] if name in values else own[name] for name in names]
    return driver(connection).execute(
        text, [json.dumps(each) if isinstance(each, list) else each for each in ordered]
    )
