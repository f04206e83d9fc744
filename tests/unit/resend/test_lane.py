"""A lane drains: what it sends, what it asks, in which order, and whose lane it is."""

from __future__ import annotations

import threading

import pytest

from resend.lane import Lane
from resend.ledger import lanes
from resend.model import State
from supportctl.core.delivery import Found, Outcome
from supportctl.core.failure import Failure

LONG = 100.0


def test_what_is_due_is_brought_in_batches(bench):
    bench.accept(count=25)
    drained = bench.lane.drain()
    assert (drained.delivered, drained.requests, drained.next_at) == (25, 3, None)
    assert set(bench.crm.there.values()) == {1}
    assert set(bench.states().values()) == {"delivered"}
    assert bench.rows()["c1"].remote_id == "7"


def test_no_more_is_sent_than_fits(bench):
    bench.accept(count=7)
    bench.crm.fits = lambda parcels: 3
    bench.lane.drain()
    assert [len(each) for each in bench.crm.sent] == [3, 3, 1]
    bench.accept(bench.call(100))
    bench.crm.fits = lambda parcels: 0
    assert bench.lane.drain().delivered == 1


def test_a_lane_that_somebody_holds_is_left_alone(bench):
    bench.accept(count=1)
    lanes.claim(bench.store, bench.lane_name, "somebody")
    assert bench.lane.drain() is None
    assert bench.crm.sent == []


def test_an_intent_is_written_before_anything_is_sent(bench):
    bench.accept(count=2)
    seen = []
    bench.crm.answer = lambda parcels: (seen.append(bench.states()), bench.crm.take(parcels))[1]
    bench.lane.drain()
    assert seen == [{"c0": "sending", "c1": "sending"}]


def test_an_outcome_that_is_missing_is_asked_about(bench):
    bench.accept(count=3)
    bench.crm.answer = lambda parcels: bench.crm.take(parcels)[1:]
    bench.lane.drain()
    states = bench.states()
    assert sorted(states.values()) == ["delivered", "delivered", "verifying"]
    missing = next(call_id for call_id, state in states.items() if state == "verifying")
    assert bench.rows()[missing].error_code == "no-outcome"
    bench.until(LONG)
    assert bench.crm.asked == [[missing]]
    assert set(bench.crm.there.values()) == {1}
    assert set(bench.states().values()) == {"delivered"}


def test_a_step_forward_that_leads_nowhere_does_not_go_round(bench):
    bench.accept(count=1)
    bench.crm.answer = lambda parcels: [Outcome(parcels[0].delivery_id, "", {})]
    assert bench.lane.drain().requests == 1
    assert bench.rows()["c0"].error_code == "no-progress"


def test_a_step_that_succeeded_goes_on_in_the_same_drain(bench):
    bench.accept(count=15)

    def answer(parcels):
        if parcels[0].step:
            return bench.crm.take(parcels)
        return [Outcome(each.delivery_id, "registered", {"call_id": "x"}) for each in parcels]

    bench.crm.answer = answer
    assert bench.lane.drain().delivered == 15
    assert [len(each) for each in bench.crm.sent] == [10, 10, 5, 5]
    assert sorted(bench.crm.sent[0]) == sorted(bench.crm.sent[1])  # before others are begun
    assert {row.attempts for row in bench.rows().values()} == {1}


def test_what_its_worker_left_in_mid_send_is_asked_about_after_its_request_has_ended(bench):
    bench.accept(count=2)
    lease = lanes.claim(bench.store, bench.lane_name, "dead")
    waiting = lanes.due(bench.store, bench.lane_name, State.WAITING, 10)
    lanes.intend(bench.store, lease, waiting)
    bench.crm.there["c0"] = 1  # it had left; the other had not
    bench.clock.advance(121)
    drained = bench.lane.drain()
    assert set(bench.states().values()) == {"verifying"}
    assert drained.next_at == bench.clock.now().timestamp() + 90 + 60
    bench.until(400)
    assert bench.crm.there == {"c0": 1, "c1": 1}
    assert {row.attempts for row in bench.rows().values()} == {1, 2}


def test_a_worker_that_stood_still_after_its_intent_sends_nothing(bench):
    """Its time counts from before the intent: what it does after its lease is over by itself."""
    bench.accept(count=1)
    left = []

    class Still(type(bench.crm)):
        def advance(self, parcels, deadline):
            bench.clock.advance(200)
            left.append(deadline.remaining())
            return [self.failed(each, Failure.RETRY, sent=False) for each in parcels]

    zombie = bench.another("zombie", Still())
    other = bench.another("other")
    real = lanes.intend

    def intend(*args):
        taken = real(*args)
        if not left:
            bench.clock.advance(130)
            other.drain()  # the lease is over: it is asked about, later
        return taken

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lanes, "intend", intend)
        drained = zombie.drain()
    assert left == [0.0]
    assert drained.lost_lease
    assert bench.states() == {"c0": "verifying"}
    bench.until(400)
    assert bench.crm.there == {"c0": 1}


def test_a_lease_is_longer_than_a_request(bench):
    with pytest.raises(ValueError, match="longer"):
        Lane(
            bench.store, "acme", bench.crm, schedule=bench.schedule, chance=lambda: 0.5, holder="me",
            request_s=120, lease_s=120,
        )  # fmt: skip


def test_the_lease_is_renewed_as_long_as_there_is_work(bench):
    bench.accept(count=100)
    other = bench.another("other")
    taken = []

    def answer(parcels):
        bench.clock.advance(80)  # ten requests of 80 s: six leases
        taken.append(other.drain())
        return bench.crm.take(parcels)

    bench.crm.answer = answer
    assert bench.lane.drain().delivered == 100
    assert taken == [None] * 10


def test_stop_is_heard_after_the_request_that_runs(bench):
    bench.accept(count=50)
    stopping = threading.Event()
    bench.crm.answer = lambda parcels: (stopping.set(), bench.crm.take(parcels))[1]
    drained = bench.lane.drain(stopping.is_set)
    assert (drained.requests, drained.delivered) == (1, 10)
    assert bench.row().lease_until == 0  # given back: whoever comes next need not wait
    assert sorted(set(bench.states().values())) == ["delivered", "waiting"]


def test_questions_and_sendings_do_not_starve_each_other(bench):
    bench.accept(*(bench.call(number) for number in range(40)))
    bench.crm.answer = bench.crm.fail(Failure.AMBIGUOUS, sent=True)
    bench.crm.batch_size = 40
    bench.lane.drain()
    assert set(bench.states().values()) == {"verifying"}
    bench.crm.batch_size = 10
    bench.crm.answer = bench.crm.take
    bench.clock.advance(61)
    bench.accept(*(bench.call(number) for number in range(100, 140)))
    order = []
    answer, tell = bench.crm.take, bench.crm.show
    bench.crm.answer = lambda parcels: (order.append("send"), answer(parcels))[1]
    bench.crm.tell = lambda parcels: (order.append("ask"), tell(parcels))[1]
    bench.lane.drain()
    assert order[:6] in (["send", "ask"] * 3, ["ask", "send"] * 3)
    assert order.count("send") == order.count("ask") == 4


def test_questions_that_are_forbidden_keep_no_sending_up(bench):
    bench.accept(bench.call(1))
    bench.crm.answer = bench.crm.fail(Failure.AMBIGUOUS)
    bench.lane.drain()
    bench.crm.answer = bench.crm.take
    bench.crm.tell = lambda parcels: {
        each.delivery_id: bench.crm.failed(each, Failure.CONFIGURATION) for each in parcels
    }
    bench.until(61)
    bench.accept(*(bench.call(number) for number in range(100, 160)))
    drained = bench.lane.drain()
    assert drained.delivered == 60
    assert bench.row().breaker == "closed"
    asked = len(bench.crm.asked)
    bench.until(20 * bench.hour())
    assert len(bench.crm.asked) - asked < 100  # each time later
    assert bench.states()["c1"] == "verifying"


def test_a_verifying_call_is_never_sent_blindly_and_never_given_up_in_silence(bench):
    bench.accept(bench.call(1))
    bench.crm.answer = bench.crm.fail(Failure.AMBIGUOUS)
    bench.lane.drain()
    bench.crm.answer = bench.crm.take
    bench.crm.tell = lambda parcels: {
        each.delivery_id: bench.crm.failed(each, Failure.RETRY) for each in parcels
    }
    bench.until(40 * bench.hour())
    assert bench.crm.sent == [["c1"]]
    assert bench.states() == {"c1": "escalated"}
    assert bench.rows()["c1"].who_acts == "second-line"


def test_what_is_there_in_part_goes_on_from_there(bench):
    bench.accept(bench.call(1))
    bench.crm.answer = bench.crm.fail(Failure.AMBIGUOUS)
    bench.lane.drain()
    steps = []
    bench.crm.answer = lambda parcels: (
        steps.append((parcels[0].step, dict(parcels[0].facts))),
        bench.crm.take(parcels),
    )[1]
    bench.crm.tell = lambda parcels: {parcels[0].delivery_id: Found("finished", {"id": "5"}, whole=False)}
    bench.until(61)
    assert steps == [("finished", {"id": "5"})]


def test_a_call_that_changes_on_its_way_is_brought_in_its_new_form_too(bench):
    bench.accept(bench.call(1))
    urls = []

    def answer(parcels):
        if not urls:
            bench.accept(bench.call(1, recording_url="https://rec.example/1.mp3"))
        urls.append(parcels[0].call.recording_url)
        return bench.crm.take(parcels)

    bench.crm.answer = answer
    bench.until(10)
    assert urls == [None, "https://rec.example/1.mp3"]
    assert bench.states() == {"c1": "delivered"}


def test_a_note_is_kept_in_the_timeline(bench):
    bench.accept(bench.call(1))
    bench.crm.answer = lambda parcels: [
        each._replace(note="crm.user-inactive") for each in bench.crm.take(parcels)
    ]
    bench.lane.drain()
    assert [(row.kind, row.code, row.failure) for row in bench.attempts()] == [
        ("try", "crm.user-inactive", "")
    ]


def test_a_destination_is_told_that_somebody_else_had_the_lane(bench):
    bench.accept(bench.call(1))
    bench.lane.drain()
    assert bench.crm.taken_over_times == 1  # by whoever was there before this process
    bench.accept(bench.call(2))
    bench.lane.drain()
    assert bench.crm.taken_over_times == 1
    bench.another("other", type(bench.crm)()).drain()
    bench.lane.drain()
    assert bench.crm.taken_over_times == 2
