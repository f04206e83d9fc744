"""The tables of the ledger. Times are seconds since the epoch (UTC) as floating-point numbers.

A change of a table is a new version: a step in `migrations`, never an edit of an old one. The tables are made
by those steps; what stands here is what statements are written with, and a test holds both to be the same.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import (
    BigInteger,
    Column,
    Double,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    and_,
    literal_column,
    or_,
)

from resend.model import State

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement

METADATA = MetaData()
_ID = BigInteger().with_variant(Integer, "sqlite")  # SQLite counts up only what it calls INTEGER

ABOUT = Table("ledger_about", METADATA, Column("version", Integer, nullable=False))

LANES = Table(
    "lanes",
    METADATA,
    Column("destination", String(64), primary_key=True),
    Column(
        "token", BigInteger, nullable=False, server_default="0"
    ),  # the fencing token: grows with every claim
    Column("holder", String(120), nullable=False, server_default=""),
    Column("lease_until", Double, nullable=False, server_default="0"),
    Column("breaker", String(16), nullable=False, server_default="closed"),
    Column("failures", Integer, nullable=False, server_default="0"),
    Column("open_until", Double, nullable=False, server_default="0"),
    Column("broken_since", Double, nullable=False, server_default="0"),  # the first failure of this breakdown
    Column("broken_why", Text, nullable=False, server_default=""),  # its last one, "code: text"
    Column("paused_by", String(120), nullable=False, server_default=""),
    Column("paused_why", Text, nullable=False, server_default=""),
    Column("rate_per_s", Double, nullable=False, server_default="0"),  # deliveries a second, as last measured
    Column("measured_at", Double, nullable=False, server_default="0"),
    # Of the last request that failed; it stays when all is well again.
    Column("last_failure", String(16), nullable=False, server_default=""),
    Column("last_code", String(100), nullable=False, server_default=""),
    Column("last_text", Text, nullable=False, server_default=""),
    Column("last_failed_at", Double, nullable=False, server_default="0"),
)

# How many deliveries a lane has in each state: counted with every change, so that a status never counts rows.
COUNTS = Table(
    "lane_counts",
    METADATA,
    Column("destination", String(64), primary_key=True),
    Column("state", String(16), primary_key=True),
    Column("count", BigInteger, nullable=False, server_default="0"),
)

DELIVERIES = Table(
    "deliveries",
    METADATA,
    Column("id", _ID, primary_key=True, autoincrement=True),
    Column("destination", String(64), nullable=False),
    Column("source", String(64), nullable=False),
    Column("call_id", String(200), nullable=False),
    Column("payload", Text, nullable=False),  # the call as JSON: frozen when it is accepted
    Column("revision", Integer, nullable=False, server_default="0"),
    Column("started_at", Double, nullable=False),  # of the call: fresh ones may go first
    Column("state", String(16), nullable=False),
    Column("step", String(40), nullable=False, server_default=""),
    Column("facts", Text, nullable=False, server_default="{}"),
    Column(
        "token", BigInteger, nullable=False, server_default="0"
    ),  # of the lease under which it was last sent
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("enqueued_at", Double, nullable=False),
    Column("next_attempt_at", Double, nullable=False),
    Column("deadline_at", Double, nullable=False),
    Column("failure", String(16), nullable=False, server_default=""),
    Column("error_code", String(100), nullable=False, server_default=""),
    Column("error_text", Text, nullable=False, server_default=""),
    Column("who_acts", String(20), nullable=False, server_default="nobody"),
    Column("remote_id", String(100), nullable=False, server_default=""),
    Column("fingerprint", String(16), nullable=False, server_default=""),
    Column("sent_revision", Integer, nullable=False, server_default="0"),  # the last one that was to be sent
)
# Each lane's calls by state and beginning: what is fresh, what is shown, what was left in mid-send.
Index("deliveries_lane", DELIVERIES.c.destination, DELIVERIES.c.state, DELIVERIES.c.started_at)
Index("deliveries_started", DELIVERIES.c.started_at)
Index("deliveries_once", DELIVERIES.c.call_id, DELIVERIES.c.source, DELIVERIES.c.destination, unique=True)


def is_in(*states: State) -> ColumnElement[bool]:
    """Return the condition that a delivery is in one of some states, with the words themselves in it.

    SQLite uses a partial index only where a statement says the same as the index, in the same form: no
    parameters, and OR instead of IN.
    """
    return or_(*(DELIVERIES.c.state == literal_column(f"'{state.value}'") for state in states))


DUE = is_in(State.WAITING, State.VERIFYING)
_NOBODY_TOLD = DELIVERIES.c.fingerprint == literal_column("''")
_TOLD = DELIVERIES.c.fingerprint != literal_column("''")
UNREPORTED = and_(is_in(State.ESCALATED, State.HELD), _NOBODY_TOLD)
REPORTED = and_(
    DELIVERIES.c.state != literal_column("'delivered'"),
    DELIVERIES.c.state != literal_column("'cancelled'"),
    _TOLD,
)
# What has ended is not in these: a million finished deliveries cost a worker that looks for work nothing.
Index(
    "deliveries_due",
    DELIVERIES.c.destination,
    DELIVERIES.c.state,
    DELIVERIES.c.next_attempt_at,
    sqlite_where=DUE,
    postgresql_where=DUE,
)
Index(
    "deliveries_deadline",
    DELIVERIES.c.destination,
    DELIVERIES.c.deadline_at,
    sqlite_where=DUE,
    postgresql_where=DUE,
)
_FAILED = DELIVERIES.c.error_code != literal_column("''")
Index("deliveries_failed", DELIVERIES.c.error_code, sqlite_where=_FAILED, postgresql_where=_FAILED)
# What people have not been told of yet, and what belongs to an escalation and has not come to its end.
Index(
    "deliveries_unreported",
    DELIVERIES.c.deadline_at,
    sqlite_where=UNREPORTED,
    postgresql_where=UNREPORTED,
)
Index(
    "deliveries_reported",
    DELIVERIES.c.fingerprint,
    DELIVERIES.c.destination,
    DELIVERIES.c.state,
    sqlite_where=_TOLD,
    postgresql_where=_TOLD,
)

# Append-only: what was tried, what came of it, and what people did by hand.
ATTEMPTS = Table(
    "attempts",
    METADATA,
    Column("id", _ID, primary_key=True, autoincrement=True),
    Column("delivery_id", ForeignKey("deliveries.id"), nullable=False),
    Column("at", Double, nullable=False),
    Column("kind", String(16), nullable=False),  # try, lookup, hand, update, lost
    Column("token", BigInteger, nullable=False, server_default="0"),
    Column("step", String(40), nullable=False, server_default=""),
    Column("state", String(16), nullable=False),  # the state that it led to
    Column("failure", String(16), nullable=False, server_default=""),
    Column("code", String(100), nullable=False, server_default=""),
    Column("text", Text, nullable=False, server_default=""),
    Column("who", String(120), nullable=False, server_default=""),
    Column("next_attempt_at", Double, nullable=False, server_default="0"),
)

Index("attempts_of", ATTEMPTS.c.delivery_id)

# One problem that people are told of. `news` counts what is worth telling; trackers and chats have told of
# all up to `told_news` and `notified`.
ESCALATIONS = Table(
    "escalations",
    METADATA,
    Column("fingerprint", String(16), primary_key=True),
    Column("code", String(60), nullable=False),  # a finding code: title and words come from the catalogue
    Column("cause", Text, nullable=False, server_default="{}"),  # what the fingerprint is made of
    Column("who_acts", String(20), nullable=False),
    Column("count", BigInteger, nullable=False, server_default="0"),  # calls, the most at one time
    Column("affected", BigInteger, nullable=False, server_default="0"),  # calls, now
    Column("destinations", Text, nullable=False, server_default="[]"),
    Column("examples", Text, nullable=False, server_default="[]"),  # at most three, redacted
    Column("first_at", Double, nullable=False),
    Column("last_at", Double, nullable=False),
    Column("deadline_at", Double, nullable=False, server_default="0"),  # the nearest; 0: none is near
    Column("state", String(16), nullable=False),  # open, recovered, closed
    Column("recovered_at", Double, nullable=False, server_default="0"),
    Column("news", Integer, nullable=False, server_default="0"),
    Column(
        "news_kind", String(16), nullable=False, server_default=""
    ),  # opened, grew, moved, deadline, recovered, again
    Column("news_count", BigInteger, nullable=False, server_default="0"),  # calls, when there was news last
    Column("tracker", String(64), nullable=False, server_default=""),
    Column("tracker_issue", String(100), nullable=False, server_default=""),
    Column("tracker_link", Text, nullable=False, server_default=""),
    Column(
        "tracker_error", Text, nullable=False, server_default=""
    ),  # why it could not be told, "code: text"
    Column(
        "intent", String(16), nullable=False, server_default=""
    ),  # create, close: begun, and its end not known
    Column("intent_at", Double, nullable=False, server_default="0"),
    Column("told_news", Integer, nullable=False, server_default="0"),
    Column("told_count", BigInteger, nullable=False, server_default="0"),
    Column("told_at", Double, nullable=False, server_default="0"),
    Column("notified", Text, nullable=False, server_default="{}"),  # place -> news
    Column("token", BigInteger, nullable=False, server_default="0"),  # of the sweep that holds it
    Column("lease_until", Double, nullable=False, server_default="0"),
)
