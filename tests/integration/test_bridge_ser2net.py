"""The raw bridge to ser2net in front of a register: our own probe reads it through the bridge."""

from __future__ import annotations

import sys

import pytest
from bridges import Bridged
from ser2net import serving

from probes.lab.lab import Lab
from probes.lab.scenario import DeviceSpec, Scenario
from probes.links import open_link
from probes.registry import BUILT_IN
from probes.runner import Job, Runner
from supportctl.core.clock import SystemClock
from supportctl.core.deadline import Deadline
from supportctl.core.target import parse_target

pytestmark = [
    pytest.mark.peer("ser2net"),
    pytest.mark.skipif(sys.platform == "win32", reason="pseudo-terminals are POSIX"),
]
ENTRY = next(entry for entry in BUILT_IN if entry.id == "register.shtrih")
CLOCK = SystemClock()


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    scenario = Scenario("register", (DeviceSpec("till", "shtrih", ("serial",)),))
    with Lab.from_scenario(scenario, tmp_path_factory.mktemp("lab")) as running:
        yield running


@pytest.fixture(scope="module")
def gateway(peer_path, lab, tmp_path_factory):
    """Serve the register's pseudo-terminal by ser2net on plain TCP; returns the URL."""
    device, folder = lab.url("till", "serial").partition("://")[2], tmp_path_factory.mktemp("ser2net")
    with serving(peer_path("ser2net"), device, "tcp", folder) as port:
        yield f"tcp://127.0.0.1:{port}"


def problems(url):
    result = Runner(open_link, CLOCK).run([Job(ENTRY, parse_target(url))], Deadline.after(20, CLOCK))
    assert any(finding.status == "ok" for finding in result.findings), result.findings
    return {finding.code for finding in result.findings if finding.status != "ok"}


def test_a_register_behind_ser2net_answers_through_the_bridge(lab, gateway):
    session = Bridged()
    opening = session.desk(gateway)
    opening.program().close()
    url = f"shtrih+tcp://127.0.0.1:{opening.place[1]}"
    assert problems(url) == set()
    lab.fault("till", "paper-out")
    assert "fiscal.paper-out" in problems(url)  # the next program, over the same bridge
    lab.clear("till")
    session.client.stop()
    result = opening.ended()
    assert result["reason"] == "ended"
    assert min(result["sent"], result["received"]) > 20
    session.close()
    assert lab.device("till").writes == []
    again = Bridged()  # ser2net has let the port go: another bridge opens it
    opening = again.desk(gateway)
    opening.program().close()
    assert problems(f"shtrih+tcp://127.0.0.1:{opening.place[1]}") == set()
    again.close()
