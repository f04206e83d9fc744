"""Text from outside, made safe to show."""

from __future__ import annotations

import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from supportctl.core.text import clean, hexed


def test_what_acts_is_shown_as_a_code():
    assert clean("\x1b[2J") == "\\x1b[2J"
    assert clean("a\nb\tc\0") == "a\\x0ab\\x09c\\x00"
    assert clean("invoice\u202etxt.exe") == "invoice\\u202etxt.exe"
    assert clean("\u200b\ufeff\u2028") == "\\u200b\\ufeff\\u2028"
    assert clean("\U000e0041") == "\\U000e0041"
    assert clean("\x9b31m") == "\\x9b31m"


def test_words_stay():
    assert clean("ШТРИХ-М «01Ф»") == "ШТРИХ-М «01Ф»"


def test_long_text_is_cut_and_says_so():
    assert clean("x" * 500, 10) == "xxxxxxxxx…"
    assert clean("x" * 10, 10) == "x" * 10


@given(st.text(max_size=400), st.integers(1, 300))
def test_nothing_invisible_is_left_and_the_length_is_held(text, limit):
    shown = clean(text, limit)
    assert len(shown) <= limit
    assert not [c for c in shown if unicodedata.category(c) in {"Cc", "Cf", "Cs", "Co", "Zl", "Zp"}]


@given(st.text(st.characters(categories=["L", "N", "P"]), max_size=100))
def test_harmless_text_is_not_changed(text):
    assert clean(text) == text


@given(st.binary(max_size=300))
def test_hex_of_any_bytes(data):
    shown = hexed(data)
    assert shown.startswith(data[:64].hex())
    assert len(shown) < 160
    assert ("…" in shown) == (len(data) > 64)
