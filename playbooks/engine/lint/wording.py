"""Rules about texts: all languages, short sentences, plain words. The limits are the catalogue's own."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from playbooks.engine.lint.table import Edit, Found
from playbooks.engine.texts import LANGUAGES, places
from supportctl.catalog.plain_words import MAX_WORDS, forbidden, sentences, words_of
from supportctl.reading.yaml_tree import Place

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playbooks.engine.lint.table import Subject
    from playbooks.engine.places import Path, PlacedText

MAX_SUPPORTER_WORDS = 40  # of a whole text
MAX_SENTENCES = 2  # of an instruction: what is longer is two steps
_CUSTOMER_HEARS = {"tell", "question", "why", "choice", "wait", "say"}  # replies are read, not heard
_PLACE = re.compile(r"\{[^{}\n]{1,80}\}")
_TRAILING = re.compile(r"[ \t]+$")
SCHEMA_LINE = "# yaml-language-server: $schema=../../docs/schema/playbook.json"


def all_languages_are_there(subject: Subject) -> Iterator[Found]:
    """A text that a language lacks is shown in another one: the customer does not understand it."""
    for path, text, kind, _ in subject.texts:
        for lang in LANGUAGES:
            if lang not in text:
                yield Found(path, {"kind": kind, "lang": lang})
    for lang in LANGUAGES:
        if not subject.playbook.symptoms.get(lang):
            yield Found(("symptoms",), {"kind": "symptoms", "lang": lang})


def places_are_the_same_in_all_languages(subject: Subject) -> Iterator[Found]:
    """What one language fills in, the other does too."""
    for path, text, _, _ in subject.texts:
        filled = {lang: frozenset(places(words)) for lang, words in text.items()}
        if len(set(filled.values())) > 1:
            differ = frozenset().union(*filled.values()) - frozenset.intersection(*filled.values())
            yield Found(path, {"found": ", ".join(sorted(differ))})


def _heard(subject: Subject) -> Iterator[tuple[PlacedText, Path, str]]:
    for placed in subject.texts:
        if placed.to == "customer" and placed.kind in _CUSTOMER_HEARS:
            for lang, words in placed.text.items():
                yield placed, (*placed.path, lang), words


def customers_hear_short_sentences(subject: Subject) -> Iterator[Found]:
    """What is read on the telephone has at most 15 words a sentence."""
    for _, path, text in _heard(subject):
        for sentence in sentences(text):
            count = len(words_of(sentence))
            if count > MAX_WORDS:
                yield Found(path, {"count": count, "limit": MAX_WORDS, "found": sentence})


def customers_hear_plain_words(subject: Subject) -> Iterator[Found]:
    """No ports, addresses, bytes, codes or commands, no "error", nobody to blame."""
    for _, path, text in _heard(subject):
        found = forbidden(_PLACE.sub("", text))
        if found:
            yield Found(path, {"found": found[1]})


def one_thing_at_a_time(subject: Subject) -> Iterator[Found]:
    """An instruction to a customer has at most two sentences."""
    for placed, path, text in _heard(subject):
        count = len(sentences(text))
        if placed.kind == "tell" and count > MAX_SENTENCES:
            yield Found(path, {"count": count, "limit": MAX_SENTENCES})


def supporters_read_short_texts(subject: Subject) -> Iterator[Found]:
    """A supporter reads while the customer waits."""
    for path, text, _, to in subject.texts:
        for lang, words in text.items():
            count = len(words_of(words))
            if to == "supporter" and count > MAX_SUPPORTER_WORDS:
                yield Found((*path, lang), {"count": count, "limit": MAX_SUPPORTER_WORDS})


def the_head_has_tags(subject: Subject) -> Iterator[Found]:
    """Tags group playbooks in lists and searches."""
    if not subject.playbook.tags:
        yield Found(("name",))


def tags_are_plain(subject: Subject) -> Iterator[Found]:
    """Tags are small letters: `Printer` and `printer` would be two."""
    node = subject.loaded.tree.step("tags")
    for number, tag in enumerate(subject.playbook.tags):
        if tag != tag.lower():
            place = node.items[number].place if node and number < len(node.items) else Place(1, 1)
            yield Found(
                ("tags", number), {"found": tag, "wanted": tag.lower()}, _replaced(subject, place, tag)
            )


def _replaced(subject: Subject, place: Place, tag: str) -> Edit | None:
    """Return the change of a tag, unless it is written in a way that hides where it stands."""
    line = subject.loaded.text.split("\n")[place.line - 1]
    start = place.column + (line[place.column - 1 : place.column] in {'"', "'"})
    if not line.startswith(tag, start - 1):
        return None
    return Edit(place.line, start, start + len(tag), tag.lower())


def symptoms_tell_playbooks_apart(subject: Subject) -> Iterator[Found]:
    """The same words in two playbooks lead to the wrong one half of the time."""
    from playbooks.engine.lint.known import plain  # noqa: PLC0415  avoids a circle

    for lang, texts in subject.playbook.symptoms.items():
        for number, text in enumerate(texts):
            others = [n for n in subject.known.symptoms.get(plain(text), ()) if n != subject.playbook.name]
            twice = [other for other in texts[:number] if plain(other) == plain(text)]
            if others or twice:
                where = ", ".join(others) or subject.playbook.name
                yield Found(("symptoms", lang, number), {"found": text, "other": where})


def lines_are_tidy(subject: Subject) -> Iterator[Found]:
    """No blanks at the end of a line: they hide in differences."""
    for number, line in enumerate(subject.loaded.text.split("\n"), 1):
        body = line.removesuffix("\r")
        found = _TRAILING.search(body)
        if found:
            edit = Edit(number, found.start() + 1, len(body) + 1, "")
            yield Found((), {}, edit, Place(number, found.start() + 1))


def editors_know_the_schema(subject: Subject) -> Iterator[Found]:
    """The shipped playbooks begin with the line by which editors complete and check them."""
    text = subject.loaded.text
    shipped = subject.library.shipped
    if shipped and subject.loaded.path.parent == shipped and not text.startswith(SCHEMA_LINE + "\n"):
        yield Found((), {"line": SCHEMA_LINE}, Edit(1, 1, 1, SCHEMA_LINE + "\n"), Place(1, 1))


def names_are_used_once(subject: Subject) -> Iterator[Found]:
    """A playbook of a configured folder takes the place of another of the same name."""
    for replaced in subject.library.replaced():
        if replaced.taken == subject.loaded.path:
            yield Found(("name",), {"found": replaced.name, "other": replaced.left})
