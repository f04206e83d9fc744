"""Redaction: secrets go, the rest stays, and no text makes it slow."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supportctl.core import redaction
from supportctl.core.redaction import redact, remember


@pytest.fixture(autouse=True)
def _fresh(monkeypatch):
    monkeypatch.setattr(redaction, "_known", set())


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        ("shtrih+tcp://10.0.0.5?password=4711x", "4711x"),
        ("tcp://h:1?pin=0815x&a=b", "0815x"),
        ("zvt+tcp://h?key=abcdef", "abcdef"),
        ("Authorization: Bearer abcdef1234567890", "abcdef1234567890"),
        ("got bearer abcdef1234567890 here", "abcdef1234567890"),
        ("https://user:hunter2@example.com/", "hunter2"),
        ("postgresql+psycopg://user:hunter2@db/calls", "hunter2"),
        ("https://portal.example/rest/1/abcdef123456/crm.lead.add", "abcdef123456"),
        ("token = abc", "abc"),
        ("API_KEY:abc", "abc"),
        ("community=public1", "public1"),
    ],
)
def test_secrets_go(text, secret):
    assert secret not in redact(text)
    assert "***" in redact(text)


@pytest.mark.parametrize(
    "text",
    [
        "escpos+tcp://192.168.1.50:9100",
        "secret://env/UIS_TOKEN",
        "the key of the drawer",
        "serial:///dev/ttyUSB0?baud=9600&parity=none",
        "https://portal.example/rest/",
        "12:30 and 13:45@noon",
    ],
)
def test_the_rest_stays(text):
    assert redact(text) == text


def test_known_secrets_go_wherever_they_stand():
    remember("s3cr3t-value")
    remember("s3cr3t")
    assert redact("a s3cr3t-value b") == "a *** b"


def test_short_values_are_no_secrets():
    remember("30")
    assert redact("30 minutes") == "30 minutes"


@given(st.text(max_size=200))
def test_twice_is_as_once(text):
    assert redact(redact(text)) == redact(text)


@pytest.mark.parametrize(
    "piece",
    [
        "password",
        "password ",
        "password=",
        "a" * 20 + "://",
        "://",
        "bearer ",
        "https://a:",
        "/rest/1/",
        "x:",
        "@",
    ],
)
def test_hostile_text_takes_linear_time(piece):
    def spent(size):
        text = piece * (size // len(piece))
        started = time.process_time()
        redact(text)
        return time.process_time() - started

    small = max(min(spent(20_000) for _ in range(3)), 0.0005)
    # eight times the text: a quadratic pattern would need sixty-four times the time
    assert min(spent(160_000) for _ in range(3)) < 32 * small
