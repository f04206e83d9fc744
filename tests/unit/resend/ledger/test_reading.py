"""A ledger in a file, read without SQLAlchemy: what `Store` shows, and nothing that `Store` would refuse."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from ledger_bench import LANE, Bench, call

from resend import acts
from resend.ledger import migrations, reading, rows, values, views
from resend.ledger.errors import LedgerError
from resend.ledger.filter import Filter
from resend.ledger.reading import reader_of
from resend.model import Acts, State
from supportctl.core.failure import Failure

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path

    from resend.ledger.reading import Reader

FILTERS = [
    Filter(),
    Filter(destination=LANE),
    Filter(states=(State.WAITING, State.HELD)),
    Filter(destination="b", states=(State.DELIVERED,)),
    Filter(ids=(1, 3, 999)),
    Filter(call_id="c-1"),
    Filter(source="pbx", since=0.0, until=9e9),
    Filter(error="a%_/b"),
    Filter(fingerprint="abc"),
]


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'a ledger #1?.db'}".replace("?", "")


@pytest.fixture
def filled(bench: Bench) -> Bench:
    bench.accept(*(call(number) for number in range(9)))
    bench.accept(*(call(number, source="csv") for number in range(3)), lane="b")
    lease = bench.claim()
    sent = bench.send(lease, most=4)
    outcomes = [(State.DELIVERED, None), (State.HELD, Failure.SIGN_IN), (State.WAITING, Failure.SIGN_IN)]
    for each, (state, failure) in zip(sent, outcomes, strict=False):
        bench.settle(lease, [each], state, failure)
    with bench.store.write() as connection:
        connection.exec_driver_sql("UPDATE deliveries SET error_code = 'a%_/b.c' WHERE id = 2")
        connection.exec_driver_sql("UPDATE deliveries SET error_code = 'axx/b.c' WHERE id = 3")
        connection.exec_driver_sql("UPDATE deliveries SET fingerprint = 'abc' WHERE id = 4")
    return bench


@pytest.fixture
def reader(filled: Bench, url: str) -> Generator[Reader]:
    made = reader_of(url)
    assert made is not None
    yield made
    made.close()


def test_it_knows_the_tables_of_this_version():
    assert reading.VERSION == migrations.VERSION
    assert tuple(column.name for column in rows.COLUMNS) == values.NAMES


def test_it_shows_what_a_store_shows(filled, reader):
    assert views.lane_views(reader) == views.lane_views(filled.store)
    assert views.lane_views(reader, "b") == views.lane_views(filled.store, "b")
    for wanted in FILTERS:
        assert views.deliveries(reader, wanted, 5, 1) == views.deliveries(filled.store, wanted, 5, 1), wanted
    for number in range(1, 13):
        assert views.timeline(reader, number) == views.timeline(filled.store, number)
    for lane in (LANE, "b"):
        assert acts.who_acts(reader, lane) is acts.who_acts(filled.store, lane)
    assert acts.who_acts(reader, LANE) is Acts.CUSTOMER


def test_what_means_something_to_like_is_taken_as_it_stands(reader):
    total, found = views.deliveries(reader, Filter(error="a%_/b"), 5)
    assert (total, [each.id for each in found]) == (1, [2])


def test_a_row_is_the_same_value_for_those_who_only_read(filled):
    with filled.store.read() as connection:
        import sqlalchemy as sa

        for row in connection.execute(sa.select(*rows.COLUMNS)):
            assert values.delivery_of(row) == rows.delivery_of(row)


def test_it_sees_one_moment(filled, reader):
    with reader.reading() as ask:
        before = ask("SELECT count(*) FROM deliveries", {})
        filled.accept(call(100))
        assert ask("SELECT count(*) FROM deliveries", {}) == before
    with reader.reading() as ask:
        assert ask("SELECT count(*) FROM deliveries", {})[0][0] == before[0][0] + 1


def test_it_writes_nothing(reader):
    with pytest.raises(LedgerError) as refused, reader.reading() as ask:
        ask("DELETE FROM deliveries", {})
    assert refused.value.key == "ledger.read-only"
    assert views.deliveries(reader, Filter(), 1)[0] == 12


def test_a_database_that_fails_says_so_as_a_store_does(reader):
    with pytest.raises(LedgerError) as failed, reader.reading():
        raise sqlite3.OperationalError("disk I/O error")
    assert failed.value.key == "ledger.unusable"


def test_a_mistake_of_ours_stays_one(reader):
    with pytest.raises(KeyError), reader.reading():
        raise KeyError
    assert views.lane_views(reader)


def test_other_ledgers_are_left_to_a_store(tmp_path):
    def version(number):
        path = tmp_path / f"v{number}.db"
        with closing(sqlite3.connect(path)) as made, made:
            made.execute("CREATE TABLE ledger_about (version INTEGER)")
            if number is not None:
                made.execute("INSERT INTO ledger_about VALUES (?)", (number,))
        return path

    text, empty, strange = (tmp_path / name for name in ("text", "empty", "strange"))
    text.write_text("no database at all, however long it is")
    empty.touch()
    with closing(sqlite3.connect(strange)) as made:
        made.execute("CREATE TABLE other (a)")
    cut = tmp_path / "cut"
    cut.write_bytes(strange.read_bytes()[:100])
    others = [version(n) for n in (reading.VERSION - 1, reading.VERSION + 1, None)]
    before = {path: path.read_bytes() for path in (text, empty, strange, cut, *others)}
    for path in (*before, tmp_path / "none", tmp_path):
        assert reader_of(f"sqlite:///{path}") is None, path
    assert {path: path.read_bytes() for path in before} == before
    assert not (tmp_path / "none").exists()
    for url in ("sqlite://", "sqlite:///:memory:", "postgresql+psycopg://h/d", f"sqlite:///{others[0]}?a=b"):
        assert reader_of(url) is None


def test_a_newer_ledger_that_a_killed_process_left_is_not_changed_by_a_byte(tmp_path):
    live, left = tmp_path / "live.db", tmp_path / "left.db"
    with closing(sqlite3.connect(live, isolation_level=None)) as writer:
        writer.execute("PRAGMA journal_mode=WAL")
        writer.execute("CREATE TABLE ledger_about (version INTEGER)")
        writer.execute("INSERT INTO ledger_about VALUES (?)", (reading.VERSION + 1,))
        left.write_bytes(live.read_bytes())
        journal = tmp_path / "left.db-wal"
        journal.write_bytes((tmp_path / "live.db-wal").read_bytes())
    before = left.read_bytes(), journal.read_bytes()
    assert before[1]
    assert reader_of(f"sqlite:///{left}") is None
    assert (left.read_bytes(), journal.read_bytes()) == before


def test_nothing_is_left_behind(filled, url, tmp_path):
    filled.close()
    made = reader_of(url)
    assert views.lane_views(made)
    made.close()
    assert [path.suffix for path in tmp_path.iterdir()] == [".db"]


def test_a_ledger_that_is_locked_is_left_to_a_store_which_waits(filled, url, tmp_path):
    (path,) = tmp_path.glob("*.db")
    filled.close()
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("PRAGMA journal_mode=DELETE")
        other.execute("BEGIN EXCLUSIVE")
        assert reader_of(url) is None
