"""What the person on call looks at: lanes, deliveries, one delivery, the ledger itself."""

from __future__ import annotations

import json
import re

import pytest
from resend_shop import a_call

from supportctl.core.clock import SystemClock


def test_list_filters(shop):
    shop("resend", "add", "--destination", "acme", shop.gaps())
    everything = shop.json("resend", "list")["deliveries"]
    latest = max(everything, key=lambda d: d["started_at"])
    found = shop.json("resend", "list", "--since", latest["started_at"])
    assert [d["call_id"] for d in found["deliveries"]] == [latest["call_id"]]
    assert shop.json("resend", "list", "--until", latest["started_at"])["total"] == 7
    limited = shop.json("resend", "list", "--limit", "3")
    assert (limited["total"], len(limited["deliveries"])) == (8, 3)
    assert shop.json("resend", "list", "--source", "other")["total"] == 0
    assert shop.json("resend", "list", "--error", "nothing")["total"] == 0
    assert "No delivery fits" in shop("resend", "list", "--state", "held").out


def test_the_ledger_is_part_of_a_calls_way(shop):
    gaps = shop.gaps()
    lost = next(gap.call_id for gap in shop.house.day.expected() if gap.code == "sync.call-missing"
                and gap.call_id != shop.numberless())  # fmt: skip
    assert "no call was ever resent from here" in shop("sync", "trace", lost).out
    shop("resend", "add", "--destination", "acme", gaps)
    shop("resend", "run", "--until-empty")
    way = shop("sync", "trace", lost)
    assert way.exit_code == 0
    assert re.search(r"ledger +accepted", way.out)
    assert "sent: Bitrix24 has it" in way.out


def test_status_watches(shop, monkeypatch):
    shop("resend", "add", "--destination", "acme", shop.calls(a_call()))
    slept = []

    def sleep(_, seconds):
        slept.append(seconds)
        if len(slept) == 3:
            raise KeyboardInterrupt

    monkeypatch.setattr(SystemClock, "sleep", sleep)
    ended = shop("resend", "status", "--watch", "5", "--format", "json")
    assert (ended.exit_code, slept) == (0, [5.0] * 3)
    documents = [json.loads(line) for line in ended.out.splitlines()]
    assert [d["lanes"][0]["verifying"] for d in documents] == [1, 1, 1]


@pytest.mark.parametrize("lang", ["en", "ru"])
def test_every_screen_is_whole_in_every_language(shop, lang):
    shop(
        "resend",
        "add",
        "--destination",
        "acme",
        shop.calls(a_call(), a_call("c-2", contact_phone="anonymous")),
    )
    shop("resend", "run", "--until-empty")
    words = (["status"], ["list"], ["show", "1"], ["show", "2"], ["now", "2", "--dry-run"], ["run", "--once"])
    for each in words:
        text = shop("resend", *each, lang=lang).out
        assert text
        assert not re.search(r"\?|\{|event-|None|state-", text), text
        assert bool(re.search("[а-яё]", text)) == (lang == "ru")


def test_without_a_configuration(supportctl, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    ended = supportctl("--lang", "en", "resend", "status", "--format", "json")
    assert (ended.exit_code, json.loads(ended.out)["error"]["code"]) == (2, "resend.no-config")


def test_a_check_says_where_the_ledger_disagrees_with_itself(shop):
    shop("resend", "add", "--destination", "acme", shop.calls(a_call(), a_call("c-2")))
    assert "disagreements" not in shop.json("resend", "status")
    assert shop.json("resend", "status", "--check")["disagreements"] == []
    agrees = shop("resend", "status", "--check")
    assert (agrees.exit_code, agrees.out.splitlines()[-1]) == (0, "The ledger agrees with itself.")
    shop.meddle("UPDATE lane_counts SET count = 7 WHERE state = 'verifying'")
    found = shop.json("resend", "status", "--check", exit_code=3)["disagreements"]
    assert found == [{"destination": "acme", "what": "verifying", "kept": 7, "actual": 2}]
    assert shop("resend", "status").exit_code == 0, "only a check fails"
    shop.meddle("UPDATE deliveries SET state = 'sending', token = 99 WHERE id = 1")
    shop.meddle("UPDATE deliveries SET destination = 'gone', state = 'lost' WHERE id = 2")
    found = shop.json("resend", "status", "--check", exit_code=3)["disagreements"]
    assert {(each["destination"], each["what"]) for each in found} == {
        ("acme", "verifying"), ("acme", "sending"), ("acme", "token"), ("gone", "lost"), ("gone", "no-lane"),
    }  # fmt: skip
    only = shop.json("resend", "status", "--check", "--destination", "acme", exit_code=3)["disagreements"]
    assert {each["destination"] for each in only} == {"acme"}
    for lang in ("en", "ru"):
        ended = shop("resend", "status", "--check", lang=lang)
        assert ended.exit_code == 3
        assert not re.search(r"\{|None|early-token|no-lane|miscounted", ended.out), ended.out


def test_a_watched_check_ends_as_it_looked_last(shop, monkeypatch):
    def sleep(_, seconds):
        raise KeyboardInterrupt

    monkeypatch.setattr(SystemClock, "sleep", sleep)
    shop("resend", "add", "--destination", "acme", shop.calls(a_call()))
    assert shop("resend", "status", "--check", "--watch", "5").exit_code == 0
    shop.meddle("UPDATE lane_counts SET count = 7")
    assert shop("resend", "status", "--check", "--watch", "5").exit_code == 3
    assert shop("resend", "status", "--watch", "5").exit_code == 0
