"""Any marking code that its form allows: what happened to it is named, and it is put right exactly."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from probes.scanning.diagnosis import diagnose
from probes.scanning.keyboard import to_russian
from probes.scanning.numbers import check_digit
from probes.scanning.shapes import Shape, shapes

GS = "\x1d"
# the characters of GS1, AI encodable character set 82
SET_82 = "!\"%&'()*+,-./0123456789:;<=>?ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz"
DISGUISES = {
    "": lambda code: code,
    "gs-lost": lambda code: code.replace(GS, ""),
    "layout-cyrillic": to_russian,
    "layout-cyrillic gs-lost": lambda code: to_russian(code.replace(GS, "")),
    "prefix": lambda code: f"A{code}",
    "suffix-missing": lambda code: code + code,
    "caps-lock": lambda code: f"]d2{code}".swapcase(),
    "wrong-symbology": lambda code: f"]d1{code}",
}


@st.composite
def marking_codes(draw: st.DrawFn) -> str:
    shape: Shape = draw(st.sampled_from(shapes()))
    gtin = "0" + draw(st.text("0123456789", min_size=12, max_size=12))
    # one letter at least: a layout changes digits and some signs not at all, and then there is nothing to see
    serial = "G" + draw(st.text(SET_82, min_size=shape.serial - 1, max_size=shape.serial - 1))
    code = f"01{gtin}{check_digit(gtin)}21{serial}"
    for ai, size in shape.tail:
        letters = "0123456789" if ai in {"3103", "8005"} else SET_82
        value = "EE05" if ai == "91" else draw(st.text(letters, min_size=size, max_size=size))
        code += GS + ai + value
    return code


@given(marking_codes(), st.sampled_from(sorted(DISGUISES)))
def test_each_disguise_is_named_and_taken_off(code, name):
    found = diagnose(DISGUISES[name](code))
    assert [problem.code.removeprefix("scanner.") for problem in found.problems] == name.split()
    assert found.corrected == code


@given(marking_codes(), st.integers(1, 3))
def test_a_missing_end_is_seen(code, lost):
    found = diagnose(code[:-lost])
    assert [problem.code for problem in found.problems] == ["scanner.truncated"]
    assert found.corrected is None
