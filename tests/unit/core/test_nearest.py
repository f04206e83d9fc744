"""Words that a mistyped one looks like, and no more of them than somebody reads."""

from __future__ import annotations

from supportctl.core.nearest import nearest


def test_similar_words_first_else_all_of_a_few():
    assert nearest("prnter", ["printer", "scale"]) == "printer"
    assert nearest("zzz", ["printer", "scale", "printer"]) == "printer, scale"
    assert nearest("zzz", []) == "-"


def test_many_words_are_cut():
    told = nearest("zzz", [f"word{n}" for n in range(30)]).split(", ")
    assert told == [*(f"word{n}" for n in range(12)), "…"]
