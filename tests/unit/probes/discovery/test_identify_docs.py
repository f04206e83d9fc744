"""docs/identify.md has the questions that are really put."""

from __future__ import annotations

from pathlib import Path

from probes.discovery.identifiers import IDENTIFIERS, NEVER_ASK

TEXT = (Path(__file__).parents[4] / "docs/identify.md").read_text(encoding="utf-8")


def test_every_question_is_explained():
    asked = [(row.asked, row.request) for row in IDENTIFIERS]
    asked += [row.confirm for row in IDENTIFIERS if row.confirm]
    for name, request in asked:
        assert f"| `{name}` | `{request.hex(' ').upper()}` |" in TEXT


def test_ports_that_get_no_byte_are_named():
    for port in NEVER_ASK:
        assert str(port) in TEXT
