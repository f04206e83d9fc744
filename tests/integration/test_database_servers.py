"""The servers of the tests themselves: a database for each test, and a crash that can be mended."""

import pytest
import sqlalchemy as sa
from sqlalchemy.pool import NullPool


@pytest.mark.peer("postgresql")
def test_postgres_crashes_and_comes_back_with_what_was_committed(postgres, postgres_url):
    engine = sa.create_engine(postgres_url, poolclass=NullPool)
    with engine.begin() as connection:
        connection.execute(sa.text("CREATE TABLE t (n int)"))
        connection.execute(sa.text("INSERT INTO t VALUES (1)"))
    with engine.connect() as broken:
        broken.execute(sa.text("SELECT 1"))
        postgres.crash()
        assert not postgres.running
        with pytest.raises(sa.exc.OperationalError):
            broken.execute(sa.text("SELECT 1"))
    postgres.start()
    with engine.connect() as again:
        assert again.execute(sa.text("SELECT n FROM t")).scalar_one() == 1


@pytest.mark.peer("postgresql")
@pytest.mark.parametrize("over_socket", [False, True])
def test_each_test_has_an_empty_database(over_socket, postgres, postgres_url):
    name = sa.make_url(postgres_url).database
    engine = sa.create_engine(postgres.url(name, over_socket=over_socket), poolclass=NullPool)
    with engine.begin() as connection:
        connection.execute(sa.text("CREATE TABLE t (n int)"))


@pytest.mark.peer("mariadb")
@pytest.mark.parametrize("turn", [1, 2])
def test_each_test_has_an_empty_database_of_mariadb(turn, mariadb_url):
    engine = sa.create_engine(mariadb_url, poolclass=NullPool)
    with engine.begin() as connection:
        connection.execute(sa.text("CREATE TABLE t (n int)"))
