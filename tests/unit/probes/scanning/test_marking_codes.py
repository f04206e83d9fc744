"""Every form of marking code: sound, and with everything that can happen between label and till."""

from __future__ import annotations

import pytest

from probes.scanning.diagnosis import diagnose
from probes.scanning.keyboard import to_russian

GS = "\x1d"


def codes(text: str) -> list[str]:
    return [problem.code.removeprefix("scanner.") for problem in diagnose(text).problems]


def test_the_samples_have_the_lengths_of_the_reference(samples, lengths):
    assert {name: (len(code), len(code.replace(GS, ""))) for name, code in samples.items()} == lengths


def test_a_sound_code(code):
    found = diagnose(code)
    assert (found.kind, found.problems, found.corrected) == ("marking", (), code)
    assert found.symbology is None
    elements = found.elements()
    assert elements["01"] == "04601234567893"
    assert code == f"01{elements.pop('01')}" + GS.join(ai + value for ai, value in elements.items())


def test_what_surrounds_a_code_is_no_fault(code):
    for text in (
        f"{code}\r\n",
        f"\x02{code}\x03",
        f"\t{code} ",
        GS + code,
        f"\xe8{code}",
        f"\ufeff{code}",
        code + GS,
    ):
        found = diagnose(text)
        assert (found.problems, found.corrected) == ((), code), repr(text)
    assert diagnose(f"{code}\r\n").suffix == "\r\n"


@pytest.mark.parametrize(
    ("aim", "symbology"), [("]d2", "GS1 DataMatrix"), ("]Q3", "GS1 QR"), ("]J1", "GS1 DotCode")]
)
def test_an_aim_identifier_alone_is_fine_and_shown(code, aim, symbology):
    for text in (aim + code, aim + GS + code):
        found = diagnose(text)
        assert (found.problems, found.corrected, found.symbology) == ((), code, symbology)


def test_the_russian_layout(code):
    for text in (to_russian(code), to_russian(f"]d2{code}")):
        found = diagnose(text)
        assert codes(text) == ["layout-cyrillic"]
        assert found.corrected == code


def test_the_example_of_the_reference():
    """The reference, section 7: typed on the Russian layout; its separator and proof are missing."""
    typed = "0104601234567893215П+ьпыРцБВшДТ_"
    assert to_russian("0104601234567893215G+mgsHw<DiLN_") == typed
    assert "layout-cyrillic" in codes(typed)


def test_lost_separators(code):
    flat = code.replace(GS, "")
    assert codes(flat) == ["gs-lost"]
    found = diagnose(flat)
    assert (found.corrected, found.elements()) == (code, diagnose(code).elements())


def test_one_of_two_separators_lost(samples):
    for name in ("clothes", "shoes"):
        for place in (code_at for code_at, sign in enumerate(samples[name]) if sign == GS):
            broken = samples[name][:place] + samples[name][place + 1 :]
            assert codes(broken) == ["gs-lost"]
            assert diagnose(broken).corrected == samples[name]


@pytest.mark.parametrize(
    "written",
    ["<GS>", "<gs>", "{GS}", "[GS]", "^]", "\\x1d", "\\u001d", "%1D", "\x1b[19~", "\u241d", "|", " ", "#"],
)
def test_what_stands_for_the_separator(code, written):
    found = diagnose(code.replace(GS, written))
    assert (found.problems, found.corrected, found.separator) == ((), code, written)


def test_alt_digits_are_a_lost_separator(code):
    for digits in ("029", "0029"):
        assert codes(code.replace(GS, digits)) == ["gs-lost"]
        assert diagnose(code.replace(GS, digits)).corrected == code


def test_ctrl_typed_on_the_russian_layout(code):
    typed = to_russian(code.replace(GS, "^]"))
    assert codes(typed) == ["layout-cyrillic"]
    assert diagnose(typed).corrected == code


def test_caps_lock_where_it_is_proven(samples):
    for name in ("clothes", "petfood", "radio", "shoes"):
        assert codes(samples[name].swapcase()) == ["caps-lock"]
        assert diagnose(samples[name].swapcase()).corrected == samples[name]
    for code in samples.values():
        text = f"]d2{code}".swapcase()
        assert codes(text) == ["caps-lock"]
        assert diagnose(text).corrected == code
        assert codes(to_russian(f"]d2{code}").swapcase()) == ["layout-cyrillic", "caps-lock"]
        assert diagnose(to_russian(f"]d2{code}").swapcase()).corrected == code


def test_case_alone_proves_nothing(samples, tobacco):
    for code in (samples["milk"], samples["water"], tobacco):
        assert codes(code.swapcase()) == []


@pytest.mark.parametrize("prefix", ["A", "$", "XY", "*#", "0", "]", "PREFIX-"])
def test_a_prefix(code, prefix):
    for text in (prefix + code, f"{prefix}]d2{code}"):
        found = diagnose(text)
        assert [problem.code for problem in found.problems] == ["scanner.prefix"]
        assert found.problems[0].args == {"prefix": prefix}
        assert found.corrected == code


def test_two_codes_in_one_scan(code, samples):
    other = next(each for each in samples.values() if each != code)
    assert codes(code + code) == ["suffix-missing"]
    assert diagnose(code + code).corrected == code
    assert codes(f"]d2{code}]d2{code}") == ["suffix-missing"]
    assert (
        codes(code + other)
        == codes(f"{code}4601234567893")
        == codes(f"4601234567893{code}")
        == ["suffix-missing"]
    )
    assert diagnose(code + other).corrected is None


@pytest.mark.parametrize("lost", [1, 2, 3])
def test_the_end_is_missing(code, lost):
    assert codes(code[:-lost]) == ["truncated"]
    assert diagnose(code[:-lost]).corrected is None
    assert codes(code.replace(GS, "")[:-lost]) == ["gs-lost", "truncated"]


@pytest.mark.parametrize("limit", [20, 24, 31, 50, 64])
def test_a_field_that_is_too_short(code, limit):
    if len(code) > limit:
        assert "truncated" in codes(code[:limit])
        assert diagnose(code[:limit]).corrected is None


def test_the_common_field_of_31_characters_is_a_fault(samples):
    assert [problem.status for problem in diagnose(samples["clothes"][:31]).problems] == ["fault"]


def test_characters_lost_in_the_middle(samples):
    code = samples["water"]
    assert codes(code[:8] + code[9:]) == ["truncated"]  # in the GTIN
    serial = diagnose(code[:20] + code[21:])
    assert [(p.code, p.status) for p in serial.problems] == [("scanner.truncated", "warning")]
    assert codes(code[2:]) == ["truncated"]  # the first 01
    assert diagnose(code[2:]).corrected == code


def test_a_wrong_check_digit(code):
    broken = code[:15] + "4" + code[16:]
    assert codes(broken) == ["check-digit"]
    assert diagnose(broken).corrected is None
    assert codes(broken.replace(GS, "")) == ["check-digit", "gs-lost"]


@pytest.mark.parametrize(
    ("aim", "symbology"),
    [("]d1", "DataMatrix"), ("]Q1", "QR"), ("]C0", "Code 128"), ("]C1", "GS1-128"), ("]E0", "EAN-13")],
)
def test_a_wrong_symbol(code, aim, symbology):
    found = diagnose(aim + code)
    assert [problem.code for problem in found.problems] == ["scanner.wrong-symbology"]
    assert (found.symbology, found.corrected) == (symbology, code)


def test_an_unknown_group_with_separators_is_no_fault_of_the_scanner():
    code = f"010460123456789321{'x' * 13}{GS}93dGVz{GS}17250101"
    assert codes(code) == []
    odd = diagnose(f"010460123456789321{'x' * 9}{GS}93dGVz")
    assert [(p.code, p.status) for p in odd.problems] == [("scanner.truncated", "warning")]


def test_what_only_looks_like_a_written_separator():
    """Found by random codes: %1d is allowed inside the part that proves a code."""
    code = f"010460123456789321t&Vy_hXH=mFAk{GS}91EE05{GS}92{'Ab3%1d' * 7}0="
    assert codes(code) == []
    for text in (code.replace(GS, "<GS>"), code.replace(GS, "^]")):
        assert (codes(text), diagnose(text).corrected) == ([], code)


def test_two_codes_that_end_in_a_part_of_fixed_length():
    code = f"0104601234567893215abcDE{GS}93dGVz{GS}3103000123"
    assert codes(code) == []
    assert codes(code + code) == ["suffix-missing"]


def test_forms_from_memory():
    assert codes("0104601234567893215abcDE93dGVz3103000123") == ["gs-lost"]
    assert diagnose("010460123456789321765432180050123459" + "93dGVz").kind == "marking"


def test_brackets():
    found = diagnose("(01)04601234567893(21)5abcDE(93)dGVz")
    assert [p.code for p in found.problems] == ["scanner.brackets"]
    assert found.corrected == f"0104601234567893215abcDE{GS}93dGVz"


def test_tobacco(tobacco):
    assert diagnose(tobacco).kind == "tobacco-pack"
    assert codes(tobacco) == codes(f"]d1{tobacco}") == []  # without AIs there is no FNC1 to miss
    assert codes(to_russian(tobacco)) == ["layout-cyrillic"]
    assert codes(f"A{tobacco}") == ["prefix"]
    assert codes(tobacco[:-2]) == ["truncated"]
    assert codes(tobacco + tobacco) == ["suffix-missing"]
    assert codes(tobacco[:13] + "4" + tobacco[14:]) == ["check-digit"]
    assert codes(f"]E0{tobacco}") == ["wrong-symbology"]
