"""A missing peer is a skip that is listed with its remedy, and a failure where peers are required."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

CONFTEST = Path(__file__).parents[1] / "conftest.py"
TESTS = """
import pytest

@pytest.mark.peer("emupos")
def test_missing_peer():
    raise AssertionError("must not run")

@pytest.mark.peer("python-escpos")
def test_peer_that_is_there(peer_path):
    assert peer_path("python-escpos")

@pytest.mark.peer("python-escpos")
def test_peer_that_is_there_but_skips():
    pytest.skip("too lazy")

def test_other_skip():
    pytest.skip("only on Mondays")
"""


@pytest.fixture
def run(tmp_path):
    """Return a function that runs tests in a folder without peers: the outcome counts and the output."""
    folder = tmp_path / "tests"
    folder.mkdir()
    shutil.copy(CONFTEST, folder / "conftest.py")
    (folder / "pytest.ini").write_text("[pytest]\nmarkers = peer(name)\n")

    def run_(text, required=""):
        (folder / "test_it.py").write_text(text)
        clean = {name: value for name, value in os.environ.items() if not name.startswith(("COV", "PYTEST"))}
        env = {**clean, "PATH": "/nowhere", "SUPPORTCTL_REQUIRE_PEERS": required}
        command = [sys.executable, "-m", "pytest", "-q", "-rA", "-p", "no:cacheprovider", "-p", "no:xdist"]
        return subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, check=False)

    return run_


def test_a_missing_peer_is_skipped_and_listed(run):
    ended = run(TESTS)
    assert ended.returncode == 0
    assert "1 passed, 3 skipped" in ended.stdout
    listed = ended.stdout.partition("not run on this machine")[2]
    assert "1 test   needs emupos: it is not in .peers/emupos. To enable: make peers" in listed
    assert "1 test   only on Mondays" in listed


def test_where_peers_are_required_a_skipped_peer_test_has_failed(run):
    ended = run(TESTS, required="1")
    assert ended.returncode == 1
    assert "1 failed, 1 passed, 1 skipped, 1 error" in ended.stdout
    assert "peers are required here" in ended.stdout


def test_a_peer_that_nobody_knows_is_a_failure(run):
    ended = run("import pytest\n@pytest.mark.peer('printer')\ndef test_it(): pass\n")
    assert ended.returncode == 1
    assert "unknown peer 'printer'; known: emupos" in ended.stdout
