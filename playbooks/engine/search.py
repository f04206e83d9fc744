"""Finds a playbook by the customer's words, in Russian or English, and says by which of them.

Words are ranked by SQLite's full-text index (BM25, weighted by where a word stands); how much of one symptom
was said, and how much of what was said is in it, decides between playbooks that share their words.
"""

from __future__ import annotations

import math
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, NamedTuple

from playbooks.engine.words import read, read_query, vocabulary
from supportctl.core.language import LANGUAGES

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from playbooks.engine.model import Playbook

LIMIT = 10
_WEIGHTS = (8.0, 4.0, 3.0, 1.0)  # of symptoms, title, tags, about
_FOREIGN = 0.85  # of a word in another language than that of the run
_WEAK = 0.25  # of a word that only turns the sentence round
_WORTH = 0.2  # a hit with a smaller part of the best score helps nobody
_SYMPTOM = 3.0  # how much a symptom that was said word for word counts beside the words alone


class Entry(NamedTuple):
    """What is searched of one playbook, in one language."""

    name: str
    title: str
    symptoms: tuple[str, ...]
    tags: tuple[str, ...] = ()
    about: str = ""
    lang: str = "en"

    @property
    def fields(self) -> tuple[str, str, str, str]:
        """The texts in the order of the weights."""
        return " \n ".join(self.symptoms), self.title, " ".join(self.tags), self.about


class Why(NamedTuple):
    """Why it was found: the symptom that is nearest ("" if none is), and the words, as they were meant."""

    symptom: str
    words: tuple[str, ...]


class Hit(NamedTuple):
    """A playbook that was found. `score` compares hits of one search, from 0 to 1."""

    name: str
    score: float
    why: Why


class _Symptom(NamedTuple):
    name: str
    text: str
    stems: frozenset[str]
    lang: str


def entry_of(playbook: Playbook, lang: str) -> Entry:
    """Return what is searched of a playbook in a language; what it does not have in it is empty."""
    causes = (cause.get(lang, "") for cause in playbook.causes.values())
    return Entry(
        playbook.name,
        playbook.title.get(lang, ""),
        tuple(playbook.symptoms.get(lang, ())),
        playbook.tags,
        " ".join((playbook.about.get(lang, ""), *causes)),
        lang,
    )


def entries_of(playbooks: Iterable[Playbook]) -> Iterator[Entry]:
    """Yield what is searched of these playbooks, in all languages."""
    for playbook in playbooks:
        for lang in LANGUAGES:
            yield entry_of(playbook, lang)


class Index:
    """Playbooks by their words. Made once for a run: about 20 ms for forty playbooks in two languages."""

    def __init__(self, entries: Iterable[Entry], lang: str = "en") -> None:
        self._lang = lang
        self._known: dict[str, str] = {}  # stem -> a word
        self._symptoms: list[_Symptom] = []
        self._rows: dict[str, list[str]] = {}  # name -> stems of each column
        for entry in entries:
            self._take(entry)
        self._names = list(self._rows)
        self._stems = {
            name: frozenset(stem for column in columns for stem in column.split())
            for name, columns in self._rows.items()
        }
        self._rarity = self._rarities()
        self._table = _table(list(self._rows.values()))

    def close(self) -> None:
        """Give the memory back."""
        if self._table is not None:
            self._table.close()

    def search(self, text: str, limit: int = LIMIT) -> list[Hit]:
        """Return the playbooks that these words may mean, the best first; no text raises anything."""
        words = read_query(text, self._known)
        wanted = {word.stem: word.word for word in words}
        if not wanted:
            return []
        ranks = self._ranks(list(wanted))
        top = max(ranks.values(), default=0.0) or 1.0
        table, found = vocabulary(), []
        # "does not" is no reason to show a playbook; "does not work" is one where nothing else was said
        reasons = wanted.keys() - table.weak - table.vague or wanted.keys() & table.vague
        for name, rank in ranks.items():
            said = tuple(word for stem, word in wanted.items() if stem in self._stems[name] & reasons)
            if not said:
                continue
            symptom, share = self._nearest_symptom(name, wanted)
            score = (rank / top + _SYMPTOM * share) / (1 + _SYMPTOM)
            found.append(Hit(name, round(score, 3), Why(symptom, said)))
        found.sort(key=lambda hit: (-hit.score, hit.name))
        return [hit for hit in found if hit.score >= _WORTH * found[0].score][:limit]

    def _take(self, entry: Entry) -> None:
        own = entry.lang == self._lang
        row = self._rows.setdefault(entry.name, [""] * 2 * len(_WEIGHTS))
        for number, text in enumerate(entry.fields):
            words = read(text)
            for word in words:
                self._known.setdefault(word.stem, word.word)
            column = number if own else number + len(_WEIGHTS)
            row[column] += " " + " ".join(word.stem for word in words)
        for text in entry.symptoms:
            stems = frozenset(word.stem for word in read(text))
            self._symptoms.append(_Symptom(entry.name, text, stems, entry.lang))

    def _rarities(self) -> Mapping[str, float]:
        """Return for each stem what it tells: little if many playbooks have it."""
        weak = vocabulary().weak | vocabulary().vague
        counts: dict[str, int] = {}
        for stems in self._stems.values():
            for stem in stems:
                counts[stem] = counts.get(stem, 0) + 1
        total = len(self._stems)
        return {
            stem: math.log(1 + total / count) * (_WEAK if stem in weak else 1)
            for stem, count in counts.items()
        }

    def _ranks(self, stems: Sequence[str]) -> dict[str, float]:
        if self._table is None:
            return self._ranks_without_table(stems)
        question = " OR ".join(f'"{stem}"' for stem in stems)  # known stems only: letters and digits
        weights = ", ".join(str(weight) for weight in _column_weights())
        sql = f"SELECT rowid, -bm25(words, {weights}) FROM words WHERE words MATCH ?"  # noqa: S608  numbers of ours
        with closing(self._table.execute(sql, (question,))) as rows:
            return {self._names[row]: rank for row, rank in rows}

    def _ranks_without_table(self, stems: Sequence[str]) -> dict[str, float]:
        """Return the weights of the places where the words stand: what a Python without FTS5 does."""
        ranks: dict[str, float] = {}
        for name, row in self._rows.items():
            columns = [set(column.split()) for column in row]
            rank = sum(
                self._rarity[stem] * max(weight for weight, column in places if stem in column)
                for places in [list(zip(_column_weights(), columns, strict=True))]
                for stem in stems
                if stem in self._stems[name]
            )
            if rank:
                ranks[name] = rank
        return ranks

    def _nearest_symptom(self, name: str, wanted: Mapping[str, str]) -> tuple[str, float]:
        best = ("", 0.0)
        said = sum(self._rarity[stem] for stem in wanted)
        for symptom in self._symptoms:
            if symptom.name == name:
                common = sum(self._rarity[stem] for stem in symptom.stems & wanted.keys())
                whole = sum(self._rarity[stem] for stem in symptom.stems)
                # customers say more than a symptom does: what was said of it counts more than what was added
                share = common / (0.5 * whole + 0.5 * said) if common else 0.0
                share *= 1.0 if symptom.lang == self._lang else _FOREIGN
                if share > best[1]:
                    best = (symptom.text, share)
        return best


def _column_weights() -> tuple[float, ...]:
    return (*_WEIGHTS, *(weight * _FOREIGN for weight in _WEIGHTS))


def _table(rows: Sequence[Sequence[str]]) -> sqlite3.Connection | None:
    """Return the full-text index, or None where this Python's SQLite was built without it."""
    connection = sqlite3.connect(":memory:")
    columns = ", ".join(f"c{number}" for number in range(2 * len(_WEIGHTS)))
    try:
        connection.execute(
            f"CREATE VIRTUAL TABLE words USING fts5({columns}, tokenize = 'unicode61 remove_diacritics 0')"
        )
    except sqlite3.OperationalError:
        connection.close()
        return None
    places = ", ".join("?" * (2 * len(_WEIGHTS) + 1))
    connection.executemany(
        f"INSERT INTO words (rowid, {columns}) VALUES ({places})",  # noqa: S608  names of ours
        [(number, *row) for number, row in enumerate(rows)],
    )
    return connection
