"""Several threads change one SQLite file: they take turns in one transaction, and wait for the disk together.

SQLite has one writer at a time, and a durable commit waits for the disk for milliseconds. A thread whose
changes are done leaves the commit to the next in the queue; the last one commits for all. Nobody is answered
before that commit has ended; a change that fails is undone alone.
"""

from __future__ import annotations

import sqlite3
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    import sqlalchemy as sa

_MOST = 32  # changes in one transaction: another process wants to write, too
_PATIENCE_S = 0.05  # who was to commit may have been interrupted: then the next one does


class _Group:
    """The changes of one transaction."""

    def __init__(self) -> None:
        self.size = 0
        self.ended = threading.Event()
        self.error: sqlite3.Error | None = None


class Turns:
    """The one connection of a process that writes. Errors are those of sqlite3 and SQLAlchemy."""

    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection
        raw = connection.connection.driver_connection
        assert isinstance(raw, sqlite3.Connection)
        self._raw = raw
        self._turn = threading.Lock()
        self._counting = threading.Lock()
        self._queue = 0
        self._group: _Group | None = None

    @contextmanager
    def take(self) -> Iterator[sa.Connection]:
        """Return the connection for changes that are durable when the block has ended."""
        with self._counting:
            self._queue += 1
        try:
            self._turn.acquire()
        finally:
            with self._counting:
                self._queue -= 1
        try:
            group = self._begun()
            try:
                yield self._connection
            except BaseException as error:
                self._undo(group, error)
                raise
            self._raw.execute("RELEASE turn")
            group.size += 1
        finally:
            if self._group is not None and (self._queue == 0 or self._group.size >= _MOST):
                self._commit()
            self._turn.release()
        self._wait(group)

    def close(self) -> None:
        """Close the connection; what was changed is committed."""
        with self._turn:
            if self._group is not None:
                self._commit()
            self._connection.close()

    def _begun(self) -> _Group:
        if self._group is None:
            self._raw.execute("BEGIN IMMEDIATE")
            self._group = _Group()
        self._raw.execute("SAVEPOINT turn")
        return self._group

    def _undo(self, group: _Group, error: BaseException) -> None:
        """Undo the changes of one turn; a disk that is full may have undone those of all."""
        if self._raw.in_transaction:
            self._raw.execute("ROLLBACK TO turn")
            self._raw.execute("RELEASE turn")
            if group.size:
                return
            self._raw.execute("ROLLBACK")
        else:
            cause = getattr(error, "orig", error)
            group.error = cause if isinstance(cause, sqlite3.Error) else sqlite3.OperationalError("undone")
        self._group = None
        group.ended.set()

    def _commit(self) -> None:
        group, self._group = self._group, None
        assert group is not None
        try:
            self._raw.execute("COMMIT")
        except sqlite3.Error as error:
            group.error = error
            if self._raw.in_transaction:
                self._raw.execute("ROLLBACK")
        finally:
            group.ended.set()

    def _wait(self, group: _Group) -> None:
        while not group.ended.wait(_PATIENCE_S):
            with self._turn:
                if self._group is group and self._queue == 0:
                    self._commit()
        if group.error is not None:
            raise group.error
