"""The same ledger on SQLite and, where there is a server, on PostgreSQL: the same tests for both."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from ledger_bench import Bench

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path

    from database_servers import PostgresServer

DATABASES = ("sqlite", pytest.param("postgresql", marks=pytest.mark.peer("postgresql")))
_TABLES = "lanes, lane_counts, deliveries, attempts, escalations"


@pytest.fixture(scope="session")
def _shared_database(postgres: PostgresServer) -> Generator[str]:
    """The name of one database for many tests: they empty its tables."""
    with postgres.database() as name:
        Bench(postgres.url(name)).close()
        yield name


@pytest.fixture(params=DATABASES)
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of an empty ledger; its tables may be there already."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'ledger.db'}"
    server: PostgresServer = request.getfixturevalue("postgres")
    name = request.getfixturevalue("_shared_database")
    server.execute(f"TRUNCATE {_TABLES} RESTART IDENTITY", name)
    return server.url(name, over_socket=True)


@pytest.fixture
def bench(url: str) -> Generator[Bench]:
    """A ledger and what a test does with it; in the end it agrees with itself."""
    made = Bench(url)
    try:
        yield made
        made.sound()
    finally:
        made.close()
