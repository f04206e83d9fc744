"""The on-call verbs from the command line, against the lab's day: what was lost arrives, once."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys

import pytest
from resend_shop import PAIR, Shop, a_call

from integrations.lab.house import PortalHouse
from supportctl.core.clock import SystemClock

COMMAND = [sys.executable, "-P", "-c", "from supportctl.cli.main import main; main()"]


def test_what_the_comparison_finds_is_brought_once(shop):
    gaps = shop.gaps()
    dry = shop.json("resend", "add", "--destination", "acme", gaps, "--dry-run")
    assert (dry["accepted"], dry["dry_run"]) == (8, True)
    assert shop.json("resend", "list")["total"] == 0
    added = shop.json("resend", "add", "--destination", "acme", gaps)
    assert (added["accepted"], added["already_known"], added["rejected"]) == (8, 0, [])
    again = shop.json("resend", "add", "--destination", "acme", gaps)
    assert (again["accepted"], again["already_known"]) == (0, 8)
    states = {d["call_id"]: d["state"] for d in shop.json("resend", "list")["deliveries"]}
    expected = {gap.call_id: gap.code for gap in shop.house.day.expected()}
    # what is in the CRM without its recording is asked about; what is not there need not be
    assert {expected[call]: state for call, state in states.items()} == {
        "sync.call-missing": "waiting",
        "sync.recording-missing": "verifying",
    }
    before = shop.in_crm()
    ran = shop.json("resend", "run", "--until-empty", exit_code=3)
    assert (ran["delivered"], ran["escalated"], ran["waiting"]) == (7, 1, 0)
    numberless = shop.numberless()
    after = shop.in_crm()
    assert {call: after[call] for call in after if after[call] != before.get(call, 0)} == {
        call: 1 for call, state in states.items() if state == "waiting" and call != numberless
    }
    document = json.loads(shop("sync", "check", "--format", "json").out)
    left = [gap["call"]["call_id"] for gap in document["gaps"] if gap["resendable"]]
    assert left == [numberless], "a CRM takes no call without a number: people were told"


def test_a_call_that_the_crm_refuses_is_handed_to_people(shop):
    shop("resend", "add", "--destination", "acme", shop.calls(a_call(contact_phone="anonymous")))
    ended = shop("resend", "run", "--until-empty")
    assert ended.exit_code == 3
    (delivery,) = shop.json("resend", "list", "--state", "escalated")["deliveries"]
    assert (delivery["who_acts"], delivery["next_attempt_at"]) == ("first-line", None)
    shown = shop("resend", "show", "c-1").out
    assert "refuses this call as it is" in shown
    assert "first-line support" in shown


def test_an_expired_token_stops_the_lane_and_says_who_acts(shop):
    shop("resend", "add", "--destination", "acme", shop.gaps())
    shop.house.switch("acme", "expired-token", on=True)
    assert shop("resend", "run", "--once").exit_code == 4
    (lane,) = shop.json("resend", "status")["lanes"]
    assert (lane["breaker"], lane["who_acts"], lane["delivered"]) == ("open", "customer", 0)
    assert lane["breaker_since"]
    assert lane["breaker_until"]
    text = shop("resend", "status").out
    assert "Stopped since" in text
    assert "the customer's administrator" in text
    assert "expired_token" in shop("resend", "show", "1").out
    shop.house.clear("acme")
    assert shop("resend", "now", "--destination", "acme", "--yes").exit_code == 0
    assert shop("resend", "run", "--until-empty").exit_code == 3
    assert shop.json("resend", "status")["lanes"][0]["delivered"] == 7


def test_hands_leave_their_name_and_reason(shop, monkeypatch):
    monkeypatch.setenv("SUPPORTCTL_WHO", "anna")
    shop("resend", "add", "--destination", "acme", shop.calls(*(a_call(f"c-{n}") for n in range(4))))
    held = shop.json("resend", "hold", "--destination", "acme", "--why", "portal moves", "--yes")
    assert (held["changed"], held["who"], held["why"]) == (4, "anna", "portal moves")
    assert shop("resend", "run", "--until-empty").exit_code == 4
    assert "Held by anna: portal moves" in shop("resend", "show", "1").out
    assert shop.json("resend", "cancel", "1", "2", "--why", "tests")["changed"] == 2
    assert shop.json("resend", "now", "--state", "held", "--dry-run")["would_change"] == 2
    assert shop.json("resend", "now", "1", "--why", "after all")["changed"] == 1
    (delivery,) = shop.json("resend", "show", "1")["deliveries"]
    assert delivery["state"] == "verifying", "nothing that was touched by hand is sent blindly"
    told = [(e["who"], e["code"], e["text"]) for e in delivery["timeline"] if e["kind"] == "hand"]
    assert told == [
        ("anna", "hold", "portal moves"),
        ("anna", "cancel", "tests"),
        ("anna", "now", "after all"),
    ]
    assert shop("resend", "now", "--state", "held", "--yes").exit_code == 0
    shop("resend", "run", "--until-empty")
    assert shop("resend", "now", "1").exit_code == 4, "what was delivered is never sent again"
    in_crm = shop.in_crm()
    assert [in_crm.get(f"c-{n}", 0) for n in range(4)] == [1, 0, 1, 1]


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["now"], "resend.which"),
        (["hold", "1"], "resend.why-needed"),
        (["cancel", "--destination", "acme"], "resend.why-needed"),
        (["now", "--destination", "acme"], "resend.yes-needed"),
        (["now", "--destination", "nobody"], "resend.unknown-destination"),
        (["now", "--since", "soon"], "sync.bad-time"),
        (["show", "999"], "resend.unknown-delivery"),
        (["pause", "nobody", "--why", "x"], "resend.unknown-destination"),
        (["cancel", "--state", "lost"], "usage.bad-value"),
    ],
)
def test_wrong_usage_changes_nothing(shop, words, code):
    shop("resend", "add", "--destination", "acme", shop.calls(a_call()))
    ended = shop("resend", *words, "--format", "json")
    assert (ended.exit_code, json.loads(ended.out)["error"]["code"]) == (2, code)
    assert [d["state"] for d in shop.json("resend", "list")["deliveries"]] == ["verifying"]


@pytest.mark.parametrize(("answer", "exit_code"), [("y\n", 0), ("n\n", 4), ("\n", 4)])
def test_a_person_is_asked_and_silence_is_no(shop, monkeypatch, answer, exit_code):
    shop("resend", "add", "--destination", "acme", shop.calls(a_call(), a_call("c-2")))
    stdin = io.StringIO(answer)
    stdin.isatty = lambda: True
    monkeypatch.setattr(sys, "stdin", stdin)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    ended = shop("resend", "cancel", "--destination", "acme", "--why", "test")
    assert ended.exit_code == exit_code
    assert "To be cancelled: 2 deliveries" in ended.out
    states = {d["state"] for d in shop.json("resend", "list")["deliveries"]}
    assert states == ({"cancelled"} if exit_code == 0 else {"verifying"})


def test_a_paused_lane_keeps_its_calls(shop):
    assert shop("resend", "pause", "acme", "--why", "portal moves").exit_code == 0
    shop("resend", "add", "--destination", "acme", shop.calls(a_call()))
    assert shop("resend", "run", "--until-empty").exit_code == 4
    assert "Paused by" in shop("resend", "status").out
    assert shop("resend", "resume", "acme").exit_code == 0
    assert shop("resend", "run", "--until-empty").exit_code == 0
    assert shop.in_crm()["c-1"] == 1


def test_recover_finds_and_queues_what_was_lost(shop):
    dry = shop.json("resend", "recover", "--destination", "acme", "--since", "24h", "--dry-run")
    assert dry["counts"] == {"sync.call-missing": 6, "sync.recording-missing": 2}
    text = shop("resend", "recover", "--destination", "acme", "--since", "24h")
    assert text.exit_code == 0
    assert "8 calls to be brought to acme" in text.out
    assert shop("resend", "run", "--until-empty").exit_code == 3
    again = shop.json("resend", "recover", "--destination", "acme", "--since", "24h")
    assert (again["counts"], again["accepted"], again["already_known"]) == ({"sync.call-missing": 1}, 0, 1)


def test_recover_queues_nothing_when_a_side_cannot_be_read(shop):
    shop.house.switch("acme", "expired-token", on=True)
    done = shop.json("resend", "recover", "--destination", "acme", "--since", "24h", exit_code=5)
    assert (done["complete"], done["accepted"]) == (False, 0)


@pytest.mark.skipif(sys.platform == "win32", reason="a console's Ctrl-C cannot be sent to one process there")
def test_ctrl_c_ends_after_the_request_in_flight(shop, no_coverage):
    shop("resend", "add", "--destination", "acme", shop.gaps())
    shop.house.portal("acme").slow_s = 1.0
    shop.house.switch("acme", "slow", on=True)
    command = [*COMMAND, "--lang", "en", "--config", shop.config, "resend", "run", "--format", "json"]
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    asked, clock = len(shop.house.portal("acme").operations), SystemClock()
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment, text=True) as process:
        deadline = clock.monotonic() + 15
        while len(shop.house.portal("acme").operations) == asked and clock.monotonic() < deadline:
            clock.sleep(0.01)
        process.send_signal(signal.SIGINT)
        out, _ = process.communicate(timeout=20)
    assert json.loads(out)["schema"] == "supportctl.run/1"
    assert process.returncode in {0, 4}
    states = {d["state"] for d in shop.json("resend", "list")["deliveries"]}
    assert "sending" not in states


@pytest.mark.parametrize("terminal", [True, False])
def test_a_run_shows_its_lanes_on_a_terminal_only(shop, monkeypatch, terminal):
    shop("resend", "add", "--destination", "acme", shop.calls(a_call()))
    monkeypatch.setattr(sys.stderr, "isatty", lambda: terminal, raising=False)
    ended = shop("resend", "run", "--until-empty")
    assert ended.exit_code == 0
    assert ("acme" in ended.err) == terminal
    assert ended.out.startswith("Delivered: 1.")


@pytest.mark.peer("postgresql")
def test_every_verb_on_postgresql(supportctl, tmp_path, postgres_url):
    with PortalHouse(PAIR, day="gaps") as house:
        shop = Shop(supportctl, house, tmp_path, store=postgres_url)
        gaps = shop.gaps()
        assert shop.json("resend", "add", "--destination", "acme", gaps, "--dry-run")["accepted"] == 8
        assert shop.json("resend", "add", "--destination", "acme", gaps)["accepted"] == 8
        assert shop.json("resend", "hold", "--destination", "acme", "--why", "x", "--yes")["changed"] == 8
        assert (
            shop.json("resend", "cancel", "--state", "held", "--why", "x", "--dry-run")["would_change"] == 8
        )
        assert shop.json("resend", "now", "--since", "24h", "--yes")["changed"] == 8
        assert shop("resend", "pause", "acme", "--why", "x").exit_code == 0
        assert shop("resend", "resume", "acme").exit_code == 0
        assert shop("resend", "run", "--until-empty").exit_code == 3
        assert shop.json("resend", "status")["totals"]["delivered"] == 7
        assert shop.json("resend", "list", "--state", "escalated", "--error", "ERROR")["total"] == 1
        assert "hand" in {event["kind"] for event in shop.json("resend", "show", "1")["timeline"]}
