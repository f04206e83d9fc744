"""`--on ssh://…` as people type it: against a real SSH server, with the question about a new key."""

from __future__ import annotations

import json
import os
import re
import sys

import pytest
from agents import SUPPORTCTL
from terminal import Terminal

from probes.lab.lab import Lab
from probes.lab.scenario import DeviceSpec, Scenario
from supportctl.core.clock import SystemClock
from supportctl.remote.hosts import HostKey, HostStore, in_words

pytestmark = pytest.mark.peer("sshd")
PYTHON = os.path.realpath(sys.executable)


@pytest.fixture
def printer(tmp_path):
    spec = DeviceSpec("receipt-printer", "escpos", ("tcp",), faults=("paper-out",))
    with Lab.from_scenario(Scenario("one", (spec,))) as lab:
        yield lab.url("receipt-printer")


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    return tmp_path / "config" / "supportctl" / "remote"


def key_of(sshd):
    import paramiko

    key = paramiko.PKey.from_path(str(sshd.host_keys[0]))
    return HostKey.of(key.get_name(), key.asbytes())


@pytest.fixture
def known(home, sshd):
    HostStore(home / "hosts.json").keep("127.0.0.1", sshd.port, key_of(sshd), SystemClock().now())


def address(sshd, way):
    return f"ssh://{sshd.user}@127.0.0.1:{sshd.port}?key={sshd.client_key}&way={way}&python={PYTHON}"


@pytest.mark.parametrize("way", ["installed", "push"])
def test_a_check_beside_the_device(supportctl, sshd, known, printer, way):
    sshd.allow(f'restrict,command="{SUPPORTCTL} agent --stdio"' if way == "installed" else "restrict")
    code, out, err = supportctl("check", printer, "--on", address(sshd, way), "--lang", "ru")
    assert (code, err) == (3, "")
    assert f"ssh://{sshd.user}@127.0.0.1:{sshd.port}" in out
    assert "бумага" in out
    assert str(sshd.client_key) not in out


@pytest.mark.parametrize("way", ["installed", "push"])
def test_the_same_report_as_without(supportctl, sshd, known, printer, way):
    sshd.allow(f'restrict,command="{SUPPORTCTL} agent --stdio"' if way == "installed" else "restrict")
    here = json.loads(supportctl("check", printer, "--format", "json").out)
    there = json.loads(supportctl("check", printer, "--format", "json", "--on", address(sshd, way)).out)
    assert here["ran_on"] is None
    assert there["ran_on"] == f"ssh://{sshd.user}@127.0.0.1:{sshd.port}"
    assert [words(each) for each in there["findings"]] == [words(each) for each in here["findings"]]


def words(finding):
    """Return a finding without what differs from one run to the next."""
    evidence = [{**each, "at": "", "ms": 0} for each in finding["evidence"]]
    return {**finding, "evidence": re.sub(r"\d+(\.\d+)? ms", "", json.dumps(evidence))}


def test_identify_beside_the_device(supportctl, sshd, known, printer):
    sshd.allow("restrict")
    bare = printer.replace("escpos+", "")
    here = json.loads(supportctl("identify", bare, "--format", "json").out)
    there = json.loads(supportctl("identify", bare, "--format", "json", "--on", address(sshd, "push")).out)
    assert there["protocol"] == here["protocol"] == "escpos"
    assert there["model"] == here["model"]


def test_a_new_key_is_asked_about_on_the_terminal(sshd, home, printer):
    sshd.allow("restrict")
    command = ["check", printer, "--on", address(sshd, "push"), "--lang", "en"]
    key = key_of(sshd)
    for answer, kept in (("\n", False), ("y\n", True)):
        with Terminal(command, {"XDG_CONFIG_HOME": os.environ["XDG_CONFIG_HOME"]}, columns=160) as terminal:
            terminal.until("Is it the same?")
            assert key.fingerprint in terminal.raw
            assert in_words(key.sha256) in terminal.raw
            terminal.press(answer)
            terminal.until("paper" if kept else "Nobody has confirmed")
        assert bool(HostStore(home / "hosts.json").known("127.0.0.1", sshd.port)) is kept


def test_without_a_terminal_a_new_key_is_refused_and_scripts_read_why(supportctl, sshd, home, printer):
    sshd.allow("restrict")
    code, out, _ = supportctl("check", printer, "--on", address(sshd, "push"), "--format", "json")
    assert code == 1
    assert json.loads(out)["error"]["code"] == "remote.key-unknown"


@pytest.mark.parametrize(
    ("words", "key"),
    [(["check", "--on", "till"], "remote.bad-place"), (["check", "--on", "ssh://h"], "remote.no-user"),
     (["check", "--on", "ssh://t:p@h"], "remote.password-in-url"),
     (["check", "--on", "ssh://t@h", "--watch", "5"], "remote.not-with-on")],
)  # fmt: skip
def test_wrong_words(supportctl, words, key):
    code, out, _ = supportctl(*words, "--format", "json")
    assert code == 2
    assert json.loads(out)["error"]["code"] == key


def test_the_agent_stands_in_no_list_and_helps(supportctl):
    assert "agent" not in re.findall(r"^  ([a-z-]+)", supportctl("--help").out, re.MULTILINE)
    assert "authorized_keys" in supportctl("agent", "--help").out
