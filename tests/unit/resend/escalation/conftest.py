"""What the tests of escalation share."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

import pytest
from escalation_bench import EscalationBench


@pytest.fixture
def folder(tmp_path):
    """A folder in memory where there is one: nothing here is about disks, and each sweep commits often."""
    if not Path("/dev/shm").is_dir():
        yield tmp_path
        return
    made = Path(tempfile.mkdtemp(dir="/dev/shm"))
    yield made
    shutil.rmtree(made)


@pytest.fixture
def make_bench(folder):
    """Return a function that makes a bench; its ledger is closed at the end."""
    made = []

    def make(**settings):
        own = folder / str(len(made))
        own.mkdir()
        made.append(EscalationBench(own, **settings))
        return made[-1]

    yield make
    for bench in made:
        bench.store.close()


@pytest.fixture
def bench(make_bench):
    """A ledger, a tracker and a chat."""
    return make_bench()
