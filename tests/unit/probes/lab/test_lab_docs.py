"""docs/lab.md says what the lab can do, and nothing else."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from probes.lab.catalogue import make_device
from probes.lab.scenario import built_in
from probes.lab.scenario_file import _DEVICE_KEYS
from probes.lab.wirefaults import WIRE_FAULTS, WIRES

DOCS = Path(__file__).parents[4] / "docs" / "lab.md"
PROTOCOLS = (
    "escpos",
    "star",
    "shtrih",
    "atol",
    "atol2",
    "atol3",
    "utm",
    "marking",
    "scanner",
    "toledo8217",
    "sma",
    "cas",
    "massak",
    "shtrihscale",
)


@pytest.fixture(scope="module")
def text() -> str:
    return DOCS.read_text(encoding="utf-8")


def test_the_table_of_wire_faults(text: str) -> None:
    rows = dict(re.findall(r"^\| `(wire-[a-z-]+)` \| ([a-z, ]+) \|", text, re.MULTILINE))
    wires = {name: ", ".join(w for w in WIRES if w in on) for name, on in WIRE_FAULTS.items()}
    assert rows == wires


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_the_faults_of_the_devices(text: str, protocol: str) -> None:
    section = text.partition("## Faults of the devices")[2].partition("\n## ")[0]
    rows = re.findall(rf"^\| `{protocol}`[^|]*\| (.*) \|$", section, re.MULTILINE)
    assert set(re.findall(r"`([a-z0-9-]+)`", " ".join(rows))) == set(make_device(protocol).faults)


def test_keys_and_scenarios(text: str) -> None:
    section = text.partition("## Scenarios")[2].partition("\n## ")[0]
    assert all(re.search(rf"\b{key}:", section) for key in _DEVICE_KEYS)
    assert all(f"`{name}`" in section for name in built_in())
