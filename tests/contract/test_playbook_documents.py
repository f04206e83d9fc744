"""The documents of a run in docs/contract.md: its report, its packet, the bundle."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import pytest
from playbook_runs import HANDED_OVER, HEADER, INTENTS, graph

from playbooks.engine.journal import Record
from playbooks.engine.records import line_of
from supportctl.app.playbook_packet import write_packet
from supportctl.core.clock import FakeClock
from supportctl.report.playbook.as_json import handover_schema, run_report_schema

jsonschema = pytest.importorskip("jsonschema")

DOCS = (Path(__file__).parents[2] / "docs/contract.md").read_text("utf-8")
REPORT_KEYS = [
    "schema", "tool_version", "lang", "run", "playbook", "ticket", "site", "site_name", "operator", "dry_run",
    "started_at", "duration_s", "budget_s", "outcome", "why", "to", "reason", "cause", "ruled_out",
    "remaining", "steps", "actions", "questions", "replies", "findings", "not_checked", "next_step",
]  # fmt: skip
HANDOVER_KEYS = [
    "schema",
    "run",
    "made_at",
    "to",
    "stops_sales",
    "resume",
    "report",
    "files",
    "not_collected",
]


@pytest.fixture
def packet(tmp_path):
    path = tmp_path / f"{HEADER.run}.jsonl"
    path.write_text("\n".join(map(line_of, HANDED_OVER)), encoding="utf-8")
    intents = tuple((0, intent) for intent in INTENTS)
    return write_packet(Record(path, HEADER, HANDED_OVER, intents), graph(), "en", None, FakeClock())


def holds(document, schema):
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.Draft202012Validator(schema).validate(document)


def test_the_packet_and_its_report(packet):
    document = json.loads(packet.document.read_text("utf-8"))
    holds(document, handover_schema())
    holds(document["report"], run_report_schema())
    assert list(document) == HANDOVER_KEYS
    assert list(document["report"]) == REPORT_KEYS
    assert (document["schema"], document["report"]["schema"]) == (
        "supportctl.handover/1",
        "supportctl.run-report/1",
    )


def test_the_bundle_says_what_it_holds(packet):
    with zipfile.ZipFile(packet.bundle) as archive:
        manifest = json.loads(archive.read(f"{HEADER.run}/manifest.json"))
    assert manifest["schema"] == "supportctl.run-bundle/1"
    assert set(manifest) == {"schema", "run", "made_at", "files", "not_collected"}


def test_the_page_names_every_key():
    for name in ("supportctl.run-report/1", "supportctl.handover/1", "supportctl.run-bundle/1"):
        assert name in DOCS
    assert [key for key in (*REPORT_KEYS, *HANDOVER_KEYS) if f'"{key}"' not in DOCS] == []
