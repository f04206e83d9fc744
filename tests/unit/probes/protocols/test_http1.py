"""HTTP answers that arrive in any pieces, and bytes that are none."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.protocols import http1
from probes.protocols.http1 import HttpError

SIZED = b"HTTP/1.1 200 OK\r\nServer: x\r\nContent-Length: 3\r\n\r\nabc"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"
CONTINUED = b"HTTP/1.1 100 Continue\r\n\r\n" + SIZED
UNSIZED = b"HTTP/1.0 200 OK\r\n\r\nabc"


@pytest.mark.parametrize("answer", [SIZED, CHUNKED, CONTINUED])
def test_whole_answer(answer):
    page = http1.parse(answer)
    assert page is not None
    assert (page.status, page.body) == (200, b"abc")


@pytest.mark.parametrize("answer", [SIZED, CONTINUED, UNSIZED])
def test_every_beginning_asks_for_more(answer):
    assert all(http1.parse(answer[:cut]) is None for cut in range(len(answer)))


def test_an_answer_without_length_ends_with_the_connection():
    assert http1.parse(UNSIZED) is None
    page = http1.parse(UNSIZED, closed=True)
    assert page is not None
    assert page.body == b"abc"


@pytest.mark.parametrize("cut", [4, 12, 25, 40, len(SIZED) - 1])
def test_cut_short(cut):
    with pytest.raises(HttpError):
        http1.parse(SIZED[:cut], closed=True)


@pytest.mark.parametrize("noise", [b"SSH-2.0-OpenSSH\r\n", b"\x12", b"\x00" * 9, b"RFB 003.008\n", b"H\n"])
def test_other_protocols(noise):
    with pytest.raises(HttpError):
        http1.parse(noise)


def test_headers_without_end_are_bounded():
    with pytest.raises(HttpError):
        http1.parse(b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 5000)


@given(st.binary(max_size=200), st.booleans())
def test_random_bytes_raise_nothing_else(data, closed):
    for start in (b"", b"HTTP/1.1 200 OK\r\n", SIZED[:30]):
        with contextlib.suppress(HttpError):
            http1.parse(start + data, closed=closed)


def test_post():
    request = http1.post("10.0.0.9:631", "/ipp/print", "application/ipp", b"\x01\x01")
    head, _, body = request.partition(b"\r\n\r\n")
    assert head.split(b"\r\n")[:2] == [b"POST /ipp/print HTTP/1.1", b"Host: 10.0.0.9:631"]
    assert b"Content-Length: 2" in head
    assert body == b"\x01\x01"


def test_a_request_has_its_headers_and_its_body_in_the_length():
    headers = http1.basic_auth("kassa", "пароль")
    request = http1.request("GET", "10.0.0.9:16732", "/api/v2/devices?deviceID=1 2", headers=headers)
    lines = request.decode("ascii").split("\r\n")
    assert lines[0] == "GET /api/v2/devices?deviceID=1%202 HTTP/1.1"
    assert "Authorization: Basic a2Fzc2E60L/QsNGA0L7Qu9GM" in lines
    assert not any(line.startswith("Content-Length") for line in lines)
    assert http1.request("POST", "a", "/", body="ж".encode()).endswith(b"\r\n\r\n\xd0\xb6")
    assert b"Content-Length: 2\r\n" in http1.request("POST", "a", "/", body="ж".encode())


@pytest.mark.parametrize("header", [{"X": "a\r\nY: b"}, {"X\n": "a"}])
def test_no_header_leaves_its_line(header):
    with pytest.raises(http1.HttpError):
        http1.request("GET", "a", "/", headers=header)


def test_no_path_leaves_its_line():
    assert http1.request("GET", "a", "/\r\nX: y").split(b"\r\n")[0] == b"GET /%0D%0AX:%20y HTTP/1.1"


def test_a_header_that_goes_on_in_the_next_line_is_one_line():
    answer = http1.parse(
        b'HTTP/1.1 401 No\r\nWWW-Authenticate: Digest realm="a\r\n\tb",\r\n nonce="c"\r\n'
        b"Content-Length: 0\r\n\r\n"
    )
    assert answer is not None
    assert answer.headers["www-authenticate"] == 'Digest realm="a b", nonce="c"'
