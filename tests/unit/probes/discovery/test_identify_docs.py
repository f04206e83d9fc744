"""docs/identify.md has the questions that are really put."""

from __future__ import annotations

from pathlib import Path

from probes.discovery.families import families
from probes.discovery.identifiers import IDENTIFIERS, NEVER_ASK
from probes.discovery.known_ports import KNOWN
from probes.discovery.own_questions import OWN_QUESTIONS
from supportctl.catalog import Catalog
from supportctl.core.target import PROTOCOLS

TEXT = (Path(__file__).parents[4] / "docs/identify.md").read_text(encoding="utf-8")


def test_every_question_is_explained():
    asked = [(row.asked, row.request) for row in IDENTIFIERS]
    asked += [row.confirm for row in IDENTIFIERS if row.confirm]
    for name, request in asked:
        assert f"| `{name}` | `{request.hex(' ').upper()}` |" in TEXT


def test_ports_that_get_no_byte_are_named():
    for port in NEVER_ASK:
        assert str(port) in TEXT


def test_every_port_of_a_family_is_explained():
    for row in OWN_QUESTIONS:
        for port in row.ports:
            assert f"| {port} | " in TEXT
            assert f"| `{row.asked}` | `{row.request.hex(' ').upper()}` |" in TEXT
        if row.ports and row.confirm:
            assert f"| `{row.confirm[0]}` | `{row.confirm[1].hex(' ').upper()}` |" in TEXT
    for port, known in KNOWN.items():
        assert f"| {port} | " in TEXT
        assert any(family.number == port and family.protocol == known.protocol for family in families())


def test_every_family_has_words_for_people():
    for language in ("en", "ru"):
        for protocol in PROTOCOLS:
            assert Catalog(language).phrase(f"discover.speaks-{protocol}")
