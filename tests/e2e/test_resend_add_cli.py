"""What `resend add` takes, and what it says of the rest."""

from __future__ import annotations

import io
import json
import re
import sys
from datetime import timedelta

import pytest
from resend_shop import NOW, a_call

BAD = {
    "calls.missing-field": [{"call_id": "x"}, {k: v for k, v in a_call().items() if k != "contact_phone"}],
    "calls.empty-field": [a_call(""), a_call("p", contact_phone=""), a_call("q", contact_phone=None)],
    "calls.duplicate": [a_call("good")],
    "calls.bad-time": [a_call("t", started_at="yesterday")],
    "resend.call-in-future": [a_call("f", started_at=(NOW + timedelta(hours=1)).isoformat())],
    "resend.call-too-old": [a_call("o", started_at=(NOW - timedelta(hours=25)).isoformat())],
    "resend.recording-path": [a_call("r", recording_url="/var/spool/asterisk/1.wav")],
    "resend.recording-inside": [a_call("i", recording_url="http://169.254.169.254/latest")],
    "resend.too-long": [a_call("l" * 230)],
}


def test_bad_lines_are_rejected_with_line_and_reason_and_the_rest_is_accepted(shop):
    bad = [(code, call) for code, calls in BAD.items() for call in calls]
    file = shop.calls(a_call("good"), *(call for _, call in bad), a_call("last", contact_phone="anonymous"))
    done = shop.json("resend", "add", "--destination", "acme", file, exit_code=4)
    assert done["accepted"] == 2
    assert [(each["line"], each["code"]) for each in done["rejected"]] == [
        (number, code) for number, (code, _) in enumerate(bad, 2)
    ]
    assert all(each["reason"] for each in done["rejected"])
    text = shop("resend", "add", "--destination", "acme", file)
    assert text.exit_code == 4
    assert re.findall(r"line (\d+): ", text.out) == [str(each["line"]) for each in done["rejected"]]


def test_a_file_without_one_usable_call(shop):
    done = shop.json(
        "resend", "add", "--destination", "acme", shop.calls(BAD["calls.bad-time"][0]), exit_code=3
    )
    assert (done["accepted"], len(done["rejected"])) == (0, 1)


def test_old_calls_are_taken_when_somebody_says_so(shop):
    file = shop.calls(*BAD["resend.call-too-old"])
    assert shop("resend", "add", "--destination", "acme", file).exit_code == 3
    assert shop.json("resend", "add", "--destination", "acme", file, "--any-age")["accepted"] == 1


@pytest.mark.parametrize("form", ["jsonl", "csv"])
def test_standard_input(shop, monkeypatch, form):
    call = a_call()
    text = json.dumps(call) if form == "jsonl" else f"{';'.join(call)}\n{';'.join(map(str, call.values()))}\n"
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text.encode())))
    assert shop.json("resend", "add", "--destination", "acme", "-")["accepted"] == 1


def test_a_destination_that_is_not_there(shop):
    ended = shop("resend", "add", "--destination", "acmee", shop.calls(a_call()), "--format", "json")
    error = json.loads(ended.out)["error"]
    assert (ended.exit_code, error["code"]) == (2, "resend.unknown-destination")
    assert "acme" in error["expected"]


def test_a_changed_call_is_an_update(shop):
    shop("resend", "add", "--destination", "acme", shop.calls(a_call()))
    changed = shop.calls(a_call(recording_url="https://rec.example/1.mp3"))
    assert shop.json("resend", "add", "--destination", "acme", changed, "--dry-run")["updated"] == 1
    assert shop.json("resend", "add", "--destination", "acme", changed)["updated"] == 1
    assert shop.json("resend", "list")["total"] == 1
