"""Asterisk's records in real databases: PostgreSQL, MariaDB, SQLite; each read from a file as well."""

import random
import tracemalloc
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest
import sqlalchemy as sa
from asterisk_databases import (
    SERIES,
    SERVERS,
    TEXTS,
    ast_db_manage,
    calls_of,
    columns_of,
    documented,
    execute,
    fill,
    freepbx,
    moment_type,
    source_in,
)
from asterisk_records import DAY, MOSCOW, row
from sqlalchemy.pool import NullPool

from supportctl.core.call import Call, Rejected
from supportctl.core.clock import SystemClock
from supportctl.core.deadline import Deadline
from supportctl.core.failure import ServiceError


@pytest.fixture(params=SERVERS)
def address(request, tmp_path):
    """The address of an empty database, on each of the servers."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/cdr.db"
    return request.getfixturevalue(request.param)


@pytest.fixture
def source(tmp_path):
    return partial(source_in, tmp_path)


def a_day(count=150, seed=7):
    """A day of calls with queues, transfers and internal ones, as records in the order of their start."""
    chance = random.Random(seed)
    legs = []
    for number in range(count):
        at = DAY - timedelta(hours=1) + timedelta(seconds=chance.randrange(26 * 3600))
        unique = f"{int(at.timestamp())}.{number}"
        client = f"+7916{chance.randrange(10**7):07}"
        kind = chance.choice(["in", "out", "queue", "transfer", "internal", "lost"])
        said = {"linkedid": unique, "uniqueid": unique, "sequence": number * 10}
        outward = {
            "src": "101",
            "dst": client,
            "channel": "PJSIP/101-0000000a",
            "dstchannel": "PJSIP/mts-0000000b",
        }

        def leg(after=0, step=0, at=at, said=said, **other):
            begin = at + timedelta(seconds=after)
            return row(f"{begin:%Y-%m-%dT%H:%M:%S}", **{**said, "sequence": said["sequence"] + step, **other})

        if kind == "out":
            legs.append(leg(**outward, talk=chance.randrange(300)))
        elif kind == "internal":
            legs.append(leg(src="101", dst="102", channel="PJSIP/101-0000000a"))
        else:
            rung = [
                leg(5 * n, n, src=client, answered=False, lastapp="Queue")
                for n in range(chance.randrange(1, 5))
            ]
            legs += rung if kind in {"queue", "lost"} else []
            if kind != "lost":
                legs.append(leg(25, 8, src=client, talk=100))
            if kind == "transfer":
                legs.append(
                    leg(130, 9, src=client, rang=0, dstchannel="PJSIP/103-0000000c", uniqueid=f"{unique}9")
                )
    return sorted(legs, key=lambda each: (each["start"], each["sequence"]))


@pytest.mark.parametrize("schema", [documented, ast_db_manage, freepbx])
def test_a_file_and_a_table_tell_the_same_calls(source, address, tmp_path, schema):
    rows = a_day()
    by_end = sorted(rows, key=lambda each: each["end"])
    (tmp_path / "Master.csv").write_text("".join(each.line() for each in by_end))
    quote = {"quote": "`"} if address.startswith("mysql") and schema is ast_db_manage else {}
    execute(address, schema(moment_type(address), **quote))
    fill(address, rows)
    by_file = {call.call_id: call for call in calls_of(source())}
    by_table = {call.call_id: call for call in calls_of(source(address))}
    assert 120 < len(by_file) < 150
    assert not [each for each in by_file.values() if isinstance(each, Rejected)]
    assert by_table == by_file


def test_a_table_without_ids_gives_the_ids_of_the_file(source, address, tmp_path):
    rows = a_day(40)
    (tmp_path / "Master.csv").write_text("".join(each.line(()) for each in rows))
    short = [name for name in TEXTS if name not in {"uniqueid", "userfield"}]
    texts = ", ".join(f"{name} varchar(255)" for name in short)
    times = ", ".join(f"{name} varchar(30)" for name in ("start", "answer"))
    ends = "`end`" if address.startswith("mysql") else '"end"'
    numbers = "duration int, billsec int, amaflags varchar(20)"
    execute(address, f"CREATE TABLE cdr ({texts}, {times}, {ends} varchar(30), {numbers})")
    engine = sa.create_engine(address, poolclass=NullPool)
    with engine.begin() as connection:
        cdr = sa.Table("cdr", sa.MetaData(), autoload_with=connection)
        connection.execute(cdr.insert(), [{name: each[name] for name in columns_of(cdr)} for each in rows])
    by_file = sorted(calls_of(source()))
    assert [call.call_id[:4] for call in by_file] == ["row-"] * len(by_file)
    assert sorted(calls_of(source(address))) == by_file


@pytest.mark.parametrize("kind", ["timestamptz", "bigint", "numeric(20,3)"])
@pytest.mark.peer("postgresql")
def test_other_kinds_of_time(source, postgres_url, kind):
    execute(postgres_url, documented(kind))
    at = datetime(2026, 9, 1, 10, 0, tzinfo=MOSCOW)
    said = row("10:00:00")
    value = at if kind == "timestamptz" else int(at.timestamp())
    engine = sa.create_engine(postgres_url, poolclass=NullPool)
    with engine.begin() as connection:
        cdr = sa.Table("cdr", sa.MetaData(), autoload_with=connection)
        values = {name: said.get(name) for name in columns_of(cdr)}
        connection.execute(cdr.insert().values({**values, "calldate": value, "amaflags": 3}))
    (call,) = calls_of(source(postgres_url))
    assert (call.started_at, call.duration_s) == (at, 60)


def test_the_window_is_by_the_clock_of_the_exchange(source, address):
    execute(address, documented(moment_type(address)))
    fill(address, [row("00:30:00", uniqueid="1.1"), row("23:30:00", uniqueid="2.1")])
    assert [call.call_id for call in calls_of(source(address), until=DAY + timedelta(hours=1))] == ["1.1"]
    # in UTC the same texts are three hours later
    day = datetime(2026, 9, 1, tzinfo=UTC)
    found = calls_of(source(address, utc=True), since=day, until=day + timedelta(hours=1))
    assert [(call.call_id, call.started_at.hour) for call in found] == [("1.1", 0)]


@pytest.mark.peer("mariadb")
def test_dates_of_zeros_and_a_table_in_cp1251(source, mariadb_url):
    statement = ast_db_manage("datetime", "`") + " CHARACTER SET cp1251"
    execute(mariadb_url, statement)
    fill(mariadb_url, [row("10:00:00", clid='"Вася" <101>')])
    execute(mariadb_url, "SET sql_mode=''", "UPDATE cdr SET answer = '0000-00-00 00:00:00'")
    (call,) = calls_of(source(mariadb_url))
    assert (call.duration_s, call.wait_s, call.answered) == (60, 5, True)


class TestOnlyReading:
    def test_nothing_can_be_written(self, source, address):
        execute(address, documented(moment_type(address)))
        fill(address, [row("10:00:00")])
        database = source(address).database()
        for statement in ("DELETE FROM cdr", "CREATE TABLE evil (n int)", "UPDATE cdr SET src = ''"):
            with (
                pytest.raises(ServiceError),
                database.connected(Deadline.after(9, SystemClock())) as connection,
            ):
                connection.execute(sa.text(statement))
        assert len(calls_of(source(address))) == 1

    @pytest.mark.peer("postgresql")
    def test_the_server_was_told_so_and_given_a_time(self, source, postgres, postgres_url):
        execute(postgres_url, documented("timestamp"))
        seen = postgres.log_file.stat().st_size
        calls_of(source(postgres_url))
        with postgres.log_file.open() as log:
            log.seek(seen)
            said = log.read()
        assert "SET TRANSACTION READ ONLY" in said
        assert "SET LOCAL statement_timeout" in said
        assert "DECLARE" in said  # a cursor of the server: rows come in portions
        assert "LIMIT" not in said

    def test_a_missing_sqlite_file_is_not_made(self, source, tmp_path):
        with pytest.raises(ServiceError, match="no-database"):
            calls_of(source(f"sqlite:///{tmp_path}/none.db"))
        assert not (tmp_path / "none.db").exists()

    def test_a_relative_sqlite_file_lies_beside_the_configuration(self, source, tmp_path):
        execute(f"sqlite:///{tmp_path}/cdr.db", documented("timestamp"))
        assert calls_of(source("sqlite:///cdr.db")) == []


class TestBig:
    ROWS = 8_000

    @pytest.mark.peer("postgresql")
    def test_the_index_serves_and_memory_is_bounded(self, source, postgres_url):
        execute(
            postgres_url, documented("timestamp"), SERIES.format(last=self.ROWS - 1),
            "CREATE INDEX cdr_calldate ON cdr (calldate)", "ANALYZE cdr",
        )  # fmt: skip
        asked = source(postgres_url)
        since, until = DAY, DAY + timedelta(days=3)
        database = asked.database()
        with database.connected(Deadline.after(60, SystemClock())) as connection:
            table = database.table(connection)
            lower, upper = (
                bound.value for bound in database._bounds(table, since, since + timedelta(hours=1))
            )
            plan = connection.execute(
                sa.text("EXPLAIN SELECT * FROM cdr WHERE calldate >= :a AND calldate < :b ORDER BY calldate"),
                {"a": lower, "b": upper},
            )
            assert any("Index Scan using cdr_calldate" in line for (line,) in plan)
        tracemalloc.start()
        count = sum(1 for _ in asked.calls(since, until, Deadline.after(60, SystemClock())))
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert count == self.ROWS
        assert peak < 8_000_000

    @pytest.mark.parametrize(
        "url",
        [
            pytest.param("postgres_url", marks=pytest.mark.peer("postgresql")),
            pytest.param("mariadb_url", marks=pytest.mark.peer("mariadb")),
        ],
    )
    def test_a_reader_that_stops_early_leaves_at_once(self, source, request, url):
        address = request.getfixturevalue(url)
        execute(address, documented(moment_type(address)))
        fill(address, [row("10:00:00", uniqueid=f"u{n}") for n in range(5000)])
        reading = source(address).calls(DAY, DAY + timedelta(days=1), Deadline.after(30, SystemClock()))
        assert isinstance(next(reading), Call)
        reading.close()
        assert len(calls_of(source(address))) == 5000
