"""The on-call verbs inside a playbook: compare, bring what was lost, look at the lane, hold and let go."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from playbooks.engine.events import Acted, Checked
from playbooks.engine.journal import read
from supportctl.app.config_file import load_config
from supportctl.app.playbook_hands import RealHands
from supportctl.core.clock import SystemClock
from supportctl.core.errors import UsageError

PLAYBOOK = """\
schema: supportctl.playbook/1
name: lost
version: 1
owner: first-line
title: {en: Lost calls}
about: {en: A test.}
symptoms: {en: [calls are missing]}
roles:
  pbx: {title: {en: Telephony}, section: telephony}
  portal: {title: {en: CRM}, section: crm, protocols: [bitrix24]}
steps:
  - {id: compare, sync: {source: pbx, crm: portal}}
  - {id: lane, resend: {do: status, destination: portal}}
  - {id: bring, when: count("sync.call-missing") > 0, resend: {do: recover, destination: portal}}
  - {id: look, resend: {do: status, destination: portal}}
  - {id: keep, when: facts.waiting > 0.0, resend: {do: hold, destination: portal}}
  - {id: again, resend: {do: status, destination: portal}}
  - {id: now, when: facts.held > 0.0, resend: {do: now, destination: portal}}
  - {id: last, resend: {do: status, destination: portal}}
  - {id: over, hand_over: {reason: {en: Done.}}}
"""


@pytest.fixture
def run(shop, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    playbook = shop.file("lost.yaml", PLAYBOOK)

    def go(answers, lang="en"):
        file = shop.file("answers.yaml", json.dumps(answers))
        ended = shop("playbook", "run", str(playbook), "--answers", str(file), "--no-tell", lang=lang)
        paths = sorted((tmp_path / "supportctl/runs").glob("*.jsonl"), key=lambda path: path.stat().st_mtime)
        return ended, read(paths[-1])

    return go


@pytest.mark.parametrize("lang", ["en", "ru"])
def test_what_is_missing_is_brought_held_and_let_go_each_with_consent(shop, run, lang):
    ended, record = run(["yes", "yes", "yes"], lang)
    assert (ended.exit_code, ended.err) == (6, "")
    assert [intent.plan.action for _, intent in record.intents] == [
        "resend.recover",
        "resend.hold",
        "resend.now",
    ]
    assert all(event.ok for event in record.events if isinstance(event, Acted))
    looks = [event.facts for event in record.events if isinstance(event, Checked)]
    assert "matched" in looks[0]
    brought = int(record.intents[0][1].plan.words["calls"])
    assert [(look["waiting"], look["held"]) for look in looks[1:]] == [
        (0, 0), (brought, 0), (0, brought), (brought, 0),
    ]  # fmt: skip
    assert brought > 0
    assert f": {brought}." in ended.out


def test_without_consent_nothing_is_queued(shop, run):
    _, record = run(["no"])
    assert not record.intents
    assert shop.json("resend", "list")["total"] == 0


def test_holding_is_undone_for_what_was_held_by_it_and_no_more(shop):
    shop("resend", "add", "--destination", "acme", shop.gaps())
    first = shop.json("resend", "list")["deliveries"][0]["id"]
    shop("resend", "hold", str(first), "--why", "x")
    path = Path(shop.config)
    hands = RealHands(load_config(path), path, "en", SystemClock())
    plan = hands.plan("resend.hold", {"destination": "acme"})
    assert hands.act(plan).ok
    assert hands.undo(plan).ok
    assert hands.undo(plan).ok
    held = [each["id"] for each in shop.json("resend", "list", "--state", "held")["deliveries"]]
    assert held == [first]


def test_wrong_verbs_destinations_and_parameters_are_told(shop):
    path = Path(shop.config)
    hands = RealHands(load_config(path), path, "en", SystemClock())
    for action, params, key in (
        ("resend.dance", {"destination": "acme"}, "action.unknown"),
        ("resend.hold", {"destination": "other"}, "resend.unknown-destination"),
        ("resend.hold", {}, "action.missing-parameter"),
    ):
        with pytest.raises(UsageError) as error:
            hands.plan(action, params)
        assert error.value.key == key


def test_a_ledger_that_cannot_be_read_is_a_finding(shop):
    path = Path(shop.config)
    shop.file("supportctl.db", "no database")
    looked = RealHands(load_config(path), path, "en", SystemClock()).lane("acme")
    assert [finding.code for finding in looked.findings] == ["resend.ledger-unusable"]
