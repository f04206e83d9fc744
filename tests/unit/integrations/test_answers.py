"""What a status, a Retry-After and a body say, from the most hostile of servers."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integrations.http import LONGEST_RETRY_AFTER_S, Reply, Request, by_status, json_of, retry_after
from supportctl.core.clock import FakeClock
from supportctl.core.failure import Failure, ServiceError
from supportctl.core.redaction import remember

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
READ = Request("GET", "https://acme.example/", "test", reads=True)
WRITE = READ._replace(method="POST", reads=False)


def reply(status=429, body=b"", at=NOW, **headers):
    return Reply(status, {name.replace("_", "-"): value for name, value in headers.items()}, body, at)


@pytest.mark.parametrize(
    ("written", "seconds"),
    [
        ("7", 7),
        (" 7 ", 7),
        ("7.5", 7),
        ("0", 0),
        ("-1", 0),
        ("999999999999", LONGEST_RETRY_AFTER_S),
        ("Sun, 22 Nov 2026 12:00:30 GMT", 30),
        ("Sunday, 22-Nov-26 12:00:30 GMT", 30),  # RFC 850
        ("Sun, 22 Nov 2026 15:00:30 +0300", 30),
        ("Sun, 22 Nov 2020 12:00:30 GMT", 0),
        ("Sun, 22 Nov 2099 12:00:30 GMT", LONGEST_RETRY_AFTER_S),
        ("", None),
        ("soon", None),
        ("1e9999", None),
        ("nan", None),
        ("inf", None),
        ("9" * 5000, None),
        ("Sun, 99 Nov 2026 99:99:99 GMT", None),
        ("\u0667", None),
    ],
)
def test_retry_after(written, seconds):
    until = retry_after(reply(retry_after=written), FakeClock(NOW))
    assert until == (None if seconds is None else NOW + timedelta(seconds=seconds))


def test_a_date_is_meant_by_the_clock_of_the_server():
    """Our own clock is five minutes behind; the server's pause is ten seconds all the same."""
    said = reply(retry_after="Sun, 22 Nov 2026 12:05:10 GMT", date="Sun, 22 Nov 2026 12:05:00 GMT")
    assert retry_after(said, FakeClock(NOW)) == NOW + timedelta(seconds=10)


def test_missing():
    assert retry_after(reply(), FakeClock(NOW)) is None


@given(st.text(max_size=80), st.text(max_size=80))
def test_retry_after_never_raises(written, date):
    until = retry_after(reply(retry_after=written, date=date), FakeClock(NOW))
    assert until is None or NOW <= until <= NOW + timedelta(seconds=LONGEST_RETRY_AFTER_S)


@pytest.mark.parametrize(
    ("status", "of_read", "of_write"),
    [
        (200, None, None),
        (204, None, None),
        (301, Failure.CONFIGURATION, Failure.CONFIGURATION),
        (400, Failure.DATA, Failure.DATA),
        (401, Failure.SIGN_IN, Failure.SIGN_IN),
        (402, Failure.CONFIGURATION, Failure.CONFIGURATION),
        (403, Failure.CONFIGURATION, Failure.CONFIGURATION),
        (404, Failure.DATA, Failure.DATA),
        (408, Failure.RETRY, Failure.RETRY),
        (429, Failure.WAIT, Failure.WAIT),
        (500, Failure.RETRY, Failure.AMBIGUOUS),
        (502, Failure.RETRY, Failure.AMBIGUOUS),
        (503, Failure.RETRY, Failure.AMBIGUOUS),
        (504, Failure.RETRY, Failure.AMBIGUOUS),
        (599, Failure.RETRY, Failure.AMBIGUOUS),
        (999, Failure.RETRY, Failure.AMBIGUOUS),
        (100, Failure.RETRY, Failure.AMBIGUOUS),
    ],
)
def test_by_status(status, of_read, of_write):
    for request, expected in ((READ, of_read), (WRITE, of_write)):
        error = by_status(request, reply(status))
        assert (error and error.failure) == expected
        if error:
            assert error.status == status


@pytest.mark.parametrize("status", [429, 503])
def test_a_limit_says_when_it_ends(status):
    error = by_status(WRITE, reply(status, retry_after="30"))
    assert (error.failure, error.retry_at) == (Failure.WAIT, NOW + timedelta(seconds=30))


def test_an_error_repeats_the_words_of_a_page_without_its_markup():
    page = b"<html><style>b{}</style><script>alert(1)</script><h1>Nope</h1>\n<p>come back</html>"
    assert by_status(READ, reply(500, page)).text == "Nope come back"


def test_an_error_does_not_repeat_a_secret():
    remember("s3cr3t-of-test")
    error = by_status(READ, reply(500, b"no such token: s3cr3t-of-test"))
    assert "s3cr3t-of-test" not in str(error)


NOT_JSON = [
    b"", b"<html>", b"{", b"\xff\xfe\x00", b"{}{}", b"NaN", b'{"a": Infinity}', b"[" * 100_000,
    b"9" * 5000, b"'x'",
]  # fmt: skip


@pytest.mark.parametrize("body", NOT_JSON, ids=range(len(NOT_JSON)))
def test_what_is_no_json(body):
    for request, failure in ((READ, Failure.RETRY), (WRITE, Failure.AMBIGUOUS)):
        with pytest.raises(ServiceError) as caught:
            json_of(request, reply(200, body))
        assert (caught.value.code, caught.value.failure) == ("not-json", failure)
        assert len(caught.value.text) <= 300


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-32"])
def test_json_in_every_encoding_that_servers_use(encoding):
    assert json_of(READ, reply(200, '{"а": [1]}'.encode(encoding))) == {"а": [1]}


@given(st.binary(max_size=200))
def test_json_of_raises_nothing_else(body):
    with suppress(ServiceError):
        json_of(READ, reply(200, body))
