"""A statement that goes past SQLAlchemy says the same to the driver as one that does not."""

from __future__ import annotations

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from resend.ledger import past
from resend.ledger.many import Both

TABLE = sa.Table(
    "things",
    sa.MetaData(),
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("name", sa.Text),
    sa.Column("size", sa.Double),
)
T = TABLE.c
LISTED = Both(lambda among: sa.select(T.id, T.name).where(among(T.id), sa.bindparam("least") <= T.size))
# the 2 and the limit are values of the statement itself; `least` stands there twice
OWN = sa.select(T.id, T.size * 2).where(T.size >= sa.bindparam("least"), T.size + 1 > sa.bindparam("least"))
GROW = (
    sa.update(TABLE).where(T.id > sa.bindparam("after")).values(size=T.size + 0.5, name=sa.bindparam("new"))
)
INTEGERS = st.integers(-(2**63), 2**63 - 1)


@pytest.fixture(scope="module")
def connection():
    engine = sa.create_engine("sqlite://")
    TABLE.metadata.create_all(engine)
    with engine.connect() as opened:
        rows = [{"id": n, "name": None if n % 3 else f"n{n}", "size": n / 4} for n in range(1, 30)]
        opened.execute(sa.insert(TABLE), rows)
        opened.commit()
        yield opened
    engine.dispose()


@given(among=st.lists(INTEGERS | st.integers(0, 40)), least=st.floats(0, 8))
def test_the_same_rows(connection, among, least):
    for statement, values in (
        (LISTED[True], {"among": among, "least": least}),
        (OWN.limit(7), {"least": least}),
    ):
        expected = [tuple(row) for row in connection.execute(statement, values)]
        connection.rollback()
        assert past.rows_of(connection, statement, values) == expected


@given(after=st.integers(0, 40), new=st.none() | st.text(st.characters(codec="utf-8")))
def test_the_same_changes(connection, after, new):
    said = []
    for change in (past.changed_by, lambda *asked: asked[0].execute(*asked[1:]).rowcount):
        connection.exec_driver_sql("SAVEPOINT here")
        count = change(connection, GROW, {"after": after, "new": new})
        said.append((count, [tuple(row) for row in connection.execute(sa.select(TABLE))]))
        connection.rollback()
    assert said[0] == said[1]


def test_a_value_that_is_missing_is_an_error(connection):
    with pytest.raises(KeyError, match="least"):
        past.rows_of(connection, OWN, {})


@pytest.mark.parametrize("statement", [OWN, GROW, LISTED[False]], ids=["own", "grow", "listed"])
def test_the_text_for_postgresql_names_its_values(statement):
    prepared = past.prepared(past.POSTGRESQL, statement)
    assert prepared.names == ()
    assert "?" not in prepared.text
    assert past.prepared(past.POSTGRESQL, statement) is prepared, "it is written once"
    given_names = {"least", "after", "new", "among"}
    asked = {name for name in given_names | set(prepared.own) if f"%({name})s" in prepared.text}
    assert prepared.text.count("%(") >= len(asked) > 0
    prepared.text % dict.fromkeys(asked, "")  # no other name stands there
