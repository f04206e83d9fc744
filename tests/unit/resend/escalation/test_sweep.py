"""One problem, one issue: through every crash, unclear answer and second sweeper."""

from __future__ import annotations

import contextlib
import threading

import pytest
from escalation_bench import DeathError, PlainWriter, Trouble
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from resend.escalate import Offices, sweep
from resend.ledger.escalations import masked
from resend.model import Acts
from supportctl.core.failure import Failure

REFUSED = Trouble("data", "ERROR_ARGUMENT", "User 17 is unknown", "first-line", "register")
DOWN = Trouble("retry", "connection", "refused", "nobody")


def test_a_refused_call_is_one_issue_for_the_first_line(bench):
    bench.accept("acme", 3)
    bench.end("acme", REFUSED, calls=2)
    bench.end("acme", REFUSED._replace(text="User 99 is unknown"))
    told = bench.sweep()
    (case,) = bench.cases()
    assert (case.code, case.who_acts, case.peak, case.destinations) == (
        "escalation.refused", Acts.FIRST_LINE, 3, ("acme",),
    )  # fmt: skip
    assert (len(bench.tracker.issues), bench.unreported()) == (1, 0)
    assert told.opened == told.notified == (case.fingerprint,)
    assert len(case.examples) == 3
    assert {example.phone for example in case.examples} == {"+799******01", "+799******02", "+799******03"}


def test_nothing_new_is_told_once(bench):
    bench.accept("acme", 3)
    bench.end("acme", REFUSED)
    for _ in range(5):
        bench.sweep()
        bench.clock.advance(7200)
    assert (len(bench.tracker.issues), len(bench.chat.messages)) == (1, 1)
    assert bench.tracker.issues[0]["comments"] == []


def test_a_mass_failure_of_forty_lanes_is_one_issue_with_its_counts(bench):
    for number in range(40):
        bench.accept(f"shop-{number}", 125)
        bench.break_lane(f"shop-{number}", Trouble(text=f"The token {number}000 has expired"))
    bench.sweep()
    (case,) = bench.cases()
    assert (case.peak, len(case.destinations), len(case.examples)) == (5000, 40, 3)
    assert (case.code, case.who_acts) == ("escalation.mass", Acts.DEVELOPERS)
    assert [issue["text"] for issue in bench.tracker.issues] == ["5000 calls at 40"]
    assert len(bench.chat.messages) == 1


def test_a_mass_failure_that_grows_shop_by_shop_stays_one_issue(bench):
    for number in range(8):
        bench.accept(f"shop-{number}", 20)
        bench.break_lane(f"shop-{number}", Trouble())
        bench.sweep()
        bench.clock.advance(60)
    assert bench.tracker.issues[0]["comments"] == ["moved 60/60"]  # three of three: developers look now
    bench.clock.advance(3600)
    bench.sweep()
    assert bench.tracker.issues[0]["comments"] == ["moved 60/60", "update 160/160"]
    assert len(bench.tracker.issues) == 1


def test_growth_is_told_at_ten_times_and_else_once_an_hour(bench):
    bench.accept("acme", 1)
    bench.end("acme", REFUSED)
    bench.sweep()
    for _ in range(8):
        bench.accept("acme", 1)
        bench.end("acme", REFUSED)
        bench.clock.advance(60)
        bench.sweep()
    assert bench.tracker.issues[0]["comments"] == []
    bench.accept("acme", 1)
    bench.end("acme", REFUSED)
    bench.sweep()
    assert bench.tracker.issues[0]["comments"] == ["grew 10/10"]
    bench.accept("acme", 1)
    bench.end("acme", REFUSED)
    bench.clock.advance(3601)
    bench.sweep()
    assert bench.tracker.issues[0]["comments"] == ["grew 10/10", "update 11/11"]
    assert len(bench.chat.messages) == 2  # hourly updates are for the issue only


@pytest.mark.parametrize(
    ("how", "failures", "after", "escalated"),
    [
        (Trouble(), 3, 0, False),  # the canary has not been sent yet
        (Trouble(), 4, 0, True),
        (Trouble("configuration", "insufficient_scope"), 4, 0, True),
        (Trouble("blocked", "PORTAL_DELETED"), 4, 0, True),
        (DOWN, 9, 899, False),
        (DOWN, 9, 901, True),
    ],
)
def test_a_lane_is_escalated_when_it_is_broken_for_certain(bench, how, failures, after, escalated):
    bench.accept("acme", 7)
    bench.break_lane("acme", how, failures)
    bench.clock.advance(after)
    bench.sweep()
    assert [case.peak for case in bench.cases()] == [7] * escalated


def test_recovery_is_told_once_and_the_issue_is_closed_a_day_later(bench):
    bench.accept("acme", 7)
    bench.break_lane("acme", Trouble())
    bench.sweep()
    bench.deliver("acme")
    for _ in range(3):
        bench.clock.advance(600)
        bench.sweep()
    (case,) = bench.cases()
    assert (case.state, case.affected, case.peak) == ("recovered", 0, 7)
    assert bench.tracker.issues[0]["comments"] == ["recovered 0/7"]
    assert [text for _, text in bench.chat.messages] == [
        "opened escalation.sign-in",
        "recovered escalation.sign-in",
    ]
    bench.clock.advance(86400)
    bench.sweep()
    bench.sweep()
    assert (bench.tracker.issues[0]["open"], bench.cases()[0].state) == (False, "closed")
    assert bench.tracker.issues[0]["comments"] == ["recovered 0/7", "closing"]


def test_what_comes_back_is_told_in_the_same_issue_and_after_its_end_in_a_new_one(bench):
    def once():
        bench.accept("acme", 7)
        bench.break_lane("acme", Trouble())
        bench.sweep()
        bench.clock.advance(600)
        bench.deliver("acme")
        bench.sweep()

    once()
    once()
    assert bench.tracker.issues[0]["comments"] == ["recovered 0/7", "again 7/7", "recovered 0/7"]
    bench.clock.advance(90000)
    bench.sweep()
    once()
    assert [(issue["open"], len(issue["comments"])) for issue in bench.tracker.issues] == [
        (False, 4),
        (True, 1),
    ]


def test_a_deadline_is_warned_of_once_and_before_it_passes(bench):
    bench.accept("acme", 5)
    bench.clock.advance(21.9 * 3600)
    bench.sweep()
    assert bench.cases() == []
    for _ in range(4):
        bench.clock.advance(600)
        bench.sweep()
    (case,) = bench.cases()
    assert (case.code, case.peak, case.news) == ("escalation.late", 5, 1)
    assert (len(bench.tracker.issues), bench.tracker.issues[0]["comments"]) == (1, [])
    assert len(bench.chat.messages) == 1


def test_a_known_problem_warns_once_of_its_deadline(bench):
    bench.accept("acme", 5)
    bench.break_lane("acme", Trouble())
    bench.sweep()
    bench.clock.advance(22.1 * 3600)
    for _ in range(3):
        bench.sweep()
        bench.clock.advance(60)
    assert bench.tracker.issues[0]["comments"] == ["deadline 5/5"]


@pytest.mark.parametrize("why", ["broken", "paused", "unknown"])
def test_at_the_horizon_a_lane_that_stands_still_ends_in_an_escalation(bench, why):
    bench.accept("acme", 5, None if why == "unknown" else "bitrix24")
    if why == "broken":
        bench.break_lane("acme", Trouble())
    if why == "paused":
        from resend.ledger.hand import pause

        pause(bench.store, "acme", who="olga", why="moving")
    bench.clock.advance(86400 + 61)
    bench.sweep()
    (case,) = bench.cases()
    assert case.peak == 5
    assert bench.unreported() == 0
    assert set(bench.deliveries()) == {("escalated", case.fingerprint)}


@pytest.mark.parametrize("state", ["waiting", "verifying", "sending", "held"])
def test_what_is_past_its_horizon_belongs_to_an_escalation_and_is_still_brought(bench, state):
    bench.accept("acme", 4)
    bench.end("acme", Trouble("", "", "", "nobody"), state, 2)
    bench.clock.advance(86500)
    bench.sweep()
    found = bench.deliveries()
    assert all(fingerprint for _, fingerprint in found)
    assert sorted(each for each, _ in found) == sorted(["waiting", "waiting", state, state])
    assert sum(case.affected for case in bench.cases()) == 4


def test_held_for_the_customer_is_told_at_once(bench):
    bench.accept("acme", 2)
    bench.end("acme", Trouble("configuration", "user-inactive", "User 5 is dismissed"), "held", 1)
    bench.sweep()
    (case,) = bench.cases()
    assert (case.code, case.who_acts, case.peak) == ("escalation.configuration", Acts.CUSTOMER, 1)


def test_the_same_refusal_of_very_many_calls_is_ours(bench):
    bench.accept("acme", 60)
    bench.end("acme", REFUSED)
    bench.sweep()
    assert (bench.cases()[0].code, bench.cases()[0].who_acts) == ("escalation.ours", Acts.DEVELOPERS)


TROUBLES = st.lists(
    st.sampled_from(["ok", "before-death", "after-death", "before-down", "before-lost", "after-lost"]),
    max_size=10,
)


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(TROUBLES)
def test_whatever_fails_in_between_there_is_one_issue(make_bench, troubles):
    bench = make_bench()
    bench.accept("acme", 3)
    bench.end("acme", REFUSED)
    bench.tracker.troubles = list(troubles)
    for _ in range(14):
        with contextlib.suppress(DeathError):
            bench.sweep()
        bench.clock.advance(301)  # leases of the dead end
    assert len(bench.tracker.issues) == 1, troubles
    assert bench.tracker.issues[0]["comments"] == [], troubles
    assert (bench.cases()[0].tracker_issue, bench.cases()[0].intent) == ("1", ""), troubles
    bench.deliver("acme")
    bench.tracker.troubles = list(reversed(troubles))
    for _ in range(14):
        with contextlib.suppress(DeathError):
            bench.sweep()
        bench.clock.advance(301)
    assert bench.tracker.issues[0]["comments"] in (["recovered 0/3"], []), troubles
    bench.clock.advance(90000)
    bench.tracker.troubles = list(troubles)
    for _ in range(14):
        with contextlib.suppress(DeathError):
            bench.sweep()
        bench.clock.advance(301)
    assert (bench.cases()[0].state, bench.tracker.issues[0]["open"]) == ("closed", False), troubles
    assert len(bench.tracker.issues) == 1
    bench.store.close()


def test_two_sweepers_at_once_make_one_issue(bench):
    bench.accept("acme", 3)
    bench.end("acme", REFUSED)
    gate, inside = threading.Event(), threading.Event()
    create = bench.tracker.create

    def slow(*args):
        inside.set()
        assert gate.wait(10)
        return create(*args)

    bench.tracker.create = slow
    first = threading.Thread(target=bench.sweep)
    first.start()
    assert inside.wait(10)
    second = bench.sweep()
    gate.set()
    first.join(10)
    assert second.opened == ()
    assert len(bench.tracker.issues) == 1


def test_an_issue_that_somebody_else_has_opened_is_taken_up(bench):
    bench.accept("acme", 3)
    bench.end("acme", REFUSED)
    offices = Offices({}, {}, {})
    sweep(bench.store, offices, PlainWriter(), bench.systems.get, bench.settings)
    (case,) = bench.cases()
    bench.tracker.create(case.fingerprint, "by hand", "")
    bench.sweep()
    bench.sweep()
    assert len(bench.tracker.issues) == 1
    assert bench.tracker.issues[0]["comments"] == ["opened 3/3"]


def test_a_tracker_that_is_down_stops_neither_chats_nor_another_tracker(bench):
    other = type(bench.tracker)()
    offices = Offices(
        {"dev": bench.tracker, "shop": other}, {"": "dev", Acts.CUSTOMER: "shop"}, {"oncall": bench.chat}
    )
    bench.accept("acme", 3)
    bench.end("acme", REFUSED)
    bench.accept("other", 3)
    bench.break_lane("other", Trouble())
    bench.tracker.troubles = ["before-down"] * 9
    told = sweep(bench.store, offices, PlainWriter(), bench.systems.get, bench.settings)
    assert (len(other.issues), len(bench.tracker.issues), len(bench.chat.messages)) == (1, 0, 1)
    assert told.failed == {"dev": "connection"}
    assert {case.tracker_error for case in bench.cases()} == {"", "connection"}


def test_a_chat_hears_all_news_in_one_message_and_again_only_if_it_surely_heard_nothing(bench):
    bench.accept("acme", 1)
    bench.end("acme", REFUSED)
    bench.accept("other", 3)
    bench.break_lane("other", Trouble())
    bench.chat.troubles = [Failure.RETRY]
    bench.sweep()
    assert bench.chat.messages == []
    bench.chat.troubles = [Failure.AMBIGUOUS]
    bench.sweep()
    bench.sweep()
    assert [title for title, _ in bench.chat.messages] == ["2 problems"]


def test_a_problem_that_moves_to_developers_moves_to_their_tracker(bench):
    dev = type(bench.tracker)()
    bench.offices = Offices({"dev": dev, "shop": bench.tracker}, {"": "shop", Acts.DEVELOPERS: "dev"}, {})
    for number in range(3):
        bench.accept(f"shop-{number}", 5)
        bench.break_lane(f"shop-{number}", Trouble())
        bench.sweep()
    bench.sweep()
    assert bench.tracker.issues[0]["comments"] == ["handed-on developers"]
    assert [issue["text"] for issue in dev.issues] == ["15 calls at 3"]


def test_a_deleted_issue_is_made_anew_when_there_is_news(bench):
    from supportctl.core.failure import ServiceError

    bench.accept("acme", 1)
    bench.end("acme", REFUSED)
    bench.sweep()
    bench.tracker.issues[0]["fingerprint"] = "deleted"

    def gone(issue, text):
        raise ServiceError(Failure.DATA, "http-404", status=404)

    bench.tracker.comment = gone
    bench.accept("acme", 10)
    bench.end("acme", REFUSED)
    bench.sweep()
    bench.sweep()
    assert [issue["text"] for issue in bench.tracker.issues] == ["1 calls at 1", "11 calls at 1"]


def test_a_flood_of_problems_does_not_flood_the_tracker(bench):
    bench.accept("acme", 30)
    for number in range(30):
        word = "".join(chr(97 + int(digit)) for digit in str(number))
        bench.end("acme", REFUSED._replace(text=f"odd {word}"), calls=1)
    bench.sweep()
    assert len(bench.tracker.issues) == 20
    bench.sweep()
    assert len(bench.tracker.issues) == 30
    assert len(bench.chat.messages) == 1


@pytest.mark.parametrize(("phone", "shown"), [("+79990001122", "+799******22"), ("101", "***"), ("", "")])
def test_phones_are_masked(phone, shown):
    assert masked(phone) == shown


def test_who_stood_still_after_the_intent_creates_nothing(bench):
    """Meanwhile another sweep has asked the tracker, found nothing, and opened the issue."""
    bench.accept("acme", 3)
    bench.end("acme", REFUSED)

    class Still(PlainWriter):
        def issue(self, case):
            bench.clock.advance(400)  # longer than the claim
            bench.sweep()
            return super().issue(case)

    told = sweep(bench.store, bench.offices, Still(), bench.systems.get, bench.settings)
    assert [issue["open"] for issue in bench.tracker.issues] == [True]
    assert told.opened == ()
    assert bench.cases()[0].tracker_issue == "1"
