"""A Massa-K scale is told from what else has TCP port 5001 by its UDP poll."""

from __future__ import annotations

import pytest

from probes.discovery.families import family_of
from probes.discovery.lan import OpenPort
from probes.discovery.udp_poll import identify_by_udp
from probes.lab.lab import Lab
from probes.lab.scenario import DeviceSpec, Scenario
from probes.links import open_link
from supportctl.app import discover
from supportctl.core.clock import SystemClock
from supportctl.core.deadline import Deadline
from supportctl.core.target import parse_target


@pytest.fixture
def scale():
    with Lab(Scenario("udp", (DeviceSpec("scale", "massak", ("tcp", "udp")),))) as lab:
        yield lab
        assert lab.device("scale").writes == []


def asked(lab):
    plain = parse_target(lab.url("scale", "tcp").partition("+")[2])
    return identify_by_udp(plain, open_link, Deadline.after(5, SystemClock()))


def test_a_scale(scale):
    identity = asked(scale)
    assert identity.found is not None
    assert identity.found.url == scale.url("scale", "tcp")
    assert [item.outcome for item in identity.tried] == ["answered"]
    assert scale.device("scale").opcodes == ["00"]


@pytest.mark.parametrize(
    ("fault", "why"), [("wire-silent", "silent"), ("wire-refused", "silent"), ("wire-garbled", "noise")]
)
def test_something_else(scale, fault, why):
    scale.fault("scale", fault)
    identity = asked(scale)
    assert (identity.found, identity.why) == (None, why)


def test_discover_asks_only_that_port_so(scale, monkeypatch):
    port = parse_target(scale.url("scale", "tcp")).port
    assert family_of(5001).protocol == "massak"
    monkeypatch.setattr("probes.discovery.families.family_of", lambda _port: family_of(5001))
    found = discover._one(OpenPort("127.0.0.1", port), SystemClock())
    assert found.target.url == scale.url("scale", "tcp")
    scale.fault("scale", "wire-silent")
    silent = discover._one(OpenPort("127.0.0.1", port), SystemClock())
    assert (silent.target, silent.place.protocols) == (None, ("massak",))
