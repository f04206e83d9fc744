"""A run in the terminal that is handed over: the packet, one issue, one message, and telling again."""

from __future__ import annotations

import json

import pytest

from integrations.lab.house import PortalHouse, Wanted

PLAYBOOK = """\
schema: supportctl.playbook/1
name: printer-test
version: 1
owner: first-line
title: {en: The printer is silent, ru: Принтер молчит}
about: {en: About it., ru: О нём.}
symptoms: {en: [silent], ru: [молчит]}
roles:
  printer: {title: {en: Receipt printer, ru: Чековый принтер}, protocols: [escpos]}
steps:
  - {id: look, check: {targets: [printer]}}
  - id: lamp
    ask:
      question: {en: Which lamp?, ru: Какая лампочка?}
      why: {en: It tells the power., ru: По ней видно питание.}
      choices: {red: {en: Red, ru: Красная}, dark: {en: Dark, ru: Не горит}}
  - {id: over, hand_over: {reason: {en: It stays silent., ru: Молчит и дальше.}}}
"""


@pytest.fixture
def house():
    with PortalHouse((Wanted("dev", "redmine", "trackers"), Wanted("oncall", "chat", "notify"))) as found:
        yield found


@pytest.fixture
def desk(house, supportctl, tmp_path):
    (tmp_path / "printer-test.yaml").write_text(PLAYBOOK, encoding="utf-8")
    (tmp_path / "answers.json").write_text(json.dumps([{"lamp": "red"}]), encoding="utf-8")
    targets = [{"name": "receipt-printer", "url": "escpos+tcp://127.0.0.1:9"}]
    site = {"site": {"id": "shop-12"}, "targets": targets, "playbooks": {"runs": str(tmp_path / "runs")}}
    config = tmp_path / "supportctl.yaml"
    config.write_text(json.dumps({**site, **house.sections()}), encoding="utf-8")

    def ask(*words, lang="en"):
        return supportctl("--lang", lang, "--config", str(config), "playbook", *words)

    ask.run = lambda *more: ask(
        "run", str(tmp_path / "printer-test.yaml"), "--answers", str(tmp_path / "answers.json"), *more
    )
    runs = tmp_path / "runs"
    ask.files = lambda: {path.name.partition(".")[2] for path in runs.iterdir() if path.is_file()}
    return ask


def test_a_hand_over_writes_the_packet_and_tells_once(desk, house):
    ended = desk.run("--ticket", "T-9")
    assert ended.exit_code == 6, ended
    assert "Issue: dev 1" in ended.out
    assert desk.files() >= {"jsonl", "packet.md", "packet.json", "bundle.zip"}
    again = desk("report", "last", "--tell", lang="ru")
    assert (again.exit_code, "Задача: dev 1" in again.out) == (0, True), again
    assert (len(house.portal("dev").issues), len(house.portal("oncall").messages)) == (1, 1)


def test_no_tell_and_a_tracker_that_is_down(desk, house):
    ended = desk.run("--no-tell", "--format", "json")
    assert (ended.exit_code, json.loads(ended.out)["schema"]) == (6, "supportctl.run-report/1")
    assert "Packet:" in ended.err
    assert house.portal("dev").issues == []
    house.switch("dev", "key-revoked", on=True)
    failed = desk("report", "last", "--tell")
    assert (failed.exit_code, "http-401" in failed.out) == (1, True)
    house.clear("dev")
    assert desk("report", "last", "--tell").exit_code == 0
    assert len(house.portal("dev").issues) == 1


def test_a_dry_run_leaves_no_packet(desk, house):
    assert desk.run("--dry-run").exit_code == 6
    assert desk.files() == {"jsonl"}
    told = desk("report", "last", "--tell")
    assert (told.exit_code, "not handed over" in told.err) == (2, True)
    assert house.portal("dev").issues == []
