from __future__ import annotations

import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.network.hosts import Host, is_here, is_nearby, parse_host, parse_hosts
from probes.network.together import MAX_AT_ONCE, gather
from supportctl.core.clock import SystemClock
from supportctl.core.deadline import Deadline
from supportctl.core.target import parse_target


@pytest.mark.parametrize(
    ("text", "host", "url"),
    [
        ("bank.example", Host("tls", "bank.example", 443), "tls+tcp://bank.example:443"),
        ("bank.example:443", Host("tls", "bank.example", 443), "tls+tcp://bank.example:443"),
        ("ofd.example:7777", Host("tcp", "ofd.example", 7777), "tcp://ofd.example:7777"),
        ("https://a.example", Host("https", "a.example", 443), "https://a.example:443"),
        ("http://a.example:8080/x", Host("http", "a.example", 8080, "/x"), "http://a.example:8080/x"),
        ("[2001:db8::1]:7777", Host("tcp", "2001:db8::1", 7777), "tcp://[2001:db8::1]:7777"),
    ],
)
def test_hosts_are_named_as_people_name_them(text: str, host: Host, url: str) -> None:
    assert parse_host(text) == host
    assert host.target().url == url
    assert parse_target(url).endpoint == host.target().endpoint


@pytest.mark.parametrize("text", ["", "://", "ftp://a.example", "a.example:99999", "[::1", "a.example:x"])
def test_what_names_no_host_is_left_out(text: str) -> None:
    assert parse_host(text) is None
    assert parse_hosts([text, "a.example", "a.example"]) == (Host("tls", "a.example", 443),)


@given(st.text(max_size=60))
def test_any_text_is_a_host_or_none(text: str) -> None:
    assert parse_host(text) is None or isinstance(parse_host(text), Host)


def test_here_and_nearby() -> None:
    assert is_here("localhost")
    assert is_here("127.8.8.8")
    assert is_here("::1")
    assert not is_here("192.168.1.1")
    assert not is_here("localhost.example")
    assert is_nearby("192.168.1.1")
    assert is_nearby("fd00::1")
    assert is_nearby("169.254.1.1")
    assert not is_nearby("8.8.8.8")
    assert not is_nearby("printer")


def deadline(seconds: float) -> Deadline:
    return Deadline.after(seconds, SystemClock())


def test_answers_keep_the_order_of_the_questions() -> None:
    questions = [lambda n=n: n for n in range(3 * MAX_AT_ONCE)]
    assert gather(questions, deadline(5)) == list(range(3 * MAX_AT_ONCE))


def test_a_question_that_hangs_costs_its_own_answer_only() -> None:
    forever = threading.Event()
    try:
        assert gather([forever.wait, lambda: True], deadline(0.2)) == [None, True]
    finally:
        forever.set()


def test_enough_is_enough() -> None:
    forever = threading.Event()
    try:
        assert gather([forever.wait, lambda: True], deadline(30), bool) == [None, True]
    finally:
        forever.set()


def test_a_bug_is_raised_and_not_taken_for_silence() -> None:
    def bug() -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        gather([bug], deadline(5))


def test_no_questions() -> None:
    assert gather([], deadline(5)) == []
