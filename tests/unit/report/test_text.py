"""The text report: verdict first, fits the terminal, no colour unless asked, nothing acts on the terminal."""

import re

import pytest

from supportctl.catalog import Catalog
from supportctl.core.finding import Status
from supportctl.report import render
from supportctl.report.layout import columns

SGR = re.compile(r"\x1b\[[\d;]*m")


@pytest.mark.parametrize("width", [40, 60, 80, 100, 110])
def test_no_line_is_wider_than_asked(sample, catalog, width):
    text = render(sample[1], "text", catalog=catalog, width=width)
    assert max(columns(line) for line in text.splitlines()) <= width


def test_hostile_text_fits_and_does_nothing(build):
    text = render(build.hostile(), "text", catalog=Catalog("en"), width=80)
    assert max(columns(line) for line in text.splitlines()) <= 80
    assert all(character.isprintable() for character in text.replace("\n", ""))
    assert "\\x1b[2J" in text.replace("\n", "").replace(" ", "")


def test_width_is_bounded_whatever_the_terminal_says(sample, catalog):
    assert render(sample[1], "text", catalog=catalog, width=400) == render(
        sample[1], "text", catalog=catalog, width=110
    )


def test_default_has_no_escape_sequences_and_colour_adds_nothing_else(sample, catalog):
    plain = render(sample[1], "text", catalog=catalog)
    coloured = render(sample[1], "text", catalog=catalog, color=True)
    assert "\x1b" not in plain
    assert "\x1b[" in coloured
    assert SGR.sub("", coloured) == plain


def test_first_line_is_the_verdict_and_the_clock(build):
    def first(name):
        return render(build.make(name, "en"), "text", catalog=Catalog("en")).splitlines()[0]

    assert first("paper-out") == "1 problem stops sales. 1 warning. Checked in 2.4 s."
    assert first("healthy") == "All is well. Checked in 2.4 s."
    assert first("unknown") == "No problem was found. 1 question has no answer. Stopped by hand after 2.4 s."
    assert first("nothing").startswith("Nothing could be checked.")


def test_consequences_stand_below_their_cause_and_passes_are_one_line(build):
    text = render(build.make("paper-out", "en"), "text", catalog=Catalog("en"))
    assert "follows  The receipt printer is off-line" in text
    assert "SKIPPED" not in text
    assert text.count("6 checks passed.") == 1
    assert "The cover is closed" not in text


def test_last_line_says_what_was_not_checked_and_why(build):
    text = render(build.make("nothing", "en"), "text", catalog=Catalog("en"))
    assert text.splitlines()[-1] == "Not checked: scale: 1 question (first mend net.no-address)."
    healthy = render(build.make("healthy", "ru"), "text", catalog=Catalog("ru"))
    assert healthy.splitlines()[-1] == "Непроверенного не осталось."


def test_a_consequence_of_two_like_problems_stands_below_the_one_of_its_own_device(build):
    other = "escpos+tcp://192.168.1.51:9100"
    report = build.report(
        "en",
        build.finding("link.refused", Status.FAULT, "first refused"),
        build.finding("link.refused", Status.FAULT, "second refused", target=other),
        build.finding(
            "printer.paper", Status.SKIPPED, "paper of the second", target=other, because="link.refused"
        ),
    )
    text = render(report, "text", catalog=Catalog("en"))
    assert text.index("second refused") < text.index("paper of the second")


def test_many_findings_are_cut_and_the_cut_is_said(build):
    evidence = build.make("paper-out", "en").findings[0].evidence * 10
    skipped = [
        build.finding("printer.paper", Status.SKIPPED, f"question {n}", name=f"p{n}", because="link.refused")
        for n in range(40)
    ]
    cause = build.finding("link.refused", Status.FAULT, "refused", evidence=evidence)
    text = render(build.report("en", cause, *skipped), "text", catalog=Catalog("en"))
    assert text.count("asked ") == 8
    assert "and 13 more" in text
    assert "and 35 more" in text
