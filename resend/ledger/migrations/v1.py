"""Version 1: deliveries, attempts, lanes with their counts, escalations."""

from __future__ import annotations

STATEMENTS = (
    "CREATE TABLE ledger_about (version INTEGER NOT NULL)",
    "INSERT INTO ledger_about (version) VALUES (1)",
    """
    CREATE TABLE lanes (
        destination VARCHAR(64) NOT NULL PRIMARY KEY,
        token BIGINT NOT NULL DEFAULT 0,
        holder VARCHAR(120) NOT NULL DEFAULT '',
        lease_until DOUBLE PRECISION NOT NULL DEFAULT 0,
        breaker VARCHAR(16) NOT NULL DEFAULT 'closed',
        failures INTEGER NOT NULL DEFAULT 0,
        open_until DOUBLE PRECISION NOT NULL DEFAULT 0,
        paused_by VARCHAR(120) NOT NULL DEFAULT '',
        paused_why TEXT NOT NULL DEFAULT '',
        rate_per_s DOUBLE PRECISION NOT NULL DEFAULT 0,
        last_error TEXT NOT NULL DEFAULT ''
    )
    """,
    """
    CREATE TABLE lane_counts (
        destination VARCHAR(64) NOT NULL,
        state VARCHAR(16) NOT NULL,
        count BIGINT NOT NULL DEFAULT 0,
        PRIMARY KEY (destination, state)
    )
    """,
    """
    CREATE TABLE deliveries (
        id {numbered},
        destination VARCHAR(64) NOT NULL,
        source VARCHAR(64) NOT NULL,
        call_id VARCHAR(200) NOT NULL,
        payload TEXT NOT NULL,
        revision INTEGER NOT NULL DEFAULT 0,
        started_at DOUBLE PRECISION NOT NULL,
        state VARCHAR(16) NOT NULL,
        step VARCHAR(40) NOT NULL DEFAULT '',
        facts TEXT NOT NULL DEFAULT '{}',
        token BIGINT NOT NULL DEFAULT 0,
        attempts INTEGER NOT NULL DEFAULT 0,
        enqueued_at DOUBLE PRECISION NOT NULL,
        next_attempt_at DOUBLE PRECISION NOT NULL,
        deadline_at DOUBLE PRECISION NOT NULL,
        failure VARCHAR(16) NOT NULL DEFAULT '',
        error_code VARCHAR(100) NOT NULL DEFAULT '',
        error_text TEXT NOT NULL DEFAULT '',
        who_acts VARCHAR(20) NOT NULL DEFAULT 'nobody',
        remote_id VARCHAR(100) NOT NULL DEFAULT '',
        fingerprint VARCHAR(16) NOT NULL DEFAULT ''
    )
    """,
    "CREATE UNIQUE INDEX deliveries_once ON deliveries (call_id, source, destination)",
    """
    CREATE INDEX deliveries_due ON deliveries (destination, state, next_attempt_at)
        WHERE state = 'waiting' OR state = 'verifying'
    """,
    "CREATE INDEX deliveries_fresh ON deliveries (destination, started_at) WHERE state = 'waiting'",
    """
    CREATE INDEX deliveries_deadline ON deliveries (destination, deadline_at)
        WHERE state = 'waiting' OR state = 'verifying'
    """,
    "CREATE INDEX deliveries_sending ON deliveries (destination) WHERE state = 'sending'",
    """
    CREATE TABLE attempts (
        id {numbered},
        delivery_id BIGINT NOT NULL REFERENCES deliveries (id),
        at DOUBLE PRECISION NOT NULL,
        kind VARCHAR(16) NOT NULL,
        token BIGINT NOT NULL DEFAULT 0,
        step VARCHAR(40) NOT NULL DEFAULT '',
        state VARCHAR(16) NOT NULL,
        failure VARCHAR(16) NOT NULL DEFAULT '',
        code VARCHAR(100) NOT NULL DEFAULT '',
        text TEXT NOT NULL DEFAULT '',
        who VARCHAR(120) NOT NULL DEFAULT '',
        next_attempt_at DOUBLE PRECISION NOT NULL DEFAULT 0
    )
    """,
    "CREATE INDEX attempts_of ON attempts (delivery_id)",
    """
    CREATE TABLE escalations (
        fingerprint VARCHAR(16) NOT NULL PRIMARY KEY,
        code VARCHAR(60) NOT NULL,
        args TEXT NOT NULL DEFAULT '{}',
        who_acts VARCHAR(20) NOT NULL,
        count BIGINT NOT NULL DEFAULT 0,
        destinations TEXT NOT NULL DEFAULT '[]',
        examples TEXT NOT NULL DEFAULT '[]',
        first_at DOUBLE PRECISION NOT NULL,
        last_at DOUBLE PRECISION NOT NULL,
        state VARCHAR(16) NOT NULL,
        tracker VARCHAR(64) NOT NULL DEFAULT '',
        tracker_issue VARCHAR(100) NOT NULL DEFAULT '',
        tracker_link TEXT NOT NULL DEFAULT '',
        told_count BIGINT NOT NULL DEFAULT 0,
        told_at DOUBLE PRECISION NOT NULL DEFAULT 0,
        notified_at DOUBLE PRECISION NOT NULL DEFAULT 0
    )
    """,
)
