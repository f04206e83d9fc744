"""Real lanes that fail, and what people are told of them."""

from __future__ import annotations

import random

import pytest
from escalation_bench import EscalationBench, Trouble

from resend.lane import Lane
from resend.policy import Schedule
from supportctl.core.delivery import Outcome
from supportctl.core.failure import Failure


class Crm:
    """Answers every parcel with one failure, or takes it."""

    batch_size = 50

    def __init__(self):
        self.failure = None
        self.text = ""
        self.alone = False

    def fits(self, parcels):
        return len(parcels)

    def advance(self, parcels, deadline):
        return [
            Outcome(
                each.delivery_id, each.step, each.facts, done=self.failure is None,
                failure=self.failure, code="E" if self.failure else "", text=self.text, alone=self.alone,
            )
            for each in parcels
        ]  # fmt: skip

    def look_up(self, parcels, deadline):
        return {each.delivery_id: None for each in parcels}


def lane_of(bench, name, crm):
    chance = random.Random(7).random
    return Lane(bench.store, name, crm, schedule=Schedule(), chance=chance, holder="here")


@pytest.mark.parametrize(
    ("failure", "hours", "code"),
    [
        (Failure.SIGN_IN, 1, "escalation.sign-in"),
        (Failure.CONFIGURATION, 1, "escalation.configuration"),
        (Failure.BLOCKED, 1, "escalation.blocked"),
        (Failure.RETRY, 1, "escalation.unreachable"),
        (Failure.DATA, 1, "escalation.refused"),
    ],
)
def test_a_day_of_failure_is_one_issue_in_which_every_call_is(bench, failure, hours, code):
    bench.accept("acme", 40)
    crm = Crm()
    crm.failure, crm.text = failure, "no 17"
    lane = lane_of(bench, "acme", crm)
    for minute in range(26 * 60):
        if minute % 20 == 0:
            lane.drain()
            bench.sweep()
        bench.clock.advance(60)
        if minute == hours * 60:
            assert [case.code for case in bench.cases()] == [code]
            assert bench.cases()[0].affected == 40
    assert len(bench.tracker.issues) == 1
    assert {state for state, _ in bench.deliveries()} == {"escalated"}
    assert {fingerprint for _, fingerprint in bench.deliveries()} == {bench.cases()[0].fingerprint}


def test_a_portal_that_comes_back_takes_all_and_the_issue_says_so(bench):
    bench.accept("acme", 40)
    crm = Crm()
    crm.failure = Failure.SIGN_IN
    lane = lane_of(bench, "acme", crm)
    for _ in range(24):
        lane.drain()
        bench.sweep()
        bench.clock.advance(300)
    crm.failure = None
    for _ in range(12):
        lane.drain()
        bench.sweep()
        bench.clock.advance(300)
    assert {state for state, _ in bench.deliveries()} == {"delivered"}
    assert bench.tracker.issues[0]["comments"] == ["recovered 0/40"]
    assert bench.cases()[0].state == "recovered"


def test_what_a_person_sends_again_leaves_its_escalation_when_it_arrives(bench):
    from resend.ledger.filter import Filter
    from resend.ledger.hand import apply

    bench.accept("acme", 3)
    crm = Crm()
    crm.failure = Failure.DATA
    lane = lane_of(bench, "acme", crm)
    lane.drain()
    bench.sweep()
    assert bench.cases()[0].affected == 3
    crm.failure = None
    apply(bench.store, "now", Filter(destination="acme"), who="olga", why="mended")
    for _ in range(20):
        bench.clock.advance(400)
        lane.drain()
    bench.sweep()
    assert {state for state, _ in bench.deliveries()} == {"delivered"}
    assert (bench.cases()[0].state, bench.tracker.issues[0]["comments"]) == ("recovered", ["recovered 0/3"])


@pytest.mark.peer("postgresql")
def test_the_same_on_postgresql(postgres_url):
    bench = EscalationBench(url=postgres_url)
    try:
        for number in range(6):
            bench.accept(f"shop-{number}", 25)
            bench.end(f"shop-{number}", Trouble("data", "E", "no 17", "first-line", "finish"), calls=20)
            bench.break_lane(f"shop-{number}", Trouble("data", "E", "no 18"))
        bench.settings = bench.settings._replace(open_after_s=0.0)
        bench.sweep()
        bench.sweep()
        (case,) = bench.cases()
        assert (case.peak, case.code, len(bench.tracker.issues)) == (150, "escalation.mass", 1)
        assert bench.unreported() == 0
    finally:
        bench.store.close()
