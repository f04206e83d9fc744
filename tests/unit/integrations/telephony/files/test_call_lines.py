"""Lines of calls as people send them: what is usable is used, every other line is named with its reason."""

from __future__ import annotations

import io
import json
from contextlib import suppress
from datetime import UTC, datetime, timedelta, timezone
from itertools import islice

import pytest
from call_lines import CALL, CSV, GOOD, RULES, call_of, line, only, read, reason
from hypothesis import assume, given
from hypothesis import strategies as st

from integrations.telephony.files.reading import read_calls
from integrations.telephony.files.record import Rules
from integrations.telephony.files.text import MAX_LINE
from supportctl.core.call import Call, Rejected
from supportctl.core.errors import UsageError


def test_a_call_with_what_is_needed():
    assert only() == CALL


def test_a_call_with_everything():
    found = only(source="uis", wait_s=4, line="74951234567", employee=101,
    recording_url="https://rec.example/1.mp3",
                 tags=["VIP", " new "], raw={"a": 1})  # fmt: skip
    assert found == CALL._replace(source="uis", wait_s=4, line="+74951234567", employee="101", tags=("VIP",
    "new"),
                                  recording_url="https://rec.example/1.mp3", raw={"a": 1})  # fmt: skip


def test_what_a_call_writes_is_read_back():
    call = CALL._replace(wait_s=4, line="101", employee="7", tags=("a",), raw={"x": None})
    assert read(json.dumps(call.document())) == [call]


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        (61, 61), ("61", 61), ("61.0", 61), (61.9, 61), ("61,5", 61), ("00:01:01", 61), ("1:01", 61),
        ("01:01", 61),
        ("100:00:00", 360_000), (0, 0), ("0", 0), (" 5 ", 5),
    ],
)  # fmt: skip
def test_durations(written, expected):
    assert call_of(only(duration_s=written)).duration_s == expected


@pytest.mark.parametrize(
    "written", [-1, "-1", "61 s", "1:61", "1:1:1:1", True, [61], {}, 1e300, float("inf"), 10**30, "9" * 30,
    "\u0661", 604_801]
)  # fmt: skip
def test_durations_that_cannot_be(written):
    assert reason(duration_s=written) in {"calls.bad-duration", "calls.bad-json"}


def test_no_duration_is_none_for_a_call_that_was_missed():
    assert call_of(only(duration_s="", answered=False)).duration_s == 0
    assert call_of(only(duration_s=None, answered=False)).duration_s == 0
    assert reason(duration_s="") == "calls.empty-field"


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("2026-09-01T10:02:03+03:00", datetime(2026, 9, 1, 7, 2, 3, tzinfo=UTC)),
        ("2026-09-01T07:02:03Z", datetime(2026, 9, 1, 7, 2, 3, tzinfo=UTC)),
        ("2026-09-01 10:02:03", datetime(2026, 9, 1, 7, 2, 3, tzinfo=UTC)),  # the site's zone
        ("2026-09-01 10:02", datetime(2026, 9, 1, 7, 2, tzinfo=UTC)),
        ("2026-09-01T10:02:03.5+0300", datetime(2026, 9, 1, 7, 2, 3, 500_000, tzinfo=UTC)),
    ],
)
def test_times(written, expected):
    found = call_of(only(started_at=written)).started_at
    assert found == expected
    assert found.utcoffset() is not None


def test_a_time_without_a_zone_is_no_time_where_none_is_known():
    (found,) = read(line(started_at="2026-09-01 10:02:03"), Rules("pbx", None, "RU"))
    assert (found.reason, found.args) == ("calls.no-zone", {"found": "2026-09-01 10:02:03"})


@pytest.mark.parametrize(
    "written",
    ["", None, 1788246123, "01.09.2026 10:02:03", "2026-09-01", "2026-13-01T00:00:00Z",
     "0001-01-01T00:00:00Z",
     "9999-12-31T23:59:59-14:00", "yesterday", "2026-09-01T25:00:00Z", "2026-W36-2", "x" * 300],
)  # fmt: skip
def test_times_that_are_none(written):
    assert reason(started_at=written) == "calls.bad-time"


@pytest.mark.parametrize(
    ("written", "expected"),
    [("+7 (916) 123-45-67", "+79161234567"), ("89161234567 доб. 12", "+79161234567"), (79161234567,
     "+79161234567"),
     ("101", "101"), ("", ""), (None, ""), ("anonymous", ""), ("Скрытый номер", ""),
     ("\u202a+79161234567\u202c", "+79161234567"),
     ('="79161234567"', "+79161234567")],
)  # fmt: skip
def test_phones(written, expected):
    assert call_of(only(contact_phone=written)).contact_phone == expected


@pytest.mark.parametrize(
    ("written", "why"),
    [("Иван", "calls.bad-phone"), ("7,91612E+10", "calls.rounded"), ("7.9E+10", "calls.rounded"), (["1"],
     "calls.bad-text"),
     ("\x1b[31m+79161234567", "calls.bad-text"), (True, "calls.bad-text"), (1.5, "calls.bad-text")],
)  # fmt: skip
def test_phones_that_are_none(written, why):
    assert reason(contact_phone=written) == why


@pytest.mark.parametrize("written", [True, "true", "TRUE", "1", 1, "yes", "да", "Да"])
def test_answered(written):
    assert call_of(only(answered=written)).answered is True


@pytest.mark.parametrize("written", [False, "false", "0", 0, "no", "нет"])
def test_missed(written):
    assert call_of(only(answered=written)).answered is False


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"answered": "maybe"}, "calls.bad-answered"),
        ({"answered": None}, "calls.bad-answered"),
        ({"answered": ""}, "calls.bad-answered"),
        ({"answered": 2}, "calls.bad-answered"),
        ({"direction": "inbound"}, "calls.bad-direction"),
        ({"direction": 1}, "calls.bad-direction"),
        ({"direction": ["in"]}, "calls.bad-direction"),
        ({"call_id": ""}, "calls.empty-field"),
        ({"call_id": None}, "calls.empty-field"),
        ({"call_id": "1,78825E+09"}, "calls.rounded"),
        ({"call_id": "a\u202eb"}, "calls.bad-text"),
        ({"call_id": "x" * 300}, "calls.bad-text"),
        ({"call_id": {}}, "calls.bad-text"),
        ({"call_id": 10**30}, "calls.bad-text"),
        ({"source": ["uis"]}, "calls.bad-text"),
        ({"employee": "\ud800"}, "calls.bad-text"),
        ({"tags": "[1]"}, "calls.bad-text"),
        ({"tags": [["a"]]}, "calls.bad-text"),
        ({"tags": {}}, "calls.bad-text"),
        ({"raw": "[]"}, "calls.bad-text"),
        ({"raw": ["a"]}, "calls.bad-text"),
        ({"raw": {"x": "\ud800"}}, "calls.bad-text"),
        ({"recording_url": "http://x/\n"}, None),
        ({"recording_url": "http://x/\ny"}, "calls.bad-text"),
        ({"wait_s": "soon"}, "calls.bad-duration"),
        ({"duration_s": ...}, "calls.missing-field"),
        ({"answered": ...}, "calls.missing-field"),
    ],
)
def test_values_that_cannot_be(changes, why):
    found = only(**changes)
    assert (found.reason if isinstance(found, Rejected) else None) == why


def test_the_first_of_two_is_used():
    found = read(line() + line(employee="2") + line(source="other"))
    assert [call_of(found[0]).employee, found[1].reason, call_of(found[2]).source] == [
        "",
        "calls.duplicate",
        "other",
    ]
    assert found[1].line == 2


BAD_LINES = [
    b"{", b"[]", b"1", b"null", b'{"a": NaN}', b'"' + b"x" * 99, b"\xff\xfe\xfd", b"{}", b"[" * 100_000,
    b"9" * 5000,
    b'{"call_id": 1}', b"\0", b"not json",
]  # fmt: skip


@pytest.mark.parametrize("bad", BAD_LINES, ids=range(len(BAD_LINES)))
def test_a_bad_line_costs_itself_only(bad):
    data = (
        line(call_id="a").encode()
        + bad
        + b"\n"
        + line(call_id="b").encode()
        + b"\n\n"
        + line(call_id="c").encode()
    )
    first, rejected, second, third = read(data)
    assert isinstance(rejected, Rejected)
    assert rejected.line == 2
    assert [call_of(found).call_id for found in (first, second, third)] == ["a", "b", "c"]


def test_a_line_without_end_is_bounded():
    """Ten megabytes that are one line: they are passed over, not held."""

    class Stream(io.RawIOBase):
        def __init__(self):
            self.parts = iter(
                [line(call_id="a").encode(), *[b"x" * 100_000] * 100, b"\n" + line(call_id="b").encode()]
            )
            self.largest = 0

        def read(self, size=-1):
            return next(self.parts, b"")

    first, rejected, last = read_calls(Stream(), "calls", RULES)
    assert (rejected.line, rejected.reason, rejected.args) == (
        2,
        "calls.line-too-long",
        {"limit": str(MAX_LINE)},
    )
    assert [call_of(first).call_id, call_of(last).call_id] == ["a", "b"]


def test_a_million_lines_are_not_held():
    made = 0

    class Stream(io.RawIOBase):
        def read(self, size=-1):
            nonlocal made
            made += 1
            return line(call_id=f"c{made}").encode()

    assert len(list(islice(read_calls(Stream(), "calls", RULES), 1000))) == 1000
    assert made < 1100


def test_what_is_told_of_a_line_is_safe_to_show():
    found = only(direction="\x1b[2J" + "x" * 500)
    assert found.args["found"].isprintable()
    assert len(found.args["found"]) <= 60


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12)
    | st.sampled_from(list(GOOD.values())),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=5,
)  # fmt: skip
FIELDS = st.sampled_from(
    [*GOOD, "source", "wait_s", "line", "employee", "recording_url", "tags", "raw", "other"]
)


@given(st.dictionaries(FIELDS, VALUES, max_size=8))
def test_any_json_is_a_call_or_is_rejected(changes):
    (found,) = read(json.dumps({**GOOD, **changes}))
    assert isinstance(found, Call | Rejected)
    if isinstance(found, Call):
        assert found.started_at.utcoffset() is not None
        json.dumps(found.document(), ensure_ascii=False).encode()


@given(st.binary(max_size=300), st.booleans())
def test_any_bytes_after_a_header_are_read_line_by_line(data, table):
    start = CSV if table else line()
    assume(data.count(0) < 2)  # more of them make a short file no text at all
    found = read(start.encode() + data)
    assert all(isinstance(one, Call | Rejected) for one in found)
    lines = [one.line for one in found if isinstance(one, Rejected)]
    assert lines == sorted(set(lines))


@given(st.binary(max_size=300))
def test_any_bytes_are_calls_or_an_error_of_ours(data):
    with suppress(UsageError):
        read(data)


def test_offsets_survive():
    assert call_of(only()).started_at.utcoffset() == timedelta(hours=3)
    assert call_of(only()).started_at.tzinfo == timezone(timedelta(hours=3))
