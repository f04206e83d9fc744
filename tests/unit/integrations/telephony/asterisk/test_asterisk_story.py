"""Legs put together: who called whom, who answered, how long they talked."""

from datetime import UTC, datetime, timedelta
from itertools import permutations

import pytest
from asterisk_records import DAY, MOSCOW, row

from integrations.telephony.asterisk.grouping import Grouper
from integrations.telephony.asterisk.source import SETTLE_FILE
from supportctl.core.call import INTERNAL

CLIENT = "+79161234567"
FIRST = "1788246000.1"
TRUNK = "PJSIP/operator-00000001"


def leg(start, number, **said):
    return row(start, linkedid=FIRST, uniqueid=said.pop("uniqueid", FIRST), sequence=number, **said)


class TestIncoming:
    def test_one_telephone_answers(self, one):
        call = one(row("10:00:00", dst="+78121234567", did="", rang=7, talk=33))
        assert (call.direction, call.contact_phone, call.line) == ("in", CLIENT, "+78121234567")
        assert (call.answered, call.wait_s, call.duration_s, call.employee) == (True, 7, 33, "101")
        assert (call.tags, call.raw, call.source) == ((), None, "pbx")

    def test_nobody_answers_the_only_telephone(self, one):
        call = one(row("10:00:00", answered=False, rang=25))
        assert (call.answered, call.wait_s, call.duration_s, call.employee) == (False, 25, 0, "101")

    def test_a_hidden_caller(self, one):
        assert one(row("10:00:00", src="anonymous")).contact_phone == ""
        assert one(row("10:00:00", src="")).contact_phone == ""

    def test_a_ring_group_of_which_one_answers(self, one):
        legs = [
            leg("10:00:00", n, dstchannel=f"PJSIP/10{n}-0000000{n}", answered=n == 2, rang=6)
            for n in (1, 2, 3)
        ]
        for order in permutations(legs):
            call = one(*order)
            assert (call.employee, call.duration_s, call.wait_s, call.tags) == ("102", 60, 6, ())

    def test_a_ring_group_that_nobody_answers_belongs_to_nobody(self, one):
        legs = [leg("10:00:00", n, dstchannel=f"PJSIP/10{n}-0000000{n}", answered=False) for n in (1, 2)]
        assert one(*legs).employee == ""

    def test_a_queue_with_many_unanswered_legs(self, one):
        legs = [
            leg(
                f"10:00:{5 * n:02}",
                n,
                dstchannel=f"PJSIP/1{n:02}-000000{n:02}",
                answered=False,
                lastapp="Queue",
            )
            for n in range(10)
        ]
        legs.append(leg("10:00:50", 11, dstchannel="PJSIP/107-000000ff", rang=4, talk=120, lastapp="Queue"))
        call = one(*legs)
        assert (call.employee, call.wait_s, call.duration_s, call.tags) == ("107", 54, 120, ("queue",))

    def test_a_queue_that_was_answered_by_music_only(self, one):
        call = one(row("10:00:00", dstchannel="", lastapp="Queue", talk=90))
        assert (call.answered, call.employee, call.duration_s, call.wait_s) == (False, "", 0, 95)

    def test_a_queue_that_rings_by_local_channels(self, one):
        """The caller's leg was answered by the queue at once; only the inner leg knows when a person was."""
        caller = leg(
            "10:00:00", 1, dstchannel="Local/101@agents-00000001;1", rang=1, talk=99, lastapp="Queue"
        )
        inner = leg(
            "10:00:10", 2, uniqueid="1788246010.3", channel="Local/101@agents-00000001;2",
            dstchannel="PJSIP/101-00000004", rang=5, talk=85,
        )  # fmt: skip
        call = one(caller, inner)
        assert (call.employee, call.wait_s, call.duration_s) == ("101", 15, 85)
        assert call.raw == {"uniqueids": ["1788246010.3"]}

    def test_the_mailbox_is_no_conversation(self, one):
        call = one(
            leg("10:00:00", 1, answered=False, rang=20),
            leg("10:00:20", 2, dstchannel="", lastapp="VoiceMail", talk=15),
        )
        assert (call.answered, call.employee, call.tags) == (False, "101", ("voice-mail",))

    def test_a_transfer_belongs_to_who_talked_last(self, one):
        call = one(
            leg("10:00:00", 1, talk=60),
            leg("10:01:05", 2, dstchannel="PJSIP/102-00000005", rang=0, talk=100),
        )
        assert (call.employee, call.tags, call.duration_s) == ("102", ("transferred",), 160)
        assert call.raw == {"employees": ["101", "102"]}

    def test_an_attended_transfer_does_not_count_the_consultation_twice(self, one):
        call = one(
            leg("10:00:00", 1, talk=100),
            leg("10:01:00", 2, uniqueid="1788246060.5", src="101", dst="102", channel="PJSIP/101-00000006",
                dstchannel="PJSIP/102-00000007", rang=5, talk=35),
            leg("10:01:45", 3, dstchannel="PJSIP/102-00000007", rang=0, talk=60),
        )  # fmt: skip
        assert (call.direction, call.employee, call.duration_s) == ("in", "102", 160)

    def test_forwarded_to_a_mobile(self, one):
        call = one(row("10:00:00", dst="101", dstchannel="PJSIP/operator-00000009"), trunks=["operator*"])
        assert (call.direction, call.answered, call.employee) == ("in", True, "")

    def test_a_conference_is_a_conversation(self, one):
        call = one(row("10:00:00", dst="600", dstchannel="", lastapp="ConfBridge"))
        assert (call.answered, call.employee) == (True, "")

    def test_a_short_number_of_the_operator_comes_by_a_trunk(self, one):
        said = row("10:00:00", src="0611")
        assert one(said).direction == "out"  # nothing tells that 0611 is not a telephone of the house
        assert one(said, trunks=["operator"]).direction == "in"
        assert one(Row_with(said, dcontext="from-trunk-mts")).direction == "in"
        assert one(said, extensions=r"1\d\d").direction == "in"


class TestOutgoing:
    def outgoing(self, **said):
        return row("10:00:00", **{
            "src": "101", "dst": "89161234567", "channel": "PJSIP/101-00000001", "dstchannel": TRUNK, **said
        })  # fmt: skip

    def test_an_employee_calls(self, one):
        call = one(self.outgoing())
        assert (call.direction, call.contact_phone, call.employee, call.line) == ("out", CLIENT, "101", "")
        assert (call.answered, call.duration_s, call.tags) == (True, 60, ())

    def test_with_the_shops_own_number(self, one):
        call = one(self.outgoing(src="+78121234567"))
        assert (call.employee, call.line) == ("101", "+78121234567")

    def test_busy(self, one):
        call = one(self.outgoing(answered=False, disposition="BUSY"))
        assert (call.answered, call.duration_s, call.wait_s) == (False, 0, 5)

    def test_a_digit_for_the_line_to_the_outside(self, one):
        assert one(self.outgoing(dst="989161234567"), outside_prefix="9").contact_phone == CLIENT
        assert one(self.outgoing(dst="911"), outside_prefix="9").contact_phone == "911"

    def test_a_context_tells_where_names_do_not(self, one):
        said = self.outgoing(channel="PJSIP/ivan-00000001", src="+78121234567", dcontext="outgoing-calls")
        assert one(said).direction == "out"

    def test_names_of_telephones_may_hold_the_number(self, one):
        call = one(
            self.outgoing(channel="PJSIP/phone-101-00000001", src=""), extensions=r"(?:phone-)?(\d{3})"
        )
        assert (call.direction, call.employee) == ("out", "101")

    def test_transferred_to_a_colleague(self, one):
        first = leg(
            "10:00:00", 1, src="101", dst="89161234567", channel="PJSIP/101-00000001", dstchannel=TRUNK
        )
        second = leg(
            "10:01:05", 2, uniqueid="1788246065.2", src="89161234567", dst="102", channel=TRUNK,
            dstchannel="PJSIP/102-00000003", rang=2, talk=30,
        )  # fmt: skip
        call = one(first, second)
        assert (call.direction, call.employee, call.duration_s) == ("out", "101", 90)
        assert (call.tags, call.raw["employees"]) == (("transferred",), ["101", "102"])


class TestInternal:
    def test_from_telephone_to_telephone(self, one):
        call = one(
            row("10:00:00", src="101", dst="102", channel="PJSIP/101-1a2b3c4d", dstchannel="PJSIP/102-2")
        )
        assert (call.tags, call.direction, call.contact_phone, call.employee) == (
            (INTERNAL,),
            "out",
            "102",
            "101",
        )

    @pytest.mark.parametrize("dst", ["*97", "s", "h", ""])
    def test_a_service_of_the_exchange(self, one, dst):
        call = one(row("10:00:00", src="101", dst=dst, channel="PJSIP/101-1a2b3c4d", dstchannel=""))
        assert (call.tags, call.contact_phone, call.answered) == ((INTERNAL,), "", False)

    def test_a_short_number_of_the_city_by_a_trunk_is_outside(self, one):
        said = row("10:00:00", src="101", dst="112", channel="PJSIP/101-1a2b3c4d", dstchannel=TRUNK)
        call = one(said, trunks=["operator"])
        assert (call.tags, call.contact_phone) == ((), "112")


class TestRecordings:
    @pytest.mark.parametrize(
        ("recordings", "said", "address"),
        [
            ("https://pbx.example/monitor", {"userfield": "a b.wav"}, "https://pbx.example/monitor/a%20b.wav"),
            ("https://pbx.example/{year}/{month}/{day}/{file}", {"userfield": "x.mp3"}, "https://pbx.example/2026/09/01/x.mp3"),
            ("https://pbx.example/{uniqueid}.wav", {}, f"https://pbx.example/{FIRST}.wav"),
            ("/var/spool/monitor", {"userfield": "2026/x.wav"}, "file:///var/spool/monitor/2026/x.wav"),
            ("/var/spool/monitor", {"userfield": "/elsewhere/x.wav"}, "file:///var/spool/monitor/x.wav"),
            ("/var/spool/monitor", {"userfield": "../../etc/x.wav"}, None),
            ("/var/spool/monitor", {"userfield": "a note"}, None),
            ("/var/spool/monitor", {}, None),
            (None, {"userfield": "x.wav"}, None),
        ],
    )  # fmt: skip
    def test_where_it_lies(self, one, recordings, said, address):
        call = one(row("10:00:00", uniqueid=FIRST, **said), recordings=recordings)
        assert call.recording_url == address

    def test_a_call_without_a_conversation_has_none(self, one):
        assert one(row("10:00:00", answered=False, userfield="x.wav"), recordings="/m").recording_url is None


class TestGroups:
    def test_one_wrong_clock_closes_no_call(self):
        grouper = Grouper(SETTLE_FILE)
        now = datetime(2026, 9, 1, 10, tzinfo=UTC)
        for number in range(2000):
            far = timedelta(days=3000) if number == 1000 else timedelta(0)
            assert grouper.add(Shape(str(number), now), now + far) == []

    def test_what_is_open_is_bounded_by_time(self):
        grouper = Grouper(timedelta(minutes=15))
        now = datetime(2026, 9, 1, 10, tzinfo=UTC)
        most, told = 0, 0
        for number in range(50_000):
            now += timedelta(seconds=1)
            told += len(grouper.add(Shape(str(number), now), now))
            most = max(most, len(grouper))
        assert most < 3000
        assert told + len(grouper.rest()) == 50_000

    def test_a_leg_that_comes_much_too_late_is_named(self, read):
        rows = [
            leg("01:00:00", 1),
            *[row(f"{h:02}:{m:02}:00", uniqueid=f"{h}.{m}") for h in range(2, 24) for m in range(60)],
        ]
        calls, rejected = read([*rows, leg("01:05:00", 2)], since=DAY, until=DAY + timedelta(days=1))
        assert len(calls) == len(rows)
        assert [(each.line, each.reason, each.args["found"]) for each in rejected] == [
            (len(rows) + 1, "cdr.late-leg", FIRST)
        ]

    def test_a_call_that_began_before_the_window_is_not_in_it(self, read):
        legs = [leg("09:50:00", 1, talk=900), leg("10:05:00", 2)]
        calls, _ = read(legs, since=DAY.replace(hour=10))
        assert calls == []

    def test_a_call_at_the_end_of_the_window_has_its_later_legs(self, read):
        legs = [leg("10:59:00", 1, talk=300), leg("11:04:05", 2, dstchannel="PJSIP/102-00000005")]
        (call,), _ = read(legs, until=DAY.replace(hour=11))
        assert call.employee == "102"


class Shape:
    """As much of a leg as is grouped."""

    sequence = 0

    def __init__(self, key, end):
        self.key, self.start, self.end = key, end, end


def Row_with(said, **other):
    return type(said)({**said, **other})


def test_times_are_told_as_the_exchange_shows_them(one):
    call = one(row("10:00:00"))
    assert call.started_at.isoformat() == "2026-09-01T10:00:00+03:00"
    assert call.started_at == datetime(2026, 9, 1, 10, tzinfo=MOSCOW)
