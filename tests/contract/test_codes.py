"""The codes of docs/contract.md: there where their area is built, with the statuses that it promises."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from supportctl.catalog import Catalog
from supportctl.catalog.loader import areas

CONTRACT = (Path(__file__).parents[2] / "docs/contract.md").read_text(encoding="utf-8")
CATALOG = Catalog("en")

# "Default statuses and meanings where two readings are possible", by the status that comes first.
FAULTS = """
printer.paper-out printer.cover-open printer.offline printer.cutter-error printer.unrecoverable-error
printer.overheated fiscal.paper-out fiscal.cover-open fiscal.cutter-error fiscal.shift-over-24h
fiscal.fn-expired fiscal.fn-fault fiscal.fn-archive-closed fiscal.ofd-blocked fiscal.blocked
scale.over-capacity scale.under-zero
"""
WARNINGS = """
printer.paper-near-end printer.drawer-open
fiscal.ofd-queue fiscal.ofd-queue-old fiscal.fn-memory-low fiscal.document-open
"""
UNKNOWNS = "printer.status-not-supported fiscal.device-busy fiscal.wrong-password scale.in-motion"
EXPECTED = [
    (code, status)
    for codes, status in ((FAULTS, "fault"), (WARNINGS, "warning"), (UNKNOWNS, "unknown"))
    for code in codes.split()
]
# a fault from five minutes, a warning from two; a fault within three days, a warning within thirty
GRADED = ["host.clock-drift", "fiscal.clock-drift", "fiscal.fn-expiring"]


def contract_codes():
    """Return every code that the page lists, from the lines that begin with an area."""
    listed = CONTRACT.partition("Finding codes are")[2].partition("Default statuses")[0]
    parts = re.split(r"`([a-z]+)\.`", listed)[1:]
    for area, text in zip(parts[::2], parts[1::2], strict=True):
        for name in re.findall(r"[a-z][a-z0-9]*(?:-[a-z0-9]+)*", text):
            yield f"{area}.{name}"


def test_the_page_is_read():
    codes = list(contract_codes())
    assert "printer.paper-out" in codes
    assert "shop.cost-missing" in codes
    assert len(codes) > 90


@pytest.mark.parametrize("code", [code for code in contract_codes() if code.partition(".")[0] in areas()])
def test_a_built_area_has_every_code_of_the_contract(code):
    assert CATALOG.facts(code).statuses


@pytest.mark.parametrize(("code", "status"), [row for row in EXPECTED if row[0].partition(".")[0] in areas()])
def test_default_statuses(code, status):
    assert CATALOG.facts(code).statuses[0] == status


@pytest.mark.parametrize("code", [code for code in GRADED if code.partition(".")[0] in areas()])
def test_graded_codes_are_warnings_and_faults(code):
    assert {"warning", "fault"} <= set(CATALOG.facts(code).statuses)
