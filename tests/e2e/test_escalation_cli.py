"""From a call that cannot be delivered to an issue in the lab's tracker, and one message in the chat."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from integrations.lab.house import PortalHouse, Wanted

HOUSE = (
    Wanted("acme", "webhook", "crm"),
    Wanted("dev", "redmine", "trackers"),
    Wanted("oncall", "chat", "notify"),
)


@pytest.fixture
def house():
    with PortalHouse(HOUSE) as found:
        yield found


@pytest.fixture
def shop(house, supportctl, tmp_path):
    site = {"id": "lab", "phone_region": "RU", "timezone": "Europe/Moscow"}
    config = tmp_path / "supportctl.yaml"
    config.write_text(json.dumps({"site": site, **house.sections()}), encoding="utf-8")

    def run(*words, lang="en"):
        return supportctl("--lang", lang, "--config", str(config), *words)

    def add(*numbers):
        at = datetime.now(UTC) - timedelta(hours=1)
        call = {
            "source": "pbx", "direction": "in", "started_at": at.isoformat(), "duration_s": 61,
            "contact_phone": "+79990001122", "answered": True,
        }  # fmt: skip
        file = tmp_path / "calls.jsonl"
        file.write_text("".join(f"{json.dumps({'call_id': f'pbx-{n}', **call})}\n" for n in numbers))
        assert run("resend", "add", "--destination", "acme", str(file)).exit_code == 0

    run.add = add
    return run


def test_nothing_is_wrong(shop):
    ended = shop("escalation", "list")
    assert (ended.exit_code, ended.out) == (0, "No problem waits for people.\n")
    assert shop("escalation", "flush").out == "There is nothing new to tell.\n"


def test_a_refused_call_becomes_an_issue_and_a_message(shop, house):
    shop.add(1, 2, 3)
    house.switch("acme", "refused", on=True)
    ran = shop("resend", "run", "--until-empty")
    assert ran.exit_code == 3, ran
    (issue,) = house.portal("dev").state()["issues"]
    (message,) = house.portal("oncall").messages
    listed = shop("escalation", "list", "--format", "json")
    (case,) = json.loads(listed.out)["escalations"]
    assert listed.exit_code == 0
    assert (case["code"], case["count"], case["destinations"], case["who_acts"], case["state"]) == (
        "escalation.refused", 3, ["acme"], "first-line", "open",
    )  # fmt: skip
    assert (case["tracker"], case["tracker_issue"]) == ("dev", "1")
    assert issue["title"].endswith(f"[fp:{case['fingerprint']}]")
    assert "pbx-" in issue["text"]
    assert "+799******22" in issue["text"]
    assert "+79990001122" not in json.dumps([issue, message, case])
    assert "whsec_" not in json.dumps([issue, message, case])
    assert case["tracker_link"] in message["message"]


@pytest.mark.parametrize(("lang", "words"), [("en", "WHAT TO DO"), ("ru", "ЧТО ДЕЛАТЬ")])
def test_show_tells_everything_by_the_mark_of_the_issue(shop, house, lang, words):
    shop.add(1)
    house.switch("acme", "refused", on=True)
    shop("resend", "run", "--until-empty")
    title = house.portal("dev").state()["issues"][0]["title"]
    mark = title[title.index("[fp:") :]
    shown = shop("escalation", "show", mark, lang=lang)
    assert shown.exit_code == 0
    assert words in shown.out
    assert "?" not in shown.out.replace("employee?", "")
    assert house.portal("dev").state()["issues"][0]["text"].startswith("WHAT HAPPENS\n")


def test_a_dry_run_tells_nobody_and_a_tracker_that_is_down_is_an_exit_code(shop, house):
    shop.add(1)
    house.switch("acme", "refused", on=True)
    house.switch("dev", "key-revoked", on=True)
    shop("resend", "run", "--until-empty")
    assert len(house.portal("oncall").messages) == 1
    dry = shop("escalation", "flush", "--dry-run", "--format", "json")
    assert [case["tracker_error"] for case in json.loads(dry.out)["escalations"]] == ["http-401"]
    assert house.portal("dev").issues == []
    failed = shop("escalation", "flush")
    assert (failed.exit_code, "http-401" in failed.out) == (1, True)
    house.switch("dev", "key-revoked", on=False)
    assert shop("escalation", "flush").exit_code == 0
    assert shop("escalation", "flush").out == "There is nothing new to tell.\n"
    assert (len(house.portal("dev").issues), len(house.portal("oncall").messages)) == (1, 1)


def test_an_unknown_fingerprint_is_wrong_usage(shop):
    ended = shop("escalation", "show", "zz")
    assert (ended.exit_code, "no such escalation" in ended.err) == (2, True)


def test_check_looks_at_the_ledger(shop, house):
    shop.add(1, 2)
    house.switch("acme", "refused", on=True)
    healthy = json.loads(shop("check", "--only", "resend.*", "--format", "json").out)
    assert {finding["code"] for finding in healthy["findings"]} == {
        "resend.lanes", "resend.calls", "resend.deadlines", "resend.escalations", "resend.trackers",
    }  # fmt: skip
    shop("resend", "pause", "acme", "--why", "moving")
    paused = json.loads(shop("check", "--only", "resend.*", "--format", "json").out)
    assert ("resend.lane-paused", "warning") in {(f["code"], f["status"]) for f in paused["findings"]}
    shop("resend", "resume", "acme")
    shop("resend", "run", "--until-empty")
    ended = shop("check", "--only", "resend.*", "--format", "json")
    assert ended.exit_code == 3
    assert "resend.escalated" in {finding["code"] for finding in json.loads(ended.out)["findings"]}
