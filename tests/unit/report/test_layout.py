"""Lines: as wide as they look, never wider than asked, nothing lost."""

from hypothesis import given
from hypothesis import strategies as st

from supportctl.report.layout import columns, painted, wrap

VISIBLE = st.text(st.characters(exclude_categories=["C", "Z"]), max_size=60)


def test_columns():
    assert columns("касса") == 5
    assert columns("打印机") == 6
    assert columns("e\u0301") == 1


@given(st.lists(VISIBLE, max_size=12), st.integers(12, 110), st.sampled_from(["", "  ", "  asked  "]))
def test_wrap_keeps_every_letter_and_the_width(words, width, first):
    text = " ".join(words)
    room = max(width, columns(first) + 8)
    lines = wrap(text, width, first)
    assert all(columns(line) <= room for line in lines)
    assert lines[0].startswith(first)
    kept = "".join(line[len(first) :] for line in lines)
    assert "".join(kept.split()) == "".join(text.split())


def test_wrap_indents_and_keeps_paragraphs():
    assert wrap("one two three", 12, "- ") == ["- one two", "  three"]
    assert wrap("one\ntwo", 40) == ["one", "two"]
    assert wrap("", 40, "- ") == ["- "]


def test_painted_is_plain_without_colour():
    assert painted("x", "red bold", color=False) == "x"
    assert painted("x", "red bold", color=True) == "\x1b[31;1mx\x1b[0m"
