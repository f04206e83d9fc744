"""What a comparison says of calls and records that were made up to be hard."""

from __future__ import annotations

from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest

from integrations.crm.reader import Employee
from integrations.sync.model import Window
from supportctl.core.call import INTERNAL, Rejected


def test_call_that_arrived_is_no_gap(words):
    found = words.compared([words.call("a", 0)], [words.record("1", 0, external_id="a")])
    assert found.told == []
    assert (found.result.calls, found.result.records, found.result.matched) == (1, 1, 1)


def test_missing_call_has_no_other_gap(words):
    found = words.compared([words.call("a", 0, recording_url="https://x.example/1")], [])
    assert found.told == [("call-missing", "a")]
    assert found.result.gaps[0].details == {"expected_at": "2026-09-01T00:00:00+00:00"}
    assert found.settled[0].gaps == ("sync.call-missing",)


def test_one_call_can_have_several_gaps(words):
    calls = [words.call("a", 0, recording_url="https://x.example/1")]
    records = [
        words.record(
            "1", 0, external_id="a", employee="9", contact="", recording=False, created_at=words.at(9000)
        )
    ]
    gaps = {code for code, _ in words.compared(calls, records).told}
    assert gaps == {"recording-missing", "wrong-employee", "no-contact", "delivered-late"}


def test_details_say_what_differs(words):
    records = [
        words.record("1", 0, external_id="a", employee="9", created_at=words.at(9065)),
        words.record("2", 1, external_id="a"),
    ]
    gaps = {g.code: g for g in words.compared([words.call("a", 0)], records).result.gaps}
    assert gaps.keys() == {"sync.duplicate-call"}  # the record that leaves no gap is the one that counts
    assert gaps["sync.duplicate-call"].details == {"kept": "2"}
    assert gaps["sync.duplicate-call"].crm.record_id == "1"
    gaps = {g.code: g for g in words.compared([words.call("a", 0)], records[:1]).result.gaps}
    assert gaps["sync.wrong-employee"].details == {"extension": "101", "expected": "7"}
    assert gaps["sync.delivered-late"].details == {"late_s": 9000}


@pytest.mark.parametrize(("apart", "missing"), [(60, False), (-60, False), (61, True), (-61, True)])
def test_tolerance_is_inclusive(words, apart, missing):
    found = words.compared([words.call("a", 1000)], [words.record("1", 1000 + apart)])
    assert bool(found.told) is missing


def test_other_direction_is_another_call(words):
    found = words.compared([words.call("a", 900)], [words.record("1", 900, direction="out")])
    assert found.told == [("call-missing", "a"), ("phantom-call", "1")]
    assert words.compared([words.call("a", 0)], [words.record("1", 0, direction="")]).told == []


def test_same_phone_ten_times_a_minute_all_delivered(words):
    calls = [words.call(f"c{n}", n * 6) for n in range(10)]
    records = [words.record(f"r{n}", n * 6 + 3) for n in range(10)]
    found = words.compared(calls, records)
    assert found.told == []
    assert found.result.matched == 10


def test_same_phone_ten_times_a_minute_one_missing_is_not_guessed(words):
    calls = [words.call(f"c{n}", n * 6) for n in range(10)]
    records = [words.record(f"r{n}", n * 6) for n in range(10) if n != 4]
    found = words.compared(calls, records)
    assert {code for code, _ in found.told} == {"ambiguous"}
    assert len(found.told) == 10
    assert found.result.gaps[0].details == {"calls": 10, "records": 9}


def test_ids_tell_twins_apart(words):
    calls = [words.call("a", 0), words.call("b", 10)]
    assert words.compared(calls, [words.record("1", 5, external_id="b")]).told == [("call-missing", "a")]


def test_steady_times_tell_twins_apart(words):
    """Where nearly all records are to the second, a record thirty seconds away is not the call's."""
    calls = [words.call(f"c{n}", n * 600, f"+7900000{n:04}") for n in range(80)]
    records = [words.record(f"r{n}", n * 600, f"+7900000{n:04}") for n in range(80)]
    pair = [words.call("a", 50_000), words.call("b", 50_030)]
    assert words.compared([*calls, *pair], [*records, words.record("x", 50_030)]).told == [
        ("call-missing", "a")
    ]
    # without those eighty nobody knows
    assert [code for code, _ in words.compared(pair, [words.record("x", 50_030)]).told] == ["ambiguous"] * 2


def test_surplus_record_without_an_id_is_a_duplicate(words):
    records = [words.record("1", 0, external_id="a"), words.record("2", 20)]
    assert words.compared([words.call("a", 0)], records).told == [("duplicate-call", "a")]
    records = [words.record("1", 3), words.record("2", 20)]
    assert words.compared([words.call("a", 0)], records).told == [("duplicate-call", "a")]


def test_record_of_another_integration_with_its_own_id_is_a_duplicate(words):
    records = [words.record("1", 0, external_id="a"), words.record("2", 2, external_id="theirs-77")]
    assert words.compared([words.call("a", 0)], records).told == [("duplicate-call", "a")]


def test_pairing_in_a_set_blames_nobody(words):
    """Two calls of one minute, two records: who is whose is the pairing in which everybody is right."""
    calls = [words.call("a", 0, employee="101"), words.call("b", 20, employee="102")]
    records = [words.record("1", 5, employee="9"), words.record("2", 25, employee="7")]
    assert words.compared(calls, records).told == []


def test_wrong_employee_in_a_set_is_still_found(words):
    calls = [words.call("a", 0, employee="101"), words.call("b", 20, employee="102")]
    records = [words.record("1", 5, employee="9"), words.record("2", 25, employee="33")]
    assert words.compared(calls, records).told == [("wrong-employee", "a")]


def test_hidden_callers_match_by_time_alone(words):
    calls = [words.call("a", 0, ""), words.call("b", 5000, "")]
    records = [words.record("1", 2, "", contact=""), words.record("2", 9000, "", contact="")]
    found = words.compared(calls, records)
    assert found.told == [("call-missing", "b"), ("phantom-call", "2")]  # and nobody asks for their contact


def test_short_and_long_numbers_are_not_mixed_up(words):
    phones = ["101", "0101", "+101", "00101", "2101", "1" * 18, "1" * 19, "sip:101", ""]
    calls = [words.call(f"c{n}", n, phone) for n, phone in enumerate(phones)]
    for phone in phones:
        found = words.compared(calls, [words.record("1", 4, phone)])
        assert found.result.matched == 1
        lost = {call_id for _, call_id in found.told}
        assert f"c{phones.index(phone)}" not in lost


def test_external_id_reused_for_two_calls(words):
    calls = [words.call("7", 0), words.call("7", 7200), words.call("7", 3600, "+74951112233")]
    records = [
        words.record("1", 7203, external_id="7"),
        words.record("2", 3600, "+74951112233", external_id="7"),
    ]
    found = words.compared(calls, records)
    assert [gap.call.started_at for gap in found.result.gaps] == [words.at(0)]


def test_id_of_another_system_is_not_believed_against_phone_and_time(words):
    found = words.compared([words.call("7", 0)], [words.record("1", 7200, "+74951112233", external_id="7")])
    assert found.told == [("call-missing", "7"), ("phantom-call", "1")]


def test_id_is_believed_when_the_phone_is_written_otherwise(words):
    assert (
        words.compared([words.call("7", 0)], [words.record("1", 90, "9161234567", external_id="7")]).told
        == []
    )


def test_what_is_listed_twice_is_one_call(words):
    calls = [words.call("a", 0), words.call("a", 0), words.call("b", 10)]
    records = [words.record("1", 0, external_id="a"), words.record("2", 12), words.record("2", 12)]
    found = words.compared(calls, records)
    assert found.told == []
    assert (found.result.calls, found.result.repeated) == (2, 1)


def test_record_read_twice_hides_no_missing_call(words):
    calls = [words.call("a", 0), words.call("b", 10)]
    records = [words.record("1", 3), words.record("1", 3)]
    assert [code for code, _ in words.compared(calls, records).told] == ["ambiguous"] * 2
    assert words.compared([], [words.record("1", 300)] * 2).told == [("phantom-call", "1")]


def test_empty_sides(words):
    assert words.compared([], []).told == []
    assert words.compared([words.call("a", 0)], []).told == [("call-missing", "a")]
    assert words.compared([], [words.record("1", 0)]).told == []  # at the edge: its call may lie before it
    assert words.compared([], [words.record("1", 100)]).told == [("phantom-call", "1")]


def test_unreadable_lines_are_listed(words):
    bad = Rejected(3, "telephony.bad-field", {})
    found = words.compared([bad, words.call("a", 0)], [words.record("1", 0), bad])
    assert found.result.rejected == (bad, bad)
    assert found.told == []


def test_calls_outside_of_the_window_take_their_records_and_are_not_judged(words):
    calls = [words.call("before", -30), words.call("lost", -500)]
    found = words.compared(calls, [words.record("1", 5)])
    assert found.told == []
    assert found.result.calls == 0


def test_record_of_a_call_before_the_window_is_no_phantom(words):
    assert words.compared([], [words.record("1", 45)]).told == []  # its call may have begun at -15 s
    wide = Window(words.DAY - timedelta(minutes=15), words.DAY + timedelta(days=1, minutes=15))
    assert words.compared([], [words.record("1", 45)], calls_read=wide).told == [("phantom-call", "1")]


def test_young_calls_are_not_judged(words):
    now = words.at(1000)
    calls = [words.call("done", 300), words.call("young", 500), words.call("talking", 100, duration_s=900)]
    found = words.compared(calls, [words.record("1", 700, "+74950000000")], now=now)
    assert found.told == [("call-missing", "done")]
    assert found.result.unjudged == 2
    assert [s.judged for s in sorted(found.settled, key=lambda s: s.call.call_id)] == [True, False, False]


def test_calls_whose_record_was_not_read_are_not_judged(words):
    read = Window(words.DAY, words.DAY + timedelta(hours=12))
    found = words.compared([words.call("a", 3600), words.call("b", 13 * 3600)], [], records_read=read)
    assert found.told == [("call-missing", "a")]
    assert found.result.unjudged == 1
    assert [w.until for w in found.result.unread] == [
        words.DAY - timedelta(0),
        words.DAY + timedelta(days=1, minutes=1),
    ]


def test_rules_leave_out_and_count(words):
    config = words.settings(
        exclude=[
            {"name": "internal", "internal": True},
            {"name": "spam", "phones": ["+7800*"], "direction": "in"},
            {"name": "clicks", "shorter_than": "3s", "answered": False},
        ]
    )
    calls = [
        words.call("a", 0, "101", tags=(INTERNAL,)),
        words.call("b", 0, "+78005553535"),
        words.call("c", 0, "+78005553535", direction="out"),
        words.call("d", 900, answered=False, duration_s=0),
    ]
    found = words.compared(calls, [words.record("1", 5000, "+78001112233")], config=config)
    assert found.told == [("call-missing", "c")]
    assert found.result.excluded == {"internal": 1, "spam": 1, "clicks": 1}
    assert found.result.excluded_records == {"spam": 1}
    assert {s.call.call_id: s.excluded for s in found.settled} == {
        "a": "internal", "b": "spam", "c": "", "d": "clicks",
    }  # fmt: skip


def test_excluded_call_takes_its_record_only_if_no_other_needs_it(words):
    config = words.settings(exclude=[{"name": "queue", "tags": ["queue*"]}])
    calls = [words.call("leg", 0, tags=("queue-1",)), words.call("real", 10)]
    assert words.compared(calls, [words.record("1", 0)], config=config).told == []
    assert words.compared(calls[:1], [words.record("1", 0)], config=config).told == []


def test_employees_that_cannot_be_mapped_are_counted(words):
    people = (*words.EMPLOYEES, Employee("11", "A", "103"), Employee("12", "B", "103"))
    calls = [
        words.call(f"c{n}", n * 1000, employee=who) for n, who in enumerate(("103", "106", "999", "", "101"))
    ]
    records = [words.record(f"r{n}", n * 1000, external_id=f"c{n}", employee="33") for n in range(5)]
    found = words.compared(calls, records, employees=people)
    assert found.told == [("wrong-employee", "c4")]
    assert found.result.unmapped == {"103": 1, "106": 1, "999": 1}
    mapped = words.settings(employees={"999": 33, "103": "12"})
    assert words.compared(calls, records, employees=people, config=mapped).told == [
        ("wrong-employee", "c0"),
        ("wrong-employee", "c4"),
    ]


def test_nobody_spoke_so_nobody_is_wrong(words):
    calls = [words.call("a", 0, answered=False), words.call("b", 900, answered=False, direction="out")]
    records = [words.record("1", 0, employee="9"), words.record("2", 900, employee="9", direction="out")]
    assert words.compared(calls, records).told == [("wrong-employee", "b")]
    assert words.compared([words.call("a", 0)], [words.record("1", 0, employee="")]).told == []


@pytest.mark.parametrize(
    ("change", "theirs", "gap"),
    [
        ({}, False, True),
        ({}, None, False),  # the CRM does not tell
        ({"answered": False}, False, False),
        ({"duration_s": 4}, False, False),
        ({"recording_url": None}, False, False),
    ],
)
def test_recording_missing(words, change, theirs, gap):
    calls = [words.call("a", 0, **{"recording_url": "https://x.example/1", **change})]
    found = words.compared(calls, [words.record("1", 0, recording=theirs)])
    assert (("recording-missing", "a") in found.told) is gap
    assert found.result.untold_recordings == (theirs is None)


def test_night_in_which_the_clock_is_set_back(words):
    """Half past two comes twice; each time its own call, and both sides say which they mean."""
    berlin = ZoneInfo("Europe/Berlin")
    night = words.DAY.replace(month=10, day=25)
    calls, records = [], []
    for n in range(12):
        moment = night + timedelta(minutes=20 * n)
        calls.append(words.call(f"c{n}", 0)._replace(started_at=moment.astimezone(berlin)))
        records.append(words.record(f"r{n}", 0)._replace(started_at=moment, created_at=None))
    window = Window(night, night + timedelta(hours=5))
    assert words.compared(calls, records, window=window, now=night + timedelta(days=1)).told == []
    lost = words.compared(calls, records[:4] + records[5:], window=window, now=night + timedelta(days=1))
    assert lost.told == [("call-missing", "c4")]
    assert lost.result.gaps[0].call.started_at.utcoffset() == calls[4].started_at.utcoffset()


def test_settled_calls_come_oldest_first_whatever_the_input(words):
    calls = [words.call(f"c{n}", n * 100) for n in (5, 1, 4, 2, 3)]
    found = words.compared(calls, [])
    assert [s.call.call_id for s in found.settled] == ["c1", "c2", "c3", "c4", "c5"]
    assert [gap.call.call_id for gap in found.result.gaps] == ["c1", "c2", "c3", "c4", "c5"]


def test_counts_without_a_look_at_each_gap(words):
    found = words.compared([words.call("a", 500), words.call("b", 5000)], [words.record("1", 9000)])
    assert found.result.counts() == {"sync.call-missing": 2, "sync.phantom-call": 1}
