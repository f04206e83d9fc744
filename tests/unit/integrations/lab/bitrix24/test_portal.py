"""The portal itself: ways in, limits, batches, faults in their documented forms."""

from __future__ import annotations

import json

import pytest
from bitrix24_lab import HOOK, PHONE, Lab
from hypothesis import given
from hypothesis import strategies as st

from integrations.lab.bitrix24.portal import Token
from integrations.lab.portal import Asked

STATISTICS = "voximplant.statistic.get"


def test_both_forms_of_an_address_and_both_forms_of_a_body():
    lab = Lab(rate=0, tokens={"abc": Token(1, "5")})
    assert lab.ask("profile", path=f"{HOOK}/profile")["ID"] == "1"
    assert lab.ask("profile", path=f"{HOOK}/profile.json", form=True)["ID"] == "1"
    assert lab.ask("profile", {"auth": "abc"}, path="/rest/profile")["ADMIN"] is True
    said = lab.portal.respond(Asked("GET", "/rest/profile.json", (("auth", "abc"),)))
    assert json.loads(said.body)["result"]["ID"] == "1"
    lab.plant(3)
    assert len(lab.ask(STATISTICS, {"FILTER[>ID]": "1"}, form=True)) == 2


@pytest.mark.parametrize(
    ("path", "params", "status", "code"),
    [
        ("/rest/1/wrongcode/profile", {}, 403, "INVALID_CREDENTIALS"),
        ("/rest/profile", {}, 401, "NO_AUTH_FOUND"),
        ("/rest/profile", {"auth": "wrong"}, 401, "INVALID_TOKEN"),
        (f"{HOOK}/no.such.method", {}, 404, "ERROR_METHOD_NOT_FOUND"),
        (f"{HOOK}/app.info", {}, 403, "ACCESS_DENIED"),
        ("/other", {}, 404, "ERROR_METHOD_NOT_FOUND"),
    ],
)
def test_ways_in_that_are_none(lab, path, params, status, code):
    assert lab.refused("-", params, path=path)[:2] == (status, code)


def test_the_key_of_somebody_who_was_dismissed_is_refused(lab):
    lab.portal.store.users.rows[1].active = False
    assert lab.refused("profile")[:2] == (403, "INVALID_CREDENTIALS")


def test_a_portal_may_keep_registration_for_applications():
    lab = Lab(rate=0, strict_webhooks=True, tokens={"abc": Token(1, "5")})
    params = {"USER_ID": 17, "PHONE_NUMBER": PHONE, "TYPE": 2}
    register = "telephony.externalCall.register"
    assert lab.refused(register, params)[:2] == (403, "WRONG_AUTH_TYPE")
    assert lab.ask(register, {**params, "auth": "abc"}, path=f"/rest/{register}")["CALL_ID"]
    assert lab.ask("app.info", {"auth": "abc"}, path="/rest/app.info")["ID"] == 5


def test_fifty_requests_at_once_and_then_two_a_second():
    lab = Lab()
    answers = [lab.send("profile")[0] for _ in range(52)]
    assert answers == [200] * 50 + [503] * 2
    assert lab.refused("profile")[1] == "QUERY_LIMIT_EXCEEDED"
    lab.clock.advance(1)
    assert [lab.send("profile")[0] for _ in range(3)] == [200, 200, 503]
    assert lab.portal.state()["refused_by_limit"] == 4


def test_a_method_that_worked_too_long_is_refused_until_its_oldest_minute_drops_out():
    lab = Lab(rate=0, operating_limit_s=1.0)
    while lab.send(STATISTICS)[0] == 200:
        lab.clock.advance(1)
    status, code, _ = lab.refused(STATISTICS)
    assert (status, code) == (429, "OPERATION_TIME_LIMIT")
    _, document = lab.send("profile")  # other methods go on
    assert document["time"]["operating"] == 0.02
    reset = lab.portal.operating.reset_at(STATISTICS)
    lab.clock.advance(reset - lab.clock.now().timestamp())
    assert lab.send(STATISTICS)[0] == 200


def test_every_answer_tells_what_it_took(lab):
    _, document = lab.send(STATISTICS)
    assert document["time"]["operating"] == pytest.approx(0.06)
    assert document["time"]["operating_reset_at"] == lab.clock.now().timestamp() + 600
    assert document["time"]["date_start"].endswith("+03:00")


def test_a_batch_refers_to_what_came_before(lab):
    commands = {
        "reg": f"telephony.externalCall.register?USER_ID=17&PHONE_NUMBER=%2B7{PHONE[2:]}&TYPE=2&SHOW=0",
        "fin": "telephony.externalCall.finish?CALL_ID=$result[reg][CALL_ID]&USER_ID=17&DURATION=7",
        "look": f"{STATISTICS}?FILTER[CALL_ID]=$result[reg][CALL_ID]",
    }
    answer = lab.ask("batch", {"cmd": commands, "halt": 1})
    assert answer["result"]["look"][0]["CALL_ID"] == answer["result"]["reg"]["CALL_ID"]
    assert answer["result_error"] == []
    assert answer["result_total"] == {"look": 1}
    assert answer["result_next"] == []
    assert set(answer["result_time"]) == {"reg", "fin", "look"}


def test_a_batch_as_a_form_and_as_a_list(lab):
    answer = lab.ask("batch", {"cmd[0]": "profile", "cmd[1]": "scope"}, form=True)
    assert answer["result"][0]["ID"] == "1"
    assert lab.ask("batch", {"cmd": ["profile"]})["result"][0]["ID"] == "1"


@pytest.mark.parametrize(("halt", "done"), [(0, {"first", "third"}), (1, {"first"})])
def test_a_batch_goes_on_after_an_error_unless_it_shall_halt(lab, halt, done):
    commands = {
        "first": "profile",
        "second": "telephony.externalCall.finish?CALL_ID=x&USER_ID=1",
        "third": "scope",
    }
    answer = lab.ask("batch", {"cmd": commands, "halt": halt})
    assert set(answer["result"]) == done
    assert answer["result_error"]["second"]["error"] == ""


def test_a_batch_has_its_own_limits(lab):
    assert lab.refused("batch", {"cmd": dict.fromkeys(map(str, range(51)), "profile")})[1] == (
        "ERROR_BATCH_LENGTH_EXCEEDED"
    )
    commands = {
        "nested": "batch?cmd[a]=profile",
        "file": "telephony.externalCall.attachRecord?FILE_CONTENT=eA",
    }
    answer = lab.ask("batch", {"cmd": commands})
    assert {error["error"] for error in answer["result_error"].values()} == {"ERROR_BATCH_METHOD_NOT_ALLOWED"}
    assert answer["result"] == []


def test_a_batch_is_one_request_and_its_methods_spend_time():
    lab = Lab()
    for _ in range(3):
        lab.ask("batch", {"cmd": {f"c{n}": STATISTICS for n in range(50)}})
    _, document = lab.send(STATISTICS)
    assert document["time"]["operating"] == pytest.approx(0.06 * 151)
    assert lab.portal.executed[STATISTICS] == 151


@pytest.mark.parametrize(
    ("fault", "status", "code"),
    [
        ("query-limit", 503, "QUERY_LIMIT_EXCEEDED"),
        ("operation-limit", 429, "OPERATION_TIME_LIMIT"),
        ("expired-token", 401, "expired_token"),
        ("missing-scope", 403, "insufficient_scope"),
        ("access-denied", 403, "ACCESS_DENIED"),
        ("overload-blocked", 503, "OVERLOAD_LIMIT"),
        ("portal-deleted", 500, "PORTAL_DELETED"),
        ("invalid-credentials", 403, "INVALID_CREDENTIALS"),
        ("no-method", 404, "ERROR_METHOD_NOT_FOUND"),
        ("internal-error", 500, "INTERNAL_SERVER_ERROR"),
        ("ok-with-error", 200, "ERROR_UNEXPECTED_ANSWER"),
        ("payment-required", 401, "PAYMENT_REQUIRED"),
        ("no-statistics-right", 403, "ACCESS_DENIED"),
    ],
)
def test_faults_in_their_documented_forms(lab, fault, status, code):
    lab.portal.switch(fault, on=True)
    assert lab.refused(STATISTICS)[:2] == (status, code)
    lab.portal.switch(fault, on=False)
    assert lab.ask(STATISTICS) == []


def test_a_broken_batch_fails_in_every_second_command(lab):
    lab.portal.switch("broken-batch", on=True)
    answer = lab.ask("batch", {"cmd": dict.fromkeys("abcd", "profile")})
    assert set(answer["result"]) == {"a", "c"}
    assert answer["result_error"]["b"]["error"] == "INTERNAL_SERVER_ERROR"


def test_the_state_is_bounded(lab):
    lab.plant(100)
    state = lab.portal.state()
    assert state["calls"] == 100
    assert len(state["first_calls"]) == 20
    json.dumps(state)


METHODS = [
    "profile", "scope", "user.get", STATISTICS, "crm.activity.list", "crm.duplicate.findbycomm", "batch",
    "telephony.externalCall.register", "telephony.externalCall.finish", "telephony.externalCall.attachRecord",
    "telephony.externalCall.show", "telephony.externalCall.searchCrmEntities", "telephony.externalLine.add",
]  # fmt: skip
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(max_size=6) | st.sampled_from([">ID", "><ID", "a"]), inner, max_size=3)
    ),
    max_leaves=8,
)
NAMES = st.sampled_from([
    "FILTER", "SORT", "ORDER", "start", "cmd", "halt", "CALL_ID", "USER_ID", "TYPE", "PHONE_NUMBER",
    "FILENAME", "CALL_START_DATE", "values", "type", "select", "NUMBER", "FILE_CONTENT",
])  # fmt: skip


@given(st.sampled_from(METHODS), st.dictionaries(NAMES, VALUES, max_size=5))
def test_no_request_breaks_the_portal(method, params):
    lab = Lab(rate=0)
    lab.plant(2)
    status, document = lab.send(method, params)
    assert status in {200, 400, 403, 404}
    assert "result" in document or "error" in document
