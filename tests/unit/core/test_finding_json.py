"""Findings as JSON: what comes back is what was found, and what is no finding is refused."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supportctl.core.finding import Evidence, Finding, Meaning, Status
from supportctl.core.finding_json import FindingJsonError, document_of, finding_of, findings_of

AT = datetime(2026, 1, 2, tzinfo=UTC)
FINDING = Finding(
    "printer.paper-out", Status.FAULT, "escpos+tcp://192.0.2.1", "till printer",
    {"count": 2, "share": 0.5, "kind": Meaning("printer.paper-absent")},
    (Evidence("DLE EOT 4", AT, 1.5, "100404", "72", "printer.paper-absent", {"n": 1}),),
    because="link.refused", stops_sales=True, ours=False,
)  # fmt: skip


def test_there_and_back():
    back = finding_of(json.loads(json.dumps(document_of(FINDING))))
    assert back == FINDING
    assert isinstance(back.args["kind"], Meaning)


def test_no_secret_is_written():
    told = json.dumps(document_of(FINDING._replace(args={"url": "https://u:geheim@h/?token=abc123"})))
    assert "geheim" not in told
    assert "abc123" not in told


def test_texts_of_another_machine_are_made_safe():
    told = document_of(FINDING)
    told["name"] = told["args"]["kind"]["meaning"] = told["evidence"][0]["got"] = "\x1b[2J\u202e"
    told["args"] = {"\x1b": "\u2066"}
    back = finding_of(told)
    texts = [back.name, *back.args, *back.args.values(), back.evidence[0].got]
    assert all(str(text).isprintable() for text in texts)


@pytest.mark.parametrize(
    "change",
    [{"code": 1}, {"status": "great"}, {"extra": 1}, {"args": []}, {"args": {"a": [1]}},
     {"args": {"a": None}},
     {"args": {"a": {"x": "y"}}}, {"evidence": {}}, {"evidence": [1]}, {"stops_sales": "yes"},
     {"evidence": [{"asked": "x", "at": "2026-01-01", "ms": 1}]}, {"evidence": [{"asked": "x"}]},
     {"evidence": [{"asked": "x", "at": "2026-01-01T00:00:00+00:00", "ms": True}]}, {"target": None}],
)  # fmt: skip
def test_what_is_no_finding(change):
    with pytest.raises(FindingJsonError):
        finding_of({**document_of(FINDING), **change})


NAMES = st.sampled_from(["code", "status", "args", "x"])
VALUES = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
)


@given(VALUES)
def test_nothing_else_is_raised(value):
    for read in (finding_of, findings_of):
        try:
            read(value)
        except FindingJsonError:
            continue
