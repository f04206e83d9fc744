"""The way to the fiscal data operator: connects, and not a byte more."""

from __future__ import annotations

from functools import partial

import pytest

from probes.lab.lab import Lab
from probes.lab.scenario import DeviceSpec, Scenario
from probes.links import LinkError
from probes.services.ofd import OfdProbe, find_operator, operators
from supportctl.core.finding import Status


@pytest.fixture(scope="module")
def lab():
    with Lab(Scenario("ofd", (DeviceSpec("operator", "ofd"),))) as lab:
        yield lab


def test_reachable_without_a_byte(lab, ask):
    (found,) = ask(OfdProbe(), lab.url("operator"))
    assert (found.code, found.status) == ("ofd.connection", Status.OK)
    device = lab.device("operator")
    assert (device.opcodes, device.writes) == ([], [])


@pytest.mark.parametrize(
    ("fault", "code", "meaning"),
    [
        ("wire-refused", "ofd.unreachable", "link.port-refused"),
        ("wire-timeout", "ofd.unreachable", "link.no-connection"),
        ("wire-silent", "ofd.connection", "ofd.took"),
    ],
)
def test_faults_of_the_wire(lab, ask, fault, code, meaning):
    lab.fault("operator", fault)
    try:
        (found,) = ask(OfdProbe(), lab.url("operator"), seconds=1.5)
    finally:
        lab.clear("operator")
    assert found.code == code
    assert found.evidence[0].meaning == meaning
    assert dict(found.args)["port"] == int(lab.url("operator").rpartition(":")[2])


@pytest.mark.parametrize("code", ["link.dns", "link.refused", "link.timeout", "link.no-route"])
def test_every_way_of_not_getting_there_is_one_finding(told, code):
    found = told(OfdProbe(), code, "ofd://ofd.example:7777")
    assert found.problems == {"ofd.unreachable": "fault"}
    assert found["ofd.unreachable"].ours is (False if code == "link.refused" else None)


def test_cut_short_is_not_unreachable(told, monkeypatch):
    monkeypatch.setitem(told.__globals__, "LinkError", partial(LinkError, status=Status.UNKNOWN))
    assert told(OfdProbe(), "link.timeout", "ofd://a:1").problems == {"ofd.unreachable": "unknown"}


def test_an_operator_by_its_word(told):
    found = told(OfdProbe(), "link.refused", "ofd://?operator=Taxcom")["ofd.unreachable"]
    assert dict(found.args) == {"host": "f1.taxcom.ru", "port": 7777, "operator": "Такском"}
    assert found.target == "ofd+tcp://?operator=Taxcom"


def test_an_operator_that_nobody_knows(told):
    found = told(OfdProbe(), "link.refused", "ofd://?operator=taxicom")
    assert found.problems == {"ofd.unknown-operator": "unknown"}
    assert "taxcom" in found["ofd.unknown-operator"].args["known"]


def test_the_list_is_sound():
    assert len(operators()) == 13
    assert len({(one.host, one.port) for one in operators()}) == 13
    assert all("." in one.host and 0 < one.port < 65536 and one.word.islower() for one in operators())
    assert find_operator(" OFD-YA ").port == 7779
    assert find_operator("") is None
