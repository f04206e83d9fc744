"""Tables of Asterisk's records in real databases, and short ways to fill and read them.

The tables are the documented ones: docs.asterisk.org (PostgreSQL CDR backend), contrib/ast-db-manage of
Asterisk, and FreePBX's.
"""

from datetime import datetime, timedelta

import pytest
import sqlalchemy as sa
from asterisk_records import DAY, MOSCOW
from sqlalchemy.pool import NullPool

from integrations.checking import Surroundings
from integrations.telephony.asterisk.source import AsteriskSource
from supportctl.core.accounts import Asterisk
from supportctl.core.clock import SystemClock
from supportctl.core.deadline import Deadline

TEXTS = (
    "clid", "src", "dst", "dcontext", "channel", "dstchannel", "lastapp", "lastdata", "disposition",
    "accountcode", "uniqueid", "userfield",
)  # fmt: skip
SINCE_1_8 = ["peeraccount", "linkedid"]


def documented(moment):
    """The table of the page about the PostgreSQL backend, with the columns of 1.8 and later."""
    texts = ", ".join(f"{name} varchar(255) NOT NULL" for name in [*TEXTS, *SINCE_1_8])
    return (
        f"CREATE TABLE cdr (calldate {moment} NOT NULL, {texts}, duration int NOT NULL, "
        "billsec int NOT NULL, amaflags int NOT NULL, sequence int NOT NULL)"
    )


def ast_db_manage(moment, quote='"'):
    """The table that Asterisk's own tool makes: start, answer and end as times, all of them nullable."""
    texts = ", ".join(f"{name} varchar(150)" for name in [*TEXTS, *SINCE_1_8])
    times = ", ".join(f"{quote}{name}{quote} {moment}" for name in ("start", "answer", "end"))
    return (
        f"CREATE TABLE cdr ({texts}, {times}, duration int, billsec int, amaflags varchar(45), sequence int)"
    )


def freepbx(moment):
    """FreePBX's table: names of recordings and the number that was called."""
    more = ["did", "recordingfile", "cnum", "cnam", "outbound_cnum", "outbound_cnam", "dst_cnam"]
    texts = ", ".join(f"{name} varchar(255) NOT NULL DEFAULT ''" for name in [*TEXTS, *more, *SINCE_1_8])
    return (
        f"CREATE TABLE cdr ({texts}, calldate {moment} NOT NULL, duration int NOT NULL, "
        "billsec int NOT NULL, amaflags int NOT NULL, sequence int NOT NULL)"
    )


SERVERS = [
    pytest.param("postgres_url", id="postgresql", marks=pytest.mark.peer("postgresql")),
    pytest.param("mariadb_url", id="mariadb", marks=pytest.mark.peer("mariadb")),
    "sqlite",
]
SERIES = (
    "INSERT INTO cdr SELECT timestamp '2026-09-01' + n * interval '5 seconds', '', '+79161234567', "
    "'101', "
    "'from-trunk', 'PJSIP/mts-00000001', 'PJSIP/101-00000002', 'Dial', '', 'ANSWERED', '', "
    "'u' || n, '', '', 'u' || n, 65, 60, 3, n FROM generate_series(0, {last}) n"
)


def execute(address, *statements):
    engine = sa.create_engine(address, poolclass=NullPool)
    with engine.begin() as connection:
        for statement in statements:
            connection.execute(sa.text(statement) if isinstance(statement, str) else statement)


def moment_type(address, name="timestamp"):
    return "datetime" if address.startswith("mysql") else name


def columns_of(table):
    return [column.name for column in table.columns]


def fill(address, rows, table="cdr"):
    """Put records into the columns that the table has."""
    engine = sa.create_engine(address, poolclass=NullPool)
    with engine.begin() as connection:
        cdr = sa.Table(table, sa.MetaData(), autoload_with=connection)
        made = []
        for each in rows:
            values = {**each, "calldate": each["start"], "amaflags": 3}
            for name in ("start", "answer", "end", "calldate"):
                values[name] = datetime.fromisoformat(values[name]) if values[name] else None
            made.append({name: values[name] for name in columns_of(cdr) if name in values})
        connection.execute(cdr.insert(), made)


def source_in(folder, address=None, **settings):
    """Return the records in a database, or in a file of a folder."""
    place = {"database": address} if address else {"file": "Master.csv"}
    around = Surroundings("pbx", SystemClock(), lambda secret: secret, MOSCOW, "RU", folder)
    return AsteriskSource(Asterisk(kind="asterisk", **place, **settings), around)


def calls_of(source, since=DAY, until=DAY + timedelta(days=1), seconds=30):
    return [*source.calls(since, until, Deadline.after(seconds, SystemClock()))]
