"""Requests that are followed, the events of a lane, and what Prometheus gets."""

from __future__ import annotations

import urllib.request
from datetime import UTC, datetime
from types import SimpleNamespace

import pytest

from resend.ledger.accept import accept
from resend.ledger.errors import LedgerError
from resend.ledger.store import Store
from resend.model import Breaker, State
from resend.observed import Observed
from resend.policy import BreakerView, Decision
from resend.telling import LaneEvents
from supportctl.app import resend_metrics
from supportctl.app.resend_metrics import metrics_served
from supportctl.core import log
from supportctl.core.call import Call
from supportctl.core.clock import FakeClock
from supportctl.core.deadline import Deadline
from supportctl.core.delivery import Found, Outcome, Parcel
from supportctl.core.errors import UsageError
from supportctl.core.failure import Failure

CALL = Call("c1", "pbx", "in", datetime(2026, 9, 15, 9, tzinfo=UTC), 60, "+79161234567", answered=True)
PARCELS = [Parcel(number, CALL, "", {}, 1) for number in (1, 2, 3)]


class Crm:
    """Takes half a second for each request."""

    batch_size = 50

    def __init__(self, clock, outcomes=None, answers=None):
        self.clock, self.outcomes, self.answers = clock, outcomes, answers

    def fits(self, parcels):
        return len(parcels)

    def advance(self, parcels, deadline):
        self.clock.advance(0.5)
        if self.outcomes is None:
            raise RuntimeError("a bug")
        return self.outcomes

    def look_up(self, parcels, deadline):
        self.clock.advance(0.5)
        return self.answers


@pytest.fixture
def desk(tmp_path):
    clock = FakeClock()
    store = Store(f"sqlite:///{tmp_path / 'ledger.db'}", clock)
    yield SimpleNamespace(store=store, clock=clock, observer=None)
    store.close()


@pytest.fixture
def events(monkeypatch):
    seen = []
    monkeypatch.setattr(log, "event", lambda level, name, **fields: seen.append((level, name, fields)))
    return seen


def scrape(port):
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
        return answer.read().decode()


def test_each_request_is_told_with_its_time_and_what_came_of_it():
    clock, seen = FakeClock(), []
    outcomes = [
        Outcome(1, "done", {}, done=True),
        Outcome(2, "registered", {}),
        Outcome(3, "", {}, failure=Failure.AMBIGUOUS),
    ]
    answers = {1: Found("done", {}, whole=True), 2: None, 3: Outcome(3, "", {}, failure=Failure.RETRY)}
    crm = Observed("acme", Crm(clock, outcomes, answers), clock, lambda *told: seen.append(told))
    until = Deadline.after(90, clock)
    assert crm.advance(PARCELS, until) is outcomes
    assert crm.look_up(PARCELS, until) is answers
    assert seen == [
        ("acme", "try", 0.5, {"delivered": 1, "step": 1, Failure.AMBIGUOUS.value: 1}),
        ("acme", "lookup", 0.5, {"found": 1, "absent": 1, Failure.RETRY.value: 1}),
    ]


def test_a_crash_is_told_and_goes_on():
    clock, seen = FakeClock(), []
    crm = Observed("acme", Crm(clock), clock, lambda *told: seen.append(told))
    with pytest.raises(RuntimeError):
        crm.advance(PARCELS, Deadline.after(90, clock))
    assert seen == [("acme", "try", 0.5, {"crashed": 1})]


def test_one_event_a_request_and_kind_of_end(events):
    done = Decision(State.DELIVERED, 0.0)
    LaneEvents("acme").settled([done, done, Decision(State.ESCALATED, 0.0)], BreakerView())
    assert [(level, name, fields["calls"]) for level, name, fields in events] == [
        ("info", "resend.delivered", 2),
        ("warning", "resend.escalated", 1),
    ]


def test_a_breaker_is_told_when_it_opens_and_when_it_closes_not_for_each_canary(events):
    lane = LaneEvents("acme")
    for breaker in (Breaker.OPEN, Breaker.HALF_OPEN, Breaker.OPEN, Breaker.CLOSED, Breaker.CLOSED):
        lane.settled([], BreakerView(breaker, 3, why="503: " + "x" * 1000))
    assert [(level, fields["breaker"]) for level, _, fields in events] == [
        ("warning", "open"),
        ("info", "closed"),
    ]
    assert len(events[0][2]["why"]) <= 200


def test_prometheus_gets_the_ledger_of_now_and_the_requests(desk):
    with metrics_served(desk, 0) as port:
        accept(desk.store, "acme", [CALL], 86_400.0)
        desk.clock.advance(30)
        desk.observer("acme", "try", 0.2, {"delivered": 3})
        text = scrape(port)
    assert 'supportctl_resend_deliveries{destination="acme",state="waiting"} 1.0' in text
    assert 'supportctl_resend_oldest_age_seconds{destination="acme"} 30.0' in text
    assert 'supportctl_resend_breaker_open{destination="acme"} 0.0' in text
    assert 'supportctl_resend_outcomes_total{destination="acme",kind="try",outcome="delivered"} 3.0' in text
    assert 'supportctl_resend_request_seconds_count{destination="acme",kind="try"} 1.0' in text
    assert "supportctl_resend_ledger_up 1.0" in text


def test_a_ledger_that_cannot_be_read_is_a_figure_and_no_failed_scrape(desk, monkeypatch):
    def locked(store):
        raise LedgerError("ledger.locked", found="ledger.db", reason="database is locked")

    monkeypatch.setattr(resend_metrics, "lane_views", locked)
    with metrics_served(desk, 0) as port:
        text = scrape(port)
    assert "supportctl_resend_ledger_up 0.0" in text
    assert "supportctl_resend_deliveries{" not in text


def test_a_port_that_is_taken_is_said(desk):
    with metrics_served(desk, 0) as port, pytest.raises(UsageError) as told, metrics_served(desk, port):
        pass
    assert told.value.key == "resend.metrics-port"


def test_without_a_port_nothing_is_counted(desk):
    with metrics_served(desk, None) as port:
        assert port is None
    assert desk.observer is None
