"""Threads that write take turns in one transaction: one wait for the disk, and each has its own fate."""

from __future__ import annotations

import sqlite3
import threading
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest
from ledger_bench import NOW

from resend.ledger.errors import LedgerError
from resend.ledger.store import Store
from supportctl.core.clock import FakeClock

if TYPE_CHECKING:
    from collections.abc import Callable, Generator
    from pathlib import Path

    import sqlalchemy as sa

WAIT_S = 30
_INSERT = "INSERT INTO lanes (destination) VALUES ('{}')"


class Threads:
    """Threads of a test: what each returned, or failed with."""

    def __init__(self) -> None:
        self._threads: list[threading.Thread] = []
        self.failed: dict[str, BaseException] = {}

    def start(self, name: str, work: Callable[[], object]) -> threading.Thread:
        """Start a thread."""

        def run() -> None:
            try:
                work()
            except BaseException as error:  # noqa: BLE001  the test looks at it
                self.failed[name] = error

        thread = threading.Thread(target=run, name=name)
        self._threads.append(thread)
        thread.start()
        return thread

    def join(self) -> None:
        """Wait for all."""
        for thread in self._threads:
            thread.join(WAIT_S)
            assert not thread.is_alive(), thread.name


@pytest.fixture
def store(tmp_path: Path) -> Generator[Store]:
    """A ledger in a file."""
    made = Store(f"sqlite:///{tmp_path / 'ledger.db'}", FakeClock(NOW))
    yield made
    made.close()


@pytest.fixture
def statements(store: Store) -> list[str]:
    """What the one writing connection is told, from now on."""
    told: list[str] = []
    assert store._turns is not None
    store._turns._raw.set_trace_callback(told.append)
    return told


def _names(store: Store) -> set[str]:
    """Return the lanes as another process sees them."""
    with closing(sqlite3.connect(store.url.database or "")) as other:
        return {name for (name,) in other.execute("SELECT destination FROM lanes")}


def _queued(store: Store, number: int) -> None:
    """Wait until so many threads wait for their turn."""
    assert store._turns is not None
    waiting = threading.Event()
    for _ in range(WAIT_S * 200):
        if store._turns._queue >= number:
            return
        waiting.wait(0.005)
    raise AssertionError("nobody queued")


def _add(
    store: Store, name: str, then: Callable[[sa.Connection], object] = lambda _: None
) -> Callable[[], None]:
    def add() -> None:
        with store.write() as connection:
            connection.exec_driver_sql(_INSERT.format(name))
            then(connection)

    return add


def _together(store: Store, *others: Callable[[], None]) -> Threads:
    """Let others queue while a first thread has its turn; return when all have ended."""
    threads, begun, go = Threads(), threading.Event(), threading.Event()

    def hold(_: object) -> None:
        begun.set()
        assert go.wait(WAIT_S)

    threads.start("first", _add(store, "first", hold))
    assert begun.wait(WAIT_S)
    for number, other in enumerate(others):
        threads.start(f"other-{number}", other)
    _queued(store, len(others))
    go.set()
    threads.join()
    return threads


def test_one_wait_for_the_disk_for_all_who_waited(store: Store, statements: list[str]) -> None:
    threads = _together(store, *(_add(store, f"lane-{number}") for number in range(8)))
    assert threads.failed == {}
    assert _names(store) == {"first", *(f"lane-{number}" for number in range(8))}
    assert statements.count("COMMIT") == statements.count("BEGIN IMMEDIATE") == 1


def test_not_too_many_in_one_transaction(
    store: Store, statements: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("resend.ledger.turns._MOST", 3)
    assert _together(store, *(_add(store, f"lane-{number}") for number in range(8))).failed == {}
    assert statements.count("COMMIT") == 3


def test_nobody_is_answered_before_it_is_durable(store: Store) -> None:
    threads, begun, go, answered = Threads(), threading.Event(), threading.Event(), threading.Event()
    second_begun, second_go = threading.Event(), threading.Event()

    def first() -> None:
        _add(store, "first", lambda _: (begun.set(), go.wait(WAIT_S)))()
        answered.set()

    threads.start("first", first)
    assert begun.wait(WAIT_S)
    threads.start("second", _add(store, "second", lambda _: (second_begun.set(), second_go.wait(WAIT_S))))
    _queued(store, 1)
    go.set()
    assert second_begun.wait(WAIT_S)  # the first's block has ended, and its transaction has not
    assert not answered.wait(0.2)
    assert _names(store) == set()
    second_go.set()
    threads.join()
    assert threads.failed == {}
    assert _names(store) == {"first", "second"}


def test_who_fails_fails_alone(store: Store) -> None:
    def fail(_: object) -> None:
        raise RuntimeError("a bug")

    threads = _together(store, _add(store, "good-1"), _add(store, "bad", fail), _add(store, "good-2"))
    assert {name: str(error) for name, error in threads.failed.items()} == {"other-1": "a bug"}
    assert _names(store) == {"first", "good-1", "good-2"}


def test_the_last_one_fails_and_the_others_are_durable(store: Store) -> None:
    def fail(_: object) -> None:
        raise KeyboardInterrupt

    threads = _together(store, _add(store, "bad", fail))
    assert list(threads.failed) == ["other-0"]
    assert _names(store) == {"first"}
    _add(store, "after")()
    assert _names(store) == {"first", "after"}


def test_a_single_one_that_fails_leaves_nothing_behind(store: Store, statements: list[str]) -> None:
    def fail(_: object) -> None:
        raise RuntimeError("a bug")

    with pytest.raises(RuntimeError):
        _add(store, "bad", fail)()
    assert "ROLLBACK" in statements
    assert _names(store) == set()
    _add(store, "good")()
    assert _names(store) == {"good"}


class _Fails:
    """A connection whose commit fails, as on a disk that has just died."""

    def __init__(self, raw: sqlite3.Connection) -> None:
        self._raw = raw

    def __getattr__(self, name: str) -> Any:
        return getattr(self._raw, name)

    def execute(self, statement: str) -> object:
        if statement == "COMMIT":
            raise sqlite3.OperationalError("disk I/O error")
        return self._raw.execute(statement)


def test_a_commit_that_fails_is_told_to_all_who_waited_for_it(store: Store) -> None:
    turns = store._turns
    assert turns is not None
    good = turns._raw
    turns._raw = _Fails(good)  # type: ignore[assignment]
    threads = _together(store, _add(store, "second"))
    assert {type(error) for error in threads.failed.values()} == {LedgerError}
    assert len(threads.failed) == 2
    assert _names(store) == set()
    turns._raw = good
    _add(store, "after")()
    assert _names(store) == {"after"}


def test_a_full_disk_may_undo_all_of_a_transaction(store: Store) -> None:
    """Then everybody in it is told: nobody takes for written what is not."""

    def lose(_: object) -> None:
        assert store._turns is not None
        store._turns._raw.execute("ROLLBACK")  # what SQLite does by itself when the disk is full
        raise sqlite3.OperationalError("database or disk is full")

    threads = _together(store, _add(store, "bad", lose), _add(store, "later"))
    assert set(threads.failed) >= {"first", "other-0"}
    assert all(isinstance(error, LedgerError) for error in threads.failed.values())
    written = {"first", "bad", "later"} - {
        {"first": "first", "other-0": "bad", "other-1": "later"}[name] for name in threads.failed
    }
    assert _names(store) == written
    _add(store, "after")()
    assert "after" in _names(store)


def test_who_was_to_commit_is_gone_and_somebody_else_does_it(store: Store) -> None:
    """A thread that was interrupted while it waited for its turn leaves the commit to those who wait."""
    turns = store._turns
    assert turns is not None
    threads = Threads()
    turns._queue += 1  # somebody waits, it seems
    threads.start("first", _add(store, "first"))
    for _ in range(WAIT_S * 200):
        if turns._group is not None and turns._group.size == 1:
            break
        threading.Event().wait(0.005)
    assert _names(store) == set()
    turns._queue -= 1
    threads.join()
    assert threads.failed == {}
    assert _names(store) == {"first"}


def test_closing_commits_what_is_done(store: Store) -> None:
    turns = store._turns
    assert turns is not None
    turns._queue += 1
    threads = Threads()
    threads.start("first", _add(store, "first"))
    for _ in range(WAIT_S * 200):
        if turns._group is not None and turns._group.size == 1:
            break
        threading.Event().wait(0.005)
    turns.close()
    threads.join()
    assert threads.failed == {}
    assert _names(store) == {"first"}
