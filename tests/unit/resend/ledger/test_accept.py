"""Calls enter the ledger once, and what changes of them is sent, too."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest
from ledger_bench import DAY_S, LANE, Bench, call

from resend.ledger import hand, views
from resend.ledger.accept import BATCH, Accepted, accept
from resend.ledger.filter import Filter
from resend.ledger.offer import would_accept
from resend.model import State
from supportctl.core.failure import Failure

if TYPE_CHECKING:
    from supportctl.core.call import Call


def test_a_call_is_taken_once_for_each_destination(bench: Bench) -> None:
    calls = [call(1), call(2)]
    assert would_accept(bench.store, LANE, calls) == Accepted(2, 0, 0)
    assert bench.accept(*calls) == Accepted(2, 0, 0)
    assert bench.accept(*calls, call(3)) == Accepted(1, 2, 0)
    assert bench.accept(call(1), lane="other") == Accepted(1, 0, 0)
    assert bench.counts() == {"waiting": 3}
    assert bench.counts("other") == {"waiting": 1}
    first = bench.all(destination=LANE)[0]
    assert first.call == call(1)
    assert (first.next_attempt_at, first.deadline_at) == (bench.now, bench.now + DAY_S)


def test_two_systems_may_use_the_same_id(bench: Bench) -> None:
    assert bench.accept(call(1), call(1, source="other")).accepted == 2


def test_a_call_twice_in_one_batch_is_one_and_its_last_word_counts(bench: Bench) -> None:
    assert bench.accept(call(1), call(1, duration_s=99)) == Accepted(1, 1, 0)
    assert bench.one().call.duration_s == 99


def test_more_than_one_batch(bench: Bench) -> None:
    calls = [call(number) for number in range(BATCH + 10)]
    assert bench.accept(*calls, *calls[:5]) == Accepted(BATCH + 10, 5, 0)
    assert bench.counts() == {"waiting": BATCH + 10}


def test_what_cannot_be_written_plainly_comes_back_as_it_was(bench: Bench) -> None:
    odd = call(
        1, employee="Ёлкин 'и' \"Ко\"", tags=("a", "ё"), raw={"x": [1, None, "\U0001f4de"]}, wait_s=None
    )
    bench.accept(odd)
    assert bench.one().call == odd


def test_half_a_character_and_a_zero_byte_are_kept(bench: Bench) -> None:
    odd = call(1, employee="\ud83d", raw={"x": "a\0b", "\udcff": 1})
    bench.accept(odd)
    assert bench.one().call == odd
    assert bench.accept(odd).already_known == 1


def test_ask_first(bench: Bench) -> None:
    bench.accept(call(1), ask_first=True)
    found = bench.one()
    assert (found.state, found.attempts, found.next_attempt_at) == (State.VERIFYING, 0, bench.now)
    lease = bench.claim()
    assert bench.send(lease) == []
    bench.settle(lease, [found], State.WAITING, kind="lookup")
    assert [each.call_id for each in bench.send(lease)] == ["c-1"]


def test_ask_first_leaves_known_calls_alone(bench: Bench) -> None:
    bench.accept(call(1))
    assert bench.accept(call(1), ask_first=True) == Accepted(0, 1, 0)
    assert bench.one().state is State.WAITING


def _into(bench: Bench, state: State, attempts: int) -> None:
    """Bring the one delivery into a state."""
    if state in {State.WAITING, State.CANCELLED} and not attempts:
        if state is State.CANCELLED:
            hand.apply(bench.store, "cancel", Filter(), who="me", why="a test")
        return
    lease = bench.claim()
    sent = bench.send(lease)
    if state is not State.SENDING:
        failure = None if state is State.DELIVERED else Failure.RETRY
        bench.settle(lease, sent, state, failure)


RENEWED, KEPT = True, False


@pytest.mark.parametrize(
    ("before", "after", "day"),
    [
        (State.WAITING, State.WAITING, KEPT),
        (State.SENDING, State.SENDING, RENEWED),
        (State.VERIFYING, State.VERIFYING, RENEWED),
        (State.HELD, State.HELD, KEPT),
        (State.DELIVERED, State.WAITING, RENEWED),
        (State.ESCALATED, State.VERIFYING, RENEWED),
    ],
)
def test_a_changed_call_is_an_update(bench: Bench, before: State, after: State, day: bool) -> None:
    bench.accept(call(1))
    _into(bench, before, 1)
    was = bench.one()
    bench.clock.advance(3600)
    changed = call(1, recording_url="https://rec.example/1.mp3", age_s=61)
    assert would_accept(bench.store, LANE, [changed]) == Accepted(0, 0, 1)
    assert bench.accept(changed) == Accepted(0, 0, 1)
    assert bench.accept(changed) == Accepted(0, 1, 0)
    now_is = bench.one()
    assert (now_is.call, now_is.revision, now_is.state) == (changed, 1, after)
    assert now_is.deadline_at == was.deadline_at + (3600 if day else 0)
    assert now_is.next_attempt_at == (was.next_attempt_at if after is before else bench.now)
    assert views.timeline(bench.store, was.id)[-1].kind == "update"
    assert (now_is.step, now_is.facts, now_is.attempts) == (was.step, was.facts, was.attempts)


def test_an_escalated_call_that_was_never_tried_is_sent(bench: Bench) -> None:
    bench.accept(call(1))
    with bench.store.write() as connection:
        connection.exec_driver_sql("UPDATE deliveries SET state = 'escalated'")
        connection.exec_driver_sql("UPDATE lane_counts SET state = 'escalated'")
    bench.accept(call(1, duration_s=1))
    assert bench.one().state is State.WAITING


def test_what_was_cancelled_stays_so(bench: Bench) -> None:
    bench.accept(call(1))
    _into(bench, State.CANCELLED, 0)
    assert bench.accept(call(1, duration_s=1)) == Accepted(0, 1, 0)
    assert (bench.one().state, bench.one().revision) == (State.CANCELLED, 0)


def test_many_threads_offer_the_same_calls(bench: Bench) -> None:
    """Each is taken by one of them, whatever the order; with changes on the way nobody waits in a circle."""
    stores = [bench.open() for _ in range(3)]
    added: list[Accepted] = []
    failed: list[Exception] = []

    def offer(number: int) -> None:
        try:
            for turn in range(6):
                calls = [call(each, duration_s=turn * 10 + number) for each in range(60)]
                added.append(accept(stores[number], LANE, calls[::-1] if number % 2 else calls, DAY_S))
        except Exception as error:  # noqa: BLE001  whatever it is, the test is to fail with it
            failed.append(error)

    threads = [threading.Thread(target=offer, args=(number,)) for number in range(3)]
    lease = bench.claim() if bench.accept(call(0)) else None
    for thread in threads:
        thread.start()
    assert lease is not None
    while any(thread.is_alive() for thread in threads):
        sent = bench.send(lease)
        bench.settle(lease, sent)
        threads[0].join(0.01)
    for thread in threads:
        thread.join()
    assert failed == []
    assert sum(each.accepted for each in added) == 59
    bench.settle(lease, bench.send(lease, most=100))
    assert set(bench.states().values()) == {State.DELIVERED}
    sent_last: dict[str, Call] = {each.call_id: each.call for each in bench.all()}
    assert len(sent_last) == 60
