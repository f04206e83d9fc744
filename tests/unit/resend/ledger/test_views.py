"""What people look at: against a plain reading of all rows, whatever is asked."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest
from ledger_bench import LANE, Bench, call

from resend.ledger import audit, views
from resend.ledger.filter import Filter
from resend.ledger.views import Total
from resend.model import State
from supportctl.core.failure import Failure

if TYPE_CHECKING:
    from resend.model import Delivery

SEED = 20261122


@pytest.fixture
def many(bench: Bench) -> list[Delivery]:
    """Deliveries in every state, in three lanes, from two sources, with some errors."""
    chance = random.Random(SEED)
    numbers = iter(range(1000))
    for lane in ("a", "b", "c"):
        for source in ("pbx", "csv"):
            calls = [call(next(numbers), source=source, age_s=chance.randrange(40) * 10.0) for _ in range(20)]
            bench.accept(*calls, lane=lane)
        lease = bench.claim(lane=lane)
        for each in bench.send(lease, most=30):
            state = chance.choice(list(State))
            if state is not State.SENDING:
                failure = None if state is State.DELIVERED else chance.choice(list(Failure))
                bench.settle(lease, [each], state, failure)
    with bench.store.write() as connection:
        connection.exec_driver_sql("UPDATE deliveries SET fingerprint = 'abc' WHERE state = 'escalated'")
    return bench.all()


def _meant(each: Delivery, wanted: Filter) -> bool:
    started = each.call.started_at.timestamp()
    return (
        (not wanted.ids or each.id in wanted.ids)
        and wanted.destination in {None, each.destination}
        and (not wanted.states or each.state in wanted.states)
        and wanted.source in {None, each.source}
        and wanted.call_id in {None, each.call_id}
        and (wanted.since is None or started >= wanted.since)
        and (wanted.until is None or started < wanted.until)
        and (not wanted.error or each.error_code.startswith(wanted.error))
        and (not wanted.fingerprint or each.fingerprint == wanted.fingerprint)
    )


@pytest.mark.parametrize("walked", [0, 10**6])
def test_every_filter_finds_what_is_meant(
    bench: Bench, many: list[Delivery], walked: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(views, "_WALKED", walked)
    chance = random.Random(SEED)

    def maybe(*values: object) -> object:
        return chance.choice([None, None, *values])

    for _ in range(70):
        wanted = Filter(
            ids=chance.choice([(), (), (), (1, 5, 9, 77, 4711)]),
            destination=maybe("a", "b", "nobody"),  # type: ignore[arg-type]
            states=tuple(chance.sample(list(State), chance.choice([0, 0, 1, 2, 7]))),
            source=maybe("pbx"),  # type: ignore[arg-type]
            call_id=chance.choice([None, None, None, "c-7"]),
            since=maybe(bench.now - 200),  # type: ignore[arg-type]
            until=maybe(bench.now - 100),  # type: ignore[arg-type]
            error=maybe("said-", "said-re", "_"),  # type: ignore[arg-type]
            fingerprint=chance.choice([None, None, None, "abc", "nix"]),
        )
        limit, offset = chance.choice([(5, 0), (50, 0), (7, 13), (1000, 0)])
        expected = sorted(
            (each for each in many if _meant(each, wanted)),
            key=lambda each: (each.call.started_at, each.id),
            reverse=True,
        )
        total, found = views.deliveries(bench.store, wanted, limit, offset)
        assert (total, found) == (len(expected), expected[offset : offset + limit]), wanted
        assert not total.more


def test_a_total_has_an_end(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(views, "COUNTED", 10)
    bench.accept(*(call(number) for number in range(12)))
    total, _ = views.deliveries(bench.store, Filter(source="pbx"), 1)
    assert (total, total.more, str(total), f"{total}", f"{total:>5}") == (10, True, "10+", "10+", "  10+")
    total, _ = views.deliveries(bench.store, Filter(destination=LANE), 1)
    assert (total, total.more, str(total), f"{total:>5}") == (12, False, "12", "   12")
    assert Total(3) + 1 == 4


def test_lanes(bench: Bench) -> None:
    bench.accept(call(1), lane="b")
    bench.clock.advance(100)
    bench.accept(call(2), lane="b")
    bench.accept(call(1), lane="a", ask_first=True)
    bench.accept(call(1), lane="done")
    lease = bench.claim(lane="done")
    bench.settle(lease, bench.send(lease))
    first, second, done = views.lane_views(bench.store)
    assert [each.destination for each in (first, second, done)] == ["a", "b", "done"]
    assert (second.oldest_at, second.next_attempt_at) == (bench.now - 100, bench.now - 100)
    assert second.nearest_deadline_at == bench.now - 100 + 86400
    assert (first.pending, second.pending, done.pending) == (1, 2, 0)
    assert (first.next_attempt_at, done.oldest_at, done.next_attempt_at) == (bench.now, None, None)
    assert (done.forecast_s, second.forecast_s) == (0.0, None)
    assert views.lane_views(bench.store, "b") == [second]
    assert views.lane_views(bench.store, "nobody") == []


def test_a_ledger_that_does_not_agree_with_itself_is_found_out(bench: Bench) -> None:
    bench.accept(call(1), call(2))
    bench.send(bench.claim(), most=1)
    bench.sound()
    with bench.store.write() as connection:
        connection.exec_driver_sql("UPDATE deliveries SET token = 99 WHERE state = 'sending'")
        connection.exec_driver_sql("UPDATE deliveries SET destination = 'lost' WHERE state = 'waiting'")
    assert set(audit.verify(bench.store)) == {
        audit.Disagreement(LANE, "waiting", 1, 0),
        audit.Disagreement("lost", "waiting", 0, 1),
        audit.Disagreement("lost", "no-lane", 0, 1),
        audit.Disagreement(LANE, "token", 1, 1),
    }
    with bench.store.write() as connection:  # the end of the test looks, too
        connection.exec_driver_sql(f"UPDATE deliveries SET destination = '{LANE}', token = 1")
