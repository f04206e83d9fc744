"""How we talk to a cashier, held for every code of the catalogue in every language.

At most five lines, at most 15 words a sentence, the verb first, one name for a thing, no ports, no bytes, no
code words, nobody to blame. A text that breaks a rule is mended in the catalogue, not here.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from string import Formatter
from typing import NamedTuple

import pytest

from supportctl.catalog import Catalog
from supportctl.catalog.compose import compose
from supportctl.catalog.plain_words import FORBIDDEN, MAX_WORDS, sentences, words_of
from supportctl.core.finding import Evidence, Finding, Status
from supportctl.core.language import LANGUAGES
from supportctl.report import render

MAX_LINES = 5
SHOP_PEOPLE = {"cashier", "shop-manager"}
# What arguments bring that a cashier cannot use: {target} is an address, {got} is bytes.
TECHNICAL_ARGS = {
    "target", "port", "device", "path", "url", "address", "host", "ip", "sent", "got", "error", "probe",
    "code", "because", "bits", "byte", "baud", "errno", "mount",
}  # fmt: skip

VERBS = {
    "ask", "bring", "call", "change", "check", "choose", "clean", "clear", "close", "connect", "copy",
    "empty", "enter", "fill", "fit", "follow", "free", "give", "go", "have", "hold", "insert", "keep",
    "leave",
    "let", "lift", "look", "lower", "make", "move", "note", "open", "order", "pass", "photograph",
    "pick", "plug", "point", "press", "print", "pull", "push", "put", "read", "refill", "release",
    "remove", "replace", "restart", "retry", "return", "run", "save", "scan", "select", "sell", "send",
    "set", "show", "shut", "sign", "start", "stop", "straighten", "switch", "take", "tell", "touch",
    "try", "turn", "unlock", "unplug", "untangle", "update", "use", "wait", "weigh", "wipe", "write",
}  # fmt: skip
IMPERATIVE_RU = re.compile(r"^(?:не )?[а-яё]+(?:й|и|ь|ы)те(?:сь)?$|^(?:не )?[а-яё]+те(?:сь)?$", re.IGNORECASE)


class Text(NamedTuple):
    """One text that a cashier may read."""

    code: str
    lang: str
    part: str
    text: str


def cashier_texts():
    for lang in LANGUAGES:
        catalog = Catalog(lang)
        for code in catalog.codes():
            words, facts = catalog.words(code), catalog.facts(code)
            for part in ("summary", "know", "safe"):
                yield Text(code, lang, part, getattr(words, part))
            for number, (remedy, text) in enumerate(zip(facts.remedies, words.remedies, strict=True), 1):
                if remedy.who in SHOP_PEOPLE:
                    yield Text(code, lang, f"remedy {number}", text)


TEXTS = [text for text in cashier_texts() if text.text]
REMEDIES = [text for text in TEXTS if text.part.startswith("remedy")]


def named(texts):
    return [pytest.param(text, id=f"{text.code}-{text.lang}-{text.part.replace(' ', '')}") for text in texts]


@pytest.mark.parametrize("text", named(TEXTS))
def test_sentences_are_short(text):
    for sentence in sentences(text.text):
        assert len(words_of(sentence)) <= MAX_WORDS, f"{len(words_of(sentence))} words: {sentence}"


@pytest.mark.parametrize("text", named(TEXTS))
def test_plain_words_only(text):
    for what, pattern in FORBIDDEN.items():
        found = re.search(pattern, text.text, re.IGNORECASE)
        assert not found, f"{what}: «{found.group()}» in: {text.text}"


@pytest.mark.parametrize("text", named(TEXTS))
def test_no_argument_brings_an_address_or_bytes(text):
    names = {name for _, name, _, _ in Formatter().parse(text.text) if name}
    assert not names & TECHNICAL_ARGS, text.text


@pytest.mark.parametrize("text", named([text for text in TEXTS if text.part in {"summary", "know"}]))
def test_continues_the_words_before_it(text):
    """`summary` follows "Till: ", `know` follows "How we know: "; a name (UTM, ЕГАИС) keeps its capitals."""
    first = words_of(text.text)[0]
    name = first[:2].isupper() or first == "I"
    assert name or first[0].islower() or first[0] in "{«“0123456789", text.text
    assert text.text.rstrip()[-1] in ".!?", text.text


@pytest.mark.parametrize("text", named([text for text in TEXTS if text.part == "safe"]))
def test_reassurance_is_a_sentence(text):
    assert text.text[0].isupper() or text.text[0] == "{", text.text
    assert text.text.rstrip()[-1] in ".!?", text.text


@pytest.mark.parametrize("text", named(REMEDIES))
def test_a_step_begins_with_what_to_do(text):
    first, second = (*words_of(text.text), "")[:2]
    assert first[0].isupper(), text.text
    if text.lang == "ru":
        verb = f"{first} {second}" if first == "Не" else first
        assert IMPERATIVE_RU.match(verb.rstrip(",.;:")), f"no imperative: {text.text}"
    else:
        verb = second if first in {"Don't", "Please"} else first
        assert verb.lower().rstrip(",.;:") in VERBS, f"not in VERBS (a verb? then add it): {text.text}"


@pytest.mark.parametrize("text", named(REMEDIES))
def test_a_step_is_one_thing(text):
    """At most two sentences beside the reason: what is longer is two steps."""
    assert len(sentences(text.text)) <= 3, text.text


@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize("code", Catalog("en").codes())
def test_every_slip_has_at_most_five_short_lines(code, lang):
    catalog = Catalog(lang)
    for status in catalog.facts(code).statuses:
        report = told(code, Status(status), catalog)
        lines = render(report, "slip", catalog=catalog).splitlines()
        assert 1 <= len(lines) <= MAX_LINES
        for sentence in (part for line in lines for part in sentences(line)):
            assert len(words_of(sentence)) <= MAX_WORDS, sentence
        for what, pattern in FORBIDDEN.items():
            assert not re.search(pattern, "\n".join(lines), re.IGNORECASE), what


def told(code, status, catalog):
    """A report with this one finding, every argument of its texts given."""
    words = catalog.words(code)
    texts = (words.title, words.summary, words.know, words.safe, words.explanation, *words.remedies)
    names = {name for text in texts for _, name, _, _ in Formatter().parse(text) if name}
    at = datetime(2026, 11, 22, 14, 2, tzinfo=UTC)
    args = {**dict.fromkeys(names, 7), "who": "cashier"}
    finding = Finding(
        code, status, "escpos+tcp://192.0.2.1:9100", "bar-printer", args,
        (Evidence("question", at, 1.0),), because="a.b" if status is Status.SKIPPED else None,
    )  # fmt: skip
    return compose([finding], catalog, tool_version="0", started_at=at, duration_s=1.0)
