"""Calls as signed messages: each once for a receiver that knows their ids."""

from __future__ import annotations

import json
import random
from collections import Counter

import pytest
from delivery_simulation import SEEDS, WIRE_FAULTS, some_calls

from integrations.crm.webhook.destination import WebhookDestination, message_id
from integrations.lab.webhook import WebhookPortal
from supportctl.core.accounts import Webhook
from supportctl.core.failure import Failure

# A page with status 200 is a delivery, by the specification: only the receiver's status counts.
FAULTS = (
    *(fault for fault in WIRE_FAULTS if fault != "not-json"), "throttled", "throttled-bare", "bad-gateway",
    "gateway-timeout", "moved", "wrong-key", "gone",
)  # fmt: skip


@pytest.fixture
def hooked(connect, address):
    bench, portal = connect(WebhookPortal)
    account = Webhook(**portal.account(address))
    return bench, portal, WebhookDestination(account, bench.around, bench.session)


@pytest.mark.parametrize("seed", range(1, 1 + SEEDS))
def test_each_call_is_taken_once_through_every_fault(hooked, simulate, seed):
    bench, portal, destination = hooked
    simulation = simulate(bench, portal, destination, seed)
    calls = some_calls(300, random.Random(seed), ["101", ""])
    simulation.accept(calls)
    simulation.run(FAULTS)
    taken = Counter(call["call_id"] for call in portal.calls())
    assert (taken, simulation.states()) == (Counter(c.call_id for c in calls), {"delivered": 300}), seed
    recordings = {call["call_id"]: call["recording_url"] for call in portal.calls()}
    assert recordings == {call.call_id: call.recording_url for call in calls}, seed
    assert portal.refused == 0, seed


def test_a_recording_that_comes_later_is_a_message_of_its_own(hooked, simulate):
    bench, portal, destination = hooked
    simulation = simulate(bench, portal, destination, 1)
    call = some_calls(1, random.Random(1), ["101"])[0]._replace(recording_url=None)
    simulation.accept([call])
    simulation.run()
    simulation.accept([call._replace(recording_url="https://rec.example/late.mp3")])
    simulation.run()
    first, second = portal.messages.values()
    assert (first["type"], first["data"]["revision"]) == ("call.completed", 0)
    assert (second["type"], second["data"]["recording_url"]) == (
        "call.updated",
        "https://rec.example/late.mp3",
    )


def test_a_repeat_has_the_same_id_and_body(hooked, make_parcel, soon):
    bench, portal, destination = hooked
    parcel = make_parcel()
    portal.switch("lost-answer", on=True, times=1)
    lost = destination.advance([parcel], soon(bench))[0]
    assert lost.failure is Failure.AMBIGUOUS
    assert destination.look_up([parcel], soon(bench)) == {parcel.delivery_id: None}
    bench.clock.advance(60)
    again = destination.advance([parcel._replace(attempts=2)], soon(bench))[0]
    assert again.done
    assert portal.repeated == 1
    one, two = portal.requests
    assert one.headers["webhook-id"] == two.headers["webhook-id"] == message_id(parcel)
    assert one.body == two.body
    assert one.headers["webhook-timestamp"] != two.headers["webhook-timestamp"]


@pytest.mark.parametrize(
    ("fault", "failure"),
    [
        ("gone", Failure.BLOCKED),
        ("throttled", Failure.WAIT),
        ("bad-gateway", Failure.WAIT),
        ("gateway-timeout", Failure.WAIT),
        ("moved", Failure.CONFIGURATION),
        ("wrong-key", Failure.CONFIGURATION),
        ("refused", Failure.DATA),
        ("server-error", Failure.RETRY),
        ("unavailable", Failure.RETRY),
    ],
)
def test_what_a_status_means(hooked, make_parcel, soon, fault, failure):
    bench, portal, destination = hooked
    portal.switch(fault, on=True)
    outcome = destination.advance([make_parcel()], soon(bench))[0]
    assert outcome.failure is failure
    if fault == "throttled":
        assert outcome.retry_at == bench.clock.now().timestamp() + 30


def test_any_success_counts_whatever_its_body_says(hooked, make_parcel, soon):
    bench, portal, destination = hooked
    portal.switch("not-json", on=True)  # 200 with a page
    assert destination.advance([make_parcel()], soon(bench))[0].done


def test_after_a_failure_the_rest_is_not_sent(hooked, make_parcel, soon):
    bench, portal, destination = hooked
    portal.switch("lost-answer", on=True, times=1)
    first, second = destination.advance([make_parcel(1), make_parcel(2)], soon(bench))
    assert (first.failure, second.failure, second.sent) == (Failure.AMBIGUOUS, Failure.RETRY, False)
    assert len(portal.requests) == 1
    portal.switch("refused", on=True, times=1)  # its own fault: the others go on
    assert [o.done for o in destination.advance([make_parcel(3), make_parcel(4)], soon(bench))] == [
        False,
        True,
    ]


def test_what_only_the_telephony_knows_goes_first_if_a_body_is_too_big(hooked, make_parcel, soon):
    bench, portal, destination = hooked
    assert destination.advance([make_parcel(1, raw={"x": "y" * 30_000})], soon(bench))[0].done
    assert "raw" not in portal.calls()[0]
    big = destination.advance([make_parcel(2, tags=("z" * 30_000,))], soon(bench))[0]
    assert (big.failure, big.code, big.sent) == (Failure.DATA, "too-big", False)
    assert len(portal.requests) == 1


def test_a_secret_that_is_none_is_told_and_nothing_is_sent(connect, address, make_parcel, soon):
    bench, portal = connect(WebhookPortal)
    account = Webhook(kind="webhook", url=f"{address}/calls", secret="whsec_ö")
    outcome = WebhookDestination(account, bench.around, bench.session).advance([make_parcel()], soon(bench))[
        0
    ]
    assert (outcome.failure, outcome.code) == (Failure.CONFIGURATION, "bad-secret")
    assert portal.requests == []


def test_without_a_secret_nothing_is_signed(connect, address, make_parcel, soon):
    bench, portal = connect(WebhookPortal)
    account = Webhook(kind="webhook", url=f"{address}/calls")
    outcome = WebhookDestination(account, bench.around, bench.session).advance([make_parcel()], soon(bench))[
        0
    ]
    assert outcome.failure is Failure.CONFIGURATION  # this receiver wants a signature
    assert "webhook-signature" not in portal.requests[0].headers
    assert json.loads(portal.requests[0].body)["data"]["call_id"] == "pbx-1"
