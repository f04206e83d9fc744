"""The pairing code: every slip of the tongue is noticed, whatever was typed for it is understood."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supportctl.core.errors import UsageError
from supportctl.remote.reverse.pairing import ALPHABET, LENGTH, Pairing, new_pairing, proof, read_pairing

PAIRINGS = st.builds(Pairing, st.integers(0, 31), st.integers(0, 2**30 - 1), st.integers(0, 2**55 - 1))


@given(PAIRINGS)
def test_what_is_read_out_is_what_is_read(pairing):
    text = pairing.text
    assert len(text) == LENGTH + 4
    assert read_pairing(text) == pairing
    assert read_pairing(f"  {text.lower().replace('-', ' ')}\n") == pairing


@given(PAIRINGS, st.integers(0, LENGTH - 1), st.sampled_from(ALPHABET))
def test_one_wrong_character_is_always_noticed(pairing, place, letter):
    plain = pairing.text.replace("-", "")
    wrong = plain[:place] + letter + plain[place + 1 :]
    if wrong != plain:
        with pytest.raises(UsageError) as slip:
            read_pairing(wrong)
        assert slip.value.key == "share.code-slip"


@given(PAIRINGS, st.integers(0, LENGTH - 2))
def test_two_neighbours_swapped_are_always_noticed(pairing, place):
    plain = pairing.text.replace("-", "")
    wrong = plain[:place] + plain[place + 1] + plain[place] + plain[place + 2 :]
    if wrong != plain:
        with pytest.raises(UsageError):
            read_pairing(wrong)


@given(st.text(max_size=60))
def test_any_text_is_a_code_or_wrong_usage(text):
    try:
        assert read_pairing(text).text
    except UsageError as error:
        if not error.key.startswith("share.code-"):
            raise


def test_letters_that_look_alike_in_either_alphabet():
    pairing = Pairing(0, 0b00001_00000_01010_01011_10100_10100, 0)
    text = pairing.text
    typed = text.replace("0", "O").replace("1", "l").replace("A", "А").replace("B", "В").replace("M", "М")
    assert typed != text
    assert read_pairing(typed) == pairing


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("", "share.code-length"), ("ABCD", "share.code-length"),
        ("ABCD-EFGH-JKMN-PQRS-TVW?", "share.code-letters"),
        ("ABCD-EFGH-JKMN-PQRS-TVWU", "share.code-letters"), ("Ж" * 20, "share.code-letters"),
    ],
)  # fmt: skip
def test_what_is_no_code_is_said_so(text, key):
    with pytest.raises(UsageError) as wrong:
        read_pairing(text)
    assert wrong.value.key == key


def test_a_code_fits_one_key():
    pairing = new_pairing(3, b"key")
    assert (pairing.slot, pairing.fits(b"key"), pairing.fits(b"kez")) == (3, True, False)
    assert not pairing._replace(secret=pairing.secret ^ 1).fits(b"key")
    assert not pairing._replace(slot=4).fits(b"key")


def test_a_proof_is_bound_to_everything():
    pairing = new_pairing(0, b"host")
    whole = proof(pairing, b"exchange", b"host", b"staff", "line")
    others = {
        proof(new_pairing(0, b"host"), b"exchange", b"host", b"staff", "line"),
        proof(pairing, b"exchangf", b"host", b"staff", "line"),
        proof(pairing, b"exchange", b"hosu", b"staff", "line"),
        proof(pairing, b"exchange", b"host", b"stafg", "line"),
        proof(pairing, b"exchange", b"host", b"staff", "linf"),
        proof(pairing, b"exchangeh", b"ost", b"staff", "line"),
    }
    assert len(others) == 6
    assert whole not in others
