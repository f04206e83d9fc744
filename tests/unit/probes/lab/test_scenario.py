"""Scenario files: strict, with the line of what is wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.lab.scenario import DeviceSpec, PortalSpec, Scenario, built_in, load_scenario
from probes.lab.scenario_file import MAX_BYTES, parse_scenario
from supportctl.catalog import Catalog
from supportctl.core.errors import UsageError
from supportctl.core.language import LANGUAGES

if TYPE_CHECKING:
    from pathlib import Path


def parse(text: str) -> Scenario:
    return parse_scenario(text, "test", "test.yaml")


def test_everything_that_a_device_can_have() -> None:
    scenario = parse("""
site: {id: shop-12}
devices:
  - name: receipt-printer
    protocol: escpos
    wire: [tcp, serial]
    port: 9100
    model: TM-U220
    baud: 19200
    faults: [paper-out, wire-slow]
  - {name: bird, protocol: parrot, count: 2, wire: serial, faults: wire-held}
""")
    assert scenario == Scenario(
        "test",
        (
            DeviceSpec(
                "receipt-printer",
                "escpos",
                ("tcp", "serial"),
                9100,
                "TM-U220",
                19200,
                ("paper-out", "wire-slow"),
            ),
            DeviceSpec("bird-1", "parrot", ("serial",), faults=("wire-held",)),
            DeviceSpec("bird-2", "parrot", ("serial",), faults=("wire-held",)),
        ),
        "shop-12",
    )


def test_portals_and_their_day() -> None:
    scenario = parse("""
site: {id: shop-12, phone_region: RU}
portals:
  - {name: pbx, kind: uis, section: telephony}
  - {name: acme, kind: bitrix24, section: crm, port: 8080, faults: [slow]}
day: gaps
""")
    assert scenario == Scenario(
        "test",
        (),
        "shop-12",
        (
            PortalSpec("pbx", "uis", "telephony", where="test.yaml:4"),
            PortalSpec("acme", "bitrix24", "crm", 8080, ("slow",), "test.yaml:5"),
        ),
        "gaps",
        "RU",
    )
    assert parse("portals: [{name: pbx, kind: uis, section: telephony}]").day == "healthy"
    assert parse("devices: [{name: a, protocol: parrot}]").day == "none"


WRONG = [
    ("portals: [{name: a, kind: uis, sektion: crm}]", "unknown-key", "1", "sektion", "section"),
    ("portals: [{name: a, kind: uis}]", "missing-key", "1", None, None),
    ("portals: [{name: a, kind: uis, section: phone}]", "bad-value", "1", "phone", "telephony"),
    ("portals: {name: a}", "bad-value", "1", "{ }", None),
    ("portals: []", "missing-key", "1", None, None),
    ("portals: [{name: a, kind: uis, section: crm}]\nday: bad", "bad-value", "2", "bad", "gaps"),
    ("site: {phone_region: Russia}\ndevices: []", "bad-value", "1", "Russia", "RU"),
    ("devices: [{name: a, protocol: parrot, wier: tcp}]", "unknown-key", "1", "wier", "wire"),
    ("site: {id: a}\ndevice: []", "unknown-key", "2", "device", "devices"),
    ("site: {id: a}\n", "missing-key", "1", None, None),
    ("devices:\n  - {protocol: parrot}", "missing-key", "2", None, None),
    ("devices: []", "missing-key", "1", None, None),
    ("", "missing-key", "1", None, None),
    ("# nothing", "missing-key", "1", None, None),
    ("devices: {name: a}", "bad-value", "1", "{ }", None),
    ("just words", "bad-value", "1", "just words", None),
    ("devices: [a]", "bad-value", "1", "a", None),
    ("devices:\n  - name: a\n    protocol: escpso", "bad-value", "3", "escpso", "escpos"),
    ("devices:\n  - name: Receipt Printer\n    protocol: parrot", "bad-value", "2", "Receipt Printer", None),
    ("devices:\n  - name: ../../etc\n    protocol: parrot", "bad-value", "2", "../../etc", None),
    ("devices: [{name: a, protocol: parrot, wire: usb}]", "bad-value", "1", "usb", "tcp"),
    ("devices: [{name: a, protocol: parrot, wire: []}]", "bad-value", "1", "[]", "tcp"),
    ("devices: [{name: a, protocol: parrot, port: 65536}]", "bad-value", "1", "65536", "0…65535"),
    ("devices: [{name: a, protocol: parrot, port: -1}]", "bad-value", "1", "-1", None),
    ("devices: [{name: a, protocol: parrot, port: ٣}]", "bad-value", "1", "٣", None),
    ("devices: [{name: a, protocol: parrot, port: [1]}]", "bad-value", "1", "[ ]", None),
    ("devices: [{name: a, protocol: parrot, wire: serial, port: 9100}]", "bad-value", "1", "9100", None),
    ("devices: [{name: a, protocol: parrot, count: 2, port: 9100}]", "bad-value", "1", "9100", None),
    ("devices: [{name: a, protocol: parrot, baud: 9600}]", "bad-value", "1", "9600", None),
    ("devices: [{name: a, protocol: parrot, count: 1001}]", "bad-value", "1", "1001", None),
    ("devices: [{name: a, protocol: escpos, model: Ж}]", "bad-value", "1", "Ж", None),
    (
        "devices:\n  - name: a\n    protocol: escpos\n    faults:\n      - papr-out",
        "bad-value",
        "5",
        "papr-out",
        "paper-out",
    ),
    ("devices: [{name: a, protocol: parrot, faults: [wire-held]}]", "bad-value", "1", "wire-held", None),
    ("devices: [{name: a, protocol: parrot, faults: [hoarse, hoarse]}]", "bad-value", "1", "hoarse", None),
    (
        "devices:\n  - {name: a, protocol: parrot}\n  - {name: a, protocol: parrot}",
        "name-twice",
        "3",
        "a",
        None,
    ),
    ("devices: []\ndevices: []", "name-twice", "2", "devices", None),
    ("devices:\n  - name: a\n   protocol: b", "syntax", "3", None, None),
    ("a: &a [1]\nb: *a", "syntax", "2", "*a", None),
    ("devices:\n\t- a", "syntax", "2", None, None),
]


@pytest.mark.parametrize(("text", "key", "line", "found", "expected"), WRONG)
def test_wrong_scenarios(text: str, key: str, line: str, found: str | None, expected: str | None) -> None:
    with pytest.raises(UsageError) as caught:
        parse(text)
    error = caught.value
    assert error.key == f"lab.scenario-{key}"
    assert error.args_by_name["where"] == f"test.yaml:{line}"
    if found is not None:
        assert error.args_by_name["found"] == found
    if expected is not None:
        told = error.args_by_name.get("nearest") or error.args_by_name["expected"]
        assert expected in told
    for lang in LANGUAGES:
        texts = Catalog(lang).error(error.key, error.args_by_name)
        assert f"test.yaml:{line}" in texts["found"]
        assert "?" not in "".join(texts.values()), "every argument of the text is given"


@pytest.mark.parametrize("bracket", ["[", "{", "- "])
def test_deep_nesting_is_an_error_and_no_crash(bracket: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse(bracket * 100_000)
    assert caught.value.key == "lab.scenario-syntax"


def test_no_file_of_that_name(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        load_scenario("bad-dya")
    assert caught.value.key == "lab.scenario-missing"
    assert "bad-day" in caught.value.args_by_name["known"]


@pytest.mark.parametrize("content", [None, b"\xff\xfe\x00", b"#" * (MAX_BYTES + 1)])
def test_files_that_cannot_be_read(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "scenario.yaml"
    if content is None:
        path.mkdir()
    else:
        path.write_bytes(content)
    with pytest.raises(UsageError) as caught:
        load_scenario(path)
    too_big = content is not None and len(content) > MAX_BYTES
    assert caught.value.key == ("lab.scenario-too-big" if too_big else "lab.scenario-unreadable")


@given(st.text(max_size=200))
def test_any_text_is_a_scenario_or_a_kind_error(text: str) -> None:
    try:
        key = parse(text).name
    except UsageError as error:
        key = error.key
    assert key == "test" or key.startswith("lab.scenario-")


def test_the_built_in_ones_are_sound() -> None:
    assert set(built_in()) == {"shop", "bad-day", "till"}
    for healthy in ("shop", "till"):
        assert all(not spec.faults for spec in load_scenario(healthy).devices)
    bad = {spec.name: spec.faults for spec in load_scenario("bad-day").devices}
    assert set(bad["receipt-printer"]) == {"paper-out", "cover-open"}
    assert () in bad.values(), "one is healthy, to be seen beside the others"


def test_many() -> None:
    scenario = Scenario.many(100, dead=10)
    assert [spec.name for spec in scenario.devices][:2] == ["printer-1", "printer-2"]
    assert len({spec.name for spec in scenario.devices}) == 100
    assert [spec.faults for spec in scenario.devices].count(("wire-silent",)) == 10
