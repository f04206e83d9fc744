"""The logs of both sides over a real SSH server: with a ticket, without one, and with a line that breaks."""

from __future__ import annotations

import json
import os
import signal
import sys

import paramiko
import pytest
from agents import SUPPORTCTL, installed
from ssh_server import nobody_holds

from supportctl.app import remote as remote_module
from supportctl.app.remote import open_remote
from supportctl.core.clock import SystemClock
from supportctl.core.errors import SupportctlError
from supportctl.remote.audit_check import check
from supportctl.remote.hosts import HostKey, HostStore

PYTHON = os.path.realpath(sys.executable)
RUN = {"files": {"a.yaml": "x"}, "signatures": {"a.yaml": "y"}, "name": "a", "grant": "A" * 16}
ssh = pytest.mark.peer("sshd")


@pytest.fixture
def place(sshd, tmp_path, monkeypatch):
    """Return what makes the address of the machine, whose key is known, for a way."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "ours"))
    monkeypatch.setattr(remote_module, "remote_folder", lambda: tmp_path)
    key = paramiko.PKey.from_path(str(sshd.host_keys[0]))
    known = HostKey.of(key.get_name(), key.asbytes())
    HostStore(tmp_path / "hosts.json").keep("127.0.0.1", sshd.port, known, SystemClock().now())
    state = f'restrict,environment="XDG_STATE_HOME={tmp_path / "theirs"}"'
    sshd.allow(f'{state},command="{SUPPORTCTL} agent --stdio"')

    def at(way="installed"):
        if way == "push":
            sshd.allow(state)
        return f"ssh://{sshd.user}@127.0.0.1:{sshd.port}?key={sshd.client_key}&way={way}&python={PYTHON}"

    return at


def logs(folder):
    return sorted(folder.rglob("*.jsonl"))


def served(folder):
    """Return the far side's logs, once its agents have ended."""
    nobody_holds(folder / "theirs")
    return logs(folder / "theirs")


@ssh
@pytest.mark.parametrize(("ticket", "told"), [("T-7", "T-7"), ("", "-"), ("  ", "-")])
def test_both_sides_write_and_bear_witness(place, sshd, tmp_path, ticket, told):
    with open_remote(place(), ticket=ticket) as remote:
        remote.ask("about", {}, 10.0)
    (ours,), (theirs,) = logs(tmp_path / "ours"), served(tmp_path)
    for log, peer in ((ours, theirs), (theirs, ours)):
        verdict = check(log, peer=peer)
        assert (verdict.status, verdict.problems, verdict.log.header["ticket"]) == ("ok", (), told)
    methods = [json.loads(line).get("method") for line in theirs.read_text().splitlines()]
    assert methods == [None, "session.begin", "session.begin", "about", "about", None, None]


@ssh
def test_after_a_line_that_broke_the_new_agent_knows_the_ticket_too(place, sshd, tmp_path):
    with open_remote(place(), ticket="T-8") as remote:
        remote.ask("about", {}, 10.0)
        for pid in sshd.children():
            os.kill(pid, signal.SIGKILL)
        remote.ask("ports", {}, 20.0)
    (ours,), theirs = logs(tmp_path / "ours"), served(tmp_path)
    tickets = [json.loads(log.read_text().splitlines()[0])["ticket"] for log in theirs]
    assert tickets == ["T-8", "T-8"]
    assert sorted(check(ours, peer=log).status for log in theirs) == ["ok", "unknown"]  # the first was cut


@ssh
def test_an_agent_that_is_brought_along_leaves_no_log_and_ours_is_there(place, sshd, tmp_path):
    with open_remote(place("push"), ticket="T-9") as remote:
        remote.ask("about", {}, 10.0)
    (ours,) = logs(tmp_path / "ours")
    assert check(ours).status == "ok"
    assert served(tmp_path) == []


def begun(agent, *tickets):
    agent.greet()
    for ticket in tickets:
        agent.client.call("session.begin", {"ticket": ticket, "who": "anna\u202e"})


@pytest.mark.parametrize(
    ("tickets", "own", "refused"),
    [((), "", "signing.no-ticket"), ((" ",), " ", "signing.no-ticket"),
     ((" ", "T"), " ", "signing.no-ticket"), (("T",), " ", "signing."), ((), "T", "signing.")],
)  # fmt: skip
def test_a_change_without_a_ticket_is_denied(tmp_path, tickets, own, refused):
    with installed(env={**os.environ, "XDG_STATE_HOME": str(tmp_path)}) as agent:
        begun(agent, *tickets)
        with pytest.raises(SupportctlError) as denied:
            agent.client.call("playbook.run", {**RUN, "ticket": own})
        assert denied.value.key.startswith(refused)
        assert (denied.value.key == "signing.no-ticket") == (refused == "signing.no-ticket")
        assert agent.end() == 0
    (log,) = logs(tmp_path)
    text = log.read_text()
    assert check(log).log.closed
    assert denied.value.key in text
    assert RUN["grant"] not in text
    assert "\u202e" not in json.loads(text.splitlines()[0])["supporter"]


@pytest.mark.parametrize(("tickets", "refused"), [((), "signing.no-ticket"), (("T",), "remote.denied")])
def test_a_bridge_without_a_ticket_is_denied_before_its_grant_is_looked_at(tmp_path, tickets, refused):
    wish = {"target": "tcp://127.0.0.1:9100", "grant": "A" * 16}
    with installed(env={**os.environ, "XDG_STATE_HOME": str(tmp_path)}) as agent:
        begun(agent, *tickets)
        with pytest.raises(SupportctlError) as denied:
            agent.client.call("bridge.open", wish)
        assert denied.value.key.startswith(refused), denied.value.key
        assert agent.end() == 0


def test_what_cannot_be_logged_is_not_done(tmp_path):
    (tmp_path / "supportctl").write_text("a file where the folder of the logs would be")
    with installed(env={**os.environ, "XDG_STATE_HOME": str(tmp_path)}) as agent:
        agent.greet()
        with pytest.raises(SupportctlError) as refused:
            agent.client.call("about")
        assert refused.value.key == "audit.unwritable"


def test_the_log_is_closed_when_the_agent_is_told_to_end(tmp_path):
    with installed(env={**os.environ, "XDG_STATE_HOME": str(tmp_path)}) as agent:
        begun(agent, "T-1")
        agent.process.send_signal(signal.SIGTERM)
        assert agent.process.wait(10) == 143
    (log,) = logs(tmp_path)
    assert check(log).status == "ok"


@ssh
@pytest.mark.parametrize("words", [("check", "--only", "host.clock"), ("identify", "tcp://127.0.0.1:1")])
def test_the_ticket_of_a_command_stands_in_both_logs(supportctl, place, sshd, tmp_path, words):
    supportctl(*words, "--ticket", "T-6", "--on", place())
    both = [*logs(tmp_path / "ours"), *served(tmp_path)]
    assert [json.loads(log.read_text().splitlines()[0])["ticket"] for log in both] == ["T-6", "T-6"]
