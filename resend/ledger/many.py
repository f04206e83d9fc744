"""Many rows and many values in one statement, in the way that each of the two databases is quick at.

SQLite is in this process: a prepared statement is executed once for each row. PostgreSQL is elsewhere: it
gets all rows as one JSON document, and the statement stays the same whatever their number, so it is prepared.
"""

from __future__ import annotations

import json
from operator import itemgetter
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, TypeVar

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from resend.ledger import past

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

S = TypeVar("S", bound=sa.Executable)
_POSTGRESQL: sa.Dialect = postgresql.dialect()  # type: ignore[no-untyped-call]  # SQLAlchemy leaves it untyped


class Many(NamedTuple):
    """A statement for many rows: for each alone, with named parameters, and for all of them together."""

    each: sa.TextClause
    together: str

    def run(self, connection: sa.Connection, rows: Sequence[Mapping[str, object]]) -> int:
        """Execute it with some rows of plain values; return how many rows it has changed."""
        if connection.dialect.name == "sqlite":
            text, in_order = _prepared(self.each)
            return past.change_each(connection, text, [in_order(row) for row in rows])
        document = json.dumps(rows, ensure_ascii=False, separators=(",", ":"))
        return connection.exec_driver_sql(self.together, {"rows": document}).rowcount


def many_inserts(table: sa.Table, names: Sequence[str], then: str = "") -> Many:
    """Return the insertion of rows with these columns; `then` is what follows, such as ON CONFLICT."""
    columns, values = ", ".join(names), ", ".join(f":{name}" for name in names)
    into = f"INSERT INTO {table.name} ({columns})"
    together = f"{into} SELECT {columns} FROM {_rows(table, names)} {then}"  # noqa: S608  names of ours
    return Many(sa.text(f"{into} VALUES ({values}) {then}"), together)


def many_updates(table: sa.Table, names: Sequence[str], **computed: str) -> Many:
    """Return the update of these columns by `id`; a `computed` one is SQL, `{new}` before its new values."""
    values = {name: f"{{new}}{name}" for name in names} | computed
    setting = ", ".join(f"{name} = {value}" for name, value in values.items())
    update = f"UPDATE {table.name} SET {setting}"  # noqa: S608  names of ours
    given = [name for name in table.c.keys() if name == "id" or f"{{new}}{name}" in update]  # noqa: SIM118  columns
    together = f"{update} FROM {_rows(table, given)} WHERE {table.name}.id = new.id"
    return Many(
        sa.text(f"{update} WHERE id = {{new}}id".replace("{new}", ":")), together.replace("{new}", "new.")
    )


def _rows(table: sa.Table, names: Sequence[str]) -> str:
    types = ", ".join(f"{name} {table.c[name].type.compile(_POSTGRESQL)}" for name in names)
    return f"json_to_recordset(%(rows)s) AS new({types})"


def _prepared(statement: sa.TextClause) -> tuple[str, Callable[[Any], Any]]:
    """Return a statement's text and what puts a row in order."""
    found = past.prepared(past.SQLITE, statement)
    return found.text, itemgetter(*found.names)


class Both(Generic[S]):
    """A statement with a list of values in it, for each of the two databases: `both[is_sqlite]`."""

    def __init__(
        self, build: Callable[[Callable[[sa.ColumnElement[Any]], sa.ColumnElement[bool]]], S]
    ) -> None:
        self._statements = {True: build(_in_json), False: build(_in_array)}

    def __getitem__(self, is_sqlite: bool) -> S:
        return self._statements[is_sqlite]


class _Listed(sa.types.TypeDecorator[Any]):
    """A list of values as one parameter."""

    impl = sa.Text
    cache_ok = True

    def __init__(self, item: type[sa.types.TypeEngine[Any]]) -> None:
        super().__init__()
        self.item = item

    def load_dialect_impl(self, dialect: sa.Dialect) -> sa.types.TypeEngine[Any]:
        """Return an array, or text for SQLite, which has none."""
        return sa.Text() if dialect.name == "sqlite" else postgresql.ARRAY(self.item)

    def process_bind_param(self, value: Any, dialect: sa.Dialect) -> Any:  # noqa: ANN401  SQLAlchemy's interface
        """Return the list as the database takes it."""
        return json.dumps(value, ensure_ascii=False) if dialect.name == "sqlite" else value


def _list(column: sa.ColumnElement[Any]) -> sa.BindParameter[Any]:
    item = sa.BigInteger if isinstance(column.type, sa.Integer) else sa.Text
    return sa.bindparam("among", type_=_Listed(item))


def _in_json(column: sa.ColumnElement[Any]) -> sa.ColumnElement[bool]:
    values: sa.Select[Any] = sa.select(sa.literal_column("value")).select_from(
        sa.func.json_each(_list(column))
    )
    return column.in_(values)


def _in_array(column: sa.ColumnElement[Any]) -> sa.ColumnElement[bool]:
    return column == sa.func.any(_list(column))
