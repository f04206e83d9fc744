"""`playbook run --on ssh://…` as people type it: a signed playbook beside the device, a grant made there."""

from __future__ import annotations

import json
import os
import re

import pytest
from agents import SUPPORTCTL
from ssh_server import nobody_holds
from terminal import Terminal, plain

from playbooks.engine.journal import read
from probes.lab.lab import Lab
from probes.lab.scenario import DeviceSpec, Scenario
from supportctl.core.clock import SystemClock
from supportctl.remote.hosts import HostKey, HostStore

pytestmark = [pytest.mark.peer("sshd"), pytest.mark.peer("ssh-keygen")]
PLAYBOOK = """\
schema: supportctl.playbook/1
name: port-fix
version: 1
owner: first-line
title: {en: The port, ru: Порт}
about: {en: Sets the port., ru: Ставит порт.}
symptoms: {en: [no link], ru: [нет связи]}
expires: 2999-12-31
roles:
  printer: {title: {en: Receipt printer, ru: Чековый принтер}, protocols: [escpos]}
steps:
  - id: lamp
    ask:
      question: {en: Is the lamp on?, ru: Лампа горит?}
      why: {en: It tells the power., ru: По ней видно питание.}
      kind: yes-no
  - id: port
    act: {action: settings.set, params: {file: FILE, key: main/port, value: '9'}}
    verify: {check: {targets: [printer]}, expect: ok("printer.paper")}
  - {id: over, hand_over: {reason: {en: It did not help., ru: Не помогло.}}}
"""


class Pair:
    """The machine with the printer, reached by SSH, and the supporter's."""

    def __init__(self, supportctl, sshd, folder, monkeypatch) -> None:
        self.sshd = sshd
        self.supportctl = supportctl
        self.settings = folder / "driver.ini"
        self.settings.write_text("[main]\nport = 7\n")
        self.library = folder / "library"
        self.library.mkdir()
        self.playbook = self.library / "port-fix.yaml"
        self.playbook.write_text(PLAYBOOK.replace("FILE", str(self.settings)))
        self.answers = folder / "answers.yaml"
        self.answers.write_text("[yes, yes]\n")
        self.ours, self.theirs = folder / "ours.yaml", folder / "theirs.yaml"
        self.their_state = folder / "their-state"
        public = sshd.client_key.with_suffix(".pub").read_text().strip()
        self.ours.write_text(
            f"playbooks: {{folders: [{self.library}], runs: {folder / 'our-runs'}}}\n"
            f"signing: {{signers: ['anna {public}']}}\n"
        )
        self.folder = folder
        self.public = public
        monkeypatch.setenv("XDG_CONFIG_HOME", str(folder / "config"))
        monkeypatch.setenv("XDG_STATE_HOME", str(folder / "our-state"))
        import paramiko

        key = paramiko.PKey.from_path(str(sshd.host_keys[0]))
        store = HostStore(folder / "config/supportctl/remote/hosts.json")
        store.keep("127.0.0.1", sshd.port, HostKey.of(key.get_name(), key.asbytes()), SystemClock().now())
        sshd.allow(
            f'restrict,environment="XDG_STATE_HOME={self.their_state}",'
            f'command="{SUPPORTCTL} --config {self.theirs} agent --stdio"'
        )

    def serves(self, printer: str) -> None:
        self.printer = printer
        self.theirs.write_text(
            f"targets: [{{name: printer, url: '{printer}'}}]\n"
            f"playbooks: {{folders: [{self.library}], runs: {self.folder / 'their-runs'}, "
            f"settings_folders: [{self.folder}]}}\n"
            f"signing: {{signers: ['anna namespaces=\"supportctl-playbook\" {self.public}']}}\n"
        )

    def here(self, *words):
        return self.supportctl("--config", str(self.ours), *words)

    def there(self, *words):
        state = os.environ["XDG_STATE_HOME"]
        os.environ["XDG_STATE_HOME"] = str(self.their_state)
        try:
            return self.supportctl("--config", str(self.theirs), *words)
        finally:
            os.environ["XDG_STATE_HOME"] = state

    def sign(self):
        return self.here("playbook", "sign", "port-fix", "--key", str(self.sshd.client_key))

    def run(self, *words):
        place = f"ssh://{self.sshd.user}@127.0.0.1:{self.sshd.port}?key={self.sshd.client_key}&way=installed"
        return self.here(
            "playbook", "run", "port-fix", "--on", place, "--ticket", "T-1",
            "--answers", str(self.answers), "--no-tell", *words,
        )  # fmt: skip

    @property
    def port(self) -> str:
        return self.settings.read_text().split()[-1]


@pytest.fixture
def pair(supportctl, sshd, tmp_path, monkeypatch):
    pair = Pair(supportctl, sshd, tmp_path, monkeypatch)
    with Lab.from_scenario(Scenario("one", (DeviceSpec("printer", "escpos", ("tcp",)),))) as lab:
        pair.serves(lab.url("printer"))
        yield pair


def test_signed_granted_done_and_told_on_both_sides(pair):
    code, out, err = pair.run()
    assert code == 2
    assert "playbook sign" in err
    assert pair.sign()[0] == 0
    assert pair.here("playbook", "verify", "port-fix")[0] == 0
    code, out, err = pair.run()
    assert (code, pair.port) == (1, "7"), err
    code, out, err = pair.there("grant", "--playbook", "port-fix", "--format", "json")
    assert code == 0, err
    told = json.loads(out)["code"]
    code, out, err = pair.run("--grant", told, "--format", "json")
    assert code == 0, err
    assert pair.port == "9"
    report = json.loads(out)
    assert report["outcome"] == "solved"
    assert report["ticket"] == "T-1"
    assert [each["result"] for each in report["actions"]] == ["verified"]
    (ours,), (theirs,) = (list((pair.folder / each).glob("*.jsonl")) for each in ("our-runs", "their-runs"))
    assert read(ours).events == read(theirs).events
    assert pair.here("playbook", "report", "last")[0] == 0
    assert pair.there("playbook", "report", "last")[0] == 0
    code, out, err = pair.run("--grant", told)
    assert code == 1, "the code is good once"


def test_what_does_not_help_is_undone(pair):
    pair.playbook.write_text(pair.playbook.read_text().replace('ok("printer.paper")', 'found("host.none")'))
    pair.sign()
    told = re.search(r"[A-Z2-7]{4}(-[A-Z2-7]{4}){3}", pair.there("grant", "--any-signed").out)[0]
    code, _out, err = pair.run("--grant", told)
    assert (code, pair.port) == (6, "7"), err


def test_a_changed_playbook_is_refused_there(pair):
    pair.sign()
    pair.playbook.write_text(pair.playbook.read_text() + "# more\n")
    verified = pair.here("playbook", "verify", "port-fix", "--format", "json")
    assert verified.exit_code == 3
    assert json.loads(verified.out)["playbooks"][0]["problem"]["code"] == "signing.mismatch"
    told = re.search(r"[A-Z2-7]{4}(-[A-Z2-7]{4}){3}", pair.there("grant", "--any-signed").out)[0]
    ended = pair.run("--grant", told, "--format", "json")
    assert ended.exit_code == 1
    assert json.loads(ended.out)["error"]["code"] == "signing.mismatch"
    assert pair.port == "7"


def test_a_grant_says_for_what(pair):
    for words in ((), ("--any-signed", "--playbook", "port-fix"), ("--any-signed", "--for", "25h")):
        assert pair.there("grant", *words).exit_code == 2


def test_a_bridge_with_a_grant_where_nobody_sits(pair):
    target = pair.printer.removeprefix("escpos+")
    place = f"ssh://{pair.sshd.user}@127.0.0.1:{pair.sshd.port}?key={pair.sshd.client_key}&way=installed"
    words = ("bridge", target, "--on", place)
    code, _, err = pair.here(*words)
    assert (code, "needs a ticket" in err) == (2, True), err
    words = (*words, "--ticket", "T-1")
    code, _, err = pair.here(*words)
    assert (code, "has not allowed this" in err) == (1, True), err
    assert pair.there("grant", "--bridge", target, "--any-signed")[0] == 2
    code, out, err = pair.there("grant", "--bridge", target, "--format", "json")
    assert code == 0, err
    grant = ("--grant", json.loads(out)["code"])
    assert pair.here("bridge", f"{target}/", *words[2:], *grant)[0] == 1  # for another target
    with Terminal(["--config", str(pair.ours), *words, *grant], {}) as supporter:
        supporter.until("One program at a time.")
        local = re.search(r"tcp://127\.0\.0\.1:\d+", plain(supporter.raw))[0]
        report = json.loads(pair.here("check", f"escpos+{local}", "--format", "json")[1])
        assert {each["code"]: each["status"] for each in report["findings"]}["printer.paper"] == "ok"
        supporter.interrupt()
        assert supporter.ended() == 0
    assert pair.here(*words, *grant)[0] == 1  # used up


def test_both_logs_have_the_change_and_its_ticket_and_bear_witness_of_each_other(pair):
    assert pair.sign()[0] == 0
    granted = pair.there("grant", "--playbook", "port-fix", "--format", "json")
    code = json.loads(granted.out)["code"]
    assert pair.run("--grant", code)[0] == 0
    assert pair.port == "9"
    nobody_holds(pair.their_state)  # the agent has closed its log
    (ours,) = (pair.folder / "our-state").rglob("*-supporter.jsonl")
    (theirs,) = pair.their_state.rglob("*-customer.jsonl")
    for log, peer in ((ours, theirs), (theirs, ours)):
        told = pair.here("audit", "verify", str(log), "--peer", str(peer), "--format", "json")
        document = json.loads(told.out)
        assert (told.exit_code, document["verdict"], document["ticket"]) == (0, "ok", "T-1"), document
        assert document["closed"]
        assert document["witnessed"] >= document["entries"] - 3
    lines = [json.loads(line) for line in theirs.read_text().splitlines()]
    done = [(line["event"], line.get("outcome")) for line in lines if line.get("method") == "playbook.run"]
    assert done == [("consent", None), ("intent", None), ("result", "done")]
    assert "(127.0.0.1)" in lines[0]["supporter"]
    assert code not in ours.read_text() + theirs.read_text()
    assert ours.with_suffix(".cast").exists()  # what the supporter saw


def test_the_supporters_screen_is_recorded_as_it_was_seen(pair):
    assert pair.sign()[0] == 0
    granted = pair.there("grant", "--playbook", "port-fix", "--format", "json")
    code = json.loads(granted.out)["code"]
    place = f"ssh://{pair.sshd.user}@127.0.0.1:{pair.sshd.port}?key={pair.sshd.client_key}&way=installed"
    words = ["--config", str(pair.ours), "playbook", "run", "port-fix", "--on", place, "--ticket", "T-1"]
    with Terminal([*words, "--no-tell", "--grant", code], {}) as screen:
        screen.until("Is the lamp on?")
        screen.press("y")
        screen.until("main/port")
        screen.press("y")
        assert screen.ended() == 0
        assert screen.is_restored()
        shown = plain(screen.raw)
    (cast,) = (pair.folder / "our-state").rglob("*.cast")
    assert "What this window shows is recorded" in shown
    assert cast.name in re.sub(r"\s", "", shown)
    head, *events = map(json.loads, cast.read_text().splitlines())
    assert (head["width"], head["height"]) == (100, 40)
    played = [event[2] for event in events]
    assert sum("Is the lamp on?" in each and each.startswith("\x1b[H\x1b[2J") for each in played) >= 1
    assert any("Solved" in each for each in played)
    assert code not in "".join(played)
    told = cast.with_suffix(".txt").read_text()
    assert told.count("Is the lamp on?") == 1  # however often it was drawn
    assert "main/port" in told
