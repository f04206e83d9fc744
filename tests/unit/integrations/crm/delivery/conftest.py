"""What the tests of the destinations share."""

from __future__ import annotations

import pytest
from delivery_simulation import ADDRESS, NOW, Simulation, bench_for

from supportctl.core.call import Call
from supportctl.core.deadline import Deadline
from supportctl.core.delivery import Parcel


@pytest.fixture
def simulate(tmp_path):
    """Return a function that makes a simulation; its ledger is closed at the end."""
    made = []

    def make(bench, portal, destination, seed):
        simulation = Simulation(tmp_path, bench, portal, destination, seed)
        made.append(simulation)
        return simulation

    yield make
    for simulation in made:
        simulation.close()


@pytest.fixture
def connect():
    """Return a function that gives a bench and a portal: connect(PortalClass)."""
    return bench_for


@pytest.fixture
def make_parcel():
    """Return a function that makes a parcel of one call; `changes` are of the call."""

    def make(number=1, *, step="", facts=None, attempts=1, revision=0, **changes):
        call = Call(**{
            "call_id": f"pbx-{number}", "source": "pbx", "direction": "in", "started_at": NOW,
            "duration_s": 61, "contact_phone": "+79990001122", "answered": True, "line": "+78120000001",
            "employee": "101", "recording_url": f"https://rec.example/{number}.mp3", **changes,
        })  # fmt: skip
        return Parcel(number, call, step, facts or {}, attempts, revision)

    return make


@pytest.fixture
def soon():
    """Return a function that gives a deadline as the lane does."""
    return lambda bench: Deadline.after(90, bench.clock)


@pytest.fixture
def address():
    """Where the portals are."""
    return ADDRESS
