"""JUnit XML: a suite a target, a case a question, and nothing that XML forbids."""

from xml.etree import ElementTree as ET

import pytest

from supportctl.catalog import Catalog
from supportctl.core.finding import Status
from supportctl.core.report import EvidenceItem
from supportctl.report import render
from supportctl.report.as_junit import render_junit


def parsed(report, catalog):
    return ET.fromstring(render(report, "junit", catalog=catalog))


def test_counts_agree_with_the_cases(sample, catalog):
    root = parsed(sample[1], catalog)
    assert root.tag == "testsuites"
    for element in (root, *root.iter("testsuite")):
        assert int(element.get("tests")) == len(list(element.iter("testcase")))
        assert int(element.get("failures")) == len(list(element.iter("failure")))
        assert int(element.get("errors")) == len(list(element.iter("error")))
        assert int(element.get("skipped")) == len(list(element.iter("skipped")))


def test_suites_are_targets(build):
    root = parsed(build.make("paper-out", "en"), Catalog("en"))
    assert [suite.get("name") for suite in root] == ["receipt-printer", "this computer"]
    assert root[0].find("properties/property").get("value") == "escpos+tcp://192.168.1.50:9100"
    assert root[0].get("timestamp") == "2026-11-22T14:02:30"


@pytest.mark.parametrize(
    ("status", "tag"),
    [
        (Status.FAULT, "failure"),
        (Status.UNKNOWN, "error"),
        (Status.SKIPPED, "skipped"),
        (Status.OK, None),
        (Status.WARNING, None),
    ],
)
def test_statuses(status, tag, build):
    case = parsed(build.report("en", build.finding("a.b", status, "said")), Catalog("en")).find(".//testcase")
    outcomes = [child.tag for child in case if child.tag in {"failure", "error", "skipped"}]
    assert outcomes == ([tag] if tag else [])


def test_a_warning_passes_and_says_so(build):
    out = parsed(build.make("warning", "en"), Catalog("en")).find(".//system-out").text
    assert "WARNING: Little room is left" in out
    assert "Delete old logs" in out


def test_evidence_is_in_the_output(build):
    text = parsed(build.make("paper-out", "en"), Catalog("en")).find(".//system-out").text
    assert "DLE EOT 4 [100404] -> [7e] paper not present" in text


def test_what_xml_forbids_is_removed_even_without_the_gate(build):
    bad = "a\x00\x0b\x1b\ufffe\ud800b"
    finding = build.finding("a.b", Status.FAULT, bad, evidence=(EvidenceItem(bad, bad, bad, bad, "x", 1.0),))
    case = ET.fromstring(render_junit(build.report("en", finding), Catalog("en"))).find(".//testcase")
    assert case.find("failure").get("message") == "ab"


def test_hostile_text_is_text(build):
    root = parsed(build.hostile(), Catalog("en"))
    assert root.find(".//script") is None
    assert "<script>" in root.find(".//failure").get("message")
