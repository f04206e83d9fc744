"""One cause has one fingerprint; different causes have different ones."""

from __future__ import annotations

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resend.fingerprint import Cause, cause, normalise, normalise_code

VALUES = st.one_of(
    st.integers(0, 10**12).map(str),
    st.uuids().map(str),
    st.from_regex(r"\+7 ?\(?9\d{2}\)? ?\d{3}-?\d{2}-?\d{2}", fullmatch=True),
    st.from_regex(r"https?://[a-z]{3,10}\.example/[a-z0-9/?=&]{0,20}", fullmatch=True),
    st.from_regex(r'"[A-Za-zА-Яа-я ]{1,20}"', fullmatch=True),
    st.from_regex(r"«[А-Яа-я ]{1,20}»", fullmatch=True),
    st.from_regex(r"[0-9a-f]{7}[0-9]", fullmatch=True),
    st.datetimes().map(lambda at: at.isoformat(" ", "seconds")),
)
WORDS = st.lists(st.text(string.ascii_lowercase, min_size=1, max_size=8), min_size=1, max_size=5)


@given(st.text(max_size=300))
def test_normalising_twice_changes_nothing(text):
    once = normalise(text)
    assert normalise(once) == once
    assert len(once) <= 200


@given(WORDS, WORDS, VALUES, VALUES)
def test_what_differs_from_call_to_call_is_no_difference(before, after, one, other):
    texts = [" ".join([*before, value, *after]) for value in (one, other)]
    assert normalise(texts[0]) == normalise(texts[1])


@given(WORDS, WORDS)
def test_other_words_are_another_cause(one, other):
    ours, theirs = (cause("bitrix24", "data", "E", " ".join(words), "finish") for words in (one, other))
    assert (ours.fingerprint == theirs.fingerprint) == (" ".join(one) == " ".join(other))


def test_each_part_makes_a_difference():
    parts = ("bitrix24", "data", "http-400", "user is dismissed", "finish")
    prints = {Cause(*parts).fingerprint}
    for place in range(5):
        prints.add(Cause(*(("other" if i == place else part) for i, part in enumerate(parts))).fingerprint)
    assert len(prints) == 6
    assert all(len(each) == 12 for each in prints)


@pytest.mark.parametrize(
    ("text", "normal"),
    [
        ("Call 123 for +7 (999) 000-11-22 not found", "call # for # not found"),
        ("Сотрудник «Иван Петров» уволен (id 12)", "сотрудник # уволен (id #)"),
        ("it isn't there: 'abc', ivan@shop.example", "it isn't there: #"),
        ("id 550e8400-e29b-41d4-a716-446655440000 unknown", "id # unknown"),
        ("GET https://acme.bitrix24.ru/rest/1/abcdef12/x failed", "get # failed"),
        ("1, 2, 3 and 4", "# and #"),
    ],
)
def test_examples(text, normal):
    assert normalise(text) == normal


@pytest.mark.parametrize(
    ("code", "normal"),
    [("http-503", "http-503"), ("ERROR_212", "ERROR_212"), ("x-4f3a9bc2d1", "x-#"), ("E123456", "E#")],
)
def test_an_error_code_keeps_its_number_but_no_id(code, normal):
    assert normalise_code(code) == normal
