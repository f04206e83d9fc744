"""What an answer means: code first, status second, words last."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integrations.crm.bitrix24.judge import judge, reset_time
from integrations.http import Reply, Request
from supportctl.core.failure import Failure

FINISH, ATTACH = "telephony.externalCall.finish", "telephony.externalCall.attachRecord"


def judged(status, body, method="profile", *, reads=True):
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return judge(Request("POST", "https://acme.example", method, reads), Reply(status, {}, raw))


def refused(code, text=""):
    return {"error": code, "error_description": text}


@pytest.mark.parametrize(
    ("status", "code", "failure"),
    [
        (503, "QUERY_LIMIT_EXCEEDED", Failure.RETRY),
        (429, "OPERATION_TIME_LIMIT", Failure.WAIT),
        (401, "expired_token", Failure.SIGN_IN),
        (503, "OVERLOAD_LIMIT", Failure.BLOCKED),
        (500, "PORTAL_DELETED", Failure.BLOCKED),
        (410, "PORTAL_DELETED", Failure.BLOCKED),
        (403, "WRONG_AUTH_TYPE", Failure.CONFIGURATION),
        (401, "NO_AUTH_FOUND", Failure.CONFIGURATION),
        (401, "INVALID_CREDENTIALS", Failure.CONFIGURATION),
        (403, "insufficient_scope", Failure.CONFIGURATION),
        (403, "ACCESS_DENIED", Failure.CONFIGURATION),
        (400, "Access denied", Failure.CONFIGURATION),
        (401, "PAYMENT_REQUIRED", Failure.CONFIGURATION),
        (404, "ERROR_METHOD_NOT_FOUND", Failure.CONFIGURATION),
        (400, "INVALID_ARGUMENT", Failure.DATA),
        (400, "SOMETHING_NEW", Failure.DATA),
        (403, "SOMETHING_NEW", Failure.CONFIGURATION),
        (200, "SOMETHING_NEW", Failure.DATA),  # a status never hides an error
        (200, "QUERY_LIMIT_EXCEEDED", Failure.RETRY),
        (200, "expired_token", Failure.SIGN_IN),
    ],
)
def test_the_code_decides(status, code, failure):
    error = judged(status, refused(code))
    assert (error.failure, error.code, error.status) == (failure, code, status)


@pytest.mark.parametrize("code", ["INTERNAL_SERVER_ERROR", "ERROR_UNEXPECTED_ANSWER"])
@pytest.mark.parametrize("status", [200, 500])
def test_a_server_that_broke_leaves_a_write_in_doubt(code, status):
    assert judged(status, refused(code)).failure is Failure.RETRY
    assert judged(status, refused(code), FINISH, reads=False).failure is Failure.AMBIGUOUS


@pytest.mark.parametrize("code", ["", "ERROR_CORE", "error_core"])
@pytest.mark.parametrize(
    ("method", "text", "failure"),
    [
        (FINISH, "Call is not found (call should be registered prior to finishing", Failure.AMBIGUOUS),
        (
            ATTACH,
            "Call is not found in the statistic table. Looks like it is not finished yet",
            Failure.RETRY,
        ),
        (ATTACH, "Server returns HTTP error code 404", Failure.DATA),
        (FINISH, "User is not found or is not active", Failure.DATA),
        (FINISH, "Unexpected database error", Failure.AMBIGUOUS),
        ("crm.activity.list", "Access denied.", Failure.CONFIGURATION),
    ],
)
def test_where_the_code_says_nothing_the_words_decide(code, method, text, failure):
    assert judged(400, refused(code, text), method, reads=False).failure is failure


def test_the_limit_of_a_method_names_it_and_its_end():
    body = {**refused("OPERATION_TIME_LIMIT"), "time": {"operating_reset_at": 1_800_000_000}}
    error = judged(429, body, "crm.activity.list")
    assert error.method == "crm.activity.list"
    assert error.retry_at == datetime.fromtimestamp(1_800_000_000, UTC)


def test_a_sound_answer_is_none():
    assert judged(200, {"result": []}) is None
    assert judged(200, {"result": None}) is None


@pytest.mark.parametrize("body", [b"<html>", b"", b"[]", b"5", b'{"total": 1}', b"\xff"])
def test_an_answer_that_is_none_is_not_believed(body):
    assert judged(200, body).failure is Failure.RETRY
    assert judged(200, body, FINISH, reads=False).failure is Failure.AMBIGUOUS


def test_a_page_of_a_proxy_is_judged_by_its_status():
    assert judged(503, b"<html>").code == "http-503"
    for status in (500, 502, 503, 504):  # the portal may have done it behind a gateway that lost patience
        assert judged(status, b"<html>", FINISH, reads=False).failure is Failure.AMBIGUOUS


@pytest.mark.parametrize(
    ("value", "found"),
    [
        (1_800_000_000, datetime.fromtimestamp(1_800_000_000, UTC)),
        ("1800000000", datetime.fromtimestamp(1_800_000_000, UTC)),
        (1_800_000_000.5, datetime.fromtimestamp(1_800_000_000.5, UTC)),
        ("2026-09-01T10:00:00+03:00", datetime(2026, 9, 1, 10, tzinfo=timezone(timedelta(hours=3)))),
        ("2026-09-01T10:00:00", None),
        ("soon", None),
        (None, None),
        (True, None),
        (-1, None),
        (10**400, None),
        ("nan", None),
        ([], None),
    ],
)
def test_the_end_of_a_limit_is_read_in_every_form(value, found):
    assert reset_time(value) == found


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["error", "error_description", "result", "time", "code", "operating_reset_at"])
            | st.text(),
            inner,
            max_size=5,
        )
    ),
    max_leaves=12,
)


@given(st.sampled_from([200, 204, 302, 400, 401, 403, 429, 500, 503]), JSON, st.booleans())
def test_no_answer_breaks_it(status, body, reads):
    error = judged(status, body, FINISH, reads=reads)
    if error is None:
        assert status < 300
        assert "result" in body
