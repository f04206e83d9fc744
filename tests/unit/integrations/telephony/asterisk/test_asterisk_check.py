"""Each fault of the records has its own finding."""

import sqlite3
from datetime import datetime, timedelta

import pytest
import requests
from asterisk_records import COLUMNS, MOSCOW, row
from told import findings_of

from integrations.lab.inprocess import InProcess
from integrations.lab.portal import Said
from integrations.telephony.asterisk.check import AsteriskCheck
from supportctl.core.accounts import Asterisk
from supportctl.core.errors import UsageError

OK = ["telephony.reachable", "telephony.records", "telephony.call-ids", "telephony.zone", "telephony.calls"]


@pytest.fixture
def check(tmp_path, surroundings, clock):
    """Return a function from records (or bytes) to the findings; it is eleven in the evening in Moscow."""

    def run(what=None, extra=COLUMNS["all"], session=None, **settings):
        if what is not None:
            text = what if isinstance(what, bytes) else "".join(each.line(extra) for each in what).encode()
            (tmp_path / "Master.csv").write_bytes(text)
        if "database" not in settings:
            settings = {"file": "Master.csv", **settings}
        made = AsteriskCheck(Asterisk(kind="asterisk", **settings), surroundings, session)
        return findings_of(made, clock)

    return run


def test_a_healthy_exchange(check):
    found = check([row("10:00:00"), row("22:30:00", uniqueid="1788291000.7")])
    assert [finding.code for finding in found.all] == OK
    assert found.by_code["telephony.calls"].args["last"] == "01.09.2026 22:30"
    assert found.by_code["telephony.zone"].args["zone"] == "UTC+03:00"


@pytest.mark.parametrize("file", ["Master.csv", "other/Master.csv", "Master*.csv"])
def test_no_file(check, file):
    found = check(file=file)
    assert found.bad == ["telephony.cdr-file-missing"]
    assert file in found.all[0].args["file"]


def test_a_folder_instead_of_a_file(check):
    assert check(file=".").bad == ["telephony.file-unreadable"]


def test_an_empty_file_and_the_one_before_it(check, tmp_path):
    assert check(b"").bad == ["telephony.cdr-empty"]
    (tmp_path / "Master.csv.1").write_text(row("22:00:00").line())
    assert check(file="Master.csv*").bad == []


def test_another_file(check):
    assert check(b"call;me\n" * 50).bad == ["telephony.cdr-not-understood"]
    assert check(bytes(range(256)) * 2000).bad == ["telephony.cdr-not-understood"]


def test_some_damage(check):
    found = check(row("21:00:00").line().encode() + b'"torn\n' + row("22:00:00").line().encode())
    assert found.bad == ["telephony.cdr-damaged"]
    assert (found.by_code[found.bad[0]].args["count"], found.by_code[found.bad[0]].args["total"]) == (1, 3)


def test_only_the_end_of_a_long_file_is_read(check, tmp_path):
    old = b'"damaged\n' * 200_000
    found = check(
        old + b"".join(row("22:00:00", uniqueid=f"1788289200.{n}").line().encode() for n in range(900))
    )
    assert found.bad == []


@pytest.mark.parametrize(
    ("extra", "columns", "settings"),
    [
        ("plain", "uniqueid, linkedid", "loguniqueid=yes, newcdrcolumns=yes"),
        ("both", "linkedid", "newcdrcolumns=yes"),
        ("userfield+new", "uniqueid", "loguniqueid=yes"),
    ],
)
def test_without_ids(check, extra, columns, settings):
    found = check([row("22:00:00")], COLUMNS[extra])
    assert found.bad == ["telephony.no-call-ids"]
    args = found.by_code["telephony.no-call-ids"].args
    assert (args["columns"], args["settings"]) == (columns, settings)


class TestZone:
    def test_utc_is_read_as_local_time(self, check):
        """usegmtime=yes: at 22:00 in Moscow the record says 19:00."""
        found = check([row("19:00:00", uniqueid="1788289200.7"), row("18:00:00", uniqueid="1788285600.6")])
        assert found.bad == ["telephony.zone-wrong"]
        args = found.by_code["telephony.zone-wrong"].args
        assert (args["apart"], args["zone"], args["true"]) == ("3:00", "UTC+03:00", "UTC+0:00")
        assert found.by_code["telephony.calls"].because == "telephony.zone-wrong"
        assert check([row("19:00:00", uniqueid="1788289200.7")], utc=True).bad == []

    def test_local_time_is_read_as_utc(self, check):
        found = check([row("22:00:00", uniqueid="1788289200.7")], utc=True)
        assert found.by_code["telephony.zone-wrong"].args["true"] == "UTC+3:00"

    def test_half_an_hour(self, check):
        found = check([row("22:30:00", uniqueid="1788289200.7")])
        args = found.by_code["telephony.zone-wrong"].args
        assert (args["apart"], args["true"]) == ("0:30", "UTC+3:30")

    def test_a_long_wait_in_a_queue_is_no_zone(self, check):
        legs = [row("22:00:00", uniqueid="1788289200.7"), row("22:40:00", uniqueid="1788289200.7")]
        assert check(legs).bad == []

    def test_without_ids_a_record_of_the_future_tells(self, check):
        found = check([row("2026-09-02 00:30:00")], COLUMNS["userfield"])
        assert "telephony.zone-wrong" in found.bad
        assert found.by_code["telephony.zone-wrong"].args["apart"] == "2:00"

    def test_ids_with_the_name_of_the_exchange(self, check):
        assert check([row("19:00:00", uniqueid="pbx-1-1788289200.7")]).bad == ["telephony.zone-wrong"]


def test_nobody_called_since_yesterday(check):
    found = check([row("2026-08-30 10:00:00")])
    assert found.bad == ["telephony.no-recent-calls"]
    assert found.by_code["telephony.no-recent-calls"].args["hours"] == 61
    assert check([row("2026-08-30 10:00:00")], quiet="3d").bad == []


class TestRecordings:
    def test_all_there(self, check, tmp_path):
        (tmp_path / "rec").mkdir()
        (tmp_path / "rec/a b.wav").write_bytes(b"RIFF")
        found = check([row("22:00:00", userfield="a b.wav")], recordings="rec")
        assert (found.bad, found.by_code["telephony.recordings"].args["count"]) == ([], 1)

    def test_missing(self, check, tmp_path):
        (tmp_path / "2026").mkdir()
        found = check(
            [row("22:00:00", userfield="a.wav")], recordings=f"{tmp_path}/{{year}}/{{month}}/{{file}}"
        )
        assert found.bad == ["telephony.recordings-not-found"]
        assert found.by_code[found.bad[0]].args["example"].endswith("/2026/09/a.wav")

    def test_a_recording_of_the_last_minutes_may_still_come(self, check, tmp_path):
        found = check([row("22:55:00", talk=30, userfield="a.wav")], recordings=str(tmp_path))
        assert found.bad == []

    def test_no_folder(self, check):
        found = check([row("22:00:00", userfield="a.wav")], recordings="/no/such/folder")
        assert found.bad == ["telephony.recordings-unreachable"]

    def test_no_names(self, check, tmp_path):
        found = check([row("22:00:00", userfield="note")], recordings=str(tmp_path))
        assert found.bad == ["telephony.recordings-not-named"]

    @pytest.mark.parametrize(
        ("status", "bad"),
        [(200, []), (404, ["telephony.recordings-not-found"]), (403, ["telephony.recordings-unreachable"])],
    )
    def test_on_a_web_server(self, check, clock, status, bad):
        session = requests.Session()
        session.mount("https://pbx.example", InProcess(Answers(status, clock)))
        found = check(
            [row("22:00:00", userfield="a.wav")], session=session, recordings="https://pbx.example/m"
        )
        assert found.bad == bad


class Answers:
    """A web server that has one answer, in the place of a portal."""

    def __init__(self, status, clock):
        self.status, self.clock = status, clock

    def respond(self, asked):
        assert (asked.method, asked.path) == ("HEAD", "/m/a.wav")
        return Said(self.status)


class TestTable:
    """SQLite; the other servers are asked in tests/integration."""

    @pytest.fixture
    def table(self, tmp_path):
        path = tmp_path / "cdr.db"

        def make(*statements):
            with sqlite3.connect(path) as database:
                for statement in statements:
                    database.execute(statement)
            database.close()
            return f"sqlite:///{path}"

        return make

    COLUMNS = "src, dst, channel, dstchannel, disposition, duration INTEGER, billsec INTEGER"

    def test_healthy(self, check, table):
        address = table(
            f"CREATE TABLE cdr (calldate TEXT, uniqueid, linkedid, {self.COLUMNS})",
            "INSERT INTO cdr VALUES ('2026-09-01 22:00:00', '1788289200.1', '1788289200.1', '+79161234567', "
            "'101', 'PJSIP/mts-00000001', 'PJSIP/101-00000001', 'ANSWERED', 65, 60)",
        )
        assert [finding.code for finding in check(database=address).all] == OK

    def test_faults(self, check, table, tmp_path):
        assert check(database=f"sqlite:///{tmp_path}/none.db").bad == ["telephony.table-missing"]
        address = table("CREATE TABLE other (n)")
        assert check(database=address).bad == ["telephony.table-missing"]
        assert check(database=address, table="other").bad == ["telephony.table-columns-missing"]
        address = table(f"CREATE TABLE cdr (calldate TEXT, {self.COLUMNS})")
        assert check(database=address).bad == ["telephony.cdr-empty"]
        address = table("INSERT INTO cdr VALUES ('2026-09-01 22:00:00', '1', '2', '', '', 'BUSY', 1, 0)")
        assert check(database=address).bad == ["telephony.no-id-columns"]
        address = table("INSERT INTO cdr VALUES (NULL, NULL, NULL, NULL, NULL, NULL, 'x', x'00ff')")
        assert check(database=address).bad == ["telephony.cdr-damaged", "telephony.no-id-columns"]

    @pytest.mark.parametrize(
        "address", ["", "nothing", "oracle://u:secret@h/d", "mysql+nodriver://u:secret@h/d", "://"]
    )
    def test_an_address_that_is_none(self, check, address):
        with pytest.raises(UsageError) as caught:
            check(database=address or "x")
        assert "secret" not in str(caught.value)

    def test_a_table_that_is_too_slow(self, check, table, clock):
        """SQLite asks whether the time is over after so many steps."""
        many = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 200000)"
        address = table(
            f"CREATE TABLE cdr (calldate TEXT, {self.COLUMNS})",
            f"INSERT INTO cdr SELECT '2026-09-01 10:00:' || i, '', '', '', '', '', 1, 1 "
            f"FROM ({many} SELECT i FROM n)",
        )
        steps = iter(range(10**6))
        clock.monotonic = lambda: float(next(steps))
        assert check(database=address).bad == ["telephony.table-slow"]


def test_records_are_looked_at_at_night_as_well(check, clock):
    clock._now = datetime(2026, 9, 2, 3, tzinfo=MOSCOW) + timedelta(hours=0)
    assert check([row("22:00:00", uniqueid="1788289200.7")]).bad == []
