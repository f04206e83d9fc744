"""Nothing heavy is imported before it is needed; benchmarks/startup.py measures what that gains."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

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


# A configuration is validated in full, and by pydantic, whatever it is read for; a ledger in a file is read
# without SQLAlchemy.
CONFIG = """
site: {name: Shop, timezone: Europe/Moscow}
store: "sqlite:///ledger.db"
crm:
  acme: {kind: webhook, url: "https://crm.example/calls"}
"""
LOOKS = [["status"], ["status", "--format", "json"], ["list"], ["list", "--state", "waiting"], ["show", "1"]]


@pytest.fixture
def shop(tmp_path):
    """Return the configuration of a shop whose ledger has a call in a lane that stands still."""
    from datetime import timedelta

    from resend.ledger.accept import accept
    from resend.ledger.store import Store
    from supportctl.core.call import Call
    from supportctl.core.clock import SystemClock

    config, clock = tmp_path / "supportctl.yaml", SystemClock()
    config.write_text(CONFIG)
    store = Store(f"sqlite:///{tmp_path / 'ledger.db'}", clock)
    began = clock.now() - timedelta(hours=1)
    accept(store, "acme", [Call("c-1", "pbx", "in", began, 60, "+79161234567", answered=True)], 86_400.0)
    with store.write() as connection:
        connection.exec_driver_sql("UPDATE lanes SET breaker = 'open', last_code = 'expired_token'")
    store.close()
    return str(config)


@pytest.mark.parametrize("words", LOOKS)
def test_a_look_into_a_ledger(shop, words):
    exit_code, modules = modules_after("--config", shop, "resend", *words)
    assert exit_code == 0
    light = HEAVY - {"importlib.metadata", "pydantic", "yaml"}  # the configuration's; see above
    assert not modules & light
    assert not modules & {"resend.lane", "resend.ledger.store", "integrations.http"}


def test_a_look_with_a_wrong_configuration(shop):
    Path(shop).write_text(CONFIG + "host: {services: 7}\n")
    exit_code, modules = modules_after("--config", shop, "resend", "status")
    assert exit_code == 2, "a part that a look does not need is read as strictly"
    assert "sqlalchemy" not in modules


PLAYBOOK = """
schema: supportctl.playbook/1
name: one
version: 1
owner: x
title: {en: One}
about: {en: One.}
symptoms: {en: [one]}
roles: {printer: {title: {en: Printer}, protocols: [escpos]}}
steps:
  - {id: look, check: {targets: [printer]}}
  - {id: say, tell: {say: {en: Do it.}}}
"""


def test_a_run_up_to_its_first_question(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    (tmp_path / "one.yaml").write_text(PLAYBOOK)
    (tmp_path / "answers.yaml").write_text("- pause\n")
    with LabApart(Scenario.many(1)) as lab:
        (target,) = lab.targets.values()
        exit_code, modules = modules_after(
            "playbook", "run", "one.yaml", "--answers", "answers.yaml", "--set", f"printer={target}"
        )
    assert exit_code == 5
    # the format is pydantic's, and pydantic brings importlib.metadata
    assert not modules & (HEAVY - {"pydantic", "yaml", "importlib.metadata"})
