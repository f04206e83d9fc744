"""What the tests of cloud telephony share: a clock, surroundings, a session into a portal, findings."""

from __future__ import annotations

from datetime import UTC, datetime
from types import SimpleNamespace
from zoneinfo import ZoneInfo

import pytest
import requests

from integrations.checking import Surroundings
from integrations.lab.inprocess import InProcess
from probes.context import ProbeContext
from supportctl.core.clock import FakeClock
from supportctl.core.deadline import Deadline
from supportctl.core.target import Target

NOW = datetime(2026, 9, 15, 9, 0, tzinfo=UTC)
ADDRESS = "https://portal.example"


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock(NOW)


@pytest.fixture
def around(clock):
    return Surroundings("pbx", clock, lambda secret: secret, ZoneInfo("Europe/Moscow"), "RU")


@pytest.fixture
def session_to():
    """Return a function that gives a session whose requests a portal answers."""

    def make(portal) -> requests.Session:
        session = requests.Session()
        session.mount(ADDRESS, InProcess(portal))
        return session

    return make


@pytest.fixture
def deadline(clock) -> Deadline:
    return Deadline.after(3600, clock)


@pytest.fixture
def findings_of(clock):
    """Return a function that runs a connection check: code -> finding, and that its codes are declared."""

    def run(check, seconds: float = 25.0):
        target = Target("uis", "https", "portal.example", name="pbx")
        context = ProbeContext(target, Deadline.after(seconds, clock), clock, lambda *_: None)
        found = list(check.run(context))
        assert {finding.code for finding in found} <= check.codes
        return SimpleNamespace(
            all=found,
            codes=[finding.code for finding in found],
            problems=[finding.code for finding in found if finding.status != "ok"],
            of={finding.code: finding for finding in found},
        )

    return run
