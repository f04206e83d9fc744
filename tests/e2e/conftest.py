"""What several of these tests stand on."""

from __future__ import annotations

import pytest
from resend_shop import PAIR, Shop
from till_desk import SET, Desk

from integrations.lab.house import PortalHouse
from probes.lab.lab import Lab
from probes.lab.scenario import DeviceSpec, Scenario


@pytest.fixture
def shop(supportctl, tmp_path):
    with PortalHouse(PAIR, day="gaps") as house:
        yield Shop(supportctl, house, tmp_path)


@pytest.fixture(scope="module")
def lab():
    spec = DeviceSpec("till", "escpos", ("tcp",), faults=("paper-out",))
    with Lab.from_scenario(Scenario("one", (spec,))) as running:
        yield running


@pytest.fixture
def desk(tmp_path, lab):
    return Desk(tmp_path, lab, SET)
