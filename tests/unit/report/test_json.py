"""The document that others script against: docs/contract.md, and the schema made from the same classes."""

import json

import jsonschema
import pytest

from supportctl.catalog import Catalog
from supportctl.report import render
from supportctl.report.schema import report_schema, report_schema_text

CONTRACT = {"schema", "tool_version", "site", "started_at", "duration_s", "verdict", "counts", "findings"}
FINDING = {
    "code",
    "status",
    "target",
    "name",
    "stops_sales",
    "title",
    "explanation",
    "because",
    "evidence",
    "remedies",
    "ours",
    "hand_over_to",
}
EVIDENCE = {"asked", "sent", "got", "meaning", "at", "ms"}
REMEDY = {"text", "who", "minutes", "risk", "action", "verify"}


def validate(document):
    jsonschema.Draft202012Validator(
        report_schema(), format_checker=jsonschema.Draft202012Validator.FORMAT_CHECKER
    ).validate(document)


def test_schema_is_a_sound_schema():
    jsonschema.Draft202012Validator.check_schema(json.loads(report_schema_text()))


def test_every_sample_is_valid_and_has_the_contracts_names(sample, catalog):
    document = json.loads(render(sample[1], "json", catalog=catalog))
    validate(document)
    assert set(document) >= CONTRACT
    for finding in document["findings"]:
        assert set(finding) >= FINDING
        assert all(set(item) == EVIDENCE for item in finding["evidence"])
        assert all(set(remedy) == REMEDY for remedy in finding["remedies"])


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("verdict",), "broken"),
        (("schema",), "supportctl.report/2"),
        (("findings", 0, "status"), "bad"),
        (("findings", 0, "stops_sales"), None),
        (("findings", 0, "remedies", 0, "who"), "nobody"),
        (("findings", 0, "evidence", 0, "ms"), "12"),
    ],
)
def test_schema_refuses_what_the_contract_does_not_have(path, value, build):
    document = json.loads(render(build.make("paper-out", "en"), "json", catalog=Catalog("en")))
    place = document
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    with pytest.raises(jsonschema.ValidationError):
        validate(document)


def test_nulls_are_there(build):
    document = json.loads(render(build.make("paper-out", "en"), "json", catalog=Catalog("en")))
    first, *_rest, last = document["findings"]
    assert first["because"] is None
    assert first["remedies"][0]["action"] is None
    assert last["status"] == "skipped"
    assert last["because"] == "printer.paper-out"


def test_one_document_and_one_line(sample, catalog):
    pretty = render(sample[1], "json", catalog=catalog)
    line = render(sample[1], "json-line", catalog=catalog)
    assert line.count("\n") == 1
    assert line.endswith("\n")
    assert json.loads(line) == json.loads(pretty)
    assert "\\u04" not in pretty  # Russian stays readable


def test_hostile_text_is_valid_and_harmless(build):
    text = render(build.hostile(), "json", catalog=Catalog("en"))
    validate(json.loads(text))
    assert "\x1b" not in text
    assert "\\u001b" not in text
    assert "\u202e" not in text
