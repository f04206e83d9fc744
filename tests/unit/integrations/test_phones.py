"""Numbers as systems write them. The oracle for whole ones is phonenumbers, asked without our short cuts."""

from __future__ import annotations

import subprocess
import sys

import phonenumbers
import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from integrations import phones
from integrations.phones import is_hidden, normalise

MOSCOW = "+74951234567"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("+74951234567", MOSCOW),
        ("84951234567", MOSCOW),
        ("74951234567", MOSCOW),
        ("4951234567", MOSCOW),
        ("8 (495) 123-45-67", MOSCOW),
        ("+7 495 123 45 67", MOSCOW),
        ("+7 (495) 123\u201145\u201167", MOSCOW),  # non-breaking hyphens
        ("+7\u00a0495\u00a0123\u00a045\u00a067", MOSCOW),
        ("\uff0b\uff17\uff14\uff19\uff15\uff11\uff12\uff13\uff14\uff15\uff16\uff17", MOSCOW),  # full width
        ("+\u0667\u0664\u0669\u0665\u0661\u0662\u0663\u0664\u0665\u0666\u0667", MOSCOW),  # Arabic-Indic
        ("\u202a+7 (495) 123-45-67\u202c", MOSCOW),  # copied out of an address book
        ("+7\u200b4951234567", MOSCOW),
        ("+89161234567", "+79161234567"),  # a plus before the prefix for long distance: no country has 89
        ("+84951234567", "+84951234567"),  # but this one is a number of Vietnam
        ("tel:+74951234567", MOSCOW),
        ("sip:74951234567@10.0.0.1:5060", MOSCOW),
        ('"Ivan 3" <+74951234567>', MOSCOW),
        ("8 (495) 123-45-67 Иван", MOSCOW),
        ("+74951234567, +79160000000", MOSCOW),
        ("+74951234567/+79160000000", MOSCOW),
        ("74951234567/79160000000", MOSCOW),
        ("810380441234567", "+380441234567"),  # dialled abroad from Russia
        ("380441234567", "+380441234567"),
        ("00380441234567", "+380441234567"),
        ("+1 212 555 2368", "+12125552368"),
        ("+44 (0)20 7946 0018", "+442079460018"),
        ("87771234567", "+77771234567"),  # Kazakhstan
        ("8-800-FLOWERS", "+78003569377"),
    ],
)
def test_whole_numbers(text, expected):
    assert normalise(text, "RU") == expected


@pytest.mark.parametrize(
    "extension",
    [" доб. 12", " доб.12", "доб12", " (доб. 12)", " вн. 12", " ext. 12", " ext 12", "x12", ";ext=12",
     "#12", ",12", ",,12", "*12", " extension 12", "w12", "p12", "~12"],
)  # fmt: skip
def test_an_extension_is_no_part_of_the_number(extension):
    assert normalise(f"+7 (495) 123-45-67{extension}", "RU") == MOSCOW
    assert normalise(f"84951234567{extension}", "RU") == MOSCOW


@pytest.mark.parametrize(
    ("text", "expected"),
    [("101", "101"), ("0101", "0101"), ("112", "112"), ("доб. 101", "101"), ("sip:101@pbx.local", "101"),
     ("*100#", "100"), ("0", "0"), ("2-34-56", "23456"), ("234-56-78", "2345678"), ("+101", "101")],
)  # fmt: skip
def test_short_numbers_stay_digits(text, expected):
    """A local number without its area code is not guessed either: it stays what it is."""
    assert normalise(text, "RU") == expected


@pytest.mark.parametrize(
    "text",
    ["", "  ", "anonymous", "Anonymous", "ANONYMOUS", "unknown", "<unknown>", "Restricted", "private",
     "Withheld", "Скрытый номер", "скрыт", "Номер не определён", "неизвестно", "anonymous@anonymous.invalid",
     "null", "-1", "-", "sip:anonymous@anonymous.invalid", "0000000000", "000", "\u202aanonymous\u202c",
     '"anonymous" <anonymous>'],
)  # fmt: skip
def test_hidden_callers(text):
    assert normalise(text, "RU") == ""
    if "<a" not in text:
        assert is_hidden(text)


@pytest.mark.parametrize("text", ["foo", "Иван", "no digits here", "+", "()", "😀"])
def test_no_number_at_all(text):
    assert normalise(text, "RU") == ""


def test_what_is_no_number_is_not_called_hidden():
    assert not is_hidden("Иван")
    assert not is_hidden("101")


@pytest.mark.parametrize("region", [None, "RU", "US", "UA"])
def test_a_number_with_its_country_needs_no_region(region):
    for text in ("+79161234567", "79161234567", "+79161234567 доб. 3"):
        assert normalise(text, region) == "+79161234567"


def test_a_wrong_region_is_no_region():
    assert normalise("79161234567", "XX") == "+79161234567"
    assert normalise("9161234567", "XX") == "9161234567"


SHORT_CUTS = st.from_regex(r"(\+7[3-9]|[78][3489])[0-9]{9}", fullmatch=True)


@given(SHORT_CUTS, st.sampled_from(["RU", "KZ"]))
def test_the_short_cut_says_what_the_library_says(text, region):
    number = phonenumbers.parse(text, region)
    assume(region == "RU" or phonenumbers.is_valid_number(number))  # of no number of KZ it makes another one
    assert normalise(text, region) == phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


@given(
    st.sampled_from(sorted(phonenumbers.SUPPORTED_REGIONS)),
    st.sampled_from([phonenumbers.PhoneNumberFormat.INTERNATIONAL, phonenumbers.PhoneNumberFormat.NATIONAL,
                     phonenumbers.PhoneNumberFormat.E164, phonenumbers.PhoneNumberFormat.RFC3966]),
)  # fmt: skip
def test_every_country_in_every_form(region, form):
    number = phonenumbers.example_number(region)
    expected = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    if len(phonenumbers.national_significant_number(number)) > 4:
        assert normalise(phonenumbers.format_number(number, form), region) == expected


REGIONS = st.sampled_from([None, "RU", "KZ", "BY", "UA", "US", "DE", "IT", "MX", "AR", "BR", "XX"])
WRITTEN = st.text(alphabet="+0123456789 ()-./,;#*xдоб<>@", max_size=24)


@given(WRITTEN | st.text(max_size=300), REGIONS)
@example("+9161234567", "RU")
@example("+310000000", None)
@example("+" * 300, "RU")
@example("1" * 300, "RU")
def test_never_raises_and_twice_is_once(text, region):
    once = normalise(text, region)
    assert normalise(once, region) == once
    assert once.removeprefix("+").isascii()
    assert once == "" or once.removeprefix("+").isdigit()


@given(st.from_regex(r"\+?[0-9]{1,18}", fullmatch=True), REGIONS)
def test_digits_are_stable_too(text, region):
    once = normalise(text, region)
    assert normalise(once, region) == once


def test_the_cache_is_bounded():
    assert phones._normalise.cache_info().maxsize is not None


def test_importing_costs_no_metadata():
    code = "import sys, integrations.phones as p; p.normalise('89161234567', 'RU')"
    code += "; print('phonenumbers' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
