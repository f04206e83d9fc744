"""Tables and lists of calls of every make: separators, encodings, quotes, columns, gaps of a comparison."""

from __future__ import annotations

import json

import pytest
from call_lines import CALL, CSV, GOOD, ROW, RULES, call_of, line, read

from integrations.telephony.files.reading import read_call_file
from supportctl.core.call import Call, Rejected
from supportctl.core.errors import UsageError


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
