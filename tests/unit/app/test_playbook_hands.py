"""Whom a role means, what a look brings, and a target's URL in the configuration."""

from __future__ import annotations

import pytest

from playbooks.engine.model import Check
from playbooks.engine.needs import Role
from probes.lab.lab import Lab
from probes.lab.scenario import DeviceSpec, Scenario
from supportctl.app import discover
from supportctl.app.config_file import load_config
from supportctl.app.playbook_hands import RealHands
from supportctl.app.playbook_targets import ConfiguredUrls
from supportctl.core.clock import SystemClock
from supportctl.core.errors import SupportctlError, UsageError
from supportctl.core.finding import Status
from supportctl.core.target import parse_target

SAY = {"en": "Printer", "ru": "Принтер"}
CONFIG = """\
# what stands here stays
targets:
  - {name: front, url: "escpos+tcp://127.0.0.1:9"}   # the till
  - {name: back, url: 'escpos+tcp://127.0.0.1:10'}
  - name: register
    url: shtrih+tcp://127.0.0.1:7778?password=31
crm:
  acme: {kind: bitrix24, url: "https://portal.example/rest/1/abcdefgh12/"}
"""
PRINTER = Role(title=SAY, protocols=("escpos",))
REGISTER = Role(title=SAY, protocols=("shtrih",))


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "supportctl.yaml"
    path.write_text(CONFIG)
    return path


@pytest.fixture
def hands(file):
    return RealHands(load_config(file), file, "en", SystemClock())


def test_the_configuration_s_targets_fit_by_protocol(hands):
    assert hands.candidates("p", PRINTER, None) == ("escpos+tcp://127.0.0.1:9", "escpos+tcp://127.0.0.1:10")
    assert len(hands.candidates("p", Role(title=SAY), None)) == 3
    assert hands.candidates("p", Role(title=SAY, section="crm"), None) == ("bitrix24:acme",)


def test_what_is_given_is_a_name_a_url_or_an_account(hands):
    assert hands.candidates("p", PRINTER, "back") == ("escpos+tcp://127.0.0.1:10",)
    assert hands.candidates("p", PRINTER, "tcp://10.0.0.1:9100") == ("escpos+tcp://10.0.0.1:9100",)
    many = Role(title=SAY, protocols=("escpos",), many=True)
    assert hands.candidates("p", many, "front, back") == hands.candidates("p", PRINTER, None)
    assert hands.candidates("c", Role(title=SAY, section="crm"), "acme") == ("bitrix24:acme",)


@pytest.mark.parametrize(
    ("role", "given", "key"),
    [
        (PRINTER, "register", "run.does-not-fit"),
        (PRINTER, "other", "check.unknown-name"),
        (PRINTER, "escpos+tcp://", "target.no-host"),
        (Role(title=SAY, section="crm", protocols=("amocrm",)), "acme", "run.does-not-fit"),
        (Role(title=SAY, section="shop"), None, "run.no-target"),
    ],
)
def test_what_does_not_fit_is_told(hands, role, given, key):
    with pytest.raises(UsageError) as error:
        hands.candidates("r", role, given)
    assert error.value.key == key


def test_a_role_that_is_not_needed_may_have_nothing(hands):
    assert hands.candidates("r", Role(title=SAY, section="shop", optional=True), None) == ()


def test_without_a_word_in_the_configuration_it_is_what_is_plugged_in(monkeypatch):
    found = parse_target("escpos+serial:///dev/ttyUSB7")
    monkeypatch.setattr(discover, "discover_targets", lambda: [found, parse_target("utm://127.0.0.1")])
    monkeypatch.setattr(discover, "run_discover", lambda **_: discover.Discovery(()))
    hands = RealHands(None, None, "en", SystemClock())
    assert hands.candidates("p", PRINTER, None) == (found.url,)


def test_a_password_is_used_and_never_shown(hands, file):
    shown = hands.candidates("r", REGISTER, None)
    assert shown == ("shtrih+tcp://127.0.0.1:7778?password=***",)
    assert hands._target(shown[0]).option("password") == "31"
    given = hands.candidates("r", REGISTER, "shtrih+tcp://10.0.0.9:7778?password=77")
    assert given == ("shtrih+tcp://10.0.0.9:7778?password=***",)
    assert hands._target(given[0]).option("password") == "77"


def test_a_look_names_the_target_as_the_configuration_does(file):
    spec = DeviceSpec("till", "escpos", ("tcp",), faults=("paper-out",))
    with Lab.from_scenario(Scenario("one", (spec,))) as lab:
        file.write_text(f"targets: [{{name: front, url: '{lab.url('till')}'}}]")
        hands = RealHands(load_config(file), file, "en", SystemClock())
        looked = hands.check(Check(targets=("p",), only=("printer.paper*",)), (lab.url("till"),))
    assert {(f.code, f.name, f.target) for f in looked.findings} == {
        ("printer.paper-out", "front", lab.url("till"))
    }
    assert looked.areas == ("printer",)
    assert looked.targets == (lab.url("till"),)


def test_this_computer_can_be_asked(hands):
    looked = hands.check(Check(targets=("computer",), only=("host.disk*",)), ("computer",))
    assert {finding.code.partition(".")[0] for finding in looked.findings} == {"host"}


def test_a_check_that_nobody_can_do_is_told_as_not_known(hands):
    nothing = hands.check(Check(targets=("p",), only=("scale.weight",)), ("escpos+tcp://127.0.0.1:9",))
    assert nothing.findings == ()
    gone = hands.check(Check(targets=("p",)), ("bitrix24:gone",))
    assert [(f.code, f.status) for f in gone.findings] == [("check.no-probe", Status.UNKNOWN)]


@pytest.mark.parametrize("name", ["front", "back", "register"])
def test_another_url_for_a_target_and_nothing_else(file, name):
    urls = ConfiguredUrls(file, SystemClock())
    was = urls.url(name)
    urls.put(name, "escpos+tcp://10.0.0.7:9100", was)
    assert urls.url(name) == "escpos+tcp://10.0.0.7:9100"
    after = file.read_text()
    assert after.startswith("# what stands here stays")
    assert "# the till" in after
    assert [a == b for a, b in zip(after.splitlines(), CONFIG.splitlines(), strict=True)].count(False) == 1
    urls.put(name, was, "escpos+tcp://10.0.0.7:9100")
    assert load_config(file).entry(name).url == was


def test_a_url_that_is_not_what_was_planned_stays(file):
    urls = ConfiguredUrls(file, SystemClock())
    with pytest.raises(UsageError):
        urls.put("front", "escpos+tcp://10.0.0.7:9100", "escpos+tcp://10.0.0.1:9100")
    assert file.read_text() == CONFIG
    with pytest.raises(UsageError):
        urls.url("nobody")


def test_a_url_that_is_none_is_not_written(file):
    with pytest.raises(SupportctlError):
        ConfiguredUrls(file, SystemClock()).put("front", "nonsense", "escpos+tcp://127.0.0.1:9")
    assert file.read_text() == CONFIG


def test_an_action_changes_the_configuration_and_brings_it_back(hands, file):
    plan = hands.plan("target.set", {"target": "front", "url": "escpos+tcp://10.0.0.7:9100"})
    assert hands.act(plan).ok
    assert "10.0.0.7" in file.read_text()
    assert hands.undo(plan).ok
    assert load_config(file) == load_config(file)
    assert ConfiguredUrls(file, SystemClock()).url("front") == "escpos+tcp://127.0.0.1:9"
