"""The search: how words are read, what nearness means, and that no text whatever is too much for it."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from playbooks.engine import search
from playbooks.engine.model import Playbook
from playbooks.engine.search import Entry, Index, entries_of, entry_of
from playbooks.engine.words import read, stem

SYMPTOMS = Path(__file__).parents[2] / "fixtures/playbooks/symptoms.yaml"


def stand_ins():
    """Return entries with the symptoms of forty playbooks, and nothing else."""
    table = yaml.safe_load(SYMPTOMS.read_text(encoding="utf-8"))
    return [
        Entry(name, "", tuple(texts[lang]), (), "", lang)
        for name, texts in table.items()
        for lang in ("en", "ru")
    ]


@pytest.fixture(scope="module")
def index():
    made = Index(stand_ins(), "ru")
    yield made
    made.close()


def first(index, text):
    return index.search(text)[0]


@pytest.mark.parametrize(
    "text",
    [
        "не печатает чек",
        "НЕ ПЕЧАТАЕТ ЧЕК!!!",
        "чеки не печатаются",
        "yt gtxfnftn xtr",
        "Yt gtxfnftn xtr,",
        "ne pechataet chek",
        "не пичатает чек",
    ],
)
def test_the_same_complaint_typed_in_many_ways(index, text):
    hit = first(index, text)
    assert hit.name == "printer-silent"
    assert hit.why.symptom == "не печатает чек"


def test_why_names_the_words_as_they_were_meant(index):
    assert first(index, "yt gtxfnftn xtr").why.words == ("печатает", "чек")


def test_latin_letters_have_no_soft_sign():
    index = Index(
        [Entry("paper", "", ("бумага кончилась",), (), "", "ru"), Entry("other", "", ("весы",))], "ru"
    )
    assert index.search("bumaga konchilas")[0].why.words == ("бумага", "кончилась")


def test_english_typed_in_the_russian_layout(index):
    assert (
        first(index, "кусушзе зкштеук вщуы тще зкште").name == "printer-silent"
    )  # receipt printer does not print


def test_what_means_the_same_is_found(index):
    assert {
        first(index, f"{word} не работает").name
        for word in ("касса", "ФР", "ккт", "фискальник", "онлайн-касса")
    } == {"register-not-working"}
    assert first(index, "пинпад оплата").name == "terminal-no-link"


def test_a_text_in_the_other_language_is_found(index):
    assert first(index, "cutter jam").name == "printer-cutter"


def test_the_language_of_the_run_goes_before():
    both = [
        Entry("one", "", ("терминал offline",), (), "", "ru"),
        Entry("two", "", ("терминал offline",), (), "", "en"),
        Entry("other", "", ("ящик",), (), "", "ru"),
        Entry("more", "", ("весы",), (), "", "ru"),
    ]
    assert [hit.name for hit in Index(both, "ru").search("терминал offline")] == ["one", "two"]
    assert [hit.name for hit in Index(both, "en").search("терминал offline")] == ["two", "one"]


def test_a_symptom_counts_more_than_a_title_a_tag_and_what_it_is_about():
    others = [Entry(f"other-{number}", "g", ("h",)) for number in range(8)]
    order = [
        Entry("symptom", "d", ("cutter",)),
        Entry("title", "cutter", ("c",)),
        Entry("tag", "e", ("f",), ("cutter",)),
        Entry("about", "a", ("b",), (), "cutter"),
    ]
    for more, less in pairwise(order):
        assert Index([less, more, *others]).search("cutter")[0].name == more.name


def test_words_that_are_in_no_playbook_find_nothing(index):
    assert index.search("квантовая хромодинамика") == []
    assert index.search("") == []
    assert index.search("и на в") == []
    assert index.search("не, нет!") == []
    assert Index([]).search("чек") == []


def test_words_of_every_complaint_are_a_reason_only_where_nothing_else_was_said(index):
    assert first(index, "не работает").name == "register-not-working"
    assert index.search("не работает фывапролджэ")  # of what is not known nothing can be told
    assert all("работает" not in hit.why.words for hit in index.search("терминал не работает"))


def test_no_more_than_were_asked_for_and_the_best_first(index):
    hits = index.search("не печатает принтер чек", 3)
    assert len(hits) == 3
    assert [hit.score for hit in hits] == sorted((hit.score for hit in hits), reverse=True)


@pytest.mark.parametrize(
    "text", ['"', '" OR "', "чек AND (", "c0:чек", "чек*", "NEAR(чек касса)", "^чек", "чек\0касса", "\ud800"]
)
def test_the_index_syntax_is_only_text(index, text):
    index.search(text)


@given(st.text(st.characters(), max_size=300) | st.text("чекНасcheck\"*:^()-+{}[]'; ", max_size=80))
@settings(max_examples=150, deadline=None)
def test_no_text_raises(index, text):
    for hit in index.search(text):
        assert 0 <= hit.score <= 1


@given(st.lists(st.text(max_size=30), max_size=4), st.text(max_size=30))
@settings(max_examples=60, deadline=None)
def test_no_playbook_raises(symptoms, text):
    index = Index([Entry("any", text, tuple(symptoms), (), text)])
    index.search(text)
    index.close()


def test_forms_of_a_word_have_one_stem():
    for forms in (
        ("чек", "чеки", "чеков"),
        ("звонок", "звонка", "звонки"),
        ("printer", "printers"),
        ("счёт", "счета"),
    ):
        assert len({word.stem for form in forms for word in read(form)}) == 1, forms
    assert stem("") == ""


def test_without_the_full_text_index_it_finds_by_the_words_alone(monkeypatch, index):
    monkeypatch.setattr(search, "_table", lambda rows: None)
    bare = Index(stand_ins(), "ru")
    for text in ("не печатает чек", "заклинило нож", "вес не передаётся", "cutter jam"):
        assert first(bare, text).name == first(index, text).name
    bare.close()


def test_a_sqlite_without_the_full_text_index_is_noticed(monkeypatch):
    class Bare(sqlite3.Connection):
        def execute(self, sql, *values):
            raise sqlite3.OperationalError("no such module: fts5")

    connect = sqlite3.connect
    monkeypatch.setattr(search.sqlite3, "connect", lambda place: connect(place, factory=Bare))
    assert search._table([]) is None


def test_an_entry_is_what_a_playbook_says():
    playbook = Playbook.model_validate(
        {
            "schema": "supportctl.playbook/1",
            "name": "printer-cutter",
            "version": 1,
            "owner": "desk",
            "title": {"en": "Cutter", "ru": "Нож"},
            "about": {"en": "The cutter jams."},
            "symptoms": {"en": ["cutter jam"], "ru": ["заклинило нож"]},
            "tags": ["printer"],
            "causes": {"paper": {"en": "Paper in the knife", "ru": "Бумага"}},
            "steps": [{"id": "end", "solved": {"say": {"en": "Done."}}}],
        }
    )
    assert entry_of(playbook, "ru") == Entry(
        "printer-cutter", "Нож", ("заклинило нож",), ("printer",), " Бумага", "ru"
    )
    assert Index(entries_of([playbook])).search("knife")[0].name == "printer-cutter"


def test_the_search_alone_needs_neither_pydantic_nor_yaml():
    code = (
        "import sys; from playbooks.engine.search import Entry, Index; "
        "Index([Entry('a', 'b', ('c',))]).search('c'); print({'pydantic', 'yaml'} & set(sys.modules))"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ended.stdout == "set()\n"
