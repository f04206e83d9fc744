"""Version 2: what an escalation needs to know of a lane and of what people were told; lists of a million.

Why the indexes are what they are: docs/decisions/013-the-ledger.md.
"""

from __future__ import annotations

STATEMENTS = (
    # A lane's breakdown, and its last failure in parts: version 1 had it as "code: text".
    "ALTER TABLE lanes ADD COLUMN broken_since DOUBLE PRECISION NOT NULL DEFAULT 0",
    "ALTER TABLE lanes ADD COLUMN broken_why TEXT NOT NULL DEFAULT ''",
    "ALTER TABLE lanes ADD COLUMN measured_at DOUBLE PRECISION NOT NULL DEFAULT 0",
    "ALTER TABLE lanes ADD COLUMN last_failure VARCHAR(16) NOT NULL DEFAULT ''",
    "ALTER TABLE lanes ADD COLUMN last_code VARCHAR(100) NOT NULL DEFAULT ''",
    "ALTER TABLE lanes ADD COLUMN last_text TEXT NOT NULL DEFAULT ''",
    "ALTER TABLE lanes ADD COLUMN last_failed_at DOUBLE PRECISION NOT NULL DEFAULT 0",
    """
    UPDATE lanes SET
        last_code = substr(
            CASE WHEN {colon} > 0 THEN substr(last_error, 1, {colon} - 1) ELSE last_error END, 1, 100
        ),
        last_text = CASE WHEN {colon} > 0 THEN substr(last_error, {colon} + 2) ELSE '' END,
        broken_why = CASE WHEN breaker = 'closed' THEN '' ELSE last_error END
    """,
    "ALTER TABLE lanes DROP COLUMN last_error",
    # Which revision of a call the destination has been sent: a newer one has to follow.
    "ALTER TABLE deliveries ADD COLUMN sent_revision INTEGER NOT NULL DEFAULT 0",
    "UPDATE deliveries SET sent_revision = revision WHERE revision > 0 AND state = 'delivered'",
    "DROP INDEX deliveries_fresh",
    "DROP INDEX deliveries_sending",
    "CREATE INDEX deliveries_lane ON deliveries (destination, state, started_at)",
    "CREATE INDEX deliveries_started ON deliveries (started_at)",
    "CREATE INDEX deliveries_failed ON deliveries (error_code) WHERE error_code <> ''",
    """
    CREATE INDEX deliveries_unreported ON deliveries (deadline_at)
        WHERE (state = 'escalated' OR state = 'held') AND fingerprint = ''
    """,
    """
    CREATE INDEX deliveries_reported ON deliveries (fingerprint, destination, state)
        WHERE fingerprint <> ''
    """,
    # What an escalation has told to whom.
    "ALTER TABLE escalations RENAME COLUMN args TO cause",
    "ALTER TABLE escalations ADD COLUMN affected BIGINT NOT NULL DEFAULT 0",
    "ALTER TABLE escalations ADD COLUMN deadline_at DOUBLE PRECISION NOT NULL DEFAULT 0",
    "ALTER TABLE escalations ADD COLUMN recovered_at DOUBLE PRECISION NOT NULL DEFAULT 0",
    "ALTER TABLE escalations ADD COLUMN news INTEGER NOT NULL DEFAULT 0",
    "ALTER TABLE escalations ADD COLUMN news_kind VARCHAR(16) NOT NULL DEFAULT ''",
    "ALTER TABLE escalations ADD COLUMN news_count BIGINT NOT NULL DEFAULT 0",
    "ALTER TABLE escalations ADD COLUMN tracker_error TEXT NOT NULL DEFAULT ''",
    "ALTER TABLE escalations ADD COLUMN intent VARCHAR(16) NOT NULL DEFAULT ''",
    "ALTER TABLE escalations ADD COLUMN intent_at DOUBLE PRECISION NOT NULL DEFAULT 0",
    "ALTER TABLE escalations ADD COLUMN told_news INTEGER NOT NULL DEFAULT 0",
    "ALTER TABLE escalations ADD COLUMN notified TEXT NOT NULL DEFAULT '{}'",
    "ALTER TABLE escalations ADD COLUMN token BIGINT NOT NULL DEFAULT 0",
    "ALTER TABLE escalations ADD COLUMN lease_until DOUBLE PRECISION NOT NULL DEFAULT 0",
    "UPDATE escalations SET affected = count WHERE state = 'open'",
    "ALTER TABLE escalations DROP COLUMN notified_at",
)
