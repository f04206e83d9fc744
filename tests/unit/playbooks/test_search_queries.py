"""What first lines are told finds the right playbook: `queries.yaml`, among stand-ins and in the library."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import pytest
import yaml

from playbooks.engine.loader import read
from playbooks.engine.search import Entry, Index, entries_of

ROOT = Path(__file__).parents[3]
FIXTURES = ROOT / "tests/fixtures/playbooks"
LIBRARY = ROOT / "playbooks/library"
FIRST, AMONG_THREE = 0.85, 0.95  # shares of the queries


class Query(NamedTuple):
    say: str
    good: frozenset[str]


QUERIES = [
    Query(row["say"], frozenset((row["find"], *row.get("or", ()))))
    for row in yaml.safe_load((FIXTURES / "queries.yaml").read_text(encoding="utf-8"))
]
EXPECTED = frozenset().union(*(query.good for query in QUERIES))


def library():
    """Return the playbooks that can be loaded; what is wrong with others is told by other tests."""
    paths = [path for path in sorted(LIBRARY.glob("*.yaml")) if not path.name.endswith(".test.yaml")]
    loaded = [read(path).loaded for path in paths]
    return [one.playbook for one in loaded if one is not None]


def judged(index, queries):
    """Return the shares that came first and among three, and a line for each that did not come first."""
    first, among, missed = 0, 0, []
    for query in queries:
        names = [hit.name for hit in index.search(query.say, 3)]
        first += bool(query.good & set(names[:1]))
        among += bool(query.good & set(names))
        if not query.good & set(names[:1]):
            missed.append(
                f"{query.say!r}: {', '.join(names) or 'nothing'} instead of {', '.join(query.good)}"
            )
    return first / len(queries), among / len(queries), missed


def tell(title, first, among, missed):
    figures = f"{title}: {first:.1%} first, {among:.1%} among three"
    print("\n".join([figures, *missed]))  # noqa: T201  the figures, and what to look at when they fall


def test_there_are_enough_queries():
    assert len(QUERIES) >= 120
    assert len({query.say for query in QUERIES}) == len(QUERIES)


@pytest.mark.parametrize("lang", ["en", "ru"])
def test_the_words_find_the_stand_ins(lang):
    table = yaml.safe_load((FIXTURES / "symptoms.yaml").read_text(encoding="utf-8"))
    made = [
        Entry(name, "", tuple(of[one]), (), "", one) for name, of in table.items() for one in ("en", "ru")
    ]
    first, among, missed = judged(Index(made, lang), QUERIES)
    tell(f"stand-ins, {lang}", first, among, missed)
    assert first >= FIRST
    assert among >= AMONG_THREE


def missing():
    return sorted(EXPECTED - {playbook.name for playbook in library()})


def test_every_playbook_that_a_query_wants_is_there():
    assert not missing()


@pytest.mark.parametrize("lang", ["en", "ru"])
def test_the_words_find_the_library(lang):
    playbooks = library()
    there = {playbook.name for playbook in playbooks}
    queries = [query for query in QUERIES if query.good & there]
    first, among, missed = judged(Index(entries_of(playbooks), lang), queries)
    tell(f"library, {len(there)} playbooks, {len(queries)} queries, {lang}", first, among, missed)
    assert first >= FIRST, f"{first:.1%} of the queries find their playbook first"
    assert among >= AMONG_THREE, f"{among:.1%} of the queries find their playbook among three"
