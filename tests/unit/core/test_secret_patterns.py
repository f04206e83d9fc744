"""The words that spare most texts the patterns: they never change what is found."""

from __future__ import annotations

import re
import sys

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from supportctl.core import secret_patterns
from supportctl.core.secret_patterns import ALL, STRUCTURED, folded, found, secrets_in

EVERYTHING = "".join(chr(code) for code in range(sys.maxunicode + 1) if not 0xD800 <= code <= 0xDFFF)
LETTERS = sorted({letter for group in ALL for word in group.words for letter in word})
CASES = {letter: re.findall(f"(?i){re.escape(letter)}", EVERYTHING) for letter in LETTERS}
WORDS = sorted({word for group in ALL for word in group.words})
PATTERNS = [(group, pattern) for group in ALL for pattern in group.patterns]


@pytest.mark.parametrize("letter", LETTERS)
def test_whatever_a_pattern_takes_for_a_letter_is_folded_into_it(letter):
    assert {folded(f"{other}я") for other in CASES[letter]} == {f"{letter}я"}


@pytest.mark.parametrize("number", range(len(PATTERNS)))
def test_no_pattern_fits_without_a_word_of_its_group(number):
    group, pattern = PATTERNS[number]

    @settings(max_examples=40, suppress_health_check=list(HealthCheck))
    @given(st.from_regex(pattern.regex))
    def fits(text):
        assert any(word in folded(text) for word in group.words)

    fits()


def odd(word, chance):
    """Return a word in letters that a pattern takes for its own: `ſecret`, `toKen`."""
    return "".join(chance.choice(CASES[letter]) for letter in word)


@given(
    st.lists(
        st.tuples(
            st.sampled_from(WORDS), st.sampled_from(["", "=", ": ", " is ", " — «", ">", '": "', "\n"])
        ),
        max_size=4,
    ),
    st.text(max_size=20),
    st.randoms(use_true_random=False),
    st.booleans(),
)
def test_the_words_change_no_result(pieces, rest, chance, prose):
    text = "".join(f"{odd(word, chance)}{sign}{rest}12345678 " for word, sign in pieces)
    groups = ALL if prose else STRUCTURED
    whole = [span for group in groups for pattern in group.patterns for span in found(pattern, text)]
    assert sorted(secrets_in(text, prose=prose)) == sorted(whole)


def test_nothing_is_compiled_for_a_text_without_them():
    secret_patterns._compiled.cache_clear()
    assert not secrets_in("the receipt printer is out of paper", prose=True)
    assert secret_patterns._compiled.cache_info().currsize == 0


def test_who_typed_it_in_odd_letters():
    spans = secrets_in("paſſword=hunter2, to\u212aen=hunter3, AP\u0130KEY=hunter4", prose=False)
    assert len({span.start for span in spans}) == 3


NAMES = [
    "password",
    "passwd",
    "passphrase",
    "passcode",
    "token",
    "apikey",
    "api_key",
    "api-key",
    "accesskey",
    "access_key",
    "access-key",
    "privatekey",
    "private_key",
    "private-key",
    "secret",
    "community",
    "authorization",
    "credential",
    "session_id",
    "session-id",
    "sessionid",
    "sessid",
    "pwd",
    "pass",
    "dbpass",
    "pin",
    "пароль",
    "токен",
    "пинкод",
    "пин-код",
    "пин",
    "секрет",
    "код доступа",
]


@pytest.mark.parametrize("name", NAMES)
def test_every_name_of_a_secret_is_looked_for(name):
    for text in (f"{name}=hunter2", f'"{name.upper()}": "hunter2"', f"<{name}>hunter2</{name}>"):
        assert "hunter2" in {text[start:end] for start, end, _ in secrets_in(text, prose=False)}
