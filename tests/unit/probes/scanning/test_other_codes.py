"""EAN, UPC, ITF, GS1 without a mark, links and payment codes; and any text at all."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.scanning.aim import aim_of
from probes.scanning.diagnosis import MAX_CHARACTERS, diagnose
from probes.scanning.keyboard import from_russian, to_russian
from probes.scanning.numbers import check_digit, is_checked

GS = "\x1d"
SOUND = {
    "4601234567893": "ean-13",
    "2100012345675": "ean-13-in-store",
    "96385074": "ean-8",
    "036000291452": "upc-a",
    "04252614": "upc-e",
    "04601234567893": "itf-14",
    "0104601234567893": "gs1",
    "0104601234567893172501011012345": "gs1",
    f"01046012345678931725010110ABC{GS}21XY": "gs1",
    "00046012345678901239": "sscc",
    "https://qr.example/AS1000?type=01": "url",
    "HTTPS://QR.EXAMPLE/AS1000": "url",
    "ST00012|Name=ООО Ромашка|Sum=100": "payment",
    "t=20240101T1200&s=100.00&fn=9999078900000000&i=1&fp=2&n=1": "receipt",
    "1234567": "number",
    "ABC-123": "text",
    "Добро пожаловать": "text",
    "BEGIN:VCARD\r\nFN:Иван\r\nEND:VCARD": "text",
}
BROKEN = {
    "4601234567890": ["check-digit"],
    "96385075": ["check-digit"],
    "14601234567891": ["check-digit"],
    "460123456789": ["truncated"],
    "]E0460123456789": ["truncated"],
    "46012345678934601234567893": ["suffix-missing"],
    "46012345678932100012345675": ["suffix-missing"],
    "A4601234567893": ["prefix"],
    "#4601234567890": ["prefix", "check-digit"],
    "$^)!@#$%^&*(#": ["digits-shifted"],
    ';:)!"№;%:?*(№': ["layout-cyrillic", "digits-shifted"],
    "'-à&é\"'(-è_ç\"": ["digits-shifted"],
    "]e04601234567893": ["caps-lock"],
    "]D2010460123456789310ab": ["caps-lock"],
    "HTTPS://QR.EXAMPLE/as1000?TYPE=01": ["caps-lock"],
    "st00012|nAME=ооо рОМАШКА": ["caps-lock"],
    to_russian("https://qr.example/AS1000?type=01"): ["layout-cyrillic"],
    "АБС-123": ["layout-cyrillic"],
    "01046012345678931725": ["truncated"],
    "]C10104601234567890": ["check-digit"],
    "]C1ZZZ": ["not-understood"],
    "]E0hello": ["wrong-symbology"],
    f"0104601234567893{'21' + 'x' * 25}": ["gs-lost"],
}


@pytest.mark.parametrize(("text", "kind"), SOUND.items())
def test_sound(text, kind):
    found = diagnose(text)
    assert (found.kind, found.problems, found.corrected) == (kind, (), text)


@pytest.mark.parametrize(("text", "codes"), BROKEN.items())
def test_broken(text, codes):
    assert [problem.code.removeprefix("scanner.") for problem in diagnose(text).problems] == codes


@pytest.mark.parametrize(
    "text",
    ["$^)!@#$%^&*(#", ';:)!"№;%:?*(№', "'-à&é\"'(-è_ç\"", "A4601234567893", "]e04601234567893",
     "46012345678934601234567893", "\x024601234567893\r"],
)  # fmt: skip
def test_corrected_to_the_same_number(text):
    assert diagnose(text).corrected == "4601234567893"


@pytest.mark.parametrize("text", ["4601234567890", "]E04601234567", "46012345678932100012345675", "]C1ZZZ"])
def test_what_cannot_be_known_is_not_guessed(text):
    assert diagnose(text).corrected is None


def test_check_digits_of_the_reference():
    """verify_examples.py, "GS1"."""
    assert [check_digit(digits) for digits in ("460123456789", "0462930887703", "978030640615")] == [
        "3",
        "7",
        "7",
    ]
    assert not is_checked("٤601234567893")  # digits of other scripts are no digits of a barcode


def test_the_keyboard_is_one_to_one():
    """verify_examples.py, "GS1": the tables of both layouts."""
    us = "`qwertyuiop[]asdfghjkl;'zxcvbnm,./" + '~QWERTYUIOP{}ASDFGHJKL:"ZXCVBNM<>?' + "@#$^&|"
    assert from_russian(to_russian(us)) == us


def test_aim_identifiers():
    assert aim_of("]d2x").name == "GS1 DataMatrix"
    assert [aim_of(text) for text in ("]", "]d", "]D2", "]d²", "d2", "]dx")] == [None] * 6


@given(st.text(max_size=300))
def test_any_text_is_taken(text):
    found = diagnose(text)
    assert found.raw == text
    found.elements()


fragments = st.sampled_from(
    [
        "]d2",
        "01",
        "04601234567893",
        "21",
        "5abcDE",
        GS,
        "93dGVz",
        "91EE05",
        "92",
        "<GS>",
        "029",
        "|",
        "й",
        "Ъ",
        "\r",
        "4601234567893",
    ]
)


@given(st.lists(st.one_of(fragments, st.characters()), max_size=30).map("".join))
def test_any_mixture_of_parts_is_taken(text):
    found = diagnose(text)
    found.elements()
    assert all(problem.code.startswith("scanner.") for problem in found.problems)


@pytest.mark.parametrize(
    "part", ["я", "0104601234567893", "029|~ ", "(01)a", GS, "]d2", "4601234567893", "\U0001f600"]
)
def test_much_of_anything_is_bounded(part):
    text = (part * MAX_CHARACTERS)[:MAX_CHARACTERS]
    assert diagnose(text).raw == text
