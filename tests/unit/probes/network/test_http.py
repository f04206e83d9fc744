from __future__ import annotations

import contextlib
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.links import open_link
from probes.network import http
from supportctl.core.clock import SystemClock
from supportctl.core.deadline import Deadline
from supportctl.core.target import Target

OK = b"HTTP/1.1 200 OK\r\nDate: Sun, 22 Nov 2026 09:00:00 GMT\r\nContent-Length: 7\r\n\r\nsuccess"


def test_an_answer_is_read() -> None:
    answer = http.parse(OK)
    assert (answer.status, answer.body) == (200, b"success")
    assert answer.date == datetime(2026, 11, 22, 9, tzinfo=UTC)


@pytest.mark.parametrize(
    "date", ["", "soon", "Sun, 99 Nov 2026 09:00:00 GMT", "Sun, 22 Nov 2026 09:00:00 -0000"]
)
def test_a_date_that_is_none(date: str) -> None:
    assert http.parse(f"HTTP/1.1 200 OK\r\nDate: {date}\r\n\r\n".encode()).date is None


@given(st.binary(max_size=200))
def test_garbage_is_answered_or_told_as_such(data: bytes) -> None:
    for heard in (data, b"HTTP/1.1 " + data, OK + data, OK[:20] + data):
        http.whole(heard, head=False)
        with contextlib.suppress(http.NotHttpError):
            assert 0 <= http.parse(heard).status <= 999


@given(st.integers(0, len(OK)))
def test_only_the_whole_answer_is_whole(cut: int) -> None:
    assert http.whole(OK[:cut], head=False) == (cut == len(OK))


def test_what_needs_no_further_byte() -> None:
    assert http.whole(b"SSH-2.0-x", head=False)
    assert http.whole(b"HTTP/1.1 204 No Content\r\n\r\n", head=False)
    assert http.whole(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", head=True)
    assert not http.whole(b"HTTP/1.1 200 OK\r\n\r\nuntil it closes", head=False)


def exchange(port: int, seconds: float = 5):
    limit = Deadline.after(seconds, SystemClock())
    with open_link(Target(None, "tcp", "127.0.0.1", port), limit) as link:
        return http.exchange(link, http.request("GET", "shop.example", "/"), limit)


def test_a_server_that_sends_a_byte_at_a_time_is_heard(tcp_server) -> None:
    def handler(client) -> None:
        client.recv(4096)
        for byte in OK:
            client.sendall(bytes([byte]))

    assert exchange(tcp_server(handler)).body == b"success"


def test_a_server_that_floods_is_cut_off(tcp_server) -> None:
    def handler(client) -> None:
        client.recv(4096)
        while True:
            client.sendall(b"HTTP/1.1 200 OK\r\nX: " + b"x" * 65536)

    with pytest.raises(http.NotHttpError):
        exchange(tcp_server(handler))


def test_silence_ends_with_the_deadline(tcp_server) -> None:
    assert exchange(tcp_server(lambda client: client.recv(4096) and client.recv(4096)), 0.2) is None


def test_a_header_from_outside_cannot_break_a_line() -> None:
    assert http.request("GET", "пример", "/").count(b"\r\n") == 6
