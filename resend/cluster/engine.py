"""Procrastinate beside the ledger: a schema of its own in the same database, and one kind of job.

Nothing of value is in that schema: what is to be delivered, and when, stands in the ledger. It can be dropped
while no worker runs, and the next one makes it anew.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg
from procrastinate import App, PsycopgConnector
from procrastinate.exceptions import AlreadyEnqueued, ConnectorException
from procrastinate.jobs import Job, Status
from procrastinate.schema import SchemaManager
from psycopg.sql import SQL, Identifier, Literal

from supportctl.core.errors import SupportctlError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Sequence

    from resend.ledger.store import Store

SCHEMA = "supportctl_engine"
LANES = "lanes"  # the only queue
DRAIN = "drain"  # the only kind of job
HEARTBEAT_S = 5.0
STALLED_S = 20.0  # a worker whose heart has not been heard for so long is gone, and its jobs with it
GRACE_S = 10.0  # a job whose thread needs longer than that to end is given up; the thread is not
KEPT_H = 24  # how long jobs that failed can be looked at
_POLL_S = 1.0  # jobs are announced; an announcement during a fetch is lost (Procrastinate 3.10)
_SEARCH_PATH = f"-c search_path={SCHEMA}"
_LOCK = 0x5C_0C71  # of two workers that start at once, one brings the schema up
_CONNECT_S = 5


def connect_arguments(store: Store) -> dict[str, Any]:
    """Return what psycopg needs to reach the ledger's database with the engine's schema first."""
    _, arguments = store.engine.dialect.create_connect_args(store.engine.url)
    options = " ".join(filter(None, (arguments.pop("options", ""), _SEARCH_PATH)))
    return {"connect_timeout": _CONNECT_S, "application_name": "supportctl resend worker", **arguments,
            "options": options}  # fmt: skip


def prepare(store: Store) -> None:
    """Bring the engine's schema to the installed version; many workers may do so at once.

    Raises:
        SupportctlError: `resend.engine-schema`: this user of the database may not make it.
        psycopg.OperationalError: the database cannot be reached.
    """
    try:
        with psycopg.connect(**connect_arguments(store), autocommit=True) as connection:
            connection.execute(SQL("SELECT pg_advisory_lock({})").format(Literal(_LOCK)))
            _bring_up(connection)
    except psycopg.OperationalError:
        raise
    except psycopg.Error as error:
        raise SupportctlError("resend.engine-schema", found=SCHEMA, reason=error) from None


def _bring_up(connection: psycopg.Connection) -> None:
    folder = Path(SchemaManager.get_migrations_path())
    shipped = {path.name: path for path in sorted(folder.glob("*.sql"))}
    found = connection.execute("SELECT to_regclass(%s)", [f"{SCHEMA}.applied"]).fetchone()
    if found is None or found[0] is None:
        create = SQL("CREATE SCHEMA IF NOT EXISTS {}").format(Identifier(SCHEMA)).as_string()
        _run(connection, f"{create};\n{SchemaManager.get_schema()}", list(shipped), first=True)
        return
    applied = {row[0] for row in connection.execute("SELECT name FROM applied")}
    for name, path in shipped.items():
        if name not in applied:
            _run(connection, path.read_text(encoding="utf-8"), [name])


def _run(connection: psycopg.Connection, script: str, names: Sequence[str], *, first: bool = False) -> None:
    """Run a script of Procrastinate's and note its names: what is sent as one is one transaction."""
    table = "CREATE TABLE applied (name text PRIMARY KEY);\n" if first else ""
    rows = SQL(", ").join(SQL("({})").format(Literal(name)) for name in names)
    note = SQL("INSERT INTO applied VALUES {}").format(rows).as_string(connection)
    connection.execute(f"{script};\n{table}{note}".encode())


def engine_app(store: Store, drain: Callable[[str], Awaitable[None]]) -> App:
    """Return the engine, not opened yet; `drain` is what a lane's job does."""
    connector = PsycopgConnector(
        kwargs=connect_arguments(store), configure=_alone, min_size=1, max_size=4, timeout=_CONNECT_S
    )
    app = App(connector=connector)

    @app.task(name=DRAIN, queue=LANES)
    async def job(destination: str) -> None:
        await drain(destination)

    return app


async def _alone(connection: psycopg.AsyncConnection) -> None:
    """Let each statement be a transaction of its own, as all of the engine's are: no words around it."""
    await connection.set_autocommit(True)


async def work(app: App, slots: int) -> None:
    """Fetch and run jobs, `slots` at a time, until cancelled; ends by itself when the database goes away.

    Raises:
        ConnectorException: the database cannot be reached.
    """
    await app.run_worker_async(
        queues=[LANES],
        concurrency=slots,
        delete_jobs="successful",
        install_signal_handlers=False,
        fetch_job_polling_interval=_POLL_S,
        update_heartbeat_interval=HEARTBEAT_S,
        stalled_worker_timeout=STALLED_S,
        shutdown_graceful_timeout=GRACE_S,
    )


def lane_job(destination: str) -> Job:
    """Return the job that drains a lane.

    Its queueing lock keeps a second one out only while this one waits. It has no lock: a job that was left
    behind by a killed worker would hold that for ever, while the ledger's lease ends by itself.
    """
    return Job(
        id=None,
        queue=LANES,
        task_name=DRAIN,
        lock=None,
        queueing_lock=destination,
        task_kwargs={"destination": destination},
    )


async def kick(app: App, destinations: Iterable[str]) -> int:
    """Queue a job for each lane that has none waiting; return how many."""
    rows = await app.connector.execute_query_all_async(
        "SELECT queueing_lock FROM procrastinate_jobs WHERE status = 'todo' AND queue_name = %(queue)s",
        queue=LANES,
    )
    waiting = {row["queueing_lock"] for row in rows}
    jobs = [lane_job(name) for name in destinations if name not in waiting]
    if not jobs:
        return 0
    try:
        return len(await app.job_manager.batch_defer_jobs_async(jobs))
    except AlreadyEnqueued:  # somebody was quicker with one of them: then one by one
        return sum([await _kick_one(app, job) for job in jobs])


async def _kick_one(app: App, job: Job) -> int:
    try:
        await app.job_manager.defer_job_async(job)
    except AlreadyEnqueued:
        return 0
    return 1


async def bury(app: App) -> int:
    """Finish the jobs of workers that are gone, never repeat them; return how many.

    To queue such a job again collides with the job that was queued for its lane since.
    """
    await app.job_manager.prune_stalled_workers(STALLED_S)
    stalled = list(await app.job_manager.get_stalled_jobs(queue=LANES, seconds_since_heartbeat=STALLED_S))
    return sum([await _finish(app, job) for job in stalled])


async def _finish(app: App, job: Job) -> int:
    try:
        await app.job_manager.finish_job(job, Status.FAILED, delete_job=False)
    except (
        ConnectorException
    ):  # another worker has done it; if it is the database, the next statement says so
        return 0
    return 1


async def tidy(app: App) -> None:
    """Remove jobs that failed or were given up long ago."""
    await app.job_manager.delete_old_jobs(KEPT_H, queue=LANES, include_failed=True, include_aborted=True)


async def living(app: App) -> int:
    """Return how many workers there are, this one included."""
    row = await app.connector.execute_query_one_async("SELECT count(*) AS n FROM procrastinate_workers")
    return max(1, int(row["n"]))
