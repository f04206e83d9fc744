"""Files of calls as people send them: what is usable is used, every other line is named with its reason."""

from __future__ import annotations

import io
import json
from contextlib import suppress
from datetime import UTC, datetime, timedelta, timezone
from itertools import islice
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from integrations.telephony.files.reading import read_call_file, read_calls
from integrations.telephony.files.record import Rules
from integrations.telephony.files.text import MAX_LINE
from supportctl.core.call import Call, Rejected
from supportctl.core.errors import UsageError

MOSCOW = ZoneInfo("Europe/Moscow")
RULES = Rules("pbx", MOSCOW, "RU")
GOOD = {
    "call_id": "1788246123.17",
    "direction": "in",
    "started_at": "2026-09-01T10:02:03+03:00",
    "duration_s": 61,
    "contact_phone": "8 (916) 123-45-67",
    "answered": True,
}
BEGAN = datetime(2026, 9, 1, 7, 2, 3, tzinfo=UTC)
CALL = Call("1788246123.17", "pbx", "in", BEGAN, 61, "+79161234567", answered=True)
CSV = "call_id,direction,started_at,duration_s,contact_phone,answered\n"
ROW = "1788246123.17,in,2026-09-01T10:02:03+03:00,61,+79161234567,true\n"


def read(data, rules=RULES):
    return list(read_calls(io.BytesIO(data if isinstance(data, bytes) else data.encode()), "calls", rules))


def line(**changes):
    record = {**GOOD, **changes}
    return json.dumps({name: value for name, value in record.items() if value is not ...}) + "\n"


def only(**changes):
    (found,) = read(line(**changes))
    return found


def reason(**changes):
    found = only(**changes)
    assert isinstance(found, Rejected)
    assert found.line == 1
    return found.reason


def call_of(found):
    assert isinstance(found, Call), found
    return found


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


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1251"])
@pytest.mark.parametrize("ending", ["\n", "\r\n"])
def test_tables_of_every_make(separator, encoding, ending):
    text = CSV.rstrip() + ",employee,tags\n" + ROW.rstrip() + ",Иванов — «старший»,VIP\n\n"
    text = text.replace(",", separator).replace("\n", ending)
    assert read(text.encode(encoding)) == [CALL._replace(employee="Иванов — «старший»", tags=("VIP",))]


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "cp1251"])
def test_json_lines_in_other_encodings(encoding):
    text = json.dumps({**GOOD, "employee": "Пётр"}, ensure_ascii=False) + "\r\n"
    assert read(text.encode(encoding)) == [CALL._replace(employee="Пётр")]


def test_letters_of_windows_after_a_megabyte_of_plain_ones():
    plain = "".join(line(call_id=f"a{i}", tags=["x" * 200]) for i in range(3000))
    found = read(
        plain.encode() + json.dumps({**GOOD, "employee": "Пётр"}, ensure_ascii=False).encode("cp1251")
    )
    assert call_of(found[-1]).employee == "Пётр"


def test_a_damaged_line_of_utf8_is_not_taken_for_windows():
    damaged = (
        json.dumps({**GOOD, "employee": "Пётр"}, ensure_ascii=False).encode().replace("П".encode(), b"\xcf")
    )
    good = json.dumps({**GOOD, "call_id": "2", "employee": "Пётр"}, ensure_ascii=False).encode()
    found = read(good + b"\n" + damaged + b"\n")
    assert [call_of(found[0]).employee, found[1]] == ["Пётр", Rejected(2, "calls.bad-encoding", {})]


def test_a_utf16_file_that_was_cut():
    data = ("\ufeff" + line(call_id="a") + line(call_id="b")).encode("utf-16-le")[:-1]
    first, second = read(data)
    assert (call_of(first).call_id, second.reason) == ("a", "calls.bad-encoding")


def test_quotes():
    table = CSV.rstrip() + ",employee\n" + ROW.rstrip() + ',"Romashka, ""Ltd"""\n'
    assert read(table) == [CALL._replace(employee='Romashka, "Ltd"')]


def test_a_value_over_two_lines():
    table = (
        CSV.rstrip()
        + ",employee,line\n"
        + ROW.rstrip()
        + ',"Ivan\nIvanov",101\n'
        + ROW.replace("17,", "18,").rstrip()
        + ",,\n"
    )
    first, second = read(table)
    assert call_of(first).employee == "Ivan Ivanov"
    assert call_of(second).call_id == "1788246123.18"


def test_a_quote_that_never_closes_costs_one_line():
    rows = "".join(ROW.replace("123.17", f"123.{i}") for i in range(50))
    table = CSV + 'broken,"in,2026-09-01T10:02:03+03:00,61,1,true\n' + rows
    rejected, *calls = read(table)
    assert (rejected.line, rejected.reason) == (2, "calls.bad-quotes")
    assert len(calls) == 50
    assert all(isinstance(call, Call) for call in calls)


@pytest.mark.parametrize(
    ("row", "width"), [("a,in,2026-09-01T10:02:03Z,61,1", 5), (ROW.rstrip() + ",more", 7)]
)
def test_a_row_of_another_width(row, width):
    rejected, call = read(f"{CSV}{row}\n{ROW}")
    assert rejected == Rejected(2, "calls.bad-row", {"expected": "6", "found": str(width)})
    assert call == CALL


def test_empty_columns_behind_the_last_one_do_not_matter():
    assert read(CSV + ROW.rstrip() + ",,,\n") == [CALL]


def test_columns_in_another_order_and_unknown_ones():
    table = (
        "\n;sep\nANSWERED; Call_Id ;direction;x;started_at;duration_s;contact_phone\n"
        "1;1788246123.17;in;?;2026-09-01 10:02:03;0:61;1\n"
    )
    with pytest.raises(UsageError):
        read(table)  # the first line that is not empty has to be the header
    table = table.removeprefix("\n;sep\n").replace("0:61", "1:01").replace(";1\n", ";89161234567\n")
    assert read("sep=;\r\n" + table) == [CALL]


@pytest.mark.parametrize(
    ("data", "key", "args"),
    [
        (b"", "calls.empty", {}),
        (b" \r\n\n", "calls.empty", {}),
        (b"\xef\xbb\xbf", "calls.empty", {}),
        (b"PK\x03\x04 sheet", "calls.spreadsheet", {}),
        (b"\xd0\xcf\x11\xe0\xa1\xb1", "calls.spreadsheet", {}),
        (b"\x00" * 500, "calls.not-text", {}),
        (b"call_id;direction\n", "calls.missing-columns",
         {"columns": "started_at, duration_s, contact_phone, answered"}),
        (ROW.encode(), "calls.missing-columns", {}),
        (CSV.replace("answered", "answered,call_id").encode(), "calls.columns-twice", {"columns": "call_id"}),
        (b'{"schema": "supportctl.report/1", "findings": []}', "calls.other-document",
         {"schema": "supportctl.report/1"}),
        (b'{"schema": "supportctl.gaps/1"', "calls.bad-document", {}),
        (b"[1, 2", "calls.bad-document", {}),
        (b"[" * 100_000, "calls.bad-document", {}),
        (b"{\n}", "calls.other-document", {}),
    ],
)  # fmt: skip
def test_files_that_are_no_list_of_calls(data, key, args):
    with pytest.raises(UsageError) as caught:
        read(data)
    assert caught.value.key == key
    assert args.items() <= caught.value.args_by_name.items()


def gaps(*entries, indent=None):
    return json.dumps(
        {"schema": "supportctl.gaps/1", "window": {}, "calls": 9, "gaps": list(entries)}, indent=indent
    )


@pytest.mark.parametrize("indent", [None, 2])
def test_the_gaps_of_a_comparison(indent):
    document = gaps(
        {"code": "sync.call-missing", "call": {**GOOD, "call_id": "a"}, "crm": None, "resendable": True},
        {"code": "sync.recording-missing", "call": {**GOOD, "call_id": "a"}, "crm": {}, "resendable": True},
        {"code": "sync.wrong-employee", "call": {**GOOD, "call_id": "b"}, "crm": {}, "resendable": False},
        {"code": "sync.phantom-call", "call": None, "crm": {}, "resendable": False},
        {"code": "sync.call-missing", "call": {**GOOD, "answered": "?"}, "crm": None, "resendable": True},
        {"code": "sync.call-missing", "call": None, "crm": None, "resendable": True},
        "gap",
        indent=indent,
    )
    first, *rejected = read(document)
    assert call_of(first).call_id == "a"
    assert [(r.line, r.reason) for r in rejected] == [
        (5, "calls.bad-answered"),
        (6, "calls.no-object"),
        (7, "calls.no-object"),
    ]


def test_a_list_of_calls():
    assert [type(found) for found in read(json.dumps([GOOD, 1, GOOD], indent=1))] == [
        Call,
        Rejected,
        Rejected,
    ]


def test_places_that_hold_no_file(tmp_path):
    for path, key in ((tmp_path / "nothing.csv", "calls.not-found"), (tmp_path, "calls.folder")):
        with pytest.raises(UsageError) as caught:
            list(read_call_file(path, RULES))
        assert caught.value.key == key


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
