"""Tells the workers of a lane at once, when calls were accepted for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa
from procrastinate import SyncPsycopgConnector
from procrastinate.exceptions import AlreadyEnqueued
from procrastinate.manager import JobManager

from resend.cluster.engine import SCHEMA, lane_job

if TYPE_CHECKING:
    from collections.abc import Iterable

    from resend.ledger.store import Store


def wake(store: Store, destinations: Iterable[str]) -> int:
    """Queue the lanes' jobs in the ledger's own database; return how many were not queued already.

    What was accepted has to be committed before. Where no worker has ever run, nothing is done. What is
    missed here is found by the workers' sweep.
    """
    manager = JobManager(SyncPsycopgConnector())  # never opened: the ledger's connection is used
    woken = 0
    with store.write() as connection:
        if (
            connection.execute(sa.text("SELECT to_regclass(:table)"), {"table": f"{SCHEMA}.applied"}).scalar()
            is None
        ):
            return 0
        connection.execute(sa.text(f"SET LOCAL search_path TO {SCHEMA}"))
        for name in destinations:
            try:
                with connection.begin_nested():
                    manager.defer_job(lane_job(name), connection=connection.connection.driver_connection)
                woken += 1
            except AlreadyEnqueued:
                continue
    return woken
