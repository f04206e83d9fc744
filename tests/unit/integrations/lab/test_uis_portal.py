"""The lab's UIS answers as the documentation of the Data API says, whoever asks."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from integrations.lab.portal import Asked
from integrations.lab.sound import MP3, WAV
from integrations.lab.uis.portal import LOGIN, PASSWORD, TOKEN, UisPortal
from supportctl.core.call import Call
from supportctl.core.clock import FakeClock

START = datetime(2026, 9, 15, 3, 0, tzinfo=UTC)
DAY = {"date_from": "2026-09-15 00:00:00", "date_till": "2026-09-15 23:59:59"}


def a_call(number: int, **more) -> Call:
    call = Call(
        str(900_000_000 + number), "pbx", "in", START + timedelta(seconds=number), 60, "+79161234567",
        answered=True, wait_s=5, line="+78120000001", employee="101",
    )  # fmt: skip
    return call._replace(**more)


@pytest.fixture
def portal() -> UisPortal:
    portal = UisPortal(FakeClock(START + timedelta(hours=6)))
    for number in range(5):
        portal.plant(a_call(number), "sound")
    return portal


def ask(portal, method, token=TOKEN, **params):
    body = {"jsonrpc": "2.0", "id": 7, "method": method, "params": {"access_token": token, **params}}
    said = portal.respond(Asked("POST", "/v2.0", body=json.dumps(body).encode()))
    assert said.status == 200
    answer = json.loads(said.body)
    assert answer["jsonrpc"] == "2.0"
    return answer


def refusal(portal, method, **params):
    error = ask(portal, method, **params)["error"]
    return error["code"], error["data"]["mnemonic"]


def test_default_fields_are_those_of_the_documentation(portal):
    row = ask(portal, "get.calls_report", **DAY)["result"]["data"][0]
    assert {"id", "start_time", "direction", "call_records", "full_record_file_link"} <= set(row)
    assert "employees" not in row
    assert row["start_time"] == "2026-09-15 06:00:00"  # the account's zone
    assert row["contact_phone_number"] == "79161234567"


def test_empty_fields_are_null_and_empty_arrays(portal):
    fields = ["voice_mail_records", "scenario_name", "segments"]
    row = ask(portal, "get.calls_report", fields=fields, **DAY)["result"]["data"][0]
    assert row == {"voice_mail_records": [], "scenario_name": None, "segments": []}


def test_meta_parameters_are_spelled_both_ways(portal):
    assert "meta_data" in ask(portal, "get.account")["result"]
    metadata = ask(portal, "get.calls_report", limit=2, **DAY)["result"]["metadata"]
    assert metadata["total_items"] == 5
    assert metadata["limits"]["day_remaining"] == 748


@pytest.mark.parametrize(
    ("condition", "count"),
    [
        ({"field": "direction", "operator": "=", "value": "in"}, 5),
        ({"field": "start_time", "operator": ">=", "value": "2026-09-15 06:00:03"}, 2),
        ({"field": "contact_phone_number", "operator": "like", "value": "7916%"}, 5),
        ({"field": "contact_phone_number", "operator": "regexp", "value": "67$"}, 5),
        ({"field": "id", "operator": "in", "value": [900000001, 900000003, 1]}, 2),
        ({"field": "scenario_id", "operator": "=", "value": None}, 5),
        ({"field": "scenario_id", "operator": "!=", "value": None}, 0),
        (
            {
                "condition": "or",
                "filters": [
                    {"field": "id", "operator": "=", "value": 900000001},
                    {
                        "condition": "and",
                        "filters": [
                            {"field": "id", "operator": ">", "value": 900000002},
                            {"field": "id", "operator": "<", "value": 900000004},
                        ],
                    },
                ],
            },
            2,
        ),
    ],
)
def test_filters(portal, condition, count):
    result = ask(portal, "get.calls_report", filter=condition, **DAY)["result"]
    assert (len(result["data"]), result["metadata"]["total_items"]) == (count, count)


@pytest.mark.parametrize(
    ("params", "mnemonic"),
    [
        ({"fields": ["nonsense"], **DAY}, "unexpected_parameters"),
        ({"nonsense": 1, **DAY}, "unexpected_parameters"),
        ({"date_from": "2026-09-15 00:00:00"}, "required_parameter_missed"),
        ({"date_from": "15.09.2026", "date_till": "2026-09-15 00:00:00"}, "invalid_parameter_value"),
        ({"limit": 10_001, **DAY}, "invalid_parameter_value"),
        ({"offset": 100_001, **DAY}, "invalid_parameter_value"),
        ({"limit": "ten", **DAY}, "data_type_error"),
        ({"sort": [{"field": "id"}], **DAY}, "sort_prohibited"),
        ({"filter": {"field": "utm_source", "operator": "=", "value": "x"}, **DAY}, "filter_prohibited"),
        ({"filter": {"field": "id", "operator": "~", "value": 1}, **DAY}, "invalid_parameter_value"),
        (
            {"date_from": "2026-01-31 00:00:00", "date_till": "2026-05-01 00:00:00"},
            "date_interval_limit_reached",
        ),
    ],
)
def test_what_is_wrong_with_parameters_has_its_mnemonic(portal, params, mnemonic):
    assert refusal(portal, "get.calls_report", **params) == (-32602, mnemonic)


def test_three_months_are_allowed(portal):
    ask(portal, "get.calls_report", date_from="2026-01-31 00:00:00", date_till="2026-04-30 00:00:00")[
        "result"
    ]


@pytest.mark.parametrize(
    ("body", "mnemonic"),
    [
        (b"{", "parse_error"),
        (b"[]", "batch_operations_not_supported"),
        (b'{"jsonrpc":"1.0","id":1,"method":"get.account"}', "invalid_request"),
        (b'{"jsonrpc":"2.0","method":"get.account"}', "notifications_not_supported"),
        (b'{"jsonrpc":"2.0","id":1,"method":"get.nonsense"}', "method_not_found"),
        (b'{"jsonrpc":"2.0","id":1,"method":"get.account"}', "required_parameter_missed"),
    ],
)
def test_what_is_wrong_with_a_request_has_its_mnemonic(portal, body, mnemonic):
    said = portal.respond(Asked("POST", "/v2.0", body=body))
    assert json.loads(said.body)["error"]["data"]["mnemonic"] == mnemonic


def test_only_successful_requests_are_charged_and_limits_end_by_the_clock(portal):
    portal.points.minute_limit = 3
    for _ in range(3):
        refusal(portal, "get.calls_report")
        ask(portal, "get.account")
    error = ask(portal, "get.account")["error"]
    assert error["code"] == -32029
    assert error["data"]["params"] == {"limit_type": "minute", "limit_max_value": 3}
    limits = error["data"]["metadata"]["limits"]
    assert (limits["minute_remaining"], limits["day_remaining"]) == (0, 747)
    portal.clock.advance(limits["minute_reset"] + 1)
    assert "result" in ask(portal, "get.account")
    portal.clock.advance(limits["day_reset"] + 1)
    assert ask(portal, "get.account")["result"]["meta_data"]["limits"]["day_remaining"] == 749


def test_a_session_lasts_an_hour(portal):
    body = {
        "jsonrpc": "2.0",
        "id": 1,
        "method": "login.user",
        "params": {"login": LOGIN, "password": PASSWORD},
    }
    said = portal.respond(Asked("POST", "/v2.0", body=json.dumps(body).encode()))
    token = json.loads(said.body)["result"]["data"]["access_token"]
    assert "result" in ask(portal, "get.account", token=token)
    portal.clock.advance(3601)
    assert refusal(portal, "get.account", token=token) == (-32001, "access_token_expired")
    assert refusal(portal, "get.account", token="x") == (-32001, "access_token_invalid")


def test_notifications_want_a_report_and_fields(portal):
    reports = ask(portal, "get.reports_list")["result"]["data"]
    report = next(each["id"] for each in reports if each["type"] == "notifications")
    assert refusal(portal, "get.notifications", **DAY)[1] == "required_parameter_missed"
    assert ask(portal, "get.notifications", report_id=report, **DAY)["result"]["data"] == []
    fields = ["notification_status", "notification_error_type"]
    rows = ask(portal, "get.notifications", report_id=report, fields=fields, **DAY)["result"]["data"]
    assert len(rows) == 5
    assert rows[0]["notification_status"]["value_id"] == "sent"


def test_other_methods_read(portal):
    assert ask(portal, "get.communications_report", **DAY)["result"]["metadata"]["total_items"] == 5
    assert ask(portal, "get.call_legs_report", **DAY)["result"]["metadata"]["total_items"] == 10
    assert ask(portal, "get.virtual_numbers")["result"]["data"][0]["scenarios"][0]["is_active"]
    assert ask(portal, "get.employees")["result"]["data"][0]["extension"]["extension_phone_number"] == "101"


@pytest.mark.parametrize("recording", ["sound", "broken", "gone"])
def test_recordings_are_served_as_they_were_planted(portal, recording):
    portal.plant(a_call(50), recording)
    fields = ["call_records", "wav_call_records", "communication_id", "full_record_file_link"]
    row = ask(portal, "get.calls_report", fields=fields, **DAY)["result"]["data"][-1]
    name = f"{row['communication_id']}/{row['call_records'][0]}"
    said = portal.respond(Asked("GET", f"/system/media/talk/{name}/"))
    wav = portal.respond(Asked("GET", f"/system/media/wav/{name}/"))
    whole = portal.respond(Asked("GET", row["full_record_file_link"].removeprefix("https://media.uiscom.ru")))
    expected = {"sound": (200, "audio/mpeg"), "broken": (200, "text/html"), "gone": (404, "text/html")}
    assert (said.status, said.kind) == (whole.status, whole.kind) == expected[recording]
    if recording == "sound":
        assert (said.body, wav.body) == (MP3, WAV)


def test_a_recording_s_head_can_be_asked_for(portal):
    key = next(iter(portal.store.recordings))
    path = f"/system/media/wav/{key[0]}/{key[1]}/"
    said = portal.respond(Asked("GET", path, headers={"range": "bytes=0-11"}))
    assert (said.status, said.body[:4], said.body[8:]) == (206, b"RIFF", b"WAVE")
    assert portal.respond(Asked("GET", path, headers={"range": "bytes=999999-"})).status == 416


def test_the_wav_is_one_that_python_reads():
    import io
    import wave

    with wave.open(io.BytesIO(WAV)) as sound:
        assert (sound.getnchannels(), sound.getframerate(), sound.getnframes()) == (1, 8000, 1000)


def test_a_call_id_that_is_no_number_becomes_the_external_one(portal):
    portal.plant(a_call(99, call_id="abc-1"))
    row = ask(portal, "get.calls_report", fields=["id", "ext_id"], **DAY)["result"]["data"][-1]
    assert row["ext_id"] == "abc-1"
    assert isinstance(row["id"], int)
