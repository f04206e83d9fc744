"""The plug-in line and the exit codes."""

import re

import pytest

from supportctl.catalog import Catalog
from supportctl.core.finding import Status
from supportctl.report import exit_code, nagios_exit, render

PERFORMANCE = re.compile(r"^(?:[a-z]+=\d+(?:\.\d+)?s?;\d*;\d*;\d* ?)+$")
CASES = [
    (Status.OK, 0, 0, "OK"),
    (Status.WARNING, 1, 4, "WARNING"),
    (Status.FAULT, 2, 3, "CRITICAL"),
    (Status.UNKNOWN, 3, 5, "UNKNOWN"),
    (Status.SKIPPED, 3, 5, "UNKNOWN"),
]


@pytest.mark.parametrize(("status", "nagios", "house", "word"), CASES)
def test_exit_codes_and_words(status, nagios, house, word, build):
    report = build.report("en", build.finding("a.b", status, "said"))
    assert nagios_exit(report) == nagios
    assert exit_code(report) == house
    assert render(report, "nagios", catalog=Catalog("en")).startswith(f"SUPPORTCTL {word} - ")


def test_one_line_one_bar(sample, catalog):
    line = render(sample[1], "nagios", catalog=catalog)
    assert line.count("\n") == 1
    text, performance = line.rstrip("\n").split(" | ")
    assert "|" not in text
    assert PERFORMANCE.match(performance), performance


def test_hostile_text_cannot_add_lines_or_figures(build):
    line = render(build.hostile(), "nagios", catalog=Catalog("en"))
    assert line.count("\n") == 1
    assert line.count("|") == 1
    assert line.index("x=1") < line.index("|")


def test_long_output_is_cut(build):
    findings = [build.finding("a.b", Status.FAULT, "x" * 400, target=f"tcp://h:{n + 1}") for n in range(30)]
    line = render(build.report("en", *findings), "nagios", catalog=Catalog("en"))
    assert len(line) < 1100
    assert line.split(" | ")[1].startswith("faults=30;")


def test_what_is_not_listed_is_counted(build):
    findings = [build.finding("a.b", Status.FAULT, f"t{n}") for n in range(6)]
    assert "and 2 more" in render(build.report("en", *findings), "nagios", catalog=Catalog("en"))
