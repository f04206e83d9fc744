"""Asterisk's records in databases that refuse, fail or have not what is needed; each said for what it is."""

from datetime import datetime, timedelta
from functools import partial

import pytest
import sqlalchemy as sa
from asterisk_databases import SERIES, SERVERS, calls_of, documented, execute, fill, moment_type, source_in
from asterisk_records import DAY, MOSCOW, row
from told import findings_of

from integrations.checking import Surroundings
from integrations.telephony.asterisk.check import AsteriskCheck
from supportctl.core.accounts import Asterisk
from supportctl.core.call import Call
from supportctl.core.clock import SystemClock
from supportctl.core.deadline import Deadline
from supportctl.core.failure import Failure, ServiceError


@pytest.fixture(params=SERVERS)
def address(request, tmp_path):
    """The address of an empty database, on each of the servers."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/cdr.db"
    return request.getfixturevalue(request.param)


@pytest.fixture
def source(tmp_path):
    return partial(source_in, tmp_path)


class TestTrouble:
    @pytest.mark.parametrize(
        ("server", "broken", "code", "failure"),
        [
            ("postgres", lambda url: url.set(password="wr0ng-secret"), "refused", Failure.CONFIGURATION),
            ("postgres", lambda url: url.set(username="nobody"), "refused", Failure.CONFIGURATION),
            ("postgres", lambda url: url.set(database="nothing"), "no-database", Failure.CONFIGURATION),
            ("postgres", lambda url: url.set(port=1), "unreachable", Failure.RETRY),
            ("postgres", lambda url: url.set(host="no-such-host.invalid"), "unreachable", Failure.RETRY),
            ("mariadb", lambda url: url.set(password="wr0ng-secret"), "refused", Failure.CONFIGURATION),
            ("mariadb", lambda url: url.set(database="nothing"), "no-database", Failure.CONFIGURATION),
            ("mariadb", lambda url: url.set(port=1), "unreachable", Failure.RETRY),
        ],
    )  # fmt: skip
    def test_each_refusal_has_its_code_and_tells_no_secret(
        self, request, source, server, broken, code, failure
    ):
        request.applymarker(pytest.mark.peer({"postgres": "postgresql"}.get(server, server)))
        address = broken(sa.make_url(request.getfixturevalue(f"{server}_url")))
        with pytest.raises(ServiceError) as caught:
            calls_of(source(address.render_as_string(hide_password=False)))
        assert (caught.value.code, caught.value.failure) == (code, failure)
        for secret in ("wr0ng-secret", "p@ss/word:1", "p%40ss"):
            assert secret not in str(caught.value)

    def test_no_table_and_no_columns(self, source, address):
        execute(address, "CREATE TABLE other (n int)")
        with pytest.raises(ServiceError, match="no-table: cdr"):
            calls_of(source(address))
        execute(address, "CREATE TABLE cdr (src varchar(9), dst varchar(9), calldate varchar(9))")
        with pytest.raises(ServiceError, match="no-column: billsec, disposition, duration"):
            calls_of(source(address))

    @pytest.mark.peer("postgresql")
    def test_a_table_of_another_schema(self, source, postgres_url):
        execute(
            postgres_url,
            "CREATE SCHEMA pbx",
            documented("timestamp").replace("TABLE cdr", "TABLE pbx.records"),
        )
        assert calls_of(source(postgres_url, table="pbx.records")) == []

    @pytest.mark.peer("postgresql")
    def test_a_user_without_the_right(self, source, postgres, postgres_url):
        execute(
            postgres_url,
            documented("timestamp"),
            "DROP ROLE IF EXISTS guest",
            "CREATE ROLE guest LOGIN PASSWORD 'g'",
        )
        address = sa.make_url(postgres_url).set(username="guest", password="g")
        with pytest.raises(ServiceError, match="no-right"):
            calls_of(source(address.render_as_string(hide_password=False)))

    @pytest.mark.parametrize(
        ("url", "pause"),
        [
            pytest.param("postgres_url", "pg_sleep(0.5)::text", marks=pytest.mark.peer("postgresql")),
            pytest.param("mariadb_url", "sleep(0.5)", marks=pytest.mark.peer("mariadb")),
        ],
    )
    def test_a_slow_server_is_ended_by_its_own_clock(self, source, request, url, pause):
        address = request.getfixturevalue(url)
        execute(address, documented(moment_type(address)))
        fill(address, [row("10:00:00", uniqueid=f"u{n}") for n in range(200)])
        execute(address, f"CREATE VIEW slow AS SELECT c.*, {pause} AS waited FROM cdr c")
        with pytest.raises(ServiceError, match="timeout"):
            calls_of(source(address, table="slow"), seconds=0.8)

    @pytest.mark.peer("postgresql")
    def test_a_server_that_crashes_while_it_is_read(self, source, postgres, postgres_url):
        execute(postgres_url, documented("timestamp"), SERIES.format(last=8_000))
        reading = source(postgres_url).calls(DAY, DAY + timedelta(days=1), Deadline.after(30, SystemClock()))
        assert isinstance(next(reading), Call)
        postgres.crash()
        with pytest.raises(ServiceError) as caught:
            list(reading)
        assert caught.value.failure is Failure.RETRY
        postgres.start()
        assert len(calls_of(source(postgres_url))) == 8_001

    def test_a_file_that_is_no_database(self, source, tmp_path):
        (tmp_path / "cdr.db").write_bytes(b"this is text" * 1000)
        with pytest.raises(ServiceError, match="no-database"):
            calls_of(source("sqlite:///cdr.db"))


class TestCheck:
    """The connection check tells each refusal of a real server."""

    @pytest.fixture
    def bad(self, tmp_path):
        def codes(address, **settings):
            around = Surroundings("pbx", SystemClock(), lambda secret: secret, MOSCOW, "RU", tmp_path)
            account = Asterisk(kind="asterisk", database=str(address), **settings)
            return findings_of(AsteriskCheck(account, around), SystemClock()).bad

        return codes

    def test_faults(self, address, bad):
        assert bad(address) == ["telephony.table-missing"]
        execute(address, "CREATE TABLE cdr (n int)")
        assert bad(address) == ["telephony.table-columns-missing"]
        execute(address, "DROP TABLE cdr", documented(moment_type(address)))
        assert bad(address) == ["telephony.cdr-empty"]
        now = datetime.now(MOSCOW)
        fill(address, [row(f"{now:%Y-%m-%dT%H:%M:%S}")])
        assert bad(address) == []
        assert bad(address, timezone="Asia/Tokyo") == ["telephony.zone-wrong"]

    @pytest.mark.peer("postgresql")
    def test_who_may_not(self, postgres, postgres_url, bad):
        def with_(**change):
            return sa.make_url(postgres_url).set(**change).render_as_string(hide_password=False)

        execute(postgres_url, documented("timestamp"))
        assert bad(with_(password="wrong")) == ["telephony.database-refused"]
        assert bad(with_(database="nothing")) == ["telephony.table-missing"]
        assert bad(with_(port=1)) == ["telephony.database-unreachable"]
        postgres.execute("DROP ROLE IF EXISTS visitor")
        postgres.execute("CREATE ROLE visitor LOGIN PASSWORD 'v'")
        assert bad(with_(username="visitor", password="v")) == ["telephony.database-no-right"]
        postgres.execute("GRANT SELECT ON cdr TO visitor", sa.make_url(postgres_url).database)
        assert bad(with_(username="visitor", password="v")) == ["telephony.cdr-empty"]
