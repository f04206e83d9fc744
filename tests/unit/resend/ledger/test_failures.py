"""A database that fails is told in our words, and nothing that was promised is lost."""

from __future__ import annotations

import os
import re
import sqlite3
import subprocess
from contextlib import closing
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa
from ledger_bench import DAY_S, LANE, NOW, Bench, call

from resend.lane import Lane
from resend.ledger import lanes, views
from resend.ledger.accept import accept
from resend.ledger.errors import LedgerError, told
from resend.ledger.filter import Filter
from resend.ledger.store import Store
from resend.model import State
from resend.policy import Schedule
from supportctl.catalog import Catalog
from supportctl.core.clock import FakeClock
from supportctl.core.errors import SupportctlError, UsageError
from supportctl.core.redaction import redact

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping, Sequence
    from pathlib import Path

    from database_servers import PostgresServer

    from supportctl.core.deadline import Deadline
    from supportctl.core.delivery import Found, Outcome, Parcel

QUICK_S = 0.05


def _open(url: str) -> Store:
    return Store(url, FakeClock(NOW), busy_s=QUICK_S)


def _refused(url: str) -> SupportctlError:
    with pytest.raises(SupportctlError) as refused:
        _open(url).close()
    for lang in ("en", "ru"):
        texts = Catalog(lang).error(refused.value.key, refused.value.args_by_name)
        assert all(texts[part] for part in ("message", "expected", "found", "hint"))
        assert "{" not in "".join(texts.values())
    return refused.value


@pytest.mark.parametrize(
    "url",
    ["", "nonsense", "sqlite://", "sqlite:///:memory:", "mysql+pymysql://user:geheim@host/db", "oracle://x"],
)
def test_no_database_for_a_ledger(url: str) -> None:
    error = _refused(url)
    assert (type(error), error.key) == (UsageError, "ledger.bad-url")
    assert "geheim" not in str(error)


def test_the_driver_is_not_installed() -> None:
    assert _refused("postgresql+psycopg2://user@host/db").key == "ledger.no-driver"


def test_the_folder_is_not_there(tmp_path: Path) -> None:
    assert _refused(f"sqlite:///{tmp_path / 'nowhere' / 'ledger.db'}").key == "ledger.cannot-open"
    assert _refused(f"sqlite:///{tmp_path}").key == "ledger.cannot-open"


@pytest.mark.parametrize("content", [b"id;phone\r\n" * 300, b"x", b"SQLite format 3\0" + bytes(4000)])
def test_a_file_that_is_no_database_is_not_touched(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "calls.csv"
    file.write_bytes(content)
    error = _refused(f"sqlite:///{file}")
    assert error.key == "ledger.not-a-database"
    assert file.read_bytes() == content
    assert [each.name for each in tmp_path.iterdir()] == ["calls.csv"]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A file for a ledger."""
    return tmp_path / "ledger.db"


@pytest.fixture
def store(file: Path) -> Generator[Store]:
    """A ledger that waits shortly for others."""
    made = _open(f"sqlite:///{file}")
    yield made
    made.close()


def test_a_damaged_file(file: Path) -> None:
    bench = Bench(f"sqlite:///{file}")
    bench.accept(*(call(number) for number in range(300)))
    bench.close()
    content = bytearray(file.read_bytes())
    content[4096 * 3 :] = b"\xa5" * (len(content) - 4096 * 3)
    file.write_bytes(content)

    def look() -> None:
        with closing(_open(f"sqlite:///{file}")) as store:
            views.deliveries(store, Filter(), 1000)

    with pytest.raises(LedgerError) as refused:
        look()
    assert (refused.value.key, refused.value.passing) == ("ledger.damaged", False)


def test_somebody_keeps_it_locked(store: Store, file: Path) -> None:
    accept(store, LANE, [call(1)], DAY_S)
    with closing(sqlite3.connect(file, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(LedgerError) as refused:
            accept(store, LANE, [call(2)], DAY_S)
        assert (refused.value.key, refused.value.passing) == ("ledger.locked", True)
        assert len(views.lane_views(store)) == 1  # reading goes on
        _open(f"sqlite:///{file}").close()  # and opening
        other.execute("COMMIT")
    assert accept(store, LANE, [call(2)], DAY_S).accepted == 1


def test_there_is_no_room_left(store: Store) -> None:
    accept(store, LANE, [call(1)], DAY_S)
    assert store._turns is not None
    raw = store._turns._raw
    pages = raw.execute("PRAGMA page_count").fetchone()[0]
    raw.execute(f"PRAGMA max_page_count={pages + 3}")
    with pytest.raises(LedgerError) as refused:
        accept(store, LANE, [call(number) for number in range(5000)], DAY_S)
    assert (refused.value.key, refused.value.passing) == ("ledger.full", True)
    kept = views.lane_views(store)[0].counts[State.WAITING]
    assert kept == views.deliveries(store, Filter(source="pbx"), 1)[0]
    raw.execute("PRAGMA max_page_count=1000000")
    assert accept(store, LANE, [call(number) for number in range(5000)], DAY_S).accepted == 5000 - kept


class _Tiny:
    """A file system of some hundred kilobytes."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def remount(self, how: str) -> None:
        subprocess.run(["mount", "-o", f"remount,{how}", str(self.folder)], check=True)


@pytest.fixture
def tiny(tmp_path: Path) -> Generator[_Tiny]:
    """A disk that is soon full; only root can have one."""
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=600k", "tmpfs", str(folder)]
    if (
        os.name != "posix"
        or os.geteuid() != 0
        or subprocess.run(command, check=False, capture_output=True).returncode
    ):
        pytest.skip("this user may not make a file system")
    yield _Tiny(folder)
    subprocess.run(["umount", "-l", str(folder)], check=True)


class _Portal:
    """A destination that takes everything, and counts what it was asked."""

    batch_size = 50

    def __init__(self) -> None:
        self.taken = 0

    def fits(self, parcels: Sequence[Parcel]) -> int:
        return len(parcels)

    def advance(self, parcels: Sequence[Parcel], deadline: Deadline) -> Sequence[Outcome]:
        from supportctl.core.delivery import Outcome

        self.taken += len(parcels)
        return [Outcome(each.delivery_id, "done", {"id": "1"}, done=True) for each in parcels]

    def look_up(self, parcels: Sequence[Parcel], deadline: Deadline) -> Mapping[int, Found | Outcome | None]:
        raise AssertionError("nothing is in doubt")


def test_a_disk_that_is_full_sends_nothing_that_is_not_written_down(tiny: _Tiny) -> None:
    store = _open(f"sqlite:///{tiny.folder / 'ledger.db'}")
    accept(store, LANE, [call(number) for number in range(60)], DAY_S)
    filler = tiny.folder / "filler"
    with filler.open("wb", buffering=0) as full:
        for size in (4096, 256, 1):
            try:
                while full.write(b"x" * size) == size:
                    pass
            except OSError:
                continue
    portal = _Portal()
    lane = Lane(store, LANE, portal, schedule=Schedule(), chance=lambda: 0.5, holder="here")
    with pytest.raises(LedgerError, match=r"ledger\.full"):
        lane.drain()
    delivered = views.lane_views(store)[0].counts.get(State.DELIVERED, 0)
    sending = views.lane_views(store)[0].counts.get(State.SENDING, 0)
    assert portal.taken in {delivered, delivered + sending}
    filler.unlink()
    store.clock.sleep(3600)
    assert accept(store, LANE, [call(1)], DAY_S).already_known == 1
    store.close()


def test_a_disk_that_can_only_be_read(tiny: _Tiny) -> None:
    url = f"sqlite:///{tiny.folder / 'ledger.db'}"
    _open(url).close()
    before = (tiny.folder / "ledger.db").read_bytes()
    tiny.remount("ro")
    assert _refused(url).key in {"ledger.read-only", "ledger.cannot-open"}
    tiny.remount("rw")
    assert (tiny.folder / "ledger.db").read_bytes() == before
    _open(url).close()


def test_a_ledger_that_can_only_be_read(store: Store) -> None:
    accept(store, LANE, [call(1)], DAY_S)
    assert store._turns is not None
    store._turns._raw.execute("PRAGMA query_only=ON")
    with pytest.raises(LedgerError) as refused:
        accept(store, LANE, [call(2)], DAY_S)
    assert (refused.value.key, refused.value.passing) == ("ledger.read-only", False)
    assert lanes.pending(store) == 1


def test_a_bug_is_not_told_as_a_failing_database(bench: Bench) -> None:
    with pytest.raises(sa.exc.DBAPIError), bench.store.read() as connection:
        connection.exec_driver_sql("SELECT nonsense FROM nowhere")
    with pytest.raises(sa.exc.DBAPIError), bench.store.write() as connection:
        connection.exec_driver_sql("INSERT INTO lanes (destination) VALUES (NULL)")
    assert views.lane_views(bench.store) == []


# --- PostgreSQL


@pytest.mark.peer("postgresql")
@pytest.mark.parametrize(
    ("wrong", "key", "passing"),
    [
        ((":p%40ss%2Fword%3A1@", ":nope@"), "ledger.sign-in", False),
        ((":p%40ss%2Fword%3A1@", "@"), "ledger.sign-in", False),
        (("tester:", "nobody-knows:"), "ledger.sign-in", False),
        ((r"/test_\w+", "/nowhere"), "ledger.no-database", False),
        ((r":\d+/", ":1/"), "ledger.unreachable", True),
        ((r"127.0.0.1:\d+", "nowhere.invalid:5432"), "ledger.unreachable", True),
    ],
)
def test_what_a_server_refuses(postgres_url: str, wrong: tuple[str, str], key: str, passing: bool) -> None:
    url, times = re.subn(*wrong, postgres_url)
    assert times == 1
    error = _refused(url)
    assert isinstance(error, LedgerError)
    assert (error.key, error.passing) == (key, passing)
    assert "p%40ss" not in str(error)
    assert "p@ss" not in redact(str(error))


@pytest.mark.peer("postgresql")
def test_rights_locks_and_standbys(postgres: PostgresServer, postgres_url: str) -> None:
    store = _open(postgres_url)
    accept(store, LANE, [call(1)], DAY_S)
    database = store.url.database or ""
    postgres.execute("DROP ROLE IF EXISTS clerk")
    postgres.execute("CREATE ROLE clerk LOGIN PASSWORD 'clerk'")
    clerk = store.url.set(username="clerk", password="clerk").render_as_string(hide_password=False)
    assert _refused(clerk).key == "ledger.rights"
    with store.engine.connect() as other:
        other.exec_driver_sql("LOCK TABLE deliveries")
        with pytest.raises(LedgerError) as refused:
            accept(store, LANE, [call(2)], DAY_S)
        assert (refused.value.key, refused.value.passing) == ("ledger.locked", True)
    store.close()
    postgres.execute(f"ALTER DATABASE {database} SET default_transaction_read_only = on")
    store = _open(postgres_url)
    with pytest.raises(LedgerError) as refused:
        accept(store, LANE, [call(2)], DAY_S)
    assert (refused.value.key, refused.value.passing) == ("ledger.read-only", False)
    assert lanes.pending(store) == 1
    store.close()


@pytest.mark.peer("postgresql")
@pytest.mark.parametrize(
    ("state", "key"),
    [
        ("53100", "ledger.full"),
        ("53300", "ledger.unreachable"),
        ("57P01", "ledger.unreachable"),
        ("08006", "ledger.unreachable"),
        ("40P01", "ledger.locked"),
        ("58030", "ledger.disk"),
        ("XX001", "ledger.damaged"),
        ("23505", None),
        ("42P01", None),
    ],
)
def test_states_of_a_server(state: str, key: str | None) -> None:
    import psycopg

    error = psycopg.errors.lookup(state)("so it says")
    found = told(error, sa.make_url("postgresql+psycopg://me:geheim@host/db"))
    assert (found.key if found else None) == key
    assert "geheim" not in str(found)
