"""A ledger of every earlier version becomes one of today: with all of its rows, at once or not at all."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import textwrap
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa
from ledger_bench import LANE, Bench

from resend.ledger import audit, hand, lanes, migrations, views
from resend.ledger.filter import Filter
from resend.ledger.migrations import VERSION, v1
from resend.ledger.schema import METADATA
from resend.model import Breaker, State
from supportctl.core.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Generator

FIXTURES = Path(__file__).parents[3] / "fixtures/ledger"
DATABASES = ("sqlite", pytest.param("postgresql", marks=pytest.mark.peer("postgresql")))
ROOT = Path(__file__).parents[4]
OPENED_S = 60


class Old:
    """A database with a ledger of version 1."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.engine = sa.create_engine(url)

    def load(self) -> None:
        """Make the ledger."""
        number = migrations._WORDS[self.engine.dialect.name]["{numbered}"]
        text = (FIXTURES / "v1.sql").read_text(encoding="utf-8")
        with self.engine.begin() as connection:
            for statement in text.split(";\n"):
                if statement.strip():
                    connection.exec_driver_sql(statement.replace("{numbered}", number))

    def rows(self) -> dict[str, list[dict[str, Any]]]:
        """Return all that is in the database: table -> rows."""
        with self.engine.connect() as connection:
            inspector = sa.inspect(connection)
            return {
                table: sorted(
                    (dict(row) for row in connection.exec_driver_sql(f"SELECT * FROM {table}").mappings()),
                    key=str,
                )
                for table in inspector.get_table_names()
            }

    def shape(self) -> dict[str, Any]:
        """Return the tables with columns, keys and indexes."""
        inspector = sa.inspect(self.engine)
        return {
            table: {
                "columns": {
                    each["name"]: (
                        each["type"]._type_affinity.__name__,
                        each["nullable"],
                        _plain(each["default"]),
                    )
                    for each in inspector.get_columns(table)
                    if not (each["name"] == "id" and table in {"deliveries", "attempts"})
                },
                "key": inspector.get_pk_constraint(table)["constrained_columns"],
                "indexes": {
                    each["name"]: (each["column_names"], bool(each["unique"]), self._where(each["name"]))
                    for each in inspector.get_indexes(table)
                },
                "foreign": [each["referred_table"] for each in inspector.get_foreign_keys(table)],
            }
            for table in sorted(inspector.get_table_names())
        }

    def _where(self, index: str | None) -> str:
        query = (
            "SELECT sql FROM sqlite_master WHERE name = :name"
            if self.engine.dialect.name == "sqlite"
            else "SELECT indexdef FROM pg_indexes WHERE indexname = :name"
        )
        with self.engine.connect() as connection:
            text = str(connection.execute(sa.text(query), {"name": index}).scalar_one())
        return " ".join(text.partition(" WHERE ")[2].replace("deliveries.", "").replace("!=", "<>").split())


def _affinity(type_: sa.types.TypeEngine[Any]) -> str:
    return str(type_._type_affinity.__name__) if type_._type_affinity else "?"


def _plain(default: str | None) -> str | None:
    return None if default is None else default.partition("::")[0].strip("'\"()")


@pytest.fixture(params=DATABASES)
def old(request: pytest.FixtureRequest, tmp_path: Path) -> Generator[Old]:
    """An empty database of its own."""
    if request.param == "sqlite":
        made = Old(f"sqlite:///{tmp_path / 'ledger.db'}")
    else:
        made = Old(request.getfixturevalue("postgres_url"))
    yield made
    made.engine.dispose()


def test_a_released_step_is_never_edited() -> None:
    """What stands in the fixture is what is out there."""
    text = (FIXTURES / "v1.sql").read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if not line.startswith("--")]
    made = "\n".join(lines).split(";\n")[: len(v1.STATEMENTS)]
    assert [" ".join(each.split()) for each in made] == [" ".join(each.split()) for each in v1.STATEMENTS]


def test_what_the_steps_make_is_what_statements_are_written_for(old: Old, tmp_path: Path) -> None:
    old.load()
    Bench(old.url).close()
    migrated = old.shape()
    with old.engine.begin() as connection:
        for table in reversed(METADATA.sorted_tables):
            connection.exec_driver_sql(f"DROP TABLE {table.name}")
    Bench(old.url).close()
    assert old.shape() == migrated
    METADATA.drop_all(old.engine)
    METADATA.create_all(old.engine)
    assert old.shape() == migrated


def test_no_row_is_lost_or_changed(old: Old) -> None:
    old.load()
    before = old.rows()
    bench = Bench(old.url)
    after = old.rows()
    assert after["ledger_about"] == [{"version": VERSION}]
    for table in ("deliveries", "attempts", "lane_counts"):
        kept = [{name: row[name] for name in before[table][0]} for row in after[table]]
        assert sorted(kept, key=str) == before[table]
    for was, row in zip(before["lanes"], after["lanes"], strict=True):
        last_error = was.pop("last_error")
        assert {name: row[name] for name in was} == was
        assert ": ".join(filter(None, (row["last_code"], row["last_text"]))) == last_error
        assert row["broken_why"] == ("" if was["breaker"] == "closed" else last_error)
    (was,), (row,) = before["escalations"], after["escalations"]
    assert (row["cause"], row["affected"], row["tracker_issue"]) == (was["args"], was["count"], "17")
    assert {each["call_id"]: each["sent_revision"] for each in after["deliveries"]}["d-2"] == 2
    assert audit.verify(bench.store) == []
    bench.close()


def test_an_old_ledger_works_on(old: Old) -> None:
    old.load()
    bench = Bench(old.url)
    bench.clock.jump(1_790_000_700 - bench.now)
    bench.clock.advance(1000)
    first = views.lane_views(bench.store, LANE)[0]
    assert (first.breaker, first.last_error) == (
        Breaker.OPEN,
        "QUERY_LIMIT_EXCEEDED: Too many requests: slow down",
    )
    lease = bench.claim()
    assert lease.token == 8
    assert lanes.recover(bench.store, lease, 0) == 1
    asked = lanes.due(bench.store, LANE, State.VERIFYING, 5)
    bench.settle(lease, asked, State.WAITING, kind="lookup")
    bench.settle(lease, bench.send(lease))
    hand.apply(bench.store, "cancel", Filter(states=(State.HELD,)), who="me", why="a test")
    assert bench.counts() == {"delivered": 6, "cancelled": 2, "escalated": 1}
    bench.sound()
    bench.close()


_STOPS = """
import sys
from resend.ledger import migrations
from resend.ledger.store import Store
from supportctl.core.clock import SystemClock

class Stops(tuple):
    def __iter__(self):
        for number, statement in enumerate(tuple.__iter__(self)):
            if number == int(sys.argv[2]):
                print("here", flush=True)
                sys.stdin.read()
            yield statement
        if number < int(sys.argv[2]):
            print("here", flush=True)
            sys.stdin.read()

migrations.STEPS = (*migrations.STEPS[:-1], Stops(migrations.STEPS[-1]))
Store(sys.argv[1], SystemClock())
"""


def _process(script: str, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(script), *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )


@pytest.mark.usefixtures("no_coverage")
@pytest.mark.parametrize("after", [9, 999])
def test_killed_in_between_it_is_the_old_one(old: Old, after: int) -> None:
    """After some statements, and after all of them: what was not committed has not been."""
    old.load()
    rows, shape = old.rows(), old.shape()
    old.engine.dispose()
    with _process(_STOPS, old.url, str(after)) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "here\n", process.stderr and process.stderr.read()
        process.kill()
    assert (old.rows(), old.shape()) == (rows, shape)
    old.engine.dispose()
    bench = Bench(old.url)
    assert old.rows()["ledger_about"] == [{"version": VERSION}]
    bench.sound()
    bench.close()


_OPENS = """
import sys
from resend.ledger.store import Store
from supportctl.core.clock import SystemClock
print("ready", flush=True)
sys.stdin.readline()
Store(sys.argv[1], SystemClock()).close()
print("open", flush=True)
"""


@pytest.mark.usefixtures("no_coverage")
@pytest.mark.parametrize("version", [0, 1])
def test_two_processes_open_it_at_once_and_it_is_migrated_once(old: Old, version: int) -> None:
    if version:
        old.load()
    old.engine.dispose()
    processes = [_process(_OPENS, old.url) for _ in range(2)]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in processes:  # both wait: this lets them go
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    ended = [process.communicate(timeout=OPENED_S) for process in processes]
    assert [out for out, _ in ended] == ["open\n", "open\n"], ended
    assert old.rows()["ledger_about"] == [{"version": VERSION}]


def test_a_newer_ledger_is_refused_and_not_touched(old: Old) -> None:
    Bench(old.url).close()
    with old.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE ledger_about SET version = 99")
        connection.exec_driver_sql("ALTER TABLE lanes ADD COLUMN of_tomorrow INTEGER")
    rows, shape = old.rows(), old.shape()
    with pytest.raises(UsageError) as refused:
        Bench(old.url)
    assert refused.value.key == "ledger.newer"
    assert refused.value.args_by_name == {"found": "99", "expected": str(VERSION)}
    assert (old.rows(), old.shape()) == (rows, shape)


@pytest.mark.parametrize("journal", ["delete", "wal"])
def test_not_a_byte_of_a_newer_file_changes(tmp_path: Path, journal: str) -> None:
    """Not of a file with another journal, and not of one that a killed process has left untidy."""
    file = tmp_path / "ledger.db"
    with closing(sqlite3.connect(file)) as writer:
        writer.execute(f"PRAGMA journal_mode={journal}")
        writer.execute("CREATE TABLE ledger_about (version INTEGER NOT NULL)")
        writer.execute("INSERT INTO ledger_about VALUES (99)")
        writer.commit()
        files = {
            each.name: each.read_bytes() for each in tmp_path.iterdir() if not each.name.endswith("-shm")
        }
        folder = tmp_path / "left"
        folder.mkdir()
        for name, content in files.items():
            (folder / name).write_bytes(content)
    with pytest.raises(UsageError, match=r"ledger\.newer"):
        Bench(f"sqlite:///{folder / 'ledger.db'}")
    for name, content in files.items():
        assert (folder / name).read_bytes() == content, name


def test_tables_of_others_are_left_alone(old: Old) -> None:
    with old.engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE lanes (length INTEGER)")
        connection.exec_driver_sql("INSERT INTO lanes VALUES (50)")
    with pytest.raises(UsageError) as refused:
        Bench(old.url)
    assert refused.value.key == "ledger.taken"
    assert refused.value.args_by_name["tables"] == "lanes"
    assert old.rows() == {"lanes": [{"length": 50}]}
