"""The codec of the driver's web service: what may be asked, and both shapes of its answers."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.protocols import atol_web
from probes.protocols.atol_web import (
    LEGACY,
    READ_TASKS,
    V2,
    LocalProtocolError,
    ReadRequest,
    RemoteProtocolError,
)
from probes.protocols.http1 import basic_auth

UUID = "1b671a64-40d5-491e-99b0-da01ff1f3341"


def test_the_requests_that_may_be_sent():
    request = atol_web.encode(
        atol_web.operation("getDeviceStatus", "2"), "127.0.0.1:16732", basic_auth("a", "b")
    )
    head, _, body = request.partition(b"\r\n\r\n")
    assert head.startswith(
        b"POST /api/v2/operations/queryDeviceStatus?deviceID=2 HTTP/1.1\r\nHost: 127.0.0.1:16732"
    )
    assert b"\r\nAuthorization: Basic YTpi" in head
    assert body == b"{}"
    queued = atol_web.encode(atol_web.queued(V2, UUID, "getRegistrationInfo", ""), "h")
    assert queued.startswith(b"POST /api/v2/requests HTTP/1.1")
    assert json.loads(queued.partition(b"\r\n\r\n")[2]) == {
        "uuid": UUID,
        "request": [{"type": "getRegistrationInfo"}],
    }
    paths = [
        atol_web.server_info(),
        atol_web.device(""),
        atol_web.device("касса/1"),
        atol_web.queue_status(V2, "1"),
        atol_web.queue_status(LEGACY, ""),
        atol_web.result(V2, UUID, ""),
        atol_web.result(LEGACY, UUID, ""),
        atol_web.queued(LEGACY, UUID, "getFnInfo", ""),
    ]
    first = [atol_web.encode(request, "h").split(b"\r\n")[0].decode() for request in paths]
    assert first[:2] == ["GET /api/v2/serverInfo HTTP/1.1", "GET /api/v2/devices/default HTTP/1.1"]
    assert first[2] == "GET /api/v2/devices/%D0%BA%D0%B0%D1%81%D1%81%D0%B0%2F1 HTTP/1.1"
    assert first[4] == "GET /stat/requests HTTP/1.1"


@pytest.mark.parametrize(
    "request_",
    [
        ReadRequest("DELETE", f"/api/v2/requests/{UUID}"),
        ReadRequest("POST", "/api/v2/activateDevice", "", {}),
        ReadRequest("POST", "/api/v2/deactivateDevice", "", {}),
        ReadRequest("GET", "/api/v2/activateDevice"),
        ReadRequest("PUT", "/api/v2/settings", "", {}),
        ReadRequest("GET", "/api/v2/settings"),
        ReadRequest("POST", "/api/v2/operations/reportX", "", {}),
        ReadRequest("POST", "/api/v2/operations/queryDeviceStatus", "", {"a": 1}),
        ReadRequest("POST", "/api/v2/operations/queryDeviceStatus"),
        ReadRequest("GET", "/api/v2/devices/../activateDevice"),
        ReadRequest("GET", f"/api/v2/requests/{UUID}/x"),
        ReadRequest("POST", "/api/v2/requests", "", {"uuid": UUID, "request": []}),
        ReadRequest("POST", "/api/v2/requests", "", {"uuid": UUID, "request": {"type": "getFnInfo"}}),
        ReadRequest(
            "POST", "/api/v2/requests", "", {"uuid": UUID, "request": [{"type": "getFnInfo", "x": 1}]}
        ),
        ReadRequest(
            "POST",
            "/api/v2/requests",
            "",
            {"uuid": UUID, "request": [{"type": "getFnInfo"}, {"type": "sell"}]},
        ),
        ReadRequest(
            "POST",
            "/api/v2/requests",
            "",
            {"uuid": UUID, "request": [{"type": "getFnInfo"}], "callbacks": {}},
        ),
    ],
)
def test_everything_else_is_refused(request_):
    with pytest.raises(LocalProtocolError):
        atol_web.encode(request_, "127.0.0.1")


@pytest.mark.parametrize(
    "task",
    ["reportX", "reportOfdExchangeStatus", "closeShift", "openShift", "sell", "cashIn", "openCashDrawer",
     "continuePrint", "printLastReceiptCopy", "closeArchive", "registration", "pingIsm",
     "activateDevice", ""],
)  # fmt: skip
def test_a_task_that_does_something_cannot_be_queued(task):
    assert task not in READ_TASKS
    with pytest.raises(LocalProtocolError):
        atol_web.encode(atol_web.queued(V2, UUID, task, ""), "h")
    with pytest.raises(LocalProtocolError):
        atol_web.operation(task, "")


RESULT = {"deviceStatus": {"shift": "expired", "paperPresent": True, "coverOpened": False}}


@pytest.mark.parametrize(
    ("told", "failure"),
    [
        ({"status": "ready", "errorCode": 0, "result": RESULT}, None),  # the reference's example
        ({"status": "ready", "error": {"code": 0, "description": "Ошибок нет"}, "result": RESULT}, None),
        (
            {"status": "error", "errorCode": 2, "errorDescription": "Нет связи", "result": None},
            (2, "Нет связи"),
        ),
        ({"status": "error", "error": {"code": 2, "description": "Нет связи"}}, (2, "Нет связи")),
    ],
)
def test_results_in_both_shapes(told, failure):
    done = atol_web.first_result({"results": [told]})
    assert (done.failure and tuple(done.failure)) == failure
    assert done.values == ({} if failure else RESULT)


@pytest.mark.parametrize(
    "document", [{}, {"results": []}, {"results": [3]}, {"results": [{}]}, {"results": {}}]
)
def test_a_request_without_results(document):
    with pytest.raises(RemoteProtocolError):
        atol_web.first_result(document)


def test_values():
    exchange = atol_web.exchange(
        {
            "status": {
                "notSentCount": 37,
                "notSentFirstDocNumber": 4675,
                "notSentFirstDocDateTime": "2025-10-20T09:05:00+03:00",
            },
            "errors": {"network": {"code": 2, "description": "…"}},
        }
    )
    assert (exchange.unsent, exchange.first_number, str(exchange.first_at)) == (
        37,
        4675,
        "2025-10-20 09:05:00",
    )
    assert exchange.network == (2, "…")
    assert str(atol_web.moment("2025.11.14 10:42:07")) == "2025-11-14 10:42:07"
    assert str(atol_web.day("2026.12.31")) == str(atol_web.day("2026-12-31T00:00:00+03:00")) == "2026-12-31"
    assert atol_web.moment("1970-01-01T00:00:00+03:00") is None
    assert atol_web.moment(None) is atol_web.moment("soon") is None
    queue = atol_web.queue({"isBlocked": True, "blockReason": "paperError", "number": 2})
    assert queue == (True, "paperError", 2)


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=12),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["error", "code", "status", "results", "result", "network", "errors"]), inner
        )
    ),
    max_leaves=12,
)


@given(_json)
def test_any_document_is_read_or_refused(value):
    document = value if isinstance(value, dict) else {"results": [value], "errors": value, "status": value}
    atol_web.failure(document)
    atol_web.exchange(document)
    atol_web.queue(document)
    atol_web.setting(document)
    try:
        atol_web.first_result(document)
    except RemoteProtocolError:
        return


@given(st.binary(max_size=80))
def test_any_bytes_are_read_or_refused(body):
    try:
        assert isinstance(atol_web.parse(body), dict)
    except RemoteProtocolError:
        return
