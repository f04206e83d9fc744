"""Master.csv: its columns, its quotes, its growth, its damage."""

import gzip
import os
from datetime import UTC, datetime, timedelta

import pytest
from asterisk_records import COLUMNS, DAY, MOSCOW, row
from hypothesis import given
from hypothesis import strategies as st

from integrations.telephony.asterisk import lines
from supportctl.core.call import Rejected
from supportctl.core.errors import SupportctlError
from supportctl.core.failure import ServiceError


@pytest.mark.parametrize("extra", COLUMNS.values(), ids=COLUMNS)
def test_every_combination_of_columns_is_recognised(read, extra):
    (call,), rejected = read([row("10:00:00", userfield="note, with a comma")], extra=extra)
    assert rejected == []
    assert (call.contact_phone, call.employee, call.duration_s, call.wait_s) == ("+79161234567", "101", 60, 5)
    assert call.started_at == datetime(2026, 9, 1, 10, 0, tzinfo=MOSCOW)
    by_id = {"uniqueid", "linkedid"} & set(extra)
    assert (call.call_id == "1788246000.1") == bool(by_id)


def test_a_record_without_an_id_has_the_same_id_at_every_reading(read):
    rows = [row("10:00:00"), row("10:00:00", src="+79160000000")]
    (first, second), _ = read(rows, extra=())
    again, _ = read([row("09:00:00"), *rows[::-1]], extra=())
    assert first.call_id != second.call_id
    assert first.call_id.startswith("row-")
    assert {call.call_id for call in again} > {first.call_id, second.call_id}


def test_the_columns_may_change_in_the_middle_of_a_file(read):
    text = row("10:00:00").line(()) + row("10:05:00").line(COLUMNS["both"]) + row("10:10:00").line()
    calls, rejected = read(text)
    assert (len(calls), rejected) == (3, [])


def test_the_account_names_the_columns_of_a_custom_file(read):
    text = '2026-09-01 10:00:00,+79161234567,101,65,60,ANSWERED,1788246000.7,"x"\n1,2\n'
    columns = ["calldate", "src", "dst", "duration", "billsec", "disposition", "uniqueid", "mine"]
    (call,), (rejected,) = read(text, columns=columns)
    assert (call.call_id, call.duration_s, call.answered) == ("1788246000.7", 60, True)
    assert rejected == Rejected(2, "cdr.columns", {"found": "2", "expected": "8"})


def test_a_header_names_the_columns(read):
    text = "calldate,src,dst,duration,billsec,disposition\n2026-09-01 10:00:00,101,+79161234567,9,0,BUSY\n"
    (call,), rejected = read(text)
    assert (call.direction, call.answered, rejected) == ("out", False, [])


def test_quotes_and_line_breaks_within_fields(read):
    name = '"Ann ""the boss""\nSmith" <+79161234567>'
    calls, rejected = read([row("10:00:00", clid=name, lastdata="a\r\n,b\n"), row("11:00:00")])
    assert (len(calls), rejected) == (2, [])


def test_a_torn_line_costs_itself_and_nothing_else(read):
    good = [row(f"10:{minute:02}:00").line() for minute in range(40)]
    torn = good[20][:70] + "\n"
    assert torn.count('"') % 2
    calls, rejected = read("".join([*good[:20], torn, *good[21:]]))
    assert len(calls) == 39
    assert [(each.line, each.reason) for each in rejected] == [(21, "cdr.not-a-record")]


def test_two_lines_that_a_power_cut_has_joined(read):
    good = [row(f"10:{minute:02}:00").line() for minute in range(10)]
    joined = good[4][:-40] + good[5]
    calls, rejected = read("".join([*good[:4], joined, *good[6:]]))
    assert len(calls) == 8
    assert [each.line for each in rejected] == [5]


def test_zeros_after_a_crash_and_garbage_bytes(read):
    good = row("10:00:00").line().encode()
    garbage = b"\0" * 4096 + b"\n" + bytes(range(128, 256)) + b"\n\xff\xfe\n"
    calls, rejected = read(good + garbage + row("11:00:00").line().encode())
    assert len(calls) == 2
    assert [each.line for each in rejected] == [2, 3, 4]
    assert all(each.args["found"].isprintable() for each in rejected)


def test_a_line_without_an_end_is_not_kept_in_memory(read):
    calls, rejected = read(b'"' + b"x" * 300_000 + b"\n" + row("10:00:00").line().encode())
    assert len(calls) == 1
    assert [(each.line, each.reason) for each in rejected] == [(1, "cdr.long-line")]


def test_names_in_cp1251_do_no_harm(read):
    text = row("10:00:00", clid='"Вася" <+79161234567>').line().encode("cp1251")
    calls, rejected = read(text)
    assert (len(calls), rejected) == (1, [])


def test_a_caller_cannot_slip_in_a_record_of_their_own(read):
    forged = row("12:00:00", src="+79990000000", uniqueid="1788253200.9").line().strip()
    calls, rejected = read([row("10:00:00", clid=f"x\n{forged}\n"), row("11:00:00", lastdata=forged)])
    assert [call.contact_phone for call in calls] == ["+79161234567"] * 2
    assert rejected == []


def test_the_line_that_is_being_written_waits(read, tmp_path):
    whole = row("10:00:00").line()
    for cut in range(len(whole)):
        calls, rejected = read(row("09:00:00").line() + whole[:cut])
        assert len(calls) in {1, 2}, whole[:cut]
        assert rejected == []
        if len(calls) == 2:  # the number at the end of the line may still grow; it is not needed
            assert cut >= len(whole) - 2
            assert calls[1].call_id == "1788246000.1"


def test_what_is_appended_while_it_is_read_waits(tmp_path):
    path = tmp_path / "Master.csv"
    path.write_text("".join(row(f"10:{minute:02}:00").line() for minute in range(3)))
    reading = lines.records(path, lambda fields: True)
    found = [next(reading)]
    with path.open("a") as more:
        more.write(row("12:00:00").line() * 1000)
    assert len([*found, *reading]) == 3


def test_rotated_files_are_read_oldest_first(read, tmp_path):
    with gzip.open(tmp_path / "Master.csv.2.gz", "wt") as old:
        old.write(row("08:00:00").line())
    (tmp_path / "Master.csv.1").write_text(row("09:00:00").line())
    (tmp_path / "Master.csv.10").write_text(row("07:00:00").line())
    calls, _ = read([row("10:00:00")], file="Master.csv*")
    assert [f"{call.started_at:%H}" for call in calls] == ["07", "08", "09", "10"]


def test_a_file_from_long_before_the_window_is_not_opened(read, tmp_path):
    old = tmp_path / "Master.csv.1"
    old.write_bytes(b"garbage\n")
    calls, rejected = read([row("10:00:00")], file="Master.csv*")
    assert len(rejected) == 1
    last = datetime(2026, 8, 1, tzinfo=UTC).timestamp()
    os.utime(old, (last, last))
    calls, rejected = read(None, file="Master.csv*")
    assert (len(calls), rejected) == (1, [])


def test_a_call_in_two_files_and_a_copy_of_it_are_one_call(read, tmp_path):
    legs = [row(f"10:0{n}:00", linkedid="1788246000.1", sequence=n) for n in (0, 1)]
    (tmp_path / "Master.csv.1").write_text(legs[0].line())
    calls, rejected = read(legs, file="Master.csv*")
    assert (len(calls), rejected) == (1, [])


@pytest.mark.parametrize("file", ["nothing.csv", "nothing*.csv", "."])
def test_a_file_that_is_not_there(read, file):
    with pytest.raises(SupportctlError, match=r"cdr\.(no-file|unreadable-file)"):
        read(None, file=file)


def test_a_damaged_archive(read, tmp_path):
    whole = gzip.compress(row("10:00:00").line().encode() * 100)
    for damaged in (whole[:-20], whole[:30] + b"\xff" * 30 + whole[60:], b"no archive"):
        (tmp_path / "Master.csv.gz").write_bytes(damaged)
        with pytest.raises(SupportctlError, match=r"cdr\.unreadable-file"):
            read(None, file="Master.csv.gz")


class TestTime:
    def test_utc(self, read):
        (call,), _ = read([row("10:00:00", uniqueid="a.1")], utc=True)
        assert call.started_at == datetime(2026, 9, 1, 10, 0, tzinfo=UTC)

    def test_the_zone_of_the_account_goes_before_that_of_the_site(self, read):
        (call,), _ = read([row("10:00:00")], timezone="Asia/Yekaterinburg")
        assert call.started_at.utcoffset() == timedelta(hours=5)

    def test_the_hour_that_comes_twice_is_told_by_the_id(self, read):
        at = datetime(2026, 10, 25, 1, 30, tzinfo=UTC)  # in Berlin 02:30, for the second time
        rows = [
            row("2026-10-25 02:30:00", uniqueid=f"{int(at.timestamp()) - before}.1") for before in (3600, 0)
        ]
        window = {"since": at - timedelta(hours=5), "until": at + timedelta(hours=5)}
        (first, second), _ = read(rows, timezone="Europe/Berlin", **window)
        assert (second.started_at - first.started_at, second.started_at) == (timedelta(hours=1), at)
        assert (first.wait_s, first.duration_s, second.wait_s) == (5, 60, 5)

    def test_the_window_is_half_open(self, read):
        rows = [row("10:00:00"), row("11:00:00", uniqueid="1788249600.2")]
        calls, _ = read(rows, since=DAY.replace(hour=10), until=DAY.replace(hour=11))
        assert [call.call_id for call in calls] == ["1788246000.1"]

    @pytest.mark.parametrize(
        "start",
        ["", "10:00", "2026-09-01", "2026-13-01 10:00:00", "1970-01-01 00:00:00", "9999-12-31 23:59:59",
         "0001-01-01 00:00:00", "２０２６-09-01 10:00:00", "2026-09-01 10:00:00" + "0" * 50],
    )  # fmt: skip
    def test_a_time_that_is_none(self, read, start):
        text = row("10:00:00").line().replace("2026-09-01 10:00:00", start)
        calls, rejected = read(text)
        assert calls == []
        assert [each.reason for each in rejected] in (["cdr.bad-time"], [])  # years away: out of the window

    @pytest.mark.parametrize("number", ["x", "-", "1e400", "99999999999", "9" * 10_000, "NaN"])
    def test_a_length_that_is_none(self, read, number):
        text = row("10:00:00").line().replace(',65,60,"ANS', f',{number},60,"ANS')
        _, rejected = read(text)
        assert [each.reason for each in rejected] == ["cdr.bad-number"]

    def test_a_clock_that_was_set_back_during_the_call(self, one):
        call = one(row("10:00:00", duration=-3600, billsec=-3600, end="2026-09-01 09:00:00"))
        assert (call.duration_s, call.wait_s) == (0, 0)


def test_the_deadline_ends_the_reading(read, surroundings):
    rows = [row("10:00:00", uniqueid=f"1788246000.{n}") for n in range(1500)]
    surroundings.clock.now = lambda: surroundings.clock.advance(70)
    times = iter(range(0, 10**6, 100))
    surroundings.clock.monotonic = lambda: next(times)
    with pytest.raises(ServiceError, match="deadline"):
        read(rows)


@given(st.lists(st.binary(max_size=60), max_size=20))
def test_any_bytes_are_lines_or_rejected(tmp_path_factory, pieces):
    path = tmp_path_factory.mktemp("any") / "Master.csv"
    good = row("10:00:00").line().encode()
    path.write_bytes(b"\n".join([good.strip(), *pieces, b"", good]))
    found = [*lines.records(path, lambda fields: len(fields) == 21)]
    assert found[0].line == 1
    last = [each for each in found if isinstance(each, lines.Record)][-1]
    assert len(last.fields) == 21


@given(st.lists(st.text(max_size=20), min_size=21, max_size=21))
def test_any_texts_come_back_as_they_were_written(tmp_path_factory, fields):
    import csv
    import io

    out = io.StringIO()
    csv.writer(out, quoting=csv.QUOTE_ALL, lineterminator="\n").writerow(fields)
    path = tmp_path_factory.mktemp("any") / "Master.csv"
    path.write_bytes(out.getvalue().encode("utf-8", "surrogatepass"))
    found = [*lines.records(path, lambda found: len(found) == 21)]
    if sum(text.count("\n") for text in fields) < 30:
        assert [each.fields for each in found] == [[text.removeprefix("") for text in fields]]
