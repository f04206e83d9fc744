"""Recorded outputs, and this computer's surroundings for a probe."""

from __future__ import annotations

from pathlib import Path

import pytest

from probes.context import ProbeContext, ProbeSettings
from probes.links import open_link
from supportctl.core.clock import SystemClock
from supportctl.core.deadline import Deadline
from supportctl.core.target import THIS_COMPUTER

FIXTURES = Path(__file__).parents[3] / "fixtures/host"
CLOCK = SystemClock()


@pytest.fixture
def recorded():
    """Return a function that gives the text of a recorded output."""
    return lambda name: (FIXTURES / name).read_text(encoding="utf-8")


@pytest.fixture
def here():
    """Return a function that makes the surroundings of a probe of this computer."""

    def make(seconds=10.0, opener=open_link, **settings):
        deadline = Deadline.after(seconds, CLOCK)
        return ProbeContext(THIS_COMPUTER, deadline, CLOCK, opener, ProbeSettings(**settings))

    return make
