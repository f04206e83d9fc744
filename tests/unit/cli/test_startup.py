"""Nothing heavy is imported before it is needed; benchmarks/startup.py measures what that gains."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from probes.lab.apart import LabApart
from probes.lab.scenario import Scenario

pytestmark = pytest.mark.usefixtures("no_coverage")

HEAVY = {
    "asyncio",
    "concurrent.futures",
    "cryptography",
    "importlib.metadata",
    "paramiko",
    "psutil",
    "pydantic",
    "requests",
    "rich",
    "serial",
    "sqlalchemy",
    "structlog",
    "yaml",
}
RUN = """
import json, sys
from supportctl.cli.main import main
try:
    main(sys.argv[1:])
except SystemExit as ended:
    print(json.dumps([ended.code or 0, sorted(sys.modules)]), file=sys.stderr)
"""


def modules_after(*words):
    """Return the exit code and the modules that a run has imported."""
    ended = subprocess.run([sys.executable, "-c", RUN, *words], capture_output=True, text=True, check=True)
    exit_code, modules = json.loads(ended.stderr.splitlines()[-1])
    return exit_code, set(modules)


@pytest.mark.parametrize(
    "words", [["--version"], ["--help"], ["check", "--help"], ["explain", "check.interrupted"]]
)
def test_light_commands(words):
    exit_code, modules = modules_after(*words)
    assert exit_code == 0
    assert not modules & HEAVY


def test_version_reads_no_text():
    _, modules = modules_after("--version")
    assert not modules & {"tomllib", "supportctl.catalog", "probes"}


def test_a_check_of_a_printer_on_the_network(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # a supportctl.yaml would cost its reader
    with LabApart(Scenario.many(1)) as lab:
        exit_code, modules = modules_after("check", next(iter(lab.targets.values())))
    assert exit_code == 0
    assert not modules & HEAVY
