"""The tables of the ledger. Times are seconds since the epoch (UTC) as floating-point numbers.

A change of a table is a new version: a step in `migrations`, never an edit of an old one.
"""

from __future__ import annotations

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
    UniqueConstraint,
)

VERSION = 1
METADATA = MetaData()
_ID = BigInteger().with_variant(Integer, "sqlite")  # SQLite counts up only what it calls INTEGER

ABOUT = Table("ledger_about", METADATA, Column("version", Integer, nullable=False))

LANES = Table(
    "lanes",
    METADATA,
    Column("destination", String(64), primary_key=True),
    Column("token", BigInteger, nullable=False, default=0),  # the fencing token: grows with every claim
    Column("holder", String(120), nullable=False, default=""),
    Column("lease_until", Double, nullable=False, default=0.0),
    Column("breaker", String(16), nullable=False, default="closed"),
    Column("failures", Integer, nullable=False, default=0),
    Column("open_until", Double, nullable=False, default=0.0),
    Column("paused_by", String(120), nullable=False, default=""),
    Column("paused_why", Text, nullable=False, default=""),
    Column("rate_per_s", Double, nullable=False, default=0.0),  # deliveries a second, as last measured
    Column("last_error", Text, nullable=False, default=""),  # of the last request that failed, "code: text"
)

# How many deliveries a lane has in each state: counted with every change, so that a status never counts rows.
COUNTS = Table(
    "lane_counts",
    METADATA,
    Column("destination", String(64), primary_key=True),
    Column("state", String(16), primary_key=True),
    Column("count", BigInteger, nullable=False, default=0),
)

DELIVERIES = Table(
    "deliveries",
    METADATA,
    Column("id", _ID, primary_key=True, autoincrement=True),
    Column("destination", String(64), nullable=False),
    Column("source", String(64), nullable=False),
    Column("call_id", String(200), nullable=False),
    Column("payload", Text, nullable=False),  # the call as JSON: frozen when it is accepted
    Column("revision", Integer, nullable=False, default=0),
    Column("started_at", Double, nullable=False),  # of the call: fresh ones may go first
    Column("state", String(16), nullable=False),
    Column("step", String(40), nullable=False, default=""),
    Column("facts", Text, nullable=False, default="{}"),
    Column("token", BigInteger, nullable=False, default=0),  # of the lease under which it was last sent
    Column("attempts", Integer, nullable=False, default=0),
    Column("enqueued_at", Double, nullable=False),
    Column("next_attempt_at", Double, nullable=False),
    Column("deadline_at", Double, nullable=False),
    Column("failure", String(16), nullable=False, default=""),
    Column("error_code", String(100), nullable=False, default=""),
    Column("error_text", Text, nullable=False, default=""),
    Column("who_acts", String(20), nullable=False, default="nobody"),
    Column("remote_id", String(100), nullable=False, default=""),
    Column("fingerprint", String(16), nullable=False, default=""),
    UniqueConstraint("destination", "source", "call_id", name="deliveries_once"),
)
_DUE = DELIVERIES.c.state.in_(("waiting", "verifying"))
Index(
    "deliveries_due",
    DELIVERIES.c.destination,
    DELIVERIES.c.state,
    DELIVERIES.c.next_attempt_at,
    sqlite_where=_DUE,
    postgresql_where=_DUE,
)
Index(
    "deliveries_fresh",
    DELIVERIES.c.destination,
    DELIVERIES.c.started_at,
    sqlite_where=DELIVERIES.c.state == "waiting",
    postgresql_where=DELIVERIES.c.state == "waiting",
)
Index(
    "deliveries_deadline",
    DELIVERIES.c.destination,
    DELIVERIES.c.deadline_at,
    sqlite_where=_DUE,
    postgresql_where=_DUE,
)
_SENDING = DELIVERIES.c.state == "sending"
Index(
    "deliveries_sending",
    DELIVERIES.c.destination,
    sqlite_where=_SENDING,
    postgresql_where=_SENDING,
)

# Append-only: what was tried, what came of it, and what people did by hand.
ATTEMPTS = Table(
    "attempts",
    METADATA,
    Column("id", _ID, primary_key=True, autoincrement=True),
    Column("delivery_id", ForeignKey("deliveries.id"), nullable=False, index=True),
    Column("at", Double, nullable=False),
    Column("kind", String(16), nullable=False),  # try, lookup, hand, update, lost
    Column("token", BigInteger, nullable=False, default=0),
    Column("step", String(40), nullable=False, default=""),
    Column("state", String(16), nullable=False),  # the state that it led to
    Column("failure", String(16), nullable=False, default=""),
    Column("code", String(100), nullable=False, default=""),
    Column("text", Text, nullable=False, default=""),
    Column("who", String(120), nullable=False, default=""),
    Column("next_attempt_at", Double, nullable=False, default=0.0),
)

ESCALATIONS = Table(
    "escalations",
    METADATA,
    Column("fingerprint", String(16), primary_key=True),
    Column("code", String(60), nullable=False),  # a finding code: title and words come from the catalogue
    Column("args", Text, nullable=False, default="{}"),
    Column("who_acts", String(20), nullable=False),
    Column("count", BigInteger, nullable=False, default=0),
    Column("destinations", Text, nullable=False, default="[]"),
    Column("examples", Text, nullable=False, default="[]"),  # at most three, redacted
    Column("first_at", Double, nullable=False),
    Column("last_at", Double, nullable=False),
    Column("state", String(16), nullable=False),  # open, recovered, closed
    Column("tracker", String(64), nullable=False, default=""),
    Column("tracker_issue", String(100), nullable=False, default=""),
    Column("tracker_link", Text, nullable=False, default=""),
    Column("told_count", BigInteger, nullable=False, default=0),  # what people were last told
    Column("told_at", Double, nullable=False, default=0.0),
    Column("notified_at", Double, nullable=False, default=0.0),
)
