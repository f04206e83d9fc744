"""What PostgreSQL itself can do: the fewest writes that keep the promise, from pgbench, without any program.

For 50 calls: one durable transaction that marks them as being sent, one that ends them and appends an attempt
each. No lease, no counts, nothing read, nothing sent: it is a bound, and no engine that could be used.
"""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

from engine_roles import Rate

if TYPE_CHECKING:
    from database_servers import PostgresServer

TOGETHER, CLIENTS = 50, 4
SCRIPT = f"""
SELECT nextval('turn') * {TOGETHER} - {TOGETHER - 1} AS first \\gset
UPDATE deliveries SET state = 'sending', token = 1, sent_revision = revision
    WHERE id BETWEEN :first AND :first + {TOGETHER - 1} AND state = 'waiting';
WITH ended AS (
    UPDATE deliveries SET state = 'delivered', step = 'taken', attempts = attempts + 1
    WHERE id BETWEEN :first AND :first + {TOGETHER - 1} AND state = 'sending' RETURNING id
) INSERT INTO attempts (delivery_id, at, kind, token, step, state)
    SELECT id, 1.0, 'try', 1, 'taken', 'delivered' FROM ended;
"""


def bare(server: PostgresServer, database: str, calls: int) -> Rate:
    """Return the rate at which a ledger with so many waiting calls can be written."""
    server.execute("CREATE SEQUENCE turn", database)
    script = server.folder / "bare.sql"
    script.write_text(SCRIPT)
    turns = calls // TOGETHER // CLIENTS
    words = ["-n", "-M", "prepared", "-c", str(CLIENTS), "-t", str(turns), "-f", str(script)]
    where = ["-h", str(server.folder), "-p", str(server.port), "-U", server.user, database]
    done = subprocess.run(
        [str(server.program("pgbench")), *words, *where], capture_output=True, text=True, check=True
    )
    rate = next(float(line.split()[2]) for line in done.stdout.splitlines() if line.startswith("tps"))
    brought = CLIENTS * turns * TOGETHER
    return Rate(brought, brought / (rate * TOGETHER), 0)
