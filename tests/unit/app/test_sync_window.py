"""`--since` and `--until`: so long ago, a moment, a day of the shop."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supportctl.app.sync_window import window
from supportctl.core.errors import UsageError

MOSCOW = ZoneInfo("Europe/Moscow")
NOW = datetime(2026, 11, 22, 14, 7, tzinfo=UTC)


def test_without_words_it_is_the_last_day():
    assert window(None, None, NOW, MOSCOW) == (NOW - timedelta(hours=24), NOW)


@pytest.mark.parametrize(
    ("since", "until", "first", "last"),
    [
        ("90m", None, "2026-11-22T12:37+00:00", None),
        ("2d", "1d", "2026-11-20T14:07+00:00", "2026-11-21T14:07+00:00"),
        ("2026-11-21", "2026-11-21", "2026-11-21T00:00+03:00", "2026-11-22T00:00+03:00"),
        ("2026-11-22", "2026-11-22", "2026-11-22T00:00+03:00", None),
        ("2026-11-21T10:00", "2026-11-21T11:30:05", "2026-11-21T10:00+03:00", "2026-11-21T11:30:05+03:00"),
        ("2026-11-21T10:00Z", None, "2026-11-21T10:00+00:00", None),
        ("24h", "2030-01-01", "2026-11-21T14:07+00:00", None),
    ],
)
def test_what_people_type(since, until, first, last):
    found = window(since, until, NOW, MOSCOW)
    assert found.since == datetime.fromisoformat(first)
    assert found.until == (datetime.fromisoformat(last) if last else NOW)


def test_a_day_that_has_23_hours():
    berlin = ZoneInfo("Europe/Berlin")
    found = window("2026-03-29", "2026-03-29", NOW, berlin)
    assert found.until.astimezone(UTC) - found.since.astimezone(UTC) == timedelta(hours=23)


@pytest.mark.parametrize(
    "text", ["yesterday", "24", "h", "", "2026-13-01", "99999w", "0001-01-01T00:00+14:00"]
)
def test_what_is_no_time(text):
    with pytest.raises(UsageError) as error:
        window(text or " ", None, NOW, MOSCOW)
    assert error.value.key in {"sync.bad-time", "sync.bad-window"}


@pytest.mark.parametrize(
    ("since", "until"), [("1h", "2h"), ("2027-01-01", None), ("2020-01-01", None), ("0h", None)]
)
def test_what_is_no_stretch(since, until):
    with pytest.raises(UsageError) as error:
        window(since, until, NOW, MOSCOW)
    assert error.value.key == "sync.bad-window"


@given(st.text(max_size=30), st.text(max_size=30))
def test_whatever_is_typed_only_a_usage_error_comes(since, until):
    try:
        found = window(since, until, NOW, MOSCOW)
    except UsageError:
        return
    assert found.since < found.until <= NOW
